/* SPDX-License-Identifier: Apache-2.0
 *
 * The quarantine on the disk: a Maildir whose messages are named by the ids of their transactions, and beside it a folder `tickets` with
 * what belongs to each (proxy/ticket.h). In new lies what waits, in cur what somebody has begun to release, and under a name that ends in ":2,P"
 * (a Maildir's word for passed on) what was released: so that is known without the ticket, and needs no room to be written down.
 *
 * Only the keeper puts messages in; what it said yes to has been synced, file and directory. People's commands take them out, one at a time each
 * (proxy/quarantine_hold.h).
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

#define QUARANTINE_NOT_THERE "there is no message with this id in the quarantine"

/* False: *reason says why. */
bool quarantine_is_good_id(const char *id, const char **reason);

enum quarantine_place {
	QUARANTINE_WAITS,
	QUARANTINE_CLAIMED, /* somebody has begun to release it */
	QUARANTINE_RELEASED,
	QUARANTINE_PLACES
};

/* The file of a message in that place, under the parent; and the folder's last changes, on the disk. */
char *quarantine_path(const void *parent, const struct quarantine *quarantine,
	enum quarantine_place place, const char *id);
bool quarantine_sync(const struct quarantine *quarantine, enum quarantine_place place)
	__attribute__((warn_unused_result));

/* What can be seen of a message without its ticket. */
struct quarantine_sight {
	enum quarantine_place place;
	bool is_held;          /* somebody works on it at this moment */
	int64_t came, changed; /* seconds since 1970; changed: when it was last moved */
	int64_t size;
};

/* False: *reason says why. */
bool quarantine_look(const struct quarantine *quarantine, const char *id,
	struct quarantine_sight *sight, const char **reason);

/* The whole message or ticket of that id under the parent, never a part of it; NULL: *reason says why. */
char *quarantine_read_message(const void *parent, const struct quarantine *quarantine,
	const char *id, size_t *size, const char **reason);
char *quarantine_read_ticket(const void *parent, const struct quarantine *quarantine,
	const char *id, const char **reason);
/* The same of an open file. */
char *quarantine_read_open(const void *parent, int file, size_t *size, const char **reason);

/* Writes a ticket anew; where it cannot, the old one stays and nothing else is left. */
const char *quarantine_write_ticket(struct quarantine *quarantine, const char *id,
	struct slice ticket) __attribute__((warn_unused_result));
void quarantine_remove_ticket(struct quarantine *quarantine, const char *id);
