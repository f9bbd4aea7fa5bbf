/* SPDX-License-Identifier: Apache-2.0 */
/* A question to the judge: asks again until all that is needed is known. */
#include "policy/inquiry.h"

#include "policy/chain.h"
#include "policy/derived.h"
#include "policy/dkim_damage.h"
#include "policy/header_learner.h"
#include "policy/hygiene.h"
#include "policy/mail/revision.h"
#include "policy/mail/trace.h"
#include "policy/ruling.h"
#include "policy/shadow.h"
#include "policy/spf_facts.h"

#include <assert.h>
#include <jansson.h>
#include <talloc.h>

#define FIRST_ROOM 16
#define PAIRS_MAXIMUM 32

/* One question that is being answered. */
struct lookup {
	struct inquiry_run *run;
	const struct question *question;
	struct await await;
};

/* A judgement that has to wait for facts. */
struct inquiry_run {
	struct inquiry *inquiry;
	struct await *caller;
	struct clock *clock;
	struct timer deadline;
	struct question *questions; /* of this round */
	struct lookup *lookups;
	size_t count;
	size_t pending;
	unsigned rounds;
	bool is_beginning; /* lookups are being begun; those that end meanwhile are looked at afterwards */
	bool is_for_shadow; /* the deadline is that of the shadow */
	bool is_late;       /* the deadline has passed: what is not known at once has failed */
};

static int destroy(struct inquiry *inquiry)
{
	json_decref(inquiry->recipients);
	if (inquiry->run)
		await_cancel(inquiry->run->caller);
	return 0;
}

struct inquiry *inquiry_new_of(const void *parent, const struct policy *policy, struct facts *facts)
{
	struct inquiry *inquiry = talloc_zero(parent, struct inquiry);

	inquiry->trace = &inquiry->first_entry;
	inquiry->policy = policy;
	inquiry->facts = facts;
	facts_set_score(facts, FACT_SCORE, 0);
	talloc_set_destructor(inquiry, destroy);
	return inquiry;
}

struct inquiry *inquiry_new(const void *parent, const struct chain *chain, struct facts *facts)
{
	struct inquiry *inquiry = inquiry_new_of(parent, chain_policy(chain), facts);

	inquiry->chain = chain;
	return inquiry;
}

static void set_score(struct inquiry *inquiry, double score)
{
	inquiry->score = score;
	facts_set_score(inquiry->facts, FACT_SCORE, score);
}

/* --- trace --- */

/* A session that is idle has one entry or none: room for that is there. */
static size_t trace_room(const struct inquiry *inquiry)
{
	return inquiry->trace == &inquiry->first_entry ? 1 : talloc_array_length(inquiry->trace);
}

static void grow_trace(struct inquiry *inquiry)
{
	size_t room = trace_room(inquiry);
	struct trace_entry *longer =
		talloc_array(inquiry, struct trace_entry, room == 1 ? FIRST_ROOM : 2 * room);

	memcpy(longer, inquiry->trace, inquiry->trace_count * sizeof *longer);
	if (room > 1)
		talloc_free(inquiry->trace);
	inquiry->trace = longer;
}

static void append(struct inquiry *inquiry, const struct trace_entry *entry)
{
	if (inquiry->trace_count == trace_room(inquiry))
		grow_trace(inquiry);
	inquiry->trace[inquiry->trace_count++] = *entry;
}

void inquiry_inherit(struct inquiry *inquiry, const struct inquiry *session)
{
	grow_trace(inquiry);
	set_score(inquiry, session->score);
	inquiry->accepted_session = session->accepted_session;
	inquiry->deferred_at = session->deferred_at;
	if (session->deferred)
		inquiry->deferred =
			talloc_memdup(inquiry, session->deferred, sizeof *session->deferred);
	if (session->observed)
		inquiry->observed =
			talloc_memdup(inquiry, session->observed, sizeof *session->observed);
	for (size_t i = 0; i < session->trace_count; i++)
		append(inquiry, &session->trace[i]);
	shadow_inherit(inquiry, session);
}

/* At rcpt, a check that has scored for an earlier recipient does not count again. */
static bool has_scored_at_rcpt(const struct inquiry *inquiry, const char *check)
{
	for (size_t i = 0; i < inquiry->trace_count; i++) {
		const struct trace_entry *entry = &inquiry->trace[i];
		if (entry->stage == STAGE_RCPT && entry->counted &&
			strcmp(entry->check, check) == 0)
			return true;
	}
	return false;
}

void inquiry_record(struct inquiry *inquiry, const struct trace_entry *entry)
{
	struct trace_entry recorded = *entry;

	if (entry->score == 0 ||
		(entry->stage == STAGE_RCPT && has_scored_at_rcpt(inquiry, entry->check)))
		recorded.counted = false;
	if (recorded.counted)
		set_score(inquiry, inquiry->score + recorded.score);
	append(inquiry, &recorded);
}

/* Forgets what was judged at this stage and later, unless it was about another recipient. */
static void enter_stage(struct inquiry *inquiry, enum stage stage)
{
	enum stage first_forgotten = stage == STAGE_RCPT ? STAGE_DATA : stage;
	size_t keep = 0;
	double score = inquiry->score;

	if (inquiry->deferred_at >= stage)
		TALLOC_FREE(inquiry->deferred);
	inquiry->stage = stage;
	inquiry->delay = 0;
	inquiry->is_decided = false;
	ruling_forget(inquiry);
	shadow_enter(inquiry, first_forgotten);
	while (keep < inquiry->trace_count && inquiry->trace[keep].stage < first_forgotten)
		keep++;
	for (size_t i = keep; i < inquiry->trace_count; i++) {
		if (inquiry->trace[i].counted)
			score -= inquiry->trace[i].score;
	}
	inquiry->start = (struct inquiry_start){keep, score};
}

/* --- facts --- */

static bool is_same_question(const struct question *a, const struct question *b)
{
	return a->fact == b->fact && (!a->argument || strcmp(a->argument, b->argument) == 0);
}

static void add_question(
	struct inquiry *inquiry, struct question **questions, const struct question *question)
{
	size_t count = talloc_array_length(*questions);

	for (size_t i = 0; i < count; i++) {
		if (is_same_question(&(*questions)[i], question))
			return;
	}
	*questions = talloc_realloc(inquiry, *questions, struct question, count + 1);
	(*questions)[count] = (struct question){question->fact,
		question->argument ? talloc_strdup(*questions, question->argument) : NULL};
}

static void want(struct inquiry *inquiry, const struct question *question)
{
	add_question(inquiry, &inquiry->wanted, question);
}

void inquiry_lack(struct inquiry *inquiry, const struct question *question)
{
	add_question(inquiry, &inquiry->lacking, question);
}

/* What counts is asked for when nothing else is missing: then it is needed. */
static bool is_to_be_asked_later(const struct inquiry *inquiry, const struct fact_row *row)
{
	return row->counting && talloc_array_length(inquiry->wanted) > 0;
}

/* Told without a stage, it holds at all. */
static enum fact_state ask_of_stage(
	struct inquiry *inquiry, const struct question *question, struct value *value)
{
	char *argument =
		talloc_asprintf(NULL, "%s, %s", question->argument, stage_name(inquiry->stage));
	const struct question staged = {question->fact, argument};
	enum fact_state state = facts_look_up(inquiry->facts, &staged, value);

	if (state == FACT_UNKNOWN && !is_to_be_asked_later(inquiry, fact_row(question->fact)))
		want(inquiry, &staged);
	talloc_free(argument);
	return state;
}

enum fact_state inquiry_ask_of(
	struct inquiry *inquiry, enum fact fact, const char *argument, struct value *value)
{
	const struct question question = {fact, argument};
	enum fact_state state = facts_look_up(inquiry->facts, &question, value);
	const struct fact_row *row = fact_row(fact);

	if (state != FACT_UNKNOWN)
		return state;
	if (row->learner == LEARNER_TOLD || row->stage > inquiry->stage)
		return FACT_ABSENT;
	if (row->learner == LEARNER_DERIVED)
		return derived_ask(inquiry, &question, value);
	if (row->staged)
		return ask_of_stage(inquiry, &question, value);
	if (!is_to_be_asked_later(inquiry, row))
		want(inquiry, &question);
	return FACT_UNKNOWN;
}

enum fact_state inquiry_ask(struct inquiry *inquiry, enum fact fact, struct value *value)
{
	return inquiry_ask_of(inquiry, fact, NULL, value);
}

enum fact_state inquiry_ask_message(struct inquiry *inquiry, struct value *value)
{
	enum fact_state state;

	if (inquiry->message)
		return FACT_KNOWN;
	state = inquiry_ask_of(inquiry, FACT_HEADER, "*", value);
	return state == FACT_KNOWN ? FACT_ABSENT : state;
}

const char *inquiry_text(struct inquiry *inquiry, enum fact fact, const char *fallback)
{
	struct value value;

	return inquiry_ask(inquiry, fact, &value) == FACT_KNOWN ? value.text : fallback;
}

int64_t inquiry_number(struct inquiry *inquiry, enum fact fact, int64_t fallback)
{
	struct value value;

	return inquiry_ask(inquiry, fact, &value) == FACT_KNOWN ? value.number : fallback;
}

bool inquiry_bool(struct inquiry *inquiry, enum fact fact)
{
	struct value value;

	return inquiry_ask(inquiry, fact, &value) == FACT_KNOWN && value.boolean;
}

bool inquiry_is_stranger(struct inquiry *inquiry)
{
	return !inquiry_bool(inquiry, FACT_CLIENT_TRUSTED) &&
		!inquiry_bool(inquiry, FACT_CLIENT_AUTHENTICATED);
}

bool inquiry_is_at_border(struct inquiry *inquiry)
{
	return inquiry_is_stranger(inquiry) && !inquiry_bool(inquiry, FACT_CLIENT_TRUSTED_RELAY);
}

static bool is_answered(const struct inquiry *inquiry, const struct question *question)
{
	struct value value;

	return facts_look_up(inquiry->facts, question, &value) != FACT_UNKNOWN;
}

static void answer_failed(
	struct inquiry *inquiry, const struct question *question, const char *reason)
{
	facts_answer(inquiry->facts, question, FACT_FAILED, (struct value){.text = reason});
}

/* --- judging --- */

/* A run of the shadow; false when facts are missing that can be learnt. A message that a scanner has failed at is not sent to others for its sake. */
static bool ask_shadow(struct inquiry *inquiry)
{
	struct value failure;

	TALLOC_FREE(inquiry->wanted);
	if (shadow_judge(inquiry))
		return true;
	if (talloc_array_length(inquiry->wanted) > 0 &&
		facts_get(inquiry->facts, FACT_SCANNER_FAILED, &failure) != FACT_KNOWN)
		return false;
	shadow_give_up(inquiry);
	return true;
}

/* One run; false when facts are missing. */
static bool judge_once(struct inquiry *inquiry)
{
	if (inquiry->is_decided)
		return ask_shadow(inquiry);
	inquiry->trace_count = inquiry->start.trace_count;
	set_score(inquiry, inquiry->start.score);
	TALLOC_FREE(inquiry->wanted);
	inquiry->verdict = chain_run(inquiry->chain, inquiry);
	if (inquiry->verdict.kind == VERDICT_UNKNOWN)
		return false;
	if (inquiry->verdict.kind == VERDICT_ACCEPT && inquiry->verdict.whole_session)
		inquiry->accepted_session = true;
	inquiry->is_decided = true;
	inquiry->is_waiting = false;
	return ask_shadow(inquiry);
}

static void on_lookup_ended(void *owner);

static bool is_content(const struct question *question)
{
	return fact_row(question->fact)->learner == LEARNER_CONTENT;
}

/* Never is mail let through that should have been looked into. */
static void settle_content(const struct lookup *lookup)
{
	struct facts *facts = lookup->run->inquiry->facts;
	struct value value;

	if (lookup->await.outcome != OUTCOME_DONE &&
		facts_get(facts, FACT_SCANNER_FAILED, &value) == FACT_UNKNOWN)
		facts_set_text(facts, FACT_SCANNER_FAILED, "it took too long");
}

/* However it ended, the fact is not unknown any more; but for content, which may have been judged where it was found. */
static void settle(const struct lookup *lookup)
{
	if (is_answered(lookup->run->inquiry, lookup->question))
		return;
	if (is_content(lookup->question))
		settle_content(lookup);
	else
		answer_failed(lookup->run->inquiry, lookup->question,
			lookup->await.outcome == OUTCOME_TIMED_OUT ? "timed out"
								   : "could not be learnt");
}

static void begin_lookup(struct inquiry_run *run, const struct question *question)
{
	enum fact_learner which = fact_row(question->fact)->learner;
	const struct learner *learner = chain_learner(run->inquiry->chain, which);
	struct lookup *lookup;

	if (!learner->begin || run->rounds > INQUIRY_ROUNDS) {
		answer_failed(run->inquiry, question,
			learner->begin ? "too many questions, one after the other"
				       : "nobody here can find it out");
		return;
	}
	lookup = &run->lookups[run->count++];
	lookup->run = run;
	lookup->question = question;
	await_init(&lookup->await, run->clock, on_lookup_ended, lookup);
	learner->begin(learner->owner, run->inquiry, question, &lookup->await);
}

static void give_up_lookups(struct inquiry_run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		struct lookup *lookup = &run->lookups[i];
		if (!lookup->await.pending)
			continue;
		await_cancel(&lookup->await);
		lookup->await.outcome = OUTCOME_TIMED_OUT;
		settle(lookup);
	}
	run->pending = 0;
}

static size_t settle_ended(struct inquiry_run *run)
{
	size_t pending = 0;

	for (size_t i = 0; i < run->count; i++) {
		if (run->lookups[i].await.pending)
			pending++;
		else
			settle(&run->lookups[i]);
	}
	return pending;
}

/* What is to be learnt now: what a learner lacks, else what was wanted. */
static size_t take_questions(struct inquiry_run *run)
{
	struct inquiry *inquiry = run->inquiry;

	talloc_free(run->questions);
	run->questions = talloc_move(run, inquiry->lacking ? &inquiry->lacking : &inquiry->wanted);
	return talloc_array_length(run->questions);
}

static bool has_others_than_content(const struct question *questions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!is_content(&questions[i]))
			return true;
	}
	return false;
}

/* Has all missing facts begun to be learnt; content, all of it at once, when nothing else is missing. */
static void begin_lookups(struct inquiry_run *run)
{
	size_t count = take_questions(run);
	bool passes_over_content = has_others_than_content(run->questions, count);

	run->rounds++;
	talloc_free(run->lookups);
	run->lookups = talloc_zero_array(run, struct lookup, count);
	run->count = 0;
	run->is_beginning = true;
	for (size_t i = 0; i < count; i++) {
		bool is_of_content = is_content(&run->questions[i]);
		if (is_answered(run->inquiry, &run->questions[i]) ||
			(is_of_content && passes_over_content))
			continue;
		begin_lookup(run, &run->questions[i]);
		passes_over_content |= is_of_content;
	}
	run->is_beginning = false;
	run->pending = settle_ended(run);
	if (run->is_late)
		give_up_lookups(run);
}

/* What the shadow lacks is learnt for a time of its own. False when there is none left. */
static bool enter_shadow(struct inquiry_run *run)
{
	if (run->is_late) {
		shadow_give_up(run->inquiry);
		return false;
	}
	if (!run->is_for_shadow && run->clock)
		timer_start(&run->deadline, run->clock, SHADOW_PATIENCE);
	run->is_for_shadow = true;
	return true;
}

/* Learns and judges until there is a verdict; false when something has to be waited for. */
static bool pursue(struct inquiry_run *run)
{
	do {
		if (run->inquiry->is_decided && !enter_shadow(run))
			return true;
		begin_lookups(run);
		if (run->pending)
			return false;
	} while (!judge_once(run->inquiry));
	return true;
}

static void finish(struct inquiry_run *run)
{
	struct await *caller = run->caller;

	run->inquiry->run = NULL;
	talloc_free(run);
	await_end(caller, OUTCOME_DONE);
}

static void proceed(struct inquiry_run *run)
{
	if (judge_once(run->inquiry) || pursue(run))
		finish(run);
}

static void on_lookup_ended(void *owner)
{
	struct lookup *lookup = owner;

	settle(lookup);
	if (!lookup->run->is_beginning && --lookup->run->pending == 0)
		proceed(lookup->run);
}

static void on_deadline(void *owner)
{
	struct inquiry_run *run = owner;

	if (run->is_for_shadow) {
		shadow_give_up(run->inquiry);
		finish(run);
		return;
	}
	run->is_late = true;
	give_up_lookups(run);
	proceed(run);
}

static void cancel_judging(void *operation)
{
	struct inquiry *inquiry = operation;

	TALLOC_FREE(inquiry->run);
}

static int destroy_run(struct inquiry_run *run)
{
	timer_stop(&run->deadline);
	for (size_t i = 0; i < run->count; i++)
		await_cancel(&run->lookups[i].await);
	return 0;
}

static struct inquiry_run *run_new(
	struct inquiry *inquiry, struct clock *clock, struct await *await)
{
	struct inquiry_run *run = talloc_zero(inquiry, struct inquiry_run);

	run->inquiry = inquiry;
	run->clock = clock;
	run->caller = await;
	run->deadline.on_due = on_deadline;
	run->deadline.owner = run;
	talloc_set_destructor(run, destroy_run);
	return run;
}

void inquiry_begin_judging(struct inquiry *inquiry, enum stage stage, struct clock *clock,
	uint64_t milliseconds, struct await *await)
{
	struct inquiry_run *run;

	assert(!inquiry->run);
	enter_stage(inquiry, stage);
	if (inquiry->message && !inquiry->header) /* the edits need it in any case */
		header_learner_learn(inquiry);
	if (judge_once(inquiry)) {
		await_skip(await, OUTCOME_DONE);
		return;
	}
	run = run_new(inquiry, clock, await);
	if (pursue(run)) {
		talloc_free(run);
		await_skip(await, OUTCOME_DONE);
		return;
	}
	inquiry->run = run;
	if (milliseconds != AWAIT_FOR_EVER && !run->is_for_shadow)
		timer_start(&run->deadline, clock, milliseconds);
	await_begin(await, AWAIT_FOR_EVER, cancel_judging, inquiry);
}

/* --- for the log and for sending --- */

static bool is_same_pair(const struct trace_entry *a, const struct trace_entry *b)
{
	return a->monitored == b->monitored && strcmp(a->check, b->check) == 0 &&
		strcmp(a->result, b->result) == 0;
}

static bool has_pair(
	const struct trace_entry *const *pairs, size_t count, const struct trace_entry *entry)
{
	for (size_t i = 0; i < count; i++) {
		if (is_same_pair(pairs[i], entry))
			return true;
	}
	return false;
}

char *inquiry_trace_text(const void *parent, const struct inquiry *inquiry)
{
	const struct trace_entry *pairs[PAIRS_MAXIMUM];
	char *text = talloc_strdup(parent, "");
	size_t count = 0;

	for (size_t i = 0; i < inquiry->trace_count && count < PAIRS_MAXIMUM; i++) {
		const struct trace_entry *entry = &inquiry->trace[i];
		if (has_pair(pairs, count, entry))
			continue;
		text = talloc_asprintf_append_buffer(text, "%s%s=%s%s", count ? "," : "",
			entry->check, entry->result, entry->monitored ? "?" : "");
		pairs[count++] = entry;
	}
	return text;
}

static int64_t header_anomalies(struct inquiry *inquiry)
{
	struct value value;

	if (facts_get(inquiry->facts, FACT_HEADER_ANOMALIES, &value) == FACT_UNKNOWN)
		header_learner_learn(inquiry);
	return inquiry_number(inquiry, FACT_HEADER_ANOMALIES, 0);
}

/* What our own clients left out. */
static unsigned missing_fields(struct inquiry *inquiry)
{
	if (inquiry_is_stranger(inquiry))
		return 0;
	return (unsigned)header_anomalies(inquiry) &
		(HEADER_MISSING_DATE | HEADER_MISSING_MESSAGE_ID);
}

static void add(struct edits *edits, const char *name, char *value)
{
	bool added = edits_add(edits, EDIT_TOP, name, value, EDIT_TEXT);

	assert(added);
	talloc_free(value);
}

static struct edits *new_edits(struct inquiry *inquiry)
{
	struct slice message = inquiry->message ? message_bytes(inquiry->message) : slice_of("");

	if (inquiry->message && !inquiry->header)
		header_learner_learn(inquiry);
	if (!inquiry->header)
		inquiry->header = header_parse(inquiry->facts, message);
	return edits_new(inquiry, inquiry->header, message);
}

static void add_received_spf(struct inquiry *inquiry, struct edits *edits)
{
	char *value = inquiry->policy->spf->add_received ? spf_facts_received(NULL, inquiry) : NULL;

	if (value && !edits_add(edits, EDIT_ABOVE_TRACE, "Received-SPF", value, EDIT_TEXT))
		assert(!"a field name of ours");
	talloc_free(value);
}

/* Whoever verifies behind us finds the signature wrong, and shall know by whose hand. */
static void tell_damage(struct inquiry *inquiry, struct edits *by, struct edits *edits)
{
	inquiry->breaks_dkim = dkim_damage_domains(inquiry, by);
	if (!inquiry->breaks_dkim)
		return;
	add(edits, "Authentication-Results",
		talloc_asprintf(NULL,
			"%s; dkim=policy reason=\"broken by an edit of this gateway: %s\"",
			inquiry->policy->site->authserv_id, inquiry->breaks_dkim));
}

static void tag(const struct inquiry *inquiry, struct edits *edits)
{
	if (inquiry->tagged)
		add(edits, "X-Postern-Tag", talloc_asprintf(NULL, "score=%.1f", inquiry->score));
}

/* What the judge wants to be changed. */
static struct edits *own_edits(struct inquiry *inquiry, const char *id, int64_t seconds)
{
	unsigned missing = missing_fields(inquiry);
	struct edits *edits = new_edits(inquiry);

	TALLOC_FREE(inquiry->envelope_edits.items);
	inquiry->envelope_edits.count = 0;
	if (missing & HEADER_MISSING_DATE)
		add(edits, "Date", trace_date(NULL, seconds));
	if (missing & HEADER_MISSING_MESSAGE_ID)
		add(edits, "Message-ID",
			talloc_asprintf(NULL, "<%s@%s>", id, inquiry->policy->site->hostname));
	tag(inquiry, edits);
	add_received_spf(inquiry, edits);
	ruling_edit(inquiry, edits);
	hygiene_clean(inquiry, edits);
	return edits;
}

struct revision *inquiry_revision(struct inquiry *inquiry)
{
	struct inquiry_mail *mail = inquiry->mail;
	int64_t seconds = inquiry_number(inquiry, FACT_NOW, 0);

	if (mail->revision)
		return mail->revision;
	inquiry->tagged = false;
	mail->has_rules = ruling_has_spoken(inquiry);
	mail->revision = revision_new(inquiry, own_edits(inquiry, mail->id, seconds));
	return mail->revision;
}

/* Those that others have made of ours; what came too late for them to see comes last. */
static struct edits *revised(struct inquiry *inquiry, struct edits *own)
{
	const struct inquiry_mail *mail = inquiry->mail;
	struct edits *edits = own;

	if (mail && mail->revision && revision_is_changed(mail->revision)) {
		edits = revision_edits(inquiry, mail->revision);
		tag(inquiry, edits);
		if (!mail->has_rules)
			ruling_edit(inquiry, edits);
	}
	if (mail)
		envelope_edits_append(&inquiry->envelope_edits, inquiry, &mail->envelope_edits);
	return edits;
}

/* Not of one that our own edits were applied to before others saw it. */
static bool is_of_message(const struct inquiry *inquiry, const struct edits *edits)
{
	return inquiry->message && edits->message.data == message_bytes(inquiry->message).data;
}

void inquiry_edit(struct inquiry *inquiry, const char *id, int64_t seconds)
{
	struct edits *own = own_edits(inquiry, id, seconds);
	struct edits *edits = revised(inquiry, own);

	tell_damage(inquiry, is_of_message(inquiry, edits) ? edits : own, edits);
	if (edits != own)
		talloc_free(own);

	talloc_free(inquiry->edits);
	inquiry->edits = edits;
}

/* --- quarantine --- */

struct verdict inquiry_quarantine(struct inquiry *inquiry, const char *reason)
{
	if (policy_has_quarantine(inquiry->policy))
		return (struct verdict){
			.kind = VERDICT_QUARANTINE, .text = reason, .detail = reason};
	return verdict_reject(550, "5.7.1",
		talloc_asprintf(inquiry,
			"we do not accept this message, %s, and there is no quarantine to keep it "
			"in",
			reason));
}
