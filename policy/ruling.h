/* SPDX-License-Identifier: Apache-2.0
 *
 * What the rules say of an inquiry at its stage. The evaluation is kept in the inquiry while the stage is judged, so that it goes on where a fact
 * was missing; the next judgement begins anew. Afterwards its outcomes can be asked for, until ruling_forget().
 *
 * A rule that policy/breaker.h let fall does not act: it is monitored. What acted and did harm, as the breaker has it, is marked in the trace.
 *
 * A rule that matched, or whose condition failed, is an entry of the trace, "rule NAME". One that ends the stage decides. With mode = "observe"
 * rules change nothing in a message and delay nobody.
 */
#pragma once

#include "policy/inquiry.h"
#include "rules/evaluate.h"

struct strip;

#define RULING_DELAY_MOST 30000 /* ms, of all rules of a stage */

/* For the check `rules`. */
struct verdict ruling_judge(struct inquiry *inquiry);

/* What the rules did at the stage that was judged last; none when it was not asked for. They live until ruling_forget(). */
const struct rule_outcome *ruling_outcomes(const struct inquiry *inquiry, size_t *count);

/* For explain: NULL when there is none. */
struct evaluation *ruling_evaluation(const struct inquiry *inquiry);

/* For policy/scan: the evaluation of the stage, begun if need be; NULL when no rule is for it. */
struct evaluation *ruling_begin(struct inquiry *inquiry);

/* Edits of the rules that acted at the message stage: of the message into the list, of the envelope into the inquiry. */
void ruling_edit(struct inquiry *inquiry, struct edits *edits);

/* What those outcomes want to have removed; policy/strip.h. */
struct strip *ruling_strip(
	struct inquiry *inquiry, const struct rule_outcome *outcomes, size_t count);

/* Who shall get the mail for the recipient that was judged last, at rcpt; NULL: he himself. The last rule counts. */
const char *ruling_redirection(const struct inquiry *inquiry);

/* For policy/shadow: whether the rules were asked at this stage, and all they need was known; the score as they saw it; what a final action means. */
bool ruling_has_spoken(const struct inquiry *inquiry);
double ruling_score(const struct inquiry *inquiry);
struct verdict ruling_decide(struct inquiry *inquiry, const struct outcome_action *action);

/* Sessions that wait keep nothing. */
void ruling_forget(struct inquiry *inquiry);
