/* SPDX-License-Identifier: Apache-2.0 */
/* The quarantine's files when the disk does not do what it should, and tickets there and back. */
#include "proxy/cli.h"
#include "proxy/quarantine_hold.h"
#include "proxy/ticket.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <talloc.h>
#include <time.h>
#include <unistd.h>

#define ID "ABC123.1"
#define TICKET "{\"id\": \"ABC123.1\"}"
#define MESSAGE "Subject: x\r\n\r\ntext\r\n"
#define CALLS_MOST 100

/* --- a disk that fails --- */

/* The call of that number from now on fails; 0: none. With DIES the process is killed there. */
#define DIES -1
static unsigned failing, calls;
static int failure;

static bool fails(void)
{
	if (!failing || ++calls != failing)
		return false;
	if (failure == DIES)
		raise(SIGKILL);
	errno = failure;
	return true;
}

/* How reading goes. */
static enum reading {
	READS_WELL,
	READS_LITTLE, /* a byte at a time, and interrupted between */
	READS_ERROR,  /* from the fifth byte on */
	READS_END     /* the same */
} reading;

static ssize_t read_badly(int descriptor, void *bytes, off_t at)
{
	if (reading == READS_LITTLE && calls++ % 2) {
		errno = EINTR;
		return -1;
	}
	if (reading != READS_LITTLE && at >= 5) {
		errno = EIO;
		return reading == READS_ERROR ? -1 : 0;
	}
	return (ssize_t)syscall(SYS_pread64, descriptor, bytes, 1, at);
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
	if (reading)
		return read_badly(descriptor, bytes, at);
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
	reading = READS_WELL;
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

static struct quarantine_hold *hold(const char *id)
{
	const char *reason = NULL;
	struct quarantine_hold *held = quarantine_hold_new(all, quarantine, id, &reason);

	ck_assert_msg(held, "%s", reason);
	return held;
}

static void delete (const char *id)
{
	struct quarantine_hold *held = hold(id);

	ck_assert_ptr_null(quarantine_hold_remove(held));
	talloc_free(held);
}

static struct quarantine_sight look(const char *id)
{
	struct quarantine_sight sight;
	const char *reason = NULL;

	ck_assert_msg(quarantine_look(quarantine, id, &sight, &reason), "%s", reason);
	return sight;
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
	delete ("A.1");
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
	ck_assert_ptr_null(quarantine_hold_new(all, quarantine, ids[_i].id, &reason));
	ck_assert_str_eq(reason, "that is no id of a message in the quarantine");
}
END_TEST

/* --- taking out --- */

START_TEST(is_held_by_one)
{
	const char *reason;
	struct quarantine_hold *first;

	ck_assert_ptr_null(quarantine_hold_new(all, quarantine, ID, &reason));
	ck_assert_str_eq(reason, QUARANTINE_NOT_THERE);
	ck_assert_ptr_null(put(ID));
	ck_assert(!look(ID).is_held);
	for (enum quarantine_place place = QUARANTINE_WAITS; place < QUARANTINE_PLACES; place++) {
		first = hold(ID);
		if (place)
			ck_assert_ptr_null(quarantine_hold_move(first, place));
		ck_assert_int_eq(quarantine_hold_place(first), place);
		ck_assert_int_eq(look(ID).place, place);
		ck_assert(look(ID).is_held);
		ck_assert_ptr_null(quarantine_hold_new(all, quarantine, ID, &reason));
		ck_assert_ptr_nonnull(strstr(reason, "another command is at work on it"));
		ck_assert_uint_eq(talloc_array_length(quarantine_list(all, quarantine)), 1);
		talloc_free(first);
		ck_assert(!look(ID).is_held);
	}
	ck_assert_int_eq(look(ID).size, (int64_t)strlen(MESSAGE));
	delete (ID);
	expect_files(0);
	ck_assert_uint_eq(files_in("cur"), 0);
}
END_TEST

/* By the death of its process. */
START_TEST(is_let_go_by_death)
{
	int ends[2], status;
	char letter;

	ck_assert_ptr_null(put(ID));
	ck_assert_int_eq(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		struct quarantine_hold *held = hold(ID);
		bool good = !quarantine_hold_move(held, QUARANTINE_CLAIMED) &&
			write(ends[1], "x", 1) == 1;
		while (good) // NOLINT(bugprone-infinite-loop): until it is killed
			pause();
		_exit(1);
	}
	ck_assert_int_eq(read(ends[0], &letter, 1), 1);
	ck_assert(look(ID).is_held);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
	ck_assert(!look(ID).is_held);
	ck_assert_int_eq(look(ID).place, QUARANTINE_CLAIMED);
	delete (ID);
}
END_TEST

START_TEST(what_is_held_does_not_expire)
{
	struct quarantine_hold *held;
	int64_t late;

	ck_assert_ptr_null(put(ID));
	late = look(ID).came + 5000;
	held = hold(ID);
	for (int i = 0; i < QUARANTINE_PLACES; i++) {
		if (i)
			ck_assert_ptr_null(quarantine_hold_move(held, i));
		ck_assert_uint_eq(quarantine_expire(quarantine, late), 0);
		ck_assert_uint_eq(files_in("tickets"), 1);
	}
	talloc_free(held);
	ck_assert_uint_eq(quarantine_expire(quarantine, late), 1);
	ck_assert_uint_eq(files_in("cur") + files_in("tickets"), 0);
}
END_TEST

/* All of it or nothing. */
START_TEST(does_not_read_a_part)
{
	const char *reason = "";
	size_t size;
	struct quarantine_hold *held;

	ck_assert_ptr_null(put(ID));
	held = hold(ID);
	reading = READS_LITTLE;
	ck_assert_str_eq(quarantine_hold_read(all, held, &size, &reason), MESSAGE);
	ck_assert_str_eq(quarantine_read_message(all, quarantine, ID, &size, &reason), MESSAGE);
	ck_assert_str_eq(quarantine_read_ticket(all, quarantine, ID, &reason), TICKET);
	for (reading = READS_ERROR; reading <= READS_END; reading++) {
		const char *words = reading == READS_ERROR ? strerror(EIO) : "it ends there";
		ck_assert_ptr_null(quarantine_hold_read(all, held, &size, &reason));
		ck_assert_ptr_nonnull(strstr(reason, words));
		ck_assert_ptr_null(quarantine_read_message(all, quarantine, ID, &size, &reason));
		ck_assert_ptr_nonnull(strstr(reason, words));
		ck_assert_ptr_nonnull(strstr(reason, "only the first 5 can be read"));
		ck_assert_ptr_null(quarantine_read_ticket(all, quarantine, ID, &reason));
		ck_assert_ptr_nonnull(strstr(reason, words));
		ck_assert_ptr_nonnull(strstr(reason, "its ticket cannot be read"));
	}
}
END_TEST

START_TEST(a_ticket_that_cannot_be_written_leaves_the_old_one)
{
	const char *reason;

	ck_assert_ptr_null(put(ID));
	failure = ENOSPC;
	for (failing = 1; failing <= 2; failing++) {
		calls = 0;
		ck_assert_str_eq(
			quarantine_write_ticket(quarantine, ID, slice_of("{}")), strerror(ENOSPC));
		ck_assert_str_eq(quarantine_read_ticket(all, quarantine, ID, &reason), TICKET);
		expect_files(1);
	}
	failing = 0;
	ck_assert_ptr_null(quarantine_write_ticket(quarantine, ID, slice_of("{}")));
	ck_assert_str_eq(quarantine_read_ticket(all, quarantine, ID, &reason), "{}");
	expect_files(1);
}
END_TEST

/* A keeper that is killed at any call: the message is there whole with its ticket, or not at all, and what it leaves goes in time. */
START_TEST(a_kill_falls_into_a_put)
{
	unsigned steps, kills = 0, kept = 0;
	const char *reason;
	size_t size;
	int status;

	for (steps = 1; steps < CALLS_MOST; steps++) {
		pid_t child = fork();
		if (child == 0) {
			failing = steps;
			failure = DIES;
			_exit(put(ID) ? 1 : 0);
		}
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		if (!WIFSIGNALED(status))
			break;
		kills++;
		if (files_in("new")) {
			kept++;
			ck_assert_str_eq(
				quarantine_read_message(all, quarantine, ID, &size, &reason),
				MESSAGE);
			ck_assert_str_eq(
				quarantine_read_ticket(all, quarantine, ID, &reason), TICKET);
			delete (ID);
		}
		quarantine_expire(quarantine, (int64_t)time(NULL) + 4000);
		expect_files(0);
	}
	ck_assert_int_eq(status, 0);
	ck_assert_uint_gt(kills, 5);
	ck_assert_uint_ge(kept, 1);
	ck_assert_uint_lt(kept, kills);
	expect_files(1);
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

/* --- the command --- */

#define FULL_TICKET                                                                                \
	"{\"id\": \"ABC123.1\", \"size\": 20, \"envelope\": {\"sender\": \"a@example.net\", "      \
	"\"recipients\": [{\"address\": \"b@example.com\"}]}}"

/* What it says against it; "" when it ends well. Nobody listens at the backend's port. */
static const char *command(const char *verb)
{
	char *file = talloc_asprintf(all, "%s/postern.conf", directory);
	char *words[] = {talloc_strdup(all, "quarantine"), talloc_strdup(all, "-c"), file,
		talloc_strdup(all, verb), talloc_strdup(all, ID), NULL};
	FILE *out = fopen(file, "w");

	ck_assert_ptr_nonnull(out);
	fprintf(out,
		"hostname = \"mx.example.com\"\n"
		"listen \"inbound\" { address = \"127.0.0.1\" port = 2525 }\n"
		"backend \"exchange\" { servers = {\"127.0.0.1:1\"} tls = off }\n"
		"relay { domains = {\"example.com\"} }\n"
		"store { path = \"%s/store\" }\n"
		"quarantine { path = \"%s\" }\n",
		directory, directory);
	ck_assert_int_eq(fclose(out), 0);
	FILE *said = freopen(talloc_asprintf(all, "%s/said", directory), "w+", stderr);
	char *text = talloc_zero_size(all, 1000);
	ck_assert_ptr_nonnull(said);
	int status = cli_quarantine(5, words);
	rewind(said);
	size_t size = fread(text, 1, 999, said);
	ck_assert_int_eq(status, size ? 1 : 0);
	return text;
}

/* It is told, and the message waits as before: nothing was even begun. */
START_TEST(commands_fail_where_reading_does)
{
	static const char *const verbs[] = {"show", "release"};
	const char *verb = verbs[_i];

	ck_assert_ptr_null(put(ID));
	ck_assert_ptr_null(quarantine_write_ticket(quarantine, ID, slice_of(FULL_TICKET)));
	ck_assert_str_eq(command("show"), "");
	ck_assert_ptr_nonnull(strstr(command("release"), "451 4.4.1"));
	reading = READS_ERROR;
	ck_assert_ptr_nonnull(strstr(command("explain"), strerror(EIO)));
	ck_assert_ptr_nonnull(strstr(command(verb), strerror(EIO)));
	ck_assert_int_eq(look(ID).place, QUARANTINE_WAITS);
	reading = READS_END;
	ck_assert_ptr_nonnull(strstr(command("explain"), "it ends there"));
	ck_assert_ptr_nonnull(strstr(command(verb), "it ends there"));
	ck_assert_int_eq(look(ID).place, QUARANTINE_WAITS);
	reading = READS_WELL;
	ck_assert_int_eq(
		truncate(talloc_asprintf(all, "%s/new/" ID, directory), strlen(MESSAGE) - 1), 0);
	ck_assert_ptr_nonnull(strstr(command(verb), "it has 19 bytes, and 20 were kept"));
	ck_assert_int_eq(look(ID).place, QUARANTINE_WAITS);
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
		.released_to = talloc_zero_array(all, const char *, 1),
		.size = 99,
		.client = "192.0.2.1",
		.subject = "\xc3\xa4 \xff",
		.reason = "it \"looks\" bad",
		.decided_by = "rule x",
		.backend = "exchange",
		.envelope = usual_envelope(),
		.record = "{\"verdict\": \"quarantine\"}"};
	ticket.released_to[0] = "2@example.com";
	const char *text = ticket_print(all, &ticket);
	const struct ticket *back = ticket_parse(all, text);

	ck_assert_ptr_nonnull(back);
	ck_assert_str_eq(ticket_print(all, back), text);
	ck_assert_str_eq(back->reason, ticket.reason);
	ck_assert_int_eq(back->released, ticket.released);
	ck_assert_uint_eq(talloc_array_length(back->released_to), 1);
	ck_assert_str_eq(back->released_to[0], "2@example.com");
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
	tcase_add_test(cases, is_held_by_one);
	tcase_add_test(cases, is_let_go_by_death);
	tcase_add_test(cases, what_is_held_does_not_expire);
	tcase_add_test(cases, does_not_read_a_part);
	tcase_add_test(cases, a_ticket_that_cannot_be_written_leaves_the_old_one);
	tcase_add_test(cases, a_kill_falls_into_a_put);
	tcase_add_loop_test(cases, commands_fail_where_reading_does, 0, 2);
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
