/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of texts in which they are compared. */
#include "rules/fold.h"

#include "base/utf8.h"
#include "rules/fold_table.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

typedef struct slice (*fold_fn)(const void *parent, struct slice text);

static const struct {
	fold_fn fold;
	const char *text, *folded;
} rows[] = {
	{fold_text, "", ""},
	{fold_text, "ABC xyz 09", "abc xyz 09"},
	{fold_text, "ÄÖÜ ẞß", "äöü ssss"},
	{fold_text, "ΑΣς", "ασσ"},
	{fold_text, "Ⓐ①Ａ𝔸", "a1aa"},
	{fold_text,
		"a\xc2\xa0"
		"b",
		"a b"},
	{fold_text,
		"a\xc2\xad\xe2\x80\x8b"
		"b",
		"ab"},
	{fold_text, "ﬃ", "ffi"},
	{fold_text, "\xff\xc3", "\xff\xc3"},
	{fold_text, "A\xffZ", "a\xffz"},
	{fold_text, "İıK", "İık"},
	{fold_name, "", ""},
	{fold_name, "  Anna\t \nO'Neil ", "anna onell"},
	{fold_name, "\"Anna\"", "anna"},
	{fold_name, "раураl", "paypal"},
	{fold_name, "PAYPAL", "paypal"},
	{fold_name, "Mia", "rnla"},
	{fold_name, "éèê", "eee"},
	{fold_name, "e\xcc\x81", "e"},
	{fold_name, "Wolf", "vvolf"},
	{fold_name, "B0B", "bob"},
	{fold_name, "\xff A", "\xff a"},
	{fold_name, "山田", "山田"},
	{fold_domain, "Example.COM", "example.com"},
	{fold_domain, "example.com.", "example.com"},
	{fold_domain, "BÜCHER.example", "xn--bcher-kva.example"},
	{fold_domain, "", ""},
	{fold_domain, ".", "."},
	{fold_domain, "\xff", "\xff"},
	{fold_address, "Joe.User@Example.COM", "joe.user@example.com"},
	{fold_address, "\"a@b\"@Bücher.example", "\"a@b\"@xn--bcher-kva.example"},
	{fold_address, "POSTMASTER", "postmaster"},
	{fold_address, "", ""},
};

START_TEST(folds)
{
	struct slice folded = rows[_i].fold(NULL, slice_of(rows[_i].text));

	ck_assert_str_eq(folded.data, rows[_i].folded);
	ck_assert_uint_eq(folded.size, strlen(rows[_i].folded));
	talloc_free((char *)folded.data);
}
END_TEST

START_TEST(is_the_same_folded_again)
{
	struct slice once = rows[_i].fold(NULL, slice_of(rows[_i].text));
	struct slice twice = rows[_i].fold(NULL, once);

	ck_assert_str_eq(once.data, twice.data);
	talloc_free((char *)once.data);
	talloc_free((char *)twice.data);
}
END_TEST

static size_t encode(char *at, uint32_t c)
{
	const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = length; i-- > 0; c >>= 6)
		at[i] = (char)(i ? 0x80 | (c & 0x3f) : marks[length] | c);
	return length;
}

/* What is found in the folded form of two texts together is that of each. */
START_TEST(folds_characters_one_by_one)
{
	for (uint32_t c = 1; c < 0x110000; c++) {
		char text[10] = "A";
		size_t length = encode(text + 1, c);
		struct slice one, both;

		if (c >= 0xd800 && c < 0xe000)
			continue;
		text[1 + length] = 'Z';
		one = fold_text(NULL, slice_make(text + 1, length));
		both = fold_text(NULL, slice_make(text, length + 2));
		/* An assertion each would take minutes. */
		if (both.size != one.size + 2 || both.data[0] != 'a' ||
			both.data[both.size - 1] != 'z' ||
			memcmp(both.data + 1, one.data, one.size) != 0 || !utf8_is_valid(one))
			ck_abort_msg("U+%04X", c);
		talloc_free((char *)one.data);
		talloc_free((char *)both.data);
	}
}
END_TEST

START_TEST(has_sorted_tables)
{
	for (size_t i = 1; i < fold_table_ranges_count; i++)
		ck_assert(fold_table_ranges[i - 1].first < fold_table_ranges[i].first);
	for (size_t i = 1; i < fold_table_invisible_count; i++)
		ck_assert(fold_table_invisible[i - 1].last < fold_table_invisible[i].first);
	for (size_t i = 1; i < fold_table_marks_count; i++)
		ck_assert(fold_table_marks[i - 1].last < fold_table_marks[i].first);
	for (size_t i = 1; i < fold_table_look_alikes_count; i++)
		ck_assert(fold_table_look_alikes[i - 1].character <
			fold_table_look_alikes[i].character);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fold");
	TCase *cases = tcase_create("fold");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, folds, 0, COUNT(rows));
	tcase_add_loop_test(cases, is_the_same_folded_again, 0, COUNT(rows));
	tcase_add_test(cases, folds_characters_one_by_one);
	tcase_add_test(cases, has_sorted_tables);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
