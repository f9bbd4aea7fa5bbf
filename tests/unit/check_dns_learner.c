/* SPDX-License-Identifier: Apache-2.0 */
/* Facts of the DNS and what follows from them, learnt from a table of answers. */
#include "judging.h"

#include "base/loop.h"
#include "policy/dns_learner.h"
#include "tests/fakes/names.h"

#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define SETTINGS "hostname = mx.example.com relay { domains = {example.com} } "
#define TIMEOUT 5000
#define JUDGE_TIMEOUT 60000

static const char zone[] = "example.net   MX 10 mx.example.net\n"
			   "example.net   MX 5 mx2.example.net\n"
			   "mx.example.net A 192.0.2.1\n"
			   "mx.example.net AAAA 2001:db8::1\n"
			   "null.example  MX 0 .\n"
			   "odd.example   MX 10 a\\013b.example\n"
			   "odd.example   TXT \"line\\013\\010RSET\\000\"\n"
			   "broken.example does servfail\n"
			   "*.dead.example does silence\n"
			   "late.example  does delay 1\n"
			   "late.example  A 192.0.2.7\n"
			   "xn--bcher-kva.example A 192.0.2.8\n"
			   /* clients */
			   "1.2.0.192.in-addr.arpa PTR other.example.net\n"
			   "1.2.0.192.in-addr.arpa PTR mx.example.net\n"
			   "other.example.net A 192.0.2.99\n"
			   "2.2.0.192.in-addr.arpa PTR other.example.net\n"
			   "3.2.0.192.in-addr.arpa PTR nowhere.example\n"
			   "4.2.0.192.in-addr.arpa PTR evil\\013\\010.example\n"
			   "5.2.0.192.in-addr.arpa PTR broken.example\n"
			   "6.2.0.192.in-addr.arpa does servfail\n"
			   "7.2.0.192.in-addr.arpa PTR late.example\n"
			   "8.2.0.192.in-addr.arpa PTR a.dead.example\n"
			   "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6."
			   "arpa PTR mx.example.net\n"
			   "9.2.0.192.in-addr.arpa PTR broken.example\n"
			   "9.2.0.192.in-addr.arpa PTR nine.example\n"
			   "nine.example A 192.0.2.9\n";

static void *scratch;
static struct loop *loop;
static struct names *names;
static struct dns *dns;
static struct facts *facts;
static struct inquiry *inquiry;
static struct await caller;
static struct question question;

static void on_woken(void *owner)
{
	(void)owner;
}

static struct verdict judge_asker(struct inquiry *asker)
{
	struct value value;

	if (inquiry_ask_of(asker, question.fact, question.argument, &value) == FACT_UNKNOWN)
		return verdict_unknown();
	return verdict_none();
}

static const struct check asker_check = {
	"asker", AT(STAGE_MAIL), judge_asker, "", .is_limit = false};
static const struct check *const no_gates[] = {NULL};
static const struct check *const checks[] = {&asker_check, NULL};

static void set_up(void)
{
	struct learner learners[LEARNERS] = {{NULL, NULL}};
	const char *bad;

	scratch = talloc_new(NULL);
	loop = loop_new(scratch);
	clock_move(loop->clock, 0);
	names = names_new(scratch);
	bad = zone_add(names_zone(names), zone);
	ck_assert_msg(!bad, "%s", bad);
	dns = dns_new(
		scratch, loop->clock, names_resolver(names), (struct dns_limits){TIMEOUT, 10});
	learners[LEARNER_DNS] = dns_learner(dns);
	facts = facts_new(scratch, NULL);
	inquiry = inquiry_new(scratch,
		judging_chain_of(
			scratch, SETTINGS "checks { chain = asker }", no_gates, checks, learners),
		facts);
	await_init(&caller, loop->clock, on_woken, NULL);
}

static void tear_down(void)
{
	await_cancel(&caller);
	talloc_free(inquiry);
	talloc_free(dns);
	talloc_free(scratch);
}

static void begin(const char *text)
{
	bool good = fact_parse_question(scratch, text, &question);

	ck_assert_msg(good, "%s", text);
	inquiry_begin_judging(inquiry, STAGE_MAIL, loop->clock, JUDGE_TIMEOUT, &caller);
}

static char *learn(const char *text)
{
	begin(text);
	for (int i = 0; i < 5 && caller.pending; i++) {
		names_answer_late_ones(names);
		if (caller.pending)
			clock_move(loop->clock, TIMEOUT);
	}
	ck_assert(!caller.pending);
	return facts_print_answer(scratch, facts, &question);
}

static const struct {
	const char *question;
	const char *answer;
} rows[] = {
	{"dns.a(mx.example.net)", "192.0.2.1"},
	{"dns.a(MX.Example.NET)", "192.0.2.1"},
	{"dns.aaaa(mx.example.net)", "2001:db8::1"},
	{"dns.mx(example.net)", "10 mx.example.net, 5 mx2.example.net"},
	{"dns.mx(null.example)", "0 ."},
	{"dns.mx(mx.example.net)", ""},
	{"dns.mx(nobody.example)", "absent"},
	{"dns.mx(odd.example)", "failed: the names in the answer are no host names"},
	{"dns.txt(odd.example)", "line\r\nRSET\x7f"},
	{"dns.a(b\xc3\xbc"
	 "cher.example)",
		"192.0.2.8"},
	{"dns.a(\xff.example)", "absent"},
	{"dns.a()", "absent"},
	{"dns.a(broken.example)", "failed: the name servers cannot find out (SERVFAIL)"},
	{"dns.a(x.dead.example)", "failed: no answer from the name servers in time"},
	{"dns.a(late.example)", "192.0.2.7"},
	{"dns.ptr(192.0.2.1)", "other.example.net, mx.example.net"},
	{"dns.ptr(2001:db8::1)", "mx.example.net"},
	{"dns.ptr(192.0.2.77)", "absent"},
	{"dns.ptr(192.0.2.4)", "failed: the names in the answer are no host names"},
	{"dns.ptr(nonsense)", "absent"},
};

START_TEST(learns_what_name_servers_say)
{
	ck_assert_str_eq(learn(rows[_i].question), rows[_i].answer);
}
END_TEST

static const struct {
	const char *client;
	const char *ptr;
	const char *name;
} clients[] = {
	{"192.0.2.1", "other.example.net, mx.example.net", "mx.example.net"},
	{"2001:db8::1", "mx.example.net", "mx.example.net"},
	{"192.0.2.2", "other.example.net", "absent"},
	{"192.0.2.3", "nowhere.example", "absent"},
	{"192.0.2.4", "failed: the names in the answer are no host names",
		"failed: the names in the answer are no host names"},
	{"192.0.2.5", "broken.example", "failed: the name servers cannot find out (SERVFAIL)"},
	{"192.0.2.6", "failed: the name servers cannot find out (SERVFAIL)",
		"failed: the name servers cannot find out (SERVFAIL)"},
	{"192.0.2.7", "late.example", "late.example"},
	{"192.0.2.8", "a.dead.example", "failed: no answer from the name servers in time"},
	{"192.0.2.9", "broken.example, nine.example", "nine.example"},
	{"192.0.2.200", "absent", "absent"},
};

START_TEST(derives_the_names_of_the_client)
{
	struct ip ip;
	bool good = ip_parse(slice_of(clients[_i].client), &ip);

	ck_assert(good);
	facts_set_ip(facts, FACT_CLIENT_IP, &ip);
	ck_assert_str_eq(learn("client.name"), clients[_i].name);
	ck_assert_str_eq(learn("client.ptr"), clients[_i].ptr);
}
END_TEST

START_TEST(without_an_address_there_is_no_name)
{
	ck_assert_str_eq(learn("client.name"), "absent");
	ck_assert_str_eq(learn("client.ptr"), "absent");
}
END_TEST

/* What is of the session stays with it when the transaction has gone, with all that it borrows. */
START_TEST(keeps_names_in_the_session)
{
	struct facts *of_transaction = facts_new(scratch, facts);
	struct ip ip;
	bool good = ip_parse(slice_of("192.0.2.1"), &ip);

	ck_assert(good);
	facts_set_ip(facts, FACT_CLIENT_IP, &ip);
	inquiry->facts = of_transaction;
	learn("client.name");
	inquiry->facts = facts;
	talloc_free(of_transaction);
	ck_assert_str_eq(facts_print(scratch, facts, FACT_CLIENT_NAME), "mx.example.net");
}
END_TEST

START_TEST(keeps_few_names_of_many)
{
	struct ip ip;
	bool good = ip_parse(slice_of("192.0.2.250"), &ip);

	ck_assert(good);
	for (int i = 0; i < 50; i++)
		ck_assert_ptr_null(zone_add(names_zone(names),
			talloc_asprintf(scratch,
				"250.2.0.192.in-addr.arpa PTR n%d.example\nn%d.example A "
				"192.0.2.%d",
				i, i, i == 4 ? 250 : 1)));
	facts_set_ip(facts, FACT_CLIENT_IP, &ip);
	ck_assert_str_eq(learn("client.name"), "n4.example");
	ck_assert_str_eq(learn("client.ptr"),
		"n0.example, n1.example, n2.example, n3.example, n4.example, n5.example, "
		"n6.example, n7.example, n8.example, n9.example");
	ck_assert_uint_eq(zone_asked(names_zone(names)), 6);
}
END_TEST

/* Told facts are not asked for. */
START_TEST(derives_from_what_was_told)
{
	const char *ptr[] = {"told.example"}, *a[] = {"192.0.2.1"};
	struct ip ip;
	bool good = ip_parse(slice_of("192.0.2.1"), &ip);

	ck_assert(good);
	facts_set_ip(facts, FACT_CLIENT_IP, &ip);
	facts_answer(facts, &(struct question){FACT_DNS_PTR, "192.0.2.1"}, FACT_KNOWN,
		(struct value){.type = VALUE_TEXTS, .texts = {ptr, 1}});
	facts_answer(facts, &(struct question){FACT_DNS_A, "told.example"}, FACT_KNOWN,
		(struct value){.type = VALUE_TEXTS, .texts = {a, 1}});
	ck_assert_str_eq(learn("client.name"), "told.example");
	ck_assert_uint_eq(zone_asked(names_zone(names)), 0);
}
END_TEST

START_TEST(can_be_cancelled)
{
	begin("dns.a(x.dead.example)");
	ck_assert(caller.pending);
	await_cancel(&caller);
	clock_move(loop->clock, 2 * TIMEOUT);
	ck_assert_str_eq(facts_print_answer(scratch, facts, &question), "unknown");
}
END_TEST

static Suite *learner_suite(void)
{
	Suite *suite = suite_create("dns_learner");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_loop_test(all, learns_what_name_servers_say, 0, COUNT(rows));
	tcase_add_loop_test(all, derives_the_names_of_the_client, 0, COUNT(clients));
	tcase_add_test(all, without_an_address_there_is_no_name);
	tcase_add_test(all, keeps_names_in_the_session);
	tcase_add_test(all, keeps_few_names_of_many);
	tcase_add_test(all, derives_from_what_was_told);
	tcase_add_test(all, can_be_cancelled);
	suite_add_tcase(suite, all);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(learner_suite());

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
