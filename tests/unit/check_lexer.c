/* SPDX-License-Identifier: Apache-2.0 */
/* The words of our own files. */
#include "base/lexer.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define BYTES(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

/* A text, and its tokens: kind letter, line:column, "^" for the first on its line, and the token's text; one a line. */
static const struct {
	struct slice text;
	const char *tokens;
} texts[] = {
	{BYTES(""), "e1:1^\n"},
	{BYTES("  \n# only a comment"), "e2:17^\n"},
	{BYTES("hostname = \"mx.example.com\""),
		"w1:1^hostname\np1:10=\ns1:12mx.example.com\ne1:28\n"},
	{BYTES("limits{a=1}"),
		"w1:1^limits\np1:7{\nw1:8a\np1:9=\nw1:10"
		"1\np1:11}\ne1:12\n"},
	{BYTES("a # b \"c\n\td"), "w1:1^a\nw2:2^d\ne2:3\n"},
	{BYTES("a\r\nb\r\n"), "w1:1^a\nw2:1^b\ne3:1^\n"},
	{BYTES("10M 5.7.1 192.0.2.0/24 2001:db8::1 tls_version 2027-01-01 -4.5 50% *.x +1"),
		"w1:1^10M\nw1:5"
		"5.7.1\nw1:11"
		"192.0.2.0/24\nw1:24"
		"2001:db8::1\nw1:36tls_version\n"
		"w1:48"
		"2027-01-01\nw1:59-4.5\nw1:64"
		"50%\nw1:68*.x\nw1:72+1\ne1:74\n"},
	{BYTES("= == ! != < <= > >= === =="),
		"p1:1^=\np1:3==\np1:6!\np1:8!=\np1:11<\np1:13<=\np1:16>\np1:18>=\np1:21==\np1:23=\n"
		"p1:25==\ne1:27\n"},
	{BYTES("{}()[],@="),
		"p1:1^{\np1:2}\np1:3(\np1:4)\np1:5[\np1:6]\np1:7,\np1:8@\np1:9=\ne1:10\n"},
	{BYTES("<user@example.com>"), "p1:1^<\nw1:2user\np1:6@\nw1:7example.com\np1:18>\ne1:19\n"},
	{BYTES("header[\"X-Spam\"] contains \"#no\""),
		"w1:1^header\np1:7[\ns1:8X-Spam\np1:16]\nw1:18contains\ns1:27#no\ne1:32\n"},
	{BYTES("\"\""), "s1:1^\ne1:3\n"},
	{BYTES("\"a\\\"b\\\\c\\nd\" e"), "s1:1^a\"b\\c\nd\nw1:14e\ne1:15\n"},
	{BYTES("\"\\\\\""), "s1:1^\\\ne1:5\n"},
	{BYTES("\"\xc3\xa4\" x"), "s1:1^\xc3\xa4\nw1:6x\ne1:7\n"},
	/* What is no token. */
	{BYTES("a = \"open\nb"), "w1:1^a\np1:3=\n?1:5\"open\nw2:1^b\ne2:2\n"},
	{BYTES("\"open at the end"), "?1:1^\"open at the end\ne1:17\n"},
	{BYTES("\""), "?1:1^\"\ne1:2\n"},
	{BYTES("\"\\\""), "?1:1^\"\\\"\ne1:4\n"},
	{BYTES("\"\\\nx"), "?1:1^\"\\\nw2:1^x\ne2:2\n"},
	{BYTES("\"C:\\dir\" b"), "?1:1^\"C:\\dir\"\nw1:10b\ne1:11\n"},
	{BYTES("a;b"), "w1:1^a\n?1:2;\nw1:3b\ne1:4\n"},
	{BYTES("\xc3\xa4"), "?1:1^\xc3\n?1:2\xa4\ne1:3\n"},
	{BYTES("\v\f"), "?1:1^\v\n?1:2\f\ne1:3\n"},
	/* An editor's byte order mark is not part of the first line; elsewhere it is no token. */
	{BYTES("\xef\xbb\xbf"
	       "a"),
		"w1:1^a\ne1:2\n"},
	{BYTES("\xef\xbb"), "?1:1^\xef\n?1:2\xbb\ne1:3\n"},
};

static char kind_letter(enum token_kind kind)
{
	return "ewspra?"[kind];
}

START_TEST(cuts_tokens)
{
	struct lexer *lexer = lexer_new(NULL, "file", texts[_i].text);
	char *tokens = talloc_strdup(lexer, "");
	struct token token;

	do {
		token = lexer_take(lexer);
		ck_assert_str_eq(token.place.file, "file");
		tokens = talloc_asprintf_append(tokens, "%c%u:%u%s%.*s\n", kind_letter(token.kind),
			token.place.line, token.place.column, token.first_on_line ? "^" : "",
			SLICE_ARGS(token.text));
	} while (token.kind != TOKEN_END);
	ck_assert_str_eq(tokens, texts[_i].tokens);
	talloc_free(lexer);
}
END_TEST

START_TEST(peeks_without_taking)
{
	struct lexer *lexer = lexer_new(NULL, "file", slice_of("\"a\\n\" b"));
	struct token peeked = lexer_peek(lexer);

	ck_assert(lexer_peek(lexer).text.data == peeked.text.data);
	ck_assert(lexer_take(lexer).text.data == peeked.text.data);
	ck_assert(slice_equals(lexer_peek(lexer).text, "b"));
	ck_assert(slice_equals(lexer_take(lexer).text, "b"));
	talloc_free(lexer);
}
END_TEST

START_TEST(ends_for_ever)
{
	struct lexer *lexer = lexer_new(NULL, "file", slice_of("a"));

	lexer_take(lexer);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(lexer_peek(lexer).kind, TOKEN_END);
		ck_assert_int_eq(lexer_take(lexer).kind, TOKEN_END);
	}
	talloc_free(lexer);
}
END_TEST

START_TEST(passes_nul_bytes)
{
	struct lexer *lexer = lexer_new(NULL, "file", slice_make("a\0\"b\0c\"\0=", 9));
	struct token string;

	ck_assert_int_eq(lexer_take(lexer).kind, TOKEN_WORD);
	ck_assert_int_eq(lexer_take(lexer).kind, TOKEN_UNKNOWN);
	string = lexer_take(lexer);
	ck_assert_int_eq(string.kind, TOKEN_STRING);
	ck_assert_uint_eq(string.text.size, 3);
	ck_assert_mem_eq(string.text.data, "b\0c", 3);
	ck_assert_uint_eq(lexer_take(lexer).text.size, 1);
	ck_assert(token_is(lexer_take(lexer), "="));
	ck_assert_int_eq(lexer_take(lexer).kind, TOKEN_END);
	talloc_free(lexer);
}
END_TEST

START_TEST(tells_punctuation_from_strings)
{
	struct lexer *lexer = lexer_new(NULL, "file", slice_of("{ \"{\" <= <"));

	ck_assert(token_is(lexer_take(lexer), "{"));
	ck_assert(!token_is(lexer_take(lexer), "{"));
	ck_assert(!token_is(lexer_peek(lexer), "<"));
	ck_assert(token_is(lexer_take(lexer), "<="));
	ck_assert(token_is(lexer_take(lexer), "<"));
	talloc_free(lexer);
}
END_TEST

/* --- where a reader asks --- */

static const struct {
	const char *text;
	struct token (*take)(struct lexer *lexer);
	const char *tokens; /* of the first, which is asked for, and the one behind it */
} askings[] = {
	{"/a b/ c", lexer_take_regex, "r1:1^a b|\nw1:7c|\n"},
	{" /a\\/b#\"/imx)", lexer_take_regex, "r1:2^a\\/b#\"|imx\np1:13)|\n"},
	{"//", lexer_take_regex, "r1:1^|\ne1:3|\n"},
	{"/[a\\]]/i\n x", lexer_take_regex, "r1:1^[a\\]]|i\nw2:2^x|\n"},
	{"# c\n/a/b", lexer_take_regex, "r2:1^a|b\ne2:5|\n"},
	{"/a\nb", lexer_take_regex, "?1:1^/a|\nw2:1^b|\n"},
	{"/a\\\n/", lexer_take_regex, "?1:1^/a\\|\nw2:1^/|\n"},
	{"/", lexer_take_regex, "?1:1^/|\ne1:2|\n"},
	{"abc /d/", lexer_take_regex, "w1:1^abc|\nw1:5/d/|\n"},
	{"\"/a/\"", lexer_take_regex, "s1:1^/a/|\ne1:6|\n"},
	{"", lexer_take_regex, "e1:1^|\ne1:1|\n"},
	{"<a@b.c> d", lexer_take_address, "a1:1^a@b.c|\nw1:9d|\n"},
	{"<> d", lexer_take_address, "a1:1^|\nw1:4d|\n"},
	{"<=> d", lexer_take_address, "a1:1^=|\nw1:5d|\n"},
	{"<\"x\"@\xc3\xa4#>", lexer_take_address, "a1:1^\"x\"@\xc3\xa4#|\ne1:10|\n"},
	{"< a>", lexer_take_address, "p1:1^<|\nw1:3a|\n"},
	{"<a b>", lexer_take_address, "p1:1^<|\nw1:2a|\n"},
	{"<a<b>", lexer_take_address, "p1:1^<|\nw1:2a|\n"},
	{"<a\n>", lexer_take_address, "p1:1^<|\nw1:2a|\n"},
	{"<", lexer_take_address, "p1:1^<|\ne1:2|\n"},
	{"a", lexer_take_address, "w1:1^a|\ne1:2|\n"},
};

static char *print_token(char *tokens, struct token token)
{
	return talloc_asprintf_append(tokens, "%c%u:%u%s%.*s|%.*s\n", kind_letter(token.kind),
		token.place.line, token.place.column, token.first_on_line ? "^" : "",
		SLICE_ARGS(token.text), SLICE_ARGS(token.flags));
}

/* Whether the token was looked at before or not. */
START_TEST(reads_what_is_asked_for)
{
	for (int peeks = 0; peeks < 2; peeks++) {
		struct lexer *lexer = lexer_new(NULL, "file", slice_of(askings[_i].text));
		char *tokens = talloc_strdup(lexer, "");

		if (peeks)
			lexer_peek(lexer);
		tokens = print_token(tokens, askings[_i].take(lexer));
		tokens = print_token(tokens, lexer_take(lexer));
		ck_assert_str_eq(tokens, askings[_i].tokens);
		talloc_free(lexer);
	}
}
END_TEST

START_TEST(keeps_comments)
{
	struct lexer *lexer = lexer_new(NULL, "file", slice_of("# a \na # b\r\n\n  #\nc#d"));
	char *text = talloc_strdup(lexer, "");
	const struct comment *comments;
	size_t count;

	lexer_keep_comments(lexer);
	while (lexer_take(lexer).kind != TOKEN_END)
		continue;
	comments = lexer_comments(lexer, &count);
	for (size_t i = 0; i < count; i++)
		text = talloc_asprintf_append(text, "%u:%u%s%.*s before %zu\n",
			comments[i].place.line, comments[i].place.column,
			comments[i].first_on_line ? "^" : "", SLICE_ARGS(comments[i].text),
			comments[i].token);
	ck_assert_str_eq(
		text, "1:1^# a before 0\n2:3# b before 1\n4:3^# before 1\n5:2#d before 2\n");
	talloc_free(lexer);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lexer");
	TCase *cases = tcase_create("lexer");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, cuts_tokens, 0, COUNT(texts));
	tcase_add_test(cases, peeks_without_taking);
	tcase_add_test(cases, ends_for_ever);
	tcase_add_test(cases, passes_nul_bytes);
	tcase_add_test(cases, tells_punctuation_from_strings);
	tcase_add_loop_test(cases, reads_what_is_asked_for, 0, COUNT(askings));
	tcase_add_test(cases, keeps_comments);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
