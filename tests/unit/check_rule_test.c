/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions over given facts: the tables of tests/rules; and the tests that stand in rules. */
#include "rules/rule_test.h"

#include "rules/sources.h"
#include "tests/fakes/vocabulary.h"
#include "tests/unit/rules_files.h"

#define ROWS_AT_LEAST 300
#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

/* --- the tables --- */

static struct program *make_program(
	const void *parent, const char *text, struct complaints *complaints)
{
	struct sources *sources = sources_of_text(parent, "rules", slice_of(text), complaints);

	return program_new(
		parent, &fake_vocabulary, sources->items, sources->item_count, NULL, complaints);
}

/* Takes a cell off the front: a "|" between blanks ends it. */
static char *cut_cell(const void *parent, struct slice *row)
{
	size_t at = 0;
	struct slice cell;

	while (at < row->size &&
		!(row->data[at] == '|' && (at == 0 || row->data[at - 1] == ' ') &&
			(at + 1 == row->size || row->data[at + 1] == ' ')))
		at++;
	cell = slice_make(row->data, at);
	*row = slice_from(*row, at < row->size ? at + 1 : at);
	return slice_keep(parent, slice_trim(cell));
}

/* "condition | facts | outcome"; what it returns is what is wrong, or NULL. */
static char *try_row(const void *parent, const char *prelude, struct slice row)
{
	char *condition = cut_cell(parent, &row);
	char *facts = cut_cell(parent, &row);
	char *expected = cut_cell(parent, &row);
	struct complaints *complaints = complaints_new(parent);
	char *text = talloc_asprintf(parent,
		"version 1\n%srule r {\nstage message\nwhen %s\nthen log \"x\"\ntest match { %s "
		"}\n}\n",
		prelude, condition, facts);
	struct program *program = make_program(parent, text, complaints);
	enum truth truth;

	if (complaints_errors(complaints) || program->rule_count != 1)
		return complaints_text(parent, complaints);
	truth = rule_test_condition(program, program->rules[0]->condition,
		&program->rules[0]->item->tests[0], NULL, complaints);
	if (complaints_errors(complaints))
		return complaints_text(parent, complaints);
	if (strcmp(evaluate_truth_name(truth), expected) == 0)
		return NULL;
	return talloc_asprintf(parent, "%s | %s: %s, expected %s\n", condition, facts,
		evaluate_truth_name(truth), expected);
}

/* Lines that begin with list or let go before every rule. */
static size_t try_file(const char *path, char **wrong)
{
	void *scratch = talloc_new(NULL);
	struct slice text = slice_of(rules_text(scratch, path));
	char *prelude = talloc_strdup(scratch, "");
	size_t rows = 0;

	while (text.size) {
		struct slice line = slice_cut(&text, '\n');
		char *problem;

		if (slice_starts_nocase(line, "list ") || slice_starts_nocase(line, "let "))
			prelude = talloc_asprintf_append(prelude, "%.*s\n", SLICE_ARGS(line));
		if (!line.size || line.data[0] == '#' || !memmem(line.data, line.size, " |", 2))
			continue;
		problem = try_row(scratch, prelude, line);
		if (problem)
			*wrong = talloc_asprintf_append(
				*wrong, "%s: %s", basename((char *)path), problem);
		rows++;
	}
	talloc_free(scratch);
	return rows;
}

START_TEST(judges_the_tables)
{
	glob_t files = rules_files("*.table");
	char *wrong = talloc_strdup(NULL, "");
	size_t rows = 0;

	for (size_t i = 0; i < files.gl_pathc; i++)
		rows += try_file(files.gl_pathv[i], &wrong);
	fputs(wrong, stderr); /* may be longer than a message of Check */
	ck_assert_str_eq(*wrong ? "rows went wrong" : "", "");
	ck_assert_uint_ge(rows, ROWS_AT_LEAST);
	talloc_free(wrong);
	globfree(&files);
}
END_TEST

/* --- tests in rules --- */

static const char tested[] = "version 1\n"
			     "rule a {\n"
			     "  stage connect\n"
			     "  when client.tls\n"
			     "  then reject\n"
			     "  test match { client.tls = true }\n"
			     "  test nomatch { client.tls = false }\n"
			     "  test nomatch\n"
			     "  test match\n"
			     "  test nomatch { client.tls = failed }\n"
			     "  test match { client.tsl = true }\n"
			     "  test match message \"a.eml\"\n"
			     "  test nomatch message \"a.eml\" { client.tls = false }\n"
			     "  test match message \"b.eml\"\n"
			     "}\n"
			     "rule b { stage connect when true then log \"b\" }\n";

static void *open_message(void *owner, const void *parent, const char *rule_file, const char *path,
	const char **reason)
{
	ck_assert_str_eq(rule_file, "rules");
	*reason = "no such file";
	return strcmp(path, "a.eml") == 0 ? talloc_strdup(parent, owner) : NULL;
}

static enum fact_state look_into_message(
	void *owner, const struct evaluate_question *question, struct value *value)
{
	ck_assert_str_eq(owner, "messages");
	ck_assert_str_eq(question->fact->name, "client.tls");
	*value = (struct value){.type = VALUE_BOOL, .boolean = true};
	return FACT_KNOWN;
}

START_TEST(runs_the_tests_in_rules)
{
	static const char *const problems[] = {NULL, NULL, NULL,
		"the condition is false, and match was expected",
		"the condition is failed, and nomatch was expected", "there is no fact", NULL, NULL,
		"cannot read \"b.eml\": no such file"};
	void *scratch = talloc_new(NULL);
	struct complaints *complaints = complaints_new(scratch);
	struct program *program = make_program(scratch, tested, complaints);
	char owner[] = "messages";
	const struct rule_test_host host = {
		.open = open_message, .look_up = look_into_message, .owner = owner};
	size_t count;
	struct rule_test_result *results = rule_test_run(scratch, program, &host, &count);

	ck_assert_uint_eq(count, COUNT(problems));
	for (size_t i = 0; i < count; i++) {
		ck_assert_str_eq(results[i].rule->name, "a");
		ck_assert_uint_eq(results[i].number, i + 1);
		ck_assert_msg(results[i].passed == !problems[i], "test %zu", i + 1);
		if (problems[i])
			ck_assert_msg(
				strstr(results[i].problem, problems[i]), "%s", results[i].problem);
	}
	rule_test_check(program, complaints);
	ck_assert_uint_eq(complaints_errors(complaints), 1);
	ck_assert_ptr_nonnull(strstr(complaints_text(scratch, complaints),
		"rules:11:16: error: there is no fact \"client.tsl\"; did you mean "
		"\"client.tls\"?"));
	talloc_free(scratch);
}
END_TEST

START_TEST(needs_a_host_for_messages)
{
	void *scratch = talloc_new(NULL);
	struct complaints *complaints = complaints_new(scratch);
	struct program *program = make_program(scratch, tested, complaints);
	size_t count;
	struct rule_test_result *results = rule_test_run(scratch, program, NULL, &count);

	ck_assert(!results[6].passed);
	ck_assert_str_eq(results[6].problem, "cannot read \"a.eml\": messages cannot be read here");
	talloc_free(scratch);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rule_test");
	TCase *cases = tcase_create("rule_test");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(cases, judges_the_tables);
	tcase_add_test(cases, runs_the_tests_in_rules);
	tcase_add_test(cases, needs_a_host_for_messages);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
