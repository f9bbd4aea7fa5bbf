/* SPDX-License-Identifier: Apache-2.0
 *
 * The master's part in the list of recipients (recipients.source = file and ldap): looks now and then whether the file has changed, has it compiled,
 * and holds the table that is in force for the workers there are and those to come.
 *
 * A child compiles: it opens the file while it is still root, gives up all that it has, and writes the table into a file without a
 * name, which is sealed when it has ended well. So neither the master nor a worker is held up, and no mistake in a list does harm: the
 * child says in the log which line is wrong, and the table before stays in force. A file that changes while it is read is no good either; replace
 * lists by renaming.
 *
 * Without any table yet, no recipient is refused because of it: an error in the log says so.
 */
#pragma once

#include "proxy/configuration.h"

#include <sys/types.h>

struct loop;
struct recipient_list;
struct recipients;

struct recipients_events {
	/* A child has ended: is_new: its table is in force now. */
	void (*on_settled)(void *owner, bool is_new);
	void *owner;
};

struct recipients *recipients_new(
	const void *parent, struct loop *loop, struct recipients_events events);

/* From now on, the file that this configuration names. Begins to compile it unless its table is there. */
void recipients_use(struct recipients *recipients, const struct configuration *configuration);

/* The table in force, or -1; it stays ours. */
int recipients_descriptor(const struct recipients *recipients);

/* Whether the first table is being made. */
bool recipients_are_awaited(const struct recipients *recipients);

/* A child of the master has died; false when it was not ours. */
bool recipients_bury(struct recipients *recipients, pid_t pid, int status)
	__attribute__((warn_unused_result));

/* For `postern explain`: the list as it lies there now. False when there is none. */
bool recipients_load(const struct configuration *configuration, struct recipient_list *list);

/* For `postern check`: complains about the list; not read unless it is a file of the site's own. */
void recipients_examine(const struct configuration *configuration, struct complaints *complaints);
