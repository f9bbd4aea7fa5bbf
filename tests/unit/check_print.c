/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical form: read again it is the same tree, and printed again the same text. */
#include "rules/print.h"

#include "rules/parse.h"
#include "tests/unit/rules_files.h"

static char *print(const void *parent, const struct tree *tree)
{
	char *text = NULL, *copy;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	print_tree(tree, out);
	fclose(out);
	copy = talloc_strndup(parent, text, size);
	free(text);
	return copy;
}

/* They may be longer than a message of Check. */
static void assert_same(const char *printed, const char *expected)
{
	bool same = strcmp(printed, expected) == 0;

	if (!same)
		fprintf(stderr, "%s", printed);
	ck_assert(same);
}

/* The canonical form of a text that has no errors. */
static char *format(const void *parent, const char *text)
{
	struct complaints *complaints = complaints_new(parent);
	struct tree *tree = parse_text(parent, "rules", slice_of(text), complaints);

	ck_assert_msg(!complaints_errors(complaints), "%s", complaints_text(parent, complaints));
	return print(parent, tree);
}

START_TEST(leaves_what_is_canonical)
{
	glob_t files = rules_files("canonical/*.rules");

	for (size_t i = 0; i < files.gl_pathc; i++) {
		void *scratch = talloc_new(NULL);
		char *text = rules_text(scratch, files.gl_pathv[i]);

		assert_same(format(scratch, text), text);
		talloc_free(scratch);
	}
	globfree(&files);
}
END_TEST

START_TEST(tidies_up)
{
	void *scratch = talloc_new(NULL);
	glob_t files = rules_files("untidy.rules"), tidy = rules_files("untidy.tidy");
	char *once = format(scratch, rules_text(scratch, files.gl_pathv[0]));

	assert_same(once, rules_text(scratch, tidy.gl_pathv[0]));
	assert_same(format(scratch, once), once);
	globfree(&files);
	globfree(&tidy);
	talloc_free(scratch);
}
END_TEST

/* "condition | …" of a table, as the condition of a rule. */
static size_t format_row(struct slice line)
{
	const char *end = memmem(line.data, line.size, " |", 2);
	void *scratch;
	char *text, *once;

	if (!line.size || line.data[0] == '#' || !end)
		return 0;
	scratch = talloc_new(NULL);
	text = talloc_asprintf(scratch, "version 1\nrule r { when %.*s then log \"x\" }",
		(int)(end - line.data), line.data);
	once = format(scratch, text);
	assert_same(format(scratch, once), once);
	talloc_free(scratch);
	return 1;
}

START_TEST(is_the_same_again_over_all_tables)
{
	glob_t files = rules_files("*.table");
	size_t rows = 0;

	for (size_t i = 0; i < files.gl_pathc; i++) {
		char *content = rules_text(NULL, files.gl_pathv[i]);
		struct slice text = slice_of(content);

		while (text.size)
			rows += format_row(slice_cut(&text, '\n'));
		talloc_free(content);
	}
	ck_assert_uint_ge(rows, 300);
	globfree(&files);
}
END_TEST

/* The example of postern-rules(5). */
START_TEST(understands_the_manual)
{
	glob_t files = rules_files("../../conf/postern-rules.5.in");
	char *page = rules_text(NULL, files.gl_pathv[0]);
	char *begin = strstr(page, "version 1\n"), *end = strstr(page, "\n.Ed");

	while (end && end < begin)
		end = strstr(end + 1, "\n.Ed");
	ck_assert(begin && end);
	*end = '\0';
	ck_assert_ptr_nonnull(strstr(format(page, begin), "rule executable_in_archive"));
	talloc_free(page);
	globfree(&files);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("print");
	TCase *cases = tcase_create("print");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(cases, leaves_what_is_canonical);
	tcase_add_test(cases, tidies_up);
	tcase_add_test(cases, understands_the_manual);
	tcase_add_test(cases, is_the_same_again_over_all_tables);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
