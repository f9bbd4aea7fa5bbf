/* SPDX-License-Identifier: Apache-2.0 */
/* Asking again until all that is needed is known: learners that answer at once, later, wrongly, never. */
#include "judging.h"

#include "base/loop.h"
#include "policy/amendment.h"
#include "policy/header_learner.h"

#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define SETTINGS                                                                                   \
	"hostname = mx.example.com relay { domains = {example.com} networks = {10.0.0.0/8} } "     \
	"thresholds { tag = 9 } "
#define DEADLINE 5000

static void *scratch;
static struct loop *loop;
static struct facts *facts;
static struct inquiry *inquiry;
static struct await caller;
static unsigned woken;

static void on_woken(void *owner)
{
	(void)owner;
	woken++;
}

/* --- a learner that can be told how to behave --- */

enum manner { AT_ONCE, WITHIN_BEGIN, LATER, FAILING, FORGETFUL, NEVER };

struct pupil {
	struct timer timer;
	struct inquiry *inquiry;
	enum fact fact;
	struct await *await;
};

static enum manner manner;
static unsigned begun, cancelled;
static struct pupil pupils[FACT_COUNT];

static void tell(const struct pupil *pupil)
{
	if (fact_row(pupil->fact)->type == VALUE_INT)
		facts_set_number(pupil->inquiry->facts, pupil->fact, 3);
	else
		facts_set_text(pupil->inquiry->facts, pupil->fact, "told");
}

static void on_due(void *owner)
{
	struct pupil *pupil = owner;

	if (manner == FAILING) {
		await_end(pupil->await, OUTCOME_FAILED);
		return;
	}
	if (manner != FORGETFUL)
		tell(pupil);
	await_end(pupil->await, OUTCOME_DONE);
}

static void cancel(void *operation)
{
	struct pupil *pupil = operation;

	timer_stop(&pupil->timer);
	cancelled++;
}

static void begin(
	void *owner, struct inquiry *asker, const struct question *question, struct await *await)
{
	enum fact fact = question->fact;
	struct pupil *pupil = &pupils[fact];

	(void)owner;
	begun++;
	*pupil = (struct pupil){.inquiry = asker, .fact = fact, .await = await};
	pupil->timer.on_due = on_due;
	pupil->timer.owner = pupil;
	if (manner == AT_ONCE) {
		tell(pupil);
		await_skip(await, OUTCOME_DONE);
		return;
	}
	await_begin(await, AWAIT_FOR_EVER, cancel, pupil);
	if (manner == WITHIN_BEGIN)
		on_due(pupil);
	else if (manner != NEVER)
		timer_start(&pupil->timer, loop->clock, 100 * (begun + 1));
}

/* --- checks that ask --- */

static unsigned runs;

/* Asks for two facts at once, and for a third when the first is known. */
static struct verdict judge_asker(struct inquiry *asker)
{
	struct value subject, id, hops;
	enum fact_state first = inquiry_ask(asker, FACT_SUBJECT, &subject);
	enum fact_state second = inquiry_ask(asker, FACT_MESSAGE_ID, &id);
	enum fact_state third;

	runs++;
	if (first == FACT_UNKNOWN || second == FACT_UNKNOWN)
		return verdict_unknown();
	third = inquiry_ask(asker, FACT_RECEIVED_COUNT, &hops);
	if (third == FACT_UNKNOWN)
		return verdict_unknown();
	if (third == FACT_FAILED)
		return verdict_score(1, "failed", hops.text);
	return verdict_score((double)hops.number, "scored", subject.text);
}

static struct verdict judge_scorer(struct inquiry *asker)
{
	(void)asker;
	return verdict_score(2, "always", NULL);
}

static struct verdict judge_accepter(struct inquiry *asker)
{
	struct verdict verdict = verdict_accept("all of it");

	(void)asker;
	verdict.whole_session = true;
	return verdict;
}

#define ALL_STAGES (AT(STAGES) - 1)

static const struct check scorer = {"scorer", ALL_STAGES, judge_scorer, "", .is_limit = false};
static const struct check asker_check = {
	"asker", AT(STAGE_MESSAGE), judge_asker, "", .is_limit = false};
static const struct check accepter = {
	"accepter", AT(STAGE_HELO), judge_accepter, "", .is_limit = false};
static const struct check *const no_gates[] = {NULL};
static const struct check *const checks[] = {&scorer, &asker_check, &accepter, NULL};

static void use(const char *chain_setting)
{
	const struct learner learners[LEARNERS] = {[LEARNER_HEADER] = {begin, NULL}};
	char *settings =
		talloc_asprintf(scratch, SETTINGS "checks { chain = {%s} }", chain_setting);

	inquiry = inquiry_new(
		scratch, judging_chain_of(scratch, settings, no_gates, checks, learners), facts);
}

static void set_up(void)
{
	scratch = talloc_new(NULL);
	loop = loop_new(scratch);
	clock_move(loop->clock, 0); /* time stands still */
	facts = facts_new(scratch, NULL);
	await_init(&caller, loop->clock, on_woken, NULL);
	manner = AT_ONCE;
	woken = begun = cancelled = runs = 0;
	use("scorer, asker");
}

static void tear_down(void)
{
	await_cancel(&caller);
	talloc_free(scratch);
}

static void judge(enum stage stage)
{
	inquiry_begin_judging(inquiry, stage, loop->clock, DEADLINE, &caller);
}

/* --- learning --- */

static void is_judged_well(void)
{
	ck_assert(!caller.pending);
	ck_assert_int_eq(caller.outcome, OUTCOME_DONE);
	ck_assert_int_eq(inquiry->verdict.kind, VERDICT_NONE);
	ck_assert_double_eq(inquiry->score, 5);
	ck_assert_uint_eq(runs, 3);
	ck_assert_uint_eq(begun, 3);
	ck_assert_str_eq(inquiry_trace_text(scratch, inquiry), "scorer=always,asker=scored");
	ck_assert_str_eq(inquiry->trace[1].detail, "told");
	ck_assert_uint_eq(inquiry->trace_count, 2); /* of the last run alone */
}

START_TEST(learns_at_once)
{
	judge(STAGE_MESSAGE);
	is_judged_well();
	ck_assert_uint_eq(woken, 0);
}
END_TEST

START_TEST(learns_within_the_call)
{
	manner = WITHIN_BEGIN;
	judge(STAGE_MESSAGE);
	is_judged_well();
	ck_assert_uint_eq(woken, 0);
}
END_TEST

START_TEST(learns_later)
{
	manner = LATER;
	judge(STAGE_MESSAGE);
	ck_assert(caller.pending);
	ck_assert_uint_eq(begun, 2); /* both at once */
	clock_move(loop->clock, 250);
	ck_assert_uint_eq(runs, 1); /* one is missing */
	clock_move(loop->clock, 100);
	ck_assert_uint_eq(begun, 3);
	ck_assert(caller.pending);
	clock_move(loop->clock, 1000);
	is_judged_well();
	ck_assert_uint_eq(woken, 1);
	ck_assert_ptr_null(inquiry->run);
}
END_TEST

START_TEST(asks_for_nothing_that_is_known)
{
	facts_set_text(facts, FACT_SUBJECT, "told");
	facts_set_absent(facts, FACT_MESSAGE_ID);
	facts_set_number(facts, FACT_RECEIVED_COUNT, 3);
	judge(STAGE_MESSAGE);
	ck_assert_uint_eq(begun, 0);
	ck_assert_uint_eq(runs, 1);
	ck_assert_double_eq(inquiry->score, 5);
}
END_TEST

/* --- not learning --- */

static const struct {
	enum manner manner;
	const char *reason;
} failures[] = {
	{FAILING, "could not be learnt"},
	{FORGETFUL, "could not be learnt"},
	{NEVER, "timed out"},
};

START_TEST(copes_with_what_cannot_be_learnt)
{
	manner = failures[_i].manner;
	judge(STAGE_MESSAGE);
	ck_assert(caller.pending);
	clock_move(loop->clock, DEADLINE);
	ck_assert(!caller.pending);
	ck_assert_int_eq(caller.outcome, OUTCOME_DONE);
	ck_assert_uint_eq(woken, 1);
	ck_assert_double_eq(inquiry->score, 3);
	ck_assert_str_eq(inquiry->trace[1].result, "failed");
	ck_assert_str_eq(inquiry->trace[1].detail, failures[_i].reason);
	ck_assert_uint_eq(runs, 3);
	ck_assert_uint_eq(cancelled, manner == NEVER ? 3 : 0);
}
END_TEST

START_TEST(keeps_to_the_deadline)
{
	manner = NEVER;
	judge(STAGE_MESSAGE);
	clock_move(loop->clock, DEADLINE - 1);
	ck_assert_uint_eq(woken, 0);
	clock_move(loop->clock, 1);
	ck_assert_uint_eq(woken, 1);
}
END_TEST

START_TEST(waits_for_ever_when_asked_to)
{
	manner = NEVER;
	inquiry_begin_judging(inquiry, STAGE_MESSAGE, loop->clock, AWAIT_FOR_EVER, &caller);
	clock_move(loop->clock, 1000 * DEADLINE);
	ck_assert(caller.pending);
}
END_TEST

/* --- giving up --- */

START_TEST(cancels_all)
{
	size_t blocks = talloc_total_blocks(inquiry);

	manner = NEVER;
	judge(STAGE_MESSAGE);
	await_cancel(&caller);
	ck_assert_uint_eq(cancelled, 2);
	ck_assert_ptr_null(inquiry->run);
	clock_move(loop->clock, 2 * DEADLINE);
	ck_assert_uint_eq(woken, 0);
	ck_assert_uint_le(talloc_total_blocks(inquiry), blocks + 1); /* the trace */
	manner = AT_ONCE;
	runs = begun = 0;
	judge(STAGE_MESSAGE);
	is_judged_well();
}
END_TEST

START_TEST(is_freed_in_the_middle)
{
	manner = LATER;
	judge(STAGE_MESSAGE);
	talloc_free(inquiry);
	ck_assert_uint_eq(cancelled, 2);
	ck_assert(!caller.pending);
	clock_move(loop->clock, 2 * DEADLINE);
	ck_assert_uint_eq(woken, 0);
}
END_TEST

START_TEST(is_freed_with_all_of_it)
{
	struct facts *all = facts_new(scratch, NULL);
	struct inquiry *other;

	other = inquiry_new(all, inquiry->chain, all);
	manner = NEVER;
	inquiry_begin_judging(other, STAGE_MESSAGE, loop->clock, DEADLINE, &caller);
	await_cancel(&caller);
	talloc_free(all);
	ck_assert_uint_eq(cancelled, 2);
}
END_TEST

/* --- stages --- */

START_TEST(adds_scores_up)
{
	use("scorer");
	judge(STAGE_CONNECT);
	judge(STAGE_HELO);
	judge(STAGE_MAIL);
	ck_assert_double_eq(inquiry->score, 6);
	judge(STAGE_RCPT);
	judge(STAGE_RCPT);
	ck_assert_double_eq(inquiry->score, 8);
	ck_assert_uint_eq(inquiry->trace_count, 5);
}
END_TEST

START_TEST(replaces_what_is_judged_again)
{
	use("scorer");
	judge(STAGE_CONNECT);
	for (int i = 0; i < 100; i++)
		judge(STAGE_HELO);
	ck_assert_double_eq(inquiry->score, 4);
	ck_assert_uint_eq(inquiry->trace_count, 2);
}
END_TEST

START_TEST(goes_on_from_its_session)
{
	struct facts *of_transaction = facts_new(scratch, facts);
	struct inquiry *transaction;

	use("scorer, accepter");
	judge(STAGE_CONNECT);
	judge(STAGE_HELO);
	ck_assert(inquiry->accepted_session);
	transaction = inquiry_new(scratch, inquiry->chain, of_transaction);
	inquiry_inherit(transaction, inquiry);
	inquiry_begin_judging(transaction, STAGE_MAIL, loop->clock, DEADLINE, &caller);
	ck_assert_double_eq(transaction->score, 4);
	ck_assert_int_eq(transaction->verdict.kind, VERDICT_ACCEPT);
	ck_assert_str_eq(inquiry_trace_text(scratch, transaction),
		"scorer=always,accepter=accept,session=accept");
	ck_assert_str_eq(facts_print(scratch, of_transaction, FACT_SCORE), "4.0");
}
END_TEST

/* --- asking --- */

START_TEST(gives_absent_for_what_cannot_be_yet)
{
	struct value value;

	inquiry->stage = STAGE_MAIL;
	ck_assert_int_eq(inquiry_ask(inquiry, FACT_SUBJECT, &value), FACT_ABSENT);
	ck_assert_int_eq(inquiry_ask(inquiry, FACT_SIZE, &value), FACT_ABSENT);
	inquiry->stage = STAGE_MESSAGE;
	ck_assert_int_eq(inquiry_ask(inquiry, FACT_SUBJECT, &value), FACT_UNKNOWN);
	facts_set_text(facts, FACT_SUBJECT, "x");
	ck_assert_int_eq(inquiry_ask(inquiry, FACT_SUBJECT, &value), FACT_KNOWN);
}
END_TEST

START_TEST(asks_in_short)
{
	ck_assert_str_eq(inquiry_text(inquiry, FACT_SENDER, "none"), "none");
	ck_assert_int_eq(inquiry_number(inquiry, FACT_SIZE, -1), -1);
	ck_assert(!inquiry_bool(inquiry, FACT_CLIENT_TLS));
	ck_assert(inquiry_is_stranger(inquiry));
	ck_assert(inquiry_is_at_border(inquiry));
	facts_set_bool(facts, FACT_CLIENT_TRUSTED_RELAY, true);
	ck_assert(inquiry_is_stranger(inquiry));
	ck_assert(!inquiry_is_at_border(inquiry));
	facts_set_bool(facts, FACT_CLIENT_TRUSTED_RELAY, false);
	facts_set_text(facts, FACT_SENDER, "a@b.example");
	facts_set_number(facts, FACT_SIZE, 7);
	facts_set_bool(facts, FACT_CLIENT_AUTHENTICATED, true);
	ck_assert_str_eq(inquiry_text(inquiry, FACT_SENDER, "none"), "a@b.example");
	ck_assert_int_eq(inquiry_number(inquiry, FACT_SIZE, -1), 7);
	ck_assert(!inquiry_is_stranger(inquiry));
	ck_assert(!inquiry_is_at_border(inquiry));
}
END_TEST

START_TEST(tells_its_trace_in_short)
{
	static const struct trace_entry entries[] = {
		{.stage = STAGE_RCPT, .check = "relay", .result = "pass"},
		{.stage = STAGE_RCPT, .check = "relay", .result = "pass"},
		{.stage = STAGE_RCPT, .check = "relay", .result = "reject"},
		{.stage = STAGE_RCPT, .check = "helo", .result = "reject", .monitored = true},
		{.stage = STAGE_RCPT, .check = "relay", .result = "pass"},
	};

	ck_assert_str_eq(inquiry_trace_text(scratch, inquiry), "");
	for (int i = 0; i < COUNT(entries); i++)
		inquiry_record(inquiry, &entries[i]);
	ck_assert_str_eq(
		inquiry_trace_text(scratch, inquiry), "relay=pass,relay=reject,helo=reject?");
}
END_TEST

/* --- questions with an argument --- */

/* Follows a chain of names for ever: what is known of one says whom to ask next. */
static struct verdict judge_follower(struct inquiry *asker)
{
	char name[16] = "0";
	struct value value;
	unsigned next = 0;

	runs++;
	while (inquiry_ask_of(asker, FACT_HEADER, name, &value) == FACT_KNOWN)
		snprintf(name, sizeof name, "%u", ++next);
	if (inquiry_ask_of(asker, FACT_HEADER, name, &value) == FACT_UNKNOWN)
		return verdict_unknown();
	return verdict_score(next, "followed", value.text);
}

static void tell_any(
	void *owner, struct inquiry *asker, const struct question *question, struct await *await)
{
	(void)owner;
	begun++;
	facts_answer(asker->facts, question, FACT_KNOWN,
		(struct value){VALUE_TEXTS, {.texts = {NULL, 0}}});
	await_skip(await, OUTCOME_DONE);
}

START_TEST(ends_a_chain_of_questions_that_does_not_end)
{
	static const struct check follower = {
		"follower", AT(STAGE_MESSAGE), judge_follower, "", .is_limit = false};
	static const struct check *const followers[] = {&follower, NULL};
	const struct learner learners[LEARNERS] = {[LEARNER_HEADER] = {tell_any, NULL}};

	inquiry = inquiry_new(scratch,
		judging_chain_of(scratch, SETTINGS "checks { chain = {follower} }", no_gates,
			followers, learners),
		facts);
	judge(STAGE_MESSAGE);
	ck_assert_uint_eq(runs, INQUIRY_ROUNDS + 2);
	ck_assert_str_eq(inquiry->trace[0].result, "followed");
}
END_TEST

START_TEST(asks_each_question_once_a_round)
{
	struct value value;

	use("asker");
	inquiry->stage = STAGE_MESSAGE;
	ck_assert_int_eq(inquiry_ask_of(inquiry, FACT_HEADER, "To", &value), FACT_UNKNOWN);
	ck_assert_int_eq(inquiry_ask_of(inquiry, FACT_HEADER, "Cc", &value), FACT_UNKNOWN);
	ck_assert_int_eq(inquiry_ask_of(inquiry, FACT_HEADER, "To", &value), FACT_UNKNOWN);
	ck_assert_uint_eq(talloc_array_length(inquiry->wanted), 2);
	ck_assert_str_eq(inquiry->wanted[1].argument, "Cc");
}
END_TEST

/* --- the learner of headers, and what is added --- */

static void have_message(const char *text)
{
	static const struct spool spool;
	struct message *message = message_new(scratch, &spool);

	ck_assert(message_add(message, slice_of(text)) == MESSAGE_OK);
	ck_assert(message_finish(message) == MESSAGE_OK);
	inquiry->message = message;
}

START_TEST(learns_from_the_header)
{
	inquiry = inquiry_new(scratch, judging_chain(scratch, SETTINGS), facts);
	have_message("From: a@example.com\r\nSubject: hello\r\nReceived: x\r\n\r\nbody\r\n");
	judge(STAGE_MESSAGE);
	ck_assert_ptr_nonnull(inquiry->header);
	ck_assert_str_eq(facts_print(scratch, facts, FACT_FROM_ADDRESS), "a@example.com");
	ck_assert_str_eq(facts_print(scratch, facts, FACT_FROM_DOMAIN), "example.com");
	ck_assert_str_eq(facts_print(scratch, facts, FACT_SUBJECT), "hello");
	ck_assert_str_eq(facts_print(scratch, facts, FACT_MESSAGE_ID), "absent");
	ck_assert_str_eq(facts_print(scratch, facts, FACT_RECEIVED_COUNT), "1");
	ck_assert_str_eq(facts_print(scratch, facts, FACT_HEADER_ANOMALIES),
		"missing_date missing_message_id");
	ck_assert_double_eq(inquiry->score, 2);
	ck_assert_str_eq(
		inquiry_trace_text(scratch, inquiry), "size=pass,hops=pass,headers=missing_date");
}
END_TEST

START_TEST(leaves_told_facts_alone)
{
	have_message("From: a@example.com\r\nSubject: hello\r\n\r\n");
	facts_set_text(facts, FACT_SUBJECT, "told");
	header_learner_learn(inquiry);
	ck_assert_str_eq(facts_print(scratch, facts, FACT_SUBJECT), "told");
	ck_assert_str_eq(facts_print(scratch, facts, FACT_FROM_ADDRESS), "a@example.com");
}
END_TEST

START_TEST(learns_absence_without_a_message)
{
	header_learner_learn(inquiry);
	ck_assert_str_eq(facts_print(scratch, facts, FACT_SUBJECT), "absent");
	ck_assert_str_eq(facts_print(scratch, facts, FACT_HEADER_ANOMALIES), "absent");
}
END_TEST

#define DATE "Date: Sun, 22 Nov 2026 02:28:42 +0000\r\n"
#define ID "Message-ID: <abc.1@mx.example.com>\r\n"

#define TAG "X-Postern-Tag: score=7.5\r\n"

static const struct {
	bool ours, tagged;
	const char *message, *added;
} additions[] = {
	{true, false, "From: a@example.com\r\n\r\n", DATE ID},
	{true, false, "From: a@example.com\r\nDate: x\r\n\r\n", ID},
	{true, false, "From: a@example.com\r\nMessage-ID: x\r\n\r\n", DATE},
	{true, false, "Date: x\r\nMessage-ID: x\r\n\r\n", ""},
	{true, true, "From: a@example.com\r\n\r\n", DATE ID TAG},
	{false, true, "From: a@example.com\r\n\r\n", TAG},
	{false, false, "From: a@example.com\r\n\r\n", ""},
};

/* The message as it would be sent. */
static char *edited(void)
{
	struct edit_plan *plan = edit_plan_new(scratch, inquiry->edits, slice_of(""));
	char *text = talloc_strdup(scratch, "");

	for (size_t i = 0; i < plan->count; i++)
		text = talloc_asprintf_append(text, "%.*s", SLICE_ARGS(plan->slices[i]));
	return text;
}

START_TEST(adds_what_our_own_left_out)
{
	facts_set_bool(facts, FACT_CLIENT_TRUSTED, additions[_i].ours);
	have_message(additions[_i].message);
	inquiry->stage = STAGE_MESSAGE;
	inquiry->tagged = additions[_i].tagged;
	inquiry->score = 7.5;
	amendment_edit(inquiry, "abc.1", 1795314522);
	ck_assert_str_eq(edited(),
		talloc_asprintf(scratch, "%s%s", additions[_i].added, additions[_i].message));
}
END_TEST

static void add_learning(TCase *cases)
{
	tcase_add_test(cases, learns_at_once);
	tcase_add_test(cases, learns_within_the_call);
	tcase_add_test(cases, learns_later);
	tcase_add_test(cases, asks_for_nothing_that_is_known);
	tcase_add_loop_test(cases, copes_with_what_cannot_be_learnt, 0, COUNT(failures));
	tcase_add_test(cases, keeps_to_the_deadline);
	tcase_add_test(cases, waits_for_ever_when_asked_to);
	tcase_add_test(cases, cancels_all);
	tcase_add_test(cases, is_freed_in_the_middle);
	tcase_add_test(cases, is_freed_with_all_of_it);
}

static void add_rest(TCase *cases)
{
	tcase_add_test(cases, adds_scores_up);
	tcase_add_test(cases, replaces_what_is_judged_again);
	tcase_add_test(cases, goes_on_from_its_session);
	tcase_add_test(cases, gives_absent_for_what_cannot_be_yet);
	tcase_add_test(cases, asks_in_short);
	tcase_add_test(cases, tells_its_trace_in_short);
	tcase_add_test(cases, ends_a_chain_of_questions_that_does_not_end);
	tcase_add_test(cases, asks_each_question_once_a_round);
	tcase_add_test(cases, learns_from_the_header);
	tcase_add_test(cases, leaves_told_facts_alone);
	tcase_add_test(cases, learns_absence_without_a_message);
	tcase_add_loop_test(cases, adds_what_our_own_left_out, 0, COUNT(additions));
}

int main(void)
{
	Suite *suite = suite_create("inquiry");
	TCase *cases = tcase_create("inquiry");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	add_learning(cases);
	add_rest(cases);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
