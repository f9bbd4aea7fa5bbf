/* SPDX-License-Identifier: Apache-2.0 */
/* Packets, and descriptors that go along. */
#include "base/passing.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int ends[2];

static void set_up(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

static void tear_down(void)
{
	close(ends[0]);
	close(ends[1]);
}

/* As many pipes as descriptors: what is written into the copies comes out here. */
START_TEST(carries_descriptors)
{
	size_t count = (size_t)_i;
	int pipes[PASSING_MOST][2], writing[PASSING_MOST];
	char first[] = "ab", second[] = "cd";
	const struct iovec parts[] = {{first, 2}, {second, 2}};
	struct passed passed;
	char bytes[8], got;

	for (size_t i = 0; i < count; i++) {
		ck_assert_int_eq(pipe(pipes[i]), 0);
		writing[i] = pipes[i][1];
	}
	ck_assert_int_eq(passing_send(ends[0], parts, 2, writing, count), 4);
	ck_assert_int_eq(passing_receive(ends[1], bytes, sizeof bytes, &passed), 4);
	ck_assert_mem_eq(bytes, "abcd", 4);
	ck_assert_uint_eq(passed.count, count);
	for (size_t i = 0; i < count; i++) {
		ck_assert(fcntl(passed.items[i], F_GETFD) & FD_CLOEXEC);
		ck_assert_int_eq(write(passed.items[i], &"xy"[i], 1), 1);
		ck_assert_int_eq(read(pipes[i][0], &got, 1), 1);
		ck_assert_int_eq(got, "xy"[i]);
	}
	passing_close(&passed);
	for (size_t i = 0; i < count; i++) {
		ck_assert_int_eq(fcntl(passed.items[i], F_GETFD), -1);
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
}
END_TEST

START_TEST(waits_for_nothing)
{
	struct passed passed;
	char byte;

	ck_assert_int_eq(passing_receive(ends[1], &byte, 1, &passed), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_eq(passed.count, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("passing");
	TCase *cases = tcase_create("passing");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, carries_descriptors, 0, PASSING_MOST + 1);
	tcase_add_test(cases, waits_for_nothing);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
