/* SPDX-License-Identifier: Apache-2.0
 *
 * What the rule language is told of the judge: its stages, its facts (the one table of policy/facts.h, each fact by its number), lists of
 * records over them, and actions. What rule files may be written for but this build cannot do stands there too, marked, so that a
 * complaint can say so.
 *
 * The records are `recipient`, `header` and `received`, made of the facts when they are asked for.
 */
#pragma once

#include "policy/inquiry.h"
#include "rules/evaluate.h"

#include <stdio.h>

/* All of it, under the parent. */
const struct vocabulary *language_new(const void *parent);

/* What is known of what a rule asks; the inquiry has its learners begin for what is not. Made values live under the parent. */
enum fact_state language_ask(struct inquiry *inquiry, const struct vocabulary *vocabulary,
	const void *parent, const struct evaluate_question *question, struct value *value);

/* The table of facts, records and actions as postern-rules(5) has it (mdoc). */
void language_print_manual(FILE *out);
