/* SPDX-License-Identifier: Apache-2.0
 *
 * Judging mail of the past again. A case is what was known of one transaction: the facts of its verdict record, or what can be taken from a
 * message that came another way. It is judged as a session would judge it, stage by stage, a stage seeing the facts that existed then.
 *
 * With its message, the facts of the header are taken from that: all of them, not only those that were asked at the time. Rules at the stage auth are judged where
 * the client had authenticated.
 *
 * Nobody is asked anything, nothing is counted and nothing waits: a fact that was not recorded has failed ("not recorded"). Whether the
 * client is in relay.networks or trusted_relays is worked out anew, for that is the configuration's.
 */
#pragma once

#include "policy/chain.h"

struct replay_case {
	const char *name;     /* id of the transaction, or the file */
	const char *recorded; /* name of the verdict it had; NULL: that is not known */
	struct facts *told;
	struct facts
		*of_mail; /* those that were forgotten before the first recipient; NULL: none */
	struct facts **recipients; /* those, of each recipient */
	size_t recipient_count;
	struct message *message; /* NULL: it was not kept */
	bool has_message;        /* it came as far as the message stage */
	bool is_kept;            /* the record says that the message was */
	bool is_session;         /* it was refused before any transaction */
};

/* Of a verdict record; NULL when that is none. Facts that are none any more are passed over. */
struct replay_case *replay_of_record(const void *parent, struct slice json);

/* The message that was kept beside the record; false when it is none. */
bool replay_take_message(struct replay_case *the_case, struct slice bytes)
	__attribute__((warn_unused_result));

/* Of a message, with line ends of any kind. hop: which Received field, from 1, is the one that the receiving server wrote: it has the client,
 * its HELO and perhaps the envelope; it and all above are taken off. 0: nothing is known but the message. NULL when it has
 * no such field, or that tells no address. */
struct replay_case *replay_of_message(
	const void *parent, const char *name, struct slice bytes, unsigned hop);

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
