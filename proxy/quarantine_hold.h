/* SPDX-License-Identifier: Apache-2.0
 *
 * One message of the quarantine in the hands of one command. While it is held nobody else holds, moves or removes it; a hold ends when it
 * is freed, and with the death of its process. So what was begun to be released and is not held was cut off.
 *
 * The lock is one of an open file description (fcntl(2), F_OFD_SETLK) on the message's file, wherever that is: whoever only looks takes none and is in
 * nobody's way.
 *
 * Limits: a file system without such locks cannot release; the reason says so.
 */
#pragma once

#include "proxy/quarantine.h"

struct quarantine_hold;

/* NULL: *reason says why. Never waits: what another one holds cannot be had. */
struct quarantine_hold *quarantine_hold_new(
	const void *parent, struct quarantine *quarantine, const char *id, const char **reason);

/* Where it is; this cannot change but by quarantine_hold_move(). */
enum quarantine_place quarantine_hold_place(const struct quarantine_hold *hold);

/* All of the message under the parent, never a part of it; NULL: *reason says why. */
char *quarantine_hold_read(
	const void *parent, const struct quarantine_hold *hold, size_t *size, const char **reason);

/* By a rename, which needs no room on the disk. NULL when it is there and synced. */
const char *quarantine_hold_move(struct quarantine_hold *hold, enum quarantine_place to)
	__attribute__((warn_unused_result));

/* The message and its ticket. */
const char *quarantine_hold_remove(struct quarantine_hold *hold)
	__attribute__((warn_unused_result));

/* Whether somebody holds the file of that descriptor. */
bool quarantine_hold_is_on(int descriptor);

/* Removes one file of a message, unless somebody holds it. */
bool quarantine_hold_remove_file(const char *path) __attribute__((warn_unused_result));
