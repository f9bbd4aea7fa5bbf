/* SPDX-License-Identifier: Apache-2.0 */
/* Rules: their clauses, and what stands behind their actions. */
#include "rules/rule.h"

#include "base/quantity.h"
#include "rules/constant.h"
#include "rules/resolve.h"
#include "rules/wording.h"

#include <assert.h>
#include <ctype.h>
#include <talloc.h>

/* --- what stands behind an action --- */

/* An action that is being made. */
struct making {
	struct builder *builder;
	const struct action *action;
	struct rule_action *made;
	const struct vocabulary_slot *slot; /* which is being filled */
	size_t number;
};

/* Whether the literal may stand in the slot. */
static bool fits(const struct vocabulary_slot *slot, const struct literal *literal)
{
	static const unsigned kinds[] = {
		[SHAPE_WORD] = 1u << LITERAL_NAME,
		[SHAPE_CODE] = 1u << LITERAL_NUMBER,
		[SHAPE_STATUS] = 1u << LITERAL_STATUS,
		[SHAPE_TEXT] = 1u << LITERAL_STRING,
		[SHAPE_FIELD] = 1u << LITERAL_STRING,
		[SHAPE_NUMBER] = 1u << LITERAL_NUMBER,
		[SHAPE_ADDRESS] = 1u << LITERAL_ADDRESS | 1u << LITERAL_STRING,
		[SHAPE_DURATION] = 1u << LITERAL_DURATION | 1u << LITERAL_NUMBER,
	};

	return (kinds[slot->shape] & 1u << literal->kind) &&
		(slot->shape != SHAPE_WORD || strcmp(literal->text, slot->name) == 0);
}

static bool is_within(struct making *making, const struct literal *literal, int64_t number)
{
	const struct vocabulary_slot *slot = making->slot;

	if ((!slot->minimum && !slot->maximum) ||
		(number >= slot->minimum && number <= slot->maximum))
		return true;
	return builder_complain(making->builder, literal->place,
		"the %s of %s lies between %lld and %lld", slot->name, making->action->name,
		(long long)slot->minimum, (long long)slot->maximum);
}

static bool fill_word(struct making *making, const struct literal *literal, struct value *value)
{
	(void)making;
	*value = (struct value){.type = VALUE_STRING, .text = literal->text};
	return true;
}

static bool fill_code(struct making *making, const struct literal *literal, struct value *value)
{
	return constant_read(literal, VALUE_INT, NULL, making->slot->name, value,
		       making->builder->complaints) &&
		is_within(making, literal, value->number);
}

static bool fill_number(struct making *making, const struct literal *literal, struct value *value)
{
	return constant_read(literal, VALUE_SCORE, NULL, making->slot->name, value,
		       making->builder->complaints) &&
		is_within(making, literal, (int64_t)value->score);
}

static bool fill_duration(struct making *making, const struct literal *literal, struct value *value)
{
	return constant_read(literal, VALUE_DURATION, NULL, making->slot->name, value,
		       making->builder->complaints) &&
		is_within(making, literal, value->number);
}

static bool fill_address(struct making *making, const struct literal *literal, struct value *value)
{
	if (!constant_read(literal, VALUE_ADDRESS, NULL, making->slot->name, value,
		    making->builder->complaints))
		return false;
	if (making->slot->may_be_null && !*value->text)
		return true;
	if (!strchr(value->text, '@'))
		return builder_complain(making->builder, literal->place,
			"%s needs an address: <user@example.com>", making->action->name);
	return true;
}

/* field-name = 1*ftext, printable ASCII without a colon (RFC 5322 §3.6.8). */
static bool fill_field(struct making *making, const struct literal *literal, struct value *value)
{
	bool is_good = *literal->text && strlen(literal->text) <= 76;

	for (const char *c = literal->text; *c; c++)
		is_good = is_good && *c > ' ' && *c < 0x7f && *c != ':';
	*value = (struct value){.type = VALUE_STRING, .text = literal->text};
	if (is_good)
		return true;
	return builder_complain(making->builder, literal->place,
		"\"%s\" cannot be the name of a header field: letters, digits and hyphens, 76 at "
		"most",
		literal->text);
}

static bool fill_text(struct making *making, const struct literal *literal, struct value *value)
{
	struct wording *wording = wording_new(making->builder, literal);

	making->made->wordings[making->number] = wording;
	*value = (struct value){.type = VALUE_STRING, .text = literal->text};
	return wording;
}

typedef bool (*fill_fn)(struct making *making, const struct literal *literal, struct value *value);

static const fill_fn fillers[] = {
	[SHAPE_WORD] = fill_word,
	[SHAPE_CODE] = fill_code,
	[SHAPE_STATUS] = fill_word,
	[SHAPE_TEXT] = fill_text,
	[SHAPE_FIELD] = fill_field,
	[SHAPE_NUMBER] = fill_number,
	[SHAPE_ADDRESS] = fill_address,
	[SHAPE_DURATION] = fill_duration,
};

/* What stands there when nothing was written. */
static void preset(struct making *making, struct value_field *field)
{
	const struct vocabulary_slot *slot = making->slot;
	struct value *value = &field->value;

	*field = (struct value_field){.state = FACT_ABSENT};
	if (!slot->preset)
		return;
	field->state = FACT_KNOWN;
	*value = (struct value){.type = VALUE_STRING, .text = slot->preset};
	if (slot->shape == SHAPE_CODE) {
		bool is_number =
			quantity_parse(QUANTITY_NUMBER, slice_of(slot->preset), &value->number);
		assert(is_number);
		value->type = VALUE_INT;
	} else if (slot->shape == SHAPE_TEXT) {
		making->made->wordings[making->number] =
			wording_of(making->builder->program, slot->preset);
	}
}

static bool complain_argument(struct making *making, const struct literal *literal)
{
	const struct vocabulary_action *row = making->made->row;
	char *slots = talloc_strdup(making->builder, "");

	for (size_t i = 0; i < row->slot_count; i++)
		slots = talloc_asprintf_append(slots, "%s%s%s%s", i ? ", " : "",
			row->slots[i].mandatory ? "" : "[", row->slots[i].name,
			row->slots[i].mandatory ? "" : "]");
	return builder_complain(making->builder, literal ? literal->place : making->action->place,
		row->slot_count ? "what follows %s is: %s" : "nothing follows %s%s", row->name,
		slots);
}

/* Each slot in turn takes the next argument if that may stand in it. */
static bool fill_slots(struct making *making)
{
	const struct action *action = making->action;
	const struct vocabulary_action *row = making->made->row;
	size_t next = 0;
	bool is_good = true;

	for (making->number = 0; making->number < row->slot_count; making->number++) {
		const struct literal *literal =
			next < action->count ? &action->arguments[next] : NULL;
		struct value_field *field = &making->made->arguments[making->number];

		making->slot = &row->slots[making->number];
		preset(making, field);
		if (literal && fits(making->slot, literal)) {
			field->state = FACT_KNOWN;
			is_good = fillers[making->slot->shape](making, literal, &field->value) &&
				is_good;
			next++;
		} else if (making->slot->mandatory) {
			return complain_argument(making, literal);
		}
	}
	if (next < action->count)
		return complain_argument(making, &action->arguments[next]);
	return is_good;
}

/* The first digit of a status is that of the code. */
static bool check_status(struct making *making)
{
	const struct rule_action *made = making->made;
	const struct value *code = NULL, *status = NULL;
	int64_t class;

	for (size_t i = 0; i < made->row->slot_count; i++) {
		if (made->arguments[i].state != FACT_KNOWN)
			continue;
		if (made->row->slots[i].shape == SHAPE_CODE)
			code = &made->arguments[i].value;
		else if (made->row->slots[i].shape == SHAPE_STATUS)
			status = &made->arguments[i].value;
	}
	if (!code || !status)
		return true;
	class = code->number / 100;
	if (status->text[0] - '0' == class)
		return true;
	return builder_complain(making->builder, making->action->place,
		"the code %lld and the status %s do not agree: their first digits differ",
		(long long)code->number, status->text);
}

static bool add_question(struct making *making, struct place place)
{
	struct rule_action *made = making->made;
	const struct value_field *duration = NULL;

	if (made->row->takes)
		made->takes = resolve_fact_records(making->builder, made->row->takes, place);
	if (!made->row->asks)
		return !made->row->takes || made->takes;
	for (size_t i = 0; i < made->row->slot_count; i++) {
		if (made->row->slots[i].shape == SHAPE_DURATION)
			duration = &made->arguments[i];
	}
	made->asks = resolve_fact_asked(making->builder, made->row->asks, duration, place);
	return made->asks;
}

/* --- actions --- */

static const struct vocabulary_action *find_action(
	struct builder *builder, const char *name, struct place place)
{
	const struct vocabulary *vocabulary = builder->program->vocabulary;
	const struct vocabulary_action *row = vocabulary_action(vocabulary, name);
	const char *meant = vocabulary_suggest_action(vocabulary, name);

	if (!row) {
		builder_complain(builder, place, "there is no action \"%s\"%s%s%s", name,
			meant ? "; did you mean \"" : "", meant ? meant : "", meant ? "\"?" : "");
		return NULL;
	}
	if (row->missing) {
		builder_complain(builder, place, "the action %s is not in this build; %s brings it",
			row->name, row->missing);
		return NULL;
	}
	if (builder->has_stage && !(row->stages & 1u << builder->stage)) {
		builder_complain(builder, place,
			"%s is an action of stage %s; this rule is of stage %s", row->name,
			vocabulary_print_stages(builder, vocabulary, row->stages),
			vocabulary->stages[builder->stage]);
		return NULL;
	}
	return row;
}

static bool make_action(
	struct builder *builder, const struct action *action, struct rule_action *made)
{
	struct making making = {.builder = builder, .action = action, .made = made};

	*made = (struct rule_action){.row = find_action(builder, action->name, action->place)};
	return made->row && fill_slots(&making) && check_status(&making) &&
		add_question(&making, action->place);
}

static bool make_actions(struct builder *builder, const struct item *item, struct rule *rule)
{
	const char *final = NULL;
	bool is_good = true;

	rule->actions = talloc_zero_array(rule, struct rule_action, item->action_count);
	rule->action_count = item->action_count;
	for (size_t i = 0; i < item->action_count; i++) {
		const struct action *action = &item->actions[i];

		is_good = make_action(builder, action, &rule->actions[i]) && is_good;
		if (!rule->actions[i].row || !rule->actions[i].row->final)
			continue;
		if (final)
			is_good = builder_complain(builder, action->place,
				"a rule ends its stage once: %s does so already", final);
		final = action->name;
	}
	rule->is_final = final;
	return is_good;
}

/* --- the other clauses --- */

static bool check_stage_clause(struct builder *builder, const struct item *item)
{
	const struct clause_words *clause = &item->clauses[CLAUSE_STAGE];
	const struct vocabulary *vocabulary = builder->program->vocabulary;
	const char *meant;

	builder->has_stage = false;
	if (!clause->word)
		return true;
	builder->has_stage = vocabulary_stage(vocabulary, slice_of(clause->word), &builder->stage);
	if (builder->has_stage)
		return true;
	meant = vocabulary_suggest_stage(vocabulary, clause->word);
	return builder_complain(builder, clause->word_place, "there is no stage \"%s\"%s%s%s",
		clause->word, meant ? "; did you mean \"" : "", meant ? meant : "",
		meant ? "\"?" : "");
}

static bool complain_word(struct builder *builder, const struct clause_words *clause,
	enum clause kind, const char *words)
{
	return builder_complain(builder, clause->word_place, "%s is %s, not \"%s\"",
		tree_clause_name(kind), words, clause->word);
}

static bool read_mode(struct builder *builder, const struct item *item, struct rule *rule)
{
	const struct clause_words *clause = &item->clauses[CLAUSE_MODE];

	if (!clause->word || strcmp(clause->word, "enforce") == 0)
		return true;
	rule->monitored = strcmp(clause->word, "monitor") == 0;
	return rule->monitored || complain_word(builder, clause, CLAUSE_MODE, "monitor or enforce");
}

static bool read_on_error(struct builder *builder, const struct item *item, struct rule *rule)
{
	const struct clause_words *clause = &item->clauses[CLAUSE_ON_ERROR];
	struct action action = {.name = clause->word, .place = clause->word_place};

	if (!clause->word || strcmp(clause->word, "ignore") == 0)
		return true;
	if (strcmp(clause->word, "tempfail") != 0 && strcmp(clause->word, "reject") != 0)
		return complain_word(
			builder, clause, CLAUSE_ON_ERROR, "ignore, tempfail or reject");
	rule->on_error = talloc(rule, struct rule_action);
	return make_action(builder, &action, rule->on_error);
}

static bool read_until(struct builder *builder, const struct item *item, struct rule *rule)
{
	const struct clause_words *clause = &item->clauses[CLAUSE_UNTIL];

	rule->until = INT64_MAX;
	if (!clause->word || value_parse_date(slice_of(clause->word), &rule->until))
		return true;
	return complain_word(builder, clause, CLAUSE_UNTIL, "a date: 2027-06-30");
}

static bool check_mandatory(struct builder *builder, const struct item *item)
{
	bool is_good = true;

	for (enum clause clause = CLAUSE_STAGE; clause <= CLAUSE_THEN; clause++) {
		if (!item->is_cut && !item->clauses[clause].place.line)
			is_good = builder_complain(builder, item->place, "rule %s has no clause %s",
				item->name, tree_clause_name(clause));
	}
	return is_good;
}

struct rule *rule_new(struct builder *builder, const struct item *item)
{
	struct rule *rule = talloc_zero(builder->program, struct rule);
	bool is_good = check_mandatory(builder, item);

	rule->name = item->name;
	rule->description = item->text;
	rule->owner = item->clauses[CLAUSE_OWNER].word;
	rule->ref = item->clauses[CLAUSE_REF].word;
	rule->place = item->place;
	rule->item = item;
	is_good = check_stage_clause(builder, item) && is_good;
	rule->stage = builder->stage;
	if (item->expr)
		rule->condition = resolve_condition(builder, item->expr);
	is_good = make_actions(builder, item, rule) && is_good;
	is_good = read_mode(builder, item, rule) && is_good;
	is_good = read_on_error(builder, item, rule) && is_good;
	is_good = read_until(builder, item, rule) && is_good;
	builder->has_stage = false;
	return is_good && rule->condition ? rule : NULL;
}
