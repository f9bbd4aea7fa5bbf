/* SPDX-License-Identifier: Apache-2.0 */
/* What a stage makes of its rules: which of them act, what is asked and when, and how it is told. */
#include "rules/evaluate.h"

#include "rules/breakdown.h"
#include "rules/given.h"
#include "rules/sources.h"
#include "tests/fakes/vocabulary.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define REJECT "reject 550 5.7.1 we do not accept this message"

/* A stage over facts that are written as in tests; they can be written anew between runs. */
struct stage {
	struct complaints *complaints;
	struct program *program;
	const struct given_facts *given;
	struct evaluate_input input;
	struct evaluation *evaluation;
	char *asked; /* the names of all that was asked for */
};

static enum fact_state look_up(
	void *owner, const struct evaluate_question *question, struct value *value)
{
	struct stage *stage = owner;
	enum fact_state state = FACT_ABSENT;

	stage->asked = talloc_asprintf_append(
		stage->asked, "%s%s", *stage->asked ? " " : "", question->reference->text);
	given_facts_look_up(stage->given, question, &state, value);
	return state;
}

static void give(struct stage *stage, const char *facts)
{
	char *text = talloc_asprintf(stage,
		"version 1\nrule f { stage connect when true then log \"f\" test match { %s } }",
		facts);
	struct sources *sources =
		sources_of_text(stage, "facts", slice_of(text), stage->complaints);

	stage->given = given_facts_new(
		stage, stage->program, &sources->items[0]->tests[0], stage->complaints);
	ck_assert_msg(!complaints_errors(stage->complaints), "%s",
		complaints_text(stage, stage->complaints));
}

static struct stage *stage_new(const char *rules, const char *facts)
{
	struct stage *stage = talloc_zero(NULL, struct stage);
	char *text = talloc_asprintf(stage, "version 1\n%s", rules);
	struct sources *sources;

	stage->complaints = complaints_new(stage);
	sources = sources_of_text(stage, "rules", slice_of(text), stage->complaints);
	stage->program = program_new(stage, &fake_vocabulary, sources->items, sources->item_count,
		NULL, stage->complaints);
	stage->asked = talloc_strdup(stage, "");
	stage->input = (struct evaluate_input){.look_up = look_up,
		.owner = stage,
		.now = INT64_C(20000) * 86400,
		.budget = 100000,
		.matcher = match_matcher_new(stage)};
	give(stage, facts);
	return stage;
}

static bool run(struct stage *stage, const char *name)
{
	unsigned number = 0;

	if (!stage->evaluation) {
		ck_assert(vocabulary_stage(&fake_vocabulary, slice_of(name), &number));
		stage->evaluation = evaluate_begin(stage, stage->program, number, &stage->input);
	}
	return evaluate_run(stage->evaluation);
}

static char *print_action(char *text, const struct outcome_action *action)
{
	text = talloc_asprintf_append(
		text, " %s%s", action->row->name, action->acts ? "" : " (not now)");
	for (size_t i = 0; i < action->row->slot_count; i++) {
		char *value;

		if (action->arguments[i].state != FACT_KNOWN)
			continue;
		value = value_print(NULL, &action->arguments[i].value, NULL);
		text = talloc_asprintf_append(text, " %s", value);
		talloc_free(value);
	}
	return text;
}

/* "a: score 2; b: reject 550 5.7.1 text!"; "?" behind a name: monitored; "!": it ends the stage. */
static const char *outcomes_of(struct stage *stage)
{
	size_t count;
	const struct rule_outcome *outcomes = evaluate_outcomes(stage->evaluation, &count);
	char *text = talloc_strdup(stage, "");

	for (size_t i = 0; i < count; i++) {
		const struct rule_outcome *outcome = &outcomes[i];

		text = talloc_asprintf_append(text, "%s%s%s:", i ? "; " : "", outcome->rule->name,
			outcome->monitored ? "?" : "");
		if (outcome->failed)
			text = talloc_asprintf_append(text, " failed (%s)", outcome->reason);
		for (size_t k = 0; k < outcome->count; k++)
			text = print_action(text, &outcome->actions[k]);
		text = talloc_strdup_append(text, outcome->ends ? "!" : "");
	}
	return text;
}

/* clang-format off */
static const struct {
	const char *name, *stage, *rules, *facts, *outcomes;
} stages[] = {
	{"the first final action ends the stage", "connect",
		"rule a { stage connect when client.tls then score 2 log \"seen\" }"
		"rule b { stage connect when client.tls then reject }"
		"rule c { stage connect when client.tls then score 3 }",
		"client.tls = true", "a: score 2 log seen; b: " REJECT "!"},
	{"rules of other stages are not looked at", "helo",
		"rule a { stage connect when client.tls then reject }"
		"rule b { stage helo when client.tls then score 1 }",
		"client.tls = true", "b: score 1"},
	{"nothing matches", "connect", "rule a { stage connect when client.tls then reject }", "", ""},
	{"what was written stands instead of the defaults", "connect",
		"rule a { stage connect when true then reject 554 5.7.9 \"no\" }", "", "a: reject 554 5.7.9 no!"},
	{"a code alone", "connect", "rule a { stage connect when true then tempfail 421 }", "",
		"a: tempfail 421 4.7.1 please try again later!"},
	{"accept for the session", "connect", "rule a { stage connect when true then accept session }", "", "a: accept session!"},
	{"facts in texts, and braces", "connect",
		"rule a { stage connect when true then log \"{client.port} {{x} {client.tls} {client.ip}.\" }",
		"client.port = 25 client.tls = true client.ip = 2001:db8::1", "a: log 25 {x} true 2001:db8::1."},
	{"what is absent is empty in a text, what failed is a question mark", "connect",
		"rule a { stage connect when true then log \"<{client.port}><{client.ip}>\" }",
		"client.ip = failed", "a: log <><?>"},
	{"texts are cleaned", "message", "rule a { stage message when true then log \"{subject}\" }",
		"subject = \"a\\nb\"", "a: log a?b"},
	{"types of facts in texts", "message",
		"rule a { stage message when true then log \"{spf.result} {mime.anomalies} {size} {idle} {certificate.expires} {score}\" }",
		"spf.result = fail mime.anomalies = { nul bare_lf } size = 10M idle = 5m certificate.expires = 2027-06-30 score = 2.5",
		"a: log fail bare_lf nul 10485760 5m 2027-06-30 2.5"},
	{"the first of several", "message", "rule a { stage message when true then log \"{recipients} {header[\\\"To\\\"]}\" }",
		"recipients = { <a@b.c> <d@e.f> } header[\"to\"] = \"x\"", "a: log a@b.c x"},
	{"a field is that of the record that matched", "message",
		"rule a { stage message when any attachment (size > 1M and extension == \"exe\") then log \"{attachment.name}\" }",
		"attachment.name = { \"1\" \"2\" \"3\" } attachment.extension = { \"exe\" \"exe\" \"exe\" } attachment.size = { 1 2M 3M }",
		"a: log 2"},
	{"also when it was asked for in passing", "message",
		"rule a { stage message when not client.tls and attachment.extension == \"exe\" then log \"{attachment.name}\" }",
		"attachment.name = { \"1\" \"2\" } attachment.extension = { \"pdf\" \"exe\" }", "a: log 2"},
	{"without a match it is the first record's", "message", "rule a { stage message when true then log \"{attachment.name}\" }",
		"attachment.name = { \"1\" \"2\" }", "a: log 1"},
	{"without records it is empty", "message", "rule a { stage message when true then log \"<{attachment.name}>\" }", "", "a: log <>"},
	{"a monitored rule does not act", "connect",
		"rule a { stage connect when true then reject mode monitor }"
		"rule b { stage connect when true then score 1 mode enforce }", "", "a?: " REJECT "; b: score 1"},
	{"until: its last day", "connect", "rule a { stage connect when true then score 1 until 2024-10-04 }", "", "a: score 1"},
	{"until: the day after", "connect", "rule a { stage connect when true then score 1 until 2024-10-03 }", "", ""},
	{"a failed condition is told and does not match", "connect",
		"rule a { stage connect when not client.tls then reject }"
		"rule b { stage connect when true then score 1 }",
		"client.tls = failed", "a: failed (the test says so); b: score 1"},
	{"on_error acts", "connect",
		"rule a { stage connect when not client.tls then score 1 on_error tempfail }"
		"rule b { stage connect when true then score 1 }",
		"client.tls = failed", "a: failed (the test says so) tempfail 451 4.7.1 please try again later!"},
	{"on_error of a monitored rule does not", "connect",
		"rule a { stage connect when not client.tls then score 1 on_error reject mode monitor }"
		"rule b { stage connect when true then score 1 }",
		"client.tls = failed", "a?: failed (the test says so) " REJECT "; b: score 1"},
	{"on_error ignore is the default", "connect", "rule a { stage connect when client.tls then score 1 on_error ignore }",
		"client.tls = failed", "a: failed (the test says so)"},
	{"greylist acts while the triplet is young", "rcpt",
		"rule a { stage rcpt when true then greylist 60s }"
		"rule b { stage rcpt when true then score 1 }",
		"greylist.young = true", "a: greylist 1m!"},
	{"and no longer afterwards", "rcpt",
		"rule a { stage rcpt when true then greylist 60s }"
		"rule b { stage rcpt when true then score 1 }",
		"greylist.young = false", "a: greylist (not now) 1m; b: score 1"},
	{"and when that cannot be told, the rule has failed", "rcpt",
		"rule a { stage rcpt when true then greylist 60s on_error tempfail }",
		"greylist.young = failed", "a: failed (the test says so) tempfail 451 4.7.1 please try again later!"},
	{"addresses behind actions", "rcpt", "rule a { stage rcpt when true then redirect <a@example.com> }", "",
		"a: redirect a@example.com"},
	{"header fields", "message",
		"rule a { stage message when true then header \"X-A\" \"{sender}\" remove_header \"X-B\" subject_prefix \"[s] \" score -2.5 }",
		"sender = <a@b.c>", "a: header X-A a@b.c remove_header X-B subject_prefix [s]  score -2.5"},
};
/* clang-format on */

START_TEST(judges_a_stage)
{
	struct stage *stage = stage_new(stages[_i].rules, stages[_i].facts);

	ck_assert(run(stage, stages[_i].stage));
	ck_assert_msg(strcmp(outcomes_of(stage), stages[_i].outcomes) == 0, "%s: %s, expected %s",
		stages[_i].name, outcomes_of(stage), stages[_i].outcomes);
	talloc_free(stage);
}
END_TEST

START_TEST(monitors_all_rules)
{
	struct stage *stage = stage_new("rule a { stage connect when true then reject }"
					"rule b { stage connect when true then score 1 }",
		"");

	stage->input.monitored = true;
	ck_assert(run(stage, "connect"));
	ck_assert_str_eq(outcomes_of(stage), "a?: " REJECT "; b?: score 1");
	talloc_free(stage);
}
END_TEST

/* --- runs --- */

START_TEST(runs_again_when_more_is_known)
{
	struct stage *stage = stage_new(
		"rule a { stage connect when client.tls and client.port == 25 then reject }"
		"rule b { stage connect when listener == \"in\" then score 1 }",
		"client.tls = unknown client.port = unknown listener = \"in\"");

	ck_assert(!run(stage, "connect"));
	ck_assert_str_eq(stage->asked, "client.tls client.port listener"); /* all at once */
	give(stage, "client.tls = true client.port = 26");
	ck_assert(run(stage, "connect"));
	ck_assert_str_eq(outcomes_of(stage), "b: score 1");
	ck_assert_str_eq(stage->asked, "client.tls client.port listener client.tls client.port");
	ck_assert(run(stage, "connect")); /* it is done, and stays so */
	ck_assert_str_eq(outcomes_of(stage), "b: score 1");
	talloc_free(stage);
}
END_TEST

START_TEST(needs_no_unknown_fact_when_another_decides)
{
	struct stage *stage = stage_new(
		"rule a { stage connect when client.tls and client.port == 25 then reject }"
		"rule b { stage connect when client.tls or client.port == 26 then score 1 }",
		"client.tls = unknown client.port = 26");

	ck_assert(run(stage, "connect"));
	ck_assert_str_eq(outcomes_of(stage), "b: score 1");
	talloc_free(stage);
}
END_TEST

START_TEST(asks_no_further_than_needed)
{
	struct stage *stage = stage_new(
		"rule a { stage connect when client.tls and client.port == 25 then score 1 }"
		"rule b { stage connect when true then reject }"
		"rule c { stage connect when listener == \"in\" then reject }",
		"client.tls = false");

	ck_assert(run(stage, "connect"));
	ck_assert_str_eq(stage->asked, "client.tls");
	talloc_free(stage);
}
END_TEST

/* What is asked for in a first run where everything is unknown, and in a second that knows the rest. */
/* clang-format off */
static const struct {
	const char *name, *rules, *first, *facts, *second;
} countings[] = {
	{"equal keys count once, whoever asks",
		"rule a { stage connect when rate(client.ip, 1m) > 5 then score 1 }"
		"rule b { stage connect when not rate(client.ip, 60s) > 5 then score 2 mode monitor }",
		"client.ip", "client.ip = 192.0.2.1 rate = 6", "client.ip rate(client.ip, 1m)"},
	{"keys that come out equal do, too",
		"rule a { stage connect when rate(client.name, 1m) > 5 or rate(listener, 1m) > 6 then score 1 }",
		"client.name listener", "client.name = \"x\" listener = \"x\" rate = 1",
		"client.name rate(client.name, 1m) listener rate(listener, 1m)"},
	{"not behind what is unknown",
		"rule a { stage connect when client.tls and rate(\"x\", 1m) > 5 then score 1 }",
		"client.tls", "client.tls = true rate = 1", "client.tls rate(\"x\", 1m)"},
	{"nor in an or, nor deeper",
		"rule a { stage connect when client.tls or (client.port == 1 and not rate(\"x\", 1m) > 5) then score 1 }",
		"client.tls client.port", "client.tls = true", "client.tls"},
	{"not behind a rule that may end the stage",
		"rule a { stage connect when client.tls then reject }"
		"rule b { stage connect when rate(\"x\", 1m) > 5 then score 1 }",
		"client.tls", "client.tls = true", "client.tls"},
	{"but behind one that may not",
		"rule a { stage connect when client.tls then score 1 }"
		"rule b { stage connect when rate(\"x\", 1m) > 5 then score 1 }",
		"client.tls rate(\"x\", 1m)", "client.tls = true rate = 1", "client.tls rate(\"x\", 1m)"},
	{"nor greylist",
		"rule a { stage rcpt when client.tls then reject }"
		"rule b { stage rcpt when true then greylist 1m }",
		"client.tls", "client.tls = false greylist.young = true", "client.tls greylist.young(1m)"},
	{"a counting fact that is absent's key does not count",
		"rule a { stage connect when rate(client.name, 1m) > 5 then score 1 }", "client.name", "client.name = absent", "client.name"},
};
/* clang-format on */

START_TEST(never_counts_ahead)
{
	const char *name = strstr(countings[_i].rules, "rcpt") ? "rcpt" : "connect";
	struct stage *stage = stage_new(countings[_i].rules,
		"client.ip = unknown client.tls = unknown client.port = unknown client.name = "
		"unknown listener = unknown rate = unknown greylist.young = unknown");

	ck_assert(!run(stage, name));
	ck_assert_msg(strcmp(stage->asked, countings[_i].first) == 0, "%s: first: %s",
		countings[_i].name, stage->asked);
	stage->asked = talloc_strdup(stage, "");
	give(stage, countings[_i].facts);
	ck_assert(run(stage, name));
	ck_assert_msg(strcmp(stage->asked, countings[_i].second) == 0, "%s: second: %s",
		countings[_i].name, stage->asked);
	talloc_free(stage);
}
END_TEST

START_TEST(asks_for_each_record)
{
	struct stage *stage =
		stage_new("rule a { stage message when any url (rhsbl(\"z\", host) == "
			  "127.0.0.2) then score 1 }",
			"url.host = { \"a.b\" \"c.d\" \"A.b\" \"c.d\" } rhsbl = unknown");

	ck_assert(!run(stage, "message"));
	/* Equal questions are one. */
	ck_assert_str_eq(stage->asked,
		"url rhsbl(\"z\", host) of url.host rhsbl(\"z\", host) of url.host rhsbl(\"z\", "
		"host) of url.host");
	give(stage, "url.host = { } rhsbl = 127.0.0.2");
	ck_assert(run(stage, "message"));
	ck_assert_str_eq(outcomes_of(stage), "a: score 1");
	talloc_free(stage);
}
END_TEST

/* --- limits --- */

static const struct {
	const char *condition;
	size_t size;
	char filling;
	const char *outcomes;
} hostile[] = {
	{"body.text matches /(a+)+b/", 20000, 'a', ""},
	{"body.text matches /a.*b.*c[0-9]/", 20000, 'a', ""},
	{"not body.text matches /^(a+)+[bc]$/", 20000, 'a',
		"a: failed (a regex reached its limit)"},
	{"not body.text matches /^(a|aa)+$/", 20001, 'a', "a: failed (a regex reached its limit)"},
	{"body.text matches /(.*a){20}x/s", 20000, 'a', ""},
	{"not body.text matches /needle/", 10 << 20, 'a',
		"a: failed (the text is longer than what is searched)"},
	{"not body.text contains \"needle\"", 10 << 20, 'a',
		"a: failed (the text is longer than what is searched)"},
	{"body.text contains \"aaaa\"", 10 << 20, 'a', "a: score 1"},
	{"body.text matches /a{3}/", 10 << 20, 'a', "a: score 1"},
};

static enum fact_state look_up_body(
	void *owner, const struct evaluate_question *question, struct value *value)
{
	ck_assert_str_eq(question->fact->name, "body.text");
	*value = (struct value){.type = VALUE_TEXT, .text = owner};
	return FACT_KNOWN;
}

START_TEST(is_bounded)
{
	char *rules = talloc_asprintf(
		NULL, "rule a { stage message when %s then score 1 }", hostile[_i].condition);
	struct stage *stage = stage_new(rules, "");
	char *body = talloc_zero_array(stage, char, hostile[_i].size + 1);
	struct matcher *matcher = stage->input.matcher;

	memset(body, hostile[_i].filling, hostile[_i].size);
	stage->input.look_up = look_up_body;
	stage->input.owner = body;
	ck_assert(run(stage, "message"));
	ck_assert_msg(strcmp(outcomes_of(stage), hostile[_i].outcomes) == 0, "%s: %s",
		hostile[_i].condition, outcomes_of(stage));
	ck_assert_uint_eq(matcher->limits_hit, strstr(hostile[_i].outcomes, "failed") ? 1 : 0);
	talloc_free(stage);
	talloc_free(rules);
}
END_TEST

START_TEST(keeps_to_its_budget)
{
	struct stage *stage =
		stage_new("rule a { stage message when body.text matches /x/ then score 1 }"
			  "rule b { stage message when true then score 2 }",
			"");

	stage->input.budget = 0;
	stage->input.look_up = look_up_body;
	stage->input.owner = talloc_strdup(stage, "x");
	ck_assert(run(stage, "message"));
	ck_assert_str_eq(
		outcomes_of(stage), "a: failed (the time for searching is used up); b: score 2");
	talloc_free(stage);
}
END_TEST

/* --- telling --- */

START_TEST(tells_why)
{
	struct stage *stage = stage_new(
		"rule a { stage message when not client.tls and (client.port == 25 or listener == "
		"\"x\") and subject contains \"b\" and any attachment (size > 1 and encrypted) "
		"then "
		"score 1 }",
		"client.port = 25 subject = failed attachment.size = { 1 2 } attachment.encrypted "
		"= "
		"{ true true }");
	char *text = talloc_strdup(stage, "");
	struct breakdown_line *lines;
	size_t count;

	ck_assert(run(stage, "message"));
	lines = breakdown_new(
		stage, stage->evaluation, stage->program->rules[0]->condition, &count);
	for (size_t i = 0; i < count; i++)
		text = talloc_asprintf_append(text, "%u/%u %s [%s] %s%s\n", lines[i].depth,
			lines[i].record, lines[i].text, lines[i].value,
			evaluate_truth_name(lines[i].truth), lines[i].needed ? "" : ", not needed");
	ck_assert_str_eq(text,
		"0/0 client.tls [absent] absent\n"
		"0/0 client.port == 25 [25] true\n"
		"0/0 listener == \"x\" [unknown] unknown, not needed\n"
		"0/0 subject contains \"b\" [failed: the test says so] failed\n"
		"0/0 any attachment (size > 1 and encrypted) [2 records] true\n"
		"1/1 size > 1 [1] false\n"
		"1/1 encrypted [true] true\n"
		"1/2 size > 1 [2] true\n"
		"1/2 encrypted [true] true\n");
	ck_assert_str_eq(stage->asked, "client.tls client.port subject attachment");
	talloc_free(stage);
}
END_TEST

START_TEST(shares_equal_conditions)
{
	struct stage *stage = stage_new(
		"let a1 = client.tls and client.port == 25\n"
		"rule a { stage connect when client.tls and client.port == 25 then score 1 }"
		"rule b { stage connect when a1 then score 2 }"
		"rule c { stage connect when client.port == 25 or client.port == 26 then score 3 }",
		"");

	/* client.tls, client.port == 25, and; client.port == 26, or */
	ck_assert_uint_eq(stage->program->node_count, 5);
	ck_assert_ptr_eq(stage->program->rules[0]->condition, stage->program->rules[1]->condition);
	talloc_free(stage);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("evaluate");
	TCase *cases = tcase_create("evaluate");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, judges_a_stage, 0, COUNT(stages));
	tcase_add_test(cases, monitors_all_rules);
	tcase_add_test(cases, runs_again_when_more_is_known);
	tcase_add_test(cases, needs_no_unknown_fact_when_another_decides);
	tcase_add_test(cases, asks_no_further_than_needed);
	tcase_add_loop_test(cases, never_counts_ahead, 0, COUNT(countings));
	tcase_add_test(cases, asks_for_each_record);
	tcase_add_loop_test(cases, is_bounded, 0, COUNT(hostile));
	tcase_add_test(cases, keeps_to_its_budget);
	tcase_add_test(cases, tells_why);
	tcase_add_test(cases, shares_equal_conditions);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
