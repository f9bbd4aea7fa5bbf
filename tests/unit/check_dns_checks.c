/* SPDX-License-Identifier: Apache-2.0 */
/* The checks that look at facts of the DNS, each alone in a chain, at mail and at rcpt. */
#include "judging.h"

#include "base/loop.h"
#include "policy/dns_learner.h"
#include "policy/list_watch.h"
#include "policy/mail/address.h"
#include "tests/fakes/names.h"

#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define SETTINGS                                                                                   \
	"hostname = mx.example.com relay { domains = {example.com} networks = {10.0.0.0/8} } "     \
	"trusted_relays = {198.51.100.1} "
#define JUDGE_TIMEOUT 60000

static const char zone[] =
	"good.example       MX 10 mx.good.example\n"
	"mx.good.example    A 192.0.2.1\n"
	"address.example    A 192.0.2.1\n"
	"six.example        AAAA 2001:db8::1\n"
	"text.example       TXT nothing\n"
	"null.example       MX 0 .\n"
	"both.example       MX 0 .\n"
	"both.example       MX 10 mx.good.example\n"
	"broken.example     does servfail\n"
	"dead.example       does silence\n"
	"half.example       MX 10 dead.example\n"
	"half.example       MX 20 mx.inside.example\n"
	"inside.example     MX 10 mx.inside.example\n"
	"inside.example     MX 20 mx2.inside.example\n"
	"mx.inside.example  A 10.0.0.1\n"
	"mx2.inside.example A 127.0.0.1\n"
	"mx2.inside.example AAAA ::1\n"
	"mixed.example      MX 10 mx.inside.example\n"
	"mixed.example      MX 20 mx.good.example\n"
	"nowhere.example    MX 10 gone.example\n"
	"evil.example       MX 10 a\\013\\010b.example\n"
	"xn--bcher-kva.example MX 10 mx.good.example\n"
	/* clients */
	"1.2.0.192.in-addr.arpa PTR mx.good.example\n"
	"2.2.0.192.in-addr.arpa PTR mx.good.example\n"
	"4.2.0.192.in-addr.arpa PTR evil\\013\\010.example\n"
	"5.2.0.192.in-addr.arpa does servfail\n"
	"6.2.0.192.in-addr.arpa PTR broken.example\n"
	/* lists */
	"1.2.0.192.list.example   A 127.0.0.2\n"
	"1.2.0.192.second.example A 127.0.0.4\n"
	"1.2.0.192.second.example A 127.0.0.10\n"
	"1.2.0.192.white.example  A 127.0.0.5\n"
	"2.2.0.192.list.example   A 127.0.0.9\n"
	"3.2.0.192.list.example   A 127.255.255.254\n"
	"4.2.0.192.list.example   A 192.0.2.66\n"
	"5.2.0.192.list.example   does servfail\n"
	"6.2.0.192.list.example   does silence\n"
	"7.2.0.192.list.example   A 127.0.0.2\n"
	"7.2.0.192.list.example   A 127.255.255.255\n"
	"8.2.0.192.list.example   TXT listed\n"
	"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.list.example A 127.0.0.3\n"
	"bad.example.domains.example A 127.0.1.2\n"
	"xn--bcher-kva.example.domains.example A 127.0.1.2\n";

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

static void set_up(void)
{
	const char *bad;

	scratch = talloc_new(NULL);
	loop = loop_new(scratch);
	clock_move(loop->clock, 0);
	names = names_new(scratch);
	bad = zone_add(names_zone(names), zone);
	ck_assert_msg(!bad, "%s", bad);
	dns = dns_new(scratch, loop->clock, names_resolver(names), (struct dns_limits){5000, 100});
	facts = facts_new(scratch, NULL);
	await_init(&caller, loop->clock, on_woken, NULL);
}

static void tear_down(void)
{
	await_cancel(&caller);
	talloc_free(inquiry);
	talloc_free(dns);
	talloc_free(scratch);
	inquiry = NULL;
}

static void use(const char *check, const char *settings)
{
	struct learner learners[LEARNERS] = {{NULL, NULL}};

	learners[LEARNER_DNS] = dns_learner(dns);
	inquiry = inquiry_new(scratch,
		judging_chain_of(scratch,
			talloc_asprintf(
				scratch, "%s %s checks { chain = %s }", SETTINGS, settings, check),
			(const struct check *const[]){NULL}, checks_table, learners),
		facts);
}

static void tell_client(const char *client)
{
	struct ip ip, relay;
	bool good = ip_parse(slice_of(client), &ip) && ip_parse(slice_of("198.51.100.1"), &relay);

	ck_assert(good);
	facts_set_ip(facts, FACT_CLIENT_IP, &ip);
	facts_set_bool(facts, FACT_CLIENT_TRUSTED, ip.bytes[0] == 10);
	facts_set_bool(facts, FACT_CLIENT_TRUSTED_RELAY, ip_equals(&ip, &relay));
}

static void tell_sender(const char *sender)
{
	struct address *address = *sender ? address_parse(scratch, slice_of(sender)) : NULL;

	ck_assert(address || !*sender);
	facts_set_text(facts, FACT_SENDER, sender);
	facts_set_text(facts, FACT_SENDER_DOMAIN, address ? address->domain : "");
	facts_set_number(facts, FACT_SENDER_FORM, address ? address->form : 0);
	facts_set_bool(facts, FACT_SENDER_IS_NULL, !address);
}

static void judge(enum stage stage)
{
	inquiry_begin_judging(inquiry, stage, loop->clock, JUDGE_TIMEOUT, &caller);
	for (int i = 0; i < 10 && caller.pending; i++)
		clock_move(loop->clock, 5000);
	ck_assert(!caller.pending);
}

/* What is noted at mail, what that scores, and the code at rcpt. */
static void is_judged(const char *result, double score, int code)
{
	judge(STAGE_MAIL);
	ck_assert_int_eq(inquiry->verdict.kind, VERDICT_NONE);
	ck_assert_uint_eq(inquiry->trace_count, result != NULL);
	if (result)
		ck_assert_str_eq(inquiry->trace[0].result, result);
	ck_assert_double_eq(inquiry->score, score);
	judge(STAGE_RCPT);
	ck_assert_int_eq(inquiry->verdict.code, code);
	ck_assert_double_eq(inquiry->score, score);
}

/* --- sender_domain --- */

static const struct {
	const char *settings;
	const char *client;
	const char *sender;
	const char *result;
	double score;
	int code;
	const char *status;
} senders[] = {
	{"", "192.0.2.1", "a@good.example", NULL, 0, 0, NULL},
	{"", "192.0.2.1", "a@GOOD.Example", NULL, 0, 0, NULL},
	{"", "192.0.2.1", "a@address.example", NULL, 0, 0, NULL},
	{"", "192.0.2.1", "a@six.example", NULL, 0, 0, NULL},
	{"", "192.0.2.1", "a@gone.example", "nonexistent", 3, 0, NULL},
	{"", "192.0.2.1", "a@text.example", "nonexistent", 3, 0, NULL},
	{"", "10.0.0.1", "a@gone.example", NULL, 0, 0, NULL},
	{"", "198.51.100.1", "a@gone.example", "nonexistent", 3, 0, NULL},
	{"", "192.0.2.1", "", NULL, 0, 0, NULL},
	{"", "192.0.2.1", "a@example.com", NULL, 0, 0, NULL},
	{"", "192.0.2.1", "a@[192.0.2.1]", NULL, 0, 0, NULL},
	{"", "192.0.2.1", "a@dotless", NULL, 0, 0, NULL},
	{"", "192.0.2.1",
		"a@b\xc3\xbc"
		"cher.example",
		NULL, 0, 0, NULL},
	{"", "192.0.2.1", "a@broken.example", NULL, 0, 0, NULL},
	{"", "192.0.2.1", "a@dead.example", NULL, 0, 0, NULL},
	{"", "192.0.2.1", "a@evil.example", NULL, 0, 0, NULL},
	{"", "192.0.2.1", "a@null.example", NULL, 0, 550, "5.7.27"},
	{"", "192.0.2.1", "a@both.example", NULL, 0, 0, NULL},
	{"", "192.0.2.1", "a@inside.example", "bogus_mx", 1, 0, NULL},
	{"", "192.0.2.1", "a@mixed.example", NULL, 0, 0, NULL},
	{"", "192.0.2.1", "a@half.example", NULL, 0, 0, NULL},
	{"", "192.0.2.1", "a@nowhere.example", NULL, 0, 0, NULL},
	{"sender { nonexistent = refuse }", "192.0.2.1", "a@gone.example", NULL, 0, 550, "5.1.8"},
	{"sender { nonexistent = monitor }", "192.0.2.1", "a@gone.example", "nonexistent", 0, 0,
		NULL},
	{"sender { nonexistent = off }", "192.0.2.1", "a@gone.example", NULL, 0, 0, NULL},
	{"sender { nonexistent_score = 7 }", "192.0.2.1", "a@gone.example", "nonexistent", 7, 0,
		NULL},
	{"sender { null_mx = score }", "192.0.2.1", "a@null.example", "null_mx", 3, 0, NULL},
	{"sender { null_mx = off }", "192.0.2.1", "a@null.example", NULL, 0, 0, NULL},
	{"sender { bogus_mx = refuse }", "192.0.2.1", "a@inside.example", NULL, 0, 550, "5.7.1"},
	{"sender { bogus_mx = off }", "192.0.2.1", "a@inside.example", NULL, 0, 0, NULL},
	{"sender { bogus_networks = {127.0.0.0/8} }", "192.0.2.1", "a@inside.example", NULL, 0, 0,
		NULL},
};

START_TEST(judges_the_domains_of_senders)
{
	use("sender_domain", senders[_i].settings);
	tell_client(senders[_i].client);
	tell_sender(senders[_i].sender);
	is_judged(senders[_i].result, senders[_i].score, senders[_i].code);
	if (senders[_i].status)
		ck_assert_str_eq(inquiry->verdict.status, senders[_i].status);
}
END_TEST

/* --- client_name --- */

static const struct {
	const char *settings;
	const char *client;
	const char *result;
	double score;
	int code;
} clients[] = {
	{"", "192.0.2.1", NULL, 0, 0},
	{"", "192.0.2.2", "unconfirmed", 0, 0},
	{"", "192.0.2.3", "missing", 0, 0},
	{"", "192.0.2.4", NULL, 0, 0},
	{"", "192.0.2.5", NULL, 0, 0},
	{"", "192.0.2.6", NULL, 0, 0},
	{"", "10.0.0.1", NULL, 0, 0},
	{"", "198.51.100.1", NULL, 0, 0},
	{"client_name { missing = score }", "192.0.2.3", "missing", 1, 0},
	{"client_name { missing = score missing_score = 2 }", "192.0.2.3", "missing", 2, 0},
	{"client_name { missing = refuse }", "192.0.2.3", NULL, 0, 550},
	{"client_name { missing = off }", "192.0.2.3", NULL, 0, 0},
	{"client_name { unconfirmed = refuse }", "192.0.2.2", NULL, 0, 550},
	{"client_name { unconfirmed = refuse }", "192.0.2.6", NULL, 0, 0},
	{"client_name { unconfirmed = score }", "192.0.2.2", "unconfirmed", 1, 0},
};

START_TEST(judges_the_names_of_clients)
{
	use("client_name", clients[_i].settings);
	tell_client(clients[_i].client);
	is_judged(clients[_i].result, clients[_i].score, clients[_i].code);
}
END_TEST

/* --- helo_name --- */

static const struct {
	const char *settings;
	const char *client;
	const char *name;
	const char *result;
	double score;
	int code;
} helos[] = {
	{"", "192.0.2.1", "mx.good.example", NULL, 0, 0},
	{"", "192.0.2.1", "six.example", NULL, 0, 0},
	{"", "192.0.2.1", "gone.example", "unresolved", 0, 0},
	{"", "192.0.2.1", "good.example", "unresolved", 0, 0},
	{"", "192.0.2.1", "broken.example", NULL, 0, 0},
	{"", "192.0.2.1", "dead.example", NULL, 0, 0},
	{"", "192.0.2.1", "dotless", NULL, 0, 0},
	{"", "192.0.2.1", "[192.0.2.1]", NULL, 0, 0},
	{"", "192.0.2.1", "192.0.2.1", NULL, 0, 0},
	{"", "192.0.2.1", "no name", NULL, 0, 0},
	{"", "10.0.0.1", "gone.example", NULL, 0, 0},
	{"helo { unresolved = score unresolved_score = 2 }", "192.0.2.1", "gone.example",
		"unresolved", 2, 0},
	{"helo { unresolved = refuse }", "192.0.2.1", "gone.example", NULL, 0, 550},
	{"helo { unresolved = off }", "192.0.2.1", "gone.example", NULL, 0, 0},
};

START_TEST(judges_what_clients_call_themselves)
{
	use("helo_name", helos[_i].settings);
	tell_client(helos[_i].client);
	facts_set_text(facts, FACT_HELO_NAME, helos[_i].name);
	is_judged(helos[_i].result, helos[_i].score, helos[_i].code);
}
END_TEST

/* --- dnsbl, dnswl --- */

#define ONE "dnsbl list.example { weight = 4 } "
#define TWO "dnsbl second.example { weight = 2 codes = {127.0.0.4 \"127.0.0.8-127.0.0.15=2.5\"} } "
#define WHITE "dnswl white.example { weight = 5 } "

static const struct {
	const char *settings;
	const char *client;
	const char *detail;
	double score;
	int code;
} listings[] = {
	{"", "192.0.2.1", NULL, 0, 0},
	{ONE, "192.0.2.1", "list.example (127.0.0.2)", 4, 0},
	{ONE TWO, "192.0.2.1", "list.example (127.0.0.2), second.example (127.0.0.10)", 6.5, 0},
	{ONE WHITE, "192.0.2.1", "list.example (127.0.0.2), white.example (127.0.0.5)", -1, 0},
	{ONE, "192.0.2.99", NULL, 0, 0},
	{ONE, "192.0.2.3", NULL, 0, 0}, /* 127.255.255.0/24 is never a listing */
	{ONE, "192.0.2.4", NULL, 0, 0},
	{ONE, "192.0.2.5", NULL, 0, 0},
	{ONE, "192.0.2.6", NULL, 0, 0},
	{ONE, "192.0.2.7", NULL, 0, 0},
	{ONE, "192.0.2.8", NULL, 0, 0},
	{ONE, "2001:db8::1", "list.example (127.0.0.3)", 4, 0},
	{ONE, "10.0.0.1", NULL, 0, 0},
	{ONE, "198.51.100.1", NULL, 0, 0},
	{"dnsbl list.example { codes = {127.0.0.2} }", "192.0.2.2", NULL, 0, 0},
	{"dnsbl LIST.example { action = monitor }", "192.0.2.2",
		"list.example (127.0.0.9, monitored)", 0, 0},
	{"dnsbl list.example { action = off }", "192.0.2.2", NULL, 0, 0},
	{"dnsbl list.example { action = refuse }", "192.0.2.2", NULL, 0, 550},
	{"dnsbl list.example { action = refuse }", "192.0.2.3", NULL, 0, 0},
	{TWO "dnsbl list.example { action = refuse }", "192.0.2.1", "second.example (127.0.0.10)",
		2.5, 550},
};

START_TEST(asks_lists_for_clients)
{
	use("dnsbl", listings[_i].settings);
	tell_client(listings[_i].client);
	tell_sender("a@bad.example");
	is_judged(listings[_i].detail ? "listed" : NULL, listings[_i].score, listings[_i].code);
	judge(STAGE_MAIL);
	if (listings[_i].detail)
		ck_assert_str_eq(inquiry->trace[0].detail, listings[_i].detail);
}
END_TEST

START_TEST(says_who_lists_the_client)
{
	use("dnsbl", "dnsbl list.example { action = refuse }");
	tell_client("192.0.2.2");
	judge(STAGE_RCPT);
	ck_assert_str_eq(inquiry->verdict.text,
		"192.0.2.2 is listed by list.example (127.0.0.9): ask there why");
	ck_assert_str_eq(inquiry->verdict.status, "5.7.1");
}
END_TEST

/* --- rhsbl --- */

static const struct {
	const char *settings;
	const char *client;
	const char *sender;
	const char *detail;
	double score;
	int code;
} domains[] = {
	{"rhsbl domains.example {}", "192.0.2.1", "a@bad.example", "domains.example (127.0.1.2)", 3,
		0},
	{"rhsbl domains.example {}", "192.0.2.1", "a@Bad.EXAMPLE", "domains.example (127.0.1.2)", 3,
		0},
	{"rhsbl domains.example {}", "192.0.2.1",
		"a@b\xc3\xbc"
		"cher.example",
		"domains.example (127.0.1.2)", 3, 0},
	{"rhsbl domains.example {}", "198.51.100.1", "a@bad.example", "domains.example (127.0.1.2)",
		3, 0},
	{"rhsbl domains.example {}", "192.0.2.1", "a@good.example", NULL, 0, 0},
	{"rhsbl domains.example {}", "192.0.2.1", "", NULL, 0, 0},
	{"rhsbl domains.example {}", "192.0.2.1", "a@[192.0.2.1]", NULL, 0, 0},
	{"rhsbl domains.example {}", "10.0.0.1", "a@bad.example", NULL, 0, 0},
	{"rhsbl domains.example { action = refuse }", "192.0.2.1", "a@bad.example", NULL, 0, 550},
	{"dnsbl domains.example {}", "192.0.2.1", "a@bad.example", NULL, 0, 0},
};

START_TEST(asks_lists_for_domains)
{
	use("rhsbl", domains[_i].settings);
	tell_client(domains[_i].client);
	tell_sender(domains[_i].sender);
	is_judged(domains[_i].detail ? "listed" : NULL, domains[_i].score, domains[_i].code);
}
END_TEST

/* A name that is longer than names can be is on no list. */
START_TEST(asks_no_list_for_what_is_too_long)
{
	char *domain = talloc_strdup(scratch, "x.example");

	while (strlen(domain) < 245)
		domain = talloc_asprintf(scratch, "aaa.%s", domain);
	use("rhsbl", "rhsbl domains.example {}");
	tell_client("192.0.2.1");
	tell_sender(talloc_asprintf(scratch, "a@%s", domain));
	is_judged(NULL, 0, 0);
	ck_assert_uint_eq(zone_asked(names_zone(names)), 0);
}
END_TEST

/* --- pregreet --- */

static const struct {
	const char *settings;
	const char *client;
	bool is_early;
	enum verdict_kind kind;
	int code;
} greeted[] = {
	{ONE, "192.0.2.1", true, VERDICT_DISCONNECT, 521},
	{ONE, "192.0.2.1", false, VERDICT_NONE, 0},
	{ONE, "192.0.2.99", true, VERDICT_NONE, 0},
	{ONE, "192.0.2.3", true, VERDICT_NONE, 0},
	{ONE, "192.0.2.6", true, VERDICT_NONE, 0},
	{"", "192.0.2.1", true, VERDICT_NONE, 0},
	{WHITE, "192.0.2.1", true, VERDICT_NONE, 0},
	{"dnsbl list.example { action = monitor }", "192.0.2.1", true, VERDICT_NONE, 0},
	{"dnsbl list.example { action = refuse }", "192.0.2.1", true, VERDICT_DISCONNECT, 521},
};

START_TEST(closes_on_who_is_early_and_listed)
{
	use("pregreet", greeted[_i].settings);
	tell_client(greeted[_i].client);
	facts_set_bool(facts, FACT_CLIENT_PREGREET, greeted[_i].is_early);
	judge(STAGE_CONNECT);
	ck_assert_int_eq(inquiry->verdict.kind, greeted[_i].kind);
	ck_assert_int_eq(inquiry->verdict.code, greeted[_i].code);
}
END_TEST

/* Without anybody to ask, nothing is known and nothing is held against anybody. */
START_TEST(says_nothing_without_a_name_server)
{
	static const char *const checks[] = {
		"sender_domain", "client_name", "helo_name", "dnsbl", "rhsbl"};

	inquiry = inquiry_new(scratch,
		judging_chain_of(scratch,
			talloc_asprintf(scratch, "%s %s checks { chain = %s }", SETTINGS,
				ONE "rhsbl domains.example {}", checks[_i]),
			(const struct check *const[]){NULL}, checks_table, NULL),
		facts);
	tell_client("192.0.2.3");
	tell_sender("a@gone.example");
	facts_set_text(facts, FACT_HELO_NAME, "gone.example");
	is_judged(NULL, 0, 0);
}
END_TEST

static Suite *checks_suite(void)
{
	Suite *suite = suite_create("dns_checks");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_loop_test(all, judges_the_domains_of_senders, 0, COUNT(senders));
	tcase_add_loop_test(all, judges_the_names_of_clients, 0, COUNT(clients));
	tcase_add_loop_test(all, judges_what_clients_call_themselves, 0, COUNT(helos));
	tcase_add_loop_test(all, asks_lists_for_clients, 0, COUNT(listings));
	tcase_add_test(all, says_who_lists_the_client);
	tcase_add_loop_test(all, asks_lists_for_domains, 0, COUNT(domains));
	tcase_add_test(all, asks_no_list_for_what_is_too_long);
	tcase_add_loop_test(all, closes_on_who_is_early_and_listed, 0, COUNT(greeted));
	tcase_add_loop_test(all, says_nothing_without_a_name_server, 0, 5);
	suite_add_tcase(suite, all);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(checks_suite());

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
