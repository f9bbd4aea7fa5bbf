/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in memory, in a memfd, in a file. */
#include "base/log.h"
#include "base/table.h"
#include "policy/mail/message.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define LARGE 5000000
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

static void *scratch;
static struct spool spool;
static char *bytes;

static const char *const names[] = {"other", "spool", NULL};

static void set_up(void)
{
	scratch = talloc_new(NULL);
	spool = (struct spool){
		.directory = NULL,
		.memory_maximum = 1000000,
		.total_maximum = 0,
		.table = table_new(scratch, names),
		.counter = 1,
	};
	bytes = talloc_array(scratch, char, LARGE);
	for (size_t i = 0; i < LARGE; i++)
		bytes[i] = (char)(i * 2654435761u >> 24);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

static struct message *filled(size_t size, size_t piece)
{
	struct message *message = message_new(scratch, &spool);

	for (size_t at = 0; at < size; at += piece) {
		size_t here = size - at < piece ? size - at : piece;
		ck_assert(message_add(message, slice_make(bytes + at, here)) == MESSAGE_OK);
	}
	ck_assert(message_finish(message) == MESSAGE_OK);
	return message;
}

static const struct {
	size_t size, piece;
	bool has_descriptor;
} sizes[] = {
	{0, 1, false},
	{1, 1, false},
	{4096, 4096, false},
	{4096, 1, false},
	{SPOOL_MEMORY, 1000, false},
	{SPOOL_MEMORY, SPOOL_MEMORY, false},
	{SPOOL_MEMORY + 1, 1000, true},
	{SPOOL_MEMORY + 1, SPOOL_MEMORY + 1, true},
	{200000, 1, true},
	{200000, 65536, true},
	{LARGE, 131072, true},
	{LARGE, LARGE, true},
	{LARGE, 4093, true},
};

static void keeps_its_bytes(int row)
{
	struct message *message = filled(sizes[row].size, sizes[row].piece);
	struct slice kept = message_bytes(message);

	ck_assert_int_eq(message_size(message), (int64_t)sizes[row].size);
	ck_assert_uint_eq(kept.size, sizes[row].size);
	ck_assert(kept.size == 0 || memcmp(kept.data, bytes, kept.size) == 0);
	ck_assert((message_descriptor(message) >= 0) == sizes[row].has_descriptor);
	ck_assert_int_eq(table_sum(spool.table, 1), (int64_t)sizes[row].size);
	talloc_free(message);
	ck_assert_int_eq(table_sum(spool.table, 1), 0);
}

START_TEST(keeps_its_bytes_in_memory)
{
	keeps_its_bytes(_i);
}
END_TEST

START_TEST(keeps_its_bytes_in_files)
{
	spool.directory = "/tmp";
	spool.memory_maximum = 150000;
	keeps_its_bytes(_i);
}
END_TEST

START_TEST(keeps_its_bytes_without_a_table)
{
	spool.table = NULL;
	ck_assert_uint_eq(message_bytes(filled(100000, 999)).size, 100000);
}
END_TEST

START_TEST(seals_the_memfd)
{
	struct message *message = filled(100000, 100000);
	int descriptor = message_descriptor(message);

	ck_assert_int_eq(fcntl(descriptor, F_GET_SEALS), SEALS);
	ck_assert_int_eq(fcntl(descriptor, F_GETFD), FD_CLOEXEC);
	ck_assert(write(descriptor, "x", 1) < 0 && errno == EPERM);
	ck_assert(ftruncate(descriptor, 0) < 0 && errno == EPERM);
	ck_assert(
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0) == MAP_FAILED);
}
END_TEST

/* A pipe that the page was moved to has hold of it, as reclaim and compaction have for a moment. */
START_TEST(seals_pages_that_somebody_holds)
{
	struct message *message = message_new(scratch, &spool);
	int ends[2];

	ck_assert(message_add(message, slice_make(bytes, 200000)) == MESSAGE_OK);
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(
		splice(message_descriptor(message), &(off_t){0}, ends[1], NULL, 4096, 0), 4096);
	ck_assert(message_finish(message) == MESSAGE_OK);
	ck_assert_int_eq(memcmp(message_bytes(message).data, bytes, 200000), 0);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(leaves_no_name)
{
	char *directory = talloc_strdup(scratch, "/tmp/spoolXXXXXX");
	struct stat status;
	struct message *message;

	ck_assert_ptr_nonnull(mkdtemp(directory));
	spool.directory = directory;
	spool.memory_maximum = 100000;
	message = filled(300000, 50000);
	ck_assert_int_eq(rmdir(directory), 0); /* it is empty */
	ck_assert_int_eq(fstat(message_descriptor(message), &status), 0);
	ck_assert_uint_eq(status.st_nlink, 0);
	ck_assert_int_eq(status.st_mode & 07777, S_IRUSR | S_IWUSR);
	ck_assert_int_eq(status.st_size, 300000);
}
END_TEST

/* However it became full, nothing is kept and no more is taken. */
static void is_given_up(struct message *message, size_t size)
{
	size_t taken = 0;

	while (taken < size && message_add(message, slice_make(bytes, 10000)) == MESSAGE_OK)
		taken += 10000;
	ck_assert_uint_lt(taken, size);
	ck_assert_int_eq(message_size(message), 0);
	ck_assert_int_eq(message_descriptor(message), -1);
	ck_assert_int_eq(table_sum(spool.table, 1), 0);
	ck_assert(message_add(message, slice_of("x")) == MESSAGE_SPOOL_FULL);
	ck_assert(message_finish(message) == MESSAGE_SPOOL_FULL);
}

START_TEST(respects_the_total)
{
	spool.total_maximum = 500000;
	is_given_up(message_new(scratch, &spool), 600000);
}
END_TEST

START_TEST(counts_others_too)
{
	struct message *others[4];

	spool.total_maximum = 400000;
	for (int i = 0; i < COUNT(others); i++)
		others[i] = filled(100000, 10000);
	ck_assert(message_add(message_new(scratch, &spool), slice_of("x")) == MESSAGE_SPOOL_FULL);
	talloc_free(others[0]);
	ck_assert(message_add(message_new(scratch, &spool), slice_of("x")) == MESSAGE_OK);
}
END_TEST

START_TEST(survives_a_missing_directory)
{
	spool.directory = "/nonexistent";
	spool.memory_maximum = 100000;
	is_given_up(message_new(scratch, &spool), 200000);
}
END_TEST

START_TEST(survives_a_full_disk)
{
	static const struct rlimit limit = {300000, 300000};

	spool.directory = "/tmp";
	spool.memory_maximum = 100000;
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	is_given_up(message_new(scratch, &spool), 500000);
}
END_TEST

static void on_line(const char *line, void *owner)
{
	ck_assert_ptr_nonnull(strstr(line, "message_not_kept"));
	*(unsigned *)owner += strstr(line, strerror(EMFILE)) != NULL;
}

START_TEST(survives_without_descriptors)
{
	struct rlimit before, none;
	unsigned told = 0;

	log_capture(on_line, &told);

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){3, before.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	is_given_up(message_new(scratch, &spool), 200000);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	log_capture(NULL, NULL);
	ck_assert_uint_eq(told, 1);
}
END_TEST

START_TEST(closes_what_it_opened)
{
	int before = dup(0), after;

	close(before);
	talloc_free(filled(200000, 10000));
	spool.directory = "/tmp";
	spool.memory_maximum = 100000;
	talloc_free(filled(200000, 10000));
	after = dup(0);
	close(after);
	ck_assert_int_eq(before, after);
}
END_TEST

START_TEST(is_cheap_when_small)
{
	struct message *message = message_new(scratch, &spool);

	ck_assert(message_add(message, slice_make(bytes, 4096)) == MESSAGE_OK);
	ck_assert(message_finish(message) == MESSAGE_OK);
	ck_assert_uint_le(talloc_total_blocks(message), 2);
}
END_TEST

START_TEST(takes_notes)
{
	struct message *message = message_new(scratch, &spool);

	ck_assert_uint_eq(message_anomalies(message), 0);
	ck_assert(!message_has_dot_lines(message));
	message_note(message, ANOMALY_NUL);
	message_note(message, ANOMALY_BARE_LF);
	message_note_dot_line(message);
	ck_assert_uint_eq(message_anomalies(message), ANOMALY_NUL | ANOMALY_BARE_LF);
	ck_assert(message_has_dot_lines(message));
}
END_TEST

START_TEST(names_every_anomaly)
{
	unsigned count = 0;

	while (message_anomaly_names[count])
		count++;
	ck_assert_uint_eq(1u << (count - 1), ANOMALY_LONG_HEADER);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("message");
	TCase *cases = tcase_create("message");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, keeps_its_bytes_in_memory, 0, COUNT(sizes));
	tcase_add_loop_test(cases, keeps_its_bytes_in_files, 0, COUNT(sizes));
	tcase_add_test(cases, keeps_its_bytes_without_a_table);
	tcase_add_test(cases, seals_the_memfd);
	tcase_add_test(cases, seals_pages_that_somebody_holds);
	tcase_add_test(cases, leaves_no_name);
	tcase_add_test(cases, respects_the_total);
	tcase_add_test(cases, counts_others_too);
	tcase_add_test(cases, survives_a_missing_directory);
	tcase_add_test(cases, survives_a_full_disk);
	tcase_add_test(cases, survives_without_descriptors);
	tcase_add_test(cases, closes_what_it_opened);
	tcase_add_test(cases, is_cheap_when_small);
	tcase_add_test(cases, takes_notes);
	tcase_add_test(cases, names_every_anomaly);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
