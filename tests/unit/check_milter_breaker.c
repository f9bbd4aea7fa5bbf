/* SPDX-License-Identifier: Apache-2.0 */
/* What all workers know of a milter. */
#include "plugins/milter_breaker.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define KIND 1

static void *scratch;
static struct table *table;
static struct milter_breaker one, same, other;

static void setup(void)
{
	static const char *const names[] = {"counter", NULL};

	scratch = talloc_new(NULL);
	table = table_new(scratch, names);
	milter_breaker_init(&one, table, KIND, "one", "unix:/one");
	milter_breaker_init(&same, table, KIND, "one", "unix:/one");
	milter_breaker_init(&other, table, KIND, "other", "unix:/one");
}

static void teardown(void)
{
	talloc_free(scratch);
}

START_TEST(falls_after_failures_running)
{
	ck_assert(!milter_breaker_fail(&one, 1000));
	ck_assert(!milter_breaker_fail(&same, 2000));
	ck_assert(!milter_breaker_succeed(&one));
	ck_assert(!milter_breaker_fail(&one, 3000));
	ck_assert(!milter_breaker_fail(&same, 4000));
	ck_assert(!milter_breaker_is_down(&one));
	ck_assert(milter_breaker_fail(&one, 5000));
	ck_assert(!milter_breaker_fail(&one, 6000));
	ck_assert(milter_breaker_is_down(&same));
	ck_assert(!milter_breaker_is_down(&other));
}
END_TEST

/* All connections of one that crashed close together. */
START_TEST(takes_one_moment_for_one_failure)
{
	for (int i = 0; i < 10; i++)
		ck_assert(!milter_breaker_fail(i % 2 ? &one : &same, 1000 + (uint64_t)i));
	ck_assert(!milter_breaker_fail(&one, 1000 + MILTER_MOMENT));
	ck_assert(!milter_breaker_fail(&same, 1000 + 2 * MILTER_MOMENT - 1));
	ck_assert(!milter_breaker_is_down(&one));
	ck_assert(milter_breaker_fail(&same, 1000 + 2 * MILTER_MOMENT));
}
END_TEST

static void fall(void)
{
	for (unsigned i = 1; i <= MILTER_FAILURES; i++)
		milter_breaker_fail(&one, 1000 - (MILTER_FAILURES - i) * MILTER_MOMENT);
	ck_assert(milter_breaker_is_down(&one));
}

START_TEST(is_probed_by_one)
{
	fall();
	ck_assert(!milter_breaker_begin_probe(&one, 1000 + MILTER_PAUSE - 1));
	ck_assert(milter_breaker_begin_probe(&one, 1000 + MILTER_PAUSE));
	ck_assert(!milter_breaker_begin_probe(&same, 1000 + MILTER_PAUSE));
	/* Who does not come back loses its turn. */
	ck_assert(milter_breaker_begin_probe(&same, 1000 + MILTER_PAUSE + MILTER_TURN));
	ck_assert(milter_breaker_succeed(&same));
	ck_assert(!milter_breaker_succeed(&same));
	ck_assert(!milter_breaker_is_down(&one));
	ck_assert(!milter_breaker_begin_probe(&one, UINT64_MAX));
}
END_TEST

START_TEST(pauses_again_after_a_probe_in_vain)
{
	fall();
	ck_assert(milter_breaker_begin_probe(&one, 9000));
	ck_assert(!milter_breaker_fail(&one, 9100));
	ck_assert(!milter_breaker_begin_probe(&one, 9100 + MILTER_PAUSE - 1));
	ck_assert(milter_breaker_begin_probe(&one, 9100 + MILTER_PAUSE));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("milter_breaker");
	TCase *cases = tcase_create("all");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, falls_after_failures_running);
	tcase_add_test(cases, takes_one_moment_for_one_failure);
	tcase_add_test(cases, is_probed_by_one);
	tcase_add_test(cases, pauses_again_after_a_probe_in_vain);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
