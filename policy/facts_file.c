/* SPDX-License-Identifier: Apache-2.0 */
/* Reads facts from a JSON object. */
#include "policy/facts_file.h"

#include <jansson.h>
#include <talloc.h>

struct reading {
	struct facts *facts; /* and parent of their texts */
	const char *path;
	struct complaints *complaints;
};

/* What a value is read by: the names of flags and enums, and who owns its texts. */
struct form {
	const void *parent;
	enum value_type type;
	const char *const *names;
};

static bool read_bool(const struct form *form, const json_t *json, struct value *value)
{
	(void)form;
	value->boolean = json_is_true(json);
	return json_is_boolean(json);
}

static bool read_number(const struct form *form, const json_t *json, struct value *value)
{
	(void)form;
	value->number = json_integer_value(json);
	return json_is_integer(json);
}

static bool read_score(const struct form *form, const json_t *json, struct value *value)
{
	(void)form;
	value->score = json_number_value(json);
	return json_is_number(json);
}

static bool read_ip(const struct form *form, const json_t *json, struct value *value)
{
	(void)form;
	return json_is_string(json) && ip_parse(slice_of(json_string_value(json)), &value->ip);
}

static bool read_text(const struct form *form, const json_t *json, struct value *value)
{
	if (!json_is_string(json))
		return false;
	value->text = talloc_strdup(form->parent, json_string_value(json));
	return true;
}

static bool has_only_strings(const json_t *array)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (!json_is_string(json_array_get(array, i)))
			return false;
	}
	return json_is_array(array);
}

static bool read_texts(const struct form *form, const json_t *json, struct value *value)
{
	size_t count = json_array_size(json);
	const char **items;

	if (!has_only_strings(json))
		return false;
	items = talloc_array(form->parent, const char *, count + 1);
	for (size_t i = 0; i < count; i++)
		items[i] = talloc_strdup(items, json_string_value(json_array_get(json, i)));
	value->texts = (struct value_texts){items, count};
	return true;
}

static int64_t flag_of(const char *const *names, const char *name)
{
	for (unsigned i = 0; names && names[i]; i++) {
		if (strcmp(names[i], name) == 0)
			return INT64_C(1) << i;
	}
	return 0;
}

static bool read_flags(const struct form *form, const json_t *json, struct value *value)
{
	value->number = 0;
	if (!has_only_strings(json))
		return false;
	for (size_t i = 0; i < json_array_size(json); i++) {
		int64_t flag = flag_of(form->names, json_string_value(json_array_get(json, i)));
		if (!flag)
			return false;
		value->number |= flag;
	}
	return true;
}

static bool read_enum(const struct form *form, const json_t *json, struct value *value)
{
	value->number =
		json_is_string(json) ? vocabulary_index(form->names, json_string_value(json)) : -1;
	return value->number >= 0;
}

static const struct type {
	bool (*read)(const struct form *form, const json_t *json, struct value *value);
	const char *takes;
} types[] = {
	[VALUE_BOOL] = {read_bool, "true or false"},
	[VALUE_INT] = {read_number, "a whole number"},
	[VALUE_SIZE] = {read_number, "a number of bytes"},
	[VALUE_DURATION] = {read_number, "a number of milliseconds"},
	[VALUE_SCORE] = {read_score, "a number"},
	[VALUE_IP] = {read_ip, "an IP address as a string"},
	[VALUE_DOMAIN] = {read_text, "a string"},
	[VALUE_ADDRESS] = {read_text, "a string"},
	[VALUE_NAME] = {read_text, "a string"},
	[VALUE_STRING] = {read_text, "a string"},
	[VALUE_TEXT] = {read_text, "a string"},
	[VALUE_FLAGS] = {read_flags, "an array of the names of its flags"},
	[VALUE_TEXTS] = {read_texts, "an array of strings"},
	[VALUE_ENUM] = {read_enum, "the name of one of its values"},
	[VALUE_RECORDS] = {NULL, "an array of objects with its fields"},
};

static bool read_value(const struct form *form, const json_t *json, struct value *value)
{
	*value = (struct value){.type = form->type};
	return types[form->type].read(form, json, value);
}

/* --- records --- */

static size_t width_of(const struct vocabulary_field *fields)
{
	size_t width = 0;

	while (fields[width].name)
		width++;
	return width;
}

/* Fields that are not there are absent; others than it has are none. */
static bool read_record(const void *parent, const struct vocabulary_field *fields,
	const json_t *json, struct value_field *values)
{
	size_t seen = 0;

	for (size_t i = 0; fields[i].name; i++) {
		const struct form form = {parent, fields[i].type, fields[i].names};
		const json_t *field = json_object_get(json, fields[i].name);

		values[i].state = field ? FACT_KNOWN : FACT_ABSENT;
		seen += field != NULL;
		if (field && !read_value(&form, field, &values[i].value))
			return false;
	}
	return json_is_object(json) && json_object_size(json) == seen;
}

static bool read_records(const void *parent, const struct vocabulary_field *fields,
	const json_t *json, struct value *value)
{
	size_t count = json_array_size(json), width = width_of(fields);
	struct value_field *values = talloc_zero_array(parent, struct value_field, count * width);

	for (size_t i = 0; i < count; i++) {
		if (!read_record(parent, fields, json_array_get(json, i), &values[i * width]))
			return false;
	}
	*value = (struct value){.type = VALUE_RECORDS,
		.records = {values, (uint32_t)count, (uint16_t)width, false}};
	return json_is_array(json);
}

static bool read_fact_value(
	const struct reading *reading, enum fact fact, const json_t *json, struct value *value)
{
	const struct fact_row *row = fact_row(fact);
	const struct form form = {reading->facts, row->type, row->flags};

	return row->type == VALUE_RECORDS
		? read_records(reading->facts, row->rules->fields, json, value)
		: read_value(&form, json, value);
}

/* --- facts --- */

static void complain_unknown(const struct reading *reading, const char *text)
{
	const char *names[FACT_COUNT], *suggestion;
	struct place place = {reading->path, 0, 0};
	char *name = talloc_strndup(NULL, text, strcspn(text, "("));
	enum fact fact = fact_named(slice_of(name));

	for (enum fact i = 0; i < FACT_COUNT; i++)
		names[i] = fact_row(i)->name;
	suggestion = complaint_suggestion(name, names, FACT_COUNT);
	if (fact != FACT_COUNT && fact_row(fact)->argument)
		complaint_error(reading->complaints, place, "%s is written %s(%s)", name, name,
			fact_row(fact)->argument);
	else if (fact != FACT_COUNT)
		complaint_error(reading->complaints, place, "%s has no argument", name);
	else if (suggestion)
		complaint_error(reading->complaints, place,
			"there is no fact \"%s\"; did you mean \"%s\"?", name, suggestion);
	else
		complaint_error(reading->complaints, place, "there is no fact \"%s\"", name);
	talloc_free(name);
}

static void read_fact(struct reading *reading, const char *name, const json_t *json)
{
	struct question question;
	struct value value;

	if (!fact_parse_question(reading->facts, name, &question)) {
		complain_unknown(reading, name);
		return;
	}
	if (json_is_null(json))
		facts_answer(reading->facts, &question, FACT_ABSENT, (struct value){0});
	else if (read_fact_value(reading, question.fact, json, &value))
		facts_answer(reading->facts, &question, FACT_KNOWN, value);
	else
		complaint_error(reading->complaints, (struct place){reading->path, 0, 0},
			"%s takes %s", name, types[fact_row(question.fact)->type].takes);
}

struct facts *facts_file_take(const void *parent, const char *path, const struct json_t *object,
	struct complaints *complaints)
{
	struct reading reading = {facts_new(parent, NULL), path, complaints};
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, name, value)
		read_fact(&reading, name, value);
	return reading.facts;
}

struct facts *facts_file_read(const void *parent, const char *path, struct complaints *complaints)
{
	json_error_t error;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	struct place place = {path, 0, 0};

	if (!root && error.line > 0)
		place = (struct place){path, (unsigned)error.line, (unsigned)error.column};
	if (!root)
		complaint_error(complaints, place, "%s", error.text);
	else if (!json_is_object(root))
		complaint_error(complaints, place, "facts are one JSON object");
	struct facts *facts = facts_file_take(parent, path, root, complaints);
	json_decref(root);
	return facts;
}
