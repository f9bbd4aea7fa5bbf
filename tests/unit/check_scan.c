/* SPDX-License-Identifier: Apache-2.0 */
/* Rules over what stands in a message: the worker's side and the scanner's, one behind the other. */
#include "rule_site.h"

#include "base/table.h"
#include "policy/ruling.h"
#include "policy/scan.h"
#include "policy/shadow.h"

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define SITE                                                                                       \
	"hostname = mx.example.com relay { domains = {example.com} } "                             \
	"checks { chain = {rules} } rules { files = {a.rules} } "
#define PLAIN                                                                                      \
	"From: a@example.net\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@x>\r\n"    \
	"Subject: report\r\n"
#define TWO_PARTS                                                                                  \
	PLAIN "Content-Type: multipart/mixed; boundary=x\r\n\r\n"                                  \
	      "--x\r\n\r\nfirst\r\n--x\r\n\r\nsecond\r\n--x--\r\n"

static void *scratch;

static void set_up(void)
{
	scratch = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

/* A learner of content that has its scanner beside it, and can be made to spoil what goes to and fro. */
struct wire {
	const struct policy *policy;
	struct scan_tools *tools;
	size_t cut; /* bytes of the answer that arrive; SIZE_MAX: all */
	unsigned trips;
	size_t answer_size;
	bool was_heard;
	int64_t id;        /* of the message */
	const char *other; /* what is sent in its place from the second trip on; NULL: the same */
};

static void carry(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	struct wire *wire = owner;
	struct slice message = message_bytes(inquiry->message), request, answer;

	(void)question;
	inquiry->scan_id = wire->id;
	request = scan_ask(scratch, inquiry);
	if (wire->trips++ && wire->other)
		message = slice_of(wire->other);
	answer = scan_answer(
		scratch, wire->tools, request, message, message_anomalies(inquiry->message));
	wire->answer_size = answer.size;
	if (answer.size > wire->cut)
		answer.size = wire->cut;
	wire->was_heard = scan_hear(inquiry, answer);
	if (!wire->was_heard)
		facts_set_text(inquiry->facts, FACT_SCANNER_FAILED, "spoilt");
	await_skip(await, wire->was_heard ? OUTCOME_DONE : OUTCOME_FAILED);
}

static unsigned names_asked;

/* Each name has an address, but those that begin with "no". */
static void resolve(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	static const char *const items[] = {"192.0.2.7"};
	const struct value value = {.type = VALUE_TEXTS, .texts = {items, 1}};
	bool is_there = question->fact == FACT_DNS_A && strncmp(question->argument, "no", 2) != 0;

	(void)owner;
	names_asked++;
	facts_answer(inquiry->facts, question, is_there ? FACT_KNOWN : FACT_ABSENT, value);
	await_skip(await, OUTCOME_DONE);
}

static const struct chain *wired(const struct rule_site *site, struct wire *wire)
{
	static const struct check *const gates[] = {&scanner_check, NULL};
	struct learner learners[LEARNERS] = {{NULL, NULL}};

	*wire = (struct wire){.policy = site->policy, .cut = SIZE_MAX};
	wire->tools = scan_prepare(scratch, site->policy);
	learners[LEARNER_CONTENT] = (struct learner){carry, wire};
	learners[LEARNER_DNS] = (struct learner){resolve, NULL};
	return chain_new(scratch, site->policy, gates, checks_table, learners, site->complaints);
}

static struct rule_site *site_of(const char *rules, const char *more)
{
	struct rule_site *site = rule_site_new(scratch);

	rule_site_write(site, "a.rules", rules);
	rule_site_write(
		site, "b.rules", "rule s { stage message when mime.parts > 2 then reject }");
	rule_site_read(site, talloc_asprintf(scratch, SITE "%s", more));
	rule_site_is_good(site);
	return site;
}

static struct inquiry *judged(const struct chain *chain, const char *message)
{
	static const char *const recipients[] = {"b@example.com"};
	struct facts *facts = facts_new(scratch, NULL);
	struct inquiry *inquiry = inquiry_new(scratch, chain, facts);
	struct await await;

	facts_set_text(facts, FACT_SENDER, "a@example.net");
	facts_set_texts(facts, FACT_RECIPIENTS, recipients, 1);
	facts_set_number(facts, FACT_NOW, 1795314522);
	inquiry->message = message_view(scratch, slice_of(message), 0);
	await_init(&await, NULL, NULL, NULL);
	inquiry_begin_judging(inquiry, STAGE_MESSAGE, NULL, AWAIT_FOR_EVER, &await);
	ck_assert(!await.pending);
	return inquiry;
}

#define WHEN(when)                                                                                 \
	"rule r { stage message when " when " then score 2 header \"X-R\" \"{subject}\" }"

static const struct {
	const char *rules, *message;
	unsigned trips;
	double score;
	const char *trace;
} judgements[] = {
	{WHEN("mime.parts == 3"), TWO_PARTS, 1, 2, "rule r=match"},
	{WHEN("mime.parts == 3"), PLAIN "\r\nfirst\r\n", 1, 0, ""},
	{WHEN("subject == \"report\""), TWO_PARTS, 0, 2, "rule r=match"},
	{WHEN("subject == \"other\" and mime.parts == 3"), TWO_PARTS, 0, 0, ""},
	{WHEN("mime.parts == 3 and from.domain == \"example.net\""), TWO_PARTS, 1, 2,
		"rule r=match"},
	{WHEN("mime.parts == 3 and header[\"Subject\"] == \"report\""), TWO_PARTS, 1, 2,
		"rule r=match"},
	{WHEN("mime.parts == 3 and resolves(from.domain)"), TWO_PARTS, 1, 2, "rule r=match"},
	{WHEN("mime.parts > 3 or (mime.parts == 3 and not resolves(\"nobody.example\"))"),
		TWO_PARTS, 1, 2, "rule r=match"},
	{WHEN("mime.anomalies has missing_end"),
		PLAIN "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nfirst\r\n", 1, 2,
		"rule r=match"},
	{"rule r { stage message when mime.parts == 3 then change_sender <> }", TWO_PARTS, 1, 0,
		"rule r=match"},
	{"rule a { stage message when true then score 1 }\n"
	 "rule r { stage message when mime.parts == 3 and score < 5 then reject }",
		TWO_PARTS, 1, 1, "rule a=match,rule r=reject"},
};

START_TEST(judges_as_if_it_were_here)
{
	const struct rule_site *site = site_of(judgements[_i].rules, "");
	struct wire wire;
	struct inquiry *inquiry = judged(wired(site, &wire), judgements[_i].message);

	ck_assert_uint_eq(wire.trips, judgements[_i].trips);
	ck_assert_double_eq_tol(inquiry->score, judgements[_i].score, 0.001);
	ck_assert_str_eq(inquiry_trace_text(scratch, inquiry), judgements[_i].trace);
}
END_TEST

START_TEST(hands_texts_over)
{
	const struct rule_site *site = site_of(WHEN("mime.parts == 3"), "");
	struct wire wire;
	struct inquiry *inquiry = judged(wired(site, &wire), TWO_PARTS);
	size_t count;
	const struct rule_outcome *outcomes = ruling_outcomes(inquiry, &count);
	struct value value;

	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(outcomes[0].actions[1].arguments[1].value.text, "report");
	ck_assert(facts_get(inquiry->facts, FACT_MIME_PARTS, &value) == FACT_KNOWN);
	ck_assert_int_eq(value.number, 3);
	ck_assert_msg(facts_get(inquiry->facts, FACT_BODY_RAW, &value) == FACT_UNKNOWN,
		"texts stay where they are");
}
END_TEST

/* What is not known of a name that only the message tells: asked for by the scanner, learnt here, and sent there. */
START_TEST(learns_what_the_scanner_lacks)
{
	const struct rule_site *site = site_of(
		WHEN("mime.parts == 3 and resolves(from.domain) and resolves(\"nobody.example\")"),
		"");
	struct wire wire;

	names_asked = 0;
	ck_assert_double_eq(judged(wired(site, &wire), TWO_PARTS)->score, 0);
	ck_assert_uint_gt(names_asked, 0);
	ck_assert_uint_le(wire.trips, SCAN_ROUNDS);
}
END_TEST

START_TEST(judges_the_shadow_too)
{
	const struct rule_site *site =
		site_of(WHEN("mime.parts == 3"), "shadow { rules = {b.rules} }");
	struct wire wire;
	struct inquiry *inquiry = judged(wired(site, &wire), TWO_PARTS);

	ck_assert_str_eq(shadow_print(scratch, inquiry),
		"message: reject 550 instead of score 2.0, header X-R report, by the shadow's rule "
		"s");
}
END_TEST

/* However much of the answer is lost, the mail is put off and nothing else happens. */
/* For the shadow's sake alone no message is sent again where a scanner has failed at it, and none is put off. */
START_TEST(a_scanner_that_fails_costs_the_shadow_one_trip)
{
	struct wire wire;
	const struct chain *chain = wired(
		site_of(WHEN("subject == \"report\""), "shadow { rules = {b.rules} }"), &wire);
	const struct inquiry *inquiry;

	wire.cut = 0;
	inquiry = judged(chain, TWO_PARTS);
	ck_assert_uint_eq(wire.trips, 1);
	ck_assert_int_eq(inquiry->verdict.kind, VERDICT_NONE);
	ck_assert_double_eq_tol(inquiry->score, 2, 0.001);
	ck_assert(shadow_is_undecided(inquiry));
}
END_TEST

#define WORDS(word) PLAIN "\r\nthe word is " word "\r\n"
#define OTHER_WORDS PLAIN "\r\nthe word is none!\r\n"

/* What is found the second time, when the message could have been another: what stands there, or what was kept. */
static const struct {
	int64_t id;
	const char *other;
	bool is_found;
} again[] = {
	{0, NULL, true},
	{1, NULL, true},
	{0, OTHER_WORDS, false},
	{1, OTHER_WORDS, true},
	{1, OTHER_WORDS "and it is longer", false},
};

/* Texts do not come back, so the shadow's rule needs a trip of its own. */
START_TEST(takes_a_message_apart_once)
{
	struct rule_site *site = rule_site_new(scratch);
	struct wire wire;
	const struct chain *chain;
	struct inquiry *inquiry;

	rule_site_write(site, "a.rules",
		"rule r { stage message when body.text contains \"there is no such\" then reject "
		"}");
	rule_site_write(site, "b.rules",
		"rule s { stage message when body.text contains \"the word is here!\" then reject "
		"}");
	rule_site_read(site, SITE "shadow { rules = {b.rules} }");
	rule_site_is_good(site);
	chain = wired(site, &wire);
	wire.id = again[_i].id;
	wire.other = again[_i].other;
	inquiry = judged(chain, WORDS("here!"));
	ck_assert_uint_eq(wire.trips, 2);
	ck_assert_int_eq(shadow_print(scratch, inquiry) != NULL, again[_i].is_found);
}
END_TEST

/* Under another id nothing is found that was kept. */
START_TEST(keeps_messages_apart)
{
	const struct rule_site *site = site_of(WHEN("body.text contains \"here!\""), "");
	struct wire wire;
	const struct chain *chain = wired(site, &wire);

	for (wire.id = 1; wire.id < 10; wire.id++)
		ck_assert_double_eq(
			judged(chain, wire.id % 2 ? WORDS("here!") : WORDS("none!"))->score,
			wire.id % 2 ? 2 : 0);
}
END_TEST

START_TEST(puts_off_what_cannot_be_read)
{
	const struct rule_site *site = site_of(WHEN("mime.parts == 3"), "");
	struct wire wire;
	const struct chain *chain = wired(site, &wire);
	size_t whole;

	judged(chain, TWO_PARTS);
	whole = wire.answer_size;
	for (wire.cut = 0; wire.cut < whole; wire.cut++) {
		const struct inquiry *inquiry = judged(chain, TWO_PARTS);
		ck_assert_msg(
			inquiry->verdict.kind == VERDICT_TEMPFAIL, "%zu of %zu", wire.cut, whole);
		ck_assert_str_eq(inquiry->verdict.decided_by, "check scanner");
	}
}
END_TEST

/* Any byte of a request or an answer may be any other. */
START_TEST(survives_garbage)
{
	const struct rule_site *site = site_of(WHEN("mime.parts == 3"), "");
	struct wire wire;
	struct inquiry *inquiry = judged(wired(site, &wire), TWO_PARTS);
	struct slice request = scan_ask(scratch, inquiry);
	struct slice answer = scan_answer(scratch, wire.tools, request, slice_of(TWO_PARTS), 0);
	char *bytes = talloc_memdup(scratch, request.data, request.size);

	for (size_t i = 0; i < request.size; i++) {
		bytes[i] ^= 0xff;
		(void)scan_answer(scratch, wire.tools, slice_make(bytes, request.size),
			slice_of(TWO_PARTS), 0);
		bytes[i] ^= 0xff;
	}
	bytes = talloc_memdup(scratch, answer.data, answer.size);
	for (size_t i = 0; i < answer.size; i++) {
		bytes[i] ^= 0xff;
		if (scan_hear(inquiry, slice_make(bytes, answer.size)))
			facts_forget(inquiry->facts, FACT_MIME_PARTS);
		TALLOC_FREE(inquiry->lacking);
		bytes[i] ^= 0xff;
	}
}
END_TEST

static const struct {
	const char *settings;
	int64_t deaths;
	enum verdict_kind kind;
	int code;
} failures[] = {
	{"", 0, VERDICT_TEMPFAIL, 451},
	{"", 1, VERDICT_TEMPFAIL, 451},
	{"", 2, VERDICT_REJECT, 554},
	{"scanner { poison = put_off }", 2, VERDICT_TEMPFAIL, 451},
	{"mode = observe", 0, VERDICT_TEMPFAIL, 451},
};

START_TEST(never_lets_through_what_was_not_examined)
{
	const struct rule_site *site = site_of(WHEN("mime.parts == 3"), failures[_i].settings);
	struct wire wire;
	const struct chain *chain = wired(site, &wire);
	struct facts *facts = facts_new(scratch, NULL);
	struct inquiry *inquiry = inquiry_new(scratch, chain, facts);
	struct await await;

	wire.cut = 0;
	if (failures[_i].deaths)
		facts_set_number(facts, FACT_SCANNER_DEATHS, failures[_i].deaths);
	inquiry->message = message_view(scratch, slice_of(TWO_PARTS), 0);
	await_init(&await, NULL, NULL, NULL);
	inquiry_begin_judging(inquiry, STAGE_MESSAGE, NULL, AWAIT_FOR_EVER, &await);
	ck_assert_int_eq(inquiry->verdict.kind, failures[_i].kind);
	ck_assert_int_eq(inquiry->verdict.code, failures[_i].code);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scan");
	TCase *tests = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, judges_as_if_it_were_here, 0, COUNT(judgements));
	tcase_add_test(tests, hands_texts_over);
	tcase_add_test(tests, learns_what_the_scanner_lacks);
	tcase_add_test(tests, judges_the_shadow_too);
	tcase_add_test(tests, a_scanner_that_fails_costs_the_shadow_one_trip);
	tcase_add_loop_test(tests, takes_a_message_apart_once, 0, COUNT(again));
	tcase_add_test(tests, keeps_messages_apart);
	tcase_add_test(tests, puts_off_what_cannot_be_read);
	tcase_add_test(tests, survives_garbage);
	tcase_add_loop_test(tests, never_lets_through_what_was_not_examined, 0, COUNT(failures));
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
