/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules fall, and when. */
#include "rule_site.h"

#include "base/table.h"
#include "policy/breaker.h"

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define SETTINGS                                                                                   \
	"hostname = mx.example.com relay { domains = {example.com} } rules { files = {a.rules} } "
#define HOUR 3600U
#define DAY (24 * HOUR)
#define NOW UINT64_C(1795314522)
#define KIND 1

enum { GOOD, COUNTERS };

static const char *const counters[] = {"good", NULL};
static void *scratch;
static struct table *table;

static void set_up(void)
{
	scratch = talloc_new(NULL);
	table = table_new(scratch, counters);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

/* --- the decision --- */

static const struct {
	const char *what;
	struct breaker_options options;
	uint64_t age, hits, judged;
	enum breaker_step step;
} decisions[] = {
	{"neither many nor much", {10, 5, 0, DAY * 1000}, 0, 9, 10000, BREAKER_HOLDS},
	{"much, but few", {10, 5, 0, DAY * 1000}, 0, 9, 9, BREAKER_HOLDS},
	{"many, but little of all", {10, 5, 0, DAY * 1000}, 0, 10, 201, BREAKER_HOLDS},
	{"just enough of both", {10, 5, 0, DAY * 1000}, 0, 10, 200, BREAKER_FALL},
	{"young to the last second", {10, 5, 0, DAY * 1000}, DAY - 1, 10, 200, BREAKER_FALL},
	{"a day old", {10, 5, 0, DAY * 1000}, DAY, 10, 200, BREAKER_ALARM},
	{"a year old", {10, 5, 0, DAY * 1000}, 365 * DAY, 10, 10, BREAKER_ALARM},
	{"never young", {10, 5, 0, 0}, 0, 10, 10, BREAKER_ALARM},
	{"no breaker", {0, 5, 0, DAY * 1000}, 0, 1000000, 1000000, BREAKER_HOLDS},
	{"any share", {10, 0, 0, DAY * 1000}, 0, 10, UINT64_C(1) << 40, BREAKER_FALL},
	{"all of them", {1, 100, 0, DAY * 1000}, 0, 1, 1, BREAKER_FALL},
	{"all but one", {1, 100, 0, DAY * 1000}, 0, 10, 11, BREAKER_HOLDS},
	{"more than were judged: a count was lost", {1, 100, 0, DAY * 1000}, 0, 10, 9,
		BREAKER_FALL},
};

START_TEST(decides)
{
	const struct breaker_count count = {.now = NOW,
		.changed = NOW - decisions[_i].age,
		.hits = decisions[_i].hits,
		.judged = decisions[_i].judged};

	ck_assert_msg(breaker_decide(&decisions[_i].options, &count) == decisions[_i].step, "%s",
		decisions[_i].what);
}
END_TEST

/* A clock that was put back makes no rule old. */
START_TEST(takes_a_clock_that_goes_back)
{
	const struct breaker_options options = {1, 1, 0, DAY * 1000};
	const struct breaker_count count = {NOW - DAY, NOW, 5, 5};

	ck_assert_int_eq(breaker_decide(&options, &count), BREAKER_FALL);
}
END_TEST

/* --- the watch --- */

static struct breaker *watch(const char *rules, const char *settings)
{
	struct rule_site *site = rule_site_new(scratch);
	struct breaker *breaker;

	rule_site_write(site, "a.rules", rules);
	rule_site_read(site, talloc_asprintf(scratch, SETTINGS "%s", settings));
	rule_site_is_good(site);
	breaker = site->policy->rulebook->breaker;
	breaker_use_table(breaker, table, KIND, GOOD);
	for (size_t i = 0; i < site->policy->rulebook->program->rule_count; i++)
		breaker_set_changed(breaker, i, NOW);
	return breaker;
}

/* A transaction of somebody known as good, which the rule harms or does not. */
static enum breaker_step judged(struct breaker *breaker, bool harmed, uint64_t seconds)
{
	bool is_blind = false;
	enum breaker_step step = BREAKER_HOLDS;

	table_add(table, GOOD, 1);
	if (harmed)
		step = breaker_note(breaker, 0, seconds, &is_blind);
	ck_assert(!is_blind);
	return step;
}

#define RULE "rule r { stage rcpt when true then reject }"
#define BOUND "breaker { hits = 3 share = 50 window = 1h age = 24h }"

START_TEST(falls_once_for_all_who_share_the_table)
{
	struct breaker *breaker = watch(RULE, BOUND), *another = watch(RULE, BOUND);
	struct breaker_view view;

	ck_assert_int_eq(judged(breaker, true, NOW), BREAKER_HOLDS);
	ck_assert_int_eq(judged(another, true, NOW + 1), BREAKER_HOLDS);
	ck_assert(!breaker_has_fallen(breaker, 0) && !breaker_look(breaker, 0, &view));
	ck_assert_int_eq(judged(breaker, true, NOW + 2), BREAKER_FALL);
	ck_assert(breaker_has_fallen(breaker, 0) && breaker_has_fallen(another, 0));
	ck_assert_int_eq(judged(another, true, NOW + 3), BREAKER_HOLDS);
	ck_assert(breaker_look(another, 0, &view));
	ck_assert_uint_eq(view.fallen, NOW + 2);
	ck_assert_uint_eq(view.hits, 4);
	ck_assert(breaker_has_fallen(breaker, 0));
}
END_TEST

START_TEST(counts_within_the_window_only)
{
	struct breaker *breaker = watch(RULE, BOUND);

	judged(breaker, true, NOW);
	judged(breaker, true, NOW + HOUR - 1);
	ck_assert_int_eq(judged(breaker, true, NOW + HOUR), BREAKER_HOLDS);
	judged(breaker, true, NOW + HOUR + 1);
	ck_assert_int_eq(judged(breaker, true, NOW + HOUR + 2), BREAKER_FALL);
}
END_TEST

START_TEST(weighs_against_all_of_the_window)
{
	struct breaker *breaker = watch(RULE, BOUND);

	for (int i = 0; i < 100; i++)
		judged(breaker, false, NOW);
	judged(breaker, true, NOW);
	for (int i = 0; i < 4; i++)
		judged(breaker, false, NOW);
	judged(breaker, true, NOW);
	ck_assert_int_eq(judged(breaker, true, NOW), BREAKER_HOLDS);
	ck_assert_int_eq(judged(breaker, true, NOW), BREAKER_FALL);
}
END_TEST

START_TEST(raises_the_alarm_of_an_old_rule_once_a_window)
{
	struct breaker *breaker = watch(RULE, BOUND);
	unsigned alarms = 0;

	breaker_set_changed(breaker, 0, NOW - DAY);
	for (uint64_t i = 0; i < 2 * HOUR; i += 60) {
		enum breaker_step step = judged(breaker, true, NOW + i);
		ck_assert_int_ne(step, BREAKER_FALL);
		alarms += step == BREAKER_ALARM;
	}
	ck_assert_uint_eq(alarms, 2);
	ck_assert(!breaker_has_fallen(breaker, 0));
}
END_TEST

/* A reload with another text begins anew; the workers of before count no more. */
START_TEST(begins_anew_with_another_text)
{
	struct breaker *before = watch(RULE, BOUND);
	struct breaker *after = watch("rule r { stage rcpt when false then reject }", BOUND);

	for (int i = 0; i < 3; i++)
		judged(before, true, NOW);
	ck_assert(breaker_has_fallen(before, 0) && !breaker_has_fallen(after, 0));
	breaker_set_changed(after, 0, NOW + 60);
	ck_assert_int_eq(judged(after, true, NOW + 60), BREAKER_HOLDS);
	ck_assert(!breaker_has_fallen(after, 0));
	ck_assert_int_eq(judged(before, true, NOW + 61), BREAKER_HOLDS);
	ck_assert_int_eq(judged(after, true, NOW + 62), BREAKER_HOLDS);
	ck_assert_int_eq(judged(after, true, NOW + 63), BREAKER_FALL);
}
END_TEST

START_TEST(says_when_there_is_no_room)
{
	struct breaker *breaker = watch(RULE, BOUND);
	bool is_blind;

	for (int i = 0; i < TABLE_WORD_KEYS; i++)
		table_words(table, KIND + 1, &i, sizeof i);
	ck_assert_int_eq(breaker_note(breaker, 0, NOW, &is_blind), BREAKER_HOLDS);
	ck_assert(is_blind && !breaker_has_fallen(breaker, 0));
}
END_TEST

START_TEST(does_nothing_without_a_table)
{
	struct breaker *breaker = watch(RULE, BOUND);
	bool is_blind;

	breaker_use_table(breaker, NULL, 0, 0);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(breaker_note(breaker, 0, NOW, &is_blind), BREAKER_HOLDS);
	ck_assert(!is_blind && !breaker_has_fallen(breaker, 0));
	ck_assert(!breaker_has_fallen(NULL, 0) && !breaker_is_counting(NULL));
}
END_TEST

/* --- texts --- */

static const struct {
	const char *one, *other;
	bool same;
} texts[] = {
	{RULE,
		"# a remark\nrule r \"described\" {\n  then reject when true stage rcpt owner "
		"\"me\" }",
		true},
	{RULE, "rule r { stage rcpt when true then reject mode monitor }", true},
	{RULE, "rule r { stage rcpt when true then reject 551 }", false},
	{RULE, "rule r { stage data when true then reject }", false},
	{RULE, "rule r { stage rcpt when true then reject on_error tempfail }", false},
	{"rule r { stage mail when client.port == 1 and size > 2 then reject }",
		"rule r { stage mail when client.port == 1 or size > 2 then reject }", false},
	{"rule r { stage mail when client.port == 1 then reject }",
		"rule r { stage mail when not client.port == 1 then reject }", false},
	{"let x = client.port == 1\nrule r { stage mail when x then reject }",
		"let x = client.port == 2\nrule r { stage mail when x then reject }", false},
	{"let x = client.port == 1\nrule r { stage mail when x then reject }",
		"rule r { stage mail when client.port == 1 then reject }", true},
};

START_TEST(tells_texts_apart)
{
	struct breaker *one = watch(texts[_i].one, ""), *other = watch(texts[_i].other, "");

	ck_assert_msg((breaker_text(one, 0) == breaker_text(other, 0)) == texts[_i].same, "%s",
		texts[_i].other);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("breaker");
	TCase *tests = tcase_create("breaker");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, decides, 0, COUNT(decisions));
	tcase_add_test(tests, takes_a_clock_that_goes_back);
	tcase_add_test(tests, falls_once_for_all_who_share_the_table);
	tcase_add_test(tests, counts_within_the_window_only);
	tcase_add_test(tests, weighs_against_all_of_the_window);
	tcase_add_test(tests, raises_the_alarm_of_an_old_rule_once_a_window);
	tcase_add_test(tests, begins_anew_with_another_text);
	tcase_add_test(tests, says_when_there_is_no_room);
	tcase_add_test(tests, does_nothing_without_a_table);
	tcase_add_loop_test(tests, tells_texts_apart, 0, COUNT(texts));
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
