/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed views: comparing, searching, cutting, numbers. */
#include "base/slice.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define BYTES(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static bool same(struct slice a, struct slice b)
{
	return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static const struct {
	struct slice s;
	const char *text;
	bool equals, equals_nocase, starts_nocase;
} comparisons[] = {
	{BYTES("abc"), "abc", true, true, true},
	{BYTES("aBc"), "AbC", false, true, true},
	{BYTES("abcd"), "ABC", false, false, true},
	{BYTES("ab"), "abc", false, false, false},
	{BYTES(""), "", true, true, true},
	{BYTES("abc"), "", false, false, true},
	{BYTES("a\0c"), "a", false, false, true},
	{BYTES("[abc"), "{ABC", false, false,
		false}, /* a letter's neighbours in ASCII do not fold */
	{BYTES("\xc3\xa4"), "\xc3\x84", false, false, false},
};

START_TEST(compares)
{
	ck_assert(slice_equals(comparisons[_i].s, comparisons[_i].text) == comparisons[_i].equals);
	ck_assert(slice_equals_nocase(comparisons[_i].s, comparisons[_i].text) ==
		comparisons[_i].equals_nocase);
	ck_assert(slice_starts_nocase(comparisons[_i].s, comparisons[_i].text) ==
		comparisons[_i].starts_nocase);
}
END_TEST

static const struct {
	struct slice s;
	char byte;
	size_t at;
} finds[] = {
	{BYTES("a.b.c"), '.', 1},
	{BYTES("abc"), 'c', 2},
	{BYTES("abc"), 'd', SIZE_MAX},
	{BYTES("a\0c"), 'c', 2},
	{BYTES("a\0c"), '\0', 1},
	{BYTES(""), '\0', SIZE_MAX},
	{{NULL, 0}, 'x', SIZE_MAX},
};

START_TEST(finds_a_byte)
{
	ck_assert_uint_eq(slice_find(finds[_i].s, finds[_i].byte), finds[_i].at);
}
END_TEST

static const struct {
	struct slice s, piece, rest;
} cuts[] = {
	{BYTES("a,b,c"), BYTES("a"), BYTES("b,c")},
	{BYTES(",b"), BYTES(""), BYTES("b")},
	{BYTES("a,"), BYTES("a"), BYTES("")},
	{BYTES("abc"), BYTES("abc"), BYTES("")},
	{BYTES(""), BYTES(""), BYTES("")},
};

START_TEST(cuts_pieces)
{
	struct slice rest = cuts[_i].s;
	struct slice piece = slice_cut(&rest, ',');

	ck_assert(same(piece, cuts[_i].piece));
	ck_assert(same(rest, cuts[_i].rest));
}
END_TEST

static const struct {
	struct slice s, trimmed;
} trims[] = {
	{BYTES("  a b\t"), BYTES("a b")}, {BYTES("a"), BYTES("a")}, {BYTES(" \t "), BYTES("")},
	{BYTES(""), BYTES("")}, {BYTES("\ra\n"), BYTES("\ra\n")}, /* line ends are not blanks */
};

START_TEST(trims_blanks)
{
	ck_assert(same(slice_trim(trims[_i].s), trims[_i].trimmed));
}
END_TEST

static const struct {
	struct slice s;
	bool good;
	uint64_t number;
} numbers[] = {
	{BYTES("0"), true, 0},
	{BYTES("007"), true, 7},
	{BYTES("18446744073709551615"), true, UINT64_MAX},
	{BYTES("18446744073709551616"), false, 0},
	{BYTES("99999999999999999999999"), false, 0},
	{BYTES(""), false, 0},
	{BYTES("-1"), false, 0},
	{BYTES("+1"), false, 0},
	{BYTES("1 "), false, 0},
	{BYTES("1\0"), false, 0},
	{BYTES("0x10"), false, 0},
};

START_TEST(reads_numbers)
{
	uint64_t number = 0;

	ck_assert(slice_to_number(numbers[_i].s, &number) == numbers[_i].good);
	if (numbers[_i].good)
		ck_assert_uint_eq(number, numbers[_i].number);
}
END_TEST

static const struct {
	struct slice s;
	bool good;
} encodings[] = {
	{BYTES(""), true},
	{BYTES("AAAA"), true},
	{BYTES("+/09azAZ"), true},
	{BYTES("AAA="), true},
	{BYTES("AA=="), true},
	/* CVE-2018-6789: lengths that are none */
	{BYTES("A"), false},
	{BYTES("AA"), false},
	{BYTES("AAA"), false},
	{BYTES("AAAAA"), false},
	{BYTES("="), false},
	{BYTES("A==="), false},
	{BYTES("===="), false},
	{BYTES("AA=A"), false},
	{BYTES("A=AA"), false},
	{BYTES("AA==AAAA"), false},
	{BYTES("AAA*"), false},
	{BYTES("AA A"), false},
	{BYTES("AAA\0"), false},
	{BYTES("AAA\xff"), false},
};

START_TEST(knows_base64)
{
	ck_assert(slice_is_base64(encodings[_i].s) == encodings[_i].good);
}
END_TEST

START_TEST(reads_hexadecimal_digits)
{
	static const char digits[] = "0123456789abcdefABCDEF", others[] = "/:@G`gx \xff";

	for (int i = 0; digits[i]; i++)
		ck_assert_int_eq(slice_hex_digit(digits[i]), i < 16 ? i : i - 6);
	for (int i = 0; i < (int)sizeof others; i++)
		ck_assert_int_eq(slice_hex_digit(others[i]), -1);
}
END_TEST

START_TEST(keeps_a_copy)
{
	char original[] = "a\0b";
	char *copy = slice_keep(NULL, slice_make(original, 3));
	char *empty = slice_keep(copy, slice_of(NULL));

	original[0] = 'x';
	ck_assert_mem_eq(copy, "a\0b", 4);
	ck_assert_str_eq(empty, "");
	talloc_free(copy);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("slice");
	TCase *cases = tcase_create("slice");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, compares, 0, COUNT(comparisons));
	tcase_add_loop_test(cases, finds_a_byte, 0, COUNT(finds));
	tcase_add_loop_test(cases, cuts_pieces, 0, COUNT(cuts));
	tcase_add_loop_test(cases, trims_blanks, 0, COUNT(trims));
	tcase_add_loop_test(cases, reads_numbers, 0, COUNT(numbers));
	tcase_add_loop_test(cases, knows_base64, 0, COUNT(encodings));
	tcase_add_test(cases, reads_hexadecimal_digits);
	tcase_add_test(cases, keeps_a_copy);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
