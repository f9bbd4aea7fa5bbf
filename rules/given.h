/* SPDX-License-Identifier: Apache-2.0
 *
 * The facts that a test gives.
 */
#pragma once

#include "rules/evaluate.h"

struct given_facts;

/* Complains about what is no fact, or cannot have such a value. */
struct given_facts *given_facts_new(const void *parent, const struct program *program,
	const struct test *test, struct complaints *complaints);

/* False when the fact was not given. */
bool given_facts_look_up(const struct given_facts *given, const struct evaluate_question *question,
	enum fact_state *state, struct value *value);
