/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the file of a store; sends updates to its writer. */
#include "base/store_reader.h"

#include "base/store_file.h"

#include <errno.h>
#include <lmdb.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <talloc.h>

enum {
	RETRY_MILLISECONDS = 1000, /* between two attempts to open the file */
	FORGET_MILLISECONDS = 60000,
	FIRST_ROOM = 64
};

/* An update that may not be in the file yet. */
struct pending {
	struct store_file_update update;
	uint64_t since; /* clock_now() */
};

struct reader {
	struct store *store;
	struct clock *clock;
	struct store_sender sender;
	char *path;
	MDB_env *environment; /* NULL: it could not be opened */
	MDB_txn *transaction; /* for reading, at rest between two operations; NULL: none yet */
	MDB_dbi entries, applied;
	uint64_t retry; /* clock_now() before which the file is not opened again */
	uint64_t who, number;
	struct pending *pending; /* in the order of their numbers; talloc array */
	size_t first, count;     /* those that are still there */
	const char *trouble;     /* why the last attempt to open failed */
};

/* --- the file --- */

static void close_file(struct reader *reader)
{
	if (reader->transaction)
		mdb_txn_abort(reader->transaction);
	if (reader->environment)
		mdb_env_close(reader->environment);
	reader->transaction = NULL;
	reader->environment = NULL;
}

static int open_tables(struct reader *reader)
{
	int error = mdb_txn_begin(reader->environment, NULL, MDB_RDONLY, &reader->transaction);

	if (error == 0)
		error = mdb_dbi_open(reader->transaction, STORE_FILE_ENTRIES, 0, &reader->entries);
	if (error == 0)
		error = mdb_dbi_open(reader->transaction, STORE_FILE_APPLIED, 0, &reader->applied);
	if (error != 0)
		return error;
	error = mdb_txn_commit(reader->transaction); /* so that the tables stay open */
	reader->transaction = NULL;
	if (error == 0)
		error = mdb_txn_begin(reader->environment, NULL, MDB_RDONLY, &reader->transaction);
	if (error == 0)
		mdb_txn_reset(reader->transaction);
	return error;
}

static int open_environment(struct reader *reader)
{
	int error = mdb_env_create(&reader->environment);

	if (error == 0)
		error = mdb_env_set_maxdbs(reader->environment, STORE_FILE_TABLES);
	if (error == 0)
		error = mdb_env_open(
			reader->environment, reader->path, MDB_NOSUBDIR | MDB_RDONLY, 0600);
	return error == 0 ? open_tables(reader) : error;
}

/* Closed, and not opened again before some time has passed. */
static void fail(struct reader *reader, const char *trouble)
{
	close_file(reader);
	reader->trouble = trouble;
	reader->retry = clock_now(reader->clock) + RETRY_MILLISECONDS;
}

static const char *text_of(int error)
{
	return error == ENOENT ? "there is no file of the store yet" : mdb_strerror(error);
}

static bool be_open(struct reader *reader)
{
	int error;

	if (reader->environment)
		return true;
	if (clock_now(reader->clock) < reader->retry)
		return false;
	error = open_environment(reader);
	if (error != 0)
		fail(reader, text_of(error));
	return error == 0;
}

/* Sees what the file is now. */
static int begin(struct reader *reader)
{
	int error = mdb_txn_renew(reader->transaction);

	if (error == MDB_MAP_RESIZED) { /* another generation's keeper has made it larger */
		mdb_env_set_mapsize(reader->environment, 0);
		error = mdb_txn_renew(reader->transaction);
	}
	return error;
}

/* Copies a value of that size; of another, or none, all zero. */
static int look_up(struct reader *reader, MDB_dbi table, struct slice key, void *out, size_t size)
{
	MDB_val name = {key.size, (void *)(uintptr_t)key.data}, value;
	int error = mdb_get(reader->transaction, table, &name, &value);

	memset(out, 0, size);
	if (error == 0 && value.mv_size == size)
		memcpy(out, value.mv_data, size);
	return error == MDB_NOTFOUND ? 0 : error;
}

static bool read_file(struct reader *reader, const struct store_key *key,
	struct store_file_entry *entry, struct store_file_mark *mark)
{
	int error;

	if (!be_open(reader))
		return false;
	error = begin(reader);
	if (error == 0)
		error = look_up(reader, reader->applied,
			slice_make((const char *)&reader->who, sizeof reader->who), mark,
			sizeof *mark);
	if (error == 0)
		error = look_up(reader, reader->entries, slice_make((const char *)key, sizeof *key),
			entry, sizeof *entry);
	if (error == 0)
		mdb_txn_reset(reader->transaction);
	else
		fail(reader, text_of(error));
	return error == 0;
}

/* --- updates on their way --- */

static struct pending *pending_at(const struct reader *reader, size_t i)
{
	return &reader->pending[(reader->first + i) % talloc_array_length(reader->pending)];
}

static bool is_older(const struct reader *reader, const struct pending *pending, uint64_t age)
{
	return clock_now(reader->clock) - pending->since > age;
}

/* What is in the file, or is waited for in vain. */
static void forget_pending(struct reader *reader, uint64_t applied)
{
	while (reader->count > 0 &&
		(pending_at(reader, 0)->update.number <= applied ||
			is_older(reader, pending_at(reader, 0), FORGET_MILLISECONDS))) {
		reader->first = (reader->first + 1) % talloc_array_length(reader->pending);
		reader->count--;
	}
}

static void make_room(struct reader *reader)
{
	size_t room = talloc_array_length(reader->pending);
	struct pending *larger;

	if (reader->count < room)
		return;
	larger = talloc_array(reader, struct pending, room ? 2 * room : FIRST_ROOM);
	for (size_t i = 0; i < reader->count; i++)
		larger[i] = *pending_at(reader, i);
	talloc_free(reader->pending);
	reader->pending = larger;
	reader->first = 0;
}

static void remember(struct reader *reader, const struct store_file_update *update)
{
	make_room(reader);
	reader->count++;
	*pending_at(reader, reader->count - 1) =
		(struct pending){*update, clock_now(reader->clock)};
}

/* --- operations --- */

static const char *trouble_with(const struct reader *reader)
{
	if (reader->count > 0 && is_older(reader, pending_at(reader, 0), STORE_READER_PATIENCE))
		return "the keeper does not write what it is sent";
	return NULL;
}

/* The file is looked up even when it is behind: it may have caught up. */
static const char *recall(
	struct reader *reader, const struct store_key *key, struct store_file_entry *entry)
{
	struct store_file_mark mark;
	const char *trouble;

	if (!read_file(reader, key, entry, &mark)) {
		forget_pending(reader, 0);
		return reader->trouble;
	}
	forget_pending(reader, mark.number);
	trouble = trouble_with(reader);
	if (trouble)
		fail(reader, trouble); /* perhaps there is another file of that name by now */
	for (size_t i = 0; i < reader->count; i++) {
		const struct store_file_update *update = &pending_at(reader, i)->update;
		if (memcmp(&update->key, key, sizeof *key) == 0)
			*entry = store_file_apply(entry, update);
	}
	return trouble;
}

static void finish(struct reader *reader, const char *trouble, struct await *await)
{
	store_report(reader->store, trouble);
	if (await)
		await_skip(await, trouble ? OUTCOME_FAILED : OUTCOME_DONE);
}

static void tell(
	struct reader *reader, const struct store_file_entry *found, struct store_entry *entry)
{
	if (found->count && found->expires > clock_wall(reader->clock))
		*entry = (struct store_entry){found->count, found->first, found->last};
}

static void get(
	void *owner, const struct store_key *key, struct store_entry *entry, struct await *await)
{
	struct reader *reader = owner;
	struct store_file_entry found;
	const char *trouble = recall(reader, key, &found);

	if (!trouble)
		tell(reader, &found, entry);
	finish(reader, trouble, await);
}

static void send_update(struct reader *reader, const struct store_note *note)
{
	uint64_t wall = clock_wall(reader->clock);
	const struct store_file_update update = {.who = reader->who,
		.number = ++reader->number,
		.key = note->key,
		.amount = note->amount,
		.wall = wall,
		.expires = wall + note->lifetime};

	remember(reader, &update);
	reader->sender.send(reader->sender.owner, slice_make((const char *)&update, sizeof update));
}

static void add(
	void *owner, const struct store_note *note, struct store_entry *entry, struct await *await)
{
	struct reader *reader = owner;
	struct store_file_entry found;
	const char *trouble = NULL;

	if (reader->count >= STORE_READER_PENDING)
		trouble = recall(reader, &note->key, &found);
	if (reader->count >= STORE_READER_PENDING) {
		finish(reader, trouble ? trouble : "the keeper does not keep up", await);
		return;
	}
	send_update(reader, note);
	trouble = recall(reader, &note->key, &found);
	if (entry && !trouble)
		tell(reader, &found, entry);
	finish(reader, trouble, await);
}

/* --- life --- */

static int close_reader(struct reader *reader)
{
	close_file(reader);
	return 0;
}

struct store *store_reader_new(
	const void *parent, struct clock *clock, const char *directory, struct store_sender sender)
{
	struct reader *reader = talloc_zero(NULL, struct reader);

	reader->clock = clock;
	reader->sender = sender;
	reader->path = talloc_asprintf(reader, "%s/" STORE_FILE_NAME, directory);
	reader->store = store_new(parent, clock, (struct store_way){get, add, reader});
	if (RAND_bytes((unsigned char *)&reader->who, sizeof reader->who) != 1)
		abort();
	talloc_set_destructor(reader, close_reader);
	talloc_steal(reader->store, reader);
	return reader->store;
}
