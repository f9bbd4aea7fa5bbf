/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, sizes and durations, to and from text. */
#include "base/quantity.h"

#include <inttypes.h>
#include <stdio.h>

#define DECIMAL_DIGITS 15 /* what a double holds exactly */

/* Sorted from small to large within a kind. */
// clang-format off
static const struct unit {
	enum quantity kind;
	const char *name;
	int64_t factor;
} units[] = {
	{QUANTITY_SIZE,     "k",  1024},
	{QUANTITY_SIZE,     "M",  1024LL * 1024},
	{QUANTITY_SIZE,     "G",  1024LL * 1024 * 1024},
	{QUANTITY_DURATION, "ms", 1},
	{QUANTITY_DURATION, "s",  1000},
	{QUANTITY_DURATION, "m",  60LL * 1000},
	{QUANTITY_DURATION, "h",  60LL * 60 * 1000},
	{QUANTITY_DURATION, "d",  24LL * 60 * 60 * 1000},
};

/* Units that people write instead. */
static const struct mistake {
	enum quantity kind;
	const char *unit;
	const char *hint;
} mistakes[] = {
	{QUANTITY_DURATION, "",    "a unit is missing: ms, s, m, h or d"},
	{QUANTITY_DURATION, "M",   "M is mebibytes, minutes are m"},
	{QUANTITY_DURATION, "min", "minutes are m"},
	{QUANTITY_DURATION, "sec", "seconds are s"},
	{QUANTITY_DURATION, "S",   "seconds are s"},
	{QUANTITY_DURATION, "H",   "hours are h"},
	{QUANTITY_DURATION, "D",   "days are d"},
	{QUANTITY_DURATION, "w",   "there are no weeks: 1w is 7d"},
	{QUANTITY_SIZE,     "m",   "m is minutes, mebibytes are M"},
	{QUANTITY_SIZE,     "K",   "kibibytes are k"},
	{QUANTITY_SIZE,     "g",   "gibibytes are G"},
	{QUANTITY_SIZE,     "kB",  "kibibytes are k"},
	{QUANTITY_SIZE,     "KB",  "kibibytes are k"},
	{QUANTITY_SIZE,     "MB",  "mebibytes are M"},
	{QUANTITY_SIZE,     "GB",  "gibibytes are G"},
	{QUANTITY_SIZE,     "KiB", "kibibytes are k"},
	{QUANTITY_SIZE,     "MiB", "mebibytes are M"},
	{QUANTITY_SIZE,     "GiB", "gibibytes are G"},
	{QUANTITY_SIZE,     "B",   "bytes have no unit"},
};
// clang-format on

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Takes the digits off the front. */
static struct slice cut_digits(struct slice *rest)
{
	size_t size = 0;
	struct slice digits;

	while (size < rest->size && rest->data[size] >= '0' && rest->data[size] <= '9')
		size++;
	digits = slice_make(rest->data, size);
	*rest = slice_from(*rest, size);
	return digits;
}

static bool cut_sign(struct slice *rest)
{
	bool negative = rest->size && rest->data[0] == '-';

	if (negative || (rest->size && rest->data[0] == '+'))
		*rest = slice_from(*rest, 1);
	return negative;
}

static bool parse_signed(struct slice text, int64_t *value)
{
	bool negative = cut_sign(&text);
	uint64_t number;

	if (!slice_to_number(text, &number) || number > INT64_MAX)
		return false;
	*value = negative ? -(int64_t)number : (int64_t)number;
	return true;
}

static int64_t factor_of(enum quantity kind, struct slice unit, int64_t number)
{
	if (!unit.size)
		return kind == QUANTITY_SIZE || number == 0 ? 1 : 0;
	for (size_t i = 0; i < COUNT(units); i++) {
		if (units[i].kind == kind && slice_equals(unit, units[i].name))
			return units[i].factor;
	}
	return 0;
}

bool quantity_parse(enum quantity kind, struct slice text, int64_t *value)
{
	struct slice unit = text;
	int64_t number, factor;

	if (kind == QUANTITY_NUMBER)
		return parse_signed(text, value);
	if (!parse_signed(cut_digits(&unit), &number))
		return false;
	factor = factor_of(kind, unit, number);
	return factor && !__builtin_mul_overflow(number, factor, value);
}

bool quantity_parse_decimal(struct slice text, double *value)
{
	bool negative = cut_sign(&text);
	struct slice whole = cut_digits(&text), fraction = {"", 0};
	uint64_t number = 0, part = 0, scale = 1;

	if (text.size && text.data[0] == '.') {
		text = slice_from(text, 1);
		fraction = cut_digits(&text);
		if (!slice_to_number(fraction, &part))
			return false;
	}
	if (text.size || whole.size + fraction.size > DECIMAL_DIGITS ||
		!slice_to_number(whole, &number))
		return false;
	for (size_t i = 0; i < fraction.size; i++)
		scale *= 10;
	*value = (double)(number * scale + part) / (double)scale * (negative ? -1 : 1);
	return true;
}

const char *quantity_hint(enum quantity kind, struct slice text)
{
	if (!cut_digits(&text).size)
		return NULL;
	for (size_t i = 0; i < COUNT(mistakes); i++) {
		if (mistakes[i].kind == kind && slice_equals(text, mistakes[i].unit))
			return mistakes[i].hint;
	}
	return NULL;
}

char *quantity_print(enum quantity kind, int64_t value, char text[static QUANTITY_TEXT_SIZE])
{
	const struct unit *best = NULL;

	for (size_t i = 0; i < COUNT(units); i++) {
		if (value && units[i].kind == kind && value % units[i].factor == 0)
			best = &units[i];
	}
	snprintf(text, QUANTITY_TEXT_SIZE, "%" PRId64 "%s", best ? value / best->factor : value,
		best ? best->name : "");
	return text;
}
