/* SPDX-License-Identifier: Apache-2.0 */
/* Who cannot do TLS: twice in a day, forgotten after it, over all workers, bounded. */
#include "proxy/tls_failures.h"

#include "base/loop.h"
#include "proxy/counters.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define HOUR 3600000

static void *root;
static struct clock *fake;
static struct table *table;
static struct tls_failures *failures;
static struct ip client, other;

static struct ip address(const char *text)
{
	struct ip ip;

	ck_assert(ip_parse(slice_of(text), &ip));
	return ip;
}

static void set_up(void)
{
	root = talloc_new(NULL);
	fake = loop_new(root)->clock;
	clock_move(fake, 0);
	table = counters_new(root);
	failures = tls_failures_new(root, fake, table);
	client = address("192.0.2.1");
	other = address("2001:db8::1");
}

static void tear_down(void)
{
	talloc_free(root);
}

START_TEST(twice_is_enough)
{
	ck_assert(!tls_failures_has(failures, &client));
	tls_failures_note(failures, &client);
	ck_assert(!tls_failures_has(failures, &client));
	tls_failures_note(failures, &client);
	ck_assert(tls_failures_has(failures, &client));
	ck_assert(!tls_failures_has(failures, &other));
}
END_TEST

START_TEST(is_over_after_a_day)
{
	tls_failures_note(failures, &client);
	clock_move(fake, 10 * HOUR);
	tls_failures_note(failures, &client);
	clock_move(fake, 14 * HOUR - 1);
	ck_assert(tls_failures_has(failures, &client));
	clock_move(fake, 1);
	ck_assert(!tls_failures_has(failures, &client));
	tls_failures_note(failures, &client);
	ck_assert(tls_failures_has(failures, &client));
	clock_move(fake, 25 * HOUR);
	ck_assert(!tls_failures_has(failures, &client));
}
END_TEST

START_TEST(is_known_to_other_workers)
{
	struct tls_failures *theirs = tls_failures_new(root, fake, table);

	tls_failures_note(failures, &client);
	table_use_column(table, 2);
	tls_failures_note(theirs, &client);
	ck_assert(tls_failures_has(theirs, &client));
	ck_assert(tls_failures_has(failures, &client));
	talloc_free(theirs);
	ck_assert(!tls_failures_has(failures, &client));
	table_use_column(table, 0);
}
END_TEST

/* Whoever fails from very many addresses drives out the oldest, and leaves nothing behind. */
START_TEST(is_bounded)
{
	tls_failures_note(failures, &client);
	tls_failures_note(failures, &client);
	for (unsigned i = 0; i < TLS_FAILURES_MOST - 2; i++) {
		struct ip many = {.family = 6, .bytes = {1, (uint8_t)(i >> 8), (uint8_t)i}};
		tls_failures_note(failures, &many);
	}
	ck_assert(tls_failures_has(failures, &client));
	tls_failures_note(failures, &other);
	ck_assert(!tls_failures_has(failures, &client));
	for (unsigned i = 0; i < 10 * TLS_FAILURES_MOST; i++)
		tls_failures_note(failures, &other);
	ck_assert(tls_failures_has(failures, &other));
	talloc_free(failures);
	ck_assert_uint_eq(
		table_key_sum(table, KEY_TLS_FAILURE, other.bytes, sizeof other.bytes), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tls_failures");
	TCase *cases = tcase_create("tls_failures");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, twice_is_enough);
	tcase_add_test(cases, is_over_after_a_day);
	tcase_add_test(cases, is_known_to_other_workers);
	tcase_add_test(cases, is_bounded);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
