/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 5545 §3.1 and §3.8.1.1; RFC 8607 §4.2 for FILENAME. */
#include "policy/content/ical.h"

#include "base/bulk.h"
#include "policy/content/bytes.h"
#include "policy/content/decode.h"

#include <strings.h>
#include <talloc.h>

#define PROPERTY "ATTACH"
#define PROPERTY_SIZE (sizeof PROPERTY - 1)

/* The parameters that programs take a file's name from. */
static const char *const name_parameters[] = {
	"FILENAME", "X-FILENAME", "X-APPLE-FILENAME", "X-ORACLE-FILENAME", "X-LABEL"};

/* A content line without its folds, written to where there is room for what is left. */
static struct slice unfold(struct slice *rest, char *to)
{
	size_t size = 0;
	bool goes_on;

	do {
		struct slice piece = slice_cut(rest, '\n');
		if (piece.size && piece.data[piece.size - 1] == '\r')
			piece.size--;
		if (size && piece.size)
			piece = slice_from(piece, 1);
		memcpy(to + size, piece.data, piece.size);
		size += piece.size;
		goes_on = size && rest->size && (rest->data[0] == ' ' || rest->data[0] == '\t');
	} while (goes_on);
	return slice_make(to, size);
}

/* Takes what stands before an unquoted separator off the front of *rest, with it. */
static struct slice cut_unquoted(struct slice *rest, char separator)
{
	struct slice all = *rest;
	bool is_quoted = false;
	size_t i = 0;

	for (; i < all.size && (is_quoted || all.data[i] != separator); i++)
		is_quoted ^= all.data[i] == '"';
	*rest = slice_from(all, i < all.size ? i + 1 : i);
	return slice_make(all.data, i);
}

/* The value of a parameter without its quotation marks; empty: there is none. */
static struct slice parameter(struct slice parameters, const char *name)
{
	while (parameters.size) {
		struct slice value = cut_unquoted(&parameters, ';');
		struct slice key = slice_cut(&value, '=');
		if (!slice_equals_nocase(slice_trim(key), name))
			continue;
		value = slice_trim(value);
		if (value.size > 1 && value.data[0] == '"')
			value = slice_make(value.data + 1, value.size - 2);
		return value;
	}
	return slice_of("");
}

static struct slice name_of(struct slice parameters)
{
	struct slice name = slice_of("");

	for (size_t i = 0; !name.size && i < sizeof name_parameters / sizeof *name_parameters; i++)
		name = parameter(parameters, name_parameters[i]);
	return name;
}

static bool is_binary(struct slice parameters)
{
	struct slice encoding = parameter(parameters, "ENCODING");

	return slice_equals_nocase(encoding, "BASE64") || slice_equals_nocase(encoding, "B") ||
		slice_equals_nocase(parameter(parameters, "VALUE"), "BINARY");
}

/* Behind the name of the property. */
static void take_attachment(struct slice line, struct unpacked *out)
{
	struct slice parameters = cut_unquoted(&line, ':');
	uint64_t anomalies = 0;

	if (slice_starts_nocase(line, "data:"))
		(void)slice_cut(&line, ',');
	else if (!is_binary(parameters)) {
		unpacked_point(out, slice_trim(line));
		return;
	}
	(void)unpacked_add_view(
		out, name_of(parameters), decode(out->parent, line, ENCODING_BASE64, &anomalies));
	if (anomalies)
		out->findings |= FINDING_DAMAGED;
}

void ical_unpack(struct slice bytes, struct unpacked *out)
{
	char *room = bulk_new(out->parent, bytes.size + 1);
	size_t used = 0;

	while (bytes.size) {
		struct slice line = unfold(&bytes, room + used);
		used += line.size;
		if (slice_starts_nocase(line, PROPERTY) && line.size > PROPERTY_SIZE &&
			strchr(";: ", line.data[PROPERTY_SIZE]))
			take_attachment(slice_from(line, PROPERTY_SIZE), out);
	}
	talloc_free(room);
}

/* A line that is folded within the property's name. */
static bool may_be_folded(struct slice line, struct slice rest)
{
	if (line.size && line.data[line.size - 1] == '\r')
		line.size--;
	return line.size && line.size < PROPERTY_SIZE && rest.size &&
		(rest.data[0] == ' ' || rest.data[0] == '\t') &&
		strncasecmp(line.data, PROPERTY, line.size) == 0;
}

bool ical_has_attachment(struct slice bytes)
{
	while (bytes.size) {
		struct slice line = slice_cut(&bytes, '\n');
		if (slice_starts_nocase(line, PROPERTY) || may_be_folded(line, bytes))
			return true;
	}
	return false;
}
