/* SPDX-License-Identifier: Apache-2.0
 *
 * The shadow is a second set of rules, of shadow.rules. Wherever the acting rules were asked, and once the chain has decided, it is judged over the
 * same facts, and what it would have done otherwise is kept in the inquiry: for the log, the record and the counters. It acts on nothing,
 * delays nobody and changes no message; a fact that it alone needs is learnt, and that time is all it costs.
 *
 * Rules are compared with rules: what each set as it is written would have done at this stage, however the checks beside it judged. A rule
 * with `mode monitor` does nothing in either set; rules.mode, rules.monitor_recipients, mode = "observe" and the breaker keep both from
 * acting or none, so they are left aside. The score that both see is the one that the acting rules saw.
 *
 * Limits: what the shadow lacked too long, and what it would have said behind a stage that the acting rules or checks have ended, is not known.
 */
#pragma once

#include "policy/inquiry.h"

#define SHADOW_PATIENCE 5000   /* ms of learning what the shadow alone needs, a stage */
#define SHADOW_DIFFERENCES 50U /* that are kept of one inquiry */

/* What a set of rules would have done at a stage. */
struct shadow_side {
	enum verdict_kind kind; /* VERDICT_NONE: nothing final */
	int code;
	double score;
	const char *edits; /* what else it does, in words; "" for nothing */
};

struct evaluation;

struct shadow_difference {
	enum stage stage;
	const char *recipient; /* NULL: of none alone */
	struct shadow_side rules, shadow;
	const char *by;    /* "rule NAME": which makes the difference */
	bool is_of_shadow; /* that rule is one of the shadow's */
};

/* After the chain has decided; false when a fact is missing, which was asked for. */
bool shadow_judge(struct inquiry *inquiry) __attribute__((warn_unused_result));
/* For policy/scan: its evaluation of the stage, begun if need be. */
struct evaluation *shadow_begin(struct inquiry *inquiry);
/* It cannot be told in time. */
void shadow_give_up(struct inquiry *inquiry);

/* For policy/inquiry.c: forgets what was said at this stage and later; and goes on from what was said of the session. */
void shadow_enter(struct inquiry *inquiry, enum stage stage);
void shadow_inherit(struct inquiry *inquiry, const struct inquiry *session);

/* All of them so far. */
const struct shadow_difference *shadow_differences(const struct inquiry *inquiry, size_t *count);
/* Whether it could not be told at some stage. */
bool shadow_is_undecided(const struct inquiry *inquiry);

/* "reject 550, score 3.0, header X-A: b"; "nothing". Under the parent. */
char *shadow_print_side(const void *parent, const struct shadow_side *side);

/* For the log, under the parent: "rcpt: reject 550 instead of nothing, by rule x; …"; NULL when there is nothing to tell. */
char *shadow_print(const void *parent, const struct inquiry *inquiry);
