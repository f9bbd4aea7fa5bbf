/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a regex without running it. */
#include "rules/pattern.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static const struct {
	const char *regex, *flags;
	const char *literals; /* joined with "," */
	bool is_nested;
} rows[] = {
	{"hello", "", "hello", false},
	{"Hello", "i", "hello", false},
	{"^hello$", "", "hello", false},
	{"a.*longer", "", "longer", false},
	{"longer.*a", "", "longer", false},
	{"foo|bar", "", "foo,bar", false},
	{"x(foo|bar)y", "", "foo,bar", false},
	{"(foo|bar)?baz", "", "baz", false},
	{"foo|.*", "", "", false},
	{"foo|", "", "", false},
	{"colou?r", "", "colo", false},
	{"ab*cd", "", "cd", false},
	{"ab+cd", "", "ab", false},
	{"ab{0,2}cde", "", "cde", false},
	{"abc{2,}d", "", "abc", false},
	{"a{,2}b", "", "a{,2}b", false},
	{"\\bcat\\b", "", "cat", false},
	{"a\\.b", "", "a.b", false},
	{"a\\d+bc", "", "bc", false},
	{"\\x41BC", "", "bc", false},
	{"\\x{20ac}BC", "", "bc", false},
	{"\\p{Lu}bc", "", "bc", false},
	{"\\pLbc", "", "bc", false},
	{"\\Qa.b\\E", "", "", false},
	{"[abc]de", "", "de", false},
	{"[]a]de", "", "de", false},
	{"[\\]a]de", "", "de", false},
	{"a(?=bcd)e", "", "ae", false},
	{"a(?!bcd)e", "", "ae", false},
	{"(?<=xyz)e", "", "e", false},
	{"(?:foo)bar", "", "foo", false},
	{"(?i)foo", "", "foo", false},
	{"(?i:foo)", "", "foo", false},
	{"(?x) f o o", "", "", false},
	{"f o o # bar", "x", "foo", false},
	{"(?<name>foo)", "", "foo", false},
	{"(?P<name>foo)", "", "foo", false},
	{"(foo)\\1", "", "", false},
	{"(*UTF)foo", "", "", false},
	{"foo)", "", "", false},
	{".*", "", "", false},
	{"", "", "", false},
	{"(a+)+b", "", "a", true},
	{"(a*)*b", "", "b", true},
	{"(?:a+b?){2,}", "", "a", true},
	{"((a+)x)+", "", "a", true},
	{"(a+)?b", "", "b", false},
	{"(a{2,5})+", "", "a", false},
	{"(?>a+)+b", "", "a", false},
	{"(a++)+b", "", "a", false},
	{"(\\w+\\s?)*x", "", "x", true},
	{"straße", "", "strasse", false},
};

START_TEST(finds_literals)
{
	void *scratch = talloc_new(NULL);
	char *literals = talloc_strdup(scratch, "");
	struct pattern pattern;

	pattern_read(scratch, slice_of(rows[_i].regex), rows[_i].flags, &pattern);
	for (size_t i = 0; i < pattern.count; i++)
		literals = talloc_asprintf_append(
			literals, "%s%.*s", i ? "," : "", SLICE_ARGS(pattern.literals[i]));
	ck_assert_msg(strcmp(literals, rows[_i].literals) == 0, "%s: %s", rows[_i].regex, literals);
	ck_assert_msg(pattern.is_nested == rows[_i].is_nested, "%s", rows[_i].regex);
	talloc_free(scratch);
}
END_TEST

START_TEST(gives_up_on_depth)
{
	char *regex = talloc_zero_array(NULL, char, 2001);
	struct pattern pattern;

	memset(regex, '(', 2000);
	pattern_read(regex, slice_of(regex), "", &pattern);
	ck_assert_uint_eq(pattern.count, 0);
	talloc_free(regex);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pattern");
	TCase *cases = tcase_create("pattern");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, finds_literals, 0, COUNT(rows));
	tcase_add_test(cases, gives_up_on_depth);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
