/* SPDX-License-Identifier: Apache-2.0 */
/* Facts of tests, from what is written to what an evaluation asks for. */
#include "rules/given.h"

#include "rules/constant.h"
#include "rules/print.h"

#include <talloc.h>

/* One fact, or the records of a list. */
struct given_fact {
	const struct vocabulary_fact *fact;
	const char *key;
	const char *text; /* as it is written, with its arguments */
	bool has_arguments;
	enum fact_state state;
	struct value value;
};

struct given_facts {
	struct given_fact *items;
	size_t count;
};

struct reader {
	struct given_facts *given;
	const struct program *program;
	struct complaints *complaints;
};

static struct given_fact *add(struct reader *reader, const struct vocabulary_fact *fact)
{
	struct given_facts *given = reader->given;

	given->items = talloc_realloc(given, given->items, struct given_fact, given->count + 1);
	given->items[given->count] = (struct given_fact){.fact = fact, .state = FACT_KNOWN};
	return &given->items[given->count++];
}

/* `absent`, `failed`, `unknown` instead of a value. */
static bool read_state(
	const struct literal *literal, const char *const *names, enum fact_state *state)
{
	static const char *const states[] = {[FACT_UNKNOWN] = "unknown",
		[FACT_KNOWN] = "known",
		[FACT_ABSENT] = "absent",
		[FACT_FAILED] = "failed",
		NULL};
	int index = vocabulary_index(states, literal->text);

	if (literal->kind != LITERAL_NAME || index < 0 || index == FACT_KNOWN ||
		vocabulary_index(names, literal->text) >= 0)
		return false;
	*state = (enum fact_state)index;
	return true;
}

static bool read_several(struct reader *reader, const struct literals *literals,
	enum value_type type, const char *what, struct value *value)
{
	const char **items = talloc_array(reader->given, const char *, literals->count + 1);

	for (size_t i = 0; i < literals->count; i++) {
		struct value item;

		if (!constant_read(
			    &literals->items[i], type, NULL, what, &item, reader->complaints))
			return false;
		items[i] = item.text;
	}
	*value = (struct value){.type = VALUE_TEXTS, .texts = {items, literals->count}};
	return true;
}

static bool read_flags(struct reader *reader, const struct literals *literals,
	const char *const *names, const char *what, struct value *value)
{
	*value = (struct value){.type = VALUE_FLAGS};
	for (size_t i = 0; i < literals->count; i++) {
		struct value flag;

		if (!constant_read(&literals->items[i], VALUE_FLAGS, names, what, &flag,
			    reader->complaints))
			return false;
		value->number |= flag.number;
	}
	return true;
}

static void read_value(struct reader *reader, const struct given *written, struct given_fact *given)
{
	const struct vocabulary_fact *fact = given->fact;
	const struct literals *literals = &written->literals;

	if (literals->bare && read_state(&literals->items[0], fact->names, &given->state)) {
		given->value.text = "the test says so";
		return;
	}
	if (fact->type == VALUE_FLAGS) {
		if (!read_flags(reader, literals, fact->names, fact->name, &given->value))
			given->state = FACT_UNKNOWN;
		return;
	}
	if (!literals->bare && fact->repeatable) {
		if (!read_several(reader, literals, fact->type, fact->name, &given->value))
			given->state = FACT_UNKNOWN;
		return;
	}
	if (literals->count != 1 || !literals->bare) {
		complaint_error(reader->complaints, written->fact->place,
			"%s has one value, not a list in braces", fact->name);
		given->state = FACT_UNKNOWN;
	} else if (!constant_read(&literals->items[0], fact->type, fact->names, fact->name,
			   &given->value, reader->complaints)) {
		given->state = FACT_UNKNOWN;
	}
}

/* --- records --- */

static size_t width_of(const struct vocabulary_fact *records)
{
	size_t width = 0;

	while (records->fields[width].name)
		width++;
	return width;
}

static struct given_fact *find_records(struct reader *reader, const struct vocabulary_fact *records)
{
	struct given_fact *given;

	for (size_t i = 0; i < reader->given->count; i++) {
		if (reader->given->items[i].fact == records)
			return &reader->given->items[i];
	}
	given = add(reader, records);
	given->value.type = VALUE_RECORDS;
	given->value.records.width = (uint16_t)width_of(records);
	return given;
}

/* Makes room; records that were not there have no field. */
static struct value_field *grow(struct reader *reader, struct given_fact *given, size_t count)
{
	struct value_records *records = &given->value.records;
	size_t width = records->width;
	struct value_field *fields;

	if (count <= records->count)
		return (struct value_field *)records->fields;
	fields = talloc_zero_array(reader->given, struct value_field, count * width);
	for (size_t i = 0; i < count * width; i++)
		fields[i].state = FACT_ABSENT;
	if (records->count)
		memcpy(fields, records->fields, records->count * width * sizeof *fields);
	records->fields = fields;
	records->count = (uint32_t)count;
	return fields;
}

static void read_field_value(struct reader *reader, const struct vocabulary_field *field,
	const struct literal *literal, struct value_field *value)
{
	value->state = FACT_KNOWN;
	value->value.text = "the test says so";
	if (!read_state(literal, field->names, &value->state) &&
		!constant_read(literal, field->type, field->names, field->name, &value->value,
			reader->complaints))
		value->state = FACT_UNKNOWN;
}

/* attachment.extension = { "exe" "pdf" } */
static void read_field(struct reader *reader, const struct given *written,
	const struct vocabulary_fact *records, const struct vocabulary_field *field)
{
	struct given_fact *given = find_records(reader, records);
	const struct literals *literals = &written->literals;
	struct value_field *fields = grow(reader, given, literals->count);
	size_t number = (size_t)(field - records->fields);

	for (size_t i = 0; i < literals->count; i++)
		read_field_value(reader, field, &literals->items[i],
			&fields[i * given->value.records.width + number]);
}

/* attachment = absent, attachment = { }: none; attachment = failed */
static void read_records(
	struct reader *reader, const struct given *written, const struct vocabulary_fact *records)
{
	struct given_fact *given = find_records(reader, records);
	const struct literals *literals = &written->literals;

	given->value.text = "the test says so";
	if (literals->count == 1 && read_state(&literals->items[0], NULL, &given->state))
		return;
	given->value = (struct value){.type = VALUE_RECORDS};
	if (literals->count)
		complaint_error(reader->complaints, written->fact->place,
			"%s are records: give their fields, as in %s.%s = { ... }, or none: { }",
			records->name, records->name, records->fields[0].name);
}

/* --- all --- */

static bool split_field(const struct vocabulary *vocabulary, const char *name,
	const struct vocabulary_fact **records, const struct vocabulary_field **field)
{
	const char *dot = strrchr(name, '.');

	*records =
		dot ? vocabulary_records(vocabulary, slice_make(name, (size_t)(dot - name))) : NULL;
	*field = *records ? vocabulary_field(*records, slice_of(dot + 1)) : NULL;
	return *field;
}

static void complain(struct reader *reader, const struct fact_name *name)
{
	const char *meant =
		vocabulary_suggest_fact(reader->given, reader->program->vocabulary, name->name);

	complaint_error(reader->complaints, name->place, "there is no fact \"%s\"%s%s%s",
		name->name, meant ? "; did you mean \"" : "", meant ? meant : "",
		meant ? "\"?" : "");
}

static void read_given(struct reader *reader, const struct given *written)
{
	const struct vocabulary *vocabulary = reader->program->vocabulary;
	const struct fact_name *name = written->fact;
	const struct vocabulary_fact *fact = vocabulary_fact(vocabulary, slice_of(name->name));
	const struct vocabulary_fact *records;
	const struct vocabulary_field *field;
	struct given_fact *given;

	/* A fact of one value, and a field of records, of one name: braces say which. */
	if (fact && !written->literals.bare && !fact->repeatable && fact->type != VALUE_FLAGS &&
		split_field(vocabulary, name->name, &records, &field))
		fact = NULL;
	if (fact) {
		given = add(reader, fact);
		given->key = name->key;
		given->has_arguments = name->argument_count > 0;
		given->text = print_fact(reader->given, name);
		read_value(reader, written, given);
	} else if (split_field(vocabulary, name->name, &records, &field)) {
		read_field(reader, written, records, field);
	} else if (vocabulary_records(vocabulary, slice_of(name->name))) {
		read_records(reader, written, vocabulary_records(vocabulary, slice_of(name->name)));
	} else {
		complain(reader, name);
	}
}

struct given_facts *given_facts_new(const void *parent, const struct program *program,
	const struct test *test, struct complaints *complaints)
{
	struct given_facts *given = talloc_zero(parent, struct given_facts);
	struct reader reader = {given, program, complaints};

	for (size_t i = 0; i < test->count; i++)
		read_given(&reader, &test->givens[i]);
	return given;
}

/* Names of header fields are the same in small and large letters; a fact that is given without arguments is so with any. */
static bool is_asked(const struct given_fact *given, const struct evaluate_question *question)
{
	if (given->fact != question->fact)
		return false;
	if (question->key && (!given->key || strcasecmp(given->key, question->key) != 0))
		return false;
	return !given->has_arguments || strcmp(given->text, question->reference->text) == 0;
}

bool given_facts_look_up(const struct given_facts *given, const struct evaluate_question *question,
	enum fact_state *state, struct value *value)
{
	for (size_t i = 0; i < given->count; i++) {
		if (!is_asked(&given->items[i], question))
			continue;
		*state = given->items[i].state;
		*value = given->items[i].value;
		return true;
	}
	return false;
}
