/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, texts and facts between processes. */
#include "policy/parcel.h"

#include <talloc.h>

#define FIRST_ROOM 4096

/* --- packing --- */

struct parcel *parcel_new(const void *parent)
{
	struct parcel *parcel = talloc_zero(parent, struct parcel);

	parcel->bytes = talloc_array(parcel, char, FIRST_ROOM);
	return parcel;
}

static void put(struct parcel *parcel, const void *bytes, size_t size)
{
	size_t room = talloc_array_length(parcel->bytes);

	if (parcel->size + size > room)
		parcel->bytes =
			talloc_realloc(parcel, parcel->bytes, char, 2 * (parcel->size + size));
	memcpy(parcel->bytes + parcel->size, bytes, size);
	parcel->size += size;
}

void parcel_put_number(struct parcel *parcel, int64_t number)
{
	put(parcel, &number, sizeof number);
}

void parcel_put_real(struct parcel *parcel, double real)
{
	put(parcel, &real, sizeof real);
}

void parcel_put_bytes(struct parcel *parcel, struct slice bytes)
{
	parcel_put_number(parcel, (int64_t)bytes.size);
	put(parcel, bytes.data, bytes.size);
}

/* With its NUL; of none nothing. */
void parcel_put_text(struct parcel *parcel, const char *text)
{
	parcel_put_bytes(parcel, slice_make(text ? text : "", text ? strlen(text) + 1 : 0));
}

void parcel_put_question(struct parcel *parcel, const struct question *question)
{
	parcel_put_number(parcel, question->fact);
	parcel_put_text(parcel, question->argument);
}

static void put_texts(struct parcel *parcel, const struct value_texts *texts)
{
	parcel_put_number(parcel, (int64_t)texts->count);
	for (size_t i = 0; i < texts->count; i++)
		parcel_put_text(parcel, texts->items[i]);
}

static void put_content(struct parcel *parcel, const struct value *value)
{
	if (value_is_text(value->type))
		parcel_put_text(parcel, value->text);
	else if (value->type == VALUE_TEXTS)
		put_texts(parcel, &value->texts);
	else if (value->type == VALUE_BOOL)
		parcel_put_number(parcel, value->boolean);
	else
		put(parcel, &value->boolean, sizeof *value - offsetof(struct value, boolean));
}

/* Fields of records are no records themselves. */
static void put_records(struct parcel *parcel, const struct value_records *records)
{
	parcel_put_number(parcel, records->count);
	parcel_put_number(parcel, records->width);
	parcel_put_number(parcel, records->is_cut);
	for (size_t i = 0; i < (size_t)records->count * records->width; i++)
		parcel_put_value(parcel, records->fields[i].state, &records->fields[i].value);
}

void parcel_put_value(struct parcel *parcel, enum fact_state state, const struct value *value)
{
	parcel_put_number(parcel, state);
	if (state == FACT_FAILED)
		parcel_put_text(parcel, value->text);
	if (state != FACT_KNOWN)
		return;
	parcel_put_number(parcel, value->type);
	if (value->type == VALUE_RECORDS)
		put_records(parcel, &value->records);
	else
		put_content(parcel, value);
}

struct slice parcel_bytes(const struct parcel *parcel)
{
	return slice_make(parcel->bytes, parcel->size);
}

/* --- unpacking --- */

struct unpacking parcel_open(struct slice bytes)
{
	return (struct unpacking){bytes, false};
}

static void give_up(struct unpacking *from)
{
	from->is_broken = true;
	from->rest.size = 0;
}

static void take(struct unpacking *from, void *into, size_t size)
{
	if (from->rest.size < size) {
		give_up(from);
		memset(into, 0, size);
		return;
	}
	memcpy(into, from->rest.data, size);
	from->rest = slice_from(from->rest, size);
}

int64_t parcel_take_number(struct unpacking *from)
{
	int64_t number;

	take(from, &number, sizeof number);
	return number;
}

uint32_t parcel_take_index(struct unpacking *from, size_t below)
{
	int64_t number = parcel_take_number(from);

	if (number >= 0 && (uint64_t)number < below)
		return (uint32_t)number;
	give_up(from);
	return 0;
}

double parcel_take_real(struct unpacking *from)
{
	double real;

	take(from, &real, sizeof real);
	return real;
}

struct slice parcel_take_bytes(struct unpacking *from)
{
	size_t size = (size_t)parcel_take_number(from);
	struct slice bytes = slice_make(from->rest.data, size);

	if (size > from->rest.size) {
		give_up(from);
		return slice_of("");
	}
	from->rest = slice_from(from->rest, size);
	return bytes;
}

const char *parcel_take_text(struct unpacking *from)
{
	struct slice text = parcel_take_bytes(from);

	if (!text.size)
		return from->is_broken ? "" : NULL;
	if (memchr(text.data, '\0', text.size) == text.data + text.size - 1)
		return text.data;
	give_up(from);
	return "";
}

struct question parcel_take_question(struct unpacking *from)
{
	struct question question = {(enum fact)parcel_take_index(from, FACT_COUNT), NULL};

	question.argument = parcel_take_text(from);
	if (!question.argument != !fact_row(question.fact)->argument)
		give_up(from);
	return question;
}

/* How many things, each of which takes some bytes, may still follow. */
static uint32_t take_count(struct unpacking *from)
{
	return parcel_take_index(from, from->rest.size + 1);
}

static struct value_texts take_texts(const void *parent, struct unpacking *from)
{
	uint32_t count = take_count(from);
	const char **items = talloc_array(parent, const char *, count);

	for (uint32_t i = 0; i < count; i++) {
		items[i] = parcel_take_text(from);
		if (!items[i])
			give_up(from);
	}
	return (struct value_texts){items, from->is_broken ? 0 : count};
}

static void take_content(const void *parent, struct unpacking *from, struct value *value)
{
	if (value_is_text(value->type)) {
		value->text = parcel_take_text(from);
		if (!value->text)
			give_up(from);
	} else if (value->type == VALUE_TEXTS) {
		value->texts = take_texts(parent, from);
	} else if (value->type == VALUE_BOOL) {
		value->boolean = parcel_take_index(from, 2);
	} else {
		take(from, &value->boolean, sizeof *value - offsetof(struct value, boolean));
	}
}

/* All but records. */
static enum fact_state take_simple(const void *parent, struct unpacking *from, struct value *value)
{
	enum fact_state state = (enum fact_state)parcel_take_index(from, FACT_FAILED + 1);

	*value = (struct value){.type = VALUE_STRING, .text = ""};
	if (state == FACT_FAILED)
		value->text = parcel_take_text(from);
	if (state != FACT_KNOWN)
		return state;
	value->type = (enum value_type)parcel_take_index(from, VALUE_RECORDS + 1);
	if (value->type != VALUE_RECORDS)
		take_content(parent, from, value);
	return state;
}

static void take_records(const void *parent, struct unpacking *from, struct value *value)
{
	uint32_t count = take_count(from), width = parcel_take_index(from, UINT16_MAX);
	bool is_cut = parcel_take_index(from, 2);
	size_t all = (size_t)count * width;
	struct value_field *fields;

	if (all > from->rest.size) {
		give_up(from);
		all = 0;
	}
	fields = talloc_array(parent, struct value_field, all);
	for (size_t i = 0; i < all; i++) {
		fields[i].state = take_simple(parent, from, &fields[i].value);
		if (fields[i].state == FACT_KNOWN && fields[i].value.type == VALUE_RECORDS)
			give_up(from);
	}
	value->records = (struct value_records){
		fields, from->is_broken ? 0 : count, (uint16_t)width, is_cut};
}

enum fact_state parcel_take_value(const void *parent, struct unpacking *from, struct value *value)
{
	enum fact_state state = take_simple(parent, from, value);

	if (state == FACT_KNOWN && value->type == VALUE_RECORDS)
		take_records(parent, from, value);
	return from->is_broken ? FACT_UNKNOWN : state;
}
