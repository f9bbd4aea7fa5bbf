/* SPDX-License-Identifier: Apache-2.0 */
/* The breaker of a server, and its places, over several processes. */
#include "proxy/health.h"

#include "proxy/counters.h"

#include <check.h>
#include <stdio.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static struct table *table;
static struct health health;

static void set_up(void)
{
	struct ip ip;

	table = counters_new(NULL);
	ck_assert(ip_parse(slice_of("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), &ip));
	health_init(&health, table, &ip, 65535);
}

static void tear_down(void)
{
	talloc_free(table);
}

/* --- the breaker: what happens at which second, and what is so then --- */

static const struct {
	const char *
		events; /* f failure, s success, b break, m mend, p begins a probe, digits: so many times ten seconds pass */
	enum health_state state;
	const char *changes; /* what each event says: + yes, . no */
} stories[] = {
	{"", HEALTH_UP, ""},
	{"ff", HEALTH_UP, ".."},
	{"fff", HEALTH_DOWN, "..+"},
	{"ffff", HEALTH_DOWN, "..+."},
	{"ffsff", HEALTH_UP, "....."},
	{"fffs", HEALTH_UP, "..++"},
	{"f3f", HEALTH_DOWN, "..+"},
	{"f2f", HEALTH_UP, "..."},
	{"9f", HEALTH_UP, ".."},
	{"fff0p", HEALTH_DOWN, "..+.."},
	{"fff3p", HEALTH_PROBING, "..+.+"},
	{"fff3pp", HEALTH_PROBING, "..+.+."},
	{"fff3ps", HEALTH_UP, "..+.++"},
	{"fff3pf", HEALTH_DOWN, "..+.+."},
	{"fff3pf0p", HEALTH_DOWN, "..+.+..."},
	{"fff3pf3p", HEALTH_PROBING, "..+.+..+"},
	{"fff3p99p", HEALTH_PROBING, "..+.+..+"}, /* the prober has died */
	{"p", HEALTH_UP, "."},
	{"bb", HEALTH_UP, ".."},
	{"bbb", HEALTH_DOWN, "..+"},
	{"bsbsb", HEALTH_DOWN, "....+"}, /* that it can be connected to proves nothing */
	{"bbmbb", HEALTH_UP, "....."},
	{"b3b", HEALTH_DOWN, "..+"},
	{"b99b", HEALTH_DOWN, "...+"},
	{"b9999b", HEALTH_UP, "......"}, /* too long ago */
	{"ffb", HEALTH_UP, "..."},
	{"bbf", HEALTH_UP, "..."},
	{"bbb3psbb", HEALTH_UP, "..+.++.."},
	{"bbb3psbbb", HEALTH_DOWN, "..+.++..+"},
	{"fffbbb", HEALTH_DOWN, "..+..."},
};

static bool tell(char event, uint64_t now)
{
	switch (event) {
	case 'f':
		return health_fail(&health, now);
	case 's':
		return health_succeed(&health);
	case 'b':
		return health_break(&health, now);
	case 'p':
		return health_begin_probe(&health, now);
	case 'm':
		health_mend(&health);
	}
	return false;
}

START_TEST(changes)
{
	const char *said = stories[_i].changes;
	uint64_t now = 1000000;

	for (const char *event = stories[_i].events; *event; event++, said++) {
		bool changed = tell(*event, now);
		now += *event >= '0' && *event <= '9' ? 10000 * (uint64_t)(*event - '0') : 0;
		if (*said == '.' || *said == '+')
			ck_assert_int_eq(changed, *said == '+');
	}
	ck_assert_int_eq(health_state(&health), stories[_i].state);
}
END_TEST

/* --- several processes --- */

static void in_process(unsigned column, void (*run)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		table_use_column(table, column);
		run();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static void fail_once(void)
{
	struct health own;

	health_init(&own, table, &health.ip, health.port);
	health_fail(&own, 1);
}

START_TEST(is_known_to_all)
{
	struct health other;

	for (unsigned i = 1; i <= HEALTH_FAILURES; i++)
		in_process(i, fail_once);
	ck_assert_int_eq(health_state(&health), HEALTH_DOWN);
	ck_assert_uint_eq(health_failures(&health), HEALTH_FAILURES);
	health_init(&other, table, &health.ip, 25);
	ck_assert_int_eq(health_state(&other), HEALTH_UP);
}
END_TEST

static void take_three(void)
{
	for (unsigned i = 0; i < 3; i++) {
		if (!health_take_place(&health, 4))
			_exit(1);
	}
}

START_TEST(counts_places_of_all_until_they_die)
{
	in_process(1, take_three);
	ck_assert_uint_eq(health_places_taken(&health), 3);
	ck_assert(health_take_place(&health, 4));
	ck_assert(!health_take_place(&health, 4));
	ck_assert_uint_eq(health_places_taken(&health), 4);
	health_give_place(&health);
	ck_assert_uint_eq(health_places_taken(&health), 3);
	table_clear_column(table, 1);
	ck_assert_uint_eq(health_places_taken(&health), 0);
	ck_assert_int_eq(table_sum(table, COUNT_BACKEND_CONNECTIONS), 0);
}
END_TEST

/* However many processes are at it: never more than there are places. */
static void crowd(void)
{
	for (unsigned i = 0; i < 2000; i++) {
		if (!health_take_place(&health, 3))
			continue;
		if (health_places_taken(&health) > 3 + 8) /* those that are about to be told no */
			_exit(1);
		health_give_place(&health);
	}
}

START_TEST(holds_in_a_crowd)
{
	pid_t pids[8];
	int status;

	for (unsigned i = 0; i < 8; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			table_use_column(table, i + 1);
			crowd();
			_exit(0);
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_uint_eq(health_places_taken(&health), 0);
}
END_TEST

START_TEST(is_sought_for_half_a_second)
{
	ck_assert(!health_is_sought(&health, 1000));
	health_seek(&health, 1000);
	ck_assert(health_is_sought(&health, 1499));
	ck_assert(!health_is_sought(&health, 1500));
}
END_TEST

START_TEST(works_without_room_in_the_table)
{
	struct health one, other;

	for (unsigned i = 0; i < TABLE_WORD_KEYS; i++) {
		struct health filler;
		health_init(&filler, table, &health.ip, (uint16_t)(i + 1));
	}
	health_init(&one, table, &health.ip, 40000);
	health_init(&other, table, &health.ip, 40000);
	for (unsigned i = 0; i < HEALTH_FAILURES; i++)
		health_fail(&one, 1);
	ck_assert_int_eq(health_state(&one), HEALTH_DOWN);
	ck_assert_int_eq(health_state(&other), HEALTH_UP);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("health");
	TCase *cases = tcase_create("health");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, changes, 0, COUNT(stories));
	tcase_add_test(cases, is_known_to_all);
	tcase_add_test(cases, counts_places_of_all_until_they_die);
	tcase_add_test(cases, holds_in_a_crowd);
	tcase_add_test(cases, is_sought_for_half_a_second);
	tcase_add_test(cases, works_without_room_in_the_table);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
