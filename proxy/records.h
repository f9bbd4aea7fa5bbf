/* SPDX-License-Identifier: Apache-2.0
 *
 * Records on disk, in LMDB: the id of a transaction to its record and the time, and a second index by time, by which the oldest go first when
 * they are too old or the file is too large. The journal is of them (JSON as `explain --json` prints it), and the messages beside it, in a
 * folder of their own.
 *
 * Written by the keeper alone, in transactions of many records; readers may be many, in any process. Not synced at each
 * transaction: a crash of postern loses nothing, one of the machine may lose the last seconds, or the store: one that is
 * damaged is put aside (its name ends in ".damaged") and begun anew.
 */
#pragma once

#include "base/slice.h"

#define RECORDS_ID_MOST 128

struct records;

/* Opens for writing. age: in milliseconds; size: of the file, in bytes. NULL, after an error in the log, when it cannot be. */
struct records *records_open(const void *parent, const char *path, uint64_t age, size_t size);

/* A transaction: begin, any number of puts, commit. An error loses the transaction and is logged. */
void records_begin(struct records *records);
void records_put(struct records *records, struct slice id, struct slice json, uint64_t wall);
void records_commit(struct records *records);

/* Takes away some of what is too old or too much, within the transaction; call it in each. */
void records_expire(struct records *records, uint64_t wall);

/* Brings everything to the disk; may take long. */
void records_sync(struct records *records);

/* Reads one, from any process: under the parent, with a NUL behind it; or NULL, and *reason says why. The size may be NULL. */
char *records_read(
	const void *parent, const char *path, const char *id, size_t *size, const char **reason);

/* Goes through those of the last so many milliseconds (0: all), the oldest first, until `take` says no; each is borrowed for the call. Holds no writer
 * up, however long that takes: what comes or goes meanwhile may be seen or not. Why it cannot be done, or NULL. */
typedef bool (*records_take_fn)(void *owner, struct slice json);
const char *records_read_all(const char *path, uint64_t milliseconds, uint64_t wall,
	records_take_fn take, void *owner) __attribute__((warn_unused_result));
