/* SPDX-License-Identifier: Apache-2.0
 *
 * The learner of what milters say (facts milter and milter.reply): a worker's milters, and the conversations of its sessions with them. A
 * conversation begins when a milter is first asked about and ends with the session; it is found again by the session's facts, so that
 * sessions about which no milter is asked cost nothing.
 *
 * What a milter wants to be changed is done when its last word lets the message go on, unless it is monitored (checks.monitor,
 * mode = "observe"): then it is asked and not heard. The next milter sees the message as it is then.
 *
 * A milter that fails is asked no more in that session. After several failures running it is down for all sessions of all workers, until
 * it negotiates with a probe (plugins/milter_breaker.h).
 */
#pragma once

#include "base/loop.h"
#include "base/table.h"
#include "plugins/milter_talk.h"

struct milter_learner;

/* tls: for each of the options a context or NULL. kind: of words of milters in the table. All must outlive it. */
struct milter_learner *milter_learner_new(const void *parent, struct loop *loop,
	struct table *table, uint8_t kind, const struct policy *policy,
	const struct milter_options *const *options, SSL_CTX *const *tls, size_t count);

/* The row for LEARNER_MILTER. */
struct learner milter_learner_row(struct milter_learner *learner);

/* For those who want to hear of it: a command of a session that is none; a recipient that others have refused. facts: of the session or its
 * transaction. */
void milter_learner_note_unknown(
	struct milter_learner *learner, struct facts *facts, struct slice line);
void milter_learner_note_refused(struct milter_learner *learner, struct facts *facts,
	const struct recipient *recipient, const struct reply *reply);
