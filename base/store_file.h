/* SPDX-License-Identifier: Apache-2.0
 *
 * What base/store_reader and base/store_writer agree upon: the file of the store, an LMDB without a directory of its own, and the updates on the
 * way from one to the other.
 *
 * Three tables: entries (key → struct store_file_entry), expiry (time, key → nothing: when the entry is to be looked at; its bytes sort by time), and
 * applied (who → struct store_file_mark): the number of the last update of a reader that is in the file, written together with it. So a reader
 * knows which of its own updates it still has to add to what it reads.
 */
#pragma once

#include "base/store.h"

#define STORE_FILE_NAME "memory.mdb"
#define STORE_FILE_ENTRIES "entries"
#define STORE_FILE_EXPIRY "expiry"
#define STORE_FILE_APPLIED "applied"
#define STORE_FILE_TABLES 3

struct store_file_entry {
	uint64_t count, first, last;
	uint64_t expires; /* clock_wall() */
};

struct store_file_expiry {
	uint64_t expires; /* big-endian */
	struct store_key key;
};

struct store_file_mark {
	uint64_t number;
	uint64_t wall;
};

struct store_file_update {
	uint64_t who, number; /* a reader, and its updates in their order from 1 */
	struct store_key key;
	uint64_t amount;
	uint64_t wall; /* when it was noted */
	uint64_t expires;
};

/* What an update makes of an entry; of one that has expired, and of none (NULL), a new one. */
static inline struct store_file_entry store_file_apply(
	const struct store_file_entry *before, const struct store_file_update *update)
{
	struct store_file_entry after = {0, update->wall, update->wall, update->expires};

	if (before && before->count && before->expires > update->wall)
		after = *before;
	after.count += update->amount;
	if (update->wall > after.last)
		after.last = update->wall;
	if (update->expires > after.expires)
		after.expires = update->expires;
	return after;
}
