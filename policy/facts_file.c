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

static bool read_bool(struct reading *reading, enum fact fact, const json_t *json)
{
	if (!json_is_boolean(json))
		return false;
	facts_set_bool(reading->facts, fact, json_is_true(json));
	return true;
}

static bool read_number(struct reading *reading, enum fact fact, const json_t *json)
{
	if (!json_is_integer(json))
		return false;
	facts_set_number(reading->facts, fact, json_integer_value(json));
	return true;
}

static bool read_score(struct reading *reading, enum fact fact, const json_t *json)
{
	if (!json_is_number(json))
		return false;
	facts_set_score(reading->facts, fact, json_number_value(json));
	return true;
}

static bool read_ip(struct reading *reading, enum fact fact, const json_t *json)
{
	struct ip ip;

	if (!json_is_string(json) || !ip_parse(slice_of(json_string_value(json)), &ip))
		return false;
	facts_set_ip(reading->facts, fact, &ip);
	return true;
}

static bool read_text(struct reading *reading, enum fact fact, const json_t *json)
{
	if (!json_is_string(json))
		return false;
	facts_set_text(
		reading->facts, fact, talloc_strdup(reading->facts, json_string_value(json)));
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

static bool read_texts(struct reading *reading, enum fact fact, const json_t *json)
{
	size_t count = json_array_size(json);
	const char **items;

	if (!has_only_strings(json))
		return false;
	items = talloc_array(reading->facts, const char *, count + 1);
	for (size_t i = 0; i < count; i++)
		items[i] = talloc_strdup(items, json_string_value(json_array_get(json, i)));
	facts_set_texts(reading->facts, fact, items, count);
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

static bool read_flags(struct reading *reading, enum fact fact, const json_t *json)
{
	int64_t flags = 0;

	if (!has_only_strings(json))
		return false;
	for (size_t i = 0; i < json_array_size(json); i++) {
		const char *name = json_string_value(json_array_get(json, i));
		int64_t flag = flag_of(fact_row(fact)->flags, name);
		if (!flag)
			return false;
		flags |= flag;
	}
	facts_set_number(reading->facts, fact, flags);
	return true;
}

static const struct type {
	bool (*read)(struct reading *reading, enum fact fact, const json_t *json);
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
};

static void complain_unknown(const struct reading *reading, const char *name)
{
	const char *names[FACT_COUNT], *suggestion;
	struct place place = {reading->path, 0, 0};

	for (enum fact fact = 0; fact < FACT_COUNT; fact++)
		names[fact] = fact_row(fact)->name;
	suggestion = complaint_suggestion(name, names, FACT_COUNT);
	if (suggestion)
		complaint_error(reading->complaints, place,
			"there is no fact \"%s\"; did you mean \"%s\"?", name, suggestion);
	else
		complaint_error(reading->complaints, place, "there is no fact \"%s\"", name);
}

static void read_fact(struct reading *reading, const char *name, const json_t *json)
{
	enum fact fact = fact_named(slice_of(name));
	const struct type *type;

	if (fact == FACT_COUNT) {
		complain_unknown(reading, name);
		return;
	}
	type = &types[fact_row(fact)->type];
	if (json_is_null(json))
		facts_set_absent(reading->facts, fact);
	else if (!type->read(reading, fact, json))
		complaint_error(reading->complaints, (struct place){reading->path, 0, 0},
			"%s takes %s", name, type->takes);
}

struct facts *facts_file_read(const void *parent, const char *path, struct complaints *complaints)
{
	struct reading reading = {facts_new(parent, NULL), path, complaints};
	json_error_t error;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error), *value;
	const char *name;
	struct place place = {path, 0, 0};

	if (!root && error.line > 0)
		place = (struct place){path, (unsigned)error.line, (unsigned)error.column};
	if (!root)
		complaint_error(complaints, place, "%s", error.text);
	else if (!json_is_object(root))
		complaint_error(complaints, place, "facts are one JSON object");
	json_object_foreach(root, name, value) read_fact(&reading, name, value);
	json_decref(root);
	return reading.facts;
}
