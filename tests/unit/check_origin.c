/* SPDX-License-Identifier: Apache-2.0 */
/* Where a mail came from: Received fields as many write them, hops of our own, and SPF over them. */
#include "policy/origin.h"

#include "judging.h"

#include "base/loop.h"
#include "policy/dns_learner.h"
#include "policy/spf_facts.h"
#include "tests/fakes/names.h"

#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define SETTINGS                                                                                   \
	"hostname = mx.example.com trusted_relays = {\"192.0.2.0/28\"} "                           \
	"relay { domains = {example.com} networks = {\"10.0.0.0/8\"} } checks { chain = asker } "

static const struct {
	const char *received, *ip, *helo; /* ip NULL: it tells none */
} fields[] = {
	{"from mail.example (host.example [192.0.2.1]) by mx.example (Postfix) with ESMTPS id 1; x",
		"192.0.2.1", "mail.example"},
	{"from mail.example (unknown [192.0.2.1]) by mx.example", "192.0.2.1", "mail.example"},
	{"from mail.example (host.example [IPv6:2001:db8::1]) (using TLSv1.3 with cipher X "
	 "(256/256 "
	 "bits)) by mx.example",
		"2001:db8::1", "mail.example"},
	{"from host.example ([192.0.2.1] helo=mail.example) by mx.example with esmtp (Exim 4.96)",
		"192.0.2.1", "mail.example"},
	{"from [192.0.2.1] (helo=mail.example) by mx.example with esmtp", "192.0.2.1",
		"mail.example"},
	{"from [192.0.2.1] (port=40000 helo=mail.example) by mx.example", "192.0.2.1",
		"mail.example"},
	{"from mail.example (192.0.2.1) by mx.example (10.0.0.1) with Microsoft SMTP Server",
		"192.0.2.1", "mail.example"},
	{"from AM6PR.prod.outlook.com (2603:10a6:20b:1::1) by X.prod.outlook.com (2603::2) with "
	 "Microsoft SMTP Server (version=TLS1_2)",
		"2603:10a6:20b:1::1", "AM6PR.prod.outlook.com"},
	{"from unknown (HELO mail.example) (192.0.2.1) by mx.example with SMTP; 1 Jan", "192.0.2.1",
		"mail.example"},
	{"from mail.example (host.example. [192.0.2.1]) by mx.google.com with ESMTPS id x",
		"192.0.2.1", "mail.example"},
	{"from [198.51.100.7] (host.example [192.0.2.1]) by mx.example", "192.0.2.1",
		"[198.51.100.7]"},
	{"from [198.51.100.7] ([192.0.2.1]) by mx.example", "192.0.2.1", "[198.51.100.7]"},
	{"from 198.51.100.7 (host.example [192.0.2.1]) by mx.example", "192.0.2.1", "198.51.100.7"},
	{"FROM mail.example ([192.0.2.1]) BY mx.example", "192.0.2.1", "mail.example"},
	{"from x([198.51.100.9]) (host.example [192.0.2.1]) by mx.example", "192.0.2.1", "x"},
	{"from x(198.51.100.9) (192.0.2.1) by mx.example", "192.0.2.1", "x"},
	{"from mail.example by mx.example ([192.0.2.1])", NULL, NULL},
	{"from localhost (localhost) by mx.example", NULL, NULL},
	{"by mx.example with HTTP; from [192.0.2.1]", NULL, NULL},
	{"(qmail 123 invoked by uid 89); 1 Jan 2026", NULL, NULL},
	{"from", NULL, NULL},
	{"from [", NULL, NULL},
	{"from [] ([]) by", NULL, NULL},
	{"from x (HELO", NULL, NULL},
	{"from x ([192.0.2.999]) by y", NULL, NULL},
	{"", NULL, NULL},
};

START_TEST(reads_received)
{
	struct ip ip;
	struct slice helo;
	bool found = origin_read_received(slice_of(fields[_i].received), &ip, &helo);
	char text[IP_TEXT_SIZE];

	ck_assert_int_eq(found, fields[_i].ip != NULL);
	if (!found)
		return;
	ck_assert_str_eq(ip_print(&ip, text), fields[_i].ip);
	ck_assert_msg(slice_equals(helo, fields[_i].helo), "%.*s", SLICE_ARGS(helo));
}
END_TEST

/* --- the facts --- */

static void *scratch;
static struct loop *loop;
static struct names *names;
static struct dns *dns;
static struct facts *facts;
static struct inquiry *inquiry;
static struct await caller;

static void on_woken(void *owner)
{
	(void)owner;
}

static struct verdict judge_asker(struct inquiry *asker)
{
	struct value value;

	if (inquiry_ask(asker, FACT_SPF_RESULT, &value) == FACT_UNKNOWN)
		return verdict_unknown();
	inquiry_ask(asker, FACT_ORIGIN_HELO, &value);
	return verdict_none();
}

static const struct check asker_check = {
	"asker", AT(STAGE_RCPT) | AT(STAGE_MESSAGE), judge_asker, "", .is_limit = false};
static const struct check *const no_gates[] = {NULL};
static const struct check *const checks[] = {&asker_check, NULL};

static void set_up(void)
{
	struct learner learners[LEARNERS] = {{NULL, NULL}};

	scratch = talloc_new(NULL);
	loop = loop_new(scratch);
	clock_move(loop->clock, 0);
	names = names_new(scratch);
	ck_assert_ptr_null(zone_add(names_zone(names),
		"a.example TXT \"v=spf1 ip4:203.0.113.0/24 -all\"\n"
		"silent.example TXT \"v=spf1 -all\"\n"
		"late.example does delay 1\nlate.example TXT \"v=spf1 a -all\"\n"
		"late.example A 203.0.113.9\n"
		"broken.example TXT \"v=spf1 moo\"\n"));
	dns = dns_new(scratch, loop->clock, names_resolver(names), (struct dns_limits){5000, 10});
	learners[LEARNER_DNS] = dns_learner(dns);
	facts = facts_new(scratch, NULL);
	inquiry = inquiry_new(
		scratch, judging_chain_of(scratch, SETTINGS, no_gates, checks, learners), facts);
	await_init(&caller, loop->clock, on_woken, NULL);
}

static void tear_down(void)
{
	await_cancel(&caller);
	talloc_free(inquiry);
	talloc_free(dns);
	talloc_free(scratch);
}

static void tell_ip(enum fact fact, const char *text)
{
	struct ip ip;

	ck_assert(ip_parse(slice_of(text), &ip));
	facts_set_ip(facts, fact, &ip);
}

static void judge(enum stage stage)
{
	inquiry_begin_judging(inquiry, stage, loop->clock, 60000, &caller);
	for (int i = 0; i < 9 && caller.pending; i++)
		names_answer_late_ones(names);
	ck_assert(!caller.pending);
}

static void begin(const char *client, const char *sender_domain)
{
	struct ip ip;

	tell_ip(FACT_CLIENT_IP, client);
	ck_assert(ip_parse(slice_of(client), &ip));
	facts_set_bool(facts, FACT_CLIENT_TRUSTED_RELAY,
		cidrs_contain(&inquiry->policy->site->trusted_relays, &ip));
	facts_set_bool(
		facts, FACT_CLIENT_TRUSTED, cidrs_contain(&inquiry->policy->relay->networks, &ip));
	facts_set_text(facts, FACT_HELO_NAME, "client.example");
	facts_set_text(facts, FACT_SENDER,
		*sender_domain ? talloc_asprintf(scratch, "x@%s", sender_domain) : "");
	facts_set_text(facts, FACT_SENDER_LOCAL, *sender_domain ? "x" : "");
	facts_set_text(facts, FACT_SENDER_DOMAIN, sender_domain);
	facts_set_bool(facts, FACT_SENDER_IS_NULL, !*sender_domain);
}

static void hold_against(const char *ip, const char *helo, const char *spf)
{
	ck_assert_str_eq(facts_print(scratch, facts, FACT_ORIGIN_IP), ip);
	ck_assert_str_eq(facts_print(scratch, facts, FACT_ORIGIN_HELO), helo);
	ck_assert_str_eq(facts_print(scratch, facts, FACT_SPF_RESULT), spf);
}

static const struct {
	const char *client, *domain, *result, *detail;
	bool is_silent;
} senders[] = {
	{"203.0.113.9", "a.example", "pass", "ip4:203.0.113.0/24", false},
	{"198.51.100.1", "a.example", "fail", "-all", false},
	{"198.51.100.1", "silent.example", "fail", "-all", true},
	{"203.0.113.9", "late.example", "pass", "a", false},
	{"203.0.113.9", "broken.example", "permerror", "a record with a mistake: moo", false},
	{"203.0.113.9", "nobody.example", "none", "absent", false},
	{"203.0.113.9", "", "none", "absent", false},
};

START_TEST(asks_spf_of_the_client)
{
	begin(senders[_i].client, senders[_i].domain);
	judge(STAGE_RCPT);
	hold_against(senders[_i].client, "client.example", senders[_i].result);
	ck_assert_str_eq(facts_print(scratch, facts, FACT_SPF_DETAIL), senders[_i].detail);
	ck_assert_str_eq(facts_print(scratch, facts, FACT_SPF_SENDS_NO_MAIL),
		senders[_i].is_silent ? "true" : "false");
	ck_assert_str_eq(facts_print(scratch, facts, FACT_SPF_IDENTITY),
		*senders[_i].domain ? "mailfrom" : "helo");
}
END_TEST

START_TEST(does_not_ask_about_our_own)
{
	begin("10.0.0.1", "silent.example");
	judge(STAGE_RCPT);
	ck_assert_str_eq(facts_print(scratch, facts, FACT_SPF_RESULT), "unknown");
	ck_assert_uint_eq(zone_asked(names_zone(names)), 0);
	ck_assert_ptr_null(spf_facts_received(scratch, inquiry));
}
END_TEST

START_TEST(takes_what_xforward_told)
{
	begin("203.0.113.1", "a.example");
	tell_ip(FACT_FORWARDED_IP, "198.51.100.1");
	facts_set_text(facts, FACT_FORWARDED_HELO, "far.example");
	judge(STAGE_RCPT);
	hold_against("198.51.100.1", "far.example", "fail");
}
END_TEST

/* --- behind a trusted relay --- */

#define OURS "Received: from b.example.com (b [192.0.2.2]) by a.example.com\r\n"
#define THEIRS "Received: from far.example (x [203.0.113.9]) by b.example.com\r\n"

static const struct {
	const char *header, *ip, *helo, *result;
} messages[] = {
	{THEIRS, "203.0.113.9", "far.example", "pass"},
	{OURS THEIRS, "203.0.113.9", "far.example", "pass"},
	{"Received: from x ([198.51.100.1]) by b.example.com\r\n" THEIRS, "198.51.100.1", "x",
		"fail"},
	{"Received: by nobody\r\n" THEIRS, "absent", "absent", "absent"},
	{OURS, "absent", "absent", "absent"},
	{"Subject: x\r\n", "absent", "absent", "absent"},
};

START_TEST(looks_behind_a_trusted_relay)
{
	static const struct spool spool = {.memory_maximum = INT64_MAX};

	begin("192.0.2.1", "a.example");
	judge(STAGE_RCPT);
	hold_against("unknown", "unknown", "unknown");
	inquiry->message = message_new(scratch, &spool);
	ck_assert_int_eq(message_add(inquiry->message, slice_of(messages[_i].header)), MESSAGE_OK);
	ck_assert_int_eq(message_add(inquiry->message, slice_of("\r\n")), MESSAGE_OK);
	ck_assert_int_eq(message_finish(inquiry->message), MESSAGE_OK);
	judge(STAGE_MESSAGE);
	hold_against(messages[_i].ip, messages[_i].helo, messages[_i].result);
	TALLOC_FREE(inquiry->message);
}
END_TEST

START_TEST(tells_the_backend)
{
	begin("198.51.100.1", "a.example");
	facts_set_text(facts, FACT_SENDER, "\"a\\\"b;c\"@a.example");
	judge(STAGE_RCPT);
	ck_assert_str_eq(spf_facts_received(scratch, inquiry),
		"fail receiver=mx.example.com; identity=mailfrom; client-ip=198.51.100.1; "
		"envelope-from=\"\\\"a\\\\\\\"b;c\\\"@a.example\"; helo=\"client.example\"; "
		"mechanism=\"-all\"");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("origin");
	TCase *cases = tcase_create("origin");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, reads_received, 0, COUNT(fields));
	tcase_add_loop_test(cases, asks_spf_of_the_client, 0, COUNT(senders));
	tcase_add_test(cases, does_not_ask_about_our_own);
	tcase_add_test(cases, takes_what_xforward_told);
	tcase_add_loop_test(cases, looks_behind_a_trusted_relay, 0, COUNT(messages));
	tcase_add_test(cases, tells_the_backend);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
