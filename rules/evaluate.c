/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over the conditions of a stage, and fills in the actions of the rules that matched. */
#include "rules/evaluate.h"

#include "base/utf8.h"
#include "rules/evaluation.h"

#include <assert.h>
#include <talloc.h>

#define DAY 86400

static enum truth walk(struct evaluation *evaluation, const struct node *node);

const char *evaluate_truth_name(enum truth truth)
{
	static const char *const names[] = {"false", "true", "failed", "unknown", "absent"};

	return names[truth];
}

static int destroy(struct evaluation *evaluation)
{
	HASH_CLEAR(hh, evaluation->asked);
	return 0;
}

struct evaluation *evaluate_begin(const void *parent, const struct program *program, unsigned stage,
	const struct evaluate_input *input)
{
	struct evaluation *evaluation = talloc_zero(parent, struct evaluation);
	size_t references = program->reference_count;

	evaluation->program = program;
	evaluation->input = *input;
	evaluation->stage = stage;
	evaluation->known = talloc_zero_array(evaluation, struct known, references);
	evaluation->fields = talloc_zero_array(evaluation, struct known *, references);
	evaluation->cursors = talloc_zero_array(evaluation, uint32_t, references);
	evaluation->truths = talloc_zero_array(evaluation, uint8_t, program->node_count);
	talloc_set_destructor(evaluation, destroy);
	return evaluation;
}

/* --- and, or, not --- */

/* `decisive` decides, whatever the others are. */
static enum truth walk_chain(
	struct evaluation *evaluation, const struct node *node, enum truth decisive)
{
	bool is_unknown = false, failed = false;

	for (size_t i = 0; i < node->count; i++) {
		bool held = is_unknown;
		enum truth truth;

		evaluation->hold += held;
		truth = walk(evaluation, node->operands[i]);
		evaluation->hold -= held;
		if (truth == decisive)
			return decisive;
		is_unknown = is_unknown || truth == TRUTH_UNKNOWN;
		failed = failed || truth == TRUTH_FAILED;
	}
	if (is_unknown)
		return TRUTH_UNKNOWN;
	if (failed)
		return TRUTH_FAILED;
	return decisive == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
}

static enum truth walk_not(struct evaluation *evaluation, const struct node *node)
{
	enum truth truth = walk(evaluation, node->operands[0]);

	if (truth == TRUTH_TRUE)
		return TRUTH_FALSE;
	return truth == TRUTH_FALSE ? TRUTH_TRUE : truth;
}

/* --- records --- */

/* How many records a condition holds of. */
struct tally {
	uint32_t is_true, failed, is_unknown, count;
	bool is_cut; /* there may be more */
};

static bool is_decided(const struct node *node, enum truth truth)
{
	return (node->kind == NODE_ANY && truth == TRUTH_TRUE) ||
		(node->kind == NODE_ALL && truth == TRUTH_FALSE);
}

static void note_match(struct evaluation *evaluation, const struct node *node, uint32_t record)
{
	if (!evaluation->matched)
		evaluation->matched =
			talloc_zero_array(evaluation, uint32_t, evaluation->program->node_count);
	evaluation->matched[node->id] = record;
}

static void walk_record(
	struct evaluation *evaluation, const struct node *node, struct tally *tally, bool *decided)
{
	bool held = tally->is_unknown > 0;
	enum truth truth;

	evaluation->hold += held;
	truth = walk(evaluation, node->operands[0]);
	evaluation->hold -= held;
	if (truth == TRUTH_TRUE && !tally->is_true++ && !evaluation->is_tracing)
		note_match(evaluation, node, evaluation->cursors[node->reference->id]);
	tally->failed += truth == TRUTH_FAILED;
	tally->is_unknown += truth == TRUTH_UNKNOWN;
	*decided = is_decided(node, truth);
}

static struct tally walk_records(
	struct evaluation *evaluation, const struct node *node, uint32_t count)
{
	uint32_t *cursor = &evaluation->cursors[node->reference->id], before = *cursor;
	struct tally tally = {.count = count};
	bool decided = false;

	for (uint32_t i = 0; i < count && !decided; i++) {
		*cursor = i;
		walk_record(evaluation, node, &tally, &decided);
	}
	*cursor = before;
	if (decided && node->kind == NODE_ALL)
		tally.failed = tally.is_unknown = tally.is_true = 0;
	return tally;
}

static bool count_holds(const struct node *node, int64_t number)
{
	int order = (number > node->value.number) - (number < node->value.number);
	const bool results[] = {[COMPARE_EQ] = order == 0,
		[COMPARE_NE] = order != 0,
		[COMPARE_LT] = order<0, [COMPARE_LE] = order <= 0, [COMPARE_GT] = order> 0,
		[COMPARE_GE] = order >= 0};

	return results[node->compare];
}

/* Records of which nothing can be said may count or not: if it is all the same, the count is decided. So may records that nobody has seen. */
static enum truth judge_count(const struct node *node, const struct tally *tally)
{
	int64_t least = tally->is_true, most = least + tally->failed + tally->is_unknown;
	bool first = count_holds(node, least), same = true;

	if (tally->is_cut)
		same = first ? node->compare == COMPARE_GT || node->compare == COMPARE_GE
			     : node->compare == COMPARE_LT || node->compare == COMPARE_LE;
	for (int64_t number = least + 1; same && number <= most; number++)
		same = count_holds(node, number) == first;
	if (same)
		return first ? TRUTH_TRUE : TRUTH_FALSE;
	return tally->is_unknown ? TRUTH_UNKNOWN : TRUTH_FAILED;
}

static enum truth judge_records(const struct node *node, const struct tally *tally)
{
	if (node->kind == NODE_COUNT)
		return judge_count(node, tally);
	if (node->kind == NODE_ANY && tally->is_true)
		return TRUTH_TRUE;
	if (tally->is_unknown)
		return TRUTH_UNKNOWN;
	if (tally->failed || (tally->is_cut && tally->is_true == tally->count) ||
		(tally->is_cut && node->kind == NODE_ANY))
		return TRUTH_FAILED;
	return node->kind == NODE_ALL && tally->count && tally->is_true == tally->count
		? TRUTH_TRUE
		: TRUTH_FALSE;
}

static enum truth walk_quantifier(struct evaluation *evaluation, const struct node *node)
{
	const struct known *known = evaluation_know(evaluation, node->reference);
	uint32_t count = known->state == FACT_KNOWN ? known->value.records.count : 0;
	struct tally tally = {.is_true = count, .count = count};
	bool is_cut = known->state == FACT_KNOWN && known->value.records.is_cut;
	enum truth truth;

	if (known->state == FACT_UNKNOWN)
		return TRUTH_UNKNOWN;
	if (known->state == FACT_FAILED) {
		evaluation_note_reason(evaluation, node, known->value.text);
		return TRUTH_FAILED;
	}
	if (node->count)
		tally = walk_records(evaluation, node, count);
	tally.is_cut = is_cut;
	truth = judge_records(node, &tally);
	if (truth == TRUTH_FAILED && is_cut)
		evaluation_note_reason(evaluation, node, "not all of the message was looked at");
	return truth;
}

/* --- nodes --- */

static enum truth walk_node(struct evaluation *evaluation, const struct node *node)
{
	switch (node->kind) {
	case NODE_TRUE:
		return TRUTH_TRUE;
	case NODE_FALSE:
		return TRUTH_FALSE;
	case NODE_NOT:
		return walk_not(evaluation, node);
	case NODE_AND:
		return walk_chain(evaluation, node, TRUTH_FALSE);
	case NODE_OR:
		return walk_chain(evaluation, node, TRUTH_TRUE);
	case NODE_ANY:
	case NODE_ALL:
	case NODE_COUNT:
		return walk_quantifier(evaluation, node);
	default:
		return leaf_truth(evaluation, node);
	}
}

/* What is known of a node that depends on no record stays. */
enum truth evaluate_truth(struct evaluation *evaluation, const struct node *node)
{
	uint8_t *kept = &evaluation->truths[node->id];
	enum truth truth;

	if (*kept && !node->open)
		return (enum truth)(*kept - 1);
	truth = walk_node(evaluation, node);
	if (truth != TRUTH_UNKNOWN)
		*kept = (uint8_t)(truth + 1);
	return truth;
}

/* Above a leaf, absent is false. */
static enum truth walk(struct evaluation *evaluation, const struct node *node)
{
	enum truth truth = evaluate_truth(evaluation, node);

	return truth == TRUTH_ABSENT ? TRUTH_FALSE : truth;
}

static void begin_run(struct evaluation *evaluation)
{
	evaluation->run++;
	evaluation->hold = 0;
	evaluation->input.matcher->budget = evaluation->input.budget;
}

static void end_run(struct evaluation *evaluation)
{
	evaluation->input.budget = evaluation->input.matcher->budget;
}

enum truth evaluate_condition(struct evaluation *evaluation, const struct node *condition)
{
	enum truth truth;

	begin_run(evaluation);
	truth = walk(evaluation, condition);
	end_run(evaluation);
	return truth;
}

/* --- texts --- */

/* The first node of a condition that is true of a record of these. */
static const struct node *find_match(const struct evaluation *evaluation, const struct node *node,
	const struct reference *records)
{
	const struct node *found = NULL;

	if (node->kind == NODE_ANY && node->reference == records &&
		evaluation->truths[node->id] == TRUTH_TRUE + 1)
		return node;
	for (size_t i = 0; i < node->count && !found; i++)
		found = find_match(evaluation, node->operands[i], records);
	return found;
}

/* Of a field: that of the record that matched first, or of the first; absent when there is none. */
static const struct known *know_for_text(
	struct evaluation *evaluation, const struct rule *rule, const struct reference *reference)
{
	static const struct known absent = {.state = FACT_ABSENT};
	const struct node *match;
	const struct known *records;
	uint32_t *cursor;

	if (!reference->field)
		return evaluation_know(evaluation, reference);
	records = evaluation_know(evaluation, reference->records);
	if (records->state != FACT_KNOWN)
		return records;
	if (!records->value.records.count)
		return &absent;
	match = find_match(evaluation, rule->condition, reference->records);
	cursor = &evaluation->cursors[reference->records->id];
	*cursor = match ? evaluation->matched[match->id] : 0;
	return evaluation_know(evaluation, reference);
}

static char *append_value(
	char *text, const struct reference *reference, const struct known *known, size_t longest)
{
	char *value;

	if (known->state == FACT_FAILED)
		return talloc_strdup_append_buffer(text, "?");
	if (known->state != FACT_KNOWN)
		return text;
	if (known->value.type == VALUE_TEXTS)
		return talloc_strndup_append_buffer(text, known->value.texts.items[0], longest);
	if (value_is_text(known->value.type))
		return talloc_strndup_append_buffer(text, known->value.text, longest);
	value = value_print(text, &known->value, program_names(reference));
	text = talloc_strndup_append_buffer(text, value, longest);
	talloc_free(value);
	return text;
}

/* NULL while a fact in it is unknown. */
static const char *fill_wording(struct evaluation *evaluation, const struct rule *rule,
	const struct wording *wording, size_t longest)
{
	char *text = talloc_strdup(evaluation, ""), *clean;
	bool is_known = true;

	for (size_t i = 0; i < wording->count; i++) {
		const struct wording_part *part = &wording->parts[i];
		const struct known *known;

		if (!part->reference) {
			text = talloc_strdup_append_buffer(text, part->text);
			continue;
		}
		known = know_for_text(evaluation, rule, part->reference);
		is_known = is_known && known->state != FACT_UNKNOWN;
		text = append_value(text, part->reference, known, longest);
	}
	clean = talloc_array(evaluation, char, longest + 1);
	clean[utf8_clean(clean, longest, slice_of(text))] = '\0';
	talloc_free(text);
	return is_known ? clean : NULL;
}

/* --- actions --- */

static bool fill_action(struct evaluation *evaluation, const struct rule *rule,
	const struct rule_action *action, struct outcome_action *filled)
{
	bool is_known = true;

	*filled = (struct outcome_action){.row = action->row, .acts = true};
	for (size_t i = 0; i < action->row->slot_count; i++) {
		size_t longest = action->row->slots[i].longest;

		filled->arguments[i] = action->arguments[i];
		if (!action->wordings[i])
			continue;
		filled->arguments[i].value.text = fill_wording(evaluation, rule,
			action->wordings[i], longest ? longest : VOCABULARY_TEXT_LONGEST);
		is_known = is_known && filled->arguments[i].value.text;
	}
	return is_known;
}

/* Asks what the action asks for. Failed: the rule has. */
static enum truth ask_action(struct evaluation *evaluation, const struct rule_action *action,
	struct rule_outcome *outcome, bool *acts)
{
	const struct known *known;

	if (!action->asks)
		return TRUTH_TRUE;
	known = evaluation_know(evaluation, action->asks);
	if (known->state == FACT_UNKNOWN)
		return TRUTH_UNKNOWN;
	if (known->state == FACT_FAILED) {
		outcome->reason = known->value.text;
		return TRUTH_FAILED;
	}
	*acts = known->state == FACT_KNOWN && known->value.boolean;
	return TRUTH_TRUE;
}

/* Notes of which records a quantifier's condition holds. What is denied holds of none. */
static void choose_records(struct evaluation *evaluation, const struct node *node,
	const struct reference *records, bool *chosen, uint32_t count)
{
	uint32_t *cursor = &evaluation->cursors[records->id], before = *cursor;
	bool is_about = node->reference == records && node->count &&
		(node->kind == NODE_ANY || node->kind == NODE_ALL || node->kind == NODE_COUNT);

	for (uint32_t i = 0; i < count && is_about; i++) {
		*cursor = i;
		chosen[i] |= walk(evaluation, node->operands[0]) == TRUTH_TRUE;
	}
	*cursor = before;
	for (size_t i = 0; i < node->count && !is_about && node->kind != NODE_NOT; i++)
		choose_records(evaluation, node->operands[i], records, chosen, count);
}

static struct value take_chosen(
	struct evaluation *evaluation, const struct value_records *all, const bool *chosen)
{
	struct value taken = {.type = VALUE_RECORDS, .records = {.width = all->width}};
	struct value_field *fields =
		talloc_array(evaluation, struct value_field, (size_t)all->count * all->width);
	bool is_any = false;

	for (uint32_t i = 0; i < all->count; i++)
		is_any |= chosen[i];
	for (uint32_t i = 0; i < all->count; i++) {
		if (is_any && !chosen[i])
			continue;
		memcpy(&fields[(size_t)taken.records.count++ * all->width],
			&all->fields[(size_t)i * all->width], all->width * sizeof *fields);
	}
	taken.records.fields = fields;
	return taken;
}

/* The records that an action takes. Failed: the rule has. */
static enum truth take_records(struct evaluation *evaluation, const struct rule *rule,
	const struct rule_action *action, struct outcome_action *filled)
{
	const struct known *known =
		action->takes ? evaluation_know(evaluation, action->takes) : NULL;
	bool was_tracing = evaluation->is_tracing;
	bool *chosen;

	if (!known || known->state == FACT_ABSENT)
		return TRUTH_TRUE;
	if (known->state != FACT_KNOWN)
		return known->state == FACT_UNKNOWN ? TRUTH_UNKNOWN : TRUTH_FAILED;
	chosen = talloc_zero_array(evaluation, bool, known->value.records.count);
	evaluation->is_tracing = true;
	choose_records(
		evaluation, rule->condition, action->takes, chosen, known->value.records.count);
	evaluation->is_tracing = was_tracing;
	filled->taken.value = take_chosen(evaluation, &known->value.records, chosen);
	filled->taken.state = FACT_KNOWN;
	talloc_free(chosen);
	return TRUTH_TRUE;
}

static enum truth fill_actions(
	struct evaluation *evaluation, const struct rule *rule, struct rule_outcome *outcome)
{
	enum truth truth = TRUTH_TRUE;

	outcome->count = rule->action_count;
	outcome->actions = talloc_zero_array(evaluation, struct outcome_action, rule->action_count);
	for (size_t i = 0; i < rule->action_count; i++) {
		struct outcome_action *filled = &outcome->actions[i];
		bool is_known = fill_action(evaluation, rule, &rule->actions[i], filled);
		enum truth asked =
			ask_action(evaluation, &rule->actions[i], outcome, &filled->acts);

		if (asked == TRUTH_TRUE)
			asked = take_records(evaluation, rule, &rule->actions[i], filled);
		if (asked == TRUTH_FAILED)
			return TRUTH_FAILED;
		if (!is_known || asked == TRUTH_UNKNOWN)
			truth = TRUTH_UNKNOWN;
	}
	return truth;
}

static const char *find_reason(const struct evaluation *evaluation, const struct node *node)
{
	const char *reason = evaluation->reasons ? evaluation->reasons[node->id] : NULL;

	for (size_t i = 0; i < node->count && !reason; i++)
		reason = find_reason(evaluation, node->operands[i]);
	return reason;
}

static void fail(
	struct evaluation *evaluation, const struct rule *rule, struct rule_outcome *outcome)
{
	outcome->failed = true;
	outcome->count = 0;
	if (!outcome->reason)
		outcome->reason = find_reason(evaluation, rule->condition);
	if (!rule->on_error)
		return;
	outcome->actions = talloc_zero_array(evaluation, struct outcome_action, 1);
	outcome->count = 1;
	fill_action(evaluation, rule, rule->on_error, &outcome->actions[0]);
}

const struct outcome_action *evaluate_final_action(const struct rule_outcome *outcome)
{
	for (size_t i = 0; i < outcome->count; i++) {
		if (outcome->actions[i].row->final && outcome->actions[i].acts)
			return &outcome->actions[i];
	}
	return NULL;
}

/* --- rules --- */

static void add_outcome(struct evaluation *evaluation, const struct rule_outcome *outcome)
{
	size_t room = talloc_array_length(evaluation->outcomes);

	if (evaluation->outcome_count == room)
		evaluation->outcomes = talloc_realloc(
			evaluation, evaluation->outcomes, struct rule_outcome, room ? 2 * room : 8);
	evaluation->outcomes[evaluation->outcome_count++] = *outcome;
}

static bool is_over(const struct evaluation *evaluation, const struct rule *rule)
{
	return rule->until != INT64_MAX && evaluation->input.now / DAY > rule->until;
}

static bool is_monitored(const struct evaluation *evaluation, const struct rule *rule)
{
	const struct evaluate_input *input = &evaluation->input;

	return rule->monitored || input->monitored ||
		(input->is_suspended && input->is_suspended(input->owner, rule));
}

/* What became of one rule; true when it ends the stage. */
static enum truth judge_rule(struct evaluation *evaluation, const struct rule *rule, bool *ends)
{
	struct rule_outcome outcome = {.rule = rule};
	enum truth truth = walk(evaluation, rule->condition);

	if (truth == TRUTH_TRUE)
		truth = fill_actions(evaluation, rule, &outcome);
	if (truth == TRUTH_FAILED)
		fail(evaluation, rule, &outcome);
	if (truth == TRUTH_FALSE || truth == TRUTH_UNKNOWN)
		return truth;
	outcome.monitored = is_monitored(evaluation, rule);
	outcome.ends = !outcome.monitored && evaluate_final_action(&outcome);
	*ends = outcome.ends;
	add_outcome(evaluation, &outcome);
	return truth;
}

static bool may_end(const struct evaluation *evaluation, const struct rule *rule)
{
	return !rule->monitored && !evaluation->input.monitored &&
		(rule->is_final || rule->on_error);
}

bool evaluate_run(struct evaluation *evaluation)
{
	const struct program *program = evaluation->program;
	bool is_unknown = false, ends = false;

	if (evaluation->is_done)
		return true;
	begin_run(evaluation);
	evaluation->outcome_count = 0;
	for (size_t i = 0; i < program->at_stage_count[evaluation->stage] && !ends; i++) {
		const struct rule *rule = program->at_stage[evaluation->stage][i];

		if (is_over(evaluation, rule) ||
			judge_rule(evaluation, rule, &ends) != TRUTH_UNKNOWN)
			continue;
		is_unknown = true;
		if (may_end(evaluation, rule))
			evaluation->hold++;
	}
	end_run(evaluation);
	evaluation->is_done = !is_unknown;
	return !is_unknown;
}

void evaluate_take(struct evaluation *evaluation, struct rule_outcome *outcomes, size_t count)
{
	evaluation->outcomes = outcomes;
	evaluation->outcome_count = count;
	evaluation->is_done = true;
}

const struct rule_outcome *evaluate_outcomes(const struct evaluation *evaluation, size_t *count)
{
	assert(evaluation->is_done);
	*count = evaluation->outcome_count;
	return evaluation->outcomes;
}
