/* SPDX-License-Identifier: Apache-2.0 */
/* The quarantine's files when the disk does not do what it should, and tickets there and back. */
#include "proxy/quarantine.h"
#include "proxy/ticket.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <talloc.h>
#include <unistd.h>

#define ID "ABC123.1"
#define TICKET "{\"id\": \"ABC123.1\"}"
#define MESSAGE "Subject: x\r\n\r\ntext\r\n"
#define CALLS_MOST 100

/* --- a disk that fails --- */

/* The call of that number from now on fails; 0: none. */
static unsigned failing, calls;
static int failure;

static bool fails(void)
{
	if (!failing || ++calls != failing)
		return false;
	errno = failure;
	return true;
}

/* In place of the library's: what the quarantine calls is these. */
int fsync(int descriptor);
int fsync(int descriptor)
{
	return fails() ? -1 : (int)syscall(SYS_fsync, descriptor);
}

int rename(const char *from, const char *to);
int rename(const char *from, const char *to)
{
	return fails() ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

ssize_t pread(int descriptor, void *bytes, size_t size, off_t at);
ssize_t pread(int descriptor, void *bytes, size_t size, off_t at)
{
	return fails() ? -1 : (ssize_t)syscall(SYS_pread64, descriptor, bytes, size, at);
}

/* --- the quarantine --- */

static char directory[] = "/tmp/check_quarantine.XXXXXX";
static struct quarantine_options options;
static struct quarantine *quarantine;
static void *all;
static bool wanted;

static void set_up(void)
{
	const char *reason;

	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	options = (struct quarantine_options){.path = directory, .age = 1000000, .size = 1 << 20};
	all = talloc_new(NULL);
	quarantine = quarantine_open(all, &options, &reason);
	ck_assert_ptr_nonnull(quarantine);
	failing = calls = 0;
	wanted = true;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status;
	(void)type;
	(void)at;
	return remove(path);
}

static void tear_down(void)
{
	nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	talloc_free(all);
}

static bool is_wanted(void *owner)
{
	(void)owner;
	return wanted;
}

static const char *put(const char *id)
{
	int content = memfd_create("content", MFD_CLOEXEC);
	const struct quarantine_item item = {.id = slice_of(id),
		.descriptor = content,
		.ticket_size = strlen(TICKET),
		.is_wanted = is_wanted};
	const char *reason;

	ck_assert_int_gt(write(content, TICKET MESSAGE, strlen(TICKET MESSAGE)), 0);
	reason = quarantine_put(quarantine, &item);
	close(content);
	return reason;
}

static size_t files_in(const char *folder)
{
	DIR *entries = opendir(talloc_asprintf(all, "%s/%s", directory, folder));
	size_t count = 0;

	ck_assert_ptr_nonnull(entries);
	for (const struct dirent *entry; (entry = readdir(entries));)
		count += entry->d_name[0] != '.';
	closedir(entries);
	return count;
}

static void expect_files(size_t count)
{
	ck_assert_uint_eq(files_in("new"), count);
	ck_assert_uint_eq(files_in("tickets"), count);
	ck_assert_uint_eq(files_in("tmp"), 0);
}

START_TEST(keeps)
{
	const char *reason;
	size_t size;

	ck_assert_ptr_null(put(ID));
	expect_files(1);
	ck_assert_str_eq(quarantine_read_message(all, quarantine, ID, &size, &reason), MESSAGE);
	ck_assert_uint_eq(size, strlen(MESSAGE));
	ck_assert_str_eq(quarantine_read_ticket(all, quarantine, ID, &reason), TICKET);
	ck_assert_uint_eq(talloc_array_length(quarantine_list(all, quarantine)), 1);
}
END_TEST

/* Whatever call fails, and however: it says so, and nothing is left of it. */
START_TEST(says_so_when_the_disk_fails)
{
	static const int failures[] = {ENOSPC, EIO, EDQUOT, EROFS};
	unsigned steps;

	for (steps = 1; steps < CALLS_MOST; steps++) {
		failing = steps;
		calls = 0;
		failure = failures[_i];
		const char *reason = put(ID);
		failing = 0;
		if (!reason)
			break;
		ck_assert_str_eq(reason, strerror(failures[_i]));
		expect_files(0);
	}
	ck_assert_uint_gt(steps, 7);
	ck_assert_uint_lt(steps, CALLS_MOST);
	expect_files(1);
}
END_TEST

START_TEST(does_not_keep_what_nobody_waits_for)
{
	wanted = false;
	ck_assert_ptr_nonnull(strstr(put(ID), "nobody waits"));
	expect_files(0);
}
END_TEST

START_TEST(knows_when_it_is_full)
{
	options.size = 2 * (int64_t)strlen(TICKET MESSAGE);
	ck_assert_ptr_null(put("A.1"));
	ck_assert_ptr_null(put("A.2"));
	ck_assert_str_eq(put("A.3"), "quarantine.size is used up");
	expect_files(2);
	ck_assert_ptr_null(quarantine_delete(quarantine, "A.1"));
	ck_assert_ptr_null(put("A.3"));
	expect_files(2);
}
END_TEST

static const struct {
	const char *id;
	bool is_one;
} ids[] = {{"A", true}, {"01ABCDEFGHIJ.12", true}, {"", false}, {".", false}, {"..", false},
	{"../x", false}, {"A/B", false}, {"a", false}, {"A.json", false}, {"A\n", false},
	{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		false}};

START_TEST(knows_ids)
{
	const char *reason = NULL;
	size_t size;

	ck_assert(quarantine_is_id(ids[_i].id) == ids[_i].is_one);
	if (ids[_i].is_one)
		return;
	ck_assert_ptr_nonnull(put(ids[_i].id));
	ck_assert_ptr_null(quarantine_read_message(all, quarantine, ids[_i].id, &size, &reason));
	ck_assert_str_eq(reason, "that is no id of a message in the quarantine");
	ck_assert_ptr_null(quarantine_read_ticket(all, quarantine, ids[_i].id, &reason));
	ck_assert_ptr_nonnull(quarantine_claim(quarantine, ids[_i].id));
	ck_assert_ptr_nonnull(quarantine_delete(quarantine, ids[_i].id));
}
END_TEST

START_TEST(can_be_claimed_once)
{
	ck_assert_ptr_null(put(ID));
	ck_assert(!quarantine_is_claimed(quarantine, ID));
	ck_assert_ptr_null(quarantine_claim(quarantine, ID));
	ck_assert(quarantine_is_claimed(quarantine, ID));
	ck_assert_ptr_nonnull(quarantine_claim(quarantine, ID));
	ck_assert_ptr_null(quarantine_give_back(quarantine, ID));
	ck_assert_ptr_null(quarantine_claim(quarantine, ID));
	ck_assert_uint_eq(talloc_array_length(quarantine_list(all, quarantine)), 1);
	ck_assert_ptr_null(quarantine_delete(quarantine, ID));
	expect_files(0);
}
END_TEST

START_TEST(lets_go_what_is_old)
{
	struct stat status;
	char *tmp = talloc_asprintf(all, "%s/tmp/LEFT", directory);

	ck_assert_ptr_null(put(ID));
	ck_assert_int_eq(stat(directory, &status), 0);
	fclose(fopen(tmp, "w"));
	ck_assert_uint_eq(quarantine_expire(quarantine, (int64_t)status.st_mtime + 900), 0);
	ck_assert_uint_eq(files_in("tmp"), 1);
	ck_assert_uint_eq(quarantine_expire(quarantine, (int64_t)status.st_mtime + 1100), 1);
	ck_assert_uint_eq(files_in("tickets"), 1);
	ck_assert_uint_eq(quarantine_expire(quarantine, (int64_t)status.st_mtime + 4000), 0);
	expect_files(0);
}
END_TEST

/* --- tickets --- */

static struct envelope *usual_envelope(void)
{
	struct envelope *envelope = envelope_new(all);

	envelope->sender = address_parse(all, slice_of("s@example.net"));
	envelope->body = BODY_8BITMIME;
	envelope->utf8 = true;
	envelope->dsn_return = RETURN_HEADERS;
	envelope->dsn_id = "x+2By";
	for (int i = 0; i < 3; i++) {
		char *text = talloc_asprintf(all, "%d@example.com", i);
		struct recipient recipient = {.passed = i != 1,
			.notify = i ? NOTIFY_FAILURE | NOTIFY_DELAY : 0,
			.original = i ? "rfc822;o@example.org" : NULL,
			.address = address_parse(all, slice_of(text))};
		envelope_add(envelope, &recipient);
	}
	envelope->passed = 2;
	return envelope;
}

START_TEST(tickets_come_back)
{
	const struct ticket ticket = {.id = ID,
		.seconds = 1234567890,
		.released = 1234567891,
		.size = 99,
		.client = "192.0.2.1",
		.subject = "\xc3\xa4 \xff",
		.reason = "it \"looks\" bad",
		.decided_by = "rule x",
		.backend = "exchange",
		.envelope = usual_envelope(),
		.record = "{\"verdict\": \"quarantine\"}"};
	const char *text = ticket_print(all, &ticket);
	const struct ticket *back = ticket_parse(all, text);

	ck_assert_ptr_nonnull(back);
	ck_assert_str_eq(ticket_print(all, back), text);
	ck_assert_str_eq(back->reason, ticket.reason);
	ck_assert_int_eq(back->released, ticket.released);
	ck_assert_uint_eq(back->envelope->count, 2);
	ck_assert_uint_eq(back->envelope->passed, 2);
	ck_assert_str_eq(back->envelope->recipients[1].address->text, "2@example.com");
	ck_assert_uint_eq(back->envelope->recipients[1].notify, NOTIFY_FAILURE | NOTIFY_DELAY);
	ck_assert_int_eq(back->envelope->dsn_return, RETURN_HEADERS);
	ck_assert(back->envelope->utf8);
}
END_TEST

static const char *const no_tickets[] = {"", "{", "[]", "{}", "{\"id\": \"A\"}",
	"{\"id\": \"A\", \"envelope\": {\"sender\": \"a@b.c\", \"recipients\": []}}",
	"{\"id\": \"A\", \"envelope\": {\"sender\": \"a@b.c\", \"recipients\": [7]}}",
	"{\"id\": \"A\", \"envelope\": {\"recipients\": [{\"address\": \"a@b.c\"}]}}",
	("{\"id\": \"A\", \"envelope\": {\"sender\": \"a\\n@b\", \"recipients\": [{\"address\": "
	 "\"a@b.c\"}]}}")};

START_TEST(knows_what_is_no_ticket)
{
	ck_assert_ptr_null(ticket_parse(all, no_tickets[_i]));
}
END_TEST

START_TEST(the_null_sender_stays_so)
{
	const struct ticket *ticket = ticket_parse(all,
		"{\"id\": \"A\", \"envelope\": {\"sender\": \"\", "
		"\"recipients\": [{\"address\": \"a@b.c\"}]}}");

	ck_assert_ptr_nonnull(ticket);
	ck_assert(address_is_null(ticket->envelope->sender));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("quarantine");
	TCase *cases = tcase_create("quarantine");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, keeps);
	tcase_add_loop_test(cases, says_so_when_the_disk_fails, 0, 4);
	tcase_add_test(cases, does_not_keep_what_nobody_waits_for);
	tcase_add_test(cases, knows_when_it_is_full);
	tcase_add_loop_test(cases, knows_ids, 0, (int)(sizeof ids / sizeof *ids));
	tcase_add_test(cases, can_be_claimed_once);
	tcase_add_test(cases, lets_go_what_is_old);
	tcase_add_test(cases, tickets_come_back);
	tcase_add_loop_test(
		cases, knows_what_is_no_ticket, 0, (int)(sizeof no_tickets / sizeof *no_tickets));
	tcase_add_test(cases, the_null_sender_stays_so);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
