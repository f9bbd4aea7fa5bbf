/* SPDX-License-Identifier: Apache-2.0 */
/* One thing that takes time, from both sides. */
#include "base/await.h"

#include "base/loop.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

static struct loop *loop;

/* Who waits. */
static struct await await;
static unsigned woken;
static unsigned cancelled_when_woken;

/* What is waited for. */
static unsigned cancelled;
static bool pending_when_cancelled;

static void on_woken(void *owner)
{
	ck_assert_ptr_eq(owner, &woken);
	ck_assert(!await.pending);
	woken++;
	cancelled_when_woken = cancelled;
}

static void cancel(void *operation)
{
	ck_assert_ptr_eq(operation, &cancelled);
	pending_when_cancelled = await.pending;
	cancelled++;
}

static void set_up(void)
{
	loop = loop_new(NULL);
	clock_move(loop->clock, 0);
	woken = cancelled = cancelled_when_woken = 0;
	await_init(&await, loop->clock, on_woken, &woken);
}

static void tear_down(void)
{
	talloc_free(loop);
}

static void begin(uint64_t milliseconds)
{
	await_begin(&await, milliseconds, cancel, &cancelled);
}

START_TEST(ends_with_its_outcome)
{
	begin(100);
	ck_assert(await.pending);
	await_end(&await, _i ? OUTCOME_FAILED : OUTCOME_DONE);
	ck_assert_uint_eq(await.outcome, _i ? OUTCOME_FAILED : OUTCOME_DONE);
	ck_assert_uint_eq(woken, 1);
	clock_move(loop->clock, 1000);
	ck_assert_uint_eq(woken, 1);
	ck_assert_uint_eq(cancelled, 0);
}
END_TEST

START_TEST(skipping_wakes_nobody)
{
	await_skip(&await, OUTCOME_FAILED);
	ck_assert_uint_eq(await.outcome, OUTCOME_FAILED);
	ck_assert_uint_eq(woken, 0);
	ck_assert(!await.pending);
}
END_TEST

START_TEST(deadline_cancels_then_wakes)
{
	begin(100);
	clock_move(loop->clock, 99);
	ck_assert_uint_eq(woken, 0);
	clock_move(loop->clock, 1);
	ck_assert_uint_eq(woken, 1);
	ck_assert_uint_eq(cancelled, 1);
	ck_assert_uint_eq(cancelled_when_woken, 1);
	ck_assert_uint_eq(await.outcome, OUTCOME_TIMED_OUT);
	/* An operation that goes down with its cancelling may cancel whoever waits for it. */
	ck_assert(!pending_when_cancelled);
}
END_TEST

START_TEST(cancelling_wakes_nobody)
{
	await.committed = _i; /* a commitment is the interrupts' business */
	begin(100);
	await_cancel(&await);
	ck_assert(!await.pending);
	ck_assert(!pending_when_cancelled);
	await_cancel(&await);
	clock_move(loop->clock, 1000);
	ck_assert_uint_eq(cancelled, 1);
	ck_assert_uint_eq(woken, 0);
}
END_TEST

START_TEST(cancelling_what_is_not_pending_does_nothing)
{
	await_cancel(&await);
	begin(0);
	await_end(&await, OUTCOME_DONE);
	await_cancel(&await);
	ck_assert_uint_eq(cancelled, 0);
}
END_TEST

START_TEST(extending_moves_the_deadline)
{
	begin(100);
	clock_move(loop->clock, 90);
	await_extend(&await, 100);
	clock_move(loop->clock, 99);
	ck_assert_uint_eq(woken, 0);
	clock_move(loop->clock, 1);
	ck_assert_uint_eq(await.outcome, OUTCOME_TIMED_OUT);
	await_extend(&await, 10);
	clock_move(loop->clock, 100);
	ck_assert_uint_eq(woken, 1);
}
END_TEST

START_TEST(for_ever_has_no_deadline)
{
	begin(AWAIT_FOR_EVER);
	clock_move(loop->clock, 1000000000);
	ck_assert_uint_eq(woken, 0);
	await_extend(&await, 10);
	await_extend(&await, AWAIT_FOR_EVER);
	clock_move(loop->clock, 1000000000);
	ck_assert_uint_eq(woken, 0);
}
END_TEST

START_TEST(serves_many_operations)
{
	for (unsigned i = 1; i <= 10; i++) {
		begin(100);
		clock_move(loop->clock, 50);
		await_end(&await, OUTCOME_DONE);
		ck_assert_uint_eq(woken, i);
	}
	begin(100);
	clock_move(loop->clock, 100);
	ck_assert_uint_eq(await.outcome, OUTCOME_TIMED_OUT);
	ck_assert_uint_eq(cancelled, 1);
}
END_TEST

static unsigned left;

static void wake_and_begin_anew(void *owner)
{
	(void)owner;
	woken++;
	if (--left)
		begin(10);
}

START_TEST(begins_anew_when_woken)
{
	left = 5;
	await_init(&await, loop->clock, wake_and_begin_anew, NULL);
	begin(10);
	clock_move(loop->clock, 49);
	ck_assert_uint_eq(woken, 4);
	clock_move(loop->clock, 1);
	ck_assert_uint_eq(woken, 5);
	ck_assert(!await.pending);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("await");
	TCase *cases = tcase_create("await");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, ends_with_its_outcome, 0, 2);
	tcase_add_test(cases, skipping_wakes_nobody);
	tcase_add_test(cases, deadline_cancels_then_wakes);
	tcase_add_loop_test(cases, cancelling_wakes_nobody, 0, 2);
	tcase_add_test(cases, cancelling_what_is_not_pending_does_nothing);
	tcase_add_test(cases, extending_moves_the_deadline);
	tcase_add_test(cases, for_ever_has_no_deadline);
	tcase_add_test(cases, serves_many_operations);
	tcase_add_test(cases, begins_anew_when_woken);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
