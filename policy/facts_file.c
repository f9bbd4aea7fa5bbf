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

static void know(struct reading *reading, const struct question *question, struct value value)
{
	facts_answer(reading->facts, question, FACT_KNOWN, value);
}

static bool read_bool(struct reading *reading, const struct question *question, const json_t *json)
{
	if (!json_is_boolean(json))
		return false;
	know(reading, question, (struct value){VALUE_BOOL, {.boolean = json_is_true(json)}});
	return true;
}

static bool read_number(
	struct reading *reading, const struct question *question, const json_t *json)
{
	enum value_type type = fact_row(question->fact)->type;

	if (!json_is_integer(json))
		return false;
	know(reading, question, (struct value){type, {.number = json_integer_value(json)}});
	return true;
}

static bool read_score(struct reading *reading, const struct question *question, const json_t *json)
{
	if (!json_is_number(json))
		return false;
	know(reading, question, (struct value){VALUE_SCORE, {.score = json_number_value(json)}});
	return true;
}

static bool read_ip(struct reading *reading, const struct question *question, const json_t *json)
{
	struct value value = {.type = VALUE_IP};

	if (!json_is_string(json) || !ip_parse(slice_of(json_string_value(json)), &value.ip))
		return false;
	know(reading, question, value);
	return true;
}

static bool read_text(struct reading *reading, const struct question *question, const json_t *json)
{
	enum value_type type = fact_row(question->fact)->type;
	char *text;

	if (!json_is_string(json))
		return false;
	text = talloc_strdup(reading->facts, json_string_value(json));
	know(reading, question, (struct value){type, {.text = text}});
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

static bool read_texts(struct reading *reading, const struct question *question, const json_t *json)
{
	size_t count = json_array_size(json);
	const char **items;

	if (!has_only_strings(json))
		return false;
	items = talloc_array(reading->facts, const char *, count + 1);
	for (size_t i = 0; i < count; i++)
		items[i] = talloc_strdup(items, json_string_value(json_array_get(json, i)));
	know(reading, question, (struct value){VALUE_TEXTS, {.texts = {items, count}}});
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

static bool read_flags(struct reading *reading, const struct question *question, const json_t *json)
{
	int64_t flags = 0;

	if (!has_only_strings(json))
		return false;
	for (size_t i = 0; i < json_array_size(json); i++) {
		const char *name = json_string_value(json_array_get(json, i));
		int64_t flag = flag_of(fact_row(question->fact)->flags, name);
		if (!flag)
			return false;
		flags |= flag;
	}
	know(reading, question, (struct value){VALUE_FLAGS, {.number = flags}});
	return true;
}

static bool read_enum(struct reading *reading, const struct question *question, const json_t *json)
{
	int index = json_is_string(json)
		? vocabulary_index(fact_row(question->fact)->flags, json_string_value(json))
		: -1;

	if (index < 0)
		return false;
	know(reading, question, (struct value){VALUE_ENUM, {.number = index}});
	return true;
}

static const struct type {
	bool (*read)(struct reading *reading, const struct question *question, const json_t *json);
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
};

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
	const struct type *type;

	if (!fact_parse_question(reading->facts, name, &question)) {
		complain_unknown(reading, name);
		return;
	}
	type = &types[fact_row(question.fact)->type];
	if (json_is_null(json))
		facts_answer(reading->facts, &question, FACT_ABSENT, (struct value){0});
	else if (!type->read(reading, &question, json))
		complaint_error(reading->complaints, (struct place){reading->path, 0, 0},
			"%s takes %s", name, type->takes);
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
