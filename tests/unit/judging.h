/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests of the judge: a policy and a chain made of settings as an operator would write them.
 */
#pragma once

#include "policy/chain.h"
#include "policy/checks/table.h"

#include <assert.h>
#include <check.h>
#include <stdlib.h>

static const struct section *const judging_sections[] = {policy_sections, NULL};

/* The settings must be good. */
static inline struct policy *judging_policy(const void *parent, const char *settings)
{
	struct complaints *complaints = complaints_new(parent);
	struct policy *policy = policy_new(parent,
		settings_read_text(parent, "test.conf", settings, judging_sections, complaints),
		complaints);

	complaints_print(complaints, stderr);
	assert(complaints_errors(complaints) == 0);
	return policy;
}

static inline struct chain *judging_chain_of(const void *parent, const char *settings,
	const struct check *const *gates, const struct check *const *checks,
	const struct learner *learners)
{
	struct complaints *complaints = complaints_new(parent);
	struct chain *chain = chain_new(
		parent, judging_policy(parent, settings), gates, checks, learners, complaints);

	complaints_print(complaints, stderr);
	assert(complaints_errors(complaints) == 0);
	return chain;
}

/* With all the gates and checks there are. */
static inline struct chain *judging_chain(const void *parent, const char *settings)
{
	return judging_chain_of(parent, settings, checks_gates, checks_table, NULL);
}
