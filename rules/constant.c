/* SPDX-License-Identifier: Apache-2.0 */
/* Literals read as values of a type. */
#include "rules/constant.h"

#include "base/quantity.h"
#include "rules/fold.h"
#include "rules/list.h"
#include "rules/vocabulary.h"

#include <talloc.h>

/* Reads the text of a literal; what it returns is false when it is none of the type. */
typedef bool (*read_fn)(const char *text, struct value *value);

static bool read_bool(const char *text, struct value *value)
{
	value->boolean = strcmp(text, "true") == 0;
	return value->boolean || strcmp(text, "false") == 0;
}

static bool read_int(const char *text, struct value *value)
{
	return quantity_parse(QUANTITY_NUMBER, slice_of(text), &value->number);
}

static bool read_size(const char *text, struct value *value)
{
	return quantity_parse(QUANTITY_SIZE, slice_of(text), &value->number);
}

static bool read_duration(const char *text, struct value *value)
{
	return quantity_parse(QUANTITY_DURATION, slice_of(text), &value->number);
}

static bool read_score(const char *text, struct value *value)
{
	return quantity_parse_decimal(slice_of(text), &value->score);
}

static bool read_ip(const char *text, struct value *value)
{
	return ip_parse(slice_of(text), &value->ip);
}

static bool read_cidr(const char *text, struct value *value)
{
	return cidr_parse(slice_of(text), &value->cidr);
}

static bool read_date(const char *text, struct value *value)
{
	return value_parse_date(slice_of(text), &value->number);
}

static bool read_text(const char *text, struct value *value)
{
	value->text = text;
	return true;
}

/* The null sender is an address as well. */
static bool read_address(const char *text, struct value *value)
{
	struct slice folded = fold_address(NULL, slice_of(text));
	bool is_address = !folded.size || list_is_address(folded);

	talloc_free((char *)folded.data);
	value->text = text;
	return is_address;
}

static bool read_domain(const char *text, struct value *value)
{
	struct slice folded = fold_domain(NULL, slice_of(text));
	bool is_domain = !folded.size || list_is_domain(folded);

	talloc_free((char *)folded.data);
	value->text = text;
	return is_domain;
}

#define KIND(kind) (1u << (kind))

static const struct constant {
	unsigned kinds; /* besides strings */
	read_fn read;
	const char *example;
} constants[] = {
	[VALUE_BOOL] = {KIND(LITERAL_NAME), read_bool, "true or false"},
	[VALUE_INT] = {KIND(LITERAL_NUMBER), read_int, "a whole number"},
	[VALUE_SIZE] = {KIND(LITERAL_NUMBER) | KIND(LITERAL_SIZE), read_size, "a size: 10M, 64k"},
	[VALUE_DURATION] = {KIND(LITERAL_NUMBER) | KIND(LITERAL_DURATION), read_duration,
		"a duration: 30s, 5m, 1d"},
	[VALUE_SCORE] = {KIND(LITERAL_NUMBER), read_score, "a number"},
	[VALUE_IP] = {KIND(LITERAL_IP), read_ip,
		"an address; networks stand in braces: in { ... }"},
	[VALUE_DOMAIN] = {0, read_domain, "a domain in quotation marks"},
	[VALUE_ADDRESS] = {KIND(LITERAL_ADDRESS), read_address, "an address: <user@example.com>"},
	[VALUE_NAME] = {0, read_text, "a text in quotation marks"},
	[VALUE_STRING] = {0, read_text, "a text in quotation marks"},
	[VALUE_TEXT] = {0, read_text, "a text in quotation marks"},
	[VALUE_DATE] = {KIND(LITERAL_DATE), read_date, "a date: 2027-06-30"},
	[VALUE_CIDR] = {KIND(LITERAL_IP) | KIND(LITERAL_CIDR), read_cidr,
		"a network: 192.0.2.0/24"},
};

static bool read_name(const struct literal *literal, enum value_type type, const char *const *names,
	const char *what, struct value *value, struct complaints *complaints)
{
	int index = vocabulary_index(names, literal->text);
	const char *meant = vocabulary_suggest(names, literal->text);

	if (index >= 0) {
		value->number = type == VALUE_FLAGS ? INT64_C(1) << index : index;
		return true;
	}
	if (meant)
		complaint_error(complaints, literal->place, "%s is never \"%s\"; did you mean %s?",
			what, literal->text, meant);
	else
		complaint_error(
			complaints, literal->place, "%s is never \"%s\"", what, literal->text);
	return false;
}

static const char *hint_of(enum value_type type, const char *text)
{
	const char *hint = NULL;

	if (type == VALUE_SIZE)
		hint = quantity_hint(QUANTITY_SIZE, slice_of(text));
	else if (type == VALUE_DURATION)
		hint = quantity_hint(QUANTITY_DURATION, slice_of(text));
	else if (type == VALUE_INT)
		hint = "a number has no unit here";
	return hint;
}

static void complain(const struct literal *literal, enum value_type type, const char *what,
	struct complaints *complaints)
{
	const char *hint = hint_of(type, literal->text);
	bool has_unit = literal->kind == LITERAL_SIZE || literal->kind == LITERAL_DURATION ||
		literal->kind == LITERAL_NUMBER;

	if (hint && has_unit)
		complaint_error(complaints, literal->place, "%s takes %s, not %s (%s)", what,
			constants[type].example, literal->text, hint);
	else
		complaint_error(complaints, literal->place, "%s takes %s; \"%s\" is none", what,
			constants[type].example, literal->text);
}

bool constant_read(const struct literal *literal, enum value_type type, const char *const *names,
	const char *what, struct value *value, struct complaints *complaints)
{
	bool is_kind;

	*value = (struct value){.type = type};
	if (type == VALUE_ENUM || type == VALUE_FLAGS)
		return read_name(literal, type, names, what, value, complaints);
	is_kind = literal->kind == LITERAL_STRING || (constants[type].kinds & KIND(literal->kind));
	if (is_kind && constants[type].read(literal->text, value))
		return true;
	complain(literal, type, what, complaints);
	return false;
}
