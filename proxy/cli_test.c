/* SPDX-License-Identifier: Apache-2.0 */
/* `postern test`: runs the tests in rule files. */
#include "policy/rulebook.h"
#include "proxy/arguments.h"
#include "proxy/cli.h"
#include "proxy/configuration.h"

#include <talloc.h>

/* Text of several lines, each a comment of TAP. */
static void print_comment(const char *text)
{
	struct slice rest = slice_of(text);

	while (rest.size) {
		struct slice line = slice_cut(&rest, '\n');
		printf("#   %.*s\n", SLICE_ARGS(line));
	}
}

static void print_result(const struct rule_test_result *result, size_t number)
{
	const struct place *place = &result->test->place;

	printf("%sok %zu - %s, test %zu: %s\n", result->passed ? "" : "not ", number,
		result->rule->name, result->number, result->test->matches ? "match" : "nomatch");
	if (result->passed)
		return;
	printf("#   %s:%u\n", place->file, place->line);
	print_comment(result->problem);
}

/* What the tests of a rule leave in the dark. */
static void print_gaps(
	const struct rule *rule, const struct rule_test_result *results, size_t count)
{
	bool has_matched = false;

	for (size_t i = 0; i < count; i++)
		has_matched |= results[i].rule == rule && results[i].truth == TRUTH_TRUE;
	if (!rule->item->test_count)
		printf("# rule %s has no test\n", rule->name);
	else if (!has_matched)
		printf("# rule %s never matched\n", rule->name);
}

static bool test(const void *parent, const struct policy *policy)
{
	const struct program *program = policy->rulebook ? policy->rulebook->program : NULL;
	size_t count;
	const struct rule_test_result *results = rulebook_test(parent, policy, &count);
	bool good = true;

	printf("1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		print_result(&results[i], i + 1);
		good &= results[i].passed;
	}
	for (size_t i = 0; program && i < program->rule_count; i++)
		print_gaps(program->rules[i], results, count);
	return good;
}

int cli_test(int argc, char **argv)
{
	void *all = talloc_new(NULL);
	struct complaints *complaints = complaints_new(all);
	const struct configuration *configuration = configuration_read(
		all, arguments_parse(all, ARGUMENTS_TEST, argc, argv)->file, complaints);
	bool good = complaints_errors(complaints) == 0;

	complaints_print(complaints, stderr);
	if (good)
		good = test(all, configuration->policy);
	talloc_free(all);
	return good ? 0 : 1;
}
