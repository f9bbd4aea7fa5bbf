/* SPDX-License-Identifier: Apache-2.0 */
/* Counters in shared memory: a column a process, and a small hash table of keys under robust locks. */
#include "base/table.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

enum {
	BUCKET_ENTRIES = 8,
	BUCKETS = TABLE_KEYS / BUCKET_ENTRIES,
	STRIPES = 64,
	COUNTERS_MOST = 64,
	NAMES_MOST = 2048
};

/* An entry whose counts are all 0 is free, whatever its key says: so a death between two writes leaves nothing. */
struct entry {
	uint8_t kind;
	uint8_t size;
	uint8_t key[TABLE_KEY_SIZE];
	uint16_t counts[TABLE_COLUMNS];
};

struct column {
	_Alignas(64) _Atomic int64_t counters[COUNTERS_MOST];
};

struct words {
	uint8_t used;
	uint8_t kind;
	uint8_t size;
	uint8_t key[TABLE_KEY_SIZE];
	_Atomic uint64_t words[TABLE_WORDS];
};

struct shared {
	char layout
		[NAMES_MOST]; /* says how all this is laid out: two programs may share it if they say the same */
	pthread_mutex_t words_lock;
	struct words words[TABLE_WORD_KEYS];
	pthread_mutex_t stripes[STRIPES]; /* bucket i belongs to stripe i % STRIPES */
	_Atomic uint64_t unkeyed;
	uint64_t secret;
	struct column columns[TABLE_COLUMNS];
	_Atomic uint64_t recents[TABLE_RECENTS];
	struct entry entries[BUCKETS][BUCKET_ENTRIES];
};

struct table {
	struct shared *shared;
	int descriptor;
	const char *const *names;
	size_t counters;
	unsigned column;
	bool gauges[COUNTERS_MOST];
};

static int table_unmap(struct table *table)
{
	munmap(table->shared, sizeof *table->shared);
	close(table->descriptor);
	return 0;
}

static void locks_init(struct shared *shared)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&shared->words_lock, &attributes);
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_init(&shared->stripes[i], &attributes);
	pthread_mutexattr_destroy(&attributes);
}

static void write_layout(char layout[NAMES_MOST], const char *const *names)
{
	int used = snprintf(
		layout, NAMES_MOST, "1 %zu %zu", sizeof(struct shared), sizeof(struct entry));

	for (size_t i = 0; names[i]; i++) {
		used += snprintf(layout + used, (size_t)(NAMES_MOST - used), " %s", names[i]);
		assert(used < NAMES_MOST);
	}
}

static struct shared *map(int descriptor)
{
	struct shared *shared =
		mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);

	return shared == MAP_FAILED ? NULL : shared;
}

static struct table *table_on(
	const void *parent, const char *const *names, int descriptor, struct shared *shared)
{
	struct table *table = talloc_zero(parent, struct table);

	table->shared = shared;
	table->descriptor = descriptor;
	table->names = names;
	while (names[table->counters])
		table->counters++;
	assert(table->counters <= COUNTERS_MOST);
	talloc_set_destructor(table, table_unmap);
	return table;
}

static struct shared *make_shared(int descriptor, const char *const *names)
{
	struct shared *shared = ftruncate(descriptor, sizeof *shared) == 0 ? map(descriptor) : NULL;

	if (!shared)
		return NULL;
	locks_init(shared);
	write_layout(shared->layout, names);
	if (getrandom(&shared->secret, sizeof shared->secret, GRND_NONBLOCK) < 0)
		shared->secret =
			(uintptr_t)shared; /* early boot: at least not the same everywhere */
	return shared;
}

struct table *table_new(const void *parent, const char *const *names)
{
	int descriptor = memfd_create("postern-table", MFD_CLOEXEC);
	struct shared *shared = descriptor < 0 ? NULL : make_shared(descriptor, names);

	if (shared)
		return table_on(parent, names, descriptor, shared);
	if (descriptor >= 0)
		close(descriptor);
	return NULL;
}

struct table *table_take_over(const void *parent, const char *const *names, int descriptor)
{
	char layout[NAMES_MOST] = "";
	struct stat its;
	struct shared *shared;

	if (fstat(descriptor, &its) < 0 || its.st_size != sizeof *shared)
		return NULL;
	shared = map(descriptor);
	if (!shared)
		return NULL;
	write_layout(layout, names);
	if (memcmp(shared->layout, layout, sizeof layout) == 0)
		return table_on(parent, names, descriptor, shared);
	munmap(shared, sizeof *shared);
	return NULL;
}

int table_descriptor(const struct table *table)
{
	return table->descriptor;
}

void table_mark_gauge(struct table *table, unsigned counter)
{
	assert(counter < table->counters);
	table->gauges[counter] = true;
}

void table_use_column(struct table *table, unsigned column)
{
	assert(column < TABLE_COLUMNS);
	table->column = column;
}

void table_add(struct table *table, unsigned counter, int64_t delta)
{
	assert(counter < table->counters);
	atomic_fetch_add_explicit(&table->shared->columns[table->column].counters[counter], delta,
		memory_order_relaxed);
}

int64_t table_sum(const struct table *table, unsigned counter)
{
	int64_t sum = 0;

	assert(counter < table->counters);
	for (size_t i = 0; i < TABLE_COLUMNS; i++) {
		sum += atomic_load_explicit(
			&table->shared->columns[i].counters[counter], memory_order_relaxed);
	}
	return sum;
}

size_t table_counters(const struct table *table)
{
	return table->counters;
}

const char *table_name(const struct table *table, unsigned counter)
{
	assert(counter < table->counters);
	return table->names[counter];
}

uint64_t table_unkeyed(const struct table *table)
{
	return atomic_load_explicit(&table->shared->unkeyed, memory_order_relaxed);
}

/* --- keys --- */

static void lock(pthread_mutex_t *mutex)
{
	int error = pthread_mutex_lock(mutex);

	if (error == EOWNERDEAD)
		error = pthread_mutex_consistent(mutex);
	assert(error == 0);
}

static void stripe_lock(struct shared *shared, size_t bucket)
{
	lock(&shared->stripes[bucket % STRIPES]);
}

static void stripe_unlock(struct shared *shared, size_t bucket)
{
	pthread_mutex_unlock(&shared->stripes[bucket % STRIPES]);
}

static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= UINT64_C(0xff51afd7ed558ccd);
	x ^= x >> 33;
	x *= UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ (x >> 33);
}

static uint64_t hash_of(const struct shared *shared, const struct entry *wanted)
{
	uint64_t parts[TABLE_KEY_SIZE / sizeof(uint64_t)];

	memcpy(parts, wanted->key, sizeof parts);
	uint64_t hash = mix(shared->secret ^ (uint64_t)(wanted->kind << 8 | wanted->size));
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		hash = mix(hash + parts[i]);
	return hash;
}

uint64_t table_digest(const struct table *table, struct slice text)
{
	uint64_t hash = mix(table->shared->secret ^ text.size), part;

	while (text.size) {
		size_t size = text.size < sizeof part ? text.size : sizeof part;
		part = 0;
		memcpy(&part, text.data, size);
		hash = mix(hash + part);
		text = slice_from(text, size);
	}
	return hash;
}

static size_t bucket_of(const struct shared *shared, const struct entry *wanted)
{
	return hash_of(shared, wanted) % BUCKETS;
}

static uint32_t entry_sum(const struct entry *entry)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < TABLE_COLUMNS; i++)
		sum += entry->counts[i];
	return sum;
}

static bool is_same_key(const struct entry *a, const struct entry *b)
{
	return a->kind == b->kind && a->size == b->size &&
		memcmp(a->key, b->key, TABLE_KEY_SIZE) == 0;
}

/* The key's entry, else a free one, else NULL. */
static struct entry *entry_find(struct entry bucket[BUCKET_ENTRIES], const struct entry *wanted)
{
	struct entry *unused = NULL;

	for (size_t i = 0; i < BUCKET_ENTRIES; i++) {
		bool in_use = entry_sum(&bucket[i]) > 0;

		if (in_use && is_same_key(&bucket[i], wanted))
			return &bucket[i];
		if (!in_use && !unused)
			unused = &bucket[i];
	}
	return unused;
}

static uint32_t entry_count(
	struct entry *entry, const struct entry *wanted, unsigned column, int delta)
{
	if (!is_same_key(entry, wanted)) {
		if (delta < 0)
			return 0;
		memcpy(entry->key, wanted->key, TABLE_KEY_SIZE);
		entry->kind = wanted->kind;
		entry->size = wanted->size;
	}
	if (delta > 0 && entry->counts[column] < UINT16_MAX)
		entry->counts[column]++;
	else if (delta < 0 && entry->counts[column] > 0)
		entry->counts[column]--;
	return entry_sum(entry);
}

uint32_t table_count_key(struct table *table, uint8_t kind, const void *key, size_t size, int delta)
{
	struct shared *shared = table->shared;
	struct entry wanted = {.kind = kind, .size = (uint8_t)size};
	uint32_t sum = 0;

	assert(size <= TABLE_KEY_SIZE && (delta == 1 || delta == -1));
	memcpy(wanted.key, key, size);
	size_t bucket = bucket_of(shared, &wanted);

	stripe_lock(shared, bucket);
	struct entry *entry = entry_find(shared->entries[bucket], &wanted);
	if (entry)
		sum = entry_count(entry, &wanted, table->column, delta);
	else if (delta > 0)
		atomic_fetch_add_explicit(&shared->unkeyed, 1, memory_order_relaxed);
	stripe_unlock(shared, bucket);
	return sum;
}

uint32_t table_key_sum(const struct table *table, uint8_t kind, const void *key, size_t size)
{
	struct shared *shared = table->shared;
	struct entry wanted = {.kind = kind, .size = (uint8_t)size};

	assert(size <= TABLE_KEY_SIZE);
	memcpy(wanted.key, key, size);
	size_t bucket = bucket_of(shared, &wanted);

	stripe_lock(shared, bucket);
	const struct entry *entry = entry_find(shared->entries[bucket], &wanted);
	uint32_t sum = entry && is_same_key(entry, &wanted) ? entry_sum(entry) : 0;
	stripe_unlock(shared, bucket);
	return sum;
}

static void clear_counters(struct table *table, unsigned column)
{
	struct column *columns = table->shared->columns;

	for (size_t i = 0; i < table->counters; i++) {
		int64_t last = atomic_exchange(&columns[column].counters[i], 0);

		if (!table->gauges[i] && column != 0)
			atomic_fetch_add(&columns[0].counters[i], last);
	}
}

void table_clear_column(struct table *table, unsigned column)
{
	struct shared *shared = table->shared;

	assert(column < TABLE_COLUMNS);
	clear_counters(table, column);
	for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
		stripe_lock(shared, bucket);
		for (size_t i = 0; i < BUCKET_ENTRIES; i++)
			shared->entries[bucket][i].counts[column] = 0;
		stripe_unlock(shared, bucket);
	}
}

/* --- words --- */

static bool are_words_of(const struct words *words, uint8_t kind, const void *key, size_t size)
{
	return words->kind == kind && words->size == size && memcmp(words->key, key, size) == 0;
}

/* Those of the key, or the first that are nobody's; NULL when there are neither. */
static struct words *find_words(struct shared *shared, uint8_t kind, const void *key, size_t size)
{
	for (size_t i = 0; i < TABLE_WORD_KEYS; i++) {
		struct words *words = &shared->words[i];

		if (!words->used || are_words_of(words, kind, key, size))
			return words;
	}
	return NULL;
}

_Atomic uint64_t *table_words(struct table *table, uint8_t kind, const void *key, size_t size)
{
	struct shared *shared = table->shared;
	struct words *found;

	assert(size <= TABLE_KEY_SIZE);
	lock(&shared->words_lock);
	found = find_words(shared, kind, key, size);
	if (found && !found->used) {
		found->kind = kind;
		found->size = (uint8_t)size;
		memcpy(found->key, key, size);
		found->used = true;
	}
	pthread_mutex_unlock(&shared->words_lock);
	return found ? found->words : NULL;
}

_Atomic uint64_t *table_find_words(struct table *table, uint8_t kind, const void *key, size_t size)
{
	struct shared *shared = table->shared;
	struct words *found;

	assert(size <= TABLE_KEY_SIZE);
	lock(&shared->words_lock);
	found = find_words(shared, kind, key, size);
	if (found && !found->used)
		found = NULL;
	pthread_mutex_unlock(&shared->words_lock);
	return found ? found->words : NULL;
}

/* --- what happened lately --- */

enum { RECENT_WAYS = 4, RECENT_COUNT_MOST = 4095 };

/* One of them is a word: 20 bits of the key's hash, 32 of the second it began, 12 of how often. 0 is a free place. */
static uint64_t recent_make(uint64_t hash, uint64_t second, uint32_t count)
{
	return (hash >> 44) << 44 | (second & UINT32_MAX) << 12 | count;
}

static bool recent_is_of(uint64_t word, uint64_t hash)
{
	return word && word >> 44 == hash >> 44;
}

/* How often, when it has not been too long. A clock that was set back makes it long, too. */
static uint32_t recent_count(uint64_t word, uint64_t second, uint32_t period)
{
	uint32_t age = (uint32_t)second - (uint32_t)(word >> 12);

	return word && age < period ? word & RECENT_COUNT_MOST : 0;
}

static struct entry recent_key(uint8_t kind, const void *key, size_t size)
{
	struct entry entry = {.kind = kind, .size = (uint8_t)size};

	assert(size <= TABLE_KEY_SIZE);
	memcpy(entry.key, key, size);
	return entry;
}

/* The key's place, else the one that began first. */
static _Atomic uint64_t *recent_place(struct shared *shared, uint64_t hash)
{
	_Atomic uint64_t *bucket =
		&shared->recents[hash % (TABLE_RECENTS / RECENT_WAYS) * RECENT_WAYS];
	_Atomic uint64_t *oldest = bucket;

	for (size_t i = 0; i < RECENT_WAYS; i++) {
		if (recent_is_of(bucket[i], hash))
			return &bucket[i];
		if ((uint32_t)(bucket[i] >> 12) < (uint32_t)(*oldest >> 12))
			oldest = &bucket[i];
	}
	return oldest;
}

uint32_t table_note_recent(struct table *table, uint8_t kind, const void *key, size_t size,
	uint64_t second, uint32_t period)
{
	struct entry wanted = recent_key(kind, key, size);
	uint64_t hash = hash_of(table->shared, &wanted);
	_Atomic uint64_t *place = recent_place(table->shared, hash);
	uint64_t word = *place, next;
	uint32_t count;

	do {
		uint32_t before = recent_is_of(word, hash) ? recent_count(word, second, period) : 0;
		count = before < RECENT_COUNT_MOST ? before + 1 : before;
		next = recent_make(hash, before ? word >> 12 : second, count);
	} while (!atomic_compare_exchange_weak(place, &word, next));
	return count;
}

uint32_t table_recent(const struct table *table, uint8_t kind, const void *key, size_t size,
	uint64_t second, uint32_t period)
{
	struct entry wanted = recent_key(kind, key, size);
	uint64_t hash = hash_of(table->shared, &wanted);
	uint64_t word = *recent_place(table->shared, hash);

	return recent_is_of(word, hash) ? recent_count(word, second, period) : 0;
}

bool table_forget_recent(struct table *table, uint8_t kind, const void *key, size_t size)
{
	struct entry wanted = recent_key(kind, key, size);
	uint64_t hash = hash_of(table->shared, &wanted);
	_Atomic uint64_t *place = recent_place(table->shared, hash);
	uint64_t word = *place;

	return recent_is_of(word, hash) && atomic_compare_exchange_strong(place, &word, 0);
}
