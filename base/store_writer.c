/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the file of a store, in LMDB. */
#include "base/store_writer.h"

#include "base/log.h"

#include <endian.h>
#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <talloc.h>

enum {
	EXPIRED_A_TURN = 256,
	UPDATES_MOST = 500, /* in one transaction: what it changes is there twice meanwhile */
	FULL_PERCENT =
		30, /* of the map in use: a transaction may change all, and LMDB has the last two besides */
	MARKS_KEPT = 24 * 3600 * 1000 /* ms: longer than any worker is silent and lives on */
};

struct store_writer {
	MDB_env *environment;
	MDB_txn *transaction; /* NULL: an error has ended it */
	MDB_dbi entries, expiry, applied;
	size_t size;      /* of the map */
	unsigned updates; /* in this transaction */
	bool dirty;
};

static bool succeeded(int error, const char *what)
{
	if (error == 0)
		return true;
	log_event(LEVEL_ERROR, "store_failed", "%s: %s", what, mdb_strerror(error));
	return false;
}

/* --- opening --- */

static int open_tables(struct store_writer *writer, MDB_txn *transaction)
{
	int error = mdb_dbi_open(transaction, STORE_FILE_ENTRIES, MDB_CREATE, &writer->entries);

	if (error == 0)
		error = mdb_dbi_open(transaction, STORE_FILE_EXPIRY, MDB_CREATE, &writer->expiry);
	if (error == 0)
		error = mdb_dbi_open(transaction, STORE_FILE_APPLIED, MDB_CREATE, &writer->applied);
	return error;
}

/* Marks of readers that are long gone. */
static int forget_marks(struct store_writer *writer, MDB_txn *transaction, uint64_t wall)
{
	struct store_file_mark mark;
	MDB_cursor *cursor;
	MDB_val who, value;
	int error = mdb_cursor_open(transaction, writer->applied, &cursor);

	if (error != 0)
		return error;
	while ((error = mdb_cursor_get(cursor, &who, &value, MDB_NEXT)) == 0) {
		bool is_mark = value.mv_size == sizeof mark;
		if (is_mark)
			memcpy(&mark, value.mv_data, sizeof mark);
		if ((!is_mark || mark.wall + MARKS_KEPT < wall) &&
			(error = mdb_cursor_del(cursor, 0)) != 0)
			break;
	}
	mdb_cursor_close(cursor);
	return error == MDB_NOTFOUND ? 0 : error;
}

static int prepare(struct store_writer *writer, uint64_t wall)
{
	MDB_txn *transaction;
	int error = mdb_txn_begin(writer->environment, NULL, 0, &transaction);

	if (error != 0)
		return error;
	error = open_tables(writer, transaction);
	if (error == 0)
		error = forget_marks(writer, transaction, wall);
	if (error == 0)
		return mdb_txn_commit(transaction);
	mdb_txn_abort(transaction);
	return error;
}

static int open_environment(struct store_writer *writer, const char *path, uint64_t wall)
{
	const unsigned flags = MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOMETASYNC;
	int error = mdb_env_create(&writer->environment);

	if (error == 0)
		error = mdb_env_set_mapsize(writer->environment, writer->size);
	if (error == 0)
		error = mdb_env_set_maxdbs(writer->environment, STORE_FILE_TABLES);
	if (error == 0)
		error = mdb_env_open(writer->environment, path, flags, 0600);
	if (error == 0)
		error = prepare(writer, wall);
	if (error != 0) {
		mdb_env_close(writer->environment);
		writer->environment = NULL;
	}
	return error;
}

static bool is_damage(int error)
{
	return error == MDB_CORRUPTED || error == MDB_INVALID || error == MDB_PANIC ||
		error == MDB_PAGE_NOTFOUND || error == MDB_VERSION_MISMATCH ||
		error == MDB_BAD_VALSIZE || error == MDB_INCOMPATIBLE;
}

static void put_aside(const char *path)
{
	char *damaged = talloc_asprintf(NULL, "%s.damaged", path);

	if (rename(path, damaged) < 0)
		log_event(LEVEL_ERROR, "store_failed", "%s: %s", path, strerror(errno));
	else
		log_event(LEVEL_ERROR, "store_damaged", "put aside as %s, beginning anew", damaged);
	talloc_free(damaged);
}

static int close_writer(struct store_writer *writer)
{
	if (writer->transaction)
		mdb_txn_abort(writer->transaction);
	if (writer->environment)
		mdb_env_close(writer->environment);
	return 0;
}

struct store_writer *store_writer_open(
	const void *parent, const char *directory, size_t size, uint64_t wall)
{
	struct store_writer *writer = talloc_zero(parent, struct store_writer);
	char *path = talloc_asprintf(writer, "%s/" STORE_FILE_NAME, directory);

	writer->size = size;
	talloc_set_destructor(writer, close_writer);
	int error = open_environment(writer, path, wall);
	if (is_damage(error)) {
		put_aside(path);
		error = open_environment(writer, path, wall);
	}
	if (succeeded(error, path))
		return writer;
	talloc_free(writer);
	return NULL;
}

/* --- transactions --- */

void store_writer_begin(struct store_writer *writer)
{
	int error = mdb_txn_begin(writer->environment, NULL, 0, &writer->transaction);

	writer->updates = 0;
	if (error == MDB_MAP_RESIZED) { /* another generation's keeper has made it larger */
		mdb_env_set_mapsize(writer->environment, 0);
		error = mdb_txn_begin(writer->environment, NULL, 0, &writer->transaction);
	}
	if (!succeeded(error, "begin"))
		writer->transaction = NULL;
}

void store_writer_commit(struct store_writer *writer)
{
	if (writer->transaction)
		succeeded(mdb_txn_commit(writer->transaction), "commit");
	writer->transaction = NULL;
}

void store_writer_sync(struct store_writer *writer)
{
	int dead;

	if (writer->dirty)
		succeeded(mdb_env_sync(writer->environment, 1), "sync");
	mdb_reader_check(writer->environment, &dead);
	writer->dirty = false;
}

/* Everything goes: better than a store that takes nothing any more. */
static void begin_anew(struct store_writer *writer)
{
	const MDB_dbi both[] = {writer->entries, writer->expiry};
	int error = 0;

	log_event(LEVEL_WARNING, "store_emptied",
		"no room was left, not even to make room: give it more (store.memory_size)");
	store_writer_begin(writer);
	if (!writer->transaction)
		return;
	for (size_t i = 0; i < 2 && error == 0; i++)
		error = mdb_drop(writer->transaction, both[i], 0);
	if (error == 0) {
		store_writer_commit(writer);
		return;
	}
	mdb_txn_abort(writer->transaction);
	writer->transaction = NULL;
}

static void give_up(struct store_writer *writer, int error, const char *what)
{
	mdb_txn_abort(writer->transaction);
	writer->transaction = NULL;
	if (error == MDB_MAP_FULL)
		begin_anew(writer);
	else
		succeeded(error, what);
}

/* --- entries --- */

static int put_expiry(struct store_writer *writer, const struct store_key *key, uint64_t expires)
{
	struct store_file_expiry expiry = {htobe64(expires), *key};
	MDB_val name = {sizeof expiry, &expiry}, value = {0, NULL};

	return mdb_put(writer->transaction, writer->expiry, &name, &value, 0);
}

static int get_entry(
	struct store_writer *writer, const struct store_key *key, struct store_file_entry *entry)
{
	MDB_val name = {sizeof *key, (void *)(uintptr_t)key}, value;
	int error = mdb_get(writer->transaction, writer->entries, &name, &value);

	if (error == 0 && value.mv_size != sizeof *entry)
		return MDB_CORRUPTED;
	if (error == 0)
		memcpy(entry, value.mv_data, sizeof *entry);
	return error;
}

static int put_entry(
	struct store_writer *writer, const struct store_key *key, struct store_file_entry *entry)
{
	MDB_val name = {sizeof *key, (void *)(uintptr_t)key}, value = {sizeof *entry, entry};

	return mdb_put(writer->transaction, writer->entries, &name, &value, 0);
}

/* --- expiry --- */

static size_t bytes_in_use(struct store_writer *writer)
{
	const MDB_dbi both[] = {writer->entries, writer->expiry};
	size_t pages = 0;
	MDB_stat stat = {0};

	for (size_t i = 0; i < 2; i++) {
		if (mdb_stat(writer->transaction, both[i], &stat) == 0)
			pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
	}
	return pages * stat.ms_psize;
}

static bool is_too_much(struct store_writer *writer)
{
	return bytes_in_use(writer) >= writer->size / 100 * FULL_PERCENT;
}

/* It lives longer than its place says: it gets another. With must_go, it does not. */
static int take_away(struct store_writer *writer, const struct store_file_expiry *expiry,
	uint64_t wall, bool must_go)
{
	MDB_val name = {sizeof expiry->key, (void *)(uintptr_t)&expiry->key};
	struct store_file_entry entry;
	int error = get_entry(writer, &expiry->key, &entry);

	if (error != 0)
		return error == MDB_NOTFOUND ? 0 : error;
	if (entry.expires > wall && (!must_go || entry.expires > be64toh(expiry->expires)))
		return put_expiry(writer, &expiry->key, entry.expires);
	return mdb_del(writer->transaction, writer->entries, &name, NULL);
}

/* The next in the order of expiry, if its time has come or there is too much; MDB_NOTFOUND when there is nothing to do. */
static int expire_next(struct store_writer *writer, uint64_t wall)
{
	struct store_file_expiry expiry;
	MDB_cursor *cursor;
	MDB_val name, value;
	int error = mdb_cursor_open(writer->transaction, writer->expiry, &cursor);

	if (error != 0)
		return error;
	error = mdb_cursor_get(cursor, &name, &value, MDB_FIRST);
	bool is_ours = error == 0 && name.mv_size == sizeof expiry;
	if (is_ours)
		memcpy(&expiry, name.mv_data, sizeof expiry);
	bool must_go = error == 0 && is_too_much(writer);
	if (is_ours && be64toh(expiry.expires) > wall && !must_go)
		error = MDB_NOTFOUND;
	if (error == 0)
		error = mdb_cursor_del(cursor, 0);
	mdb_cursor_close(cursor);
	return error == 0 && is_ours ? take_away(writer, &expiry, wall, must_go) : error;
}

/* --- updates --- */

/* What comes in makes room for itself. */
static int put_new(
	struct store_writer *writer, const struct store_file_update *update, uint64_t expires)
{
	int error = put_expiry(writer, &update->key, expires);

	for (unsigned i = 0; i < 2 && error == 0; i++)
		error = expire_next(writer, update->wall);
	return error == MDB_NOTFOUND ? 0 : error;
}

/* When an entry lives longer than it was to, its place in the order of expiry is found out of date when its time comes. */
static int apply(struct store_writer *writer, const struct store_file_update *update)
{
	struct store_file_mark mark = {update->number, update->wall};
	MDB_val who = {sizeof update->who, (void *)(uintptr_t)&update->who};
	MDB_val value = {sizeof mark, &mark};
	struct store_file_entry before, after;
	int error = get_entry(writer, &update->key, &before);

	if (error != 0 && error != MDB_NOTFOUND)
		return error;
	after = store_file_apply(error == 0 ? &before : NULL, update);
	if (error == MDB_NOTFOUND)
		error = put_new(writer, update, after.expires);
	if (error == 0)
		error = put_entry(writer, &update->key, &after);
	if (error == 0)
		error = mdb_put(writer->transaction, writer->applied, &who, &value, 0);
	return error;
}

static void begin_next(struct store_writer *writer)
{
	store_writer_commit(writer);
	store_writer_begin(writer);
}

void store_writer_apply(struct store_writer *writer, struct slice updates)
{
	struct store_file_update update;
	int error = 0;

	for (; updates.size >= sizeof update && writer->transaction && error == 0;
		updates = slice_from(updates, sizeof update)) {
		memcpy(&update, updates.data, sizeof update);
		error = apply(writer, &update);
		writer->dirty = true;
		if (error != 0)
			give_up(writer, error, "update");
		else if (++writer->updates >= UPDATES_MOST)
			begin_next(writer);
	}
}

void store_writer_expire(struct store_writer *writer, uint64_t wall)
{
	int error = 0;

	for (unsigned i = 0; i < EXPIRED_A_TURN && error == 0 && writer->transaction; i++) {
		error = expire_next(writer, wall);
		writer->dirty |= error == 0;
	}
	if (error != 0 && error != MDB_NOTFOUND)
		give_up(writer, error, "expire");
}
