/* SPDX-License-Identifier: Apache-2.0 */
/* Verdict records in LMDB. */
#include "proxy/records.h"

#include "base/log.h"

#include <endian.h>
#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <talloc.h>
#include <unistd.h>

enum {
	DATABASES = 2,
	EXPIRED_A_TURN = 64, /* so that no transaction grows without bound */
	READ_A_TURN = 256,
	FULL_PERCENT = 60 /* of the map in use: LMDB copies what it changes and needs room for it */
};

struct records {
	MDB_env *environment;
	MDB_txn *transaction; /* NULL: an error has ended it */
	MDB_dbi by_id;        /* id -> time, JSON */
	MDB_dbi by_time;      /* time, id -> nothing */
	uint64_t age;         /* milliseconds */
	size_t size;          /* of the map */
	bool dirty;
};

/* A key of by_time. Keys sort by their bytes: so the time is big-endian. */
struct time_key {
	uint64_t wall;
	char id[RECORDS_ID_MOST];
};

enum { TIME_SIZE = sizeof(uint64_t) };

static bool succeeded(int error, const char *what)
{
	if (error == 0)
		return true;
	log_event(LEVEL_ERROR, "store_failed", "%s: %s", what, mdb_strerror(error));
	return false;
}

/* --- opening --- */

static int open_databases(struct records *records)
{
	MDB_txn *transaction;
	int error = mdb_txn_begin(records->environment, NULL, 0, &transaction);

	if (error != 0)
		return error;
	error = mdb_dbi_open(transaction, "records", MDB_CREATE, &records->by_id);
	if (error == 0)
		error = mdb_dbi_open(transaction, "times", MDB_CREATE, &records->by_time);
	if (error == 0)
		return mdb_txn_commit(transaction);
	mdb_txn_abort(transaction);
	return error;
}

static int open_environment(struct records *records, const char *path)
{
	int error = mdb_env_create(&records->environment);

	if (error == 0)
		error = mdb_env_set_mapsize(records->environment, records->size);
	if (error == 0)
		error = mdb_env_set_maxdbs(records->environment, DATABASES);
	if (error == 0)
		error = mdb_env_open(records->environment, path, MDB_NOSYNC | MDB_NOMETASYNC, 0600);
	if (error == 0)
		error = open_databases(records);
	if (error != 0) {
		mdb_env_close(records->environment);
		records->environment = NULL;
	}
	return error;
}

static bool is_damage(int error)
{
	return error == MDB_CORRUPTED || error == MDB_INVALID || error == MDB_PANIC ||
		error == MDB_PAGE_NOTFOUND || error == MDB_VERSION_MISMATCH;
}

static void put_aside(const char *path)
{
	char *data = talloc_asprintf(NULL, "%s/data.mdb", path);
	char *damaged = talloc_asprintf(data, "%s.damaged", data);

	if (rename(data, damaged) < 0)
		log_event(LEVEL_ERROR, "store_failed", "%s: %s", data, strerror(errno));
	else
		log_event(LEVEL_ERROR, "store_damaged", "put aside as %s, beginning anew", damaged);
	talloc_free(data);
}

static int records_close(struct records *records)
{
	if (records->transaction)
		mdb_txn_abort(records->transaction);
	if (records->environment)
		mdb_env_close(records->environment);
	return 0;
}

struct records *records_open(const void *parent, const char *path, uint64_t age, size_t size)
{
	struct records *records = talloc_zero(parent, struct records);

	records->age = age;
	records->size = size;
	talloc_set_destructor(records, records_close);
	int error = open_environment(records, path);
	if (is_damage(error)) {
		put_aside(path);
		error = open_environment(records, path);
	}
	if (succeeded(error, path))
		return records;
	talloc_free(records);
	return NULL;
}

/* --- writing --- */

void records_begin(struct records *records)
{
	int error = mdb_txn_begin(records->environment, NULL, 0, &records->transaction);

	if (error == MDB_MAP_RESIZED) { /* another generation's keeper has made it larger */
		mdb_env_set_mapsize(records->environment, 0);
		error = mdb_txn_begin(records->environment, NULL, 0, &records->transaction);
	}
	if (!succeeded(error, "begin"))
		records->transaction = NULL;
}

/* Everything goes: better than a store that takes nothing any more. */
static void begin_anew(struct records *records)
{
	log_event(LEVEL_WARNING, "store_emptied", "no room was left, not even to make room");
	records_begin(records);
	if (records->transaction &&
		(mdb_drop(records->transaction, records->by_id, 0) != 0 ||
			mdb_drop(records->transaction, records->by_time, 0) != 0))
		mdb_txn_abort(records->transaction);
	else
		records_commit(records);
	records->transaction = NULL;
}

static void give_up(struct records *records, int error, const char *what)
{
	mdb_txn_abort(records->transaction);
	records->transaction = NULL;
	if (error == MDB_MAP_FULL)
		begin_anew(records);
	else
		succeeded(error, what);
}

static int put_time(struct records *records, struct slice id, uint64_t wall)
{
	struct time_key key = {.wall = htobe64(wall)};
	MDB_val name = {TIME_SIZE + id.size, &key};
	MDB_val value = {0, NULL};

	memcpy(key.id, id.data, id.size);
	return mdb_put(records->transaction, records->by_time, &name, &value, 0);
}

void records_put(struct records *records, struct slice id, struct slice json, uint64_t wall)
{
	const uint64_t stamp = htobe64(wall);
	MDB_val name = {id.size, (void *)(uintptr_t)id.data};
	MDB_val value = {sizeof stamp + json.size, NULL};

	if (!records->transaction || id.size == 0 || id.size > RECORDS_ID_MOST)
		return;
	int error = put_time(records, id, wall);
	if (error == 0)
		error = mdb_put(records->transaction, records->by_id, &name, &value, MDB_RESERVE);
	if (error == 0) {
		memcpy(value.mv_data, &stamp, sizeof stamp);
		memcpy((char *)value.mv_data + sizeof stamp, json.data, json.size);
		records->dirty = true;
	} else {
		give_up(records, error, "put");
	}
}

void records_commit(struct records *records)
{
	if (records->transaction)
		succeeded(mdb_txn_commit(records->transaction), "commit");
	records->transaction = NULL;
}

void records_sync(struct records *records)
{
	if (records->dirty)
		succeeded(mdb_env_sync(records->environment, 1), "sync");
	records->dirty = false;
}

/* --- expiry --- */

static size_t bytes_in_use(struct records *records)
{
	const MDB_dbi both[] = {records->by_id, records->by_time};
	size_t pages = 0;
	MDB_stat stat = {0};

	for (size_t i = 0; i < 2; i++) {
		if (mdb_stat(records->transaction, both[i], &stat) == 0)
			pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
	}
	return pages * stat.ms_psize;
}

static bool is_too_old(const struct records *records, const MDB_val *key, uint64_t wall)
{
	uint64_t time;

	if (key->mv_size <= TIME_SIZE)
		return true; /* none of ours */
	memcpy(&time, key->mv_data, TIME_SIZE);
	return be64toh(time) + records->age < wall;
}

/* An id that was recorded again later keeps its later record. */
static int delete_record(struct records *records, const MDB_val *key)
{
	MDB_val id = {key->mv_size - TIME_SIZE, (char *)key->mv_data + TIME_SIZE};
	MDB_val value;
	int error = mdb_get(records->transaction, records->by_id, &id, &value);

	if (error != 0)
		return error == MDB_NOTFOUND ? 0 : error;
	if (memcmp(value.mv_data, key->mv_data, TIME_SIZE) != 0)
		return 0;
	return mdb_del(records->transaction, records->by_id, &id, NULL);
}

/* The oldest one, if it is too old or there is too much; MDB_NOTFOUND when there is nothing to do. */
static int expire_oldest(struct records *records, MDB_cursor *cursor, uint64_t wall)
{
	MDB_val key, value;
	int error = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);

	if (error != 0)
		return error;
	if (!is_too_old(records, &key, wall) &&
		bytes_in_use(records) < records->size / 100 * FULL_PERCENT)
		return MDB_NOTFOUND;
	if (key.mv_size > TIME_SIZE)
		error = delete_record(records, &key);
	return error == 0 ? mdb_cursor_del(cursor, 0) : error;
}

void records_expire(struct records *records, uint64_t wall)
{
	MDB_cursor *cursor;
	int error;

	if (!records->transaction)
		return;
	error = mdb_cursor_open(records->transaction, records->by_time, &cursor);
	if (error == 0) {
		for (unsigned i = 0; i < EXPIRED_A_TURN && error == 0; i++) {
			error = expire_oldest(records, cursor, wall);
			records->dirty |= error == 0;
		}
		mdb_cursor_close(cursor);
	}
	if (error != 0 && error != MDB_NOTFOUND) {
		give_up(records, error, "expire");
	}
}

/* --- reading --- */

/* A reader that made the lock file would make it its own, and the keeper could not open it. */
static unsigned reading_flags(const char *path)
{
	char *lock = talloc_asprintf(NULL, "%s/lock.mdb", path);
	unsigned flags = MDB_RDONLY | (access(lock, R_OK | W_OK) == 0 ? 0 : MDB_NOLOCK);

	talloc_free(lock);
	return flags;
}

static char *read_with(
	MDB_txn *transaction, const void *parent, const char *id, size_t *size, int *error)
{
	MDB_val name = {strlen(id), (void *)(uintptr_t)id};
	MDB_val value;
	MDB_dbi by_id;

	*error = mdb_dbi_open(transaction, "records", 0, &by_id);
	if (*error == 0)
		*error = mdb_get(transaction, by_id, &name, &value);
	if (*error == 0 && value.mv_size < sizeof(uint64_t))
		*error = MDB_CORRUPTED;
	if (*error != 0)
		return NULL;
	*size = value.mv_size - sizeof(uint64_t);
	char *bytes = talloc_array(parent, char, *size + 1);
	memcpy(bytes, (const char *)value.mv_data + sizeof(uint64_t), *size);
	bytes[*size] = '\0';
	return bytes;
}

static int open_reading(MDB_env *environment, const char *path)
{
	int error = mdb_env_set_maxdbs(environment, DATABASES);

	return error == 0 ? mdb_env_open(environment, path, reading_flags(path), 0600) : error;
}

static char *read_from(MDB_env *environment, const void *parent, const char *path, const char *id,
	size_t *size, int *error)
{
	MDB_txn *transaction;

	*error = open_reading(environment, path);
	if (*error == 0)
		*error = mdb_txn_begin(environment, NULL, MDB_RDONLY, &transaction);
	if (*error != 0)
		return NULL;
	char *bytes = read_with(transaction, parent, id, size, error);
	mdb_txn_abort(transaction);
	return bytes;
}

char *records_read(
	const void *parent, const char *path, const char *id, size_t *size, const char **reason)
{
	MDB_env *environment;
	size_t unasked;
	int error;

	*reason = NULL;
	if (strlen(id) == 0 || strlen(id) > RECORDS_ID_MOST) {
		*reason = "that is no id of a transaction";
		return NULL;
	}
	error = mdb_env_create(&environment);
	if (error != 0) {
		*reason = mdb_strerror(error);
		return NULL;
	}
	char *bytes = read_from(environment, parent, path, id, size ? size : &unasked, &error);
	mdb_env_close(environment);
	if (!bytes)
		*reason = error == MDB_NOTFOUND ? "there is no record with this id"
						: mdb_strerror(error);
	return bytes;
}

/* --- reading all --- */

/* Some of them at a time: a reader's transaction that goes on for long would keep the file from using its pages again. */
struct reading {
	MDB_env *environment;
	struct time_key at; /* where the next batch begins, */
	size_t at_size;
	bool is_behind; /* or behind it */
	char **jsons;   /* of this batch */
	size_t *sizes;
	size_t count;
};

static void keep_json(struct reading *reading, const MDB_val *value)
{
	if (value->mv_size < sizeof(uint64_t))
		return;
	size_t size = value->mv_size - sizeof(uint64_t);
	reading->jsons[reading->count] = talloc_memdup(
		reading->jsons, (const char *)value->mv_data + sizeof(uint64_t), size);
	reading->sizes[reading->count++] = size;
}

/* One that was recorded again later stands at its later time. */
static int keep_record(
	struct reading *reading, MDB_txn *transaction, MDB_dbi by_id, const MDB_val *key)
{
	MDB_val id = {key->mv_size - TIME_SIZE, (char *)key->mv_data + TIME_SIZE};
	MDB_val value;
	int error = mdb_get(transaction, by_id, &id, &value);

	if (error == 0 && memcmp(value.mv_data, key->mv_data, TIME_SIZE) == 0)
		keep_json(reading, &value);
	return error == MDB_NOTFOUND ? 0 : error;
}

static bool is_at(const struct reading *reading, const MDB_val *key)
{
	return key->mv_size == reading->at_size &&
		memcmp(key->mv_data, &reading->at, reading->at_size) == 0;
}

static int read_keys(struct reading *reading, MDB_cursor *cursor, MDB_dbi by_id)
{
	MDB_val key = {reading->at_size, &reading->at}, nothing;
	int error = mdb_cursor_get(cursor, &key, &nothing, MDB_SET_RANGE);

	if (error == 0 && reading->is_behind && is_at(reading, &key))
		error = mdb_cursor_get(cursor, &key, &nothing, MDB_NEXT);
	while (error == 0 && reading->count < READ_A_TURN) {
		if (key.mv_size <= TIME_SIZE || key.mv_size > sizeof reading->at)
			return MDB_CORRUPTED;
		error = keep_record(reading, mdb_cursor_txn(cursor), by_id, &key);
		memcpy(&reading->at, key.mv_data, key.mv_size);
		reading->at_size = key.mv_size;
		reading->is_behind = true;
		if (error == 0)
			error = mdb_cursor_get(cursor, &key, &nothing, MDB_NEXT);
	}
	return error;
}

/* MDB_NOTFOUND: this was the last batch. */
static int read_batch(struct reading *reading)
{
	MDB_cursor *cursor;
	MDB_txn *transaction;
	MDB_dbi by_id, by_time;
	int error = mdb_txn_begin(reading->environment, NULL, MDB_RDONLY, &transaction);

	if (error != 0)
		return error;
	error = mdb_dbi_open(transaction, "records", 0, &by_id);
	if (error == 0)
		error = mdb_dbi_open(transaction, "times", 0, &by_time);
	if (error == 0)
		error = mdb_cursor_open(transaction, by_time, &cursor);
	if (error == 0) {
		error = read_keys(reading, cursor, by_id);
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(transaction);
	return error;
}

static int read_batches(struct reading *reading, records_take_fn take, void *owner)
{
	bool goes_on = true;
	int error = 0;

	while (goes_on && error == 0) {
		reading->jsons = talloc_array(NULL, char *, READ_A_TURN);
		reading->sizes = talloc_array(reading->jsons, size_t, READ_A_TURN);
		reading->count = 0;
		error = read_batch(reading);
		for (size_t i = 0; goes_on && i < reading->count; i++)
			goes_on = take(owner, slice_make(reading->jsons[i], reading->sizes[i]));
		talloc_free(reading->jsons);
	}
	return error == MDB_NOTFOUND ? 0 : error;
}

const char *records_read_all(
	const char *path, uint64_t milliseconds, uint64_t wall, records_take_fn take, void *owner)
{
	uint64_t since = milliseconds && milliseconds < wall ? wall - milliseconds : 0;
	struct reading reading = {.at = {.wall = htobe64(since)}, .at_size = TIME_SIZE};
	int error = mdb_env_create(&reading.environment);

	if (error != 0)
		return mdb_strerror(error);
	error = open_reading(reading.environment, path);
	if (error == 0)
		error = read_batches(&reading, take, owner);
	mdb_env_close(reading.environment);
	return error == 0 ? NULL : mdb_strerror(error);
}
