/* SPDX-License-Identifier: Apache-2.0 */
/* A memory with expiry: keys, what is handed on, the alarm. */
#include "base/log.h"
#include "base/loop.h"
#include "base/store.h"
#include "tests/fakes/shelf.h"

#include <check.h>
#include <talloc.h>

static void *scratch;
static struct loop *loop;
static struct shelf *shelf;
static struct await await;
static char *logged;
static unsigned woken;

static void on_log(const char *line, void *owner)
{
	(void)owner;
	logged = talloc_strdup_append(logged, line);
}

static void wake(void *owner)
{
	(void)owner;
	woken++;
}

static void set_up(void)
{
	scratch = talloc_new(NULL);
	logged = talloc_strdup(scratch, "");
	log_capture(on_log, NULL);
	loop = loop_new(scratch);
	clock_move(loop->clock, 0);
	shelf = shelf_new(scratch, loop->clock);
	await_init(&await, loop->clock, wake, NULL);
	woken = 0;
}

static void tear_down(void)
{
	await_cancel(&await);
	log_capture(NULL, NULL);
	talloc_free(scratch);
}

static struct store_note note_of(const char *text)
{
	return (struct store_note){store_key("test", slice_of(text)), 1, 1000};
}

static struct store_entry get(const char *text)
{
	struct store_key key = store_key("test", slice_of(text));
	struct store_entry entry;

	store_begin_getting(shelf->store, &key, &entry, &await);
	return entry;
}

/* --- keys --- */

static const struct {
	const char *kinds[2], *texts[2];
	bool same;
} pairs[] = {
	{{"a", "a"}, {"x", "x"}, true},
	{{"a", "b"}, {"x", "x"}, false},
	{{"a", "a"}, {"x", "y"}, false},
	{{"a", "ax"}, {"xx", "x"}, false},
	{{"a", "a"}, {"", "x"}, false},
};

START_TEST(keys_are_apart)
{
	struct store_key first = store_key(pairs[_i].kinds[0], slice_of(pairs[_i].texts[0]));
	struct store_key second = store_key(pairs[_i].kinds[1], slice_of(pairs[_i].texts[1]));

	ck_assert_int_eq(memcmp(&first, &second, sizeof first) == 0, pairs[_i].same);
}
END_TEST

START_TEST(keys_are_made_of_anything)
{
	size_t size = 10 << 20;
	char *bytes = talloc_zero_array(scratch, char, size);
	struct store_key zeros = store_key("test", slice_make(bytes, size));
	struct store_key fewer = store_key("test", slice_make(bytes, size - 1));

	ck_assert(memcmp(&zeros, &fewer, sizeof zeros) != 0);
}
END_TEST

/* --- entries --- */

START_TEST(counts_what_is_added)
{
	const struct store_note note = note_of("a");
	uint64_t begun = clock_wall(loop->clock);
	struct store_entry entry;

	ck_assert_uint_eq(get("a").count, 0);
	store_begin_adding(shelf->store, &note, &entry, &await);
	ck_assert_uint_eq(entry.count, 1);
	clock_move(loop->clock, 900);
	store_add(shelf->store, &note);
	entry = get("a");
	ck_assert_uint_eq(entry.count, 2);
	ck_assert_uint_eq(entry.first, begun);
	ck_assert_uint_eq(entry.last, begun + 900);
	clock_move(loop->clock, 900);
	ck_assert_uint_eq(get("a").count, 2);
	clock_move(loop->clock, 101);
	ck_assert_uint_eq(get("a").count, 0);
	ck_assert_uint_eq(get("b").count, 0);
	ck_assert_uint_eq(woken, 0);
}
END_TEST

/* --- the alarm --- */

static size_t times(const char *what)
{
	size_t count = 0;

	for (const char *at = logged; (at = strstr(at, what)); at++)
		count++;
	return count;
}

START_TEST(says_once_that_it_fails)
{
	struct store_note note = note_of("a");

	shelf->mood = SHELF_GONE;
	for (int i = 0; i < 10; i++)
		get("a");
	store_add(shelf->store, &note);
	ck_assert_int_eq(await.outcome, OUTCOME_FAILED);
	ck_assert_uint_eq(store_failures(shelf->store), 11);
	ck_assert_uint_eq(times("event=store_failed"), 1);
	ck_assert_uint_eq(times("the shelf is gone"), 1);
	shelf->mood = SHELF_WELL;
	get("a");
	get("a");
	ck_assert_int_eq(await.outcome, OUTCOME_DONE);
	ck_assert_uint_eq(times("event=store_works"), 1);
}
END_TEST

START_TEST(does_not_flood_the_log)
{
	for (int i = 0; i < 100; i++) {
		shelf->mood = i % 2 ? SHELF_WELL : SHELF_GONE;
		get("a");
		clock_move(loop->clock, 1000);
	}
	ck_assert_uint_eq(store_failures(shelf->store), 50);
	ck_assert_uint_eq(times("event=store_failed"), 2);
	ck_assert_uint_eq(times("event=store_works"), 2);
}
END_TEST

START_TEST(ends_when_it_is_slow)
{
	shelf->mood = SHELF_SLOW;
	get("a");
	ck_assert(await.pending);
	clock_move(loop->clock, 500);
	ck_assert_uint_eq(woken, 1);
	ck_assert_int_eq(await.outcome, OUTCOME_TIMED_OUT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_loop_test(all, keys_are_apart, 0, sizeof pairs / sizeof *pairs);
	tcase_add_test(all, keys_are_made_of_anything);
	tcase_add_test(all, counts_what_is_added);
	tcase_add_test(all, says_once_that_it_fails);
	tcase_add_test(all, does_not_flood_the_log);
	tcase_add_test(all, ends_when_it_is_slow);
	suite_add_tcase(suite, all);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
