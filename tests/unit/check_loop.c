/* SPDX-License-Identifier: Apache-2.0 */
/* A process that goes round in circles is ended; one that is merely busy is not. */
#include "base/loop.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

static double processor_seconds(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
		(double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void spend(double seconds)
{
	double end = processor_seconds() + seconds;

	while (processor_seconds() < end)
		;
}

static void in_one_turn(struct loop *loop)
{
	loop_turn(loop, false);
	spend(5);
}

static void in_many_turns(struct loop *loop)
{
	for (int i = 0; i < 60; i++) {
		spend(0.05);
		loop_turn(loop, false);
	}
}

static void after_the_loop(struct loop *loop)
{
	talloc_free(loop);
	spend(2);
}

static const struct {
	void (*work)(struct loop *loop);
	int signal;
} rows[] = {{in_one_turn, SIGPROF}, {in_many_turns, 0}, {after_the_loop, 0}};

START_TEST(ends_who_does_not_come_round)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct loop *loop = loop_new(NULL);
		loop_watch(loop, 1);
		rows[_i].work(loop);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WIFSIGNALED(status) ? WTERMSIG(status) : 0, rows[_i].signal);
	ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loop");
	TCase *cases = tcase_create("cases");

	tcase_add_loop_test(
		cases, ends_who_does_not_come_round, 0, (int)(sizeof rows / sizeof *rows));
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
