/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs the rules of one stage over facts. It does no I/O and waits for nothing: the caller hands in a function that says what is known of
 * a fact. When one is FACT_UNKNOWN the caller finds it out and runs the same evaluation again; what was known is kept, so nothing is asked,
 * searched or counted twice. A new event (the next recipient, the next stage) is a new evaluation.
 *
 *     struct evaluation *evaluation = evaluate_begin(parent, program, stage, &input);
 *     while (!evaluate_run(evaluation))
 *             … find out the facts that were asked for in vain …
 *     outcomes = evaluate_outcomes(evaluation, &count);
 *
 * A condition is true, false, failed (one of its facts could not be learnt, and the others do not decide) or unknown. Operands are looked at from left to
 * right and no further than needed; behind an unknown one only to see what else to ask for. A counting fact is never asked for there, nor
 * behind a rule that is unknown and may end the stage. Behind a rule that ends the stage nothing is looked at.
 *
 * Values that the function gives must stay as long as the evaluation.
 */
#pragma once

#include "rules/program.h"

/* What is asked: a fact, its key and its arguments, all known. */
struct evaluate_question {
	const struct reference *reference;
	const struct vocabulary_fact *fact;
	const char *key;
	const struct value *arguments;
	size_t count;
};

/* The value is of the fact's type; of a repeatable one it may be VALUE_TEXTS; of a failed one its text is the reason. */
typedef enum fact_state (*evaluate_look_up_fn)(
	void *owner, const struct evaluate_question *question, struct value *value);

struct evaluate_input {
	evaluate_look_up_fn look_up;
	void *owner;
	int64_t now; /* seconds since 1970 */
	bool (*is_suspended)(
		void *owner, const struct rule *rule); /* such a rule is monitored; NULL: none is */
	bool monitored;                                /* all rules are */
	uint64_t budget; /* microseconds for searching, over all runs */
	struct matcher *matcher;
};

enum truth {
	TRUTH_FALSE,
	TRUTH_TRUE,
	TRUTH_FAILED,
	TRUTH_UNKNOWN,
	TRUTH_ABSENT /* of a leaf: false, for there is nothing to compare */
};

const char *evaluate_truth_name(enum truth truth);

/* An action with its texts filled in, cleaned and cut. */
struct outcome_action {
	const struct vocabulary_action *row;
	struct value_field arguments[VOCABULARY_SLOTS]; /* as the row's slots */
	/* Of an action that takes records: those for which a part of the condition that is about them holds; if there is none such, all. Lives
	 * under the evaluation. */
	struct value_field taken;
	bool acts; /* false when what it asks for says so, as a triplet that is old enough */
};

/* A rule that matched, or whose condition failed. */
struct rule_outcome {
	const struct rule *rule;
	bool monitored;
	bool failed;        /* then the one action, if any, is that of on_error */
	const char *reason; /* of failing */
	struct outcome_action *actions;
	size_t count;
	bool ends; /* it ends the stage: the last outcome */
};

/* The action that decides, if one acts; else NULL. */
const struct outcome_action *evaluate_final_action(const struct rule_outcome *outcome);

struct evaluation;

struct evaluation *evaluate_begin(const void *parent, const struct program *program, unsigned stage,
	const struct evaluate_input *input);

/* False while facts are unknown. */
bool evaluate_run(struct evaluation *evaluation) __attribute__((warn_unused_result));

/* Gives it the outcomes that the same rules had elsewhere: from now on it has run. They must live as long. */
void evaluate_take(struct evaluation *evaluation, struct rule_outcome *outcomes, size_t count);

/* After a run that was true; in the order of the rules. Lives under the evaluation. */
const struct rule_outcome *evaluate_outcomes(const struct evaluation *evaluation, size_t *count);

/* The condition of one rule alone, whatever its stage, mode and until. */
enum truth evaluate_condition(struct evaluation *evaluation, const struct node *condition);
