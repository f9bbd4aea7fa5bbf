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

/* Of a set of rules; before: how many tests were told before. */
static bool print_set(const struct rulebook *rulebook, const struct rule_test_result *results,
	size_t count, size_t before)
{
	bool good = true;

	for (size_t i = 0; i < count; i++) {
		print_result(&results[i], before + i + 1);
		good &= results[i].passed;
	}
	for (size_t i = 0; rulebook && i < rulebook->program->rule_count; i++)
		print_gaps(rulebook->program->rules[i], results, count);
	return good;
}

static bool test(const void *parent, const struct policy *policy)
{
	size_t count, shadow_count;
	const struct rule_test_result *results = rulebook_test(parent, policy->rulebook, &count);
	const struct rule_test_result *of_shadow =
		rulebook_test(parent, policy->shadow_rulebook, &shadow_count);
	bool good;

	printf("1..%zu\n", count + shadow_count);
	good = print_set(policy->rulebook, results, count, 0);
	if (policy->shadow_rulebook)
		printf("# the shadow\n");
	return print_set(policy->shadow_rulebook, of_shadow, shadow_count, count) && good;
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
