/* SPDX-License-Identifier: Apache-2.0 */
/* Looks into the tables of facts and actions. */
#include "rules/vocabulary.h"

#include "base/complaint.h"

#include <assert.h>
#include <talloc.h>

const struct vocabulary_fact *vocabulary_fact(
	const struct vocabulary *vocabulary, struct slice name)
{
	for (size_t i = 0; i < vocabulary->fact_count; i++) {
		const struct vocabulary_fact *fact = &vocabulary->facts[i];

		if (fact->type != VALUE_RECORDS && slice_equals(name, fact->name))
			return fact;
	}
	return NULL;
}

const struct vocabulary_fact *vocabulary_records(
	const struct vocabulary *vocabulary, struct slice name)
{
	for (size_t i = 0; i < vocabulary->fact_count; i++) {
		const struct vocabulary_fact *fact = &vocabulary->facts[i];

		if (fact->type == VALUE_RECORDS && slice_equals(name, fact->name))
			return fact;
	}
	return NULL;
}

const struct vocabulary_action *vocabulary_action(
	const struct vocabulary *vocabulary, const char *name)
{
	for (size_t i = 0; i < vocabulary->action_count; i++) {
		if (strcmp(vocabulary->actions[i].name, name) == 0)
			return &vocabulary->actions[i];
	}
	return NULL;
}

const struct vocabulary_field *vocabulary_field(
	const struct vocabulary_fact *records, struct slice name)
{
	for (const struct vocabulary_field *field = records->fields; field->name; field++) {
		if (slice_equals(name, field->name))
			return field;
	}
	return NULL;
}

uint64_t vocabulary_records_bit(
	const struct vocabulary *vocabulary, const struct vocabulary_fact *records)
{
	unsigned number = 0;

	for (const struct vocabulary_fact *fact = vocabulary->facts; fact < records; fact++)
		number += fact->type == VALUE_RECORDS;
	assert(number < 64);
	return UINT64_C(1) << number;
}

bool vocabulary_stage(const struct vocabulary *vocabulary, struct slice name, unsigned *stage)
{
	for (unsigned i = 0; vocabulary->stages[i]; i++) {
		if (slice_equals(name, vocabulary->stages[i])) {
			*stage = i;
			return true;
		}
	}
	return false;
}

char *vocabulary_print_stages(
	const void *parent, const struct vocabulary *vocabulary, unsigned stages)
{
	char *text = talloc_strdup(parent, "");

	for (unsigned i = 0; vocabulary->stages[i]; i++) {
		const char *separator = stages >> (i + 1) ? ", " : " and ";

		if (!(stages & 1u << i))
			continue;
		text = talloc_asprintf_append_buffer(
			text, "%s%s", *text ? separator : "", vocabulary->stages[i]);
	}
	return text;
}

/* --- what may have been meant --- */

struct names {
	const char **items;
	size_t count;
};

static void add_name(struct names *names, const char *name)
{
	size_t room = talloc_array_length(names->items);

	if (names->count == room)
		names->items =
			talloc_realloc(NULL, names->items, const char *, room ? 2 * room : 64);
	names->items[names->count++] = name;
}

static void add_fields(struct names *names, const void *parent, const struct vocabulary_fact *fact)
{
	for (const struct vocabulary_field *field = fact->fields; field->name; field++)
		add_name(names, talloc_asprintf(parent, "%s.%s", fact->name, field->name));
}

static const char *suggest(struct names *names, const char *name)
{
	const char *suggestion = complaint_suggestion(name, names->items, names->count);

	talloc_free(names->items);
	return suggestion;
}

const char *vocabulary_suggest_fact(
	const void *parent, const struct vocabulary *vocabulary, const char *name)
{
	struct names names = {0};

	for (size_t i = 0; i < vocabulary->fact_count; i++) {
		const struct vocabulary_fact *fact = &vocabulary->facts[i];

		if (fact->type == VALUE_RECORDS)
			add_fields(&names, parent, fact);
		else
			add_name(&names, fact->name);
	}
	return suggest(&names, name);
}

const char *vocabulary_suggest_records(const struct vocabulary *vocabulary, const char *name)
{
	struct names names = {0};

	for (size_t i = 0; i < vocabulary->fact_count; i++) {
		if (vocabulary->facts[i].type == VALUE_RECORDS)
			add_name(&names, vocabulary->facts[i].name);
	}
	return suggest(&names, name);
}

const char *vocabulary_suggest_action(const struct vocabulary *vocabulary, const char *name)
{
	struct names names = {0};

	for (size_t i = 0; i < vocabulary->action_count; i++)
		add_name(&names, vocabulary->actions[i].name);
	return suggest(&names, name);
}

const char *vocabulary_suggest_stage(const struct vocabulary *vocabulary, const char *name)
{
	return vocabulary_suggest(vocabulary->stages, name);
}

int vocabulary_index(const char *const *names, const char *name)
{
	for (int i = 0; names && names[i]; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

const char *vocabulary_suggest(const char *const *names, const char *name)
{
	size_t count = 0;

	while (names && names[count])
		count++;
	return complaint_suggestion(name, names, count);
}
