/* SPDX-License-Identifier: Apache-2.0 */
/* Content fields: RFC 2045 §5, RFC 2183, RFC 2231, RFC 2047 where it does not belong. */
#include "policy/content/mime_field.h"

#include "policy/content/mime_parameter.h"
#include "policy/mail/encoded_word.h"

#include <ctype.h>
#include <talloc.h>

enum kind { KIND_TYPE, KIND_ENCODING, KIND_DISPOSITION, KIND_NAME, KIND_SUN_NAME, KINDS };

static const struct {
	const char *name;
	enum mime_anomaly duplicate; /* MIME_ANOMALY_COUNT: none */
} kinds[KINDS] = {
	[KIND_TYPE] = {"content-type", MIME_DUPLICATE_TYPE},
	[KIND_ENCODING] = {"content-transfer-encoding", MIME_DUPLICATE_ENCODING},
	[KIND_DISPOSITION] = {"content-disposition", MIME_DUPLICATE_DISPOSITION},
	[KIND_NAME] = {"content-name", MIME_ANOMALY_COUNT},
	[KIND_SUN_NAME] = {"x-sun-data-name", MIME_ANOMALY_COUNT},
};

/* The values of the fields that were found, unfolded. */
struct values {
	struct slice texts[MIME_FIELD_READINGS];
	unsigned count;
};

struct scan {
	const void *parent;
	struct charset_set *charsets;
	struct mime_fields *fields;
	struct slice header;
	struct values values[KINDS];
	char *buffer; /* of the header's size: unfolded values, one behind the other */
	size_t used;
	struct slice *open; /* the value that goes on */
};

static void note(struct scan *scan, enum mime_anomaly anomaly)
{
	scan->fields->anomalies |= mime_anomaly_bit(anomaly);
}

bool mime_field_add(struct mime_field_readings *readings, const char *text)
{
	for (unsigned i = 0; i < readings->count; i++) {
		if (strcmp(readings->texts[i], text) == 0)
			return true;
	}
	if (readings->count == MIME_FIELD_READINGS)
		return false;
	readings->texts[readings->count++] = text;
	return true;
}

static void add(struct scan *scan, struct mime_field_readings *readings, const char *text)
{
	if (!mime_field_add(readings, text))
		note(scan, MIME_TOO_MANY_READINGS);
}

static struct slice skip_blanks(struct slice s)
{
	while (s.size && (unsigned char)s.data[0] <= ' ')
		s = slice_from(s, 1);
	return s;
}

/* --- finding the fields --- */

/* Which field begins here, KINDS for none; *value is what stands behind its colon or colons. */
static enum kind find_kind(struct slice line, struct slice *value, bool *is_odd)
{
	for (enum kind kind = 0; kind < KINDS; kind++) {
		struct slice rest;
		if (!slice_starts_nocase(line, kinds[kind].name))
			continue;
		rest = slice_from(line, strlen(kinds[kind].name));
		*value = skip_blanks(rest);
		*is_odd |= value->size != rest.size;
		if (!value->size || value->data[0] != ':')
			continue;
		*value = slice_from(*value, 1);
		if (value->size && (value->data[0] == ':' || value->data[0] == '\v'))
			*is_odd = true;
		while (value->size &&
			(value->data[0] == ':' || (unsigned char)value->data[0] <= ' '))
			*value = slice_from(*value, 1);
		return kind;
	}
	return KINDS;
}

/* NULs become blanks. */
static void append(struct scan *scan, struct slice text)
{
	char *to = scan->buffer + scan->used;

	if (!scan->open)
		return;
	memcpy(to, text.data, text.size);
	for (char *nul = memchr(to, '\0', text.size); nul;
		nul = memchr(nul, '\0', text.size - (size_t)(nul - to))) {
		*nul = ' ';
		note(scan, MIME_NUL);
	}
	scan->used += text.size;
	scan->open->size += text.size;
}

static void open_value(struct scan *scan, enum kind kind, struct slice text)
{
	struct values *values = &scan->values[kind];

	scan->open = NULL;
	if (values->count && kinds[kind].duplicate != MIME_ANOMALY_COUNT)
		note(scan, kinds[kind].duplicate);
	if (values->count == MIME_FIELD_READINGS) {
		note(scan, MIME_TOO_MANY_READINGS);
		return;
	}
	scan->open = &values->texts[values->count++];
	*scan->open = slice_make(scan->buffer + scan->used, 0);
	append(scan, text);
}

static void note_doubtful_end(struct scan *scan, struct slice line, enum mime_anomaly anomaly)
{
	size_t at = (size_t)(line.data - scan->header.data);

	note(scan, anomaly);
	if (at < scan->fields->doubtful_end)
		scan->fields->doubtful_end = at;
}

/* A line that is neither a Content field nor a continuation. The line of an mbox is no junk. */
static void take_other(struct scan *scan, struct slice line)
{
	scan->open = NULL;
	if (!memchr(line.data, ':', line.size) &&
		!(line.data == scan->header.data && slice_starts_nocase(line, "from ")))
		note_doubtful_end(scan, line, MIME_JUNK_IN_HEADER);
	else if (line.size && line.data[0] == ':')
		note(scan, MIME_ODD_FIELD);
}

/* A piece of the header between line ends; is_split: it stands behind a bare CR. */
static void take_line(struct scan *scan, struct slice line, bool is_split)
{
	bool is_folded = line.size && slice_is_blank(line.data[0]), is_odd = false;
	struct slice text = skip_blanks(line), value;
	enum kind kind = text.size && strchr("cCxX", text.data[0])
		? find_kind(text, &value, &is_odd)
		: KINDS;

	if (kind < KINDS) {
		if (is_folded)
			note(scan, MIME_HIDDEN_FIELD);
		else if (is_odd || is_split || text.size != line.size)
			note(scan, MIME_ODD_FIELD);
		open_value(scan, kind, value);
	} else if (!line.size) {
		return; /* before a bare CR */
	} else if (!text.size && !is_split) {
		note_doubtful_end(scan, line, MIME_BLANK_LINE_IN_HEADER);
	} else if (is_folded || is_split) {
		append(scan, line);
	} else {
		take_other(scan, line);
	}
}

/* Lines end at LF; what stands between bare CRs is looked at as lines, too. */
static void find_fields(struct scan *scan)
{
	struct slice rest = scan->header;

	while (rest.size) {
		struct slice line = slice_cut(&rest, '\n');
		bool is_split = false;
		if (line.size && line.data[line.size - 1] == '\r')
			line.size--;
		while (memchr(line.data, '\r', line.size)) {
			note(scan, MIME_BARE_CR);
			take_line(scan, slice_cut(&line, '\r'), is_split);
			is_split = true;
		}
		take_line(scan, line, is_split);
	}
}

/* --- reading them --- */

static char *lower(const void *parent, struct slice text)
{
	char *kept = slice_keep(parent, text);

	for (char *at = kept; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	return kept;
}

static bool is_token(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c <= ' ' || c >= 0x7f || strchr("()<>@,;:\\\"/[]?=", c))
			return false;
	}
	return size > 0;
}

static bool is_type(const char *text)
{
	const char *slash = strchr(text, '/');

	return slash && is_token(text, (size_t)(slash - text)) &&
		is_token(slash + 1, strlen(slash + 1));
}

/* Encoded-words where none belong. */
static char *decode_words(struct scan *scan, struct slice text)
{
	unsigned seen = 0;
	char *decoded = encoded_word_decode_prepared(scan->parent, scan->charsets, text, &seen);

	scan->fields->anomalies |= mime_anomaly_of_charset(seen);
	return decoded;
}

/* The same, in small letters. */
static char *lower_decoded(struct scan *scan, struct slice text)
{
	if (memmem(text.data, text.size, "=?", 2))
		text = slice_of(decode_words(scan, text));
	return lower(scan->parent, text);
}

/* What a program that forgives much takes a type for: without what cannot be in it. */
static char *clean_type(char *text)
{
	char *out = text;

	for (const char *at = text; *at; at++) {
		if (isalnum((unsigned char)*at) || strchr("/.-+_", *at))
			*out++ = *at;
	}
	*out = '\0';
	return text;
}

static void note_type(struct scan *scan, const char *type, bool is_clean)
{
	struct mime_fields *fields = scan->fields;
	bool is_multipart =
		strncmp(type, "multipart", 9) == 0 || strncmp(type, "x-multipart", 11) == 0;

	if (is_multipart)
		fields->is_multipart = true;
	if (!is_multipart || !is_clean || strncmp(type, "multipart/", 10) != 0)
		fields->is_other = true;
	if (strncmp(type, "message/", 8) == 0 && strcmp(type, "message/external-body") != 0 &&
		strcmp(type, "message/delivery-status") != 0 &&
		strcmp(type, "message/disposition-notification") != 0 &&
		strcmp(type, "message/feedback-report") != 0)
		fields->is_message = true;
	if (strcmp(type, "message/partial") == 0)
		note(scan, MIME_PARTIAL);
	if (strcmp(type, "message/external-body") == 0)
		note(scan, MIME_EXTERNAL_BODY);
}

static void read_type(struct scan *scan, struct slice text)
{
	char *type;
	bool is_clean;

	text = mime_parameter_strip(scan->parent, text, &scan->fields->anomalies);
	text = slice_trim(slice_cut(&text, ';'));
	is_clean = is_type(lower(scan->parent, text));
	type = lower_decoded(scan, text);
	if (!is_clean) {
		note(scan, MIME_ODD_TYPE);
		scan->fields->is_multipart |= strstr(type, "boundary") != NULL;
		type = clean_type(type);
	}
	note_type(scan, type, is_clean);
	add(scan, &scan->fields->types, type);
}

static const struct {
	const char *name;
	enum encoding encoding;
} encodings[] = {
	{"7bit", ENCODING_IDENTITY},
	{"8bit", ENCODING_IDENTITY},
	{"binary", ENCODING_IDENTITY},
	{"base64", ENCODING_BASE64},
	{"quoted-printable", ENCODING_QUOTED},
	{"x-uuencode", ENCODING_UUENCODE},
	{"uuencode", ENCODING_UUENCODE},
	{"x-uue", ENCODING_UUENCODE},
	{"uue", ENCODING_UUENCODE},
	{"x-uu", ENCODING_UUENCODE},
	{"x-yenc", ENCODING_YENC},
	{"yenc", ENCODING_YENC},
	{"mac-binhex40", ENCODING_BINHEX},
	{"binhex40", ENCODING_BINHEX},
	{"binhex", ENCODING_BINHEX},
};

/* Found in what is not exactly a name of one. */
static const struct {
	const char *piece;
	enum encoding encoding;
} pieces[] = {
	{"64", ENCODING_BASE64},
	{"quoted", ENCODING_QUOTED},
	{"printable", ENCODING_QUOTED},
	{"uu", ENCODING_UUENCODE},
	{"yenc", ENCODING_YENC},
	{"hex", ENCODING_BINHEX},
	{"bit", ENCODING_IDENTITY},
	{"binary", ENCODING_IDENTITY},
};

static unsigned find_pieces(const char *text)
{
	unsigned found = 0;

	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		if (strstr(text, pieces[i].piece))
			found |= pieces[i].encoding;
	}
	return found;
}

static void read_encoding(struct scan *scan, struct slice text)
{
	struct mime_fields *fields = scan->fields;
	uint64_t before = fields->anomalies;
	char *name;
	unsigned found;

	text = slice_trim(mime_parameter_strip(scan->parent, text, &fields->anomalies));
	name = lower_decoded(scan, text);
	for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++) {
		if (!slice_equals_nocase(text, encodings[i].name))
			continue;
		fields->encodings |= encodings[i].encoding;
		if ((fields->anomalies ^ before) & mime_anomaly_bit(MIME_COMMENT))
			fields->encodings |= ENCODING_IDENTITY;
		return;
	}
	found = find_pieces(name);
	note(scan, found || !*name ? MIME_ODD_ENCODING : MIME_UNKNOWN_ENCODING);
	fields->encodings |= found | ENCODING_IDENTITY;
}

static void read_disposition(struct scan *scan, struct slice text)
{
	text = mime_parameter_strip(scan->parent, text, &scan->fields->anomalies);
	if (!scan->fields->disposition)
		scan->fields->disposition = lower(scan->parent, slice_trim(slice_cut(&text, ';')));
}

/* --- parameters --- */

/* Extensions decide what happens to a file: names that agree in theirs do not conflict. */
static const char *extension(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot : "";
}

static void add_names(struct scan *scan, const struct mime_field_readings *names)
{
	struct mime_fields *fields = scan->fields;

	for (unsigned i = 0; i < names->count; i++) {
		const char *name = names->texts[i];
		if (strstr(name, "=?")) {
			note(scan, MIME_ENCODED_WORD_PARAMETER);
			name = decode_words(scan, slice_of(name));
		}
		if (fields->names.count &&
			strcasecmp(extension(name), extension(fields->names.texts[0])) != 0)
			note(scan, MIME_CONFLICTING_NAMES);
		add(scan, &fields->names, name);
	}
}

static void add_boundaries(struct scan *scan, const struct mime_field_readings *boundaries)
{
	struct mime_fields *fields = scan->fields;

	for (unsigned i = 0; i < boundaries->count; i++) {
		const char *boundary = boundaries->texts[i];
		size_t size = strlen(boundary);
		if (size == 0 || size > 70 || boundary[size - 1] == ' ')
			note(scan, MIME_ODD_BOUNDARY);
		if (size)
			add(scan, &fields->boundaries, boundary);
		if (strstr(boundary, "=?")) {
			note(scan, MIME_ENCODED_WORD_PARAMETER);
			add(scan, &fields->boundaries, decode_words(scan, slice_of(boundary)));
		}
	}
	if (fields->boundaries.count > 1)
		note(scan, MIME_CONFLICTING_BOUNDARY);
}

/* The parameters of one kind of field, those of the disposition first: its name is what most programs show. */
static void read_parameters(struct scan *scan, enum kind kind)
{
	const struct values *values = &scan->values[kind];
	struct mime_fields *fields = scan->fields;

	for (unsigned i = 0; i < values->count; i++) {
		struct mime_parameters *parameters =
			mime_parameter_parse(scan->parent, values->texts[i]);
		struct mime_field_readings readings;
		mime_parameter_find(parameters, scan->charsets,
			kind == KIND_TYPE ? "name" : "filename", &readings);
		add_names(scan, &readings);
		mime_parameter_find(parameters, scan->charsets,
			kind == KIND_TYPE ? "filename" : "name", &readings);
		add_names(scan, &readings);
		mime_parameter_find(parameters, scan->charsets, "boundary", &readings);
		add_boundaries(scan, &readings);
		mime_parameter_find(parameters, scan->charsets, "charset", &readings);
		for (unsigned k = 0; k < readings.count; k++)
			add(scan, &fields->charsets, readings.texts[k]);
		fields->anomalies |= mime_parameter_anomalies(parameters);
	}
}

/* A field that is nothing but a name, as programs wrote it before there were parameters. */
static void read_name(struct scan *scan, enum kind kind)
{
	const struct values *values = &scan->values[kind];

	for (unsigned i = 0; i < values->count; i++) {
		struct slice text = slice_trim(values->texts[i]);
		struct mime_field_readings names = {.count = 1};
		if (text.size > 1 && text.data[0] == '"' && text.data[text.size - 1] == '"')
			text = slice_make(text.data + 1, text.size - 2);
		if (!text.size)
			continue;
		names.texts[0] = slice_keep(scan->parent, text);
		add_names(scan, &names);
	}
}

static void note_eight_bit(struct scan *scan)
{
	unsigned char all = 0;

	for (size_t i = 0; i < scan->header.size; i++)
		all |= (unsigned char)scan->header.data[i];
	if (all & 0x80)
		note(scan, MIME_EIGHT_BIT_HEADER);
}

void mime_field_read(const void *parent, struct charset_set *charsets, struct slice header,
	struct mime_fields *fields)
{
	static void (*const readers[KINDS])(struct scan * scan, struct slice text) = {
		[KIND_TYPE] = read_type,
		[KIND_ENCODING] = read_encoding,
		[KIND_DISPOSITION] = read_disposition,
	};
	struct scan scan = {
		.parent = parent, .charsets = charsets, .fields = fields, .header = header};

	*fields = (struct mime_fields){.doubtful_end = SIZE_MAX};
	scan.buffer = talloc_array(parent, char, header.size + 1);
	find_fields(&scan);
	note_eight_bit(&scan);
	for (enum kind kind = 0; kind < KINDS; kind++) {
		for (unsigned i = 0; i < scan.values[kind].count; i++)
			if (readers[kind])
				readers[kind](&scan, scan.values[kind].texts[i]);
	}
	read_parameters(&scan, KIND_DISPOSITION);
	read_parameters(&scan, KIND_TYPE);
	read_name(&scan, KIND_NAME);
	read_name(&scan, KIND_SUN_NAME);
	if (!fields->encodings)
		fields->encodings = ENCODING_IDENTITY;
	talloc_free(scan.buffer);
}
