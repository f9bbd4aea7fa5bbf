/* SPDX-License-Identifier: Apache-2.0 */
/* What is known: asks for facts, once, and keeps the forms of their texts. */
#include "rules/evaluation.h"

#include <assert.h>
#include <talloc.h>

#define LONGEST_REASON 200

/* --- asking --- */

static bool may_ask(const struct evaluation *evaluation, const struct known *known, bool counting)
{
	return !evaluation->is_tracing && known->run != evaluation->run &&
		!(counting && evaluation->hold);
}

static void check_type(const struct vocabulary_fact *fact, const struct value *value)
{
	assert(value->type == fact->type || (fact->repeatable && value->type == VALUE_TEXTS));
}

static void ask(struct evaluation *evaluation, const struct reference *reference,
	const struct value *arguments, struct known *known)
{
	const struct evaluate_question question = {.reference = reference,
		.fact = reference->fact,
		.key = reference->key,
		.arguments = arguments,
		.count = reference->argument_count};

	if (!may_ask(evaluation, known, reference->fact->counting))
		return;
	known->run = evaluation->run;
	known->state = evaluation->input.look_up(evaluation->input.owner, &question, &known->value);
	if (known->state != FACT_KNOWN)
		return;
	check_type(reference->fact, &known->value);
	if (known->value.type == VALUE_TEXTS && !known->value.texts.count)
		known->state = FACT_ABSENT;
}

/* Fills the arguments in; the state is the first that is not known. */
static enum fact_state fill_arguments(struct evaluation *evaluation,
	const struct reference *reference, struct value *arguments, const char **reason)
{
	for (size_t i = 0; i < reference->argument_count; i++) {
		const struct operand *operand = &reference->arguments[i];
		const struct known *known;

		if (!operand->reference) {
			arguments[i] = operand->value;
			continue;
		}
		known = evaluation_know(evaluation, operand->reference);
		if (known->state == FACT_FAILED)
			*reason = known->value.text;
		if (known->state != FACT_KNOWN)
			return known->state;
		arguments[i] = known->value;
	}
	return FACT_KNOWN;
}

static char *key_of(
	const void *parent, const struct reference *reference, const struct value *arguments)
{
	char *key = talloc_asprintf(
		parent, "%s\n%s", reference->fact->name, reference->key ? reference->key : "");

	for (size_t i = 0; i < reference->argument_count; i++) {
		const struct operand *operand = &reference->arguments[i];
		const char *const *names =
			operand->reference ? program_names(operand->reference) : NULL;
		char *text = value_print(key, &arguments[i], names);

		key = talloc_asprintf_append_buffer(
			key, "\n%d %zu %s", arguments[i].type, strlen(text), text);
	}
	return key;
}

static struct asked *find_asked(struct evaluation *evaluation, const struct reference *reference,
	const struct value *arguments)
{
	char *key = key_of(evaluation, reference, arguments);
	struct asked *asked;

	HASH_FIND_STR(evaluation->asked, key, asked);
	if (asked) {
		talloc_free(key);
		return asked;
	}
	asked = talloc_zero(evaluation, struct asked);
	asked->key = key;
	HASH_ADD_KEYPTR(hh, evaluation->asked, asked->key, strlen(asked->key), asked);
	return asked;
}

/* A question whose arguments are only known now. */
static struct known *know_by_arguments(
	struct evaluation *evaluation, const struct reference *reference)
{
	struct value arguments[VOCABULARY_ARGUMENTS];
	struct known *known = &evaluation->known[reference->id];
	const char *reason = NULL;
	enum fact_state state;

	if (known->state != FACT_UNKNOWN && !reference->open && !reference->fact->counting)
		return known;
	state = fill_arguments(evaluation, reference, arguments, &reason);
	if (state != FACT_KNOWN) {
		*known = (struct known){.state = state, .value = {.text = reason}};
		return known;
	}
	if (reference->fact->counting || reference->open)
		known = &find_asked(evaluation, reference, arguments)->known;
	if (known->state == FACT_UNKNOWN)
		ask(evaluation, reference, arguments, known);
	return known;
}

static struct known *know_field(struct evaluation *evaluation, const struct reference *reference)
{
	const struct value_records *records =
		&evaluation->known[reference->records->id].value.records;
	uint32_t record = evaluation->cursors[reference->records->id];
	struct known **all = &evaluation->fields[reference->id], *known;
	const struct value_field *field;

	assert(record < records->count);
	if (!*all)
		*all = talloc_zero_array(evaluation, struct known, records->count);
	known = &(*all)[record];
	if (known->state != FACT_UNKNOWN)
		return known;
	if (reference->field_number >= records->width) {
		known->state = FACT_ABSENT;
		return known;
	}
	field = &records->fields[(size_t)record * records->width + reference->field_number];
	known->state = field->state;
	known->value = field->value;
	if (known->value.type == VALUE_TEXTS && known->state == FACT_KNOWN &&
		!known->value.texts.count)
		known->state = FACT_ABSENT;
	return known;
}

struct known *evaluation_know(struct evaluation *evaluation, const struct reference *reference)
{
	struct known *known = &evaluation->known[reference->id];

	if (reference->field)
		return know_field(evaluation, reference);
	if (known->state != FACT_UNKNOWN && !reference->argument_count)
		return known;
	if (reference->argument_count || reference->fact->counting)
		return know_by_arguments(evaluation, reference);
	ask(evaluation, reference, NULL, known);
	return known;
}

/* --- texts --- */

static size_t longest_of(const struct reference *reference)
{
	return reference->fact->longest ? reference->fact->longest : VOCABULARY_LONGEST;
}

static void init_text(
	const struct reference *reference, struct known_text *text, const char *content)
{
	text->text = slice_of(content);
	match_subject_init(&text->subject, text->text, longest_of(reference));
}

struct known_text *evaluation_texts(struct evaluation *evaluation,
	const struct reference *reference, struct known *known, size_t *count)
{
	const struct value *value = &known->value;
	bool is_several = value->type == VALUE_TEXTS;

	*count = known->count;
	if (known->texts)
		return known->texts;
	known->count = *count = is_several ? value->texts.count : 1;
	known->texts = talloc_zero_array(evaluation, struct known_text, known->count);
	for (size_t i = 0; i < known->count; i++)
		init_text(reference, &known->texts[i],
			is_several ? value->texts.items[i] : value->text);
	return known->texts;
}

/* Of a text that is longer than what is searched, the front is compared: it equals nothing that a rule can hold. */
struct slice evaluation_normal(
	struct evaluation *evaluation, const struct reference *reference, struct known_text *text)
{
	if (!text->normal.data)
		text->normal =
			program_normal(evaluation, program_type(reference), text->subject.text);
	return text->normal;
}

void evaluation_note_reason(
	struct evaluation *evaluation, const struct node *node, const char *reason)
{
	if (!evaluation->reasons)
		evaluation->reasons = talloc_zero_array(
			evaluation, const char *, evaluation->program->node_count);
	if (!evaluation->reasons[node->id])
		evaluation->reasons[node->id] =
			talloc_strndup(evaluation, reason ? reason : "", LONGEST_REASON);
}
