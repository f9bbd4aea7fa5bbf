/* SPDX-License-Identifier: Apache-2.0 */
/* Charsets to UTF-8. */
#include "policy/mail/charset.h"

#include "base/utf8.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define TEXT(text) text, sizeof(text) - 1

static const struct {
	const char *charset, *text;
	size_t size;
	const char *expected;
	unsigned seen;
} rows[] = {
	{NULL, TEXT("plain"), "plain", 0},
	{NULL, TEXT("\xc3\xa9"), "\xc3\xa9", 0},
	{NULL, TEXT("\xe9"), "\xc3\xa9", 0},
	{"us-ascii", TEXT("\x93q\x94"), "\xe2\x80\x9cq\xe2\x80\x9d", 0},
	{"UTF-8", TEXT("a\xff\xc3\xa9"), "a\xef\xbf\xbd\xc3\xa9", 0},
	{"utf_8", TEXT("\xef\xbb\xbfx"), "x", 0},
	{"iso-8859-1", TEXT("\xe4\x80"), "\xc3\xa4\xe2\x82\xac", 0},
	{"ISO-8859-15", TEXT("\xa4"), "\xe2\x82\xac", 0},
	{"windows-1252", TEXT("\x80"), "\xe2\x82\xac", 0},
	{"windows-1251", TEXT("\xcf\xf0"), "\xd0\x9f\xd1\x80", 0},
	{"koi8-r", TEXT("\xf0\xf2"), "\xd0\x9f\xd0\xa0", 0},
	{"iso-2022-jp", TEXT("\x1b$B$\"\x1b(B"), "\xe3\x81\x82", 0},
	{"shift_jis", TEXT("\x82\xa0"), "\xe3\x81\x82", 0},
	{"gb2312", TEXT("\xd6\xd0"), "\xe4\xb8\xad", 0},
	{"big5", TEXT("\xa4\xa4"), "\xe4\xb8\xad", 0},
	{"euc-kr", TEXT("\xc7\xd1"), "\xed\x95\x9c", 0},
	{"shift_jis", TEXT("\x82"), "\xef\xbf\xbd", 0},
	{"utf-7", TEXT("a+AOk-b +- +2D3eAA-"),
		"a\xc3\xa9"
		"b + \xf0\x9f\x98\x80",
		CHARSET_UTF7},
	{"UTF-7", TEXT("+ADw-script+AD4"), "<script>", CHARSET_UTF7},
	{"utf-16", TEXT("\xff\xfe<\0b\0"), "<b", CHARSET_UTF16},
	{"utf-16", TEXT("\0<\0b"), "<b", CHARSET_UTF16},
	{"utf-16", TEXT("<\0b\0"), "<b", CHARSET_UTF16},
	{"utf-16be", TEXT("\xd8\x3d\xde\x00"), "\xf0\x9f\x98\x80", CHARSET_UTF16},
	{"utf-16le", TEXT("a\0\x3d\xd8z"), "a\xef\xbf\xbd", CHARSET_UTF16},
	{"utf-32be", TEXT("\0\0\0a"), "a", CHARSET_UTF16},
	{"x-nobody-knows", TEXT("\xe9"), "\xc3\xa9", CHARSET_UNKNOWN},
	{"../../etc", TEXT("x"), "x", CHARSET_UNKNOWN},
	{"utf-8//translit", TEXT("x"), "x", CHARSET_UNKNOWN},
};

START_TEST(decodes)
{
	struct charset_set *set = charset_prepare(NULL);
	unsigned seen = 0;
	struct slice text = charset_decode(
		set, set, rows[_i].charset, slice_make(rows[_i].text, rows[_i].size), &seen);

	ck_assert_str_eq(slice_keep(set, text), rows[_i].expected);
	ck_assert_uint_eq(seen, rows[_i].seen);
	talloc_free(set);
}
END_TEST

START_TEST(prepares_most)
{
	struct charset_set *set = charset_prepare(NULL);

	ck_assert_uint_ge(charset_count(set), 40);
	talloc_free(set);
}
END_TEST

/* Without descriptors: what iconv would read is noted and still text. */
START_TEST(does_without)
{
	unsigned seen = 0;
	void *scratch = talloc_new(NULL);

	ck_assert(utf8_is_valid(
		charset_decode(scratch, NULL, "koi8-r", slice_of("\xf0\xf2"), &seen)));
	ck_assert_uint_eq(seen, CHARSET_UNKNOWN);
	talloc_free(scratch);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("charset");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(all, decodes, 0, (int)(sizeof rows / sizeof *rows));
	tcase_add_test(all, prepares_most);
	tcase_add_test(all, does_without);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
