/* SPDX-License-Identifier: Apache-2.0 */
/* Facts: their names, keys and arguments. */
#include "rules/resolve.h"

#include "rules/constant.h"
#include "rules/print.h"

#include <assert.h>
#include <talloc.h>

/* A field of the records whose parentheses are open. */
static const char *suggest_field(const struct builder *builder, const char *name)
{
	const char *meant = NULL;

	for (size_t i = builder->scope_count; i-- > 0 && !meant;) {
		const struct vocabulary_field *field = builder->scopes[i]->fact->fields;

		for (; field->name && !meant; field++)
			meant = complaint_suggestion(name, &field->name, 1);
	}
	return meant;
}

static struct reference *complain_unknown(struct builder *builder, const struct fact_name *name)
{
	const char *meant = suggest_field(builder, name->name);

	if (!meant)
		meant = vocabulary_suggest_fact(builder, builder->program->vocabulary, name->name);

	if (meant)
		complaint_error(builder->complaints, name->place,
			"there is no fact \"%s\"; did you mean \"%s\"?", name->name, meant);
	else
		complaint_error(
			builder->complaints, name->place, "there is no fact \"%s\"", name->name);
	return NULL;
}

static bool is_in_this_build(
	struct builder *builder, const struct vocabulary_fact *fact, struct place place)
{
	if (fact->missing)
		complaint_error(builder->complaints, place, "%s is not in this build; %s brings it",
			fact->name, fact->missing);
	return !fact->missing;
}

static struct reference *reference_to_records(
	struct builder *builder, const struct vocabulary_fact *records)
{
	struct reference like = {.text = records->name, .fact = records};

	return builder_reference(builder, &like);
}

static struct reference *field_of(struct builder *builder, const struct reference *records,
	const struct vocabulary_field *field)
{
	char *text = talloc_asprintf(NULL, "%s.%s", records->fact->name, field->name);
	struct reference like = {
		.text = text,
		.fact = records->fact,
		.field = field,
		.field_number = (size_t)(field - records->fact->fields),
		.records = records,
		.open = vocabulary_records_bit(builder->program->vocabulary, records->fact),
	};
	struct reference *reference = builder_reference(builder, &like);

	talloc_free(text);
	return reference;
}

/* A field that stands bare inside the parentheses of its records. */
static struct reference *find_in_scopes(struct builder *builder, const struct fact_name *name)
{
	for (size_t i = builder->scope_count; i-- > 0;) {
		const struct vocabulary_field *field =
			vocabulary_field(builder->scopes[i]->fact, slice_of(name->name));

		if (field)
			return field_of(builder, builder->scopes[i], field);
	}
	return NULL;
}

static bool is_open(const struct builder *builder, const struct reference *records)
{
	for (size_t i = 0; i < builder->scope_count; i++) {
		if (builder->scopes[i] == records)
			return true;
	}
	return false;
}

/* "attachment.extension" */
static struct reference *find_field(
	struct builder *builder, const struct fact_name *name, const struct reference **any)
{
	const char *dot = strrchr(name->name, '.');
	const struct vocabulary_fact *records;
	const struct vocabulary_field *field;
	const struct reference *reference;

	if (!dot)
		return NULL;
	records = vocabulary_records(
		builder->program->vocabulary, slice_make(name->name, (size_t)(dot - name->name)));
	if (!records)
		return NULL;
	field = vocabulary_field(records, slice_of(dot + 1));
	if (!field)
		return NULL;
	reference = reference_to_records(builder, records);
	if (!is_open(builder, reference))
		*any = reference;
	return field_of(builder, reference, field);
}

/* --- arguments --- */

static bool read_literal_argument(struct builder *builder, const struct literal *literal,
	const struct vocabulary_argument *kind, struct operand *operand)
{
	if (kind->any_type) {
		operand->value = (struct value){.type = VALUE_STRING, .text = literal->text};
		return true;
	}
	return constant_read(
		literal, kind->type, NULL, kind->name, &operand->value, builder->complaints);
}

static bool read_fact_argument(struct builder *builder, const struct fact_name *name,
	const struct vocabulary_argument *kind, struct operand *operand)
{
	const struct reference *any = NULL;
	struct reference *reference = resolve_fact(builder, name, &any);

	operand->reference = reference;
	if (!reference)
		return false;
	if (any || program_is_repeatable(reference) || program_type(reference) == VALUE_RECORDS) {
		complaint_error(builder->complaints, name->place,
			"%s may have several values and cannot be an argument", reference->text);
		return false;
	}
	if (!kind->any_type && program_type(reference) != kind->type) {
		complaint_error(builder->complaints, name->place,
			"the argument %s is of type %s, and %s of type %s", kind->name,
			value_type_name(kind->type), reference->text,
			value_type_name(program_type(reference)));
		return false;
	}
	return true;
}

static bool check_count(
	struct builder *builder, const struct fact_name *name, const struct vocabulary_fact *fact)
{
	char *wanted;

	if (name->argument_count == fact->argument_count)
		return true;
	wanted = talloc_strdup(builder, "");
	for (size_t i = 0; i < fact->argument_count; i++)
		wanted = talloc_asprintf_append(
			wanted, "%s%s", i ? ", " : "", fact->arguments[i].name);
	complaint_error(builder->complaints, name->place,
		fact->argument_count ? "%s is asked with %zu argument%s: %s(%s)"
				     : "%s takes no arguments",
		fact->name, fact->argument_count, fact->argument_count == 1 ? "" : "s", fact->name,
		wanted);
	return false;
}

static bool read_arguments(
	struct builder *builder, const struct fact_name *name, struct reference *like)
{
	bool is_good = check_count(builder, name, like->fact);

	for (size_t i = 0; is_good && i < name->argument_count; i++) {
		const struct argument *argument = &name->arguments[i];
		const struct vocabulary_argument *kind = &like->fact->arguments[i];
		struct operand *operand = &like->arguments[like->argument_count++];

		is_good = argument->fact
			? read_fact_argument(builder, argument->fact, kind, operand)
			: read_literal_argument(builder, argument->literal, kind, operand);
		if (operand->reference)
			like->open |= operand->reference->open;
	}
	return is_good;
}

static bool check_key(
	struct builder *builder, const struct fact_name *name, const struct vocabulary_fact *fact)
{
	if (fact->keyed == (name->key != NULL))
		return true;
	complaint_error(builder->complaints, name->place,
		fact->keyed ? "%s needs a name in brackets: %s[\"Name\"]" : "%s has no parts: %s",
		fact->name, fact->name);
	return false;
}

/* The text of a fact whose arguments are fields tells which records they are of. */
static char *text_of(const struct fact_name *name, const struct reference *like)
{
	char *text = print_fact(NULL, name);

	for (size_t i = 0; i < like->argument_count; i++) {
		if (like->arguments[i].reference && like->arguments[i].reference->open)
			text = talloc_asprintf_append(
				text, " of %s", like->arguments[i].reference->text);
	}
	return text;
}

static struct reference *find_fact(struct builder *builder, const struct fact_name *name)
{
	struct reference like = {
		.fact = vocabulary_fact(builder->program->vocabulary, slice_of(name->name))};
	struct reference *reference = NULL;
	char *text;

	if (!like.fact)
		return complain_unknown(builder, name);
	if (!is_in_this_build(builder, like.fact, name->place) ||
		!check_key(builder, name, like.fact) || !read_arguments(builder, name, &like))
		return NULL;
	text = text_of(name, &like);
	like.text = text;
	like.key = name->key;
	reference = builder_reference(builder, &like);
	talloc_free(text);
	return reference;
}

/* A fact of that name which has not ended at the stage goes before the field of records. */
static bool is_fact(const struct builder *builder, const char *name)
{
	const struct vocabulary_fact *fact =
		vocabulary_fact(builder->program->vocabulary, slice_of(name));

	return fact &&
		!(builder->has_stage && fact->stages_end && builder->stage >= fact->stages_end);
}

struct reference *resolve_fact(
	struct builder *builder, const struct fact_name *name, const struct reference **any)
{
	struct reference *reference = NULL;
	bool is_bare = !name->key && !name->argument_count;

	*any = NULL;
	if (is_bare)
		reference = find_in_scopes(builder, name);
	if (!reference && is_bare && !is_fact(builder, name->name))
		reference = find_field(builder, name, any);
	if (!reference)
		reference = find_fact(builder, name);
	if (!reference || !is_in_this_build(builder, reference->fact, name->place) ||
		!builder_check_stage(builder, reference, name->place, NULL))
		return NULL;
	return reference;
}

struct reference *resolve_fact_asked(struct builder *builder, const char *name,
	const struct value_field *argument, struct place place)
{
	struct reference like = {
		.fact = vocabulary_fact(builder->program->vocabulary, slice_of(name))};
	struct reference *reference;
	char *text = talloc_strdup(NULL, name);

	assert(like.fact && like.fact->type == VALUE_BOOL);
	if (like.fact->argument_count) {
		assert(like.fact->argument_count == 1 && argument);
		like.arguments[like.argument_count++].value = argument->value;
		text = talloc_asprintf_append(
			text, "(%s)", value_print(text, &argument->value, NULL));
	}
	like.text = text;
	reference = builder_reference(builder, &like);
	talloc_free(text);
	return builder_check_stage(builder, reference, place, NULL) ? reference : NULL;
}

struct reference *resolve_fact_records(
	struct builder *builder, const char *name, struct place place)
{
	const struct reference like = {.text = name,
		.fact = vocabulary_records(builder->program->vocabulary, slice_of(name))};
	struct reference *reference;

	assert(like.fact);
	reference = builder_reference(builder, &like);
	return builder_check_stage(builder, reference, place, NULL) ? reference : NULL;
}
