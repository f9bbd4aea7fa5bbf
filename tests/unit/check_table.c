/* SPDX-License-Identifier: Apache-2.0 */
/* Counters in shared memory: sums over processes, deaths, keys. */
#include "base/table.h"

#include <check.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

enum { OPEN, ALL };
static const char *const names[] = {"open", "all", NULL};

static struct table *table;

static void set_up(void)
{
	table = table_new(NULL, names);
	ck_assert_ptr_nonnull(table);
	table_mark_gauge(table, OPEN);
}

static void tear_down(void)
{
	talloc_free(table);
}

/* Runs a function in a process of its own, with its own column, and waits for its end. */
static void in_process(unsigned column, void (*run)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		table_use_column(table, column);
		run();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static void count_some(void)
{
	table_add(table, OPEN, 3);
	table_add(table, ALL, 5);
	table_count_key(table, 1, "10.0.0.1", 8, 1);
	table_count_key(table, 1, "10.0.0.1", 8, 1);
}

START_TEST(sums_over_processes)
{
	table_add(table, OPEN, 1);
	in_process(1, count_some);
	in_process(2, count_some);
	ck_assert_int_eq(table_sum(table, OPEN), 7);
	ck_assert_int_eq(table_sum(table, ALL), 10);
	ck_assert_uint_eq(table_key_sum(table, 1, "10.0.0.1", 8), 4);
	ck_assert_uint_eq(table_counters(table), 2);
	ck_assert_str_eq(table_name(table, ALL), "all");
}
END_TEST

START_TEST(forgets_the_gauges_of_the_dead)
{
	in_process(1, count_some);
	in_process(2, count_some);
	table_clear_column(table, 1);
	ck_assert_int_eq(table_sum(table, OPEN), 3);
	ck_assert_int_eq(table_sum(table, ALL), 10);
	ck_assert_uint_eq(table_key_sum(table, 1, "10.0.0.1", 8), 2);
	table_clear_column(table, 2);
	ck_assert_uint_eq(table_key_sum(table, 1, "10.0.0.1", 8), 0);
}
END_TEST

START_TEST(counts_keys)
{
	ck_assert_uint_eq(table_count_key(table, 1, "a", 1, 1), 1);
	ck_assert_uint_eq(table_count_key(table, 1, "a", 1, 1), 2);
	ck_assert_uint_eq(table_count_key(table, 2, "a", 1, 1), 1);   /* another kind */
	ck_assert_uint_eq(table_count_key(table, 1, "a\0", 2, 1), 1); /* another size */
	ck_assert_uint_eq(table_count_key(table, 1, "a", 1, -1), 1);
	ck_assert_uint_eq(table_count_key(table, 1, "a", 1, -1), 0);
	ck_assert_uint_eq(table_count_key(table, 1, "a", 1, -1), 0);
	ck_assert_uint_eq(table_key_sum(table, 1, "a", 1), 0);
	ck_assert_uint_eq(table_key_sum(table, 2, "a", 1), 1);
	ck_assert_uint_eq(table_count_key(table, 3, "never seen", 10, -1), 0);
}
END_TEST

START_TEST(says_when_it_is_full)
{
	unsigned counted = 0;

	for (uint32_t i = 0; i < 4 * TABLE_KEYS; i++)
		counted += table_count_key(table, 1, &i, sizeof i, 1) > 0;
	ck_assert_uint_le(counted, TABLE_KEYS);
	ck_assert_uint_gt(counted, TABLE_KEYS / 10 * 9);
	ck_assert_uint_eq(table_unkeyed(table), 4 * TABLE_KEYS - counted);
	for (uint32_t i = 0; i < 4 * TABLE_KEYS; i++)
		table_count_key(table, 1, &i, sizeof i, -1);
	ck_assert_uint_eq(table_count_key(table, 1, "free again", 10, 1), 1);
}
END_TEST

static void count_for_ever(void)
{
	for (uint32_t i = 0;; i++) {
		uint32_t key = i % 8;
		table_count_key(table, 1, &key, sizeof key, i % 16 < 8 ? 1 : -1);
	}
}

/* Killed at any moment, also while it holds a lock: the table goes on, and the dead one's counts go. */
START_TEST(survives_kills)
{
	for (unsigned round = 0; round < 200; round++) {
		pid_t pid = fork();

		if (pid == 0) {
			table_use_column(table, 1);
			count_for_ever();
		}
		for (uint32_t i = 0; i < 500; i++) {
			uint32_t key = i % 8;
			table_count_key(table, 1, &key, sizeof key, 1);
			table_count_key(table, 1, &key, sizeof key, -1);
		}
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		table_clear_column(table, 1);
		for (uint32_t key = 0; key < 8; key++)
			ck_assert_uint_eq(table_key_sum(table, 1, &key, sizeof key), 0);
	}
}
END_TEST

START_TEST(keeps_words_for_all)
{
	const char long_key[TABLE_KEY_SIZE] = "as long as a key may be";
	_Atomic uint64_t *words = table_words(table, 1, long_key, sizeof long_key);

	words[TABLE_WORDS - 1] = 7;
	ck_assert_ptr_eq(table_words(table, 1, long_key, sizeof long_key), words);
	ck_assert_ptr_ne(table_words(table, 2, long_key, sizeof long_key), words);
	ck_assert_ptr_ne(table_words(table, 1, long_key, sizeof long_key - 1), words);
	for (unsigned i = 3; i < TABLE_WORD_KEYS; i++)
		ck_assert_ptr_nonnull(table_words(table, 3, &i, sizeof i));
	ck_assert_ptr_null(table_words(table, 4, "x", 1));
	ck_assert_uint_eq(table_words(table, 1, long_key, sizeof long_key)[TABLE_WORDS - 1], 7);
}
END_TEST

START_TEST(remembers_for_a_while)
{
	ck_assert_uint_eq(table_recent(table, 1, "a", 1, 1000, 60), 0);
	ck_assert_uint_eq(table_note_recent(table, 1, "a", 1, 1000, 60), 1);
	ck_assert_uint_eq(table_note_recent(table, 1, "a", 1, 1059, 60), 2);
	ck_assert_uint_eq(table_recent(table, 1, "a", 1, 1059, 60), 2);
	ck_assert_uint_eq(table_recent(table, 2, "a", 1, 1059, 60), 0);
	ck_assert_uint_eq(table_recent(table, 1, "a\0", 2, 1059, 60), 0);
	ck_assert_uint_eq(table_recent(table, 1, "a", 1, 1060, 60), 0);
	ck_assert_uint_eq(table_recent(table, 1, "a", 1, 999, 60), 0); /* the clock was set back */
	ck_assert_uint_eq(table_note_recent(table, 1, "a", 1, 1060, 60), 1);
	for (int i = 0; i < 5000; i++)
		table_note_recent(table, 1, "a", 1, 1061, 60);
	ck_assert_uint_eq(table_recent(table, 1, "a", 1, 1061, 60), 4095);
}
END_TEST

/* More keys than there is room for: the later ones are known, whoever is lost. */
START_TEST(forgets_who_came_first)
{
	enum { MANY = 4 * TABLE_RECENTS };
	unsigned known = 0;

	for (uint32_t i = 0; i < MANY; i++)
		table_note_recent(table, 1, &i, sizeof i, 1000 + i / 1000, 1000000);
	for (uint32_t i = MANY - TABLE_RECENTS / 4; i < MANY; i++)
		known += table_recent(table, 1, &i, sizeof i, 1000 + MANY / 1000, 1000000) > 0;
	ck_assert_uint_gt(known, TABLE_RECENTS / 4 / 100 * 99);
}
END_TEST

static void note_many(void)
{
	for (uint32_t i = 0; i < 1000; i++)
		table_note_recent(table, 1, "all", 3, 1000, 60);
}

START_TEST(remembers_for_all_processes)
{
	in_process(1, note_many);
	in_process(2, note_many);
	ck_assert_uint_eq(table_recent(table, 1, "all", 3, 1000, 60), 2000);
	table_clear_column(table, 1);
	ck_assert_uint_eq(table_recent(table, 1, "all", 3, 1000, 60), 2000);
}
END_TEST

START_TEST(can_be_handed_on)
{
	static const char *const others[] = {"open", "others", NULL};
	int descriptor = dup(table_descriptor(table));

	table_add(table, ALL, 5);
	ck_assert_ptr_null(table_take_over(NULL, others, descriptor));
	struct table *heir = table_take_over(NULL, names, descriptor);
	ck_assert_ptr_nonnull(heir);
	ck_assert_int_eq(table_sum(heir, ALL), 5);
	table_add(heir, ALL, 1);
	ck_assert_int_eq(table_sum(table, ALL), 6);
	talloc_free(heir);
	ck_assert_ptr_null(table_take_over(NULL, names, 0));
}
END_TEST

START_TEST(forgets_on_request)
{
	table_note_recent(table, 1, "a", 1, 1000, 60);
	table_note_recent(table, 1, "b", 1, 1000, 60);
	ck_assert(!table_forget_recent(table, 2, "a", 1));
	ck_assert(table_forget_recent(table, 1, "a", 1));
	ck_assert(!table_forget_recent(table, 1, "a", 1));
	ck_assert_uint_eq(table_recent(table, 1, "a", 1, 1000, 60), 0);
	ck_assert_uint_eq(table_recent(table, 1, "b", 1, 1000, 60), 1);
	ck_assert_uint_eq(table_note_recent(table, 1, "a", 1, 1001, 60), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("table");
	TCase *cases = tcase_create("table");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, sums_over_processes);
	tcase_add_test(cases, forgets_the_gauges_of_the_dead);
	tcase_add_test(cases, counts_keys);
	tcase_add_test(cases, says_when_it_is_full);
	tcase_add_test(cases, survives_kills);
	tcase_add_test(cases, keeps_words_for_all);
	tcase_add_test(cases, remembers_for_a_while);
	tcase_add_test(cases, forgets_on_request);
	tcase_add_test(cases, forgets_who_came_first);
	tcase_add_test(cases, remembers_for_all_processes);
	tcase_add_test(cases, can_be_handed_on);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
