/* SPDX-License-Identifier: Apache-2.0
 *
 * Judging mail of the past again: a case (policy/replay_case.h) is judged as a session would judge it, stage by stage, a stage seeing the
 * facts that existed then.
 *
 * With its message, the facts of the header are taken from that: all of them, not only those that were asked at the time. Rules at the stage auth are judged where
 * the client had authenticated.
 *
 * Nobody is asked anything, nothing is counted and nothing waits: a fact that was not recorded has failed ("not recorded"). Whether the
 * client is in relay.networks or trusted_relays is worked out anew, for that is the configuration's.
 */
#pragma once

#include "policy/chain.h"
#include "policy/replay_case.h"

struct replay_outcome {
	struct inquiry *inquiry; /* with the trace */
	struct verdict verdict;
	struct verdict *recipients; /* one for each of the case */
	bool is_undecided;          /* a fact that was not recorded might have changed it */
	enum fact missing;          /* the first that was missed; FACT_COUNT: none */
};

/* Lives under the parent, and no longer than the case. */
struct replay_outcome *replay_judge(
	const void *parent, const struct chain *chain, const struct replay_case *the_case);

/* Whether the client, or one of the recipients, would hear something else. */
bool replay_differs(const struct replay_outcome *before, const struct replay_outcome *after);

/* Which check, rule or setting made the difference, under the parent. */
char *replay_culprit(const void *parent, const struct replay_outcome *before,
	const struct replay_outcome *after);
