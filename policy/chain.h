/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of judgement. At every stage: first the gates (relay, scanner), which no setting takes out; then those checks of
 * checks.chain that are limits; then whoever is exempt (policy/exemption.h: the allow-list, postmaster) is let through; then the other
 * checks of checks.chain, in that order; at the message stage the thresholds come last, once. The first final verdict ends the
 * stage. An accept ends the rest of the chain at this stage (with whole_session: at all that follow), never gates and limits.
 *
 * Where the allow-list has senders, what a check refuses at connect, helo or mail waits until rcpt, when it is known whether the sender
 * is one of them: or the list would not win.
 *
 * A monitored check is run and traced, but its verdict and score do not count. With mode = "observe" everything
 * but gates and limits is monitored: the verdict that would have been stands in inquiry->observed.
 *
 * Scores add up over the stages. A check that scores at rcpt counts once a transaction, however many recipients there are.
 */
#pragma once

#include "policy/check.h"

struct chain;

/* All gates and checks there are; each list ends with NULL. Complains about names in checks.chain, checks.monitor and
 * checks.off that are none. The learners are an array of LEARNERS, may hold rows without begin, and may be NULL; it is
 * copied. LEARNER_HEADER is the judge's own when the array has none. */
struct chain *chain_new(const void *parent, const struct policy *policy,
	const struct check *const *gates, const struct check *const *checks,
	const struct learner *learners, struct complaints *complaints);

/* The same chain with further learners: those that can only be made in the process that judges, after the fork. Rows without begin leave the
 * chain's own. The chain must outlive it. */
struct chain *chain_with_learners(
	const void *parent, const struct chain *chain, const struct learner *learners);

const struct policy *chain_policy(const struct chain *chain);
const struct learner *chain_learner(const struct chain *chain, enum fact_learner learner);

/* One run at the inquiry's stage over what is known now. VERDICT_UNKNOWN when a check asked for a fact not known yet.
 * Trace entries of this run are appended to the inquiry's trace. */
struct verdict chain_run(const struct chain *chain, struct inquiry *inquiry);
