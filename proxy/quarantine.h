/* SPDX-License-Identifier: Apache-2.0
 *
 * The quarantine on the disk: a Maildir whose messages are named by the ids of their transactions, and beside it a folder `tickets` with
 * what belongs to each (proxy/ticket.h). In new lies what waits, in cur what somebody has begun to release.
 *
 * Only the keeper puts messages in; what it said yes to has been synced, file and directory. People's commands take them out: they
 * rename and remove, each in one call that happens wholly or not at all, so nobody needs a lock.
 *
 * quarantine.size counts messages and tickets. When it is used up nothing is thrown away for it: the next message is not taken, and the
 * client tries again. What is older than quarantine.age goes at the keeper's next look around, a minute apart.
 *
 * All of it blocks; workers must not call it. Reasons are for people, under the parent or constant.
 */
#pragma once

#include "policy/options.h"

struct quarantine;

/* Makes the folders where they are missing. NULL: *reason says why. */
struct quarantine *quarantine_open(
	const void *parent, const struct quarantine_options *options, const char **reason);

/* What is to be kept: one descriptor has the ticket's bytes and behind them the message. */
struct quarantine_item {
	struct slice id;
	int descriptor;
	size_t ticket_size;
	bool (*is_wanted)(void *owner); /* asked when all is written, before it counts */
	void *owner;
};

/* NULL when it is safe on the disk; otherwise why not, and nothing of it is left. */
const char *quarantine_put(struct quarantine *quarantine, const struct quarantine_item *item)
	__attribute__((warn_unused_result));

/* Removes what is too old at that time (seconds since 1970), and what was never finished; how many messages. */
size_t quarantine_expire(struct quarantine *quarantine, int64_t seconds);

/* Whether a text can be an id; nothing else is looked for on the disk. */
bool quarantine_is_id(const char *id);

/* The ids of all that is kept, oldest first, a talloc array under the parent. */
const char **quarantine_list(const void *parent, const struct quarantine *quarantine);

/* The message or the ticket of that id, under the parent; NULL: *reason says why. */
char *quarantine_read_message(const void *parent, const struct quarantine *quarantine,
	const char *id, size_t *size, const char **reason);
char *quarantine_read_ticket(const void *parent, const struct quarantine *quarantine,
	const char *id, const char **reason);

/* Writes a ticket anew. */
const char *quarantine_write_ticket(struct quarantine *quarantine, const char *id,
	struct slice ticket) __attribute__((warn_unused_result));

/* From new to cur: of all who try only one is told NULL. */
const char *quarantine_claim(struct quarantine *quarantine, const char *id)
	__attribute__((warn_unused_result));
/* And back. */
const char *quarantine_give_back(struct quarantine *quarantine, const char *id)
	__attribute__((warn_unused_result));
/* Whether somebody has claimed it. */
bool quarantine_is_claimed(const struct quarantine *quarantine, const char *id);

const char *quarantine_delete(struct quarantine *quarantine, const char *id)
	__attribute__((warn_unused_result));
