/* SPDX-License-Identifier: Apache-2.0 */
/* What the store tells the judge: known-good clients and domains, greylisting, rates; and when it tells nothing. */
#include "judging.h"

#include "base/log.h"
#include "base/loop.h"
#include "policy/dynamic_name.h"
#include "policy/greylist.h"
#include "policy/known_good.h"
#include "policy/mail/address.h"
#include "policy/rates.h"
#include "policy/spf.h"
#include "policy/store_learner.h"
#include "tests/fakes/shelf.h"

#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define SETTINGS                                                                                   \
	"hostname = mx.example.com relay { domains = {example.com} networks = {10.0.0.0/8} } "     \
	"trusted_relays = {198.51.100.1} "
#define DAY INT64_C(86400000)
#define HOUR INT64_C(3600000)

static void *scratch;
static struct loop *loop;
static struct shelf *shelf;
static struct facts *facts;
static struct inquiry *inquiry;
static struct await caller;

static void on_woken(void *owner)
{
	(void)owner;
}

static void on_log(const char *line, void *owner)
{
	(void)line;
	(void)owner;
}

static void set_up(void)
{
	log_capture(on_log, NULL);
	scratch = talloc_new(NULL);
	loop = loop_new(scratch);
	clock_move(loop->clock, 0);
	shelf = shelf_new(scratch, loop->clock);
	await_init(&caller, loop->clock, on_woken, NULL);
	inquiry = NULL;
}

static void tear_down(void)
{
	await_cancel(&caller);
	talloc_free(inquiry);
	talloc_free(scratch);
	log_capture(NULL, NULL);
}

static void use_store(const char *check, const char *settings, struct store *store)
{
	struct learner learners[LEARNERS] = {{NULL, NULL}};

	learners[LEARNER_STORE] = store_learner(store);
	talloc_free(inquiry);
	facts = facts_new(scratch, NULL);
	inquiry = inquiry_new(scratch,
		judging_chain_of(scratch,
			talloc_asprintf(
				scratch, "%s %s checks { chain = %s }", SETTINGS, settings, check),
			(const struct check *const[]){NULL}, checks_table, learners),
		facts);
}

static void use(const char *check, const char *settings)
{
	use_store(check, settings, shelf->store);
}

static void tell_client(const char *client)
{
	struct ip ip, relay;
	bool good = ip_parse(slice_of(client), &ip) && ip_parse(slice_of("198.51.100.1"), &relay);

	ck_assert(good);
	facts_set_ip(facts, FACT_CLIENT_IP, &ip);
	facts_set_ip(facts, FACT_ORIGIN_IP, &ip);
	facts_set_bool(facts, FACT_CLIENT_TRUSTED, ip.bytes[0] == 10);
	facts_set_bool(facts, FACT_CLIENT_TRUSTED_RELAY, ip_equals(&ip, &relay));
}

static void tell_sender(const char *sender, const char *spf, const char *identity)
{
	struct address *address = *sender ? address_parse(scratch, slice_of(sender)) : NULL;

	facts_set_text(facts, FACT_SENDER, sender);
	facts_set_text(facts, FACT_SENDER_DOMAIN, address ? address->domain : "");
	facts_set_bool(facts, FACT_SENDER_IS_NULL, !address);
	facts_forget(facts, FACT_SPF_RESULT);
	if (spf)
		facts_set_number(facts, FACT_SPF_RESULT, vocabulary_index(spf_result_names, spf));
	else
		facts_set_absent(facts, FACT_SPF_RESULT);
	facts_set_text(facts, FACT_SPF_IDENTITY, identity);
}

static void tell_recipient(const char *recipient)
{
	facts_forget_recipient(facts);
	facts_set_text(facts, FACT_RECIPIENT, recipient);
}

static void judge(enum stage stage)
{
	inquiry_begin_judging(inquiry, stage, loop->clock, 60000, &caller);
	for (int i = 0; i < 10 && caller.pending; i++)
		clock_move(loop->clock, 500);
	ck_assert(!caller.pending);
}

/* Asks as a check would, until it is known. */
static enum fact_state ask(
	enum stage stage, enum fact fact, const char *argument, struct value *value)
{
	const struct learner *learner = chain_learner(inquiry->chain, LEARNER_STORE);
	enum fact_state state;

	inquiry->stage = stage;
	TALLOC_FREE(inquiry->wanted);
	state = inquiry_ask_of(inquiry, fact, argument, value);
	if (state != FACT_UNKNOWN || !inquiry->wanted)
		return state;
	learner->begin(learner->owner, inquiry, &inquiry->wanted[0], &caller);
	for (int i = 0; i < 10 && caller.pending; i++)
		clock_move(loop->clock, 500);
	TALLOC_FREE(inquiry->wanted);
	return inquiry_ask_of(inquiry, fact, argument, value);
}

/* --- rates --- */

static int64_t rate(enum stage stage, const char *argument)
{
	struct value value;

	facts_forget_recipient(facts);
	ck_assert_int_eq(ask(stage, FACT_RATE, argument, &value), FACT_KNOWN);
	return value.number;
}

START_TEST(rate_counts_each_stage)
{
	struct value value;

	use("rate", "");
	ck_assert_int_eq(rate(STAGE_RCPT, "192.0.2.1, 1h"), 1);
	ck_assert_int_eq(ask(STAGE_RCPT, FACT_RATE, "192.0.2.1, 1h", &value), FACT_KNOWN);
	ck_assert_int_eq(value.number, 1);
	ck_assert_int_eq(rate(STAGE_RCPT, "192.0.2.1, 1h"), 2);
	ck_assert_int_eq(rate(STAGE_MAIL, "192.0.2.1, 1h"), 1);
	ck_assert_int_eq(rate(STAGE_RCPT, "192.0.2.1, 2h"), 1);
	ck_assert_int_eq(rate(STAGE_RCPT, "192.0.2.2, 1h"), 1);
	ck_assert_int_eq(rate(STAGE_RCPT, "a, b, 1h"), 1);
	ck_assert_uint_eq(shelf->adds, 6);
}
END_TEST

/* Ten at the end of a period, and what is left of them in the next. */
START_TEST(rate_slides)
{
	static const struct {
		int64_t after, expected;
	} rows[] = {{1, 11}, {HOUR / 2, 7}, {HOUR - 1, 3}, {HOUR + 1, 4}, {2 * HOUR, 2}};
	int64_t wall, passed = 0;

	use("rate", "");
	wall = (int64_t)clock_wall(loop->clock);
	clock_move(loop->clock, (uint64_t)(HOUR - wall % HOUR - 1));
	for (int i = 0; i < 10; i++)
		rate(STAGE_MAIL, "x, 1h");
	for (int i = 0; i < COUNT(rows); i++) {
		clock_move(loop->clock, (uint64_t)(rows[i].after - passed));
		passed = rows[i].after;
		ck_assert_int_eq(rate(STAGE_MAIL, "x, 1h"), rows[i].expected);
	}
}
END_TEST

static const char *const bad_rates[] = {"", "x", "x, y", "x, 1", "x, 500ms", "x, 400d", ", ",
	"x, -1h", "x, 99999999999999999999d", "x,1h"};

START_TEST(rate_is_asked_well)
{
	struct value value;

	use("rate", "");
	ck_assert_int_eq(ask(STAGE_MAIL, FACT_RATE, bad_rates[_i], &value), FACT_FAILED);
	ck_assert_int_eq(ask(STAGE_MAIL, FACT_SEEN, bad_rates[_i], &value), FACT_FAILED);
	ck_assert_uint_eq(shelf->adds, 0);
}
END_TEST

START_TEST(seen_is_of_before)
{
	struct value value;

	use("rate", "");
	ck_assert_int_eq(ask(STAGE_MAIL, FACT_SEEN, "x, 1h", &value), FACT_KNOWN);
	ck_assert(!value.boolean);
	facts_forget_recipient(facts);
	clock_move(loop->clock, HOUR - 1);
	ck_assert_int_eq(ask(STAGE_MAIL, FACT_SEEN, "x, 1h", &value), FACT_KNOWN);
	ck_assert(value.boolean);
	facts_forget_recipient(facts);
	clock_move(loop->clock, HOUR);
	ck_assert_int_eq(ask(STAGE_MAIL, FACT_SEEN, "x, 1h", &value), FACT_KNOWN);
	ck_assert(!value.boolean);
}
END_TEST

/* As a test of rules, or a file of facts, says it: of all stages. */
START_TEST(what_is_told_is_not_counted)
{
	struct value value = {.type = VALUE_INT, .number = 77};

	use("rate", "");
	facts_answer(facts, &(struct question){FACT_RATE, "x, 1h"}, FACT_KNOWN, value);
	ck_assert_int_eq(ask(STAGE_RCPT, FACT_RATE, "x, 1h", &value), FACT_KNOWN);
	ck_assert_int_eq(value.number, 77);
	ck_assert_uint_eq(shelf->adds, 0);
}
END_TEST

START_TEST(nothing_is_counted_ahead)
{
	struct value value;

	use("rate", "");
	inquiry->stage = STAGE_MAIL;
	ck_assert_int_eq(inquiry_ask_of(inquiry, FACT_KNOWN_GOOD, "x", &value), FACT_UNKNOWN);
	ck_assert_int_eq(inquiry_ask_of(inquiry, FACT_RATE, "x, 1h", &value), FACT_UNKNOWN);
	ck_assert_int_eq(inquiry_ask_of(inquiry, FACT_USAGE, "s, x, 1", &value), FACT_UNKNOWN);
	ck_assert_uint_eq(talloc_array_length(inquiry->wanted), 1);
}
END_TEST

/* --- the check of rates --- */

static const struct {
	const char *section, *client, *sender, *user;
	enum stage stage;
	int allowed; /* how often before it speaks; -1: it never does */
	int code;
} limits[] = {
	{"of = connections limit = 2", "192.0.2.1", "a@example.net", NULL, STAGE_CONNECT, 2, 421},
	{"of = connections limit = 2", "192.0.2.1", "a@example.net", NULL, STAGE_MAIL, -1, 0},
	{"of = connections limit = 2", "10.0.0.1", "a@example.net", NULL, STAGE_CONNECT, -1, 0},
	{"of = connections limit = 2 networks = yes", "10.0.0.1", "a@example.net", NULL,
		STAGE_CONNECT, 2, 421},
	{"of = connections limit = 2", "198.51.100.1", "a@example.net", NULL, STAGE_CONNECT, -1, 0},
	{"of = messages limit = 1", "192.0.2.1", "a@example.net", NULL, STAGE_MAIL, 1, 451},
	{"of = messages limit = 1", "198.51.100.1", "a@example.net", NULL, STAGE_MAIL, -1, 0},
	{"of = messages limit = 1", "198.51.100.1", "a@example.net", NULL, STAGE_MESSAGE, 1, 451},
	{"of = messages by = client_network limit = 1", "2001:db8::1", "a@example.net", NULL,
		STAGE_MAIL, 1, 451},
	{"of = messages by = sender_domain limit = 3 action = reject", "192.0.2.1", "a@example.net",
		NULL, STAGE_MAIL, 3, 550},
	{"of = messages by = sender_domain limit = 3", "198.51.100.1", "a@example.net", NULL,
		STAGE_MAIL, 3, 451},
	{"of = messages by = sender_domain limit = 0", "192.0.2.1", "", NULL, STAGE_MAIL, 0, 451},
	{"of = recipients limit = 4", "192.0.2.1", "a@example.net", NULL, STAGE_RCPT, 4, 451},
	{"of = recipients by = user limit = 1", "192.0.2.1", "a@example.net", NULL, STAGE_RCPT, -1,
		0},
	{"of = recipients by = user limit = 1", "10.0.0.1", "a@example.net", "Joe, 5", STAGE_RCPT,
		1, 451},
	{"of = recipients limit = 0 action = monitor", "192.0.2.1", "a@example.net", NULL,
		STAGE_RCPT, -1, 0},
	{"of = errors limit = 0", "192.0.2.1", "a@example.net", NULL, STAGE_MAIL, -1, 0},
};

START_TEST(limits_what_it_counts)
{
	int spoke = -1;

	for (int i = 0; i < 6 && spoke < 0; i++) {
		use("rate", talloc_asprintf(scratch, "rate \"x\" { %s }", limits[_i].section));
		tell_client(limits[_i].client);
		tell_sender(limits[_i].sender, NULL, NULL);
		facts_set_text(facts, FACT_CLIENT_USER, limits[_i].user);
		facts_set_number(facts, FACT_RECIPIENT_COUNT, 1);
		tell_recipient("b@example.com");
		judge(limits[_i].stage);
		if (inquiry->verdict.kind >= VERDICT_TEMPFAIL)
			spoke = i;
	}
	ck_assert_int_eq(spoke, limits[_i].allowed);
	if (spoke >= 0)
		ck_assert_int_eq(inquiry->verdict.code, limits[_i].code);
}
END_TEST

/* Errors are noted by the session, and only looked at by the check. */
START_TEST(errors_are_only_read)
{
	static const char section[] = "rate \"x\" { of = errors limit = 2 } rate \"y\" { of = "
				      "messages limit = 2 }";
	struct store_note note;

	for (int i = 0; i < 10; i++) {
		use("rate", section);
		tell_client("192.0.2.1");
		judge(STAGE_CONNECT);
		ck_assert_int_eq(inquiry->verdict.kind, VERDICT_NONE);
	}
	for (int i = 0; i < 3; i++) {
		bool noted = rates_note_error(inquiry, 0, store_wall(shelf->store), &note);
		ck_assert(noted);
		store_add(shelf->store, &note);
	}
	ck_assert(!rates_note_error(inquiry, 1, 1, &note));
	use("rate", section);
	tell_client("192.0.2.1");
	judge(STAGE_CONNECT);
	ck_assert_int_eq(inquiry->verdict.code, 421);
	tell_client("198.51.100.1");
	ck_assert(!rates_note_error(inquiry, 0, 1, &note));
	tell_client("10.0.0.1");
	ck_assert(!rates_note_error(inquiry, 0, 1, &note));
}
END_TEST

static const char *const bad_usages[] = {
	"", "x", "x, y", "x, y, z", "x, 1", "none, key, 1", "x, , 1", "x, y, -1"};

START_TEST(usage_is_asked_well)
{
	struct value value;

	use("rate", "rate \"x\" { of = messages limit = 1 }");
	ck_assert_int_eq(ask(STAGE_MAIL, FACT_USAGE, bad_usages[_i], &value), FACT_FAILED);
	ck_assert_uint_eq(shelf->adds + shelf->gets, 0);
}
END_TEST

/* --- greylisting --- */

static const struct {
	const char *client, *sender, *spf;
	enum stage stage;
	bool put_off;
} strangers[] = {
	{"192.0.2.1", "a@example.net", "none", STAGE_RCPT, true},
	{"2001:db8::1", "a@example.net", "fail", STAGE_RCPT, true},
	{"192.0.2.1", "a@example.net", "pass", STAGE_RCPT, true},
	{"192.0.2.1", "", "none", STAGE_RCPT, false},
	{"192.0.2.1", "", "none", STAGE_DATA, true},
	{"192.0.2.1", "a@example.net", "none", STAGE_DATA, false},
	{"10.0.0.1", "a@example.net", "none", STAGE_RCPT, false},
	{"198.51.100.1", "a@example.net", "none", STAGE_RCPT, false},
};

static void come(const char *client, const char *sender, const char *spf, enum stage stage)
{
	static const char *const recipients[] = {"b@example.com"};

	use("greylist", "greylist { enabled = yes who = strangers }");
	tell_client(client);
	tell_sender(sender, spf, *sender ? "mailfrom" : "helo");
	tell_recipient("b@example.com");
	facts_set_texts(facts, FACT_RECIPIENTS, recipients, 1);
	judge(stage);
}

START_TEST(puts_strangers_off)
{
	come(strangers[_i].client, strangers[_i].sender, strangers[_i].spf, strangers[_i].stage);
	ck_assert_int_eq(
		inquiry->verdict.kind, strangers[_i].put_off ? VERDICT_TEMPFAIL : VERDICT_NONE);
	clock_move(loop->clock, 60000);
	come(strangers[_i].client, strangers[_i].sender, strangers[_i].spf, strangers[_i].stage);
	ck_assert_int_eq(inquiry->verdict.kind, VERDICT_NONE);
}
END_TEST

/* Who comes again after a minute, and whether it is the same. */
static const struct {
	const char *client, *sender, *spf;
	bool is_same;
} others[] = {
	{"192.0.2.77", "a@example.net", "none", true},
	{"192.0.3.1", "a@example.net", "none", false},
	{"192.0.2.1", "A@EXAMPLE.NET", "none", true},
	{"192.0.2.1", "b@example.net", "none", false},
	{"203.0.113.1", "a@example.net", "pass", false},
};

START_TEST(knows_who_comes_again)
{
	come("192.0.2.1", "a@example.net", "none", STAGE_RCPT);
	clock_move(loop->clock, 60000);
	come(others[_i].client, others[_i].sender, others[_i].spf, STAGE_RCPT);
	ck_assert_int_eq(
		inquiry->verdict.kind, others[_i].is_same ? VERDICT_NONE : VERDICT_TEMPFAIL);
}
END_TEST

/* What SPF lets pass is of one sender, wherever it comes from. */
START_TEST(knows_a_pool)
{
	come("192.0.2.1", "a@example.net", "pass", STAGE_RCPT);
	clock_move(loop->clock, 60000);
	come("203.0.113.1", "a@example.net", "pass", STAGE_RCPT);
	ck_assert_int_eq(inquiry->verdict.kind, VERDICT_NONE);
	come("203.0.113.1", "a@example.net", "softfail", STAGE_RCPT);
	ck_assert_int_eq(inquiry->verdict.kind, VERDICT_TEMPFAIL);
}
END_TEST

START_TEST(forgets_a_first_attempt)
{
	come("192.0.2.1", "a@example.net", "none", STAGE_RCPT);
	clock_move(loop->clock, 2 * DAY);
	come("192.0.2.1", "a@example.net", "none", STAGE_RCPT);
	ck_assert_int_eq(inquiry->verdict.kind, VERDICT_TEMPFAIL);
}
END_TEST

/* --- who is known as good --- */

static void note_accepted(void)
{
	struct store_note notes[KNOWN_GOOD_NOTES];
	size_t count = known_good_notes(inquiry, notes);

	for (size_t i = 0; i < count; i++)
		store_add(shelf->store, &notes[i]);
}

static bool is_known(const char *client_or_domain)
{
	struct value value;

	use("spf", "");
	ck_assert_int_eq(ask(STAGE_MAIL, FACT_KNOWN_GOOD, client_or_domain, &value), FACT_KNOWN);
	return value.boolean;
}

static const struct {
	const char *client, *sender, *spf, *identity;
	double score;
	const char *known, *unknown;
} accepted[] = {
	{"192.0.2.1", "a@example.net", "pass", "mailfrom", 0, "192.0.2.1", "192.0.2.2"},
	{"192.0.2.1", "a@Example.NET", "pass", "mailfrom", 4.9, "example.net", "example.org"},
	{"2001:db8::1", "a@example.net", "pass", "mailfrom", 0, "2001:db8::/64", "2001:db8::1"},
	{"192.0.2.1", "", "pass", "helo", 0, "192.0.2.1", ""},
	{"192.0.2.1", "a@example.net", "pass", "mailfrom", 5, NULL, "192.0.2.1"},
	{"192.0.2.1", "a@example.net", "pass", "mailfrom", 5, NULL, "example.net"},
	{"192.0.2.1", "a@example.net", "softfail", "mailfrom", 0, NULL, "192.0.2.1"},
	{"192.0.2.1", "a@example.net", NULL, NULL, 0, NULL, "example.net"},
	{"10.0.0.1", "a@example.net", "pass", "mailfrom", 0, NULL, "10.0.0.1"},
};

START_TEST(remembers_whose_mail_was_good)
{
	use("spf", "");
	tell_client(accepted[_i].client);
	tell_sender(accepted[_i].sender, accepted[_i].spf, accepted[_i].identity);
	inquiry->score = accepted[_i].score;
	note_accepted();
	ck_assert(!is_known(accepted[_i].unknown));
	if (!accepted[_i].known)
		return;
	ck_assert(is_known(accepted[_i].known));
	clock_move(loop->clock, 30 * DAY - 1);
	ck_assert(is_known(accepted[_i].known));
	clock_move(loop->clock, 1);
	ck_assert(!is_known(accepted[_i].known));
}
END_TEST

static const struct {
	const char *sender, *spf;
	enum fact_state state;
	bool known;
} claims[] = {
	{"b@example.net", "pass", FACT_KNOWN, true},
	{"b@example.net", "fail", FACT_KNOWN, false},
	{"b@example.net", NULL, FACT_KNOWN, false},
	{"b@example.org", "pass", FACT_KNOWN, false},
	{"", "pass", FACT_ABSENT, false},
};

START_TEST(a_claim_is_not_enough)
{
	struct value value;
	enum fact_state state;

	use("spf", "");
	tell_client("192.0.2.1");
	tell_sender("a@example.net", "pass", "mailfrom");
	note_accepted();
	use("greylist", "greylist { enabled = yes who = strangers }");
	tell_client("203.0.113.1");
	tell_sender(claims[_i].sender, claims[_i].spf, "mailfrom");
	tell_recipient("b@example.com");
	judge(STAGE_RCPT);
	state = inquiry_ask(inquiry, FACT_SENDER_KNOWN_GOOD, &value);
	ck_assert_int_eq(state, claims[_i].state);
	if (state == FACT_KNOWN)
		ck_assert_int_eq(value.boolean, claims[_i].known);
	ck_assert_int_eq(inquiry->verdict.kind == VERDICT_TEMPFAIL,
		state == FACT_KNOWN && !claims[_i].known);
}
END_TEST

/* --- no store, and one that fails --- */

static const struct {
	enum fact fact;
	const char *argument;
} remembered[] = {
	{FACT_KNOWN_GOOD, "192.0.2.1"},
	{FACT_GREYLIST_PASSED, "a, b"},
	{FACT_GREYLIST_AGE, "a, b, c"},
	{FACT_RATE, "a, 1h"},
	{FACT_SEEN, "a, 1h"},
	{FACT_USAGE, "x, a, 1"},
};

START_TEST(is_absent_without_a_store)
{
	struct value value;

	use_store("rate", "rate \"x\" { of = messages limit = 1 }", NULL);
	ck_assert_int_eq(
		ask(STAGE_RCPT, remembered[_i].fact, remembered[_i].argument, &value), FACT_ABSENT);
}
END_TEST

START_TEST(has_failed_when_the_store_has)
{
	struct value value;

	use("rate", "rate \"x\" { of = messages limit = 1 }");
	shelf->mood = SHELF_GONE;
	ck_assert_int_eq(
		ask(STAGE_RCPT, remembered[_i].fact, remembered[_i].argument, &value), FACT_FAILED);
	ck_assert_str_eq(value.text, "the store does not answer");
}
END_TEST

START_TEST(has_failed_when_the_store_is_slow)
{
	struct value value;

	use("rate", "rate \"x\" { of = messages limit = 1 }");
	shelf->mood = SHELF_SLOW;
	ck_assert_int_eq(
		ask(STAGE_RCPT, remembered[_i].fact, remembered[_i].argument, &value), FACT_FAILED);
}
END_TEST

START_TEST(is_given_up)
{
	use("rate", "rate \"x\" { of = messages limit = 1 }");
	tell_client("192.0.2.1");
	tell_sender("a@example.net", NULL, NULL);
	shelf->mood = SHELF_SLOW;
	inquiry_begin_judging(inquiry, STAGE_MAIL, loop->clock, 60000, &caller);
	ck_assert(caller.pending);
	await_cancel(&caller);
	ck_assert_ptr_null(shelf->waiting);
}
END_TEST

/* --- names of hosts --- */

static const struct {
	const char *name, *ip;
	bool is_dynamic;
} names[] = {
	{"mail.example.com", "192.0.2.10", false},
	{"mx1.example.com", "192.0.2.10", false},
	{"host.example.com", "192.0.2.10", false},
	{"dsl.example.com", "192.0.2.10", true},
	{"dsl-provider.example", "192.0.2.10", false},
	{"mail.dsl.example", "192.0.2.10", false},
	{"192-0-2-10.example.com", "192.0.2.10", true},
	{"10.2.0.192.example.com", "192.0.2.10", true},
	{"p010.002.example.com", "192.0.2.10", true},
	{"mail10.example.com", "192.0.2.10", false},
	{"c000020a.example.com", "192.0.2.10", true},
	{"C000020A.example.com", "192.0.2.10", true},
	{"x.pool3.example.com", "192.0.2.10", true},
	{"ppp7.dialin.example.com", "192.0.2.10", true},
	{"whirlpool.example.com", "192.0.2.10", false},
	{"mail.example.com", "2001:db8::10", false},
	{"x0000000000000010.example.com", "2001:db8::10", true},
	{"cable-1.example.com", "2001:db8::10", true},
	{"", "192.0.2.10", false},
	{".", "192.0.2.10", false},
	{"...---", "192.0.2.10", false},
	{"99999999999999999999999999.10.2", "192.0.2.10", true},
};

START_TEST(tells_names_of_ranges)
{
	struct ip ip;
	bool good = ip_parse(slice_of(names[_i].ip), &ip);

	ck_assert(good);
	ck_assert_int_eq(dynamic_name(names[_i].name, &ip), names[_i].is_dynamic);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_learner");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_test(all, rate_counts_each_stage);
	tcase_add_test(all, rate_slides);
	tcase_add_loop_test(all, rate_is_asked_well, 0, COUNT(bad_rates));
	tcase_add_test(all, seen_is_of_before);
	tcase_add_test(all, what_is_told_is_not_counted);
	tcase_add_test(all, nothing_is_counted_ahead);
	tcase_add_loop_test(all, limits_what_it_counts, 0, COUNT(limits));
	tcase_add_test(all, errors_are_only_read);
	tcase_add_loop_test(all, usage_is_asked_well, 0, COUNT(bad_usages));
	tcase_add_loop_test(all, puts_strangers_off, 0, COUNT(strangers));
	tcase_add_loop_test(all, knows_who_comes_again, 0, COUNT(others));
	tcase_add_test(all, knows_a_pool);
	tcase_add_test(all, forgets_a_first_attempt);
	tcase_add_loop_test(all, remembers_whose_mail_was_good, 0, COUNT(accepted));
	tcase_add_loop_test(all, a_claim_is_not_enough, 0, COUNT(claims));
	tcase_add_loop_test(all, is_absent_without_a_store, 0, COUNT(remembered));
	tcase_add_loop_test(all, has_failed_when_the_store_has, 0, COUNT(remembered));
	tcase_add_loop_test(all, has_failed_when_the_store_is_slow, 0, COUNT(remembered));
	tcase_add_test(all, is_given_up);
	tcase_add_loop_test(all, tells_names_of_ranges, 0, COUNT(names));
	suite_add_tcase(suite, all);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
