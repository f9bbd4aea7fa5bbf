/* SPDX-License-Identifier: Apache-2.0 */
/* The order of judgement. */
#include "policy/spf.h"
#include "judging.h"

#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static void *scratch;
static struct facts *facts;
static struct inquiry *inquiry;
static struct verdict verdict;

/* Who was asked, in order: a letter each. */
static char asked[32];

static void ask(char letter)
{
	size_t used = strlen(asked);

	asked[used] = letter;
	asked[used + 1] = '\0';
}

/* What each of the stand-ins says: a gate, a limit and two checks. */
static struct verdict gate_says, limit_says, first_says, second_says;

static struct verdict judge_gate(struct inquiry *unused)
{
	(void)unused;
	ask('g');
	return gate_says;
}

static struct verdict judge_limit(struct inquiry *unused)
{
	(void)unused;
	ask('l');
	return limit_says;
}

static struct verdict judge_first(struct inquiry *unused)
{
	(void)unused;
	ask('1');
	return first_says;
}

static struct verdict judge_second(struct inquiry *unused)
{
	(void)unused;
	ask('2');
	return second_says;
}

#define ALL_STAGES (AT(STAGES) - 1)

static const struct check gate = {"gate", ALL_STAGES, judge_gate, "", .is_limit = false};
static const struct check limit = {"limit", ALL_STAGES, judge_limit, "", .is_limit = true};
static const struct check first = {"first", ALL_STAGES, judge_first, "", .is_limit = false};
static const struct check second = {"second", ALL_STAGES, judge_second, "", .is_limit = false};
static const struct check only_data = {
	"only_data", AT(STAGE_DATA), judge_second, "", .is_limit = false};
static const struct check *const gates[] = {&gate, NULL};
static const struct check *const checks[] = {&first, &limit, &second, &only_data, NULL};

#define BASE                                                                                       \
	"hostname = mx.example.com relay { domains = {example.com} } "                             \
	"allow clients { networks = {192.0.2.0/24} } "                                             \
	"allow any { senders = {\"good@example.org\", .example.net} unverified = yes } "           \
	"allow some { senders = {known.example} owner = joe reason = \"they pay\" "                \
	"until = 2030-06-30 } "
#define LAST_DAY 1909094399 /* 2030-06-30, its last second */
#define CHAIN BASE "checks { chain = {first, limit, second} } "

static void set_up(void)
{
	scratch = talloc_new(NULL);
	facts = facts_new(scratch, NULL);
	asked[0] = '\0';
	gate_says = limit_says = first_says = second_says = verdict_none();
}

static void tear_down(void)
{
	talloc_free(scratch);
}

static void use(const char *settings)
{
	inquiry = inquiry_new(
		scratch, judging_chain_of(scratch, settings, gates, checks, NULL), facts);
}

static void run(enum stage stage)
{
	inquiry->stage = stage;
	asked[0] = '\0';
	verdict = chain_run(inquiry->chain, inquiry);
}

static const struct trace_entry *last_entry(void)
{
	ck_assert_uint_gt(inquiry->trace_count, 0);
	return &inquiry->trace[inquiry->trace_count - 1];
}

/* --- order --- */

START_TEST(asks_gates_then_limits_then_checks)
{
	use(CHAIN);
	run(STAGE_RCPT);
	ck_assert_str_eq(asked, "gl12");
	ck_assert_int_eq(verdict.kind, VERDICT_NONE);
	ck_assert_uint_eq(inquiry->trace_count, 0);
}
END_TEST

START_TEST(follows_the_order_of_the_settings)
{
	use(BASE "checks { chain = {second, first} }");
	run(STAGE_RCPT);
	ck_assert_str_eq(asked, "g21");
}
END_TEST

START_TEST(asks_only_at_its_stage)
{
	use(BASE "checks { chain = {only_data} }");
	run(STAGE_RCPT);
	ck_assert_str_eq(asked, "g");
	run(STAGE_DATA);
	ck_assert_str_eq(asked, "g2");
}
END_TEST

START_TEST(leaves_out_what_is_off)
{
	use(BASE "checks { chain = {first, limit, second} off = {first} }");
	run(STAGE_RCPT);
	ck_assert_str_eq(asked, "gl2");
}
END_TEST

START_TEST(ends_with_the_first_verdict)
{
	use(CHAIN);
	first_says = verdict_reject(550, "5.7.1", "no");
	second_says = verdict_reject(550, "5.7.1", "never asked");
	run(STAGE_RCPT);
	ck_assert_str_eq(asked, "gl1");
	ck_assert_int_eq(verdict.kind, VERDICT_REJECT);
	ck_assert_str_eq(verdict.text, "no");
	ck_assert_str_eq(verdict.decided_by, "check first");
	ck_assert_str_eq(last_entry()->check, "first");
	ck_assert_str_eq(last_entry()->result, "reject");
	ck_assert_str_eq(last_entry()->detail, "no");
}
END_TEST

START_TEST(has_gates_that_decide)
{
	use(CHAIN);
	gate_says = verdict_reject(550, "5.7.1", "no");
	run(STAGE_RCPT);
	ck_assert_str_eq(asked, "g");
	ck_assert_str_eq(verdict.decided_by, "check gate");
}
END_TEST

START_TEST(lets_accept_end_the_rest)
{
	use(CHAIN);
	first_says = verdict_accept("known");
	second_says = verdict_reject(550, "5.7.1", "never asked");
	inquiry->score = 99;
	run(STAGE_MESSAGE);
	ck_assert_str_eq(asked, "gl1");
	ck_assert_int_eq(verdict.kind, VERDICT_ACCEPT);
	ck_assert_str_eq(verdict.decided_by, "check first");
}
END_TEST

/* --- exemptions --- */

static void tell_sender(const char *sender, const char *domain)
{
	facts_set_text(facts, FACT_SENDER, sender);
	facts_set_text(facts, FACT_SENDER_DOMAIN, domain);
}

static const struct {
	const char *client, *sender, *domain, *spf;
	const char *entry, *detail; /* NULL: not exempt */
	int64_t now;
} allowed[] = {
	{"192.0.2.7", "x@evil.example", "evil.example", "fail", "allow clients",
		"its networks have the client", 0},
	{"198.51.100.7", "x@evil.example", "evil.example", "pass", NULL, NULL, 0},
	{"198.51.100.7", "good@example.org", "example.org", "fail", "allow any",
		"its senders have the sender, unverified", 0},
	{"198.51.100.7", "GOOD@example.org", "example.org", "none", "allow any",
		"its senders have the sender, unverified", 0},
	{"198.51.100.7", "other@example.org", "example.org", "pass", NULL, NULL, 0},
	{"198.51.100.7", "x@mail.example.net", "mail.example.net", "none", "allow any",
		"its senders have the sender, unverified", 0},
	{"198.51.100.7", "x@example.net", "example.net", "pass", NULL, NULL, 0},
	{"198.51.100.7", "", "", "pass", NULL, NULL, 0},
	{"198.51.100.7", "x@known.example", "known.example", "pass", "allow some",
		"its senders have the sender, wanted by joe: they pay, until 2030-06-30", 0},
	{"198.51.100.7", "x@known.example", "known.example", "neutral", NULL, NULL, 0},
	{"198.51.100.7", "x@known.example", "known.example", "fail", NULL, NULL, 0},
	{"198.51.100.7", "x@known.example", "known.example", NULL, NULL, NULL, 0},
	{"198.51.100.7", "x@known.example", "known.example", "pass", "allow some",
		"its senders have the sender, wanted by joe: they pay, until 2030-06-30", LAST_DAY},
	{"198.51.100.7", "x@known.example", "known.example", "pass", NULL, NULL, LAST_DAY + 1},
};

START_TEST(exempts_the_allow_list)
{
	struct ip client;

	use(CHAIN);
	ck_assert(ip_parse(slice_of(allowed[_i].client), &client));
	facts_set_ip(facts, FACT_CLIENT_IP, &client);
	facts_set_number(facts, FACT_NOW, allowed[_i].now);
	if (allowed[_i].spf)
		facts_set_number(facts, FACT_SPF_RESULT,
			vocabulary_index(spf_result_names, allowed[_i].spf));
	else
		facts_set_absent(facts, FACT_SPF_RESULT);
	tell_sender(allowed[_i].sender, allowed[_i].domain);
	first_says = verdict_reject(550, "5.7.1", "no");
	run(STAGE_RCPT);
	ck_assert_int_eq(verdict.kind, allowed[_i].entry ? VERDICT_ACCEPT : VERDICT_REJECT);
	ck_assert_str_eq(asked, allowed[_i].entry ? "gl" : "gl1");
	ck_assert_str_eq(verdict.decided_by, allowed[_i].entry ? allowed[_i].entry : "check first");
	if (allowed[_i].entry)
		ck_assert_str_eq(last_entry()->detail, allowed[_i].detail);
}
END_TEST

/* What SPF says is waited for. */
START_TEST(waits_to_know_whether_a_sender_is_exempt)
{
	struct ip client = {4, {198, 51, 100, 7}};

	use(CHAIN);
	facts_set_ip(facts, FACT_CLIENT_IP, &client);
	tell_sender("x@known.example", "known.example");
	first_says = verdict_reject(550, "5.7.1", "no");
	run(STAGE_RCPT);
	ck_assert_int_eq(verdict.kind, VERDICT_UNKNOWN);
	ck_assert_str_eq(asked, "gl");
	ck_assert_uint_eq(talloc_array_length(inquiry->wanted), 1);
}
END_TEST

/* A refusal at helo waits until the sender is known, and so does the list win. */
START_TEST(defers_what_is_refused_before_the_sender_is_known)
{
	use(CHAIN);
	first_says = verdict_reject(550, "5.7.1", "a lie");
	run(STAGE_HELO);
	ck_assert_int_eq(verdict.kind, VERDICT_NONE);
	ck_assert_str_eq(last_entry()->result, "reject");
	first_says = verdict_none();
	run(STAGE_MAIL);
	tell_sender("x@evil.example", "evil.example");
	run(STAGE_RCPT);
	ck_assert_int_eq(verdict.kind, VERDICT_REJECT);
	ck_assert_str_eq(verdict.text, "a lie");
	ck_assert_str_eq(verdict.decided_by, "check first");
	tell_sender("good@example.org", "example.org");
	run(STAGE_RCPT);
	ck_assert_int_eq(verdict.kind, VERDICT_ACCEPT);
}
END_TEST

START_TEST(defers_limits_never)
{
	use(CHAIN);
	limit_says = verdict_tempfail(452, "4.5.3", "too many");
	run(STAGE_HELO);
	ck_assert_int_eq(verdict.kind, VERDICT_TEMPFAIL);
}
END_TEST

/* An exemption reaches behind neither gates nor limits. */
START_TEST(exempts_from_checks_only)
{
	use(CHAIN);
	tell_sender("good@example.org", "example.org");
	limit_says = verdict_tempfail(452, "4.5.3", "too many");
	run(STAGE_RCPT);
	ck_assert_int_eq(verdict.kind, VERDICT_TEMPFAIL);
	gate_says = verdict_reject(550, "5.7.1", "no");
	run(STAGE_RCPT);
	ck_assert_int_eq(verdict.kind, VERDICT_REJECT);
}
END_TEST

static const struct {
	const char *recipients[3];
	bool exempt;
} postmasters[] = {
	{{"postmaster"}, true},
	{{"POSTMASTER@example.com"}, true},
	{{"abuse@example.com"}, true},
	{{"postmaster", "abuse@example.com"}, true},
	{{"postmaster@example.com", "user@example.com"}, false},
	{{"abuse"}, false},
	{{"postmaster@example.org"}, false},
	{{"xpostmaster@example.com"}, false},
	{{"user@example.com"}, false},
	{{NULL}, false},
};

START_TEST(exempts_mail_for_postmaster)
{
	size_t count = 0;

	use(CHAIN);
	while (postmasters[_i].recipients[count])
		count++;
	facts_set_texts(facts, FACT_RECIPIENTS, postmasters[_i].recipients, count);
	inquiry->score = 99;
	run(STAGE_MESSAGE);
	ck_assert_int_eq(verdict.kind, postmasters[_i].exempt ? VERDICT_ACCEPT : VERDICT_REJECT);
	if (count != 1)
		return;
	facts_set_text(facts, FACT_RECIPIENT, postmasters[_i].recipients[0]);
	first_says = verdict_reject(550, "5.7.1", "no");
	run(STAGE_RCPT);
	ck_assert_int_eq(verdict.kind, postmasters[_i].exempt ? VERDICT_ACCEPT : VERDICT_REJECT);
}
END_TEST

START_TEST(exempts_an_accepted_session)
{
	use(CHAIN);
	inquiry->accepted_session = true;
	first_says = verdict_reject(550, "5.7.1", "no");
	run(STAGE_MESSAGE);
	ck_assert_int_eq(verdict.kind, VERDICT_ACCEPT);
	ck_assert_str_eq(verdict.decided_by, "session");
}
END_TEST

/* --- monitor and observe --- */

START_TEST(does_not_hear_the_monitored)
{
	use(BASE "checks { chain = {first, second} monitor = {first} }");
	first_says = verdict_reject(550, "5.7.1", "no");
	first_says.score = 7;
	run(STAGE_RCPT);
	ck_assert_str_eq(asked, "g12");
	ck_assert_int_eq(verdict.kind, VERDICT_NONE);
	ck_assert(last_entry()->monitored);
	ck_assert_double_eq(last_entry()->score, 7);
	ck_assert_double_eq(inquiry->score, 0);
}
END_TEST

#define OBSERVE "mode = observe " CHAIN

START_TEST(observes)
{
	use(OBSERVE);
	first_says = verdict_reject(550, "5.7.1", "no");
	run(STAGE_RCPT);
	ck_assert_str_eq(asked, "gl1");
	ck_assert_int_eq(verdict.kind, VERDICT_NONE);
	ck_assert_int_eq(inquiry->observed->kind, VERDICT_REJECT);
	ck_assert_str_eq(inquiry->observed->decided_by, "check first");
	ck_assert(last_entry()->monitored);
}
END_TEST

START_TEST(enforces_gates_and_limits_while_observing)
{
	use(OBSERVE);
	limit_says = verdict_tempfail(452, "4.5.3", "too many");
	run(STAGE_RCPT);
	ck_assert_int_eq(verdict.kind, VERDICT_TEMPFAIL);
	gate_says = verdict_reject(550, "5.7.1", "no");
	run(STAGE_RCPT);
	ck_assert_int_eq(verdict.kind, VERDICT_REJECT);
	ck_assert_ptr_null(inquiry->observed);
}
END_TEST

START_TEST(observes_thresholds)
{
	use(OBSERVE);
	first_says = verdict_score(20, "odd", NULL);
	run(STAGE_MESSAGE);
	ck_assert_int_eq(verdict.kind, VERDICT_NONE);
	ck_assert_int_eq(inquiry->observed->kind, VERDICT_REJECT);
	ck_assert_str_eq(inquiry->observed->decided_by, "threshold reject");
	ck_assert_double_eq(inquiry->score, 20);
}
END_TEST

START_TEST(remembers_the_worst_observed)
{
	use(OBSERVE);
	first_says = verdict_reject(550, "5.7.1", "no");
	run(STAGE_MAIL);
	first_says = verdict_tempfail(451, "4.7.1", "later");
	run(STAGE_RCPT);
	ck_assert_int_eq(inquiry->observed->kind, VERDICT_REJECT);
}
END_TEST

/* --- scores --- */

static const struct {
	enum stage stage;
	double score;
	enum verdict_kind kind;
	bool tagged;
	const char *decided_by, *text;
} scores[] = {
	{STAGE_MESSAGE, 0, VERDICT_NONE, false, NULL, NULL},
	{STAGE_MESSAGE, 4.9, VERDICT_NONE, false, NULL, NULL},
	{STAGE_MESSAGE, 5, VERDICT_NONE, true, NULL, NULL},
	{STAGE_MESSAGE, 9.9, VERDICT_NONE, true, NULL, NULL},
	{STAGE_MESSAGE, 10, VERDICT_REJECT, false, "threshold quarantine", "no quarantine"},
	{STAGE_MESSAGE, 15, VERDICT_REJECT, false, "threshold reject", "score 15.0 of 15.0"},
	{STAGE_MESSAGE, 99, VERDICT_REJECT, false, "threshold reject", "score 99.0 of 15.0"},
	{STAGE_DATA, 99, VERDICT_NONE, false, NULL, NULL},
};

START_TEST(applies_thresholds)
{
	use(CHAIN);
	first_says = verdict_score(scores[_i].score / 2, "odd", NULL);
	second_says = first_says;
	run(scores[_i].stage);
	ck_assert_int_eq(verdict.kind, scores[_i].kind);
	ck_assert(inquiry->tagged == scores[_i].tagged);
	ck_assert_pstr_eq(verdict.decided_by, scores[_i].decided_by);
	if (scores[_i].text)
		ck_assert_ptr_nonnull(strstr(verdict.text, scores[_i].text));
	if (verdict.kind == VERDICT_REJECT) {
		ck_assert_int_eq(verdict.code, 550);
		ck_assert_str_eq(verdict.status, "5.7.1");
		ck_assert_str_eq(last_entry()->check, "thresholds");
	}
}
END_TEST

START_TEST(shows_the_score_to_those_who_follow)
{
	struct value value;

	use(CHAIN);
	first_says = verdict_score(2.5, "odd", NULL);
	run(STAGE_RCPT);
	ck_assert_int_eq(inquiry_ask(inquiry, FACT_SCORE, &value), FACT_KNOWN);
	ck_assert_double_eq(value.score, 2.5);
}
END_TEST

START_TEST(counts_once_for_all_recipients)
{
	use(CHAIN);
	first_says = verdict_score(3, "odd", NULL);
	second_says = verdict_score(1, "odd", NULL);
	run(STAGE_RCPT);
	run(STAGE_RCPT);
	run(STAGE_RCPT);
	ck_assert_double_eq(inquiry->score, 4);
	ck_assert_uint_eq(inquiry->trace_count, 6);
	run(STAGE_DATA);
	ck_assert_double_eq(inquiry->score, 8);
}
END_TEST

/* --- facts not known yet --- */

START_TEST(is_unknown_while_someone_waits)
{
	use(CHAIN);
	first_says = verdict_unknown();
	second_says = verdict_reject(550, "5.7.1", "no");
	run(STAGE_RCPT);
	ck_assert_str_eq(asked, "gl12");
	ck_assert_int_eq(verdict.kind, VERDICT_UNKNOWN);
}
END_TEST

START_TEST(asks_nobody_behind_a_verdict)
{
	use(CHAIN);
	limit_says = verdict_unknown();
	first_says = verdict_reject(550, "5.7.1", "no");
	run(STAGE_RCPT);
	ck_assert_str_eq(asked, "gl1");
	ck_assert_int_eq(verdict.kind, VERDICT_UNKNOWN);
}
END_TEST

START_TEST(leaves_thresholds_until_all_is_known)
{
	use(OBSERVE);
	first_says = verdict_score(99, "odd", NULL);
	second_says = verdict_unknown();
	run(STAGE_MESSAGE);
	ck_assert_int_eq(verdict.kind, VERDICT_UNKNOWN);
	ck_assert_ptr_null(inquiry->observed);
}
END_TEST

/* --- settings --- */

static const struct {
	const char *settings, *complaint;
} wrong[] = {
	{"checks {\n chain = {frist} }",
		"x.conf:2:2: error: there is no check \"frist\"; did you mean"},
	{"checks { chain = {first, second, first} }", "first stands twice in checks.chain"},
	{"checks { chain = {gate} }", "gate is always on"},
	{"checks { chain = {first} off = {gate} }", "gate is always on"},
	{"checks { chain = {first} monitor = {gate} }", "gate is always on"},
	{"checks { chain = {first} monitor = {zzz} }", "there is no check \"zzz\""},
	{"checks { chain = {first} off = {zzz} }", "there is no check \"zzz\""},
};

START_TEST(complains)
{
	struct complaints *complaints = complaints_new(scratch);
	char *text = talloc_asprintf(scratch,
		"relay { domains = {a.example} } hostname = mx.a.example %s", wrong[_i].settings);
	struct settings *settings =
		settings_read_text(scratch, "x.conf", text, judging_sections, complaints);
	struct policy *policy = policy_new(scratch, settings, complaints);

	ck_assert_uint_eq(complaints_errors(complaints), 0);
	chain_new(scratch, policy, gates, checks, NULL, complaints);
	ck_assert_uint_eq(complaints_errors(complaints), 1);
	text = complaints_text(scratch, complaints);
	ck_assert_msg(strstr(text, wrong[_i].complaint) != NULL, "%s", text);
}
END_TEST

static void add_order(TCase *cases)
{
	tcase_add_test(cases, asks_gates_then_limits_then_checks);
	tcase_add_test(cases, follows_the_order_of_the_settings);
	tcase_add_test(cases, asks_only_at_its_stage);
	tcase_add_test(cases, leaves_out_what_is_off);
	tcase_add_test(cases, ends_with_the_first_verdict);
	tcase_add_test(cases, has_gates_that_decide);
	tcase_add_test(cases, lets_accept_end_the_rest);
	tcase_add_loop_test(cases, exempts_the_allow_list, 0, COUNT(allowed));
	tcase_add_test(cases, waits_to_know_whether_a_sender_is_exempt);
	tcase_add_test(cases, defers_what_is_refused_before_the_sender_is_known);
	tcase_add_test(cases, defers_limits_never);
	tcase_add_test(cases, exempts_from_checks_only);
	tcase_add_loop_test(cases, exempts_mail_for_postmaster, 0, COUNT(postmasters));
	tcase_add_test(cases, exempts_an_accepted_session);
}

static void add_rest(TCase *cases)
{
	tcase_add_test(cases, does_not_hear_the_monitored);
	tcase_add_test(cases, observes);
	tcase_add_test(cases, enforces_gates_and_limits_while_observing);
	tcase_add_test(cases, observes_thresholds);
	tcase_add_test(cases, remembers_the_worst_observed);
	tcase_add_loop_test(cases, applies_thresholds, 0, COUNT(scores));
	tcase_add_test(cases, shows_the_score_to_those_who_follow);
	tcase_add_test(cases, counts_once_for_all_recipients);
	tcase_add_test(cases, is_unknown_while_someone_waits);
	tcase_add_test(cases, asks_nobody_behind_a_verdict);
	tcase_add_test(cases, leaves_thresholds_until_all_is_known);
	tcase_add_loop_test(cases, complains, 0, COUNT(wrong));
}

int main(void)
{
	Suite *suite = suite_create("chain");
	TCase *cases = tcase_create("chain");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	add_order(cases);
	add_rest(cases);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
