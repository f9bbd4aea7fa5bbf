/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the rules of a stage, and makes a verdict of what they say. */
#include "policy/ruling.h"

#include "policy/breaker.h"
#include "policy/language.h"
#include "policy/mail/address.h"
#include "policy/rulebook.h"
#include "policy/strip.h"

#include <assert.h>
#include <talloc.h>

#define MICROSECONDS 1000 /* of a millisecond */

struct ruling {
	struct inquiry *inquiry;
	const struct rulebook *rulebook;
	struct evaluation *evaluation; /* NULL: no rule is for this stage */
	struct trace_entry *entries;   /* NULL until the evaluation is done */
	const struct rule_outcome *outcomes;
	size_t count;
	struct verdict verdict;
	uint64_t delay;
	double score; /* before any of them added to it */
};

/* --- who is monitored --- */

static bool is_listed(const struct texts *patterns, const char *address)
{
	for (size_t i = 0; i < patterns->count; i++) {
		if (address_matches(address, patterns->items[i]))
			return true;
	}
	return false;
}

/* Whether all recipients are of those for whom rules do not act yet. */
static bool has_only_monitored(struct inquiry *inquiry, const struct texts *patterns)
{
	const char *recipient = inquiry_text(inquiry, FACT_RECIPIENT, NULL);
	struct value all;

	if (recipient)
		return is_listed(patterns, recipient);
	if (inquiry_ask(inquiry, FACT_RECIPIENTS, &all) != FACT_KNOWN)
		return false;
	for (size_t i = 0; i < all.texts.count; i++) {
		if (!is_listed(patterns, all.texts.items[i]))
			return false;
	}
	return all.texts.count > 0;
}

/* --- evaluating --- */

static enum fact_state look_up(
	void *owner, const struct evaluate_question *question, struct value *value)
{
	struct ruling *ruling = owner;
	const struct vocabulary *vocabulary = ruling->rulebook->vocabulary;

	/* The score is not known yet while one who stands before may still add to it. */
	if (ruling->inquiry->is_waiting && question->fact == &vocabulary->facts[FACT_SCORE])
		return FACT_UNKNOWN;
	return language_ask(ruling->inquiry, vocabulary, ruling, question, value);
}

static bool has_fallen(void *owner, const struct rule *rule)
{
	const struct ruling *ruling = owner;

	return breaker_has_fallen(ruling->rulebook->breaker, rule->index);
}

/* The rules of the stage; the shadow is judged beside them also where there are none. */
static bool has_rules(const struct rulebook *rulebook, enum stage stage)
{
	return rulebook && rulebook->program->at_stage_count[stage] > 0;
}

static struct ruling *begin(struct inquiry *inquiry)
{
	const struct rulebook *rulebook = inquiry->policy->rulebook;
	struct ruling *ruling = talloc_zero(inquiry, struct ruling);

	ruling->inquiry = inquiry;
	ruling->rulebook = rulebook;
	if (!has_rules(rulebook, inquiry->stage))
		return ruling;
	const struct evaluate_input input = {
		.look_up = look_up,
		.is_suspended = has_fallen,
		.owner = ruling,
		.now = inquiry_number(inquiry, FACT_NOW, 0),
		.monitored = rulebook->monitored ||
			has_only_monitored(inquiry, &rulebook->options->monitor_recipients),
		.budget = (uint64_t)rulebook->options->budget * MICROSECONDS,
		.matcher = rulebook->matcher,
	};

	ruling->evaluation = evaluate_begin(ruling, rulebook->program, inquiry->stage, &input);
	return ruling;
}

/* --- what comes of it --- */

static struct verdict let_pass(struct inquiry *inquiry, const struct outcome_action *action)
{
	struct verdict verdict = verdict_accept(NULL);

	(void)inquiry;
	verdict.whole_session = action->arguments[0].state == FACT_KNOWN;
	return verdict;
}

/* Replies are ASCII (RFC 5321 §4.2): of each other character there stays a question mark. */
static char *reply_text(const void *parent, const char *text)
{
	char *ascii = talloc_strdup(parent, text);
	size_t used = 0;

	for (const char *c = text; *c; c++) {
		bool goes_on = ((unsigned char)*c & 0xc0) == 0x80;
		if (!goes_on)
			ascii[used++] = *c;
		if ((unsigned char)*c >= 0xc0)
			ascii[used - 1] = '?';
	}
	ascii[used] = '\0';
	return ascii;
}

static struct verdict refuse(
	struct inquiry *inquiry, const struct outcome_action *action, enum verdict_kind kind)
{
	const char *text = action->arguments[2].value.text;
	struct verdict verdict = verdict_reject((int)action->arguments[0].value.number,
		action->arguments[1].value.text,
		*text ? reply_text(inquiry, text) : action->row->slots[2].preset);

	verdict.kind = kind;
	return verdict;
}

static struct verdict reject(struct inquiry *inquiry, const struct outcome_action *action)
{
	return refuse(inquiry, action, VERDICT_REJECT);
}

static struct verdict tempfail(struct inquiry *inquiry, const struct outcome_action *action)
{
	return refuse(inquiry, action, VERDICT_TEMPFAIL);
}

static struct verdict put_off(struct inquiry *inquiry, const struct outcome_action *action)
{
	(void)inquiry;
	(void)action;
	return verdict_tempfail(
		451, "4.7.1", "we do not know you yet: please try again in some minutes");
}

static struct verdict discard(struct inquiry *inquiry, const struct outcome_action *action)
{
	(void)inquiry;
	(void)action;
	return (struct verdict){.kind = VERDICT_DISCARD};
}

static struct verdict put_away(struct inquiry *inquiry, const struct outcome_action *action)
{
	const struct value_field *reason = &action->arguments[0];
	bool has_reason = reason->state == FACT_KNOWN && *reason->value.text;

	return inquiry_quarantine(inquiry,
		has_reason ? reply_text(inquiry, reason->value.text)
			   : "it looks unwanted to this site");
}

static struct verdict disconnect(struct inquiry *inquiry, const struct outcome_action *action)
{
	struct verdict verdict =
		verdict_reject(554, "5.7.1", "the policy of this site does not allow this");

	(void)inquiry;
	(void)action;
	verdict.kind = VERDICT_DISCONNECT;
	return verdict;
}

static const struct {
	const char *action;
	struct verdict (*decide)(struct inquiry *inquiry, const struct outcome_action *action);
} finals[] = {{"accept", let_pass}, {"reject", reject}, {"tempfail", tempfail},
	{"discard", discard}, {"quarantine", put_away}, {"disconnect", disconnect},
	{"greylist", put_off}};

struct verdict ruling_decide(struct inquiry *inquiry, const struct outcome_action *action)
{
	size_t i = 0;

	while (strcmp(finals[i].action, action->row->name) != 0) {
		i++;
		assert(i < sizeof finals / sizeof *finals);
	}
	return finals[i].decide(inquiry, action);
}

/* The numbers of an action in all rules of the outcome: of score and delay. */
static double sum_of(const struct rule_outcome *outcome, const char *action)
{
	double sum = 0;

	for (size_t i = 0; i < outcome->count; i++) {
		const struct value *value = &outcome->actions[i].arguments[0].value;
		if (strcmp(outcome->actions[i].row->name, action) == 0)
			sum += value->type == VALUE_SCORE ? value->score : (double)value->number;
	}
	return sum;
}

static bool observes(const struct inquiry *inquiry)
{
	return inquiry->policy->site->mode == MODE_OBSERVE;
}

static const char *detail_of(
	struct inquiry *inquiry, const struct rule_outcome *outcome, const struct verdict *verdict)
{
	if (outcome->failed)
		return talloc_strdup(inquiry, outcome->reason ? outcome->reason : "");
	return verdict->text ? verdict->text : outcome->rule->description;
}

static struct trace_entry entry_of(const struct ruling *ruling, const struct rule_outcome *outcome,
	const struct outcome_action *final, const struct verdict *verdict)
{
	struct inquiry *inquiry = ruling->inquiry;
	const char *word = final ? final->row->name : "match";
	double score = sum_of(outcome, "score");
	bool acts = !outcome->monitored && !observes(inquiry);

	return (struct trace_entry){
		.stage = inquiry->stage,
		.check = ruling->rulebook->labels[outcome->rule->index],
		.result = outcome->failed ? "failed" : word,
		.detail = detail_of(inquiry, outcome, verdict),
		.score = score,
		.counted = !outcome->monitored,
		.monitored =
			outcome->monitored || (observes(inquiry) && verdict->kind > VERDICT_ACCEPT),
		.would = outcome->monitored ? verdict->kind : VERDICT_NONE,
		.rule = outcome->rule,
		.has_fallen = breaker_has_fallen(ruling->rulebook->breaker, outcome->rule->index),
		.harms = acts &&
			(verdict->kind > VERDICT_ACCEPT ||
				score >= inquiry->policy->thresholds->tag),
	};
}

static void take_outcome(struct ruling *ruling, size_t i)
{
	const struct rule_outcome *outcome = &ruling->outcomes[i];
	const struct outcome_action *final = evaluate_final_action(outcome);
	struct verdict verdict = final ? ruling_decide(ruling->inquiry, final) : verdict_none();

	ruling->entries[i] = entry_of(ruling, outcome, final, &verdict);
	if (!outcome->monitored && !observes(ruling->inquiry))
		ruling->delay += (uint64_t)sum_of(outcome, "delay");
	if (!outcome->ends)
		return;
	ruling->verdict = verdict;
	ruling->verdict.detail = ruling->entries[i].detail;
	ruling->verdict.decided_by = ruling->entries[i].check;
}

static void take_outcomes(struct ruling *ruling)
{
	if (ruling->evaluation)
		ruling->outcomes = evaluate_outcomes(ruling->evaluation, &ruling->count);
	ruling->entries = talloc_array(ruling, struct trace_entry, ruling->count);
	for (size_t i = 0; i < ruling->count; i++)
		take_outcome(ruling, i);
	if (ruling->delay > RULING_DELAY_MOST)
		ruling->delay = RULING_DELAY_MOST;
}

/* Whether the breaker is to be told of the sender, and the store alone is missing: SPF has been asked. */
static bool lacks_known_good(const struct ruling *ruling)
{
	struct inquiry *inquiry = ruling->inquiry;
	struct value spf, known;
	bool harms = false;

	for (size_t i = 0; i < ruling->count; i++)
		harms |= ruling->entries[i].harms;
	return harms && breaker_is_counting(ruling->rulebook->breaker) &&
		facts_get(inquiry->facts, FACT_SPF_RESULT, &spf) == FACT_KNOWN &&
		inquiry_ask(inquiry, FACT_SENDER_KNOWN_GOOD, &known) == FACT_UNKNOWN;
}

/* --- for others --- */

struct evaluation *ruling_begin(struct inquiry *inquiry)
{
	if (!inquiry->ruling)
		inquiry->ruling = begin(inquiry);
	return inquiry->ruling->evaluation;
}

struct verdict ruling_judge(struct inquiry *inquiry)
{
	const struct policy *policy = inquiry->policy;
	struct ruling *ruling;

	if (!has_rules(policy->rulebook, inquiry->stage) &&
		!has_rules(policy->shadow_rulebook, inquiry->stage))
		return verdict_none();
	(void)ruling_begin(inquiry);
	ruling = inquiry->ruling;
	if (!ruling->entries) {
		ruling->score = inquiry->score;
		if (ruling->evaluation && !evaluate_run(ruling->evaluation))
			return verdict_unknown();
		take_outcomes(ruling);
	}
	if (lacks_known_good(ruling))
		return verdict_unknown();
	for (size_t i = 0; i < ruling->count; i++)
		inquiry_record(inquiry, &ruling->entries[i]);
	inquiry->delay = (uint32_t)ruling->delay;
	return ruling->verdict;
}

const struct rule_outcome *ruling_outcomes(const struct inquiry *inquiry, size_t *count)
{
	const struct ruling *ruling = inquiry->ruling;

	*count = ruling && ruling->entries ? ruling->count : 0;
	return *count ? ruling->outcomes : NULL;
}

struct evaluation *ruling_evaluation(const struct inquiry *inquiry)
{
	return inquiry->ruling ? inquiry->ruling->evaluation : NULL;
}

bool ruling_has_spoken(const struct inquiry *inquiry)
{
	return inquiry->ruling && inquiry->ruling->entries;
}

double ruling_score(const struct inquiry *inquiry)
{
	return inquiry->ruling ? inquiry->ruling->score : inquiry->score;
}

void ruling_forget(struct inquiry *inquiry)
{
	TALLOC_FREE(inquiry->ruling);
}

/* --- edits --- */

static const char *text_of(const struct outcome_action *action, size_t slot)
{
	return action->arguments[slot].value.text;
}

static void add_header(
	struct inquiry *inquiry, struct edits *edits, const struct outcome_action *action)
{
	(void)inquiry;
	if (!edits_add(edits, EDIT_TOP, text_of(action, 0), text_of(action, 1), EDIT_TEXT))
		assert(!"names of fields are looked at when rules are read");
}

static void remove_header(
	struct inquiry *inquiry, struct edits *edits, const struct outcome_action *action)
{
	(void)inquiry;
	edits_remove_all(edits, text_of(action, 0));
}

static void prefix_subject(
	struct inquiry *inquiry, struct edits *edits, const struct outcome_action *action)
{
	(void)inquiry;
	edits_prefix_subject(edits, text_of(action, 0));
}

/* Addresses are looked at when rules are read, and when a scanner's answer is. */
static void redirect(
	struct inquiry *inquiry, struct edits *edits, const struct outcome_action *action)
{
	(void)edits;
	if (!envelope_edits_redirect(&inquiry->envelope_edits, inquiry, text_of(action, 0)))
		assert(!"an address");
}

static void add_recipient(
	struct inquiry *inquiry, struct edits *edits, const struct outcome_action *action)
{
	(void)edits;
	if (!envelope_edits_add_recipient(&inquiry->envelope_edits, inquiry, text_of(action, 0)))
		assert(!"an address");
}

static void remove_recipient(
	struct inquiry *inquiry, struct edits *edits, const struct outcome_action *action)
{
	(void)edits;
	if (!envelope_edits_remove_recipient(&inquiry->envelope_edits, inquiry, text_of(action, 0)))
		assert(!"an address");
}

static void change_sender(
	struct inquiry *inquiry, struct edits *edits, const struct outcome_action *action)
{
	(void)edits;
	if (!envelope_edits_change_sender(&inquiry->envelope_edits, inquiry, text_of(action, 0)))
		assert(!"an address");
}

static const struct {
	const char *action;
	void (*edit)(
		struct inquiry *inquiry, struct edits *edits, const struct outcome_action *action);
} editing[] = {{"header", add_header}, {"remove_header", remove_header},
	{"subject_prefix", prefix_subject}, {"redirect", redirect},
	{"add_recipient", add_recipient}, {"remove_recipient", remove_recipient},
	{"change_sender", change_sender}};

static void edit(struct inquiry *inquiry, struct edits *edits, const struct outcome_action *action)
{
	for (size_t i = 0; i < sizeof editing / sizeof *editing; i++) {
		if (strcmp(editing[i].action, action->row->name) == 0)
			editing[i].edit(inquiry, edits, action);
	}
}

/* All together: two rules may want the same part. */
struct strip *ruling_strip(
	struct inquiry *inquiry, const struct rule_outcome *outcomes, size_t count)
{
	struct strip *strip = strip_new(inquiry, inquiry);

	for (size_t i = 0; i < count && !observes(inquiry); i++) {
		for (size_t k = 0; k < outcomes[i].count && !outcomes[i].monitored; k++) {
			const struct value_field *taken = &outcomes[i].actions[k].taken;
			if (taken->state == FACT_KNOWN && inquiry->message)
				strip_take(strip, outcomes[i].rule->name, &taken->value.records);
		}
	}
	return strip;
}

void ruling_edit(struct inquiry *inquiry, struct edits *edits)
{
	size_t count;
	const struct rule_outcome *outcomes = ruling_outcomes(inquiry, &count);
	struct strip *strip;

	for (size_t i = 0; i < count && !observes(inquiry); i++) {
		for (size_t k = 0; k < outcomes[i].count && !outcomes[i].monitored; k++)
			edit(inquiry, edits, &outcomes[i].actions[k]);
	}
	inquiry->whole_archives = NULL;
	strip = ruling_strip(inquiry, outcomes, count);
	inquiry->stripped = strip_edit(strip, edits);
	talloc_free(strip);
}

const char *ruling_redirection(const struct inquiry *inquiry)
{
	const char *address = NULL;
	size_t count;
	const struct rule_outcome *outcomes = ruling_outcomes(inquiry, &count);

	for (size_t i = 0; i < count && !observes(inquiry); i++) {
		for (size_t k = 0; k < outcomes[i].count && !outcomes[i].monitored; k++) {
			if (strcmp(outcomes[i].actions[k].row->name, "redirect") == 0)
				address = text_of(&outcomes[i].actions[k], 0);
		}
	}
	return address;
}
