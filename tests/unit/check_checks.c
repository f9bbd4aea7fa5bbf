/* SPDX-License-Identifier: Apache-2.0 */
/* Each gate and check by a table of facts. No clock, no network, no chain: they are functions. */
#include "judging.h"

#include "policy/mail/address.h"

#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define SETTINGS                                                                                   \
	"hostname = mx.example.com "                                                               \
	"relay { domains = {example.com, .example.org, corp} networks = {10.0.0.0/8} } "           \
	"limits { message_size = 1M recipients = 3 hops = 10 }"

static void *scratch;
static struct facts *facts;
static struct inquiry *inquiry;

static void set_up(void)
{
	scratch = talloc_new(NULL);
	facts = facts_new(scratch, NULL);
	inquiry = inquiry_new(scratch, judging_chain(scratch, SETTINGS), facts);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

static void is_verdict(
	const struct verdict *verdict, int code, const char *status, const char *result)
{
	static const enum verdict_kind kinds[] = {VERDICT_NONE, VERDICT_NONE, VERDICT_NONE,
		VERDICT_NONE, VERDICT_TEMPFAIL, VERDICT_REJECT};

	ck_assert_int_eq(verdict->kind, kinds[code / 100]);
	ck_assert_int_eq(verdict->code, code);
	ck_assert_str_eq(verdict->status, status);
	ck_assert_pstr_eq(verdict->result, result);
	ck_assert(!code == !verdict->text);
}

START_TEST(has_a_sound_table)
{
	ck_assert_str_eq(checks_gates[0]->name, "relay");
	for (const struct check *const *check = checks_table; *check; check++) {
		ck_assert_ptr_nonnull((*check)->judge);
		ck_assert_ptr_nonnull((*check)->manual);
		ck_assert_uint_ne((*check)->stages, 0);
		ck_assert_uint_lt((*check)->stages, AT(STAGES));
	}
}
END_TEST

/* --- relay --- */

enum who { STRANGER, OURS, AUTHENTICATED, RELAY };

static void tell_who(enum who who)
{
	facts_set_bool(facts, FACT_CLIENT_TRUSTED, who == OURS);
	facts_set_bool(facts, FACT_CLIENT_AUTHENTICATED, who == AUTHENTICATED);
	facts_set_bool(facts, FACT_CLIENT_TRUSTED_RELAY, who == RELAY);
}

static const struct {
	enum who who;
	const char *path;
	int code;
	const char *result;
} recipients[] = {
	{STRANGER, "<user@example.com>", 0, "pass"},
	{STRANGER, "<user@EXAMPLE.COM>", 0, "pass"},
	{STRANGER, "user@example.com", 0, "pass"},
	{STRANGER, "<user@mail.example.org>", 0, "pass"},
	{STRANGER, "<\"john doe\"@example.com>", 0, "pass"},
	{STRANGER, "<user@corp>", 0, "pass"},
	{STRANGER, "<postmaster>", 0, "pass"},
	{STRANGER, "<PostMaster>", 0, "pass"},
	{STRANGER, "<postmaster@example.com>", 0, "pass"},
	{STRANGER, "<user@example.net>", 550, "foreign_domain"},
	{STRANGER, "<user@example.org>", 550, "foreign_domain"},
	{STRANGER, "<user@mail.example.com>", 550, "foreign_domain"},
	{STRANGER, "<user@xexample.com>", 550, "foreign_domain"},
	{STRANGER, "<user@example.com.evil.example>", 550, "foreign_domain"},
	{STRANGER, "<user@localhost>", 550, "foreign_domain"},
	{STRANGER, "<user@192.0.2.1>", 550, "foreign_domain"},
	{STRANGER, "<postmaster@example.net>", 550, "foreign_domain"},
	{STRANGER, "<abuse@example.net>", 550, "foreign_domain"},
	{STRANGER, "<user>", 550, "no_domain"},
	{STRANGER, "<abuse>", 550, "no_domain"},
	{STRANGER, "<user@[192.0.2.1]>", 550, "literal"},
	{STRANGER, "<postmaster@[192.0.2.1]>", 550, "literal"},
	{STRANGER, "<user%evil.example@example.com>", 550, "percent"},
	{STRANGER, "<\"user%evil.example\"@example.com>", 550, "percent"},
	{STRANGER, "<evil.example!user@example.com>", 550, "bang"},
	{STRANGER, "<\"user@evil.example\"@example.com>", 550, "at_inside"},
	{STRANGER, "<\"user@evil.example\">", 550, "at_inside"},
	{STRANGER, "<@evil.example:user@example.com>", 550, "source_route"},
	{OURS, "<user@example.net>", 0, "pass"},
	{OURS, "<user@[192.0.2.1]>", 0, "pass"},
	{OURS, "<@a.example:user@example.net>", 0, "pass"},
	{OURS, "<user%a.example@example.com>", 0, "pass"},
	{AUTHENTICATED, "<user@example.net>", 0, "pass"},
	{AUTHENTICATED, "<user>", 0, "pass"},
	{RELAY, "<user@example.com>", 0, "pass"},
	{RELAY, "<user@example.net>", 550, "foreign_domain"},
	{RELAY, "<user%a.example@example.com>", 550, "percent"},
};

START_TEST(relays)
{
	const char *reason;
	struct slice path = slice_of(recipients[_i].path);
	struct address *address = address_parse_path(scratch, &path, false, &reason);
	struct verdict verdict;

	ck_assert_ptr_nonnull(address);
	inquiry->stage = STAGE_RCPT;
	tell_who(recipients[_i].who);
	facts_set_text(facts, FACT_RECIPIENT, address->text);
	facts_set_text(facts, FACT_RECIPIENT_LOCAL, address->local);
	facts_set_text(facts, FACT_RECIPIENT_DOMAIN, address->domain);
	facts_set_number(facts, FACT_RECIPIENT_FORM, address->form);
	verdict = relay_check.judge(inquiry);
	is_verdict(&verdict, recipients[_i].code, recipients[_i].code ? "5.7.1" : "",
		recipients[_i].result);
}
END_TEST

START_TEST(names_the_domain_it_does_not_relay_for)
{
	inquiry->stage = STAGE_RCPT;
	facts_set_text(facts, FACT_RECIPIENT_DOMAIN, "example.net");
	ck_assert_str_eq(relay_check.judge(inquiry).text, "we do not relay mail for example.net");
}
END_TEST

/* A session that tells nothing is a stranger's, and the gate stays shut. */
START_TEST(relays_nothing_it_does_not_know)
{
	inquiry->stage = STAGE_RCPT;
	ck_assert_int_eq(relay_check.judge(inquiry).kind, VERDICT_REJECT);
}
END_TEST

/* --- helo --- */

static const struct {
	enum who who;
	const char *name, *server; /* NULL: not known */
	int code;
	const char *result;
} names[] = {
	{STRANGER, "client.example", "198.51.100.1", 0, "pass"},
	{STRANGER, "client_1.example", "198.51.100.1", 0, "pass"},
	{STRANGER, "[192.0.2.1]", "198.51.100.1", 0, "pass"},
	{STRANGER, "[IPv6:2001:db8::1]", "198.51.100.1", 0, "pass"},
	{STRANGER, "[ipv6:2001:db8::1]", "2001:db8::2", 0, "pass"},
	{STRANGER, "example.com", "198.51.100.1", 0, "pass"},
	{STRANGER, "a.mx.example.com", "198.51.100.1", 0, "pass"},
	{STRANGER, "mx.example.com", "198.51.100.1", 550, "our_name"},
	{STRANGER, "MX.Example.COM", "198.51.100.1", 550, "our_name"},
	{STRANGER, "mx.example.com.", NULL, 550, "our_name"},
	{STRANGER, "[198.51.100.1]", "198.51.100.1", 550, "our_address"},
	{STRANGER, "198.51.100.1", "198.51.100.1", 550, "our_address"},
	{STRANGER, "[IPv6:2001:DB8:0::2]", "2001:db8::2", 550, "our_address"},
	{STRANGER, "[IPv6:::ffff:198.51.100.1]", "198.51.100.1", 550, "our_address"},
	{STRANGER, "[198.51.100.1]", NULL, 0, "pass"},
	{STRANGER, "[192.0.2.10]", "192.0.2.10", 0, "pass"}, /* this machine */
	{STRANGER, "mx.example.com", "192.0.2.10", 0, "pass"},
	{STRANGER, "198.51.100.2", "198.51.100.1", 0, "bad_literal"},
	{STRANGER, "2001:db8::1", "198.51.100.1", 0, "bad_literal"},
	{STRANGER, "[2001:db8::1]", "198.51.100.1", 0, "bad_literal"},
	{STRANGER, "[2001:db8::2]", "2001:db8::2", 550, "our_address"},
	{STRANGER, "[IPv6:192.0.2.1]", "198.51.100.1", 0, "bad_literal"},
	{STRANGER, "[192.0.2]", "198.51.100.1", 0, "bad_name"},
	{STRANGER, "[192.0.2.1", "198.51.100.1", 0, "bad_name"},
	{STRANGER, "[]", "198.51.100.1", 0, "bad_name"},
	{STRANGER, "[", "198.51.100.1", 0, "bad_name"},
	{STRANGER, "-x.example", "198.51.100.1", 0, "bad_name"},
	{STRANGER, "a..example", "198.51.100.1", 0, "bad_name"},
	{STRANGER, ".", "198.51.100.1", 0, "bad_name"},
	{STRANGER, "caf\xc3\xa9.example", "198.51.100.1", 0, "bad_name"},
	{STRANGER, "localhost", "198.51.100.1", 0, "dotless"},
	{OURS, "mx.example.com", "198.51.100.1", 0, "pass"},
	{AUTHENTICATED, "[198.51.100.1]", "198.51.100.1", 0, "pass"},
	{RELAY, "mx.example.com", "198.51.100.1", 0, "pass"},
};

START_TEST(judges_helo)
{
	struct verdict verdict;
	struct ip server;

	inquiry->stage = STAGE_HELO;
	tell_who(names[_i].who);
	facts_set_ip(facts, FACT_CLIENT_IP, &(struct ip){4, {192, 0, 2, 10}});
	facts_set_text(facts, FACT_HELO_NAME, names[_i].name);
	if (names[_i].server) {
		ck_assert(ip_parse(slice_of(names[_i].server), &server));
		facts_set_ip(facts, FACT_SERVER_IP, &server);
	}
	verdict = helo_check.judge(inquiry);
	is_verdict(&verdict, names[_i].code, names[_i].code ? "5.7.1" : "", names[_i].result);
	ck_assert_double_eq(verdict.score, 0);
}
END_TEST

/* --- pregreet --- */

START_TEST(judges_early_birds)
{
	struct verdict verdict;

	inquiry->stage = STAGE_RCPT;
	verdict = pregreet_check.judge(inquiry);
	ck_assert_uint_eq(verdict.kind, VERDICT_NONE);
	facts_set_bool(facts, FACT_CLIENT_PREGREET, false);
	verdict = pregreet_check.judge(inquiry);
	ck_assert_uint_eq(verdict.kind, VERDICT_NONE);
	facts_set_bool(facts, FACT_CLIENT_PREGREET, true);
	verdict = pregreet_check.judge(inquiry);
	is_verdict(&verdict, 450, "4.7.1", "early");
	ck_assert_double_eq(verdict.score, 2);
}
END_TEST

/* --- sender --- */

static const struct {
	enum who who;
	const char *path;
	double score;
	const char *result;
	bool is_ours; /* refused at rcpt when the settings say so */
} senders[] = {
	{STRANGER, "<>", 0, "pass", false},
	{STRANGER, "<a@example.net>", 0, "pass", false},
	{STRANGER, "<a%b@example.net>", 0, "pass", false},
	{STRANGER, "<a@mail.example.com>", 0, "pass", false},
	{STRANGER, "<a>", 3, "no_domain", false},
	{STRANGER, "<a@localhost>", 3, "dotless", false},
	{STRANGER, "<a@[192.0.2.1]>", 1, "literal", false},
	{STRANGER, "<@x.example:a@example.net>", 0, "source_route", false},
	{STRANGER,
		"<aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg@example.net>",
		0, "long", false},
	{STRANGER, "<a@example.com>", 0, "own_domain", true},
	{STRANGER, "<a@EXAMPLE.com>", 0, "own_domain", true},
	{STRANGER, "<a@mail.example.org>", 0, "own_domain", true},
	{STRANGER, "<a@corp>", 0, "own_domain", true},
	{STRANGER, "<postmaster@example.com>", 0, "own_domain", true},
	{OURS, "<a@example.com>", 0, "pass", false},
	{OURS, "<root>", 0, "pass", false},
	{AUTHENTICATED, "<a@example.com>", 0, "pass", false},
	{RELAY, "<a@example.com>", 0, NULL, false},
	{RELAY, "<a@localhost>", 3, "dotless", false},
};

static void tell_sender(const char *path)
{
	const char *reason;
	struct slice text = slice_of(path);
	struct address *address = address_parse_path(scratch, &text, true, &reason);

	ck_assert_ptr_nonnull(address);
	facts_set_text(facts, FACT_SENDER, address->text);
	facts_set_text(facts, FACT_SENDER_DOMAIN, address->domain);
	facts_set_number(facts, FACT_SENDER_FORM, address->form);
	facts_set_bool(facts, FACT_SENDER_IS_NULL, address_is_null(address));
}

START_TEST(judges_senders)
{
	struct verdict verdict;

	tell_who(senders[_i].who);
	tell_sender(senders[_i].path);
	inquiry->stage = STAGE_MAIL;
	verdict = sender_check.judge(inquiry);
	is_verdict(&verdict, 0, "", senders[_i].result);
	ck_assert_double_eq(verdict.score, senders[_i].score);
	inquiry->stage = STAGE_RCPT;
	verdict = sender_check.judge(inquiry);
	is_verdict(&verdict, 0, "", NULL);
}
END_TEST

START_TEST(refuses_our_senders_when_told)
{
	struct verdict verdict;

	inquiry = inquiry_new(
		scratch, judging_chain(scratch, SETTINGS " sender { own_domain = refuse }"), facts);
	tell_who(senders[_i].who);
	tell_sender(senders[_i].path);
	inquiry->stage = STAGE_MAIL;
	verdict = sender_check.judge(inquiry);
	is_verdict(&verdict, 0, "", senders[_i].is_ours ? NULL : senders[_i].result);
	inquiry->stage = STAGE_RCPT;
	verdict = sender_check.judge(inquiry);
	is_verdict(&verdict, senders[_i].is_ours ? 550 : 0, senders[_i].is_ours ? "5.7.1" : "",
		senders[_i].is_ours ? "own_domain" : NULL);
}
END_TEST

/* --- recipients there are --- */

enum answer { UNASKED, LISTED, UNLISTED, NO_LIST };

static const struct {
	const char *settings;
	enum who who;
	const char *domain;
	enum answer answer;
	int tried; /* recipients that do not exist, within the minute */
	bool refused_before;
	int code;
	const char *result;
} known[] = {
	{"", STRANGER, "example.com", UNASKED, 0, false, 0, NULL},
	{"", STRANGER, "example.com", UNLISTED, 0, false, 0, NULL},
	{"", STRANGER, "example.com", UNASKED, 10, true, 0, NULL},
	{"", STRANGER, "example.com", UNASKED, 11, false, 0, NULL},
	{"", STRANGER, "example.com", UNASKED, 11, true, 550, "refused_before"},
	{"", RELAY, "example.com", UNASKED, 11, true, 550, "refused_before"},
	{"", OURS, "example.com", UNASKED, 11, true, 0, NULL},
	{"", OURS, "elsewhere.example", UNASKED, 11, true, 0, NULL},
	{"source = file", STRANGER, "example.com", LISTED, 0, false, 0, "pass"},
	{"source = file", STRANGER, "example.com", LISTED, 11, true, 550, "refused_before"},
	{"source = file", STRANGER, "example.com", UNLISTED, 0, false, 550, "unknown"},
	{"source = ldap", OURS, "example.com", UNLISTED, 0, false, 550, "unknown"},
	{"source = ldap", AUTHENTICATED, "x.example.org", UNLISTED, 0, false, 550, "unknown"},
	{"source = ldap", OURS, "elsewhere.example", UNLISTED, 0, false, 0, NULL},
	{"source = file", STRANGER, "example.com", NO_LIST, 0, false, 0, "pass"},
	{"source = file domains = .example.org", STRANGER, "example.com", UNLISTED, 0, false, 0,
		NULL},
	{"source = file domains = .example.org", STRANGER, "x.example.org", UNLISTED, 0, false, 550,
		"unknown"},
};

static void tell_answer(enum answer answer)
{
	if (answer == NO_LIST)
		facts_set_absent(facts, FACT_RECIPIENT_KNOWN);
	else if (answer != UNASKED)
		facts_set_bool(facts, FACT_RECIPIENT_KNOWN, answer == LISTED);
}

START_TEST(knows_recipients)
{
	inquiry = inquiry_new(scratch,
		judging_chain(scratch,
			talloc_asprintf(scratch,
				SETTINGS " recipients { file = /nonexistent/list %s }",
				known[_i].settings)),
		facts);
	inquiry->stage = STAGE_RCPT;
	tell_who(known[_i].who);
	tell_answer(known[_i].answer);
	facts_set_text(facts, FACT_RECIPIENT_DOMAIN, known[_i].domain);
	facts_set_number(facts, FACT_CLIENT_UNKNOWN_RECIPIENTS, known[_i].tried);
	facts_set_bool(facts, FACT_RECIPIENT_REFUSED_BEFORE, known[_i].refused_before);
	struct verdict verdict = recipient_check.judge(inquiry);
	is_verdict(&verdict, known[_i].code, known[_i].code ? "5.1.1" : "", known[_i].result);
}
END_TEST

START_TEST(asks_for_the_list)
{
	inquiry = inquiry_new(scratch,
		judging_chain(scratch, SETTINGS " recipients { source = file file = /x }"), facts);
	inquiry->stage = STAGE_RCPT;
	facts_set_text(facts, FACT_RECIPIENT_DOMAIN, "example.com");
	ck_assert_int_eq(recipient_check.judge(inquiry).kind, VERDICT_UNKNOWN);
}
END_TEST

/* --- limits --- */

static const struct {
	enum stage stage;
	int64_t size; /* -1: not told */
	int code;
	const char *result;
} sizes[] = {
	{STAGE_MAIL, -1, 0, NULL},
	{STAGE_MAIL, 0, 0, NULL},
	{STAGE_MAIL, 1048576, 0, NULL},
	{STAGE_MAIL, 1048577, 552, NULL},
	{STAGE_MAIL, INT64_MAX, 552, NULL},
	{STAGE_MESSAGE, 1048576, 0, "pass"},
	{STAGE_MESSAGE, 1048577, 552, NULL},
};

START_TEST(limits_size)
{
	struct verdict verdict;

	inquiry->stage = sizes[_i].stage;
	if (sizes[_i].size >= 0)
		facts_set_number(facts,
			sizes[_i].stage == STAGE_MAIL ? FACT_SIZE : FACT_MESSAGE_SIZE,
			sizes[_i].size);
	verdict = size_check.judge(inquiry);
	is_verdict(&verdict, sizes[_i].code, sizes[_i].code ? "5.3.4" : "", sizes[_i].result);
}
END_TEST

static const struct {
	int64_t count;
	int code;
} counts[] = {{0, 0}, {2, 0}, {3, 452}, {4, 452}};

START_TEST(limits_recipients)
{
	struct verdict verdict;

	inquiry->stage = STAGE_RCPT;
	facts_set_number(facts, FACT_RECIPIENT_COUNT, counts[_i].count);
	verdict = recipients_check.judge(inquiry);
	is_verdict(&verdict, counts[_i].code, counts[_i].code ? "4.5.3" : "", NULL);
}
END_TEST

static const struct {
	int64_t hops;
	int code;
} hops[] = {{0, 0}, {10, 0}, {11, 554}};

START_TEST(limits_hops)
{
	struct verdict verdict;

	inquiry->stage = STAGE_MESSAGE;
	facts_set_number(facts, FACT_RECEIVED_COUNT, hops[_i].hops);
	verdict = hops_check.judge(inquiry);
	is_verdict(&verdict, hops[_i].code, hops[_i].code ? "5.4.6" : "",
		hops[_i].code ? NULL : "pass");
}
END_TEST

/* --- headers --- */

static const struct {
	enum who who;
	unsigned anomalies;
	int code;
	double score;
	const char *result, *detail;
} anomalies[] = {
	{STRANGER, 0, 0, 0, "pass", NULL},
	{STRANGER, HEADER_MISSING_DATE, 0, 1, "missing_date", "no Date"},
	{STRANGER, HEADER_MISSING_MESSAGE_ID, 0, 1, "missing_message_id", "no Message-ID"},
	{STRANGER, HEADER_MISSING_FROM, 0, 3, "missing_from", "no From"},
	{STRANGER, HEADER_MISSING_DATE | HEADER_MISSING_MESSAGE_ID | HEADER_MISSING_FROM, 0, 5,
		"missing_from", "no From, no Date, no Message-ID"},
	{STRANGER, HEADER_REPEATED_FIELD, 0, 0, "repeated_field",
		"a field that may stand once stands twice"},
	{STRANGER, HEADER_SEVERAL_FROM, 0, 0, "several_from", "several addresses in From"},
	{STRANGER, HEADER_SEVERAL_FROM | HEADER_MISSING_SENDER, 0, 3, "missing_sender",
		"several addresses in From and no Sender (RFC 5322 section 3.6.2), "
		"several addresses in From"},
	{STRANGER, HEADER_MISLEADING_FROM, 0, 2, "misleading_from",
		"another address before the one in < > of From"},
	{STRANGER, HEADER_MANY_ADDRESSES, 0, 0, "many_addresses", "thousands of addresses"},
	{STRANGER, HEADER_TOO_LONG, 0, 0, "too_long", "a very long header"},
	{STRANGER, HEADER_TOO_LARGE | HEADER_TOO_LONG, 552, 0, "too_large", NULL},
	{RELAY, HEADER_MISSING_FROM, 0, 3, "missing_from", "no From"},
	{RELAY, HEADER_REPEATED_FROM, 550, 0, "repeated_from", NULL},
	{OURS, HEADER_TOO_LARGE, 0, 0, "pass", "of our own"},
	{STRANGER, HEADER_REPEATED_FROM, 550, 0, "repeated_from", NULL},
	{STRANGER, HEADER_UNREADABLE_FROM, 550, 0, "unreadable_from", NULL},
	{STRANGER, HEADER_UNREADABLE_FROM | HEADER_MISSING_DATE, 550, 0, "unreadable_from", NULL},
	{OURS, HEADER_REPEATED_FROM, 0, 0, "pass", "of our own"},
	{OURS, HEADER_MISSING_DATE | HEADER_MISSING_FROM, 0, 0, "pass", "of our own"},
	{AUTHENTICATED, HEADER_UNREADABLE_FROM, 0, 0, "pass", "of our own"},
};

START_TEST(scores_headers)
{
	struct verdict verdict;

	inquiry->stage = STAGE_MESSAGE;
	tell_who(anomalies[_i].who);
	facts_set_number(facts, FACT_HEADER_ANOMALIES, anomalies[_i].anomalies);
	verdict = headers_check.judge(inquiry);
	is_verdict(&verdict, anomalies[_i].code,
		anomalies[_i].code == 552    ? "5.3.4"
			: anomalies[_i].code ? "5.7.1"
					     : "",
		anomalies[_i].result);
	ck_assert_double_eq(verdict.score, anomalies[_i].score);
	ck_assert_pstr_eq(verdict.detail, anomalies[_i].detail);
}
END_TEST

/* --- all of them --- */

static const struct check *const askers[] = {&headers_check, &hops_check};

START_TEST(asks_for_what_it_needs)
{
	inquiry->stage = STAGE_MESSAGE;
	ck_assert_int_eq(askers[_i]->judge(inquiry).kind, VERDICT_UNKNOWN);
}
END_TEST

START_TEST(lets_pass_what_cannot_be_known)
{
	inquiry->stage = STAGE_MESSAGE;
	facts_set_failed(facts, FACT_HEADER_ANOMALIES, "x");
	facts_set_failed(facts, FACT_RECEIVED_COUNT, "x");
	ck_assert_int_eq(askers[_i]->judge(inquiry).kind, VERDICT_NONE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("checks");
	TCase *cases = tcase_create("checks");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, has_a_sound_table);
	tcase_add_loop_test(cases, relays, 0, COUNT(recipients));
	tcase_add_test(cases, names_the_domain_it_does_not_relay_for);
	tcase_add_test(cases, relays_nothing_it_does_not_know);
	tcase_add_loop_test(cases, judges_helo, 0, COUNT(names));
	tcase_add_loop_test(cases, judges_senders, 0, COUNT(senders));
	tcase_add_loop_test(cases, refuses_our_senders_when_told, 0, COUNT(senders));
	tcase_add_loop_test(cases, knows_recipients, 0, COUNT(known));
	tcase_add_test(cases, asks_for_the_list);
	tcase_add_loop_test(cases, limits_size, 0, COUNT(sizes));
	tcase_add_loop_test(cases, limits_recipients, 0, COUNT(counts));
	tcase_add_test(cases, judges_early_birds);
	tcase_add_loop_test(cases, limits_hops, 0, COUNT(hops));
	tcase_add_loop_test(cases, scores_headers, 0, COUNT(anomalies));
	tcase_add_loop_test(cases, asks_for_what_it_needs, 0, COUNT(askers));
	tcase_add_loop_test(cases, lets_pass_what_cannot_be_known, 0, COUNT(askers));
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
