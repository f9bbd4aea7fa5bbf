/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs the tests that stand in rules: each is the rule's condition alone, over the facts that are given. A fact that is not given is absent,
 * or, of a test with a message, what the host says of that message. Given facts may also be `absent`, `failed` or `unknown`. Fields
 * of records are given as lists, attachment.extension = { "exe" "pdf" }: as many records as the longest has. Nothing counts.
 */
#pragma once

#include "rules/evaluate.h"

/* Where facts of messages come from. */
struct rule_test_host {
	/* Takes the message of a test apart; NULL when that cannot be, *reason then says why. The path is as it is written, and the file of the rules
	 * beside it. What it gives is handed to look_up and freed (talloc) behind the test. */
	void *(*open)(void *owner, const void *parent, const char *rule_file, const char *path,
		const char **reason);
	evaluate_look_up_fn look_up; /* the owner is what open gave */
	void *owner;
	struct matcher *matcher;
	uint64_t budget; /* microseconds, for a test */
};

struct rule_test_result {
	const struct rule *rule;
	const struct test *test;
	size_t number; /* of the rule's tests, from 1 */
	bool passed;
	const char *
		problem; /* why it did not: "true, though nomatch was expected" …; NULL when it passed */
	enum truth truth;
};

/* All tests of a program, in the order of the rules; under the parent. host may be NULL: then a test with a message does not pass. */
struct rule_test_result *rule_test_run(const void *parent, const struct program *program,
	const struct rule_test_host *host, size_t *count);

/* What a condition is over the facts of one test; what is wrong with these facts is complained about, and gives TRUTH_UNKNOWN. */
enum truth rule_test_condition(const struct program *program, const struct node *condition,
	const struct test *test, const struct rule_test_host *host, struct complaints *complaints);

/* Complains about given facts that cannot be so; for check. */
void rule_test_check(const struct program *program, struct complaints *complaints);
