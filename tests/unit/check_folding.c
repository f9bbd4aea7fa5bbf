/* SPDX-License-Identifier: Apache-2.0 */
/* Fields as we print them. */
#include "policy/mail/folding.h"
#include "policy/mail/header.h"

#include "base/utf8.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define TEN "aaaaaaaaa "
#define FIFTY TEN TEN TEN TEN TEN
#define WORD "aaaaaaaaaa"
#define LONG WORD WORD WORD WORD WORD WORD WORD WORD /* 80 */

static void *scratch;

static void set_up(void)
{
	scratch = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

static const struct {
	const char *name;
	bool valid;
} names[] = {
	{"X", true},
	{"X-Spam", true},
	{"x!#$%&'*+", true},
	{"", false},
	{"X:", false},
	{"X Y", false},
	{"X\r\nY", false},
	{"\xc3\xa9", false},
	{"\x7f", false},
	{".x", true},
	{"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggghhhhhh", true},
	{"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggghhhhhhi", false},
};

START_TEST(knows_names)
{
	ck_assert(folding_is_name(slice_of(names[_i].name)) == names[_i].valid);
}
END_TEST

static const struct {
	const char *value, *field;
} texts[] = {
	{"y", "X: y\r\n"},
	{"", "X:\r\n"},
	{"  ", "X:\r\n"},
	{"  a  b  ", "X: a  b\r\n"},
	{"a\tb", "X: a b\r\n"},
	{FIFTY TEN "bbbbbbbbbbbbb c", "X: " FIFTY "aaaaaaaaa bbbbbbbbbbbbb c\r\n"},
	{FIFTY TEN "bbbbbbbbbbbbbbb c", "X: " FIFTY "aaaaaaaaa bbbbbbbbbbbbbbb\r\n c\r\n"},
	{FIFTY FIFTY "a", "X: " FIFTY TEN "aaaaaaaaa\r\n " TEN TEN "aaaaaaaaa a\r\n"},
	{LONG, "X:\r\n " LONG "\r\n"},
	{"a " LONG " b", "X: a\r\n " LONG "\r\n b\r\n"},
	/* nothing breaks out */
	{"a\r\nBcc: b", "X: a  Bcc: b\r\n"},
	{"a\r\n\r\nbody", "X: a    body\r\n"},
	{"a\n b", "X: a  b\r\n"},
	{"\r\na", "X: a\r\n"},
	{"\x1b[2J", "X: [2J\r\n"},
	/* RFC 2047 */
	{"J\xc3\xb6rg", "X: =?UTF-8?Q?J=C3=B6rg?=\r\n"},
	{"a J\xc3\xb6rg b", "X: a =?UTF-8?Q?J=C3=B6rg?= b\r\n"},
	{"J\xc3\xb6rg  b \xc3\xa4", "X: =?UTF-8?Q?J=C3=B6rg__b_=C3=A4?=\r\n"},
	{"\xc3\xa4 ", "X: =?UTF-8?Q?=C3=A4_?=\r\n"},
	{"\xc3\xa4 b ", "X: =?UTF-8?Q?=C3=A4?= b\r\n"},
	{"bad \xff", "X: bad ?\r\n"},
	{"=?utf-8?q?x?=", "X: =?UTF-8?Q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=\r\n"},
	{"\xc3\xa9=_?\"", "X: =?UTF-8?Q?=C3=A9=3D=5F=3F=22?=\r\n"},
	{"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2"
	 "\x82"
	 "\xac",
		"X: =?UTF-8?Q?=E2=82=AC=E2=82=AC=E2=82=AC=E2=82=AC=E2=82=AC=E2=82=AC=E2=82=AC?=\r\n"
		" =?UTF-8?Q?=E2=82=AC?=\r\n"},
};

START_TEST(prints_texts)
{
	ck_assert_str_eq(folding_print(scratch, "X", slice_of(texts[_i].value)), texts[_i].field);
}
END_TEST

START_TEST(prints_nul)
{
	ck_assert_str_eq(folding_print(scratch, "X", slice_make("a\0b", 3)), "X: a b\r\n");
	ck_assert_str_eq(folding_print_verbatim(scratch, "X", slice_make("a\0b", 3)), "X: ab\r\n");
	ck_assert_str_eq(
		folding_print_verbatim(scratch, "X", slice_make("a\n\0\nb", 5)), "X: a\r\n\tb\r\n");
}
END_TEST

static const struct {
	const char *value, *field;
} verbatim[] = {
	{"y", "X: y\r\n"},
	{" y", "X: y\r\n"},
	{"  y ", "X:  y \r\n"},
	{"\ty", "X:\ty\r\n"},
	{"", "X:\r\n"},
	{"a\r\n b", "X: a\r\n b\r\n"},
	{"a\n\tb", "X: a\r\n\tb\r\n"},
	{"a\nb", "X: a\r\n\tb\r\n"},
	{"a\rBcc: b", "X: a\r\n\tBcc: b\r\n"},
	{"a\r\n\r\nbody", "X: a\r\n\tbody\r\n"},
	{"a\r\n \r\n b", "X: a\r\n b\r\n"},
	{"\r\n a", "X:\r\n a\r\n"},
	{"a\r\n", "X: a\r\n"},
	{"a\n\n\n", "X: a\r\n"},
	{LONG " " LONG, "X: " LONG " " LONG "\r\n"},
	{"\xff", "X: \xff\r\n"},
};

START_TEST(prints_verbatim)
{
	ck_assert_str_eq(folding_print_verbatim(scratch, "X", slice_of(verbatim[_i].value)),
		verbatim[_i].field);
}
END_TEST

/* --- properties --- */

/* One field, no line too long, none empty. */
static void is_one_field(const char *text)
{
	struct header *header = header_parse(scratch, slice_of(text));
	struct slice rest = slice_of(text);

	ck_assert_uint_eq(header->count, 1);
	ck_assert_uint_eq(header->size, strlen(text));
	while (rest.size) {
		struct slice line = slice_cut(&rest, '\n');
		ck_assert_uint_le(line.size, FOLDING_MAXIMUM + 1);
		ck_assert_uint_gt(slice_trim(line).size, 1);
	}
}

static char value_of_hex(char c)
{
	return (char)(c <= '9' ? c - '0' : c - 'A' + 10);
}

/* Decodes what folding_print() has written: the encoded-words, and the blanks between two of them gone. */
static char *decoded(const char *field)
{
	char *text = header_unfold(scratch, slice_from(slice_of(field), 2)), *out, *at;
	bool was_encoded = false;

	out = at = talloc_zero_size(scratch, strlen(text) + 1);
	while (*text) {
		if (strncmp(text, "=?UTF-8?Q?", 10) == 0) {
			char *begin = at;
			for (text += 10; *text != '?'; text++) {
				if (*text == '=') {
					*at++ = (char)(value_of_hex(text[1]) << 4 |
						value_of_hex(text[2]));
					text += 2;
				} else {
					*at++ = *text == '_' ? ' ' : *text;
				}
			}
			ck_assert(utf8_is_valid(slice_make(begin, (size_t)(at - begin))));
			text += 2;
			was_encoded = true;
		} else if (was_encoded && strncmp(text, " =?", 3) == 0) {
			text++;
		} else {
			*at++ = *text++;
			was_encoded = false;
		}
	}
	return out;
}

/* Pieces of all sorts, put together in all sorts of ways. */
static const char *const pieces[] = {"a", " ", "\xc3\xa4", "\xf0\x9f\x98\x80", "word", "=?", "_",
	LONG, "\xe2\x82\xac\xe2\x82\xac", "  ", "?="};

START_TEST(loses_nothing)
{
	unsigned state = (unsigned)_i + 1;
	char *value = talloc_strdup(scratch, "x");

	for (int i = 0; i < 40; i++) {
		state = state * 1103515245 + 12345;
		value = talloc_asprintf_append(
			value, "%s", pieces[(state >> 16) % (unsigned)COUNT(pieces)]);
	}
	value = talloc_asprintf_append(value, "y");
	const char *field = folding_print(scratch, "X", slice_of(value));
	is_one_field(field);
	ck_assert_str_eq(decoded(field), value);
}
END_TEST

START_TEST(keeps_to_the_limit_of_lines)
{
	size_t size = 60000;
	char *value = talloc_zero_size(scratch, size + 1);

	for (unsigned fill = 0; fill < 3; fill++) {
		memset(value, "a \xff"[fill], size);
		value[0] = value[size - 1] = 'b';
		const char *field = folding_print(scratch, "X", slice_of(value));
		is_one_field(field);
		if (fill < 2)
			ck_assert_str_eq(decoded(field), value);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("folding");
	TCase *cases = tcase_create("folding");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, knows_names, 0, COUNT(names));
	tcase_add_loop_test(cases, prints_texts, 0, COUNT(texts));
	tcase_add_test(cases, prints_nul);
	tcase_add_loop_test(cases, prints_verbatim, 0, COUNT(verbatim));
	tcase_add_loop_test(cases, loses_nothing, 0, 200);
	tcase_add_test(cases, keeps_to_the_limit_of_lines);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
