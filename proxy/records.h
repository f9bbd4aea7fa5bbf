/* SPDX-License-Identifier: Apache-2.0
 *
 * The verdict records on disk, in LMDB: the id of a transaction to its record (JSON as `explain --json` prints it) and the
 * time, and a second index by time, by which the oldest go first when they are too old (store.journal_age) or the store is
 * too large (store.journal_size).
 *
 * Written by the keeper alone, in transactions of many records; readers may be many, in any process. Not synced at each
 * transaction: a crash of postern loses nothing, one of the machine may lose the last seconds, or the store: one that is
 * damaged is put aside (its name ends in ".damaged") and begun anew.
 */
#pragma once

#include "base/slice.h"
#include "proxy/options.h"

#define RECORDS_ID_MOST 128

struct records;

/* Opens for writing. NULL, after an error in the log, when it cannot be. */
struct records *records_open(const void *parent, const struct store_options *store);

/* A transaction: begin, any number of puts, commit. An error loses the transaction and is logged. */
void records_begin(struct records *records);
void records_put(struct records *records, struct slice id, struct slice json, uint64_t wall);
void records_commit(struct records *records);

/* Takes away some of what is too old or too much, within the transaction; call it in each. */
void records_expire(struct records *records, uint64_t wall);

/* Brings everything to the disk; may take long. */
void records_sync(struct records *records);

/* Reads one, from any process: under the parent, or NULL; *reason says why. */
char *records_read(const void *parent, const char *path, const char *id, const char **reason);

/* Goes through those of the last so many milliseconds (0: all), the oldest first, until `take` says no; each is borrowed for the call. Holds no writer
 * up, however long that takes: what comes or goes meanwhile may be seen or not. Why it cannot be done, or NULL. */
typedef bool (*records_take_fn)(void *owner, struct slice json);
const char *records_read_all(const char *path, uint64_t milliseconds, uint64_t wall,
	records_take_fn take, void *owner) __attribute__((warn_unused_result));
