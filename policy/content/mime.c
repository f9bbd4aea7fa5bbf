/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over a message: RFC 2046 §5.1, §5.2. */
#include "policy/content/mime.h"

#include "policy/content/bytes.h"
#include "policy/content/mime_nesting.h"

#include <talloc.h>

#define GUESSES 4        /* boundaries of a multipart that are guessed */
#define HEADER_TRIES 4   /* lines of a header that are taken for the first delimiter */
#define LATE_HEADER 8192 /* octets behind the empty line in which another header may end */

/* The leaf that is being read. */
struct leaf {
	int parent;
	unsigned readings;
	const char *header, *header_end, *body; /* the latter two NULL while in the header */
	struct slice opener;                    /* the boundary it stands behind */
	struct mime_fields fields;
	const char *doubtful; /* where its body begins for some, or NULL */
	const char *limit;    /* how far the header is looked at, NULL for all of it */
	size_t header_lines;
	unsigned tries;   /* to end the header at a delimiter */
	bool is_unopened; /* it is a container, and too deep */
};

struct pass {
	struct mime *mime;
	struct charset_set *charsets;
	const char *start, *at, *end;
	size_t room; /* of mime->parts */
	struct mime_nesting nesting;
	struct leaf leaf;
	uint64_t otherwise; /* bytes of other readings */
	bool is_full;
};

static void note(struct pass *pass, enum mime_anomaly anomaly)
{
	pass->mime->anomalies |= mime_anomaly_bit(anomaly);
}

const char *mime_type(const struct mime_part *part)
{
	const struct mime_field_readings *types = &part->fields.types;

	return types->count && *types->texts[0] ? types->texts[0] : "text/plain";
}

/* --- parts --- */

static int add_part(struct pass *pass, const struct mime_part *part)
{
	struct mime *mime = pass->mime;

	if (mime->count == pass->room) {
		pass->room = pass->room ? pass->room * 2 : 8;
		mime->parts = talloc_realloc(mime, mime->parts, struct mime_part, pass->room);
	}
	mime->parts[mime->count] = *part;
	mime->anomalies |= part->fields.anomalies;
	if (!(part->readings & (MIME_OTHERWISE | MIME_PREAMBLE | MIME_EPILOGUE)))
		mime->regular++;
	return (int)mime->count++;
}

/* Another reading of bytes that are in other parts already. */
static void add_otherwise(
	struct pass *pass, struct mime_part part, const char *body, const char *end)
{
	size_t size = (size_t)(end - body);

	part.body = slice_make(body, size);
	part.readings = MIME_OTHERWISE;
	if (!size)
		return;
	if (pass->mime->count >= MIME_PARTS_MAXIMUM ||
		pass->otherwise + size > (MIME_GROWTH - 1) * (uint64_t)(pass->end - pass->start)) {
		note(pass, MIME_TOO_MANY_READINGS);
		return;
	}
	pass->otherwise += size;
	add_part(pass, &part);
}

static unsigned depth_below(const struct pass *pass, int parent)
{
	return parent == MIME_NESTING_NONE ? 0 : pass->mime->parts[parent].depth + 1;
}

static bool is_blank(struct slice text)
{
	for (size_t i = 0; i < text.size; i++) {
		if ((unsigned char)text.data[i] > ' ')
			return false;
	}
	return true;
}

static void open_leaf(struct pass *pass, int parent, unsigned readings, const char *at)
{
	pass->leaf = (struct leaf){.parent = parent, .readings = readings, .header = at};
	pass->leaf.fields.encodings = ENCODING_IDENTITY;
	pass->leaf.fields.doubtful_end = SIZE_MAX;
	if (readings)
		pass->leaf.body = pass->leaf.header_end = at;
}

static struct mime_part part_of_leaf(
	const struct pass *pass, struct slice header, struct slice body)
{
	const struct leaf *leaf = &pass->leaf;

	return (struct mime_part){header, body, leaf->fields, leaf->parent,
		depth_below(pass, leaf->parent), leaf->readings};
}

static struct slice header_of_leaf(const struct pass *pass, const char *end)
{
	return slice_make(pass->leaf.header, (size_t)(end - pass->leaf.header));
}

/* --- guesses --- */

static bool is_content_field(const char *at, const char *end)
{
	return end - at > 8 && slice_starts_nocase(slice_make(at, 8), "content-");
}

/* Before the first delimiter of a multipart, a line that looks like one, with a header behind it, is taken for one. */
static bool guess_delimiter(
	struct pass *pass, struct slice line, const char *next, struct mime_delimiter *found)
{
	struct mime_frame *frame = mime_nesting_innermost(&pass->nesting);
	struct slice text = mime_nesting_trim(line);

	if (!frame || frame->is_message || frame->has_delimiter || frame->guesses >= GUESSES ||
		!text.size || !is_content_field(next, pass->end))
		return false;
	frame->guesses++;
	note(pass, MIME_GUESSED_BOUNDARY);
	mime_nesting_know(&pass->nesting, frame->part, text);
	*found = (struct mime_delimiter){text, frame->part, true, false, false};
	return true;
}

/* --- containers --- */

/* Its body is known now. What can be taken for something else than a multipart is there as that, too. */
static void pop(struct pass *pass, const char *end)
{
	struct mime_frame *frame = &pass->nesting.frames[--pass->nesting.depth];
	struct mime_part *part = &pass->mime->parts[frame->part];
	unsigned encodings = part->fields.encodings & ~(unsigned)ENCODING_IDENTITY;

	if (end < part->body.data)
		end = part->body.data;
	part->body.size = (size_t)(end - part->body.data);
	if (!frame->is_message && !frame->has_delimiter)
		note(pass, MIME_MISSING_DELIMITER);
	else if (!frame->is_message && !frame->is_ended)
		note(pass, MIME_MISSING_END);
	if (encodings || (!frame->is_message && (part->fields.is_other || !frame->has_delimiter)))
		add_otherwise(pass, *part, part->body.data, end);
}

static void begin_multipart(struct pass *pass, int part, bool is_pushed, const char *at)
{
	const struct mime_field_readings boundaries = pass->mime->parts[part].fields.boundaries;

	if (!boundaries.count)
		note(pass, MIME_MISSING_BOUNDARY);
	for (unsigned i = 0; i < boundaries.count; i++)
		mime_nesting_know(&pass->nesting, part, slice_of(boundaries.texts[i]));
	if (is_pushed)
		open_leaf(pass, part, MIME_PREAMBLE, at);
}

/* The header is read; whatever it says the body is begins here. Without a body only its boundaries matter. */
static bool begin_container(struct pass *pass, struct slice header, const char *body, bool has_body)
{
	const struct mime_fields *fields = &pass->leaf.fields;
	struct mime_part part = part_of_leaf(pass, header, slice_make(body, 0));
	bool is_multipart = fields->is_multipart;
	int index;

	if (fields->encodings != ENCODING_IDENTITY && (is_multipart || fields->is_message))
		note(pass, MIME_ENCODED_CONTAINER);
	if (!is_multipart &&
		!(fields->is_message && fields->encodings & ENCODING_IDENTITY && has_body))
		return false;
	if (has_body && pass->nesting.depth == MIME_DEPTH_MAXIMUM) {
		note(pass, MIME_TOO_DEEP);
		pass->leaf.is_unopened = true;
		return false;
	}
	part.readings |= MIME_CONTAINER;
	index = add_part(pass, &part);
	if (has_body && !mime_nesting_push(&pass->nesting, index, !is_multipart))
		return false;
	if (is_multipart)
		begin_multipart(pass, index, has_body, body);
	else
		open_leaf(pass, index, 0, body);
	return true;
}

/* --- headers --- */

/* Some programs pass over empty lines before a header; so a header that stands behind the empty line is read as one as well. */
static void add_late_header(struct pass *pass, const char *body, const char *end)
{
	const char *at = body, *limit = end - body > LATE_HEADER ? body + LATE_HEADER : end;
	struct mime_part part = part_of_leaf(pass, slice_make(body, 0), slice_make(body, 0));

	while (at < limit && (unsigned char)*at <= ' ')
		at++;
	if (!is_content_field(at, end))
		return;
	note(pass, MIME_FIELD_AFTER_HEADER);
	for (const char *line = at; line < limit;) {
		const char *next = memchr(line, '\n', (size_t)(limit - line));
		if (!next)
			return;
		if (is_blank(slice_make(line, (size_t)(next - line)))) {
			part.header = slice_make(at, (size_t)(line - at));
			mime_field_read(pass->mime, pass->charsets, part.header, &part.fields);
			add_otherwise(pass, part, next + 1, end);
			return;
		}
		line = next + 1;
	}
}

static void read_header(struct pass *pass, const char *end)
{
	struct leaf *leaf = &pass->leaf;
	struct slice header = header_of_leaf(pass, end);

	if (leaf->limit) {
		note(pass, MIME_HEADER_TOO_LARGE);
		header.size = (size_t)(leaf->limit - leaf->header);
	}
	mime_field_read(pass->mime, pass->charsets, header, &leaf->fields);
	pass->mime->anomalies |= leaf->fields.anomalies;
	if (leaf->fields.doubtful_end != SIZE_MAX)
		leaf->doubtful = leaf->header + leaf->fields.doubtful_end;
}

/* At the empty line. */
static void end_header(struct pass *pass, const char *line, const char *next)
{
	read_header(pass, line);
	pass->leaf.header_end = line;
	pass->leaf.body = next;
	begin_container(pass, header_of_leaf(pass, line), next, true);
}

static void count_header_line(struct pass *pass, const char *next)
{
	struct leaf *leaf = &pass->leaf;
	bool is_over = ++leaf->header_lines > MIME_LINES_MAXIMUM ||
		next - leaf->header > MIME_HEADER_MAXIMUM;

	if (is_over && !leaf->limit)
		leaf->limit = pass->at;
}

/* --- the end of leaves --- */

static void add_leaf(struct pass *pass, const char *end, struct slice header, bool had_header)
{
	struct leaf *leaf = &pass->leaf;
	struct mime_part part =
		part_of_leaf(pass, header, slice_make(leaf->body, (size_t)(end - leaf->body)));
	bool is_named = leaf->fields.types.count || leaf->fields.disposition;

	if (leaf->is_unopened)
		part.readings |= MIME_UNOPENED;
	if (leaf->readings & (MIME_PREAMBLE | MIME_EPILOGUE) && is_blank(part.body))
		return;
	if (leaf->readings & MIME_EPILOGUE)
		note(pass, MIME_TEXT_AFTER_END);
	add_part(pass, &part);
	if (leaf->doubtful && leaf->doubtful < end)
		add_otherwise(pass, part, leaf->doubtful, end);
	if (had_header && !is_named && leaf->parent != MIME_NESTING_NONE && !leaf->readings)
		add_late_header(pass, leaf->body, end);
}

/* Ends what is being read at a line; is_certain: nobody would read on. */
static void close_leaf(struct pass *pass, const char *end, bool is_certain)
{
	struct leaf *leaf = &pass->leaf;
	bool had_header = leaf->body != NULL;
	size_t count = pass->mime->count;

	if (end < leaf->header)
		end = leaf->header;
	if (!had_header) {
		if (end > leaf->header)
			note(pass, MIME_HEADER_WITHOUT_END);
		read_header(pass, end);
		leaf->header_end = leaf->body = end;
		if (begin_container(pass, header_of_leaf(pass, end), end, false))
			return;
	}
	if (end < leaf->body)
		end = leaf->body;
	add_leaf(pass, end, header_of_leaf(pass, leaf->header_end), had_header);
	if (is_certain || leaf->readings || pass->mime->count == count)
		return;
	for (unsigned i = 0; i < pass->nesting.boundary_count; i++) {
		struct mime_boundary *boundary = &pass->nesting.boundaries[i];
		if (boundary->pending == MIME_NESTING_NONE &&
			boundary->text.data == leaf->opener.data)
			boundary->pending = (int)count;
	}
}

/* Leaves that ended doubtfully go on up to here for those who know this boundary alone; without one: all of them. */
static void end_pending(struct pass *pass, const struct slice *text, const char *end)
{
	for (unsigned i = 0; i < pass->nesting.boundary_count; i++) {
		struct mime_boundary *boundary = &pass->nesting.boundaries[i];
		struct mime_part part;
		if (boundary->pending == MIME_NESTING_NONE ||
			(text && !bytes_are_same(boundary->text, *text)))
			continue;
		part = pass->mime->parts[boundary->pending];
		boundary->pending = MIME_NESTING_NONE;
		if (part.body.data + part.body.size < end)
			add_otherwise(pass, part, part.body.data, end);
	}
}

/* --- delimiters --- */

/* The line end before a delimiter belongs to it. */
static const char *content_end(const struct pass *pass, const char *line)
{
	if (line > pass->start && line[-1] == '\n')
		line--;
	if (line > pass->start && line[-1] == '\r')
		line--;
	return line;
}

static void note_delimiter(struct pass *pass, const struct mime_delimiter *delimiter,
	struct slice line, const struct mime_frame *frame)
{
	if (!delimiter->is_exact)
		note(pass, MIME_BOUNDARY_PREFIX);
	else if (line.size != delimiter->text.size + (delimiter->is_final ? 2 : 0))
		note(pass, MIME_BLANK_AFTER_DELIMITER);
	if (delimiter->is_odd)
		note(pass, MIME_ODD_DELIMITER);
	if (!frame || !pass->leaf.body)
		note(pass, MIME_BOUNDARY_MISPLACED);
	if (frame && frame->is_ended)
		note(pass, MIME_PART_AFTER_END);
}

static void take_delimiter(struct pass *pass, const struct mime_delimiter *delimiter,
	struct slice line, const char *at, const char *next)
{
	struct mime_frame *frame = mime_nesting_frame(&pass->nesting, delimiter->part);
	const char *end = content_end(pass, at);
	const struct leaf *leaf = &pass->leaf;
	bool is_certain = delimiter->is_exact && !delimiter->is_odd &&
		bytes_are_same(delimiter->text, leaf->opener);

	note_delimiter(pass, delimiter, line, frame);
	close_leaf(pass, end, is_certain);
	if (delimiter->is_exact && !delimiter->is_odd)
		end_pending(pass, &delimiter->text, end);
	while (frame && pass->nesting.frames[pass->nesting.depth - 1].part != delimiter->part)
		pop(pass, end);
	if (frame) {
		frame->has_delimiter = true;
		frame->is_ended = delimiter->is_final;
	}
	open_leaf(pass, delimiter->part, delimiter->is_final ? MIME_EPILOGUE : 0, next);
	pass->leaf.opener = delimiter->text;
	if (pass->mime->count >= MIME_PARTS_MAXIMUM) {
		note(pass, MIME_TOO_MANY_PARTS);
		pass->is_full = true;
	}
}

/* Whether a delimiter begins at this place of a line. In a header only what is known of boundaries counts, no guess. */
static bool try_delimiter(
	struct pass *pass, const char *at, const char *line_end, const char *next, bool is_odd)
{
	struct slice line = slice_make(at, (size_t)(line_end - at));
	struct mime_delimiter delimiter;
	const char *cr = memchr(at, '\r', line.size);

	if (line.size < 2 || line.data[0] != '-' || line.data[1] != '-')
		return false;
	line = slice_from(line, 2);
	if (cr)
		line.size = (size_t)(cr - line.data);
	if (!mime_nesting_find(&pass->nesting, line, &delimiter) &&
		!(pass->leaf.readings & MIME_PREAMBLE &&
			guess_delimiter(pass, line, next, &delimiter)))
		return false;
	delimiter.is_odd = is_odd;
	take_delimiter(pass, &delimiter, line, at, next);
	return true;
}

/* Behind bare CRs, and behind blanks at the front of a line. */
static bool try_odd_delimiters(struct pass *pass, const char *line_end, const char *next)
{
	const char *at = pass->at;
	bool has_blanks = false;

	while (at < line_end && (unsigned char)*at <= ' ') {
		at++;
		has_blanks = true;
	}
	if (has_blanks && at < line_end && *at == '-' &&
		try_delimiter(pass, at, line_end, next, true))
		return true;
	while ((at = memchr(at, '\r', (size_t)(line_end - at)))) {
		note(pass, MIME_BARE_CR);
		at++;
		if (try_delimiter(pass, at, line_end, next, true))
			return true;
	}
	return false;
}

/* --- lines --- */

static bool take_body_line(struct pass *pass, const char *line_end, const char *next)
{
	const char *at = pass->at;

	if (at == line_end)
		return false;
	if (*at == '-' && try_delimiter(pass, at, line_end, next, false))
		return true;
	if ((unsigned char)*at <= ' ' || memchr(at, '\r', (size_t)(line_end - at)))
		return try_odd_delimiters(pass, line_end, next);
	return false;
}

/* A header of a multipart that goes on with the first delimiter, instead of an empty line. */
static void try_missing_end(struct pass *pass, const char *line_end)
{
	struct leaf *leaf = &pass->leaf;
	struct slice line = slice_make(pass->at, (size_t)(line_end - pass->at));
	struct mime_fields fields;

	if (line.size < 3 || line.data[0] != '-' || line.data[1] != '-' || leaf->limit ||
		leaf->tries++ >= HEADER_TRIES)
		return;
	line = slice_from(line, 2);
	mime_field_read(pass->mime, pass->charsets, header_of_leaf(pass, pass->at), &fields);
	for (unsigned i = 0; fields.is_multipart && i < fields.boundaries.count; i++) {
		if (!bytes_begin(line, slice_of(fields.boundaries.texts[i])))
			continue;
		note(pass, MIME_HEADER_WITHOUT_END);
		end_header(pass, pass->at, pass->at);
		return;
	}
}

/* A message that has lost its header begins with a delimiter: what stands behind the next one like it is a part, too. */
static bool guess_from_first_line(struct pass *pass, const char *line_end, const char *next)
{
	struct slice line = slice_make(pass->at, (size_t)(line_end - pass->at)), text;

	if (pass->at != pass->start || line.size < 2 || line.data[0] != '-' || line.data[1] != '-')
		return false;
	text = mime_nesting_trim(slice_from(line, 2));
	if (!text.size || !is_content_field(next, pass->end))
		return false;
	note(pass, MIME_GUESSED_BOUNDARY);
	mime_nesting_know(&pass->nesting, MIME_NESTING_NONE, text);
	pass->leaf.opener = text;
	return true;
}

static void take_line(struct pass *pass, const char *line_end, const char *next)
{
	bool is_header = pass->leaf.body == NULL;

	pass->mime->steps++;
	if (is_header && guess_from_first_line(pass, line_end, next))
		return;
	if (is_header) {
		count_header_line(pass, next);
		try_missing_end(pass, line_end);
	}
	if (is_header && line_end == pass->at)
		end_header(pass, pass->at, next);
	else if (pass->nesting.boundary_count || pass->nesting.depth)
		take_body_line(pass, line_end, next);
	else if (memchr(pass->at, '\r', (size_t)(line_end - pass->at)))
		note(pass, MIME_BARE_CR);
}

static void read_lines(struct pass *pass)
{
	while (pass->at < pass->end && !pass->is_full) {
		const char *lf = memchr(pass->at, '\n', (size_t)(pass->end - pass->at));
		const char *next = lf ? lf + 1 : pass->end, *line_end = lf ? lf : pass->end;
		if (lf && lf > pass->at && lf[-1] == '\r')
			line_end--;
		take_line(pass, line_end, next);
		pass->at = next;
	}
}

static void finish(struct pass *pass)
{
	close_leaf(pass, pass->end, true);
	while (pass->nesting.depth)
		pop(pass, pass->end);
	end_pending(pass, NULL, pass->end);
}

static struct pass *begin(const void *parent, struct charset_set *charsets, struct slice bytes)
{
	struct mime *mime = talloc_zero(parent, struct mime);
	struct pass *pass = talloc(NULL, struct pass);

	*pass = (struct pass){.mime = mime,
		.charsets = charsets,
		.start = bytes.data,
		.at = bytes.data,
		.end = bytes.data + bytes.size};
	if (memchr(bytes.data, '\0', bytes.size))
		note(pass, MIME_NUL);
	open_leaf(pass, MIME_NESTING_NONE, 0, bytes.data);
	return pass;
}

static struct mime *end(struct pass *pass)
{
	struct mime *mime = pass->mime;

	read_lines(pass);
	finish(pass);
	mime->anomalies |= pass->nesting.anomalies;
	mime->steps += pass->nesting.steps;
	talloc_free(pass);
	return mime;
}

struct mime *mime_parse(const void *parent, struct charset_set *charsets, struct slice message)
{
	return end(begin(parent, charsets, message));
}

struct mime *mime_parse_body(const void *parent, struct charset_set *charsets,
	const struct mime_part *multipart, struct slice body)
{
	struct pass *pass = begin(parent, charsets, body);
	struct mime_part part = *multipart;
	int index;

	part.parent = MIME_NESTING_NONE;
	part.depth = 0;
	part.body = body;
	part.readings = MIME_CONTAINER;
	part.fields.encodings = ENCODING_IDENTITY;
	part.fields.is_other = false;
	index = add_part(pass, &part);
	mime_nesting_push(&pass->nesting, index, false);
	begin_multipart(pass, index, true, body.data);
	return end(pass);
}
