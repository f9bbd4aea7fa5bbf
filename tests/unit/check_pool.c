/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a connection that is given back. */
#include "proxy/pool.h"

#include "base/loop.h"
#include "proxy/configuration.h"
#include "tests/fakes/acceptor.h"

#include <check.h>
#include <poll.h>
#include <talloc.h>

static struct certificate certificate;
static struct rig *rig;
static struct acceptor *acceptor;
static struct pool *pool;

static void set_up(void)
{
	rig = rig_new(NULL, &certificate);
	ck_assert_ptr_null(rig_begin(rig));
	acceptor = acceptor_new(rig, "");
	pool = rig->gateway->pools[0];
}

static void tear_down(void)
{
	acceptor_close(acceptor);
	ck_assert_ptr_null(rig_end(rig));
}

/* Who waits for a connection. */
struct taker {
	struct await await;
	struct backend *backend;
};

static void on_taken(void *owner)
{
	(void)owner;
}

static struct backend *take(struct taker *taker)
{
	await_init(&taker->await, rig->loop->clock, on_taken, taker);
	pool_begin_take(pool, (struct wanted){0}, &taker->backend, &taker->await);
	for (unsigned patience = 0; taker->await.pending && patience < RIG_PATIENCE; patience++) {
		rig_turn(rig);
		poll(NULL, 0, 1);
	}
	ck_assert_int_eq(taker->await.outcome, OUTCOME_DONE);
	return taker->backend;
}

static int64_t open_connections(void)
{
	for (unsigned i = 0; i < 20; i++)
		rig_turn(rig);
	return table_sum(rig->table, COUNT_BACKEND_CONNECTIONS);
}

START_TEST(is_used_again)
{
	struct taker first, second;
	struct backend *backend = take(&first);

	pool_give_back(pool, backend, false);
	ck_assert_int_eq(open_connections(), 1);
	ck_assert_ptr_eq(take(&second), backend);
	ck_assert(backend->kept);
	pool_give_back(pool, backend, true);
	ck_assert_int_eq(open_connections(), 1);
}
END_TEST

START_TEST(a_sticky_one_is_not)
{
	struct taker first;
	struct backend *backend = take(&first);

	backend->sticky = true;
	pool_give_back(pool, backend, _i == 1);
	ck_assert_int_eq(open_connections(), 0);
}
END_TEST

START_TEST(a_refused_one_is_retired)
{
	struct taker first;
	struct backend *backend = take(&first);

	backend->refusals = (unsigned)_i;
	pool_give_back(pool, backend, false);
	ck_assert_int_eq(open_connections(), _i < 3);
}
END_TEST

/* Given back at so many seconds, looked at so many seconds later. */
static const struct {
	unsigned used, kept;
	int64_t open;
} ages[] = {{0, 49, 1}, {0, 51, 0}, {100, 49, 1}, {239, 0, 1}, {241, 0, 0}};

START_TEST(an_old_one_is_retired)
{
	struct taker first;
	struct backend *backend = take(&first);

	clock_move(rig->loop->clock, ages[_i].used * 1000);
	pool_give_back(pool, backend, false);
	clock_move(rig->loop->clock, ages[_i].kept * 1000);
	ck_assert_int_eq(open_connections(), ages[_i].open);
}
END_TEST

START_TEST(one_that_others_wait_for_is_closed)
{
	struct taker first;
	struct backend *backend = take(&first);
	struct health *health = &pool_server(pool, 0)->health;

	pool_give_back(pool, backend, false);
	clock_move(rig->loop->clock, 1000);
	ck_assert_int_eq(open_connections(), 1);
	health_seek(health, clock_now(rig->loop->clock)); /* as another worker does */
	clock_move(rig->loop->clock, 300);
	ck_assert_int_eq(open_connections(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pool");
	TCase *cases = tcase_create("pool");
	SRunner *runner = srunner_create(suite);

	certificate_make(&certificate);
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, is_used_again);
	tcase_add_loop_test(cases, a_sticky_one_is_not, 0, 2);
	tcase_add_loop_test(cases, a_refused_one_is_retired, 0, 5);
	tcase_add_loop_test(cases, an_old_one_is_retired, 0, sizeof ages / sizeof ages[0]);
	tcase_add_test(cases, one_that_others_wait_for_is_closed);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	certificate_remove(&certificate);
	return failed != 0;
}
