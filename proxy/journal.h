/* SPDX-License-Identifier: Apache-2.0
 *
 * The journal as sessions write it: a verdict record of each transaction, and of each session that was refused before one, for explain, replay
 * and report. Where there is no keeper nothing is written. What a record holds, store.record says; with store.messages the message is kept
 * beside it.
 *
 * A record that is larger than the keeper takes is shortened, which the log says. Of the refusals without a transaction one a client (of IPv6: a
 * /64) and minute is recorded, and no more than JOURNAL_REFUSALS_MOST a minute of all together: who connects again and again fills no disk.
 */
#pragma once

#include "policy/inquiry.h"

#define JOURNAL_REFUSALS_MOST 600U

struct gateway;
struct session;

/* The message may be NULL: it never came, or was not judged. */
void journal_write(struct gateway *gateway, const char *id, struct inquiry *inquiry,
	const struct message *message);

/* The session's inquiry refused it outside a transaction, or would have. */
void journal_write_session(struct session *s);
