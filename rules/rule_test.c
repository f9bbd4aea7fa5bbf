/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the tests that stand in rules. */
#include "rules/rule_test.h"

#include "rules/given.h"

#include <talloc.h>

/* A test under way: what it gives goes before what its message has. */
struct running {
	const struct given_facts *given;
	const struct rule_test_host *host;
	void *message; /* NULL for none */
};

static enum fact_state look_up(
	void *owner, const struct evaluate_question *question, struct value *value)
{
	const struct running *running = owner;
	enum fact_state state = FACT_ABSENT;

	if (given_facts_look_up(running->given, question, &state, value))
		return state;
	if (running->message && !question->fact->counting)
		return running->host->look_up(running->message, question, value);
	return state;
}

/* Without a host there is a matcher all the same. */
static struct evaluate_input input_of(const void *parent, struct running *running)
{
	const struct rule_test_host *host = running->host;

	return (struct evaluate_input){
		.look_up = look_up,
		.owner = running,
		.budget = host && host->matcher ? host->budget : 1000000,
		.matcher = host && host->matcher ? host->matcher : match_matcher_new(parent),
	};
}

static enum truth judge(const void *parent, const struct program *program,
	const struct node *condition, struct running *running)
{
	struct evaluate_input input = input_of(parent, running);

	return evaluate_condition(evaluate_begin(parent, program, 0, &input), condition);
}

enum truth rule_test_condition(const struct program *program, const struct node *condition,
	const struct test *test, const struct rule_test_host *host, struct complaints *complaints)
{
	size_t errors = complaints_errors(complaints);
	void *scratch = talloc_new(NULL);
	struct running running = {given_facts_new(scratch, program, test, complaints), host, NULL};
	enum truth truth = TRUTH_UNKNOWN;

	if (complaints_errors(complaints) == errors)
		truth = judge(scratch, program, condition, &running);
	talloc_free(scratch);
	return truth;
}

static const char *open_message(const void *parent, struct running *running,
	const struct rule *rule, const struct test *test)
{
	const char *reason = "messages cannot be read here";

	if (!test->message)
		return NULL;
	if (running->host && running->host->open)
		running->message = running->host->open(
			running->host->owner, parent, rule->place.file, test->message, &reason);
	return running->message ? NULL : reason;
}

static void run(const void *parent, const struct program *program,
	const struct rule_test_host *host, struct rule_test_result *result)
{
	void *scratch = talloc_new(NULL);
	struct complaints *complaints = complaints_new(scratch);
	struct running running = {
		given_facts_new(scratch, program, result->test, complaints), host, NULL};
	const char *reason = open_message(scratch, &running, result->rule, result->test);
	enum truth wanted = result->test->matches ? TRUTH_TRUE : TRUTH_FALSE;

	result->truth = TRUTH_UNKNOWN;
	if (complaints_errors(complaints)) {
		result->problem = complaints_text(parent, complaints);
	} else if (reason) {
		result->problem = talloc_asprintf(
			parent, "cannot read \"%s\": %s", result->test->message, reason);
	} else {
		result->truth = judge(scratch, program, result->rule->condition, &running);
		result->passed = result->truth == wanted;
		if (!result->passed)
			result->problem =
				talloc_asprintf(parent, "the condition is %s, and %s was expected",
					evaluate_truth_name(result->truth),
					result->test->matches ? "match" : "nomatch");
	}
	talloc_free(scratch);
}

struct rule_test_result *rule_test_run(const void *parent, const struct program *program,
	const struct rule_test_host *host, size_t *count)
{
	struct rule_test_result *results = talloc_array(parent, struct rule_test_result, 0);

	*count = 0;
	for (size_t i = 0; i < program->rule_count; i++) {
		const struct rule *rule = program->rules[i];

		for (size_t k = 0; k < rule->item->test_count; k++) {
			results = talloc_realloc(
				parent, results, struct rule_test_result, *count + 1);
			results[*count] = (struct rule_test_result){
				.rule = rule, .test = &rule->item->tests[k], .number = k + 1};
			run(parent, program, host, &results[(*count)++]);
		}
	}
	return results;
}

void rule_test_check(const struct program *program, struct complaints *complaints)
{
	void *scratch = talloc_new(NULL);

	for (size_t i = 0; i < program->rule_count; i++) {
		const struct item *item = program->rules[i]->item;

		for (size_t k = 0; k < item->test_count; k++)
			given_facts_new(scratch, program, &item->tests[k], complaints);
	}
	talloc_free(scratch);
}
