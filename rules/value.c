/* SPDX-License-Identifier: Apache-2.0 */
/* Values: their types' names, their printed form, and days of the calendar. */
#include "rules/value.h"

#include "base/quantity.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <talloc.h>

const char *value_type_name(enum value_type type)
{
	static const char *const names[] = {"bool", "int", "size", "duration", "score", "ip",
		"domain", "address", "name", "string", "text", "flags", "list of text", "enum",
		"date", "cidr", "list of records"};

	assert(type <= VALUE_RECORDS);
	return names[type];
}

bool value_is_text(enum value_type type)
{
	return type == VALUE_DOMAIN || type == VALUE_ADDRESS || type == VALUE_NAME ||
		type == VALUE_STRING || type == VALUE_TEXT;
}

bool value_is_number(enum value_type type)
{
	return type == VALUE_INT || type == VALUE_SIZE || type == VALUE_DURATION ||
		type == VALUE_FLAGS || type == VALUE_ENUM || type == VALUE_DATE;
}

static char *print_flags(const void *parent, int64_t bits, const char *const *names)
{
	char *text = talloc_strdup(parent, "");

	for (size_t i = 0; names && names[i]; i++) {
		if (bits & (INT64_C(1) << i))
			text = talloc_asprintf_append_buffer(
				text, "%s%s", *text ? " " : "", names[i]);
	}
	return text;
}

static char *print_texts(const void *parent, const struct value_texts *texts)
{
	char *text = talloc_strdup(parent, "");

	for (size_t i = 0; i < texts->count; i++)
		text = talloc_asprintf_append_buffer(text, "%s%s", i ? ", " : "", texts->items[i]);
	return text;
}

static char *print_ip(const void *parent, const struct ip *ip)
{
	char text[IP_TEXT_SIZE];

	return talloc_strdup(parent, ip_print(ip, text));
}

static char *print_cidr(const void *parent, const struct cidr *cidr)
{
	char text[CIDR_TEXT_SIZE];

	return talloc_strdup(parent, cidr_print(cidr, text));
}

_Static_assert(QUANTITY_TEXT_SIZE >= VALUE_DATE_SIZE, "a date is printed into the same room");

static char *print_number(const void *parent, const struct value *value, const char *const *names)
{
	char text[QUANTITY_TEXT_SIZE];

	if (value->type == VALUE_FLAGS)
		return print_flags(parent, value->number, names);
	if (value->type == VALUE_ENUM && names)
		return talloc_strdup(parent, names[value->number]);
	if (value->type == VALUE_DATE)
		return talloc_strdup(parent, value_print_date(value->number, text));
	if (value->type == VALUE_DURATION)
		return talloc_strdup(
			parent, quantity_print(QUANTITY_DURATION, value->number, text));
	return talloc_asprintf(parent, "%" PRId64, value->number);
}

char *value_print(const void *parent, const struct value *value, const char *const *names)
{
	if (value_is_text(value->type))
		return talloc_strdup(parent, value->text);
	if (value_is_number(value->type))
		return print_number(parent, value, names);
	switch (value->type) {
	case VALUE_BOOL:
		return talloc_strdup(parent, value->boolean ? "true" : "false");
	case VALUE_IP:
		return print_ip(parent, &value->ip);
	case VALUE_CIDR:
		return print_cidr(parent, &value->cidr);
	case VALUE_SCORE:
		return talloc_asprintf(parent, "%.6g", value->score);
	case VALUE_TEXTS:
		return print_texts(parent, &value->texts);
	default:
		return talloc_asprintf(parent, "%" PRIu32 " records", value->records.count);
	}
}

static bool cidr_equals(const struct cidr *a, const struct cidr *b)
{
	return a->bits == b->bits && ip_equals(&a->ip, &b->ip);
}

bool value_equals(const struct value *a, const struct value *b)
{
	if (a->type != b->type)
		return false;
	if (value_is_text(a->type))
		return strcmp(a->text, b->text) == 0;
	if (value_is_number(a->type))
		return a->number == b->number;
	switch (a->type) {
	case VALUE_BOOL:
		return a->boolean == b->boolean;
	case VALUE_IP:
		return ip_equals(&a->ip, &b->ip);
	case VALUE_CIDR:
		return cidr_equals(&a->cidr, &b->cidr);
	case VALUE_SCORE:
		return a->score == b->score;
	default:
		return false;
	}
}

/* --- days --- */

/* Days since 1970-01-01 of a day of the Gregorian calendar, counted from March so that the leap day comes last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t era_year = month <= 2 ? year - 1 : year;
	int64_t era = era_year / 400, of_era = era_year % 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void split_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
	int64_t shifted = days + 719468, era = shifted / 146097, of_era = shifted % 146097;
	int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t shifted_month = (5 * of_year + 2) / 153;

	*day = of_year - (153 * shifted_month + 2) / 5 + 1;
	*month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
	*year = year_of_era + era * 400 + (*month <= 2);
}

static bool read_digits(struct slice text, size_t from, size_t size, int64_t *number)
{
	uint64_t digits;

	if (!slice_to_number(slice_make(text.data + from, size), &digits))
		return false;
	*number = (int64_t)digits;
	return true;
}

bool value_parse_date(struct slice text, int64_t *days)
{
	int64_t year, month, day, same_year, same_month, same_day;

	if (text.size != 10 || text.data[4] != '-' || text.data[7] != '-')
		return false;
	if (!read_digits(text, 0, 4, &year) || !read_digits(text, 5, 2, &month) ||
		!read_digits(text, 8, 2, &day))
		return false;
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	*days = days_of(year, month, day);
	split_days(*days, &same_year, &same_month, &same_day);
	return same_year == year && same_month == month && same_day == day;
}

char *value_print_date(int64_t days, char text[static VALUE_DATE_SIZE])
{
	int64_t year, month, day;

	split_days(days, &year, &month, &day);
	snprintf(
		text, VALUE_DATE_SIZE, "%04d-%02u-%02u", (int)year, (unsigned)month, (unsigned)day);
	return text;
}
