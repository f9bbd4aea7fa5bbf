/* SPDX-License-Identifier: Apache-2.0 */
/* Mail of the past, judged again. */
#include "rule_site.h"

#include "policy/explain.h"
#include "policy/record.h"
#include "policy/replay.h"

#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define SETTINGS                                                                                   \
	"hostname = mx.example.com relay { domains = {example.com} networks = {10.0.0.0/8} } "     \
	"limits { hops = 10 } "
#define TOLD                                                                                       \
	"\"client.ip\": \"192.0.2.1\", \"helo.name\": \"client.example\", \"sender\": "            \
	"\"a@example.net\", \"sender.domain\": \"example.net\", \"sender.is_null\": false"
#define RCPT "\"recipient\": \"b@example.com\", \"recipient.domain\": \"example.com\""
#define MESSAGE "\"message.size\": 100, \"recipients\": [\"b@example.com\"]"
#define RECORD(facts, more)                                                                        \
	"{\"id\": \"x.1\", \"verdict\": \"accept\", \"facts\": {" facts "}" more "}"

static void *scratch;

static void set_up(void)
{
	scratch = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

static const struct replay_outcome *judge(const char *checks, const struct replay_case *the_case)
{
	char *settings = talloc_asprintf(scratch, SETTINGS "checks { chain = {%s} }", checks);

	return replay_judge(scratch, judging_chain(scratch, settings), the_case);
}

static const char *record_of(struct inquiry *inquiry)
{
	const struct record_form form = {.id = "x.1", .seconds = 1795314522, .with_facts = true};
	bool is_shortened;

	return explain_record(scratch, inquiry, &form, &is_shortened);
}

/* --- records --- */

static const struct {
	const char *what;
	const char *record; /* NULL as the verdict: it is none */
	const char *checks;
	const char *verdict;
	bool is_undecided;
	enum fact missing;
} records[] = {
	{"nothing is missed", RECORD(TOLD ", " MESSAGE, ""), "size", "accept", false, FACT_COUNT},
	{"missed, and it passes", RECORD(TOLD ", " MESSAGE, ""), "hops", "accept", true,
		FACT_RECEIVED_COUNT},
	{"the same when recorded", RECORD(TOLD ", \"received.count\": 1, " MESSAGE, ""), "hops",
		"accept", false, FACT_COUNT},
	{"and it decides", RECORD(TOLD ", \"received.count\": 11, " MESSAGE, ""), "hops", "reject",
		false, FACT_COUNT},
	{"what had failed then is no gap now",
		RECORD(TOLD ", " MESSAGE, ", \"failed\": {\"received.count\": \"timed out\"}"),
		"hops", "accept", false, FACT_COUNT},
	{"missed, but another refuses",
		RECORD(TOLD ", " RCPT ", \"recipients.count\": 0",
			", \"recipients\": [{\"facts\": {\"recipient\": \"c@example.org\", "
			"\"recipient.domain\": \"example.org\"}}]"),
		"client_name", "accept", true, FACT_DNS_PTR},
	{"a gate refuses whatever is missed",
		RECORD(TOLD ", \"recipient\": \"c@example.org\", \"recipient.domain\": "
			    "\"example.org\"",
			""),
		"client_name", "reject", false, FACT_DNS_PTR},
	{"a message that never came", RECORD(TOLD ", " RCPT, ""), "size", "accept", true,
		FACT_COUNT},
	{"networks are those of the configuration",
		RECORD("\"client.ip\": \"10.0.0.1\", \"client.in_networks\": false, \"sender\": "
		       "\"\", \"recipient\": \"c@example.org\", \"recipient.domain\": "
		       "\"example.org\", \"message.size\": 1",
			""),
		"size", "accept", false, FACT_COUNT},
	{"a session that would be let pass",
		RECORD("\"client.ip\": \"192.0.2.1\"", ", \"session\": \"connect\""), "size",
		"accept", true, FACT_COUNT},
	{"a session that is refused again",
		RECORD("\"client.ip\": \"192.0.2.1\", \"helo.name\": \"mx.example.com\"",
			", \"session\": \"helo\""),
		"helo", "reject", false, FACT_COUNT},
	{"a fact that is none is passed over", RECORD(TOLD ", \"nonsense\": 1, " MESSAGE, ""),
		"size", "accept", false, FACT_COUNT},
	{"no facts", "{\"id\": \"x.1\"}", "size", NULL, false, FACT_COUNT},
	{"no object", "[1, 2]", "size", NULL, false, FACT_COUNT},
	{"no JSON", "{\"id\": ", "size", NULL, false, FACT_COUNT},
	{"nothing", "", "size", NULL, false, FACT_COUNT},
};

START_TEST(judges_records)
{
	const struct replay_case *the_case =
		replay_case_of_record(scratch, slice_of(records[_i].record));
	const struct replay_outcome *outcome;

	if (!records[_i].verdict) {
		ck_assert_msg(!the_case, "%s", records[_i].what);
		return;
	}
	ck_assert_ptr_nonnull(the_case);
	outcome = judge(records[_i].checks, the_case);
	ck_assert_msg(strcmp(verdict_name(outcome->verdict.kind), records[_i].verdict) == 0,
		"%s: %s", records[_i].what, verdict_name(outcome->verdict.kind));
	ck_assert_msg(outcome->is_undecided == records[_i].is_undecided, "%s", records[_i].what);
	ck_assert_msg(outcome->missing == records[_i].missing, "%s", records[_i].what);
}
END_TEST

/* What a session forgets before the next recipient is in the record all the same. */
START_TEST(knows_each_recipient)
{
	static const char *const recipients[] = {"b@example.com", "c@example.com", "d@example.com"};
	struct facts *facts = facts_new(scratch, NULL);
	struct inquiry *inquiry = inquiry_new(scratch, judging_chain(scratch, SETTINGS), facts);
	const struct replay_case *the_case;
	struct value value;

	facts_set_text(facts, FACT_SENDER, "a@example.net");
	for (int i = 0; i < COUNT(recipients); i++) {
		record_recipient(inquiry, true);
		facts_forget_recipient(facts);
		facts_set_text(facts, FACT_RECIPIENT, recipients[i]);
	}
	the_case = replay_case_of_record(scratch, slice_of(record_of(inquiry)));
	ck_assert_uint_eq(the_case->recipient_count, COUNT(recipients));
	for (int i = 0; i < COUNT(recipients); i++) {
		ck_assert_int_eq(
			facts_get(the_case->recipients[i], FACT_RECIPIENT, &value), FACT_KNOWN);
		ck_assert_str_eq(value.text, recipients[i]);
	}
	for (int i = 0; i < 2 * RECORD_RECIPIENTS; i++)
		record_recipient(inquiry, true);
	the_case = replay_case_of_record(scratch, slice_of(record_of(inquiry)));
	ck_assert_uint_le(the_case->recipient_count, RECORD_RECIPIENTS + 1);
}
END_TEST

/* --- rules --- */

static const struct chain *chain_with(const char *rules)
{
	struct rule_site *site = rule_site_new(scratch);

	rule_site_write(site, "a.rules", rules);
	rule_site_read(site, SETTINGS "rules { files = {a.rules} } checks { chain = {rules} }");
	rule_site_is_good(site);
	return site->chain;
}

#define RULE_AT(stage, when) "rule r { stage " stage " when " when " then reject }"
#define LOGGED_IN ", \"client.authenticated\": true, \"client.user\": \"alice\""

static const struct {
	const char *what;
	const char *rule;
	const char *record;
	const char *message; /* that was kept; NULL: none */
	const char *verdict;
	bool is_undecided;
} ruled[] = {
	{"asked at auth", RULE_AT("auth", "helo.name == \"client.example\""),
		RECORD(TOLD LOGGED_IN ", " MESSAGE, ""), NULL, "reject", false},
	{"nobody has authenticated yet",
		RULE_AT("auth", "client.authenticated or exists client.user"),
		RECORD(TOLD LOGGED_IN ", " MESSAGE, ""), NULL, "accept", false},
	{"nor when he connects", RULE_AT("connect", "client.authenticated"),
		RECORD(TOLD LOGGED_IN ", " MESSAGE, ""), NULL, "accept", false},
	{"behind it he has", RULE_AT("mail", "client.user == \"alice\""),
		RECORD(TOLD LOGGED_IN ", " MESSAGE, ""), NULL, "reject", false},
	{"who has not is not asked", RULE_AT("auth", "true"), RECORD(TOLD ", " MESSAGE, ""), NULL,
		"accept", false},
	{"a header that was not recorded", RULE_AT("message", "subject == \"x\""),
		RECORD(TOLD ", " MESSAGE, ""), NULL, "accept", true},
	{"and all of its fields", RULE_AT("message", "any header (value == \"x\")"),
		RECORD(TOLD ", \"header.anomalies\": [], " MESSAGE, ""), NULL, "accept", true},
	{"and the message itself", RULE_AT("message", "message.hash == \"x\""),
		RECORD(TOLD ", " MESSAGE, ""), NULL, "accept", true},
	{"a subject that was", RULE_AT("message", "subject == \"x\""),
		RECORD(TOLD ", \"subject\": \"x\", " MESSAGE, ""), NULL, "reject", false},
	{"attachments that were not", RULE_AT("message", "any attachment (extension == \"exe\")"),
		RECORD(TOLD ", " MESSAGE, ""), NULL, "accept", true},
	{"attachments that were",
		RULE_AT("message", "any attachment (extension == \"exe\" and flags has macros)"),
		RECORD(TOLD ", \"attachment\": [{}, {\"extension\": \"exe\", \"flags\": "
			    "[\"macros\"]}], " MESSAGE,
			""),
		NULL, "reject", false},
	{"and that there were none", RULE_AT("message", "count(attachment) > 0"),
		RECORD(TOLD ", \"attachment\": [], " MESSAGE, ""), NULL, "accept", false},
	{"the message has it", RULE_AT("message", "any header (value == \"x\")"),
		RECORD(TOLD ", \"header.anomalies\": [], " MESSAGE, ""), "X-Odd: x\r\n\r\n",
		"reject", false},
	{"or not", RULE_AT("message", "header[\"X-Odd\"] == \"x\""), RECORD(TOLD ", " MESSAGE, ""),
		"X-Odd: y\r\n\r\n", "accept", false},
	{"what came of it on its way is as recorded",
		RULE_AT("message", "message.anomalies has bare_lf"),
		RECORD(TOLD ", \"message.anomalies\": [\"bare_lf\"], " MESSAGE, ""),
		"X-Odd: y\r\n\r\n", "reject", false},
};

START_TEST(judges_by_rules)
{
	struct replay_case *the_case = replay_case_of_record(scratch, slice_of(ruled[_i].record));
	const struct replay_outcome *outcome;

	ck_assert_ptr_nonnull(the_case);
	if (ruled[_i].message)
		ck_assert(replay_case_take_message(the_case, slice_of(ruled[_i].message)));
	outcome = replay_judge(scratch, chain_with(ruled[_i].rule), the_case);
	ck_assert_msg(strcmp(verdict_name(outcome->verdict.kind), ruled[_i].verdict) == 0, "%s: %s",
		ruled[_i].what, verdict_name(outcome->verdict.kind));
	ck_assert_msg(outcome->is_undecided == ruled[_i].is_undecided, "%s", ruled[_i].what);
}
END_TEST

START_TEST(knows_whether_the_message_was_kept)
{
	static const struct {
		const char *recorded;
		bool is_kept, is_session;
	} rows[] = {{"", false, false}, {", \"recorded\": \"facts\"", false, false},
		{", \"recorded\": \"message\"", true, false},
		{", \"recorded\": 1, \"session\": \"helo\"", false, true}};

	for (int i = 0; i < COUNT(rows); i++) {
		const struct replay_case *the_case = replay_case_of_record(scratch,
			slice_of(talloc_asprintf(
				scratch, "{\"id\": \"x\", \"facts\": {}%s}", rows[i].recorded)));
		ck_assert_int_eq(the_case->is_kept, rows[i].is_kept);
		ck_assert_int_eq(the_case->is_session, rows[i].is_session);
	}
}
END_TEST

/* --- messages --- */

#define FIELD "Received: from h.example (n.example [192.0.2.7]) by mx for <b@example.com>; x\n"

static const struct {
	const char *message;
	unsigned hop;
	const char *client, *helo, *sender; /* NULL: unknown; client NULL: there is no case */
	unsigned recipients;
	int64_t size; /* of what is left */
} messages[] = {
	{FIELD "From: x\n\nbody\n", 1, "192.0.2.7", "h.example", NULL, 1, 17},
	{"Return-Path: <a@example.net>\n" FIELD "From: x\r\n\r\nbody", 1, "192.0.2.7", "h.example",
		"a@example.net", 1, 15},
	{"Return-Path: <>\n" FIELD "From: x\n\n", 1, "192.0.2.7", "h.example", "", 1, 11},
	{"X-Envelope-To: <c@example.com>\nX-Envelope-To: <d@example.com>\n" FIELD "From: x\n\n", 1,
		"192.0.2.7", "h.example", NULL, 2, 11},
	{"Received: from y (y [198.51.100.1]) by z\n" FIELD "From: x\n\n", 2, "192.0.2.7",
		"h.example", NULL, 1, 11},
	{"Received: from [192.0.2.8] by mx (envelope-from <e@example.net>) id 1\n\n", 1,
		"192.0.2.8", "[192.0.2.8]", "e@example.net", 0, 2},
	{FIELD "From: x\n\n", 2, NULL, NULL, NULL, 0, 0},
	{"Received: by here\nFrom: x\n\n", 1, NULL, NULL, NULL, 0, 0},
	{"", 1, NULL, NULL, NULL, 0, 0},
};

static void is_text(const struct facts *facts, enum fact fact, const char *text)
{
	struct value value;

	ck_assert_int_eq(facts_get(facts, fact, &value), text ? FACT_KNOWN : FACT_UNKNOWN);
	if (text)
		ck_assert_str_eq(value.text, text);
}

START_TEST(takes_client_and_envelope_from_a_field)
{
	const struct replay_case *the_case = replay_case_of_message(
		scratch, "file", slice_of(messages[_i].message), messages[_i].hop);

	ck_assert_int_eq(the_case != NULL, messages[_i].client != NULL);
	if (!the_case)
		return;
	ck_assert_str_eq(facts_print(scratch, the_case->told, FACT_CLIENT_IP), messages[_i].client);
	is_text(the_case->told, FACT_HELO_NAME, messages[_i].helo);
	is_text(the_case->told, FACT_SENDER, messages[_i].sender);
	ck_assert_uint_eq(the_case->recipient_count, messages[_i].recipients);
	ck_assert_int_eq(message_size(the_case->message), messages[_i].size);
}
END_TEST

#define SIX FIELD FIELD FIELD FIELD FIELD FIELD

/* Its own field and all above were not there when it came. */
START_TEST(counts_only_what_it_came_with)
{
	static const char text[] = SIX SIX "From: x@example.net\n\n";
	const struct replay_case *the_case =
		replay_case_of_message(scratch, "file", slice_of(text), 6);
	const struct replay_outcome *outcome = judge("hops", the_case);

	ck_assert_int_eq(outcome->verdict.kind, VERDICT_NONE);
	ck_assert(!outcome->is_undecided);
	the_case = replay_case_of_message(scratch, "file", slice_of(text), 0);
	ck_assert_int_eq(judge("hops", the_case)->verdict.kind, VERDICT_REJECT);
}
END_TEST

/* --- two configurations --- */

static const struct {
	const char *before, *after; /* settings */
	const char *culprit;        /* NULL: nothing has changed */
} pairs[] = {
	{"", "", NULL},
	{"", "checks { off = {headers} }", "check headers (score 0.0, was 4.0)"},
	{"checks { off = {headers} }", "", "check headers (score 4.0, was 0.0)"},
	{"", "thresholds { tag = 4 reject = 30 }", "threshold reject"},
	{"", "allow \"x\" { networks = {192.0.2.0/24} }", "allow x"},
	{"thresholds { tag = 4 reject = 30 }", "", "threshold reject"},
	{"thresholds { tag = 2 reject = 30 }",
		"thresholds { tag = 20 quarantine = 25 reject = 30 }", "threshold tag"},
	{"thresholds { reject = 30 }", "thresholds { reject = 30 } checks { off = {headers} }",
		NULL},
};

static const struct replay_outcome *judge_under(
	const char *settings, const struct replay_case *the_case)
{
	const char *all = talloc_asprintf(scratch,
		"hostname = mx.example.com relay { domains = {example.com} } %s %s", settings,
		strstr(settings, "thresholds")
			? ""
			: "thresholds { tag = 3.5 quarantine = 3.6 reject = 3.7 }");

	return replay_judge(scratch, judging_chain(scratch, all), the_case);
}

START_TEST(names_who_made_the_difference)
{
	const struct replay_case *the_case = replay_case_of_message(
		scratch, "file", slice_of(FIELD "Subject: x\nDate: x\n\nbody\n"), 1);
	const struct replay_outcome *before, *after;

	before = judge_under(pairs[_i].before, the_case);
	after = judge_under(pairs[_i].after, the_case);
	ck_assert_int_eq(replay_differs(before, after), pairs[_i].culprit != NULL);
	if (pairs[_i].culprit)
		ck_assert_str_eq(replay_culprit(scratch, before, after), pairs[_i].culprit);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("replay");
	TCase *tests = tcase_create("replay");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, judges_records, 0, COUNT(records));
	tcase_add_test(tests, knows_each_recipient);
	tcase_add_loop_test(tests, judges_by_rules, 0, COUNT(ruled));
	tcase_add_test(tests, knows_whether_the_message_was_kept);
	tcase_add_loop_test(tests, takes_client_and_envelope_from_a_field, 0, COUNT(messages));
	tcase_add_test(tests, counts_only_what_it_came_with);
	tcase_add_loop_test(tests, names_who_made_the_difference, 0, COUNT(pairs));
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
