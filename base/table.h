/* SPDX-License-Identifier: Apache-2.0
 *
 * A table of counters in shared memory, with a column for each process that counts. A process writes its own column only
 * and reads the sums; when it has died, its master clears the column and with it whatever the dead one had counted.
 * Made before the fork; whoever frees it (talloc) gives up its own view only.
 *
 * Plain counters are numbered and named by the caller. Most only grow: what a dead process had counted is handed to
 * column 0 by table_clear_column(). Those that say how much there is just now are marked as gauges: they die with the
 * process.
 *
 * Keyed counters count things like "connections of this client": the key is up to TABLE_KEY_SIZE bytes and a small kind number; there
 * is room for TABLE_KEYS at a time, in buckets; when a bucket is full the key is not counted, which table_unkeyed() counts.
 * Which bucket a key falls into depends on a secret of the run, so strangers cannot aim. A process that dies while it holds
 * a bucket's lock does no harm (robust mutexes).
 *
 * Words are what all processes know of a key together, as the state of a server behind: TABLE_WORDS numbers that belong to no
 * column, read and written by whoever likes, one at a time. They stay as long as the table; there are TABLE_WORD_KEYS sets of them.
 *
 * The memory is a file without a name, which a program that takes the place of this one can be handed.
 */
#pragma once

#include "base/slice.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_COLUMNS 128
#define TABLE_KEYS 16384
#define TABLE_KEY_SIZE 24
#define TABLE_RECENTS 131072
#define TABLE_WORDS 8
#define TABLE_WORD_KEYS 1024

struct table;

/* names: NULL-ended, for status; must stay. NULL when there is no memory to share. */
struct table *table_new(const void *parent, const char *const *names);

/* The descriptor of the memory, ours; and a table on one that was handed to us, which is taken. NULL, and nothing taken, when that
 * memory was not laid out as ours would be. */
int table_descriptor(const struct table *table);
struct table *table_take_over(const void *parent, const char *const *names, int descriptor);

/* Before the fork: this counter says how much there is just now. */
void table_mark_gauge(struct table *table, unsigned counter);

/* Chooses the column this process writes to. Before it: column 0. */
void table_use_column(struct table *table, unsigned column);
/* Forgets what the process of this column had open; what it had counted up goes to column 0. */
void table_clear_column(struct table *table, unsigned column);

void table_add(struct table *table, unsigned counter, int64_t delta);
int64_t table_sum(const struct table *table, unsigned counter);
size_t table_counters(const struct table *table);
const char *table_name(const struct table *table, unsigned counter);

/* Adds delta (1 or -1) to a key's count in our column, and returns the sum over all columns afterwards; 0 when the key
 * could not be counted: then nothing is to be taken away later. A key whose sum is 0 gives its place up. */
uint32_t table_count_key(
	struct table *table, uint8_t kind, const void *key, size_t size, int delta);
/* The sum of a key over all columns. */
uint32_t table_key_sum(const struct table *table, uint8_t kind, const void *key, size_t size);
uint64_t table_unkeyed(const struct table *table);

/* How often something happened with a key within a period (in seconds, of the wall clock), for all processes: notes it once more, and says how
 * often with this; and says how often so far. The period begins with the first time. The memory is lossy: at most
 * TABLE_RECENTS keys are known, the oldest of a bucket makes room, a death forgets nothing, and two keys in 2^20 of a bucket are
 * taken for one. Counts end at 4095. */
uint32_t table_note_recent(struct table *table, uint8_t kind, const void *key, size_t size,
	uint64_t second, uint32_t period);
uint32_t table_recent(const struct table *table, uint8_t kind, const void *key, size_t size,
	uint64_t second, uint32_t period);

/* Forgets how often; whether there was anything to forget. */
bool table_forget_recent(struct table *table, uint8_t kind, const void *key, size_t size);

/* A key for what is longer than TABLE_KEY_SIZE. It depends on the secret of the run; of 2^32 texts, two may have the same. */
uint64_t table_digest(const struct table *table, struct slice text);

/* The words of a key, all 0 at first. NULL when there is no room for one more key. */
_Atomic uint64_t *table_words(struct table *table, uint8_t kind, const void *key, size_t size);
/* The same, NULL when nobody has asked for them yet. */
_Atomic uint64_t *table_find_words(struct table *table, uint8_t kind, const void *key, size_t size);
