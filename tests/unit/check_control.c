/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: answers, garbage, half lines, floods, clients that never read, a socket left behind. */
#include "proxy/control.h"

#include "base/loop.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

static char directory[] = "/tmp/check_control.XXXXXX";
static char path[64];
static struct loop *loop;
static struct control *control;
static struct control_request *kept; /* answered by the test itself */
static unsigned requests;
static char large[200000];

static void on_request(void *owner, struct control_request *request, const char *line)
{
	(void)owner;
	requests++;
	if (strcmp(line, "later") == 0)
		kept = request;
	else if (strcmp(line, "large") == 0)
		control_answer(request, true, large);
	else
		control_answer(request, strcmp(line, "good") == 0, "text\n");
}

static struct control *open_control(const char **reason)
{
	return control_new(NULL, loop, path, on_request, NULL, reason);
}

static void set_up(void)
{
	const char *reason = NULL;

	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/control", directory);
	memset(large, 'x', sizeof large - 1);
	loop = loop_new(NULL);
	control = open_control(&reason);
	ck_assert_msg(control != NULL, "%s", reason);
	requests = 0;
}

static void tear_down(void)
{
	talloc_free(control);
	talloc_free(loop);
	unlink(path);
	rmdir(directory);
}

static int client(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	ck_assert_int_eq(connect(descriptor, (struct sockaddr *)&address, sizeof address), 0);
	return descriptor;
}

static void turn(unsigned times)
{
	while (times-- > 0)
		loop_turn(loop, false);
}

/* What has come so far, NUL-ended; *ended: and no more will. */
static const char *received(int descriptor, bool *ended)
{
	static char text[1024];
	size_t used = 0;
	ssize_t got;

	while ((got = recv(descriptor, text + used, sizeof text - 1 - used, 0)) > 0)
		used += (size_t)got;
	*ended = got == 0 || errno == ECONNRESET;
	text[used] = 0;
	return text;
}

static const struct {
	const char *bytes;
	size_t size;
	const char *answer; /* what it begins with */
	unsigned requests;
} dialogues[] = {
	{"good\n", 5, "ok\ntext\n", 1},
	{"good\r\n", 6, "ok\ntext\n", 1},
	{"bad\n", 4, "error\ntext\n", 1},
	{"good\ngood\n", 10, "ok\ntext\n", 1}, /* one request a connection */
	{"\n", 1, "error\ntext\n", 1},
	/* CVE-2025-62875: garbage ended OpenSMTPD */
	{"go\0od\n", 6, "error\na request is", 0},
	{"\xff\xfe\n", 3, "error\na request is", 0},
	{"\033[2J\n", 5, "error\na request is", 0},
};

START_TEST(answers_a_line)
{
	int descriptor = client();
	bool ended;

	ck_assert_int_eq(send(descriptor, dialogues[_i].bytes, dialogues[_i].size, 0),
		(ssize_t)dialogues[_i].size);
	turn(4);
	const char *answer = received(descriptor, &ended);
	ck_assert_msg(strncmp(answer, dialogues[_i].answer, strlen(dialogues[_i].answer)) == 0,
		"%s", answer);
	ck_assert(ended);
	ck_assert_uint_eq(requests, dialogues[_i].requests);
	close(descriptor);
}
END_TEST

START_TEST(takes_a_line_byte_by_byte)
{
	int descriptor = client();
	bool ended;

	for (const char *byte = "good\n"; *byte; byte++) {
		ck_assert_int_eq(send(descriptor, byte, 1, 0), 1);
		turn(3);
	}
	ck_assert_str_eq(received(descriptor, &ended), "ok\ntext\n");
	close(descriptor);
}
END_TEST

START_TEST(refuses_a_line_without_end)
{
	int descriptor = client();
	bool ended;

	ck_assert_int_gt(send(descriptor, large, CONTROL_LINE, 0), 0);
	turn(4);
	ck_assert_str_eq(received(descriptor, &ended), "error\nthe request is too long\n");
	ck_assert_uint_eq(requests, 0);
	close(descriptor);
}
END_TEST

START_TEST(loses_patience)
{
	int half = client(), silent = client(), deaf = client();
	bool ended;

	clock_move(loop->clock, 0);
	send(half, "goo", 3, 0);
	send(deaf, "large\n", 6, 0);
	turn(6);
	ck_assert_uint_eq(requests, 1);
	clock_move(loop->clock, 5001);
	turn(2);
	received(half, &ended);
	ck_assert(ended);
	received(silent, &ended);
	ck_assert(ended);
	close(half);
	close(silent);
	close(deaf);
}
END_TEST

START_TEST(a_flood_waits_outside)
{
	int descriptors[CONTROL_CLIENTS * 2];
	bool ended;

	clock_move(loop->clock, 0);
	for (size_t i = 0; i < CONTROL_CLIENTS * 2; i++) {
		descriptors[i] = client();
		if (i >= CONTROL_CLIENTS)
			send(descriptors[i], "good\n", 5, 0);
	}
	turn(CONTROL_CLIENTS * 4);
	ck_assert_uint_eq(requests, 0); /* all places are taken by the silent */
	clock_move(loop->clock, 5001);
	turn(CONTROL_CLIENTS * 6);
	ck_assert_uint_eq(requests, CONTROL_CLIENTS);
	for (size_t i = 0; i < CONTROL_CLIENTS * 2; i++) {
		const char *answer = received(descriptors[i], &ended);
		ck_assert_str_eq(answer, i >= CONTROL_CLIENTS ? "ok\ntext\n" : "");
		close(descriptors[i]);
	}
}
END_TEST

START_TEST(answers_later_or_to_nobody)
{
	int stays = client(), leaves;
	bool ended;

	send(stays, "later\n", 6, 0);
	turn(3);
	received(stays, &ended);
	ck_assert(!ended);
	control_answer(kept, true, "at last\n");
	turn(2);
	ck_assert_str_eq(received(stays, &ended), "ok\nat last\n");
	leaves = client();
	send(leaves, "later\n", 6, 0);
	turn(3);
	close(leaves);
	turn(3);
	control_answer(kept, true, "nobody\n");
	turn(3);
	close(stays);
}
END_TEST

START_TEST(is_for_its_owner_only)
{
	struct stat status;

	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_int_eq(status.st_mode & 0777, 0600);
}
END_TEST

START_TEST(replaces_a_stale_socket_only)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *reason = NULL;
	int stale = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_ptr_null(open_control(&reason));
	ck_assert_str_eq(reason, "another postern is running there");
	talloc_free(control);
	ck_assert_int_lt(access(path, F_OK), 0);
	strcpy(address.sun_path, path);
	ck_assert_int_eq(bind(stale, (struct sockaddr *)&address, sizeof address), 0);
	close(stale);
	control = open_control(&reason);
	ck_assert_ptr_nonnull(control);
}
END_TEST

/* The asking side blocks, so it is another process. */
START_TEST(is_asked)
{
	static const struct {
		const char *line;
		int status;
	} rows[] = {{"good", 0}, {"bad", 1}, {"large", 0}};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		FILE *out = fopen("/dev/null", "w");
		_exit(control_ask(path, rows[_i].line, out));
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		loop_turn(loop, false);
	ck_assert_int_eq(WEXITSTATUS(status), rows[_i].status);
	ck_assert_int_eq(control_ask("/nonexistent/control", "good", stdout), 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control");
	TCase *cases = tcase_create("control");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, answers_a_line, 0, sizeof dialogues / sizeof dialogues[0]);
	tcase_add_test(cases, takes_a_line_byte_by_byte);
	tcase_add_test(cases, refuses_a_line_without_end);
	tcase_add_test(cases, loses_patience);
	tcase_add_test(cases, a_flood_waits_outside);
	tcase_add_test(cases, answers_later_or_to_nobody);
	tcase_add_test(cases, is_for_its_owner_only);
	tcase_add_test(cases, replaces_a_stale_socket_only);
	tcase_add_loop_test(cases, is_asked, 0, 3);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
