/* SPDX-License-Identifier: Apache-2.0
 *
 * A store is a memory with expiry that outlives processes and that all workers share: under a key stands an entry, which says how often
 * something was noted, and when for the first and the last time. Adding to an entry makes it if there is none, and begins its life anew. What is in
 * a store can be lost at any time and must be rebuildable: it is never mail.
 *
 * Who keeps it is handed in as a struct store_way: LMDB, written by another process (base/store_reader.h, base/store_writer.h), or Redis,
 * which several gateways can share (base/store_redis.h); tests have a table.
 *
 * Nobody is kept waiting: each operation ends within the way's own time, with OUTCOME_DONE, or with another outcome when the store is gone,
 * slow, or broken; then the entry says nothing. Such failures are counted, and the first of a row stands in the log, as does the end of it.
 *
 * Keys are made of anything, by hashing: no stranger can make one too long, nor read out of a store who wrote to whom.
 */
#pragma once

#include "base/await.h"
#include "base/slice.h"

#define STORE_KEY_SIZE 16

struct store_key {
	uint8_t bytes[STORE_KEY_SIZE];
};

/* All zero when there is none. */
struct store_entry {
	uint64_t count;
	uint64_t first, last; /* clock_wall() */
};

/* What is to be noted. */
struct store_note {
	struct store_key key;
	uint64_t amount;   /* added to the count */
	uint64_t lifetime; /* ms from now on */
};

struct store;

/* Who keeps it. The entry is set before the await ends with OUTCOME_DONE; for add both may be NULL: then nobody wants to know. */
struct store_way {
	void (*get)(void *owner, const struct store_key *key, struct store_entry *entry,
		struct await *await);
	void (*add)(void *owner, const struct store_note *note, struct store_entry *entry,
		struct await *await);
	void *owner;
};

struct store *store_new(const void *parent, struct clock *clock, struct store_way way);

/* The kind keeps keys of different uses apart. */
struct store_key store_key(const char *kind, struct slice text);

/* Both may end at once. */
void store_begin_getting(struct store *store, const struct store_key *key,
	struct store_entry *entry, struct await *await);
void store_begin_adding(struct store *store, const struct store_note *note,
	struct store_entry *entry, struct await *await);
/* The same, when nobody waits for it. */
void store_add(struct store *store, const struct store_note *note);

/* The calendar of its entries. */
uint64_t store_wall(const struct store *store);

/* For the way: an operation has failed, and why; or went well (NULL). */
void store_report(struct store *store, const char *trouble);

/* How many operations have failed. */
uint64_t store_failures(const struct store *store);
