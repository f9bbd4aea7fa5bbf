/* SPDX-License-Identifier: Apache-2.0 */
/* What rules say of an inquiry, and what the shadow would have said. */
#include "rule_site.h"

#include "base/table.h"
#include "policy/breaker.h"
#include "policy/ruling.h"
#include "policy/shadow.h"

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define SITE                                                                                       \
	"hostname = mx.example.com relay { domains = {example.com} } checks { chain = {rules} } "  \
	"thresholds { tag = 5 reject = 15 } "
#define RULES "rules { files = {a.rules} } "
#define SHADOW "shadow { rules = {b.rules} } "

static void *scratch;

static void set_up(void)
{
	scratch = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

static struct rule_site *site_of(const char *rules, const char *shadow, const char *settings)
{
	struct rule_site *site = rule_site_new(scratch);

	rule_site_write(site, "a.rules", rules);
	rule_site_write(site, "b.rules", shadow ? shadow : "");
	rule_site_read(
		site, talloc_asprintf(scratch, SITE RULES "%s %s", shadow ? SHADOW : "", settings));
	rule_site_is_good(site);
	return site;
}

static struct inquiry *new_inquiry(const struct rule_site *site)
{
	static const struct ip client = {.family = 4, .bytes = {192, 0, 2, 1}};
	struct facts *facts = facts_new(scratch, NULL);

	facts_set_ip(facts, FACT_CLIENT_IP, &client);
	facts_set_number(facts, FACT_CLIENT_PORT, 25);
	facts_set_text(facts, FACT_SENDER, "a@example.net");
	facts_set_text(facts, FACT_SENDER_DOMAIN, "example.net");
	facts_set_text(facts, FACT_RECIPIENT, "b@example.com");
	facts_set_text(facts, FACT_RECIPIENT_DOMAIN, "example.com");
	facts_set_number(facts, FACT_NOW, 1795314522);
	return inquiry_new(scratch, site->chain, facts);
}

static void judge(struct inquiry *inquiry, enum stage stage)
{
	struct await await;

	await_init(&await, NULL, NULL, NULL);
	inquiry_begin_judging(inquiry, stage, NULL, AWAIT_FOR_EVER, &await);
	ck_assert(!await.pending);
}

/* --- verdicts --- */

#define AT_RCPT(more) "rule r { stage rcpt when " more " }"

static const struct {
	const char *rules, *settings;
	enum verdict_kind kind;
	int code;
	double score;
	const char *trace; /* check=result, as the log has it */
} verdicts[] = {
	{AT_RCPT("true then reject"), "", VERDICT_REJECT, 550, 0, "rule r=reject"},
	{AT_RCPT("true then reject 553 5.1.8 \"no {sender}\""), "", VERDICT_REJECT, 553, 0,
		"rule r=reject"},
	{AT_RCPT("true then tempfail"), "", VERDICT_TEMPFAIL, 451, 0, "rule r=tempfail"},
	{AT_RCPT("true then disconnect"), "", VERDICT_DISCONNECT, 554, 0, "rule r=disconnect"},
	{AT_RCPT("true then accept"), "", VERDICT_ACCEPT, 0, 0, "rule r=accept"},
	{AT_RCPT("true then score 2.5"), "", VERDICT_NONE, 0, 2.5, "rule r=match"},
	{AT_RCPT("true then score 2.5 reject"), "", VERDICT_REJECT, 550, 2.5, "rule r=reject"},
	{AT_RCPT("false then reject"), "", VERDICT_NONE, 0, 0, ""},
	{AT_RCPT("true then reject mode monitor"), "", VERDICT_NONE, 0, 0, "rule r=reject?"},
	{AT_RCPT("true then score 9 mode monitor"), "", VERDICT_NONE, 0, 0, "rule r=match?"},
	{AT_RCPT("true then reject until 2020-01-01"), "", VERDICT_NONE, 0, 0, ""},
	{AT_RCPT("true then reject"), "mode = observe", VERDICT_NONE, 0, 0, "rule r=reject?"},
	{"rule a { stage rcpt when true then accept }\nrule r { stage rcpt when true then reject }",
		"", VERDICT_ACCEPT, 0, 0, "rule a=accept"},
	{"rule a { stage rcpt when true then reject mode monitor }\n"
	 "rule r { stage rcpt when true then tempfail }",
		"", VERDICT_TEMPFAIL, 451, 0, "rule a=reject?,rule r=tempfail"},
	{AT_RCPT("resolves(\"x.example\") then reject"), "", VERDICT_NONE, 0, 0, "rule r=failed"},
	{AT_RCPT("resolves(\"x.example\") then score 1 on_error reject"), "", VERDICT_REJECT, 550,
		0, "rule r=failed"},
	{AT_RCPT("not resolves(\"x.example\") then reject"), "", VERDICT_NONE, 0, 0,
		"rule r=failed"},
};

START_TEST(says_what_rules_say)
{
	const struct rule_site *site = site_of(verdicts[_i].rules, NULL, verdicts[_i].settings);
	struct inquiry *inquiry = new_inquiry(site);

	judge(inquiry, STAGE_RCPT);
	ck_assert_int_eq(inquiry->verdict.kind, verdicts[_i].kind);
	ck_assert_int_eq(inquiry->verdict.code, verdicts[_i].code);
	ck_assert_double_eq_tol(inquiry->score, verdicts[_i].score, 0.001);
	ck_assert_str_eq(inquiry_trace_text(scratch, inquiry), verdicts[_i].trace);
}
END_TEST

START_TEST(holds_back_no_longer_than_it_may)
{
	const struct rule_site *site = site_of("rule a { stage rcpt when true then delay 20s }\n"
					       "rule b { stage rcpt when true then delay 20s }",
		NULL, "");
	struct inquiry *inquiry = new_inquiry(site);

	judge(inquiry, STAGE_RCPT);
	ck_assert_uint_eq(inquiry->delay, RULING_DELAY_MOST);
	judge(inquiry, STAGE_DATA);
	ck_assert_uint_eq(inquiry->delay, 0);
}
END_TEST

/* --- for whom rules do not act yet --- */

#define PILOT                                                                                      \
	"rules { files = {a.rules} monitor_recipients = {\"b@example.com\" \".pilot.example\" "    \
	"\"whole.example\"} }"

static const struct {
	const char *recipient;     /* at rcpt; NULL: at data */
	const char *recipients[4]; /* at data */
	bool acts;
} pilots[] = {
	{"b@example.com", {NULL}, false},
	{"B@example.com", {NULL}, false},
	{"b@EXAMPLE.com", {NULL}, false},
	{"c@example.com", {NULL}, true},
	{"x@whole.example", {NULL}, false},
	{"x@below.whole.example", {NULL}, true},
	{"x@a.pilot.example", {NULL}, false},
	{"x@pilot.example", {NULL}, true},
	{NULL, {"b@example.com"}, false},
	{NULL, {"b@example.com", "x@whole.example"}, false},
	{NULL, {"b@example.com", "c@example.com"}, true},
	{NULL, {"c@example.com", "b@example.com"}, true},
	{NULL, {NULL}, true},
};

START_TEST(monitors_lists_of_recipients)
{
	struct rule_site *site = rule_site_new(scratch);
	struct inquiry *inquiry;
	size_t count = 0;

	rule_site_write(site, "a.rules",
		"rule a { stage rcpt when true then reject }\n"
		"rule b { stage data when true then reject }");
	rule_site_read(site, SITE PILOT);
	rule_site_is_good(site);
	inquiry = new_inquiry(site);
	facts_forget(inquiry->facts, FACT_RECIPIENT);
	if (pilots[_i].recipient)
		facts_set_text(inquiry->facts, FACT_RECIPIENT, pilots[_i].recipient);
	while (pilots[_i].recipients[count])
		count++;
	facts_set_texts(
		inquiry->facts, FACT_RECIPIENTS, (const char *const *)pilots[_i].recipients, count);
	facts_set_text(inquiry->facts, FACT_RECIPIENT_DOMAIN, "example.com");
	judge(inquiry, pilots[_i].recipient ? STAGE_RCPT : STAGE_DATA);
	ck_assert_int_eq(inquiry->verdict.kind == VERDICT_REJECT, pilots[_i].acts);
	ck_assert_int_eq(inquiry->trace[0].monitored, !pilots[_i].acts);
	ck_assert_int_eq(inquiry->trace[0].would, pilots[_i].acts ? VERDICT_NONE : VERDICT_REJECT);
}
END_TEST

/* --- the breaker --- */

static const struct {
	const char *rules, *settings;
	bool harms;
} harms[] = {
	{AT_RCPT("true then reject"), "", true},
	{AT_RCPT("true then tempfail"), "", true},
	{AT_RCPT("true then accept"), "", false},
	{AT_RCPT("true then score 5"), "", true},
	{AT_RCPT("true then score 4.9"), "", false},
	{AT_RCPT("true then reject mode monitor"), "", false},
	{AT_RCPT("true then reject"), "mode = observe", false},
	{AT_RCPT("resolves(\"x.example\") then accept on_error tempfail"), "", true},
};

START_TEST(knows_who_harms)
{
	struct inquiry *inquiry = new_inquiry(site_of(harms[_i].rules, NULL, harms[_i].settings));

	judge(inquiry, STAGE_RCPT);
	ck_assert_uint_eq(inquiry->trace_count, 1);
	ck_assert_int_eq(inquiry->trace[0].harms, harms[_i].harms);
	ck_assert_ptr_nonnull(inquiry->trace[0].rule);
}
END_TEST

START_TEST(does_not_act_when_it_has_fallen)
{
	static const char *const names[] = {"good", NULL};
	const struct rule_site *site = site_of(
		AT_RCPT("true then reject"), AT_RCPT("true then reject"), "breaker { hits = 1 }");
	struct breaker *breaker = site->policy->rulebook->breaker;
	struct table *table = table_new(scratch, names);
	struct inquiry *inquiry = new_inquiry(site);
	bool is_blind;
	size_t count;

	breaker_use_table(breaker, table, 1, 0);
	table_add(table, 0, 1);
	ck_assert_int_eq(breaker_note(breaker, 0, 1, &is_blind), BREAKER_FALL);
	judge(inquiry, STAGE_RCPT);
	ck_assert_int_eq(inquiry->verdict.kind, VERDICT_NONE);
	ck_assert(inquiry->trace[0].has_fallen && inquiry->trace[0].monitored);
	ck_assert_int_eq(inquiry->trace[0].would, VERDICT_REJECT);
	ck_assert(!inquiry->trace[0].harms);
	shadow_differences(inquiry, &count);
	ck_assert_uint_eq(count, 0);
}
END_TEST

/* --- the shadow --- */

#define R(what) "rule r { stage rcpt when true then " what " }"

static const struct {
	const char *what;
	const char *rules, *shadow, *settings;
	const char *told; /* NULL: nothing */
} shadows[] = {
	{"the same", R("reject"), R("reject"), "", NULL},
	{"the same by another name", R("reject"), "rule s { stage rcpt when true then reject }", "",
		NULL},
	{"only the text", R("reject \"a\""), R("reject \"b\""), "", NULL},
	{"another verdict", R("tempfail"), R("reject"), "",
		"rcpt: reject 550 instead of tempfail 451, by the shadow's rule r"},
	{"another code", R("reject"), R("reject 553"), "",
		"rcpt: reject 553 instead of reject 550, by the shadow's rule r"},
	{"none any more", R("reject"), "rule s { stage rcpt when false then reject }", "",
		"rcpt: nothing instead of reject 550, by the acting rule r"},
	{"no rule for the stage", R("reject"), "rule s { stage mail when true then reject }", "",
		"rcpt: nothing instead of reject 550, by the acting rule r"},
	{"an exception", R("reject"),
		"rule good { stage rcpt when true then accept }\n" R("reject"), "",
		"rcpt: accept instead of reject 550, by the shadow's rule good"},
	{"accept is not nothing", "rule r { stage rcpt when false then reject }", R("accept"), "",
		"rcpt: accept instead of nothing, by the shadow's rule r"},
	{"another score", R("score 1"), R("score 2"), "",
		"rcpt: score 2.0 instead of score 1.0, by the shadow's rule r"},
	{"the same sum", R("score 3"),
		"rule a { stage rcpt when true then score 1 }\nrule b { stage rcpt when true then "
		"score 2 }",
		"", NULL},
	{"another sum", "rule a { stage rcpt when true then score 1 }\n" R("score 2"), R("score 2"),
		"", "rcpt: score 2.0 instead of score 3.0, by the acting rule a"},
	{"a delay", R("score 1"), R("score 1 delay 1s"), "",
		"rcpt: score 1.0, delay 1s instead of score 1.0, by the shadow's rule r"},
	{"a line in the log is nothing", R("score 1"), R("score 1 log \"x\""), "", NULL},
	{"behind the end nothing counts", R("reject"),
		R("reject") "\nrule z { stage rcpt when true then score 9 }", "", NULL},
	{"what is monitored does nothing", R("score 1"),
		R("score 1") "\nrule z { stage rcpt when true then reject mode monitor }", "",
		NULL},
	{"nor ends the stage",
		R("reject mode monitor") "\nrule z { stage rcpt when true then tempfail }",
		"rule z { stage rcpt when true then tempfail }", "", NULL},
	{"as they are written: rules.mode", R("reject"), R("reject"),
		"checks { monitor = {rules} }", NULL},
	{"observe holds both back", R("reject"), R("reject"), "mode = observe", NULL},
	{"both see the same score", "rule a { stage rcpt when score > 0 then reject }",
		"rule b { stage rcpt when score > 0 then tempfail }\nrule c { stage rcpt when true "
		"then score 5 }",
		"", "rcpt: score 5.0 instead of nothing, by the shadow's rule c"},
	{"who is exempt is so from both", R("score 1"), R("reject"),
		"allow \"x\" { networks = {192.0.2.0/24} }", NULL},
	{"a fact that fails fails for both",
		"rule r { stage rcpt when resolves(\"x.example\") then reject }",
		"rule r { stage rcpt when resolves(\"x.example\") then reject on_error tempfail }",
		"", "rcpt: tempfail 451 instead of nothing, by the shadow's rule r"},
};

START_TEST(compares_with_the_shadow)
{
	const struct rule_site *site = site_of(shadows[_i].rules, shadows[_i].shadow,
		strstr(shadows[_i].settings, "checks") ? "" : shadows[_i].settings);
	struct inquiry *inquiry = new_inquiry(site);
	const char *told;

	if (strstr(shadows[_i].settings, "checks"))
		site->policy->rulebook->monitored = true;
	judge(inquiry, STAGE_RCPT);
	told = shadow_print(scratch, inquiry);
	if (shadows[_i].told)
		ck_assert_msg(told && strcmp(told, shadows[_i].told) == 0, "%s: %s",
			shadows[_i].what, told);
	else
		ck_assert_msg(!told, "%s: %s", shadows[_i].what, told);
}
END_TEST

/* It acts on nothing: all that is judged is as without it. */
START_TEST(the_shadow_changes_nothing)
{
	static const char *const rules = "rule r { stage rcpt when true then score 1 }";
	const struct rule_site *with = site_of(rules,
		"rule r { stage rcpt when true then score 50 reject delay 9s log \"x\" }\n"
		"rule s { stage data when true then accept session }",
		"");
	struct inquiry *shaded = new_inquiry(with), *plain = new_inquiry(site_of(rules, NULL, ""));

	for (enum stage stage = STAGE_MAIL; stage <= STAGE_DATA; stage++) {
		judge(shaded, stage);
		judge(plain, stage);
		ck_assert_int_eq(shaded->verdict.kind, plain->verdict.kind);
		ck_assert_double_eq_tol(shaded->score, plain->score, 0.001);
		ck_assert_uint_eq(shaded->delay, plain->delay);
		ck_assert_uint_eq(shaded->trace_count, plain->trace_count);
		ck_assert_int_eq(shaded->accepted_session, plain->accepted_session);
	}
}
END_TEST

/* A stage that is judged again is told once; at rcpt each recipient is one of its own; a transaction goes on from its session. */
START_TEST(tells_each_stage_once)
{
	const struct rule_site *site = site_of("rule r { stage mail when false then reject }",
		"rule c { stage connect when true then reject }\n"
		"rule r { stage rcpt when true then reject }\n"
		"rule d { stage data when true then reject }",
		"");
	struct inquiry *session = new_inquiry(site), *inquiry = new_inquiry(site);
	const struct shadow_difference *differences;
	size_t count;

	judge(session, STAGE_CONNECT);
	judge(session, STAGE_CONNECT);
	inquiry_inherit(inquiry, session);
	judge(inquiry, STAGE_RCPT);
	judge(inquiry, STAGE_RCPT);
	judge(inquiry, STAGE_DATA);
	judge(inquiry, STAGE_DATA);
	differences = shadow_differences(inquiry, &count);
	ck_assert_uint_eq(count, 4);
	ck_assert_int_eq(differences[0].stage, STAGE_CONNECT);
	ck_assert_str_eq(differences[1].recipient, "b@example.com");
	ck_assert_int_eq(differences[3].stage, STAGE_DATA);
	for (unsigned i = 0; i < 2 * SHADOW_DIFFERENCES; i++)
		judge(inquiry, STAGE_RCPT);
	shadow_differences(inquiry, &count);
	ck_assert_uint_eq(count, SHADOW_DIFFERENCES);
	inquiry->without_shadow = true;
	judge(inquiry, STAGE_MAIL);
	shadow_differences(inquiry, &count);
	ck_assert_uint_eq(count, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ruling");
	TCase *tests = tcase_create("ruling");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, says_what_rules_say, 0, COUNT(verdicts));
	tcase_add_test(tests, holds_back_no_longer_than_it_may);
	tcase_add_loop_test(tests, monitors_lists_of_recipients, 0, COUNT(pilots));
	tcase_add_loop_test(tests, knows_who_harms, 0, COUNT(harms));
	tcase_add_test(tests, does_not_act_when_it_has_fallen);
	tcase_add_loop_test(tests, compares_with_the_shadow, 0, COUNT(shadows));
	tcase_add_test(tests, the_shadow_changes_nothing);
	tcase_add_test(tests, tells_each_stage_once);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
