/* SPDX-License-Identifier: Apache-2.0 */
/* What is a character, and texts made safe. */
#include "base/utf8.h"

#include <check.h>
#include <stdlib.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

/* The length of the character at the front; 0: none. The borders of RFC 3629 §4. */
static const struct {
	const char *text;
	size_t length;
} characters[] = {
	{"", 0},
	{"a", 1},
	{"\x7f", 1},
	{"\x80", 0},
	{"\xc1\xbf", 0},
	{"\xc2\x80", 2},
	/* CVE-2026-40686: characters that are cut off */
	{"\xc2", 0},
	{"\xdf\xbf", 2},
	{"\xc2\x7f", 0},
	{"\xe0\x9f\xbf", 0},
	{"\xe0\xa0\x80", 3},
	{"\xe2\x82\xac", 3},
	{"\xe2\x82", 0},
	{"\xed\x9f\xbf", 3},
	{"\xed\xa0\x80", 0},
	{"\xef\xbf\xbf", 3},
	{"\xf0\x8f\xbf\xbf", 0},
	{"\xf0\x90\x80\x80", 4},
	{"\xf0\x90\x80", 0},
	{"\xf4\x8f\xbf\xbf", 4},
	{"\xf4\x90\x80\x80", 0},
	{"\xf5\x80\x80\x80", 0},
	{"\xff", 0},
};

START_TEST(knows_characters)
{
	struct slice text = slice_of(characters[_i].text);

	ck_assert_uint_eq(utf8_length(text), characters[_i].length);
	ck_assert(utf8_is_valid(text) == (characters[_i].length == text.size));
}
END_TEST

static const struct {
	const char *text;
	size_t room;
	const char *clean;
} texts[] = {
	{"plain", 99, "plain"},
	{"caf\xc3\xa9", 99, "caf\xc3\xa9"},
	{"caf\xc3\xa9", 4, "caf"},
	{"a\r\nb\t", 99, "a??b?"},
	{"\x1b[31m", 99, "?[31m"},
	{"\xc2\x9b", 99, "?"},
	{"x\xff\xfey", 99, "x??y"},
	{"\xe2\x82", 99, "??"},
	{"\x7f", 99, "?"},
};

START_TEST(cleans_texts)
{
	char clean[100];
	size_t used = utf8_clean(clean, texts[_i].room, slice_of(texts[_i].text));

	clean[used] = '\0';
	ck_assert_str_eq(clean, texts[_i].clean);
}
END_TEST

/* The borders between the lengths, and back. */
static const uint32_t borders[] = {
	0, 'a', 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff};

START_TEST(writes_what_it_reads)
{
	char text[UTF8_LONGEST];
	size_t length = (size_t)(utf8_encode(text, borders[_i]) - text);

	ck_assert_uint_eq(utf8_length(slice_make(text, length)), length);
	ck_assert_uint_eq(utf8_decode(text, length), borders[_i]);
}
END_TEST

START_TEST(counts_ascii)
{
	char text[40];

	for (size_t at = 0; at <= sizeof text; at++) {
		memset(text, 'a', sizeof text);
		if (at < sizeof text)
			text[at] = '\x80';
		ck_assert_uint_eq(utf8_ascii_length(slice_make(text, sizeof text)), at);
		ck_assert(utf8_is_valid(slice_make(text, sizeof text)) == (at == sizeof text));
	}
}
END_TEST

START_TEST(cleans_a_nul)
{
	char clean[3];

	ck_assert_uint_eq(utf8_clean(clean, 3, slice_make("a\0b", 3)), 3);
	ck_assert_mem_eq(clean, "a?b", 3);
}
END_TEST

/* What people see, and JSON that means the same. */
static const struct {
	const char *text, *clean, *json;
} shown[] = {
	{"\xc3\xbc \xe4\xb8\x96 \xe2\x80\x93", "\xc3\xbc \xe4\xb8\x96 \xe2\x80\x93",
		"\xc3\xbc \xe4\xb8\x96 \xe2\x80\x93"},
	{"fdp\xe2\x80\xae"
	 "exe",
		"fdp?exe",
		"fdp\\u202e"
		"exe"},
	{"\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac\xe2\x80\xad", "????",
		"\\u202a\\u202b\\u202c\\u202d"},
	{"\xe2\x81\xa6\xe2\x81\xa7\xe2\x81\xa8\xe2\x81\xa9", "????",
		"\\u2066\\u2067\\u2068\\u2069"},
	{"\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c", "???", "\\u200e\\u200f\\u061c"},
	{"\xc2\x9b"
	 "31m\x7f",
		"?31m?",
		"\\u009b"
		"31m\\u007f"},
};

START_TEST(shows_texts)
{
	struct slice text = slice_of(shown[_i].text);
	char clean[64] = "";
	char *json;
	size_t size;
	FILE *out = open_memstream(&json, &size);

	ck_assert_uint_eq(utf8_clean_for_eyes(clean, sizeof clean, text), strlen(shown[_i].clean));
	ck_assert_str_eq(clean, shown[_i].clean);
	utf8_print_json(text, out);
	fclose(out);
	ck_assert_str_eq(json, shown[_i].json);
	free(json);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("utf8");
	TCase *cases = tcase_create("utf8");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, knows_characters, 0, COUNT(characters));
	tcase_add_loop_test(cases, cleans_texts, 0, COUNT(texts));
	tcase_add_loop_test(cases, shows_texts, 0, COUNT(shown));
	tcase_add_loop_test(cases, writes_what_it_reads, 0, COUNT(borders));
	tcase_add_test(cases, counts_ascii);
	tcase_add_test(cases, cleans_a_nul);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
