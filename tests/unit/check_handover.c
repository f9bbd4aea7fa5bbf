/* SPDX-License-Identifier: Apache-2.0 */
/* What one master leaves for the next, printed and parsed. */
#include "proxy/handover.h"

#include <check.h>
#include <fcntl.h>
#include <talloc.h>
#include <unistd.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define HEAD "postern-handover 1\n"
#define CONTROL "control 4 /run/postern/control socket\n"

static const char whole[] =
	HEAD "started 18446744073709551615\nlast 7 3 2\ntable 3\n" CONTROL "asker -1\n"
	     "listener 1 0.0.0.0 25 5 6\n"
	     "listener 3 2001:db8::1 2525 7\n"
	     "generation 6 0 1 600000 610000\n"
	     "process worker 0 4242 2 1 0 8\n"
	     "generation 7 1 0 600000 610000\n"
	     "process keeper 0 4243 3 0 0 9\n"
	     "process worker 1 0 0 0 4294967295 -1\n"
	     "server 1\nserver -1\n"
	     "plugin 3 4244 10 11 12 6 7 2 00ff a name with blanks\n"
	     "plugin 4 0 -1 -1 -1 7 7 0 00fe x\n";

static void *all;

static void set_up(void)
{
	all = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(all);
}

START_TEST(reads_what_it_prints)
{
	struct handover *handover = handover_parse(all, whole);

	ck_assert_ptr_nonnull(handover);
	ck_assert_str_eq(handover_print(all, handover), whole);
	ck_assert_str_eq(handover->control_path, "/run/postern/control socket");
	ck_assert_uint_eq(talloc_array_length(handover->generations), 2);
	ck_assert_int_eq(handover->generations[1].processes[0].pid, 4243);
	ck_assert_str_eq(handover->plugins[0].name, "a name with blanks");
	ck_assert_int_eq(handover->plugins[1].socket, HANDOVER_NONE);
}
END_TEST

static const struct {
	const char *text;
	bool good;
} texts[] = {
	{HEAD CONTROL, true},
	{HEAD CONTROL "a line of a later version\n", true},
	{HEAD CONTROL "started 1 and more of a later version\n", true},
	{"", false},
	{HEAD, false},
	{"postern-handover 2\n" CONTROL, false},
	{"postern-handover 10\n" CONTROL, false},
	{HEAD CONTROL "started x\n", false},
	{HEAD CONTROL "started\n", false},
	{HEAD CONTROL "table -2\n", false},
	{HEAD CONTROL "listener 1 localhost 25 3\n", false},
	{HEAD CONTROL "listener 1 ::1 65536 3\n", false},
	{HEAD CONTROL "listener 1 ::1 25 x\n", false},
	{HEAD CONTROL "process worker 0 1 1 0 0 3\n", false},
	{HEAD CONTROL "server 0\n", false},
	{HEAD CONTROL "generation 1 1 0 1 1\nserver 0\n", false},
	{HEAD CONTROL "generation 1 2 0 1 1\n", false},
	{HEAD CONTROL "plugin 1 2 3 4 5 6 7 8 00ff x\n", true},
	{HEAD CONTROL "plugin 1 2 3 4 5 6 7 8 00ff\n", false},
	{HEAD CONTROL "plugin 1 2 3 4 5 6 x 8 00ff x\n", false},
};

START_TEST(takes_only_what_is_one)
{
	ck_assert_int_eq(handover_parse(all, texts[_i].text) != NULL, texts[_i].good);
}
END_TEST

START_TEST(is_taken_once)
{
	struct handover *handover = handover_parse(all, HEAD CONTROL);
	int descriptor, kept = open("/dev/null", O_RDONLY | O_CLOEXEC);

	handover->control = HANDOVER_NONE;
	handover->table = kept;
	ck_assert(!handover_is_there());
	ck_assert(handover_leave(handover, &descriptor));
	ck_assert(handover_is_there());
	ck_assert_int_eq(fcntl(kept, F_GETFD), 0);
	struct handover *taken = handover_take(all);
	ck_assert_ptr_nonnull(taken);
	ck_assert_int_eq(taken->table, kept);
	ck_assert_int_eq(fcntl(kept, F_GETFD), FD_CLOEXEC);
	ck_assert(!handover_is_there());
	ck_assert_ptr_null(handover_take(all));
	close(kept);
}
END_TEST

START_TEST(can_be_withdrawn)
{
	struct handover *handover = handover_parse(all, HEAD CONTROL);
	int descriptor, kept = open("/dev/null", O_RDONLY | O_CLOEXEC);

	handover->control = kept;
	ck_assert(handover_leave(handover, &descriptor));
	handover_withdraw(handover, descriptor);
	ck_assert(!handover_is_there());
	ck_assert_int_eq(fcntl(kept, F_GETFD), FD_CLOEXEC);
	close(kept);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("handover");
	TCase *cases = tcase_create("handover");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, reads_what_it_prints);
	tcase_add_loop_test(cases, takes_only_what_is_one, 0, COUNT(texts));
	tcase_add_test(cases, is_taken_once);
	tcase_add_test(cases, can_be_withdrawn);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
