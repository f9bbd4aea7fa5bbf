/* SPDX-License-Identifier: Apache-2.0 */
/* Canaries of lists, and the share of known-good clients that they list. */
#include "judging.h"

#include "base/log.h"
#include "base/loop.h"
#include "policy/list_watch.h"
#include "tests/fakes/names.h"

#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define SETTINGS                                                                                   \
	"hostname = mx.example.com relay { domains = {example.com} } checks { chain = {} } "
#define MINUTE 60000

static void *scratch;
static struct loop *loop;
static struct names *names;
static struct dns *dns;
static struct list_watch *watch;
static const struct policy *policy;
static char *log_text_so_far;

static void on_log(const char *line, void *owner)
{
	(void)owner;
	log_text_so_far = talloc_strdup_append(log_text_so_far, line);
}

static void set_up(void)
{
	scratch = talloc_new(NULL);
	loop = loop_new(scratch);
	clock_move(loop->clock, 0);
	names = names_new(scratch);
	dns = dns_new(scratch, loop->clock, names_resolver(names), (struct dns_limits){5000, 100});
	log_text_so_far = talloc_strdup(scratch, "");
	log_capture(on_log, NULL);
}

static void tear_down(void)
{
	log_capture(NULL, NULL);
	talloc_free(watch);
	talloc_free(dns);
	talloc_free(scratch);
	watch = NULL;
}

static void know(const char *zone)
{
	const char *bad;

	zone_forget(names_zone(names));
	bad = zone_add(names_zone(names), zone);
	ck_assert_msg(!bad, "%s", bad);
}

static void begin(const char *settings)
{
	policy = judging_policy(scratch, talloc_asprintf(scratch, "%s%s", SETTINGS, settings));
	watch = list_watch_new(scratch, loop->clock, dns, &policy->lists);
}

/* Why the zone is suspended; NULL: it is not. */
static const char *suspension(const char *zone)
{
	struct facts *facts = facts_new(scratch, NULL);
	const struct learner learners[LEARNERS] = {[LEARNER_LISTS] = list_watch_learner(watch)};
	struct chain *chain = judging_chain_of(
		scratch, SETTINGS, (const struct check *const[]){NULL}, checks_table, learners);
	struct inquiry *inquiry = inquiry_new(scratch, chain, facts);
	const struct question question = {FACT_DNSBL_SUSPENDED, zone};
	struct await await;
	struct value value;

	await_init(&await, loop->clock, NULL, NULL);
	learners[LEARNER_LISTS].begin(watch, inquiry, &question, &await);
	return facts_look_up(facts, &question, &value) == FACT_KNOWN ? value.text : NULL;
}

#define GOOD "2.0.0.127.list.example A 127.0.0.2\n"

/* --- canaries --- */

static const struct {
	const char *settings;
	const char *zone;
	const char *suspended; /* the beginning of why; NULL: it is not */
} zones[] = {
	{"dnsbl list.example {}", GOOD, NULL},
	{"dnsbl list.example {}", "", "it does not list"},
	{"dnsbl list.example {}", "2.0.0.127.list.example TXT x\n", "it does not list"},
	{"dnsbl list.example {}", "2.0.0.127.list.example A 192.0.2.1\n", "it does not list"},
	{"dnsbl list.example {}", "*.list.example A 127.0.0.2\n", "it lists what no list may"},
	{"dnsbl list.example {}", "*.list.example A 192.0.2.66\n", "it does not list"},
	{"dnsbl list.example {}", "2.0.0.127.list.example A 127.255.255.254\n",
		"it refuses our questions"},
	{"dnsbl list.example {}", "*.list.example does servfail\n", NULL},
	{"dnsbl list.example {}", "*.list.example does silence\n", NULL},
	{"dnsbl list.example {}", GOOD "1.0.0.127.list.example does silence\n", NULL},
	{"dnsbl list.example {}",
		"2.0.0.127.list.example does silence\n1.0.0.127.list.example A 127.0.0.2\n",
		"it lists what no list may"},
	{"dnsbl list.example { canaries = no }", "", NULL},
	{"dnsbl list.example { action = off }", "", NULL},
	{"dnswl list.example {}", GOOD, NULL},
	{"dnswl list.example {}", "", "it does not list"},
	{"rhsbl list.example {}", GOOD, "it does not list"},
	{"rhsbl list.example {}", "test.list.example A 127.0.1.2\n", NULL},
	{"rhsbl list.example {}", "*.list.example A 127.0.1.2\n", "it lists what no list may"},
};

START_TEST(looks_at_canaries_at_the_start)
{
	const char *why;

	know(zones[_i].zone);
	begin(zones[_i].settings);
	clock_move(loop->clock, 6000);
	why = suspension("list.example");
	ck_assert_int_eq(why != NULL, zones[_i].suspended != NULL);
	if (why)
		ck_assert_msg(strncmp(why, zones[_i].suspended, strlen(zones[_i].suspended)) == 0,
			"%s", why);
	ck_assert_int_eq(
		strstr(log_text_so_far, "event=dns_list_suspended zone=list.example") != NULL,
		why != NULL);
	ck_assert_ptr_null(suspension("other.example"));
}
END_TEST

START_TEST(looks_again_each_hour_and_sooner_when_something_is_wrong)
{
	know(GOOD);
	begin("dnsbl list.example {}");
	ck_assert_uint_eq(zone_asked(names_zone(names)), 2);
	clock_move(loop->clock, 59 * MINUTE);
	ck_assert_uint_eq(zone_asked(names_zone(names)), 2);
	know("");
	clock_move(loop->clock, 2 * MINUTE);
	ck_assert_uint_eq(zone_asked(names_zone(names)), 4);
	ck_assert_ptr_nonnull(suspension("list.example"));
	know(GOOD);
	clock_move(loop->clock, 5 * MINUTE);
	ck_assert_ptr_null(suspension("list.example"));
	ck_assert(strstr(log_text_so_far, "event=dns_list_resumed zone=list.example") != NULL);
}
END_TEST

START_TEST(keeps_its_mind_while_a_zone_does_not_answer)
{
	know("");
	begin("dnsbl list.example {}");
	ck_assert_ptr_nonnull(suspension("list.example"));
	know("*.list.example does servfail\n");
	clock_move(loop->clock, 61 * MINUTE);
	ck_assert_ptr_nonnull(suspension("list.example"));
	know(GOOD);
	clock_move(loop->clock, 6 * MINUTE);
	ck_assert_ptr_null(suspension("list.example"));
}
END_TEST

START_TEST(can_go_while_it_asks)
{
	know("*.list.example does silence\n");
	begin("dnsbl list.example {} dnswl other.example {}");
	ck_assert_uint_eq(names_open(names), 2);
} /* tear_down looks */
END_TEST

/* --- shares --- */

static const struct {
	struct list_share share;
	int64_t percent;
	bool is_beyond;
} shares[] = {
	{{0, 0}, 20, false},
	{{LIST_SHARE_LEAST - 1, LIST_SHARE_LEAST - 1}, 20, false},
	{{LIST_SHARE_LEAST, LIST_SHARE_LEAST}, 20, true},
	{{100, 20}, 20, false},
	{{100, 21}, 20, true},
	{{100, 100}, 100, false},
};

START_TEST(weighs_shares)
{
	ck_assert_int_eq(
		list_share_is_beyond(&shares[_i].share, shares[_i].percent), shares[_i].is_beyond);
}
END_TEST

START_TEST(forgets_what_was_long_ago)
{
	struct list_share share = {0, 0};

	for (int i = 0; i < LIST_SHARE_MOST; i++)
		list_share_note(&share, true);
	ck_assert_uint_eq(share.seen, LIST_SHARE_MOST / 2);
	ck_assert_uint_eq(share.listed, LIST_SHARE_MOST / 2);
	for (int i = 0; i < 100000; i++)
		list_share_note(&share, false);
	ck_assert_uint_lt(share.seen, LIST_SHARE_MOST);
	ck_assert(!list_share_is_beyond(&share, 1));
}
END_TEST

static void note(int count, bool is_known_good, enum fact_state state)
{
	const char *codes[] = {"127.0.0.2"};
	struct facts *facts = facts_new(scratch, NULL);

	facts_set_bool(facts, FACT_CLIENT_KNOWN_GOOD, is_known_good);
	if (state != FACT_UNKNOWN)
		facts_answer(facts, &(struct question){FACT_DNSBL, "list.example"}, state,
			state == FACT_KNOWN
				? (struct value){.type = VALUE_TEXTS, .texts = {codes, 1}}
				: (struct value){.text = "why"});
	for (int i = 0; i < count; i++)
		list_watch_note(watch, facts);
}

START_TEST(suspends_a_list_of_good_clients_for_a_day)
{
	know(GOOD);
	begin("dnsbl list.example {}");
	note(1000, false, FACT_KNOWN);
	note(1000, true, FACT_FAILED);
	note(1000, true, FACT_UNKNOWN);
	ck_assert_ptr_null(suspension("list.example"));
	note(80, true, FACT_ABSENT);
	note(20, true, FACT_KNOWN);
	ck_assert_ptr_null(suspension("list.example"));
	note(1, true, FACT_KNOWN);
	ck_assert_str_eq(suspension("list.example"), "it lists too many known-good clients");
	ck_assert(strstr(log_text_so_far, "event=dns_list_suspended") != NULL);
	clock_move(loop->clock, (uint64_t)24 * 60 * MINUTE + 1);
	ck_assert_ptr_null(suspension("list.example"));
	ck_assert(strstr(log_text_so_far, "event=dns_list_resumed") != NULL);
}
END_TEST

START_TEST(counts_nobody_whose_past_is_not_known)
{
	know(GOOD);
	begin("dnsbl list.example {}");
	struct facts *facts = facts_new(scratch, NULL);
	facts_set_absent(facts, FACT_CLIENT_KNOWN_GOOD);
	for (int i = 0; i < 100; i++)
		list_watch_note(watch, facts);
	ck_assert_ptr_null(suspension("list.example"));
}
END_TEST

static Suite *watch_suite(void)
{
	Suite *suite = suite_create("list_watch");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_loop_test(all, looks_at_canaries_at_the_start, 0, COUNT(zones));
	tcase_add_test(all, looks_again_each_hour_and_sooner_when_something_is_wrong);
	tcase_add_test(all, keeps_its_mind_while_a_zone_does_not_answer);
	tcase_add_test(all, can_go_while_it_asks);
	tcase_add_loop_test(all, weighs_shares, 0, COUNT(shares));
	tcase_add_test(all, forgets_what_was_long_ago);
	tcase_add_test(all, suspends_a_list_of_good_clients_for_a_day);
	tcase_add_test(all, counts_nobody_whose_past_is_not_known);
	suite_add_tcase(suite, all);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(watch_suite());

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
