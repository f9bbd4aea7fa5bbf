/* SPDX-License-Identifier: Apache-2.0 */
/* Verdict records: on disk and back, expiry, damage; the keeper as a process and the link to it. */
#include "base/loop.h"
#include "policy/mail/message.h"
#include "proxy/channel.h"
#include "proxy/keeper.h"
#include "proxy/records.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <limits.h>
#include <talloc.h>
#include <unistd.h>

static char directory[] = "/tmp/check_keeper.XXXXXX";
static struct store_options store;
static void *all;

static void set_up(void)
{
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(chmod(directory, 0777), 0);
	store = (struct store_options){
		.path = directory, .journal_age = 1000000, .journal_size = 1 << 20};
	all = talloc_new(NULL);
}

static void remove_file(const char *name)
{
	unlink(talloc_asprintf(all, "%s/%s", directory, name));
}

static void tear_down(void)
{
	remove_file("data.mdb");
	remove_file("lock.mdb");
	remove_file("data.mdb.damaged");
	rmdir(directory);
	talloc_free(all);
}

static struct records *open_records(const void *parent)
{
	return records_open(
		parent, store.path, (uint64_t)store.journal_age, (size_t)store.journal_size);
}

/* Opens, runs one transaction of one record, closes. */
static void put(const char *id, const char *json, uint64_t wall)
{
	struct records *records = open_records(NULL);

	ck_assert_ptr_nonnull(records);
	records_begin(records);
	records_put(records, slice_of(id), slice_of(json), wall);
	records_expire(records, wall);
	records_commit(records);
	records_sync(records);
	talloc_free(records);
}

static const char *get(const char *id)
{
	const char *reason;
	const char *json = keeper_read_record(all, &store, id, &reason);

	return json ? json : reason;
}

START_TEST(reads_what_was_written)
{
	put("A.1", "{\"verdict\": \"accept\"}", 1000);
	put("A.2", "{}", 1000);
	ck_assert_str_eq(get("A.1"), "{\"verdict\": \"accept\"}");
	ck_assert_str_eq(get("A.2"), "{}");
	ck_assert_str_eq(get("A.3"), "there is no record with this id");
	ck_assert_str_eq(get(""), "that is no id of a transaction");
	put("A.1", "{\"again\": true}", 2000);
	ck_assert_str_eq(get("A.1"), "{\"again\": true}");
	store.path = NULL;
	ck_assert_str_eq(get("A.1"), "the configuration names no store: nothing is remembered");
	store.path = "/nonexistent";
	ck_assert_str_eq(get("A.1"), "No such file or directory");
}
END_TEST

/* Counts, and looks whether they come in the order in which they were put. */
struct taking {
	unsigned count;
	unsigned most; /* after which it is enough */
	uint64_t last;
	bool in_order;
};

static bool take(void *owner, struct slice json)
{
	struct taking *taking = owner;
	uint64_t number;

	ck_assert(slice_to_number(json, &number));
	taking->in_order = taking->in_order && number > taking->last;
	taking->last = number;
	return ++taking->count < taking->most;
}

static void put_many(unsigned from, unsigned count)
{
	struct records *records = open_records(NULL);

	records_begin(records);
	for (unsigned i = from; i < from + count; i++) {
		char number[16];
		int size = snprintf(number, sizeof number, "%u", i);

		records_put(records, slice_make(number, (size_t)size), slice_of(number),
			1000 + i / 2 * 2);
	}
	records_commit(records);
	records_sync(records);
	talloc_free(records);
}

/* In several batches; two have the same time, each. */
START_TEST(reads_all)
{
	static const struct {
		uint64_t milliseconds;
		unsigned most, count;
	} rows[] = {{0, UINT_MAX, 600}, {0, 300, 300}, {0, 1, 1}, {101, UINT_MAX, 100},
		{1, UINT_MAX, 0}, {100000, UINT_MAX, 600}};

	put_many(1000, 600);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct taking taking = {.most = rows[i].most, .in_order = true};
		const char *why =
			records_read_all(directory, rows[i].milliseconds, 2600, take, &taking);
		ck_assert_ptr_null(why);
		ck_assert_uint_eq(taking.count, rows[i].count);
		ck_assert(taking.in_order);
	}
	ck_assert_str_eq(
		records_read_all("/nonexistent", 0, 0, take, NULL), "No such file or directory");
}
END_TEST

START_TEST(reads_a_later_record_once)
{
	struct taking taking = {.most = UINT_MAX, .in_order = true};

	put("a", "1", 1000);
	put("b", "2", 1001);
	put("a", "3", 1002);
	ck_assert_ptr_null(records_read_all(directory, 0, 0, take, &taking));
	ck_assert_uint_eq(taking.count, 2);
	ck_assert(taking.in_order && taking.last == 3);
}
END_TEST

START_TEST(forgets_the_old)
{
	put("old", "1", 1000);
	put("young", "2", 500000);
	put("old-again", "3", 1000);
	put("old-again", "4", 900000);
	put("last", "5", 1002000);
	ck_assert_str_eq(get("old"), "there is no record with this id");
	ck_assert_str_eq(get("young"), "2");
	ck_assert_str_eq(get("old-again"), "4");
	ck_assert_str_eq(get("last"), "5");
}
END_TEST

/* Four times as much as may be: the newest are there, the file has not grown. */
START_TEST(stays_within_its_size)
{
	struct records *records = open_records(all);
	char *json = talloc_array(all, char, 2000);
	struct stat status;

	memset(json, 'x', 2000);
	for (unsigned i = 0; i < 2000; i++) {
		char id[16];

		snprintf(id, sizeof id, "id.%u", i);
		if (i % 10 == 0)
			records_begin(records);
		records_put(records, slice_of(id), slice_make(json, 2000), 1000 + i);
		if (i % 10 == 9) {
			records_expire(records, 1000 + i);
			records_commit(records);
		}
	}
	talloc_free(records);
	ck_assert_str_eq(get("id.0"), "there is no record with this id");
	ck_assert_uint_eq(strlen(get("id.1999")), 2000);
	ck_assert_uint_eq(strlen(get("id.1900")), 2000);
	ck_assert_int_eq(stat(talloc_asprintf(all, "%s/data.mdb", directory), &status), 0);
	ck_assert_int_le(status.st_size, store.journal_size);
}
END_TEST

START_TEST(begins_anew_after_damage)
{
	char *path = talloc_asprintf(all, "%s/data.mdb", directory);
	FILE *out = fopen(path, "w");

	for (unsigned i = 0; i < 2000; i++)
		fputs("no LMDB ", out);
	fclose(out);
	put("A.1", "{}", 1000);
	ck_assert_str_eq(get("A.1"), "{}");
	ck_assert_int_eq(access(talloc_asprintf(all, "%s.damaged", path), F_OK), 0);
}
END_TEST

/* --- the process --- */

struct running {
	pid_t pid;
	int channel;
	int records;
};

static struct running start_keeper(void)
{
	static const struct quarantine_options no_quarantine;
	static const struct policy policy = {.quarantine = &no_quarantine};
	struct configuration configuration = {.store = &store, .policy = &policy};
	int channel[2], records[2];
	struct running running;
	uint32_t ready[2];

	ck_assert(channel_pair(channel));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, records), 0);
	fflush(NULL);
	running.pid = fork();
	if (running.pid == 0) {
		close(channel[0]);
		close(records[1]);
		_exit(keeper_run(&configuration, records[0], channel[1]));
	}
	close(channel[1]);
	close(records[0]);
	running.channel = channel[0];
	running.records = records[1];
	while (recv(running.channel, ready, sizeof ready, 0) < 0) {
		ck_assert_int_eq(waitpid(running.pid, NULL, WNOHANG), 0);
		usleep(1000);
	}
	ck_assert_uint_eq(ready[0], CHANNEL_READY);
	return running;
}

static void await_death(const struct running *running)
{
	int status;

	ck_assert_int_eq(waitpid(running->pid, &status, 0), running->pid);
	ck_assert_int_eq(status, 0);
}

static void send_records(const struct running *running, unsigned count)
{
	struct loop *loop = loop_new(all);
	struct keeper_link *link = keeper_link_new(loop, loop, running->records);

	for (unsigned i = 0; i < count; i++) {
		char id[16];

		snprintf(id, sizeof id, "id.%u", i);
		keeper_link_record(link, id, "{\"a\": 1}", 8);
	}
	ck_assert_uint_eq(keeper_link_dropped(link), 0);
	talloc_free(link); /* flushes, and closes our end */
}

START_TEST(keeps_what_the_workers_send)
{
	const uint32_t drain[2] = {CHANNEL_DRAIN, 0};
	struct running running = start_keeper();

	send_records(&running, 1000);
	send(running.channel, drain, sizeof drain, MSG_NOSIGNAL);
	await_death(&running);
	ck_assert_str_eq(get("id.0"), "{\"a\": 1}");
	ck_assert_str_eq(get("id.999"), "{\"a\": 1}");
	close(running.channel);
}
END_TEST

START_TEST(outlives_its_master_for_the_workers)
{
	struct running running = start_keeper();

	close(running.channel);
	send_records(&running, 10);
	await_death(&running);
	ck_assert_str_eq(get("id.9"), "{\"a\": 1}");
}
END_TEST

START_TEST(is_not_impressed_by_garbage)
{
	static const struct {
		const char *bytes;
		size_t size;
	} packets[] = {{"x", 1}, {"\xff\xff\xff\xff\xff\xff\xff\xff", 8},
		{"\1\0\0\0\xff\xff\xff\xff"
		 "a",
			9},
		{"\0\0\0\0\1\0\0\0x", 9}, {"\5\0\0\0\0\0\0\0abc", 11}};
	struct running running = start_keeper();

	for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++)
		ck_assert_int_gt(send(running.records, packets[i].bytes, packets[i].size, 0), 0);
	send_records(&running, 1);
	close(running.channel);
	await_death(&running);
	ck_assert_str_eq(get("id.0"), "{\"a\": 1}");
}
END_TEST

/* --- messages --- */

static void keep_messages(void)
{
	store.record = store.messages = true;
	store.message_size = 200000;
	store.messages_size = 16 << 20;
}

static void remove_messages(void)
{
	remove_file("messages/data.mdb");
	remove_file("messages/lock.mdb");
	rmdir(talloc_asprintf(all, "%s/messages", directory));
}

static struct message *message_of(size_t size, const struct spool *spool)
{
	struct message *message = message_new(all, spool);
	char *bytes = talloc_zero_array(all, char, size);

	memset(bytes, 'm', size / 2);
	ck_assert_int_eq(message_add(message, slice_make(bytes, size)), MESSAGE_OK);
	ck_assert_int_eq(message_finish(message), MESSAGE_OK);
	return message;
}

/* In memory, in a memfd; and one that is too large. NULs are bytes like others. */
START_TEST(keeps_messages)
{
	static const size_t sizes[] = {1, 1000, 100000, 200000, 200001};
	static const struct spool spool = {.memory_maximum = 1 << 20, .total_maximum = INT64_MAX};
	struct running running;
	struct loop *loop = loop_new(all);
	struct keeper_link *link;

	keep_messages();
	running = start_keeper();
	link = keeper_link_new(loop, loop, running.records);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		keeper_link_message(
			link, talloc_asprintf(all, "id.%zu", i), message_of(sizes[i], &spool));
	ck_assert_uint_eq(keeper_link_dropped(link), 0);
	talloc_free(link);
	close(running.channel);
	await_death(&running);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t size = 0;
		const char *bytes =
			keeper_read_message(all, &store, talloc_asprintf(all, "id.%zu", i), &size);
		ck_assert_int_eq(bytes != NULL, sizes[i] <= 200000);
		ck_assert_uint_eq(size, bytes ? sizes[i] : 0);
		ck_assert(!bytes || bytes[size / 2] == '\0');
	}
	remove_messages();
}
END_TEST

/* Switched off, they go. */
START_TEST(removes_messages_that_are_kept_no_longer)
{
	const char *folder = talloc_asprintf(all, "%s/messages", directory);
	struct running running;

	for (int keeps = 1; keeps >= 0; keeps--) {
		keep_messages();
		store.messages = keeps;
		running = start_keeper();
		ck_assert_int_eq(access(folder, F_OK), keeps - 1);
		close(running.records);
		close(running.channel);
		await_death(&running);
	}
}
END_TEST

/* Sends bytes with so many copies of a descriptor. */
static void pass(int socket, const void *bytes, size_t size, int descriptor, size_t count)
{
	char room[256] = {0};
	struct iovec part = {(void *)(uintptr_t)bytes, size};
	struct msghdr header = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = CMSG_SPACE(count * sizeof descriptor)};
	struct cmsghdr *passed = CMSG_FIRSTHDR(&header);

	passed->cmsg_level = SOL_SOCKET;
	passed->cmsg_type = SCM_RIGHTS;
	passed->cmsg_len = CMSG_LEN(count * sizeof descriptor);
	for (size_t i = 0; i < count; i++)
		memcpy(CMSG_DATA(passed) + i * sizeof descriptor, &descriptor, sizeof descriptor);
	while (sendmsg(socket, &header, 0) < 0) {
		ck_assert_int_eq(errno, EAGAIN);
		usleep(1000);
	}
}

/* Of a process of ours; 0 when that cannot be seen. */
static unsigned count_open(pid_t pid)
{
	DIR *folder = opendir(talloc_asprintf(all, "/proc/%d/fd", (int)pid));
	unsigned count = 0;

	while (folder && readdir(folder))
		count++;
	if (folder)
		closedir(folder);
	return count;
}

/* What is passed may be anything: no file at all, an empty one, a hundred, with a name that is none. None stays open. */
START_TEST(is_not_impressed_by_odd_descriptors)
{
	static const char frame[] = "\4\0\0\0\xff\xff\xff\xff"
				    "id.1";
	static const char nameless[] = "\0\0\0\0\xff\xff\xff\xff";
	struct running running;
	int ends[2], empty = memfd_create("empty", MFD_CLOEXEC);
	struct loop *loop = loop_new(all);
	struct keeper_link *link;
	unsigned before;

	keep_messages();
	running = start_keeper();
	before = count_open(running.pid);
	ck_assert_int_eq(pipe(ends), 0);
	for (unsigned i = 0; i < 20; i++) {
		pass(running.records, frame, sizeof frame - 1, ends[0], 1);
		pass(running.records, frame, sizeof frame - 1, empty, 1);
		pass(running.records, frame, 7, empty, 1);
		pass(running.records, nameless, 8, empty, 1);
		pass(running.records, frame, sizeof frame - 1, empty, 2);
		pass(running.records, frame, sizeof frame - 1, empty, 30);
	}
	link = keeper_link_new(loop, loop, dup(running.records));
	keeper_link_record(link, "mark", "{}", 2);
	talloc_free(link);
	while (strcmp(get("mark"), "{}") != 0)
		usleep(1000);
	ck_assert_uint_eq(count_open(running.pid), before);
	send_records(&running, 1);
	close(running.channel);
	await_death(&running);
	ck_assert_str_eq(get("id.0"), "{\"a\": 1}");
	close(ends[0]);
	close(ends[1]);
	close(empty);
	remove_messages();
}
END_TEST

/* A keeper that is stopped takes nothing: the link drops and counts, and never waits. */
START_TEST(a_lagging_keeper_costs_records_only)
{
	struct running running = start_keeper();
	struct loop *loop = loop_new(all);
	struct keeper_link *link = keeper_link_new(loop, loop, running.records);
	char *json = talloc_zero_array(all, char, 100000);

	kill(running.pid, SIGSTOP);
	for (unsigned i = 0; i < 200; i++)
		keeper_link_record(link, "id.1", json, 100000);
	ck_assert_uint_gt(keeper_link_dropped(link), 100);
	keeper_link_record(link, "id.1", json, 1 << 20);
	kill(running.pid, SIGCONT);
	talloc_free(link);
	close(running.channel);
	await_death(&running);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keeper");
	TCase *cases = tcase_create("keeper");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, reads_what_was_written);
	tcase_add_test(cases, reads_all);
	tcase_add_test(cases, reads_a_later_record_once);
	tcase_add_test(cases, forgets_the_old);
	tcase_add_test(cases, stays_within_its_size);
	tcase_add_test(cases, begins_anew_after_damage);
	tcase_add_test(cases, keeps_what_the_workers_send);
	tcase_add_test(cases, outlives_its_master_for_the_workers);
	tcase_add_test(cases, is_not_impressed_by_garbage);
	tcase_add_test(cases, keeps_messages);
	tcase_add_test(cases, removes_messages_that_are_kept_no_longer);
	tcase_add_test(cases, is_not_impressed_by_odd_descriptors);
	tcase_add_test(cases, a_lagging_keeper_costs_records_only);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
