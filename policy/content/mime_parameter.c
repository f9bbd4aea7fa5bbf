/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of Content fields: RFC 2045 §5.1, RFC 2231 §3, §4. */
#include "policy/content/mime_parameter.h"

#include <ctype.h>
#include <stdlib.h>
#include <talloc.h>

#define INDEX_NONE (-1)
#define INDEX_MAXIMUM 9999

struct parameter {
	const char *base; /* one of bases */
	int index;        /* of the piece, INDEX_NONE for the whole */
	unsigned order;   /* of appearance */
	bool is_extended;
	struct mime_field_readings values;
};

struct mime_parameters {
	struct parameter all[MIME_FIELD_PARAMETERS];
	unsigned count;
	unsigned seen; /* those passed over too */
	uint64_t anomalies;
};

static const char *const bases[] = {"boundary", "name", "filename", "charset", NULL};

static void note(struct mime_parameters *parameters, enum mime_anomaly anomaly)
{
	parameters->anomalies |= mime_anomaly_bit(anomaly);
}

static bool is_blank(char c)
{
	return (unsigned char)c <= ' ';
}

static struct slice trim(struct slice s)
{
	while (s.size && is_blank(s.data[0]))
		s = slice_from(s, 1);
	while (s.size && is_blank(s.data[s.size - 1]))
		s.size--;
	return s;
}

/* --- comments --- */

struct stripping {
	char *out;
	size_t used;
	size_t open_at, open_used; /* of the outermost comment that is open */
	unsigned depth;
	bool is_quoted, seen;
};

/* One character of the field, with the one that it escapes. Returns how many. */
static size_t strip_one(struct stripping *s, struct slice text, size_t i)
{
	char c = text.data[i];
	size_t size = c == '\\' && i + 1 < text.size ? 2 : 1;

	if (c == '"' && !s->depth)
		s->is_quoted = !s->is_quoted;
	if (c == '(' && !s->is_quoted && s->depth++ == 0) {
		s->open_at = i;
		s->open_used = s->used;
	}
	if (!s->depth) {
		memcpy(s->out + s->used, text.data + i, size);
		s->used += size;
	}
	if (c == ')' && s->depth && --s->depth == 0)
		s->seen = true;
	return size;
}

struct slice mime_parameter_strip(const void *parent, struct slice text, uint64_t *anomalies)
{
	struct stripping s = {.depth = 0};

	if (!memchr(text.data, '(', text.size))
		return text;
	s.out = talloc_array(parent, char, text.size + 1);
	for (size_t i = 0; i < text.size;)
		i += strip_one(&s, text, i);
	if (s.depth) {
		memcpy(s.out + s.open_used, text.data + s.open_at, text.size - s.open_at);
		s.used = s.open_used + text.size - s.open_at;
	}
	if (s.seen || s.depth)
		*anomalies |= mime_anomaly_bit(MIME_COMMENT);
	return slice_make(s.out, s.used);
}

/* --- values --- */

static void add(
	struct mime_parameters *parameters, struct mime_field_readings *values, struct slice text)
{
	if (!mime_field_add(values, slice_keep(parameters, text)))
		note(parameters, MIME_TOO_MANY_READINGS);
}

/* Without backslashes before other characters, and without quotation marks when these are to go. */
static void add_unescaped(struct mime_parameters *parameters, struct mime_field_readings *values,
	struct slice text, bool drops_quotes)
{
	char *out = talloc_array(parameters, char, text.size + 1);
	size_t used = 0;

	for (size_t i = 0; i < text.size; i++) {
		bool is_escape = text.data[i] == '\\' && i + 1 < text.size;
		if (!is_escape && drops_quotes && text.data[i] == '"')
			continue;
		i += is_escape;
		out[used++] = text.data[i];
	}
	add(parameters, values, slice_make(out, used));
	talloc_free(out);
}

/* The index of the first such character that no backslash stands before, or the size. */
static size_t find_unescaped(struct slice text, char c)
{
	size_t i = 0;

	while (i < text.size && text.data[i] != c)
		i += text.data[i] == '\\' ? 2 : 1;
	return i < text.size ? i : text.size;
}

static struct slice before(struct slice text, const char *stops)
{
	size_t i = 0;

	while (i < text.size && text.data[i] && !strchr(stops, text.data[i]))
		i++;
	return slice_make(text.data, i);
}

/* A quoted string at the front, and whatever stands behind it up to the semicolon. */
static void take_quoted(
	struct mime_parameters *parameters, struct slice *rest, struct mime_field_readings *values)
{
	struct slice all = *rest, inside = slice_from(all, 1), tail;
	size_t end = find_unescaped(inside, '"');

	if (end == inside.size) {
		note(parameters, MIME_ODD_PARAMETER);
		add_unescaped(parameters, values, trim(inside), true);
		*rest = slice_from(*rest, before(all, ";").size);
		add(parameters, values, trim(before(inside, ";")));
		add(parameters, values, trim(before(all, ";")));
		return;
	}
	tail = before(slice_from(inside, end + 1), ";");
	*rest = slice_from(*rest, 1 + end + 1 + tail.size);
	inside.size = end;
	add_unescaped(parameters, values, inside, false);
	add(parameters, values, inside);
	if (is_blank(inside.size ? inside.data[inside.size - 1] : 'x'))
		add(parameters, values, trim(inside));
	if (trim(tail).size) {
		struct slice whole = slice_make(all.data, 1 + end + 1 + tail.size);
		note(parameters, MIME_ODD_PARAMETER);
		add_unescaped(parameters, values, trim(whole), true);
		add(parameters, values, trim(whole));
	}
}

/* Between quotation marks that do not stand at the front. */
static struct slice quoted_inside(struct slice text)
{
	struct slice inside = slice_from(text, slice_find(text, '"') + 1);

	return before(inside, "\"");
}

static void add_odd(
	struct mime_parameters *parameters, struct mime_field_readings *values, struct slice token)
{
	note(parameters, MIME_ODD_PARAMETER);
	add_unescaped(parameters, values, token, true);
	add(parameters, values, before(token, " \t"));
	if (memchr(token.data, '"', token.size)) {
		add(parameters, values, before(token, "\""));
		add(parameters, values, quoted_inside(token));
	}
	if (token.size > 1 && token.data[0] == '\'')
		add(parameters, values, slice_make(token.data + 1, token.size - 2));
}

static bool is_odd(struct slice token)
{
	return (token.size && token.data[0] == '\'') || before(token, "\"\\ \t").size != token.size;
}

static void take_bare(
	struct mime_parameters *parameters, struct slice *rest, struct mime_field_readings *values)
{
	struct slice token = before(*rest, ";");
	struct slice escaped = slice_make(rest->data, find_unescaped(*rest, ';'));

	*rest = slice_from(*rest, token.size);
	token = trim(token);
	add(parameters, values, token);
	if (is_odd(token))
		add_odd(parameters, values, token);
	if (escaped.size > token.size && memchr(token.data, '\\', token.size)) {
		add(parameters, values, trim(escaped));
		add_unescaped(parameters, values, trim(escaped), true);
	}
}

/* --- names --- */

/* The last run of what may be in a name, without backslashes; in small letters. */
static size_t clean_name(struct slice text, char *out, size_t room)
{
	size_t start, used = 0;

	text = trim(text);
	for (start = text.size; start; start--) {
		unsigned char c = (unsigned char)text.data[start - 1];
		if (!isalnum(c) && !strchr("*-_\\", c))
			break;
	}
	for (size_t i = start; i < text.size && used + 1 < room; i++) {
		if (text.data[i] != '\\')
			out[used++] = (char)tolower((unsigned char)text.data[i]);
	}
	out[used] = '\0';
	return start;
}

/* base ["*" index] ["*"] */
static bool read_name(char *name, struct parameter *parameter)
{
	char *star = strchr(name, '*');

	parameter->index = INDEX_NONE;
	parameter->is_extended = star != NULL;
	if (star) {
		*star++ = '\0';
		if (isdigit((unsigned char)*star)) {
			long index = strtol(star, &star, 10);
			parameter->index = index > INDEX_MAXIMUM ? INDEX_MAXIMUM : (int)index;
			parameter->is_extended = *star == '*';
		}
	}
	for (const char *const *base = bases; *base; base++) {
		parameter->base = *base;
		if (strcmp(name, *base) == 0)
			return true;
	}
	return false;
}

static void take_value(
	struct mime_parameters *parameters, struct slice *rest, struct mime_field_readings *values)
{
	struct slice from = *rest;

	while (rest->size && is_blank(rest->data[0]))
		*rest = slice_from(*rest, 1);
	if (from.size != rest->size)
		note(parameters, MIME_ODD_PARAMETER);
	(rest->size && rest->data[0] == '"' ? take_quoted : take_bare)(parameters, rest, values);
}

/* Whether such a parameter is there already, with these values: the field is read twice when it has comments. */
static bool is_known(
	const struct mime_parameters *parameters, const struct parameter *parameter, unsigned up_to)
{
	for (unsigned i = 0; i < up_to; i++) {
		const struct parameter *other = &parameters->all[i];
		if (other->base == parameter->base && other->index == parameter->index &&
			other->is_extended == parameter->is_extended &&
			strcmp(other->values.texts[0], parameter->values.texts[0]) == 0)
			return true;
	}
	return false;
}

static void keep(struct mime_parameters *parameters, struct parameter *parameter, unsigned known)
{
	if (parameters->count == MIME_FIELD_PARAMETERS || is_known(parameters, parameter, known))
		return;
	parameter->order = parameters->count;
	parameters->all[parameters->count++] = *parameter;
}

/* A parameter inside of the value of another one that should have ended: foo=bar boundary=x. */
static void take_hidden(struct mime_parameters *parameters, struct slice value, unsigned known)
{
	struct parameter parameter = {.base = NULL};
	char name[32];
	size_t equals = slice_find(value, '=');

	if (equals == SIZE_MAX || value.data[0] == '"')
		return;
	clean_name(slice_make(value.data, equals), name, sizeof name);
	if (!read_name(name, &parameter))
		return;
	note(parameters, MIME_ODD_PARAMETER);
	value = slice_from(value, equals + 1);
	take_value(parameters, &value, &parameter.values);
	keep(parameters, &parameter, known);
}

static void take_parameter(struct mime_parameters *parameters, struct slice *rest, unsigned known)
{
	struct parameter parameter = {.base = NULL};
	struct slice text = before(*rest, "=;"), start;
	char name[32];
	size_t at;
	bool is_ours;

	*rest = slice_from(*rest, text.size);
	if (!rest->size || rest->data[0] == ';') {
		if (trim(text).size)
			note(parameters, MIME_ODD_PARAMETER);
		*rest = slice_from(*rest, rest->size > 0);
		return;
	}
	*rest = slice_from(*rest, 1);
	at = clean_name(text, name, sizeof name);
	if (at || (text.size && is_blank(text.data[text.size - 1])) ||
		memchr(text.data, '\\', text.size))
		note(parameters, MIME_ODD_PARAMETER);
	is_ours = read_name(name, &parameter);
	start = *rest;
	take_value(parameters, rest, &parameter.values);
	if (is_ours)
		keep(parameters, &parameter, known);
	else
		take_hidden(parameters, slice_make(start.data, start.size - rest->size), known);
}

static void parse(struct mime_parameters *parameters, struct slice text)
{
	struct slice rest = text, head = slice_cut(&rest, ';');
	unsigned known = parameters->count;

	if (!memchr(head.data, '=', head.size))
		text = rest;
	while (text.size) {
		while (text.size && (is_blank(text.data[0]) || text.data[0] == ';'))
			text = slice_from(text, 1);
		if (parameters->seen++ >= MIME_FIELD_PARAMETERS) {
			note(parameters, MIME_TOO_MANY_PARAMETERS);
			return;
		}
		take_parameter(parameters, &text, known);
	}
}

struct mime_parameters *mime_parameter_parse(const void *parent, struct slice text)
{
	struct mime_parameters *parameters = talloc_zero(parent, struct mime_parameters);
	struct slice stripped = mime_parameter_strip(parameters, text, &parameters->anomalies);

	parse(parameters, stripped);
	if (stripped.data != text.data) {
		parameters->seen = 0;
		parse(parameters, text);
	}
	return parameters;
}

/* --- finding: RFC 2231 --- */

static size_t unpercent(char *text, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < size; i++) {
		bool is_byte = text[i] == '%' && i + 2 < size &&
			slice_hex_digit(text[i + 1]) >= 0 && slice_hex_digit(text[i + 2]) >= 0;
		text[used++] = is_byte
			? (char)(slice_hex_digit(text[i + 1]) << 4 | slice_hex_digit(text[i + 2]))
			: text[i];
		i += is_byte ? 2 : 0;
	}
	return used;
}

/* A name that goes on behind a NUL is both: up to it, and without it. */
static void add_with_nuls(
	struct mime_parameters *parameters, struct mime_field_readings *readings, struct slice text)
{
	char *kept = slice_keep(parameters, text);
	size_t used = 0;

	if (strlen(kept) == text.size) {
		add(parameters, readings, text);
		return;
	}
	note(parameters, MIME_NUL);
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i])
			kept[used++] = text.data[i];
	}
	add(parameters, readings, slice_make(kept, used));
	if (text.data[0])
		add(parameters, readings, slice_make(text.data, strlen(text.data)));
}

/* charset'language'text, in UTF-8; without the two quotes the text alone. */
static void add_extended(struct mime_parameters *parameters, struct charset_set *charsets,
	struct slice text, struct mime_field_readings *readings)
{
	struct slice rest = text, charset = slice_cut(&rest, '\'');
	const char *name = "utf-8";
	unsigned seen = 0;
	char *bytes;

	if (memchr(rest.data, '\'', rest.size)) {
		slice_cut(&rest, '\'');
		name = charset.size ? slice_keep(parameters, charset) : name;
	} else {
		rest = text;
	}
	bytes = slice_keep(parameters, rest);
	rest = slice_make(bytes, unpercent(bytes, rest.size));
	if (strcasecmp(name, "utf-8") != 0)
		rest = charset_decode(parameters, charsets, name, rest, &seen);
	parameters->anomalies |= mime_anomaly_of_charset(seen);
	add_with_nuls(parameters, readings, rest);
}

enum choice { CHOICE_FIRST, CHOICE_LAST, CHOICE_ALL };

/* The pieces in one string. Percent signs of those that are not extended are protected by nobody: they are read both ways. */
static void add_joined(struct mime_parameters *parameters, struct charset_set *charsets,
	struct parameter *const *pieces, unsigned count, enum choice choice,
	struct mime_field_readings *readings)
{
	char *text = talloc_strdup(parameters, "");
	bool is_extended = false;

	for (unsigned i = 0; i < count; i++) {
		bool is_repeated =
			choice == CHOICE_FIRST && i && pieces[i]->index == pieces[i - 1]->index;
		bool is_replaced = choice == CHOICE_LAST && i + 1 < count &&
			pieces[i]->index == pieces[i + 1]->index;
		if (is_repeated || is_replaced)
			continue;
		text = talloc_strdup_append_buffer(text, pieces[i]->values.texts[0]);
		is_extended |= pieces[i]->is_extended;
	}
	if (!is_extended)
		add(parameters, readings, slice_of(text));
	if (is_extended || strchr(text, '%') || strchr(text, '\''))
		add_extended(parameters, charsets, slice_of(text), readings);
}

static int by_index(const void *a, const void *b)
{
	const struct parameter *one = *(struct parameter *const *)a;
	const struct parameter *other = *(struct parameter *const *)b;

	if (one->index != other->index)
		return one->index < other->index ? -1 : 1;
	return one->order < other->order ? -1 : one->order > other->order;
}

static void find_pieces(struct mime_parameters *parameters, struct charset_set *charsets,
	struct parameter **pieces, unsigned count, struct mime_field_readings *readings)
{
	struct parameter *appeared[MIME_FIELD_PARAMETERS];
	bool is_ordered = true;

	if (!count)
		return;
	note(parameters, MIME_SPLIT_PARAMETER);
	for (unsigned i = 0; i < count; i++)
		is_ordered &= pieces[i]->index == (int)i;
	memcpy(appeared, pieces, count * sizeof *pieces);
	qsort(pieces, count, sizeof *pieces, by_index);
	add_joined(parameters, charsets, pieces, count, CHOICE_FIRST, readings);
	if (is_ordered)
		return;
	note(parameters, MIME_CONFLICTING_SPLIT);
	add_joined(parameters, charsets, pieces, count, CHOICE_LAST, readings);
	add_joined(parameters, charsets, appeared, count, CHOICE_ALL, readings);
}

void mime_parameter_find(struct mime_parameters *parameters, struct charset_set *charsets,
	const char *name, struct mime_field_readings *readings)
{
	struct parameter *pieces[MIME_FIELD_PARAMETERS];
	unsigned count = 0, wholes = 0, plains = 0;

	*readings = (struct mime_field_readings){.count = 0};
	for (unsigned i = 0; i < parameters->count; i++) {
		struct parameter *parameter = &parameters->all[i];
		if (strcmp(parameter->base, name) != 0)
			continue;
		if (parameter->index != INDEX_NONE) {
			pieces[count++] = parameter;
			continue;
		}
		*(parameter->is_extended ? &wholes : &plains) += 1;
		for (unsigned k = 0; !parameter->is_extended && k < parameter->values.count; k++)
			add(parameters, readings, slice_of(parameter->values.texts[k]));
		if (parameter->is_extended)
			add_extended(parameters, charsets, slice_of(parameter->values.texts[0]),
				readings);
	}
	if (wholes > 1 || plains > 1)
		note(parameters, MIME_DUPLICATE_PARAMETER);
	if (count && wholes + plains)
		note(parameters, MIME_CONFLICTING_SPLIT);
	find_pieces(parameters, charsets, pieces, count, readings);
}

uint64_t mime_parameter_anomalies(const struct mime_parameters *parameters)
{
	return parameters->anomalies;
}
