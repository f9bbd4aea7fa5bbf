/* SPDX-License-Identifier: Apache-2.0 */
/* What comes of what virus scanners say; of thresholds that lead into quarantine; and of messages that scanners die over. */
#include "judging.h"

#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define SITE                                                                                       \
	"hostname = mx.example.com relay { domains = {example.com} } checks { off = {headers} } "
#define CLAMD SITE "clamd c { socket = /nonexistent } "
#define KEPT "quarantine { path = /nonexistent } "
#define SENT "quarantine { redirect = \"q@example.com\" } "

static void *scratch;

static void set_up(void)
{
	scratch = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

static const char *name_found; /* NULL: it fails; "": nothing */

static void learn(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	enum fact_state state = !name_found ? FACT_FAILED : *name_found ? FACT_KNOWN : FACT_ABSENT;

	(void)owner;
	facts_answer(inquiry->facts, question, state,
		(struct value){
			.type = VALUE_STRING, .text = name_found ? name_found : "nobody is there"});
	await_skip(await, OUTCOME_DONE);
}

static struct verdict judged(const char *settings, const char *recipient, double score)
{
	const char *recipients[] = {recipient};
	struct learner learners[LEARNERS] = {[LEARNER_VIRUS] = {learn, NULL}};
	struct facts *facts = facts_new(scratch, NULL);
	struct inquiry *inquiry = inquiry_new(scratch,
		judging_chain_of(scratch, settings, checks_gates, checks_table, learners), facts);
	struct ip ip;
	struct await await;

	ck_assert(ip_parse(slice_of("192.0.2.1"), &ip));
	facts_set_ip(facts, FACT_CLIENT_IP, &ip);
	facts_set_text(facts, FACT_SENDER, "a@example.net");
	facts_set_texts(facts, FACT_RECIPIENTS, recipients, 1);
	facts_set_number(facts, FACT_NOW, 1795314522);
	inquiry->message = message_view(scratch, slice_of("Subject: x\r\n\r\nbody"), 0);
	inquiry->score = score;
	await_init(&await, NULL, NULL, NULL);
	inquiry_begin_judging(inquiry, STAGE_MESSAGE, NULL, AWAIT_FOR_EVER, &await);
	ck_assert(!await.pending);
	return inquiry->verdict;
}

static const struct {
	const char *settings, *name;
	enum verdict_kind kind;
	int code;
	const char *text;
} rows[] = {
	{SITE, "X", VERDICT_NONE, 0, ""}, /* nobody is asked */
	{CLAMD, "", VERDICT_NONE, 0, ""},
	{CLAMD, "Eicar", VERDICT_REJECT, 550, "it has a virus: Eicar"},
	{CLAMD, "E\xc3\xa4\r\nX", VERDICT_REJECT, 550, "it has a virus: E????X"},
	{CLAMD, NULL, VERDICT_TEMPFAIL, 451, "cannot be checked for viruses"},
	{CLAMD "virus { on_failure = pass }", NULL, VERDICT_NONE, 0, ""},
	{CLAMD "virus { on_failure = pass }", "Eicar", VERDICT_REJECT, 550, ""},
	{CLAMD KEPT "virus { on_failure = quarantine }", NULL, VERDICT_QUARANTINE, 0, ""},
	{CLAMD "virus { on_failure = quarantine }", NULL, VERDICT_REJECT, 550, "no quarantine"},
	{CLAMD KEPT "virus { found = quarantine }", "Eicar", VERDICT_QUARANTINE, 0, "Eicar"},
	{CLAMD SENT "virus { found = quarantine }", "Eicar", VERDICT_QUARANTINE, 0, "Eicar"},
	{CLAMD "virus { found = discard }", "Eicar", VERDICT_DISCARD, 0, ""},
	/* Who is exempt, and who is not. */
	{CLAMD "virus { except = {192.0.2.0/24} }", "Eicar", VERDICT_NONE, 0, ""},
	{CLAMD "virus { except = {192.0.3.0/24} }", "Eicar", VERDICT_REJECT, 550, ""},
	{CLAMD "allow a { networks = {192.0.2.0/24} }", "Eicar", VERDICT_REJECT, 550, ""},
	{CLAMD "mode = observe", "Eicar", VERDICT_REJECT, 550, ""},
};

START_TEST(acts_on_what_it_hears)
{
	struct verdict verdict;

	name_found = rows[_i].name;
	verdict = judged(rows[_i].settings, "b@example.com", 0);
	ck_assert_int_eq(verdict.kind, rows[_i].kind);
	ck_assert_int_eq(verdict.code, rows[_i].code);
	ck_assert(!*rows[_i].text || strstr(verdict.text, rows[_i].text));
	if (verdict.kind != VERDICT_NONE)
		ck_assert_str_eq(verdict.decided_by, "check virus");
}
END_TEST

START_TEST(postmaster_is_not_exempt)
{
	name_found = "Eicar";
	ck_assert_int_eq(judged(CLAMD, "postmaster@example.com", 0).kind, VERDICT_REJECT);
}
END_TEST

static const struct {
	const char *settings;
	double score;
	enum verdict_kind kind;
} thresholds[] = {
	{SITE, 10, VERDICT_REJECT},
	{SITE KEPT, 9.9, VERDICT_NONE},
	{SITE KEPT, 10, VERDICT_QUARANTINE},
	{SITE SENT, 10, VERDICT_QUARANTINE},
	{SITE KEPT, 15, VERDICT_REJECT},
	{SITE KEPT "mode = observe", 10, VERDICT_NONE},
};

START_TEST(scores_lead_into_quarantine)
{
	struct verdict verdict =
		judged(thresholds[_i].settings, "b@example.com", thresholds[_i].score);

	ck_assert_int_eq(verdict.kind, thresholds[_i].kind);
	if (verdict.kind == VERDICT_QUARANTINE)
		ck_assert_ptr_nonnull(strstr(verdict.detail, "score 10.0 of 10.0"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("virus");
	TCase *cases = tcase_create("virus");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, acts_on_what_it_hears, 0, COUNT(rows));
	tcase_add_test(cases, postmaster_is_not_exempt);
	tcase_add_loop_test(cases, scores_lead_into_quarantine, 0, COUNT(thresholds));
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
