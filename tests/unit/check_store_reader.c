/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a store: what is sent to its writer, and read back; expiry, size, damage, deaths. */
#include "base/store_reader.h"

#include "base/log.h"
#include "base/loop.h"
#include "base/store_writer.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#define DAY 86400000
#define LARGE (16 << 20)

static char directory[] = "/tmp/check_store.XXXXXX";
static void *scratch;
static struct loop *loop;
static struct store *store;
static char *sent; /* talloc array */
static char *logged;

static void on_log(const char *line, void *owner)
{
	(void)owner;
	logged = talloc_strdup_append(logged, line);
}

static void take(void *owner, struct slice updates)
{
	size_t before = talloc_array_length(sent);

	(void)owner;
	sent = talloc_realloc(scratch, sent, char, before + updates.size);
	memcpy(sent + before, updates.data, updates.size);
}

static void set_up(void)
{
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	scratch = talloc_new(NULL);
	logged = talloc_strdup(scratch, "");
	sent = NULL;
	log_capture(on_log, NULL);
	loop = loop_new(scratch);
	clock_move(loop->clock, 0);
	store = store_reader_new(
		scratch, loop->clock, directory, (struct store_sender){take, NULL});
}

static char *path(const char *suffix)
{
	return talloc_asprintf(scratch, "%s/" STORE_FILE_NAME "%s", directory, suffix);
}

static void tear_down(void)
{
	unlink(path(""));
	unlink(path("-lock"));
	unlink(path(".damaged"));
	rmdir(directory);
	log_capture(NULL, NULL);
	talloc_free(scratch);
}

/* --- the writer, in a process of its own --- */

static void write_all(struct slice updates, size_t size)
{
	struct store_writer *writer =
		store_writer_open(NULL, directory, size, clock_wall(loop->clock));
	const size_t piece = 500 * sizeof(struct store_file_update);

	if (!writer)
		_exit(1);
	*logged = '\0';
	do {
		size_t some = updates.size < piece ? updates.size : piece;
		store_writer_begin(writer);
		store_writer_apply(writer, slice_make(updates.data, some));
		store_writer_expire(writer, clock_wall(loop->clock));
		store_writer_commit(writer);
		updates = slice_from(updates, some);
	} while (updates.size);
	store_writer_sync(writer);
	talloc_free(writer);
	_exit(strstr(logged, "store_failed") || strstr(logged, "store_emptied"));
}

static void keep_in(size_t size)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		write_all(sent ? slice_make(sent, talloc_array_length(sent)) : slice_of(""), size);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	TALLOC_FREE(sent);
}

static void keep(void)
{
	keep_in(LARGE);
}

/* --- operations --- */

static enum outcome outcome;

static struct store_entry get(const char *text)
{
	struct store_key key = store_key("test", slice_of(text));
	struct store_entry entry;
	struct await await;

	await_init(&await, loop->clock, NULL, NULL);
	store_begin_getting(store, &key, &entry, &await);
	ck_assert(!await.pending);
	outcome = await.outcome;
	return entry;
}

static struct store_entry add_for(const char *text, uint64_t lifetime)
{
	struct store_note note = {store_key("test", slice_of(text)), 1, lifetime};
	struct store_entry entry;
	struct await await;

	await_init(&await, loop->clock, NULL, NULL);
	store_begin_adding(store, &note, &entry, &await);
	ck_assert(!await.pending);
	outcome = await.outcome;
	return entry;
}

static struct store_entry add(const char *text)
{
	return add_for(text, DAY);
}

START_TEST(reads_what_was_written)
{
	uint64_t begun = clock_wall(loop->clock);

	keep();
	ck_assert_uint_eq(add("a").count, 1);
	clock_move(loop->clock, 100);
	ck_assert_uint_eq(add("a").count, 2);
	keep();
	ck_assert_uint_eq(get("a").count, 2);
	ck_assert_uint_eq(get("a").first, begun);
	ck_assert_uint_eq(get("a").last, begun + 100);
	ck_assert_uint_eq(get("b").count, 0);
	ck_assert_uint_eq(get("b").first, 0);
	ck_assert_int_eq(outcome, OUTCOME_DONE);
}
END_TEST

/* What is on its way, what has come, and what is on its way again are counted once each. */
START_TEST(counts_nothing_twice)
{
	keep();
	for (unsigned i = 1; i <= 300; i++) {
		ck_assert_uint_eq(add("a").count, i);
		ck_assert_uint_eq(get("a").count, i);
		if (i % 7 == 0)
			keep();
	}
	ck_assert_int_eq(outcome, OUTCOME_DONE);
}
END_TEST

/* A second reader sees what is in the file. */
START_TEST(is_shared)
{
	struct store *first = store;
	struct store *second;

	keep();
	add("a");
	second = store_reader_new(
		scratch, loop->clock, directory, (struct store_sender){take, NULL});
	store = second;
	ck_assert_uint_eq(get("a").count, 0);
	ck_assert_uint_eq(add("a").count, 1);
	keep();
	ck_assert_uint_eq(get("a").count, 2);
	store = first;
	ck_assert_uint_eq(get("a").count, 2);
}
END_TEST

START_TEST(forgets_what_is_old)
{
	keep();
	add_for("short", 1000);
	add_for("long", 5000);
	add_for("prolonged", 1000);
	keep();
	clock_move(loop->clock, 900);
	add_for("prolonged", 1000);
	keep();
	clock_move(loop->clock, 100);
	ck_assert_uint_eq(get("short").count, 0);
	ck_assert_uint_eq(get("long").count, 1);
	ck_assert_uint_eq(get("prolonged").count, 2);
	keep();
	ck_assert_uint_eq(get("prolonged").count, 2);
	clock_move(loop->clock, 4000);
	keep();
	ck_assert_uint_eq(get("long").count, 0);
	ck_assert_uint_eq(add_for("prolonged", 1000).count, 1);
}
END_TEST

/* Three times as much as there is room for: the file keeps to its size, and has what lives longest. */
START_TEST(stays_within_its_size)
{
	const size_t size = 2 << 20;
	struct stat status;

	keep_in(size);
	for (unsigned i = 0; i < 24000; i++) {
		add_for(talloc_asprintf(scratch, "%u", i), DAY + i);
		if (i % 1000 == 999)
			keep_in(size);
	}
	ck_assert_uint_eq(get("0").count, 0);
	ck_assert_uint_eq(get("23999").count, 1);
	ck_assert_uint_eq(get("23000").count, 1);
	ck_assert_int_eq(stat(path(""), &status), 0);
	ck_assert_int_le(status.st_size, (off_t)size);
}
END_TEST

/* --- when something is wrong --- */

START_TEST(fails_while_there_is_no_file)
{
	get("a");
	ck_assert_int_eq(outcome, OUTCOME_FAILED);
	ck_assert_ptr_nonnull(strstr(logged, "there is no file of the store yet"));
	add("a");
	ck_assert_int_eq(outcome, OUTCOME_FAILED);
	keep();
	get("a");
	ck_assert_int_eq(outcome, OUTCOME_FAILED);
	clock_move(loop->clock, 1000);
	ck_assert_uint_eq(get("a").count, 1);
	ck_assert_int_eq(outcome, OUTCOME_DONE);
	ck_assert_uint_eq(store_failures(store), 3);
}
END_TEST

START_TEST(fails_while_nobody_writes)
{
	keep();
	add("a");
	clock_move(loop->clock, STORE_READER_PATIENCE);
	ck_assert_uint_eq(get("a").count, 1);
	clock_move(loop->clock, 1);
	get("a");
	ck_assert_int_eq(outcome, OUTCOME_FAILED);
	ck_assert_ptr_nonnull(strstr(logged, "the keeper does not write"));
	keep();
	clock_move(loop->clock, 1000);
	ck_assert_uint_eq(get("a").count, 1);
	ck_assert_int_eq(outcome, OUTCOME_DONE);
}
END_TEST

START_TEST(gives_up_what_was_lost)
{
	keep();
	add("a");
	TALLOC_FREE(sent);
	clock_move(loop->clock, 60001);
	ck_assert_uint_eq(get("a").count, 0);
	ck_assert_int_eq(outcome, OUTCOME_DONE);
}
END_TEST

START_TEST(does_not_hoard)
{
	keep();
	for (unsigned i = 0; i < STORE_READER_PENDING; i++)
		add("a");
	ck_assert_int_eq(outcome, OUTCOME_DONE);
	add("a");
	ck_assert_int_eq(outcome, OUTCOME_FAILED);
	ck_assert_ptr_nonnull(strstr(logged, "the keeper does not keep up"));
	ck_assert_uint_eq(get("a").count, STORE_READER_PENDING);
	keep();
	ck_assert_uint_eq(add("a").count, STORE_READER_PENDING + 1);
}
END_TEST

static void damage(void)
{
	FILE *out = fopen(path(""), "w");

	for (unsigned i = 0; i < 4000; i++)
		fputs("no LMDB ", out);
	fclose(out);
}

START_TEST(begins_anew_after_damage)
{
	damage();
	get("a");
	ck_assert_int_eq(outcome, OUTCOME_FAILED);
	keep();
	ck_assert_int_eq(access(path(".damaged"), F_OK), 0);
	clock_move(loop->clock, 1000);
	ck_assert_uint_eq(add("a").count, 1);
	keep();
	ck_assert_uint_eq(get("a").count, 1);
}
END_TEST

/* The reader has the file open when it is put aside for another. */
START_TEST(finds_the_new_file)
{
	keep();
	add("a");
	keep();
	ck_assert_uint_eq(get("a").count, 1);
	unlink(path(""));
	unlink(path("-lock"));
	add("b");
	keep();
	clock_move(loop->clock, STORE_READER_PATIENCE + 1);
	get("b");
	ck_assert_int_eq(outcome, OUTCOME_FAILED);
	clock_move(loop->clock, 1000);
	ck_assert_uint_eq(get("b").count, 1);
	ck_assert_int_eq(outcome, OUTCOME_DONE);
}
END_TEST

/* Updates that are none: too short, of zeros. */
START_TEST(takes_no_garbage)
{
	struct store_writer *writer = store_writer_open(scratch, directory, LARGE, 1);

	ck_assert_ptr_nonnull(writer);
	store_writer_begin(writer);
	store_writer_apply(writer, slice_of(""));
	store_writer_apply(writer, slice_of("short"));
	store_writer_apply(writer, slice_make(talloc_zero_size(scratch, 1000), 1000));
	store_writer_expire(writer, 1);
	store_writer_commit(writer);
	store_writer_sync(writer);
	talloc_free(writer);
	ck_assert_str_eq(logged, "");
}
END_TEST

/* --- kill -9 --- */

/* For ever: one update a transaction, and the number of each that was committed. */
static _Noreturn void write_for_ever(int out)
{
	struct store_writer *writer = store_writer_open(NULL, directory, LARGE, 1);
	struct store_file_update update = {.who = 7,
		.key = store_key("test", slice_of("a")),
		.amount = 1,
		.wall = clock_wall(loop->clock),
		.expires = clock_wall(loop->clock) + DAY};

	for (;;) {
		update.number++;
		store_writer_begin(writer);
		store_writer_apply(writer, slice_make((const char *)&update, sizeof update));
		store_writer_expire(writer, update.wall);
		store_writer_commit(writer);
		if (write(out, &update.number, sizeof update.number) < 0)
			_exit(1);
	}
}

/* What was committed before the death is there, and at most one more. */
START_TEST(survives_a_killed_writer)
{
	uint64_t number = 0, before = 0;
	int ends[2], status;

	for (int round = 0; round < 10; round++) {
		ck_assert_int_eq(pipe(ends), 0);
		pid_t pid = fork();
		if (pid == 0)
			write_for_ever(ends[1]);
		close(ends[1]);
		for (int i = 0; i < 50 + 17 * round; i++)
			ck_assert_int_eq(read(ends[0], &number, sizeof number), sizeof number);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		while (read(ends[0], &number, sizeof number) > 0)
			continue;
		close(ends[0]);
		keep();
		clock_move(loop->clock, 1000);
		uint64_t count = get("a").count;
		ck_assert_int_eq(outcome, OUTCOME_DONE);
		ck_assert_uint_ge(count, before + number);
		ck_assert_uint_le(count, before + number + 1);
		before = count;
	}
	ck_assert_ptr_null(strstr(logged, "damaged"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_reader");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_test(all, reads_what_was_written);
	tcase_add_test(all, counts_nothing_twice);
	tcase_add_test(all, is_shared);
	tcase_add_test(all, forgets_what_is_old);
	tcase_add_test(all, stays_within_its_size);
	tcase_add_test(all, fails_while_there_is_no_file);
	tcase_add_test(all, fails_while_nobody_writes);
	tcase_add_test(all, gives_up_what_was_lost);
	tcase_add_test(all, does_not_hoard);
	tcase_add_test(all, begins_anew_after_damage);
	tcase_add_test(all, finds_the_new_file);
	tcase_add_test(all, takes_no_garbage);
	tcase_add_test(all, survives_a_killed_writer);
	suite_add_tcase(suite, all);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
