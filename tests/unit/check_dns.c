/* SPDX-License-Identifier: Apache-2.0 */
/* Questions, who waits for them, and how many are under way; answers come from a table. */
#include "base/dns.h"

#include "base/log.h"
#include "base/loop.h"
#include "tests/fakes/names.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define TIMEOUT 5000
#define ASKERS 8

static const char zone[] = "example.net       MX 10 mx.example.net\n"
			   "example.net       MX 20 mx2.example.net\n"
			   "example.net       TXT \"v=spf1 \" \"-all\"\n"
			   "mx.example.net    A 192.0.2.1\n"
			   "mx.example.net    A 192.0.2.2\n"
			   "mx.example.net    AAAA 2001:db8::1\n"
			   "www.example.net   CNAME mx.example.net\n"
			   "far.example.net   CNAME www.example.net\n"
			   "lost.example.net  CNAME nowhere.example\n"
			   "null.example      MX 0 .\n"
			   "odd.example       TXT \"a\\000b\\013\\010c\\255\"\n"
			   "1.2.0.192.in-addr.arpa PTR mx.example.net\n"
			   "2.2.0.192.in-addr.arpa PTR evil\\013\\010.example\n"
			   "2.2.0.192.in-addr.arpa PTR good.example\n"
			   "3.2.0.192.in-addr.arpa PTR a\\.b.example\n"
			   "4.2.0.192.in-addr.arpa PTR .\n"
			   "5.2.0.192.in-addr.arpa PTR -a.example\n"
			   "6.2.0.192.in-addr.arpa PTR a\\032b.example\n"
			   "badmx.example     MX 10 \\228\\184\\173.example\n"
			   "broken.example    does servfail\n"
			   "closed.example    does refused\n"
			   "*.slow.example    does delay 1\n"
			   "*.slow.example    A 192.0.2.9\n"
			   "*.dead.example    does silence\n"
			   "garbage.example   does garbage\n"
			   "garbage.example   A 192.0.2.1\n"
			   "liar.example      does wrong-question\n"
			   "liar.example      A 192.0.2.1\n"
			   "other.example     does wrong-name\n"
			   "another.example   A 192.0.2.66\n";

static void *scratch;
static struct loop *loop;
static struct names *names;
static struct dns *dns;

static struct asker {
	struct await await;
	struct dns_answer *answer;
	unsigned woken;
} askers[ASKERS];

static void on_woken(void *owner)
{
	struct asker *asker = owner;

	asker->woken++;
	ck_assert_int_eq(asker->await.outcome, OUTCOME_DONE);
	ck_assert_ptr_nonnull(asker->answer);
}

static void open_dns(size_t in_flight)
{
	const char *bad;

	scratch = talloc_new(NULL);
	loop = loop_new(scratch);
	clock_move(loop->clock, 0);
	names = names_new(scratch);
	bad = zone_add(names_zone(names), zone);
	ck_assert_msg(!bad, "%s", bad);
	dns = dns_new(scratch, loop->clock, names_resolver(names),
		(struct dns_limits){TIMEOUT, in_flight});
	for (int i = 0; i < ASKERS; i++) {
		askers[i] = (struct asker){.woken = 0};
		await_init(&askers[i].await, loop->clock, on_woken, &askers[i]);
	}
}

static void set_up(void)
{
	open_dns(2);
}

static void set_up_for_many(void)
{
	open_dns(100);
}

static void tear_down(void)
{
	talloc_free(dns);
	for (int i = 0; i < ASKERS; i++)
		ck_assert(!askers[i].await.pending);
	talloc_free(scratch);
}

static void begin(int i, const char *name, enum dns_type type)
{
	dns_begin_asking(dns, name, type, &askers[i].answer, &askers[i].await);
}

static const struct dns_answer *ask(const char *name, enum dns_type type)
{
	begin(0, name, type);
	ck_assert_msg(!askers[0].await.pending, "%s is not answered at once", name);
	ck_assert_uint_eq(askers[0].woken, 0);
	return askers[0].answer;
}

/* --- answers --- */

/* "10 mx.example.net|20 mx2.example.net", with "?" for control characters. */
static char *records_text(const struct dns_answer *answer)
{
	char *text = talloc_strdup(scratch, ""), ip[IP_TEXT_SIZE];

	for (size_t i = 0; i < answer->count; i++) {
		const struct dns_record *record = &answer->records[i];
		text = talloc_asprintf_append(text, "%s", i ? "|" : "");
		if (record->preference)
			text = talloc_asprintf_append(text, "%u ", record->preference);
		text = talloc_asprintf_append(
			text, "%s", record->text ? record->text : ip_print(&record->ip, ip));
	}
	return text;
}

static const struct {
	const char *name;
	enum dns_type type;
	enum dns_outcome outcome;
	enum dns_failure failure;
	unsigned dropped;
	const char *records;
} answers[] = {
	{"example.net", DNS_MX, DNS_FOUND, DNS_WELL, 0, "10 mx.example.net|20 mx2.example.net"},
	{"EXAMPLE.net.", DNS_MX, DNS_FOUND, DNS_WELL, 0, "10 mx.example.net|20 mx2.example.net"},
	{"example.net", DNS_TXT, DNS_FOUND, DNS_WELL, 0, "v=spf1 -all"},
	{"mx.example.net", DNS_A, DNS_FOUND, DNS_WELL, 0, "192.0.2.1|192.0.2.2"},
	{"mx.example.net", DNS_AAAA, DNS_FOUND, DNS_WELL, 0, "2001:db8::1"},
	{"www.example.net", DNS_A, DNS_FOUND, DNS_WELL, 0, "192.0.2.1|192.0.2.2"},
	{"far.example.net", DNS_AAAA, DNS_FOUND, DNS_WELL, 0, "2001:db8::1"},
	{"far.example.net", DNS_CNAME, DNS_FOUND, DNS_WELL, 0, "www.example.net"},
	{"far.example.net", DNS_MX, DNS_NO_DATA, DNS_WELL, 0, ""},
	{"lost.example.net", DNS_A, DNS_NO_NAME, DNS_WELL, 0, ""},
	{"null.example", DNS_MX, DNS_FOUND, DNS_WELL, 0, "."},
	{"odd.example", DNS_TXT, DNS_FOUND, DNS_WELL, 0,
		"a\x7f"
		"b\r\nc\xff"},
	{"1.2.0.192.in-addr.arpa", DNS_PTR, DNS_FOUND, DNS_WELL, 0, "mx.example.net"},
	{"2.2.0.192.in-addr.arpa", DNS_PTR, DNS_FOUND, DNS_WELL, 1, "good.example"},
	{"3.2.0.192.in-addr.arpa", DNS_PTR, DNS_FOUND, DNS_WELL, 1, ""},
	{"4.2.0.192.in-addr.arpa", DNS_PTR, DNS_FOUND, DNS_WELL, 1, ""},
	{"5.2.0.192.in-addr.arpa", DNS_PTR, DNS_FOUND, DNS_WELL, 1, ""},
	{"6.2.0.192.in-addr.arpa", DNS_PTR, DNS_FOUND, DNS_WELL, 1, ""},
	{"badmx.example", DNS_MX, DNS_FOUND, DNS_WELL, 1, ""},
	{"mx.example.net", DNS_MX, DNS_NO_DATA, DNS_WELL, 0, ""},
	{"nobody.example", DNS_A, DNS_NO_NAME, DNS_WELL, 0, ""},
	{"broken.example", DNS_A, DNS_FAILED, DNS_SERVFAIL, 0, ""},
	{"closed.example", DNS_A, DNS_FAILED, DNS_REFUSED, 0, ""},
	{"garbage.example", DNS_A, DNS_FAILED, DNS_MALFORMED, 0, ""},
	{"liar.example", DNS_A, DNS_FAILED, DNS_MALFORMED, 0, ""},
	{"other.example", DNS_A, DNS_NO_DATA, DNS_WELL, 0, ""},
	{"", DNS_A, DNS_NO_NAME, DNS_WELL, 0, ""},
	{".", DNS_A, DNS_NO_NAME, DNS_WELL, 0, ""},
	{"a..example.net", DNS_A, DNS_NO_NAME, DNS_WELL, 0, ""},
	{".example.net", DNS_A, DNS_NO_NAME, DNS_WELL, 0, ""},
	{"mx.example.net..", DNS_A, DNS_NO_NAME, DNS_WELL, 0, ""},
	{"a234567890123456789012345678901234567890123456789012345678901234.example", DNS_A,
		DNS_NO_NAME, DNS_WELL, 0, ""},
};

START_TEST(answers_as_data)
{
	const struct dns_answer *answer = ask(answers[_i].name, answers[_i].type);

	ck_assert_int_eq(answer->outcome, answers[_i].outcome);
	ck_assert_int_eq(answer->failure, answers[_i].failure);
	ck_assert_uint_eq(answer->dropped, answers[_i].dropped);
	ck_assert_str_eq(records_text(answer), answers[_i].records);
	ck_assert_uint_eq(dns_in_flight(dns), 0);
}
END_TEST

START_TEST(keeps_no_more_than_so_many_records)
{
	for (int i = 0; i < DNS_RECORDS_MAXIMUM + 20; i++)
		ck_assert_ptr_null(zone_add(names_zone(names),
			talloc_asprintf(scratch, "many.example A 10.0.0.%d", i)));
	ck_assert_uint_eq(ask("many.example", DNS_A)->count, DNS_RECORDS_MAXIMUM);
	ck_assert(askers[0].answer->is_cut);
}
END_TEST

START_TEST(a_long_name_is_none)
{
	char *name = talloc_strdup(scratch, "x");

	while (strlen(name) < DNS_NAME_MAXIMUM)
		name = talloc_asprintf_append(name, ".x");
	ck_assert_uint_eq(zone_asked(names_zone(names)), 0);
	ask(name, DNS_A);
	ck_assert_uint_eq(zone_asked(names_zone(names)), 1);
	ask(talloc_asprintf(scratch, "%s.x", name), DNS_A);
	ck_assert_int_eq(askers[0].answer->outcome, DNS_NO_NAME);
	ck_assert_uint_eq(zone_asked(names_zone(names)), 1);
}
END_TEST

/* --- time --- */

START_TEST(a_late_answer)
{
	begin(0, "a.slow.example", DNS_A);
	ck_assert(askers[0].await.pending);
	clock_move(loop->clock, TIMEOUT - 1);
	names_answer_late_ones(names);
	ck_assert_uint_eq(askers[0].woken, 1);
	ck_assert_str_eq(records_text(askers[0].answer), "192.0.2.9");
	clock_move(loop->clock, TIMEOUT);
	ck_assert_uint_eq(askers[0].woken, 1);
}
END_TEST

START_TEST(no_answer_is_a_failure_in_time)
{
	begin(0, "a.dead.example", DNS_A);
	clock_move(loop->clock, TIMEOUT - 1);
	ck_assert(askers[0].await.pending);
	clock_move(loop->clock, 1);
	ck_assert_uint_eq(askers[0].woken, 1);
	ck_assert_int_eq(askers[0].answer->outcome, DNS_FAILED);
	ck_assert_int_eq(askers[0].answer->failure, DNS_TIMED_OUT);
	ck_assert_uint_eq(dns_in_flight(dns), 1); /* the servers still have it */
}
END_TEST

START_TEST(what_was_given_up_is_forgotten_when_answered)
{
	begin(0, "a.slow.example", DNS_A);
	await_cancel(&askers[0].await);
	ck_assert_ptr_null(askers[0].answer);
	ck_assert_uint_eq(dns_in_flight(dns), 1);
	names_answer_late_ones(names);
	ck_assert_uint_eq(dns_in_flight(dns), 0);
	ck_assert_uint_eq(askers[0].woken, 0);
}
END_TEST

/* --- together --- */

START_TEST(the_same_question_is_asked_once)
{
	begin(0, "a.slow.example", DNS_A);
	begin(1, "A.SLOW.example.", DNS_A);
	begin(2, "a.slow.example", DNS_AAAA);
	ck_assert_uint_eq(zone_asked(names_zone(names)), 2);
	await_cancel(&askers[0].await);
	names_answer_late_ones(names);
	ck_assert_uint_eq(askers[0].woken, 0);
	ck_assert_uint_eq(askers[1].woken, 1);
	ck_assert_uint_eq(askers[2].woken, 1);
	ck_assert_str_eq(records_text(askers[1].answer), "192.0.2.9");
}
END_TEST

START_TEST(those_beyond_wait_for_their_turn)
{
	begin(0, "a.slow.example", DNS_A);
	begin(1, "b.slow.example", DNS_A);
	begin(2, "c.slow.example", DNS_A);
	begin(3, "mx.example.net", DNS_A);
	begin(4, "www.example.net", DNS_A);
	ck_assert_uint_eq(dns_in_flight(dns), 2);
	ck_assert_uint_eq(dns_queued(dns), 3);
	await_cancel(&askers[4].await);
	ck_assert_uint_eq(dns_queued(dns), 2);
	names_answer_late_ones(names);
	ck_assert_uint_eq(askers[0].woken + askers[1].woken, 2);
	ck_assert_uint_eq(askers[3].woken, 1);
	ck_assert_uint_eq(askers[4].woken, 0);
	names_answer_late_ones(names);
	ck_assert_uint_eq(askers[2].woken, 1);
	ck_assert_uint_eq(dns_in_flight(dns) + dns_queued(dns), 0);
}
END_TEST

START_TEST(who_waits_for_a_turn_has_the_same_deadline)
{
	begin(0, "a.dead.example", DNS_A);
	begin(1, "b.dead.example", DNS_A);
	begin(2, "mx.example.net", DNS_A);
	clock_move(loop->clock, TIMEOUT);
	ck_assert_uint_eq(askers[2].woken, 1);
	ck_assert_int_eq(askers[2].answer->failure, DNS_TIMED_OUT);
	ck_assert_uint_eq(dns_queued(dns), 0);
}
END_TEST

START_TEST(too_many_waiting_fail_at_once)
{
	struct await *awaits = talloc_zero_array(scratch, struct await, DNS_QUEUE_MAXIMUM);
	struct dns_answer *answer;

	begin(0, "a.dead.example", DNS_A);
	begin(1, "b.dead.example", DNS_A);
	for (int i = 0; i < DNS_QUEUE_MAXIMUM; i++) {
		await_init(&awaits[i], loop->clock, on_woken, &askers[7]);
		dns_begin_asking(
			dns, talloc_asprintf(scratch, "%d.example", i), DNS_A, &answer, &awaits[i]);
	}
	begin(2, "mx.example.net", DNS_A);
	ck_assert(!askers[2].await.pending);
	ck_assert_int_eq(askers[2].answer->failure, DNS_OVERLOADED);
	for (int i = 0; i < DNS_QUEUE_MAXIMUM; i++)
		await_cancel(&awaits[i]);
	ck_assert_uint_eq(dns_queued(dns), 0);
}
END_TEST

/* Who hears an answer may ask the next, as often as it likes. */
static unsigned asked_again;

static void on_woken_again(void *owner)
{
	struct asker *asker = owner;

	talloc_free(asker->answer);
	if (++asked_again < 3)
		dns_begin_asking(dns, "next.slow.example", DNS_A, &asker->answer, &asker->await);
}

START_TEST(an_answer_leads_to_the_next_question)
{
	asked_again = 0;
	await_init(&askers[0].await, loop->clock, on_woken_again, &askers[0]);
	begin(0, "a.slow.example", DNS_A);
	for (int i = 0; i < 3; i++)
		names_answer_late_ones(names);
	ck_assert_uint_eq(asked_again, 3);
	ck_assert_uint_eq(dns_in_flight(dns), 0);
}
END_TEST

START_TEST(going_cancels_all)
{
	begin(0, "a.dead.example", DNS_A);
	begin(1, "a.dead.example", DNS_A);
	begin(2, "b.dead.example", DNS_A);
	begin(3, "c.dead.example", DNS_A);
	begin(4, "c.dead.example", DNS_A);
} /* tear_down looks */
END_TEST

/* --- alarm --- */

static char *log_so_far;

static void on_log(const char *line, void *owner)
{
	(void)owner;
	log_so_far = talloc_strdup_append(log_so_far, line);
}

static void ask_in_vain(int times)
{
	for (int i = 0; i < times; i++) {
		begin(0, talloc_asprintf(scratch, "%d.dead.example", i), DNS_A);
		clock_move(loop->clock, TIMEOUT);
	}
}

START_TEST(says_once_that_nobody_answers)
{
	log_so_far = talloc_strdup(scratch, "");
	log_capture(on_log, NULL);
	ask("mx.example.net", DNS_A);
	ask_in_vain(DNS_ALARM_FAILURES - 1);
	ck_assert_str_eq(log_so_far, "");
	ask_in_vain(1);
	ck_assert_ptr_nonnull(strstr(log_so_far, "level=error event=dns_silent"));
	ask_in_vain(20);
	ck_assert_ptr_null(strstr(strstr(log_so_far, "dns_silent") + 1, "dns_silent"));
	log_capture(NULL, NULL);
}
END_TEST

START_TEST(says_that_there_are_answers_again)
{
	log_so_far = talloc_strdup(scratch, "");
	log_capture(on_log, NULL);
	for (int i = 0; i < 2 * DNS_ALARM_FAILURES; i++) {
		clock_move(loop->clock, TIMEOUT);
		ask("broken.example", DNS_A);
	}
	ck_assert_ptr_nonnull(strstr(log_so_far, "dns_silent"));
	ask("nobody.example", DNS_A); /* that it does not exist is an answer */
	ck_assert_ptr_nonnull(strstr(log_so_far, "level=notice event=dns_answers"));
	log_capture(NULL, NULL);
}
END_TEST

/* A few failures at once are no alarm, nor are many spread among answers. */
START_TEST(says_nothing_of_single_failures)
{
	log_so_far = talloc_strdup(scratch, "");
	log_capture(on_log, NULL);
	for (int i = 0; i < 100; i++) {
		ask("broken.example", DNS_A);
		if (i % 5 == 0)
			ask("mx.example.net", DNS_A);
		clock_move(loop->clock, TIMEOUT);
	}
	ck_assert_str_eq(log_so_far, "");
	log_capture(NULL, NULL);
}
END_TEST

/* --- names --- */

static const struct {
	const char *name;
	bool is_one;
} host_names[] = {
	{"example.net", true},
	{"a", true},
	{"_dmarc.example.net", true},
	{"xn--bcher-kva.example", true},
	{"1.2.3.4", true},
	{"", false},
	{".", false},
	{"example.net.", false},
	{".example.net", false},
	{"a..b", false},
	{"-a.example", false},
	{"a-.example", false},
	{"a b.example", false},
	{"a\r\n.example", false},
	{"a\\013.example", false},
	{"a/b.example", false},
	{"b\xc3\xbc"
	 "cher.example",
		false},
	{"a(b).example", false},
};

START_TEST(tells_host_names)
{
	ck_assert_int_eq(dns_is_host_name(slice_of(host_names[_i].name)), host_names[_i].is_one);
}
END_TEST

START_TEST(turns_addresses_round)
{
	struct ip ip;
	bool good = ip_parse(slice_of("192.0.2.1"), &ip);

	ck_assert(good);
	ck_assert_str_eq(dns_reverse(scratch, &ip, NULL), "1.2.0.192.in-addr.arpa");
	ck_assert_str_eq(dns_reverse(scratch, &ip, "list.example"), "1.2.0.192.list.example");
	good = ip_parse(slice_of("2001:db8::4321"), &ip);
	ck_assert(good);
	ck_assert_str_eq(dns_reverse(scratch, &ip, NULL),
		"1.2.3.4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}
END_TEST

START_TEST(says_everything_in_words)
{
	for (enum dns_failure failure = DNS_WELL; failure <= DNS_OVERLOADED; failure++)
		ck_assert_uint_gt(strlen(dns_failure_text(failure)), 3);
	ck_assert_str_eq(dns_type_name(DNS_AAAA), "AAAA");
	ck_assert_ptr_null(dns_type_name((enum dns_type)99));
}
END_TEST

static Suite *dns_suite(void)
{
	Suite *suite = suite_create("dns");
	TCase *all = tcase_create("all"), *many = tcase_create("many");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_loop_test(all, answers_as_data, 0, COUNT(answers));
	tcase_add_test(all, keeps_no_more_than_so_many_records);
	tcase_add_test(all, a_long_name_is_none);
	tcase_add_test(all, a_late_answer);
	tcase_add_test(all, no_answer_is_a_failure_in_time);
	tcase_add_test(all, what_was_given_up_is_forgotten_when_answered);
	tcase_add_test(all, the_same_question_is_asked_once);
	tcase_add_test(all, those_beyond_wait_for_their_turn);
	tcase_add_test(all, who_waits_for_a_turn_has_the_same_deadline);
	tcase_add_test(all, too_many_waiting_fail_at_once);
	tcase_add_test(all, an_answer_leads_to_the_next_question);
	tcase_add_test(all, going_cancels_all);
	tcase_add_checked_fixture(many, set_up_for_many, tear_down);
	tcase_add_test(many, says_once_that_nobody_answers);
	tcase_add_test(many, says_that_there_are_answers_again);
	tcase_add_test(many, says_nothing_of_single_failures);
	suite_add_tcase(suite, many);
	tcase_add_loop_test(all, tells_host_names, 0, COUNT(host_names));
	tcase_add_test(all, turns_addresses_round);
	tcase_add_test(all, says_everything_in_words);
	suite_add_tcase(suite, all);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(dns_suite());

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
