/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of lists of steps: one journey, played with answers at once and answers that take time. */
#include "base/steps.h"

#include "base/loop.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define ROUND_TRIP 10
#define PATIENCE 1000
#define MANY 100000

/* How what is asked for answers. */
enum pace {
	PACE_SKIPPED, /* there was nothing to wait for */
	PACE_INSTANT, /* ended before the begin function returned */
	PACE_TIMED,
	PACES
};

static struct loop *loop;
static void *root; /* of all that uses the loop, which goes last */

/* A question to somebody who answers after a while; its answer is a block of its own, which cancelling must free. */
struct question {
	struct await *await;
	struct timer timer;
	void *answer;
};

/* What lives through the steps: greet → work (many times) → commit → hear → farewell → close. */
struct journey {
	struct steps steps;
	struct question question;
	enum pace pace;
	unsigned works;
	unsigned waits;
	bool commits;
	char *transcript;
	unsigned finished;
	enum interrupt interrupt_in_work; /* comes while a step runs */
	bool interrupt_before_asking;
	const char *lowest, *highest;
};

static void on_answer(void *owner)
{
	struct question *question = owner;

	TALLOC_FREE(question->answer);
	await_end(question->await, OUTCOME_DONE);
}

static void cancel_question(void *operation)
{
	struct question *question = operation;

	timer_stop(&question->timer);
	TALLOC_FREE(question->answer);
}

static void ask(struct journey *journey)
{
	struct question *question = &journey->question;

	journey->waits++;
	if (journey->pace == PACE_SKIPPED) {
		await_skip(&journey->steps.await, OUTCOME_DONE);
		return;
	}
	question->await = &journey->steps.await;
	question->answer = talloc_size(journey, 1);
	await_begin(question->await, PATIENCE, cancel_question, question);
	if (journey->pace == PACE_INSTANT)
		on_answer(question);
	else
		timer_start(&question->timer, loop->clock, ROUND_TRIP);
}

static void note(struct journey *journey, const char *step)
{
	const char *frame = __builtin_frame_address(0);

	if (!journey->lowest || frame < journey->lowest)
		journey->lowest = frame;
	if (!journey->highest || frame > journey->highest)
		journey->highest = frame;
	if (journey->transcript)
		journey->transcript = talloc_asprintf_append(journey->transcript, "%s ", step);
}

static struct step work(void *owner);
static struct step commit(void *owner);
static struct step hear(void *owner);
static struct step farewell(void *owner);
static struct step leave(void *owner);

static struct step greet(void *owner)
{
	struct journey *journey = owner;

	note(journey, "greet");
	ask(journey);
	return THEN(work);
}

static struct step work(void *owner)
{
	struct journey *journey = owner;

	note(journey, "work");
	if (journey->interrupt_before_asking)
		steps_interrupt(&journey->steps, journey->interrupt_in_work);
	ask(journey);
	if (journey->interrupt_in_work && !journey->interrupt_before_asking)
		steps_interrupt(&journey->steps, journey->interrupt_in_work);
	return --journey->works ? THEN(work) : THEN(commit);
}

static struct step commit(void *owner)
{
	struct journey *journey = owner;

	note(journey, "commit");
	journey->steps.await.committed = journey->commits;
	ask(journey);
	return THEN(hear);
}

static struct step hear(void *owner)
{
	struct journey *journey = owner;

	note(journey, "hear");
	journey->steps.await.committed = false;
	return THEN(farewell);
}

static struct step farewell(void *owner)
{
	struct journey *journey = owner;

	note(journey, "farewell");
	ask(journey);
	return THEN(leave);
}

static struct step leave(void *owner)
{
	note(owner, "leave");
	return DONE;
}

static void on_finished(void *owner)
{
	struct journey *journey = owner;

	journey->finished++;
}

static int cancel_journey(struct journey *journey)
{
	steps_cancel(&journey->steps);
	return 0;
}

static struct journey *journey_new(enum pace pace, unsigned works)
{
	struct journey *journey = talloc_zero(root, struct journey);

	journey->pace = pace;
	journey->works = works;
	journey->transcript = talloc_strdup(journey, "");
	journey->question.timer.on_due = on_answer;
	journey->question.timer.owner = &journey->question;
	steps_init(&journey->steps, loop->clock, journey, THEN(farewell), on_finished);
	talloc_set_destructor(journey, cancel_journey);
	return journey;
}

/* Lets so many answers come. */
static void pass(unsigned answers)
{
	for (; answers; answers--)
		clock_move(loop->clock, ROUND_TRIP);
}

static void set_up(void)
{
	loop = loop_new(NULL);
	root = talloc_new(NULL);
	clock_move(loop->clock, 0);
}

static void tear_down(void)
{
	talloc_free(root);
	talloc_free(loop);
}

START_TEST(same_transcript_at_every_pace)
{
	struct journey *journey = journey_new((enum pace)_i, 3);

	steps_start(&journey->steps, THEN(greet));
	if (_i == PACE_TIMED) {
		ck_assert_str_eq(journey->transcript, "greet ");
		ck_assert_str_eq(journey->steps.next.name, "work");
		pass(6);
	}
	ck_assert_str_eq(journey->transcript, "greet work work work commit hear farewell leave ");
	ck_assert_uint_eq(journey->waits, 6);
	ck_assert_uint_eq(journey->finished, 1);
}
END_TEST

START_TEST(instant_answers_do_not_grow_the_stack)
{
	struct journey *journey = journey_new((enum pace)_i, MANY);

	TALLOC_FREE(journey->transcript);
	steps_start(&journey->steps, THEN(greet));
	ck_assert_uint_eq(journey->finished, 1);
	ck_assert_uint_eq(journey->waits, MANY + 3);
	ck_assert_int_lt(journey->highest - journey->lowest, 1024);
}
END_TEST

/* An interrupt after so many answers, while the next is waited for. */
static const struct {
	unsigned answers;
	bool commits;
	const char *at_once; /* the transcript when the interrupt has been taken in */
	const char *at_end;
} waits[] = {
	{0, false, "greet farewell ", "greet farewell leave "},
	{1, false, "greet work farewell ", "greet work farewell leave "},
	{3, false, "greet work work commit farewell ", "greet work work commit farewell leave "},
	/* committed: it waits for its answer, and the step that hears the answer runs */
	{3, true, "greet work work commit ", "greet work work commit hear farewell leave "},
	/* on the way out: remembered, but the farewell is not said twice */
	{4, false, "greet work work commit hear farewell ",
		"greet work work commit hear farewell leave "},
	/* after the last step */
	{5, false, "greet work work commit hear farewell leave ",
		"greet work work commit hear farewell leave "},
};

START_TEST(interrupt_while_waiting)
{
	static const enum interrupt interrupts[] = {
		INTERRUPT_CLIENT_GONE, INTERRUPT_BACKEND_GONE, INTERRUPT_SHUTTING_DOWN};

	for (int i = 0; i < COUNT(interrupts); i++) {
		struct journey *journey = journey_new(PACE_TIMED, 2);
		journey->commits = waits[_i].commits;
		steps_start(&journey->steps, THEN(greet));
		pass(waits[_i].answers);
		steps_interrupt(&journey->steps, interrupts[i]);
		ck_assert_uint_eq(journey->steps.interrupts, interrupts[i]);
		ck_assert_str_eq(journey->transcript, waits[_i].at_once);
		pass(6);
		ck_assert_str_eq(journey->transcript, waits[_i].at_end);
		ck_assert_uint_eq(journey->finished, 1);
		talloc_free(journey);
	}
}
END_TEST

/* Counts from the end of the step, whether the step waits for something or not, and whether it came before or
 * after it had asked. */
START_TEST(interrupt_while_a_step_runs)
{
	for (enum pace pace = 0; pace < PACES; pace++) {
		struct journey *journey = journey_new(pace, 3);
		journey->interrupt_in_work = INTERRUPT_BACKEND_GONE;
		journey->interrupt_before_asking = _i;
		steps_start(&journey->steps, THEN(greet));
		pass(6);
		ck_assert_str_eq(journey->transcript, "greet work farewell leave ");
		ck_assert_uint_eq(journey->finished, 1);
		ck_assert(!timer_is_running(&journey->question.timer));
	}
}
END_TEST

START_TEST(interrupt_before_the_first_step)
{
	struct journey *journey = journey_new(PACE_INSTANT, 3);

	steps_interrupt(&journey->steps, INTERRUPT_SHUTTING_DOWN);
	ck_assert_str_eq(journey->transcript, "");
	steps_start(&journey->steps, THEN(greet));
	ck_assert_str_eq(journey->transcript, "farewell leave ");
	ck_assert_uint_eq(journey->finished, 1);
}
END_TEST

START_TEST(several_interrupts_divert_once)
{
	struct journey *journey = journey_new(PACE_TIMED, 2);

	steps_start(&journey->steps, THEN(greet));
	steps_interrupt(&journey->steps, INTERRUPT_SHUTTING_DOWN);
	steps_interrupt(&journey->steps, INTERRUPT_CLIENT_GONE);
	ck_assert(journey->steps.await.pending);
	pass(1);
	ck_assert_str_eq(journey->transcript, "greet farewell leave ");
	ck_assert_uint_eq(
		journey->steps.interrupts, INTERRUPT_SHUTTING_DOWN | INTERRUPT_CLIENT_GONE);
	steps_interrupt(&journey->steps, INTERRUPT_BACKEND_GONE);
	ck_assert_uint_eq(journey->finished, 1);
}
END_TEST

START_TEST(deadline_goes_on_with_the_next_step)
{
	struct journey *journey = journey_new(PACE_TIMED, 1);

	steps_start(&journey->steps, THEN(greet));
	timer_stop(&journey->question.timer); /* the answer is lost */
	clock_move(loop->clock, PATIENCE);
	ck_assert_str_eq(journey->transcript, "greet work ");
	ck_assert_uint_eq(journey->steps.await.outcome, OUTCOME_TIMED_OUT);
}
END_TEST

/* Cancelled at each wait of the list in turn: no block stays, no timer runs, no step is taken any more. */
START_TEST(cancelling_at_every_step_leaves_nothing)
{
	size_t blocks = talloc_total_blocks(root);
	unsigned works = 4, waits_in_all = works + 3;

	for (unsigned answers = 0; answers <= waits_in_all; answers++) {
		struct journey *journey = journey_new(PACE_TIMED, works);
		journey->commits = true;
		steps_start(&journey->steps, THEN(greet));
		pass(answers);
		ck_assert_uint_eq(journey->finished, answers == waits_in_all);
		const char *transcript = talloc_strdup(journey, journey->transcript);
		steps_cancel(&journey->steps);
		steps_interrupt(&journey->steps, INTERRUPT_CLIENT_GONE);
		pass(works);
		ck_assert_str_eq(journey->transcript, transcript);
		ck_assert_ptr_null(journey->question.answer);
		ck_assert(!timer_is_running(&journey->question.timer));
		ck_assert(!timer_is_running(&journey->steps.await.deadline));
		talloc_free(journey);
		ck_assert_uint_eq(talloc_total_blocks(root), blocks);
	}
}
END_TEST

static unsigned freed;

static void free_journey(void *owner)
{
	talloc_free(owner);
	freed++;
}

START_TEST(finishing_may_free_everything)
{
	size_t blocks = talloc_total_blocks(root);

	for (enum pace pace = 0; pace < PACES; pace++) {
		struct journey *journey = journey_new(pace, 2);
		journey->steps.finished = free_journey;
		steps_start(&journey->steps, THEN(greet));
		pass(6);
	}
	ck_assert_uint_eq(freed, PACES);
	ck_assert_uint_eq(talloc_total_blocks(root), blocks);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("steps");
	TCase *cases = tcase_create("steps");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, same_transcript_at_every_pace, 0, PACES);
	tcase_add_loop_test(cases, instant_answers_do_not_grow_the_stack, 0, PACE_TIMED);
	tcase_add_loop_test(cases, interrupt_while_waiting, 0, COUNT(waits));
	tcase_add_loop_test(cases, interrupt_while_a_step_runs, 0, 2);
	tcase_add_test(cases, interrupt_before_the_first_step);
	tcase_add_test(cases, several_interrupts_divert_once);
	tcase_add_test(cases, deadline_goes_on_with_the_next_step);
	tcase_add_test(cases, cancelling_at_every_step_leaves_nothing);
	tcase_add_test(cases, finishing_may_free_everything);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
