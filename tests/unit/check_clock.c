/* SPDX-License-Identifier: Apache-2.0 */
/* Timers: their order, what a callback may do to them, and time moved by hand. */
#include "base/clock.h"

#include "base/loop.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define TICK 10 /* ms, at most, that the clock may be behind */
#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define MANY 300

struct run {
	size_t probe;
	uint64_t due, at;
};

static struct loop *loop;
static struct run runs[10000];
static size_t run_count;

/* A timer that notes when it ran, then does something to another. */
struct probe {
	struct timer timer;
	uint64_t due;
	struct probe *stops;
	struct probe *starts;
	uint64_t delay; /* of what it starts */
};

static struct probe probes[MANY];

static void set_up(void)
{
	loop = loop_new(NULL);
	run_count = 0;
	memset(probes, 0, sizeof probes);
	clock_move(loop->clock, 0);
}

static void tear_down(void)
{
	talloc_free(loop);
}

static void on_due(void *owner)
{
	struct probe *probe = owner;

	ck_assert(!timer_is_running(&probe->timer));
	ck_assert_uint_lt(run_count, COUNT(runs));
	runs[run_count++] =
		(struct run){(size_t)(probe - probes), probe->due, clock_now(loop->clock)};
	if (probe->stops)
		timer_stop(&probe->stops->timer);
	if (probe->starts) {
		timer_start(&probe->starts->timer, loop->clock, probe->delay);
		probe->starts->due = clock_now(loop->clock) + probe->delay;
	}
}

static void start(size_t i, uint64_t delay)
{
	probes[i].timer.on_due = on_due;
	probes[i].timer.owner = &probes[i];
	probes[i].due = clock_now(loop->clock) + delay;
	timer_start(&probes[i].timer, loop->clock, delay);
}

static void assert_ran(size_t count, const size_t *wanted)
{
	ck_assert_uint_eq(run_count, count);
	for (size_t i = 0; i < count; i++) {
		ck_assert_uint_eq(runs[i].probe, wanted[i]);
		ck_assert_uint_eq(runs[i].at, runs[i].due);
	}
}

START_TEST(runs_in_order_each_at_its_own_time)
{
	static const uint64_t delays[] = {30, 10, 20, 11, 0, 50, 101, 40};
	static const size_t wanted[] = {4, 1, 3, 2, 0, 7, 5};

	for (size_t i = 0; i < (size_t)COUNT(delays); i++)
		start(i, delays[i]);
	uint64_t before = clock_now(loop->clock);
	clock_move(loop->clock, 100);
	assert_ran(COUNT(wanted), wanted);
	ck_assert_uint_eq(clock_now(loop->clock), before + 100);
	ck_assert(timer_is_running(&probes[6].timer));
	clock_move(loop->clock, 1);
	ck_assert_uint_eq(run_count, COUNT(wanted) + 1);
}
END_TEST

START_TEST(stops_and_starts_again)
{
	static const size_t wanted[] = {2, 1};

	start(0, 10);
	start(1, 10);
	start(2, 20);
	timer_stop(&probes[0].timer);
	timer_stop(&probes[0].timer);
	ck_assert(!timer_is_running(&probes[0].timer));
	start(1, 30);
	clock_move(loop->clock, 100);
	assert_ran(2, wanted);
}
END_TEST

START_TEST(callback_stops_others)
{
	static const size_t wanted[] = {0};

	start(0, 10);
	start(1, 15);
	probes[0].stops = &probes[1];
	clock_move(loop->clock, 100);
	assert_ran(1, wanted);
}
END_TEST

START_TEST(callback_starts_itself_again)
{
	start(0, 10);
	probes[0].starts = &probes[0];
	probes[0].delay = 10;
	clock_move(loop->clock, 95);
	ck_assert_uint_eq(run_count, 9);
	for (size_t i = 1; i < run_count; i++)
		ck_assert_uint_eq(runs[i].at, runs[i - 1].at + 10);
	ck_assert(timer_is_running(&probes[0].timer));
}
END_TEST

START_TEST(callback_starts_another_within_the_move)
{
	static const size_t wanted[] = {0, 2, 1};

	start(0, 10);
	start(1, 30);
	start(2, 1000);
	probes[0].starts = &probes[2];
	probes[0].delay = 5;
	clock_move(loop->clock, 100);
	assert_ran(3, wanted);
}
END_TEST

static void free_timer(void *owner)
{
	talloc_free(owner);
	run_count++;
}

START_TEST(callback_frees_its_timer)
{
	struct timer *timer = talloc_zero(NULL, struct timer);

	timer->on_due = free_timer;
	timer->owner = timer;
	timer_start(timer, loop->clock, 1);
	clock_move(loop->clock, 100);
	ck_assert_uint_eq(run_count, 1);
}
END_TEST

static uint64_t wall_seen;

static void look_at_wall(void *owner)
{
	(void)owner;
	wall_seen = clock_wall(loop->clock);
}

START_TEST(calendar_moves_along_and_stands_still)
{
	struct timer timer = {.on_due = look_at_wall};
	uint64_t before = clock_wall(loop->clock);

	timer_start(&timer, loop->clock, 3600000);
	clock_move(loop->clock, 86400000);
	ck_assert_uint_eq(wall_seen, before + 3600000);
	uint64_t after = clock_wall(loop->clock);
	ck_assert_uint_eq(after, before + 86400000);
	for (uint64_t begun = clock_microseconds(); clock_microseconds() < begun + 3000;)
		;
	ck_assert_uint_eq(clock_wall(loop->clock), after);
}
END_TEST

/* In real time, a timer that is nearer than the one libevent knows comes first. */
START_TEST(loop_runs_timers)
{
	static const size_t wanted[] = {2, 1, 0};

	talloc_free(loop);
	loop = loop_new(NULL);
	start(0, 30);
	start(1, 15);
	start(2, 1);
	while (run_count < 3)
		loop_turn(loop, true);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(runs[i].probe, wanted[i]);
		ck_assert_uint_ge(runs[i].at + TICK, runs[i].due);
	}
}
END_TEST

/* Starts and stops at random; at each move exactly what was due runs, in order. */
START_TEST(random_use_agrees_with_a_list)
{
	unsigned seed = (unsigned)_i;

	for (int i = 0; i < 3000; i++) {
		size_t chosen = (size_t)rand_r(&seed) % MANY;
		if (rand_r(&seed) % 4)
			start(chosen, (uint64_t)rand_r(&seed) % 500);
		else
			timer_stop(&probes[chosen].timer);
		if (rand_r(&seed) % 50)
			continue;
		uint64_t target = clock_now(loop->clock) + (uint64_t)rand_r(&seed) % 200;
		size_t due = 0;
		for (size_t p = 0; p < MANY; p++)
			due += timer_is_running(&probes[p].timer) && probes[p].due <= target;
		run_count = 0;
		clock_move(loop->clock, target - clock_now(loop->clock));
		ck_assert_uint_eq(run_count, due);
		for (size_t r = 0; r < run_count; r++) {
			ck_assert(r == 0 || runs[r].at >= runs[r - 1].at);
			ck_assert(runs[r].at == runs[r].due && runs[r].due <= target);
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clock");
	TCase *cases = tcase_create("clock");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, runs_in_order_each_at_its_own_time);
	tcase_add_test(cases, stops_and_starts_again);
	tcase_add_test(cases, callback_stops_others);
	tcase_add_test(cases, callback_starts_itself_again);
	tcase_add_test(cases, callback_starts_another_within_the_move);
	tcase_add_test(cases, callback_frees_its_timer);
	tcase_add_test(cases, calendar_moves_along_and_stands_still);
	tcase_add_test(cases, loop_runs_timers);
	tcase_add_loop_test(cases, random_use_agrees_with_a_list, 0, 20);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
