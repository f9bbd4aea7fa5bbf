/* SPDX-License-Identifier: Apache-2.0 */
/* Rules over what stands in a message, between a worker and a scanner. */
#include "policy/scan.h"

#include "policy/content_learner.h"
#include "policy/header_learner.h"
#include "policy/mail/address.h"
#include "policy/mail/folding.h"
#include "policy/rulebook.h"
#include "policy/ruling.h"
#include "policy/shadow.h"
#include "policy/strip.h"

#include <talloc.h>

enum whose { WHOSE_RULES, WHOSE_SHADOW, WHOSE };
enum status { STATUS_LACKING, STATUS_JUDGED, STATUSES };

struct scan_tools {
	const struct policy *policy;
	struct content_tools *content;
	struct content_wishes wishes; /* of the rules */
	struct facts *found;          /* in the last message, or NULL */
	int64_t found_id;
	size_t found_size; /* of that message */
};

static const struct rulebook *rulebook_of(const struct policy *policy, enum whose whose)
{
	return whose == WHOSE_SHADOW ? policy->shadow_rulebook : policy->rulebook;
}

static struct evaluation *begin(struct inquiry *inquiry, enum whose whose)
{
	return whose == WHOSE_SHADOW ? shadow_begin(inquiry) : ruling_begin(inquiry);
}

/* --- facts --- */

static void put_fact(
	struct parcel *parcel, const struct facts *facts, const struct question *question)
{
	struct value value;
	enum fact_state state = facts_look_up(facts, question, &value);

	parcel_put_question(parcel, question);
	parcel_put_value(parcel, state, &value);
}

/* What whoever has the message finds out for himself. */
static bool is_of_message(const struct question *question)
{
	enum fact_learner learner = fact_row(question->fact)->learner;

	return learner == LEARNER_HEADER || learner == LEARNER_CONTENT;
}

static void put_known(struct parcel *parcel, const struct facts *facts)
{
	size_t count;
	struct question *known = facts_known(parcel, facts, &count);

	for (size_t i = 0; i < count; i++) {
		if (is_of_message(&known[i]) || known[i].fact == FACT_SCORE)
			continue;
		parcel_put_number(parcel, true);
		put_fact(parcel, facts, &known[i]);
	}
	parcel_put_number(parcel, false);
	talloc_free(known);
}

/* What was found out about the message; without texts, and as far as there is room, or all. */
static void put_found(struct parcel *parcel, const struct facts *facts, bool is_all)
{
	struct value value;

	for (enum fact fact = 0; fact < FACT_COUNT; fact++) {
		const struct fact_row *row = fact_row(fact);
		const struct question question = {fact, NULL};
		size_t before = parcel->size;

		if (row->learner != LEARNER_CONTENT || (row->bulky && !is_all) ||
			facts_get(facts, fact, &value) == FACT_UNKNOWN)
			continue;
		parcel_put_number(parcel, true);
		put_fact(parcel, facts, &question);
		if (parcel->size > SCAN_PARCEL_MAXIMUM / 2 && !is_all)
			parcel->size = before;
	}
	parcel_put_number(parcel, false);
}

/* Whether records are such as the fact has. */
static bool are_fields_right(const struct fact_row *row, const struct value_records *records)
{
	const struct vocabulary_field *fields = row->rules->fields;
	size_t all = (size_t)records->count * records->width, width = 0;

	while (fields[width].name)
		width++;
	for (size_t i = 0; i < all; i++) {
		if (records->fields[i].state == FACT_KNOWN &&
			records->fields[i].value.type != fields[i % width].type)
			return false;
	}
	return records->width == width;
}

static bool is_right(
	const struct question *question, enum fact_state state, const struct value *value)
{
	const struct fact_row *row = fact_row(question->fact);

	if (state != FACT_KNOWN)
		return true;
	return value->type == row->type &&
		(value->type != VALUE_RECORDS || are_fields_right(row, &value->records));
}

static void take_facts(struct unpacking *from, struct facts *facts)
{
	while (parcel_take_index(from, 2)) {
		struct question question = parcel_take_question(from);
		struct value value;
		enum fact_state state = parcel_take_value(facts, from, &value);

		from->is_broken |= !is_right(&question, state, &value);
		if (from->is_broken)
			return;
		if (state != FACT_UNKNOWN)
			facts_answer(facts, &question, state, value);
	}
}

/* --- outcomes --- */

static void put_action(struct parcel *parcel, const struct vocabulary *vocabulary,
	const struct outcome_action *action)
{
	parcel_put_number(parcel, action->row - vocabulary->actions);
	parcel_put_number(parcel, action->acts);
	for (size_t i = 0; i < VOCABULARY_SLOTS; i++)
		parcel_put_value(parcel, action->arguments[i].state, &action->arguments[i].value);
	parcel_put_value(parcel, action->taken.state, &action->taken.value);
}

static void put_outcome(struct parcel *parcel, const struct vocabulary *vocabulary,
	const struct rule_outcome *outcome)
{
	parcel_put_number(parcel, (int64_t)outcome->rule->index);
	parcel_put_number(parcel, outcome->monitored);
	parcel_put_number(parcel, outcome->failed);
	parcel_put_number(parcel, outcome->ends);
	parcel_put_text(parcel, outcome->reason);
	parcel_put_number(parcel, (int64_t)outcome->count);
	for (size_t i = 0; i < outcome->count; i++)
		put_action(parcel, vocabulary, &outcome->actions[i]);
}

static void put_outcomes(struct parcel *parcel, const struct vocabulary *vocabulary,
	const struct evaluation *evaluation)
{
	size_t count;
	const struct rule_outcome *outcomes = evaluate_outcomes(evaluation, &count);

	parcel_put_number(parcel, (int64_t)count);
	for (size_t i = 0; i < count; i++)
		put_outcome(parcel, vocabulary, &outcomes[i]);
}

static bool is_address(const char *text)
{
	struct address *address = address_parse(NULL, slice_of(text));
	bool is_one = address && *address->domain;

	talloc_free(address);
	return is_one;
}

/* Who reads rules has looked at them so, and who acts relies on it. */
static bool fits(const struct vocabulary_slot *slot, const struct value *value)
{
	static const bool is_text[] = {[SHAPE_STATUS] = true,
		[SHAPE_TEXT] = true,
		[SHAPE_FIELD] = true,
		[SHAPE_ADDRESS] = true,
		[SHAPE_DURATION] = false};

	if (slot->shape == SHAPE_FIELD && value_is_text(value->type) &&
		!folding_is_name(slice_of(value->text)))
		return false;
	if (slot->shape == SHAPE_ADDRESS && value_is_text(value->type) &&
		!(slot->may_be_null && !*value->text) && !is_address(value->text))
		return false;
	return value->type != VALUE_TEXTS && value->type != VALUE_RECORDS &&
		(slot->shape == SHAPE_WORD || value_is_text(value->type) == is_text[slot->shape]);
}

static struct outcome_action take_action(
	const void *parent, struct unpacking *from, const struct vocabulary *vocabulary)
{
	struct outcome_action action = {
		.row = &vocabulary->actions[parcel_take_index(from, vocabulary->action_count)]};

	action.acts = parcel_take_index(from, 2);
	for (size_t i = 0; i < VOCABULARY_SLOTS; i++) {
		struct value_field *argument = &action.arguments[i];
		argument->state = parcel_take_value(parent, from, &argument->value);
		from->is_broken |= i < action.row->slot_count && argument->state == FACT_KNOWN &&
			!fits(&action.row->slots[i], &argument->value);
	}
	action.taken.state = parcel_take_value(parent, from, &action.taken.value);
	if (action.taken.state == FACT_KNOWN)
		from->is_broken |= !is_right(&(struct question){.fact = FACT_ATTACHMENT},
			FACT_KNOWN, &action.taken.value);
	return action;
}

static struct rule_outcome take_outcome(
	const void *parent, struct unpacking *from, const struct rulebook *rulebook)
{
	const struct program *program = rulebook->program;
	struct rule_outcome outcome = {
		.rule = program->rules[parcel_take_index(from, program->rule_count)]};

	outcome.monitored = parcel_take_index(from, 2);
	outcome.failed = parcel_take_index(from, 2);
	outcome.ends = parcel_take_index(from, 2);
	outcome.reason = parcel_take_text(from);
	outcome.count = parcel_take_index(from, from->rest.size + 1);
	outcome.actions = talloc_array(parent, struct outcome_action, outcome.count);
	for (size_t i = 0; i < outcome.count && !from->is_broken; i++)
		outcome.actions[i] = take_action(parent, from, rulebook->vocabulary);
	return outcome;
}

/* They live under the evaluation's owner. */
static void take_outcomes(struct inquiry *inquiry, struct unpacking *from, enum whose whose)
{
	const struct rulebook *rulebook = rulebook_of(inquiry->policy, whose);
	struct evaluation *evaluation = begin(inquiry, whose);
	size_t count = parcel_take_index(from, from->rest.size + 1);
	struct rule_outcome *outcomes =
		talloc_zero_array(inquiry->facts, struct rule_outcome, count);

	for (size_t i = 0; i < count && !from->is_broken; i++)
		outcomes[i] = take_outcome(outcomes, from, rulebook);
	if (!from->is_broken)
		evaluate_take(evaluation, outcomes, count);
}

/* --- archives --- */

#define ARCHIVES_MOST 1000
#define ROOM_BEHIND 1024 /* of a parcel, for archives that cannot be pruned */

/* Of which only members are to go: found here, where archives are taken apart. */
static void put_archives(
	struct parcel *parcel, struct inquiry *inquiry, const struct evaluation *evaluation)
{
	size_t count, outcome_count;
	const struct rule_outcome *outcomes = evaluate_outcomes(evaluation, &outcome_count);
	struct strip *strip = ruling_strip(inquiry, outcomes, outcome_count);
	const struct strip_archive *archives = strip_find_archives(strip, &count);

	parcel_put_number(parcel, (int64_t)(count < ARCHIVES_MOST ? count : 0));
	for (size_t i = 0; i < count && count < ARCHIVES_MOST; i++)
		strip_archive_put(
			parcel, &archives[i], SCAN_PARCEL_MAXIMUM - ROOM_BEHIND * (count - i));
	talloc_free(strip);
}

static void take_archives(struct inquiry *inquiry, struct unpacking *from)
{
	size_t count = parcel_take_index(from, ARCHIVES_MOST);
	struct strip_archive *archives =
		talloc_zero_array(inquiry->facts, struct strip_archive, count);

	for (size_t i = 0; i < count && !from->is_broken; i++)
		archives[i] = strip_archive_take(archives, from);
	inquiry->archives = archives;
	inquiry->archive_count = from->is_broken ? 0 : count;
}

/* --- the worker's side --- */

static enum whose whose_turn(const struct inquiry *inquiry)
{
	return inquiry->is_decided ? WHOSE_SHADOW : WHOSE_RULES;
}

struct slice scan_ask(const void *parent, struct inquiry *inquiry)
{
	struct parcel *parcel = parcel_new(parent);

	parcel_put_number(parcel, whose_turn(inquiry));
	parcel_put_number(parcel, ++inquiry->scans);
	parcel_put_number(parcel, inquiry->scan_id);
	parcel_put_real(parcel, ruling_score(inquiry));
	put_known(parcel, inquiry->facts);
	return parcel->size > SCAN_PARCEL_MAXIMUM ? slice_of("") : parcel_bytes(parcel);
}

static void take_lacking(struct inquiry *inquiry, struct unpacking *from)
{
	while (parcel_take_index(from, 2)) {
		struct question question = parcel_take_question(from);

		if (!from->is_broken)
			inquiry_lack(inquiry, &question);
	}
}

bool scan_hear(struct inquiry *inquiry, struct slice answer)
{
	char *kept = talloc_memdup(inquiry->facts, answer.data, answer.size);
	struct unpacking from = parcel_open(slice_make(kept, answer.size));
	enum status status = (enum status)parcel_take_index(&from, STATUSES);

	take_facts(&from, inquiry->facts);
	if (status == STATUS_LACKING)
		take_lacking(inquiry, &from);
	else if (!from.is_broken)
		take_outcomes(inquiry, &from, whose_turn(inquiry));
	if (status == STATUS_JUDGED && whose_turn(inquiry) == WHOSE_RULES && !from.is_broken)
		take_archives(inquiry, &from);
	return !from.is_broken;
}

/* --- the scanner's side --- */

/* A message that is judged here. */
struct scan {
	struct scan_tools *tools;
	struct inquiry *inquiry;
	int64_t id; /* the worker's, of the message; 0: none */
	enum whose whose;
	bool is_last; /* what is missing has failed */
};

struct scan_tools *scan_prepare(const void *parent, const struct policy *policy)
{
	struct scan_tools *tools = talloc_zero(parent, struct scan_tools);

	tools->policy = policy;
	tools->content = content_prepare(tools);
	tools->wishes.digests = rulebook_asks_fact(policy, FACT_ATTACHMENT, "sha256");
	tools->wishes.yara = rulebook_asks_fact(policy, FACT_YARA, NULL);
	return tools;
}

/* What is large is found anew when it is asked for again. */
static void keep_found(const struct scan *scan, struct facts *found)
{
	struct scan_tools *tools = scan->tools;

	if (!scan->id || talloc_total_size(found) > SCAN_KEPT_MAXIMUM)
		return;
	tools->found = talloc_steal(tools, found);
	tools->found_id = scan->id;
	tools->found_size = (size_t)message_size(scan->inquiry->message);
}

static bool is_found(const struct scan *scan)
{
	const struct scan_tools *tools = scan->tools;

	return tools->found && scan->id && tools->found_id == scan->id &&
		tools->found_size == (size_t)message_size(scan->inquiry->message);
}

static void learn_content(const struct scan *scan)
{
	struct scan_tools *tools = scan->tools;
	struct inquiry *inquiry = scan->inquiry;

	if (is_found(scan)) {
		content_learner_tell(inquiry, tools->found);
		return;
	}
	TALLOC_FREE(tools->found);
	struct facts *found =
		content_learner_find(inquiry->facts, inquiry, tools->content, &tools->wishes);
	content_learner_tell(inquiry, found);
	keep_found(scan, found);
}

static bool learn_here(const struct scan *scan, const struct question *question)
{
	enum fact_learner learner = fact_row(question->fact)->learner;

	if (learner == LEARNER_CONTENT)
		learn_content(scan);
	else if (learner == LEARNER_HEADER && question->argument)
		header_learner_learn_fields(scan->inquiry, question);
	else if (learner == LEARNER_HEADER)
		header_learner_learn(scan->inquiry);
	else if (scan->is_last)
		facts_answer(scan->inquiry->facts, question, FACT_FAILED,
			(struct value){.text = "too many questions, one after the other"});
	else
		return false;
	return true;
}

/* False when only others can learn what is wanted. */
static bool learn_wanted(const struct scan *scan)
{
	struct question *wanted = scan->inquiry->wanted;
	size_t count = talloc_array_length(wanted), learnt = 0;
	struct value value;

	for (size_t i = 0; i < count; i++) {
		bool is_known =
			facts_look_up(scan->inquiry->facts, &wanted[i], &value) != FACT_UNKNOWN;
		learnt += is_known || learn_here(scan, &wanted[i]);
	}
	return learnt > 0;
}

static void put_lacking(struct parcel *parcel, const struct inquiry *inquiry)
{
	for (size_t i = 0; i < talloc_array_length(inquiry->wanted); i++) {
		parcel_put_number(parcel, true);
		parcel_put_question(parcel, &inquiry->wanted[i]);
	}
	parcel_put_number(parcel, false);
}

static void judge(const struct scan *scan, struct parcel *answer)
{
	struct inquiry *inquiry = scan->inquiry;
	struct evaluation *evaluation = begin(inquiry, scan->whose);
	bool is_judged;

	while (!(is_judged = evaluate_run(evaluation)) && learn_wanted(scan))
		TALLOC_FREE(inquiry->wanted);
	parcel_put_number(answer, is_judged ? STATUS_JUDGED : STATUS_LACKING);
	put_found(answer, inquiry->facts, false);
	if (is_judged)
		put_outcomes(
			answer, rulebook_of(inquiry->policy, scan->whose)->vocabulary, evaluation);
	else
		put_lacking(answer, inquiry);
	if (is_judged && scan->whose == WHOSE_RULES)
		put_archives(answer, inquiry, evaluation);
}

static bool open_request(struct scan *scan, struct slice request)
{
	struct unpacking from = parcel_open(request);
	struct inquiry *inquiry = scan->inquiry;

	scan->whose = (enum whose)parcel_take_index(&from, WHOSE);
	scan->is_last = parcel_take_number(&from) >= SCAN_ROUNDS;
	scan->id = parcel_take_number(&from);
	inquiry->score = parcel_take_real(&from);
	facts_set_score(inquiry->facts, FACT_SCORE, inquiry->score);
	take_facts(&from, inquiry->facts);
	return !from.is_broken && rulebook_of(inquiry->policy, scan->whose);
}

struct slice scan_answer(const void *parent, struct scan_tools *tools, struct slice request,
	struct slice message, unsigned anomalies)
{
	struct parcel *answer = parcel_new(parent);
	struct facts *facts = facts_new(answer, NULL);
	struct scan scan = {.tools = tools, .inquiry = inquiry_new_of(facts, tools->policy, facts)};

	scan.inquiry->stage = STAGE_MESSAGE;
	scan.inquiry->message = message_view(facts, message, anomalies);
	if (open_request(&scan, request))
		judge(&scan, answer);
	return answer->size > SCAN_PARCEL_MAXIMUM ? slice_of("") : parcel_bytes(answer);
}

/* --- without rules --- */

struct slice scan_find(const void *parent, const struct scan_tools *tools, struct message *message)
{
	struct parcel *found = parcel_new(parent);
	struct facts *facts = facts_new(found, NULL);
	struct inquiry *inquiry = inquiry_new_of(facts, tools->policy, facts);

	inquiry->stage = STAGE_MESSAGE;
	inquiry->message = message;
	content_learner_tell(inquiry,
		content_learner_find(facts, inquiry, tools->content,
			&(struct content_wishes){.digests = true, .yara = true}));
	put_found(found, facts, true);
	return parcel_bytes(found);
}

bool scan_learn(struct inquiry *inquiry, struct slice found)
{
	struct unpacking from = parcel_open(found);

	take_facts(&from, inquiry->facts);
	return !from.is_broken;
}
