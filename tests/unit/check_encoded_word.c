/* SPDX-License-Identifier: Apache-2.0 */
/* Encoded-words, well-formed and otherwise. */
#include "policy/mail/encoded_word.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

static const struct {
	const char *text, *expected;
} rows[] = {
	{"", ""},
	{"plain = text ?=", "plain = text ?="},
	{"=?utf-8?Q?caf=C3=A9?=", "caf\xc3\xa9"},
	{"=?UTF-8?b?Y2Fmw6k=?=", "caf\xc3\xa9"},
	{"=?utf-8*de?q?a_b?=", "a b"},
	{"=?iso-8859-1?q?=E9?= =?iso-8859-1?q?=e9?=", "\xc3\xa9\xc3\xa9"},
	{"=?windows-1252?Q?=80?=", "\xe2\x82\xac"},
	{"=?koi8-r?B?8NLJ18XU?=", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"},
	{"=?iso-2022-jp?B?GyRCJCIbKEI=?=", "\xe3\x81\x82"},
	/* Blanks between two words do not count, those beside other text do. */
	{"=?utf-8?q?a?=   =?utf-8?q?b?= c", "ab c"},
	{"a =?utf-8?q?b?=", "a b"},
	/* One character in two words, as some programs split it. */
	{"=?utf-8?B?w6?= =?utf-8?Q?x?=", "?x"},
	{"=?utf-8?Q?=C3?= =?utf-8?Q?=A9?=", "\xc3\xa9"},
	/* Between letters and in quotation marks, as readers take it. */
	{"\"=?utf-8?q?b?=\"", "\"b\""},
	{"a=?utf-8?q?b?=c", "abc"},
	/* What is none stays. */
	{"=?utf-8?x?b?=", "=?utf-8?x?b?="},
	{"=?utf-8?q?b", "=?utf-8?q?b"},
	{"=?utf-8?q?b c?=", "=?utf-8?q?b c?="},
	{"=?no-such?q?b?=", "=?no-such?q?b?="},
	{"=?utf-8//TRANSLIT?q?b?=", "=?utf-8//TRANSLIT?q?b?="},
	{"=?../../x?q?b?=", "=?../../x?q?b?="},
	{"=??q?b?=", "=??q?b?="},
	{"=?", "=?"},
	{"=?=?=?", "=?=?=?"},
	/* What is inside is made safe. */
	{"=?utf-8?q?a=00b=0D=0Ac=1B=7F?=", "a?b??c??"},
	{"=?utf-8?q?=FF=C3?=", "??"},
	{"=?us-ascii?q?=E9x?=", "?x"},
	{"=?utf-8?q?=4?=", "=4"},
	{"=?utf-8?q?=zz=?=", "=zz="},
	{"=?utf-8?b?****?=", ""},
	{"tab\tand \xff", "tab and ?"},
};

START_TEST(decodes)
{
	char *text = encoded_word_decode(NULL, slice_of(rows[_i].text));

	ck_assert_str_eq(text, rows[_i].expected);
	talloc_free(text);
}
END_TEST

static const struct {
	const char *text, *expected;
	unsigned seen;
} prepared[] = {
	{"plain", "plain", 0},
	{"=?koi8-r?B?8NLJ18XU?= x", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 x", 0},
	{"=?utf-16?B?AGEALgBlAHgAZQ==?=", "a.exe", CHARSET_UTF16},
	{"=?utf-7?q?+AGEALg-exe?=", "a.exe", CHARSET_UTF7},
	{"=?no-such?q?b?=", "=?no-such?q?b?=", 0},
	{"=?euc-nosuch?q?=E9?=", "\xc3\xa9", CHARSET_UNKNOWN},
};

START_TEST(decodes_with_prepared_charsets)
{
	struct charset_set *set = charset_prepare(NULL);
	unsigned seen = 0;
	char *text = encoded_word_decode_prepared(set, set, slice_of(prepared[_i].text), &seen);

	ck_assert_str_eq(text, prepared[_i].expected);
	ck_assert_uint_eq(seen, prepared[_i].seen);
	talloc_free(set);
}
END_TEST

/* However often the charset changes, and whatever is left open. */
START_TEST(is_bounded)
{
	static const char *const pieces[] = {"=?utf-8?q?a?= =?iso-8859-1?q?=E9?= ", "=?utf-8?q?",
		"=?", "=?utf-8?q?a?= ", "=?gb18030?b?gTCBMA?="};

	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		char *text = talloc_strdup(NULL, "");
		for (int k = 0; k < 5000; k++)
			text = talloc_strdup_append_buffer(text, pieces[i]);
		char *decoded = encoded_word_decode(text, slice_of(text));
		ck_assert_uint_le(strlen(decoded), strlen(text));
		talloc_free(text);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("encoded_word");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(all, decodes, 0, (int)(sizeof rows / sizeof *rows));
	tcase_add_loop_test(
		all, decodes_with_prepared_charsets, 0, (int)(sizeof prepared / sizeof *prepared));
	tcase_add_test(all, is_bounded);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
