/* SPDX-License-Identifier: Apache-2.0 */
/* The message as DATA brings it: RFC 5321 §4.1.1.4, §4.5.2, and BDAT: RFC 3030. Whole clean lines go fast; whatever is odd goes byte by byte. */
#include "proxy/body.h"

#define LONG_LINE 998 /* RFC 5321 §4.5.3.1.6, without CRLF */

static void keep(struct body *body, struct slice bytes)
{
	if (body->too_large || body->spool_full)
		return;
	if (message_size(body->message) + (int64_t)bytes.size > body->maximum)
		body->too_large = true;
	else if (message_add(body->message, bytes) == MESSAGE_SPOOL_FULL)
		body->spool_full = true;
}

static void begin_line(struct body *body, enum line_end begun_by)
{
	if (body->length > LONG_LINE)
		message_note(body->message, ANOMALY_LONG_LINE);
	body->begun_by = begun_by;
	body->length = 0;
	body->after_cr = false;
	body->dot_held = false;
	body->unstuffed = false;
	body->nul = false;
	body->content = LINE_EMPTY;
}

void body_init(struct body *body, struct message *message, int64_t maximum, bool trusted)
{
	*body = (struct body){.message = message, .maximum = maximum, .trusted = trusted};
	begin_line(body, END_BY_CRLF);
}

/* --- byte by byte --- */

static void keep_dot(struct body *body)
{
	message_note_dot_line(body->message);
	keep(body, slice_of("."));
	body->dot_held = false;
}

static enum body_outcome end_line(struct body *body, enum line_end by)
{
	bool would_be_end = body->content == LINE_DOT || body->content == LINE_DOT_NUL_DOT;

	if (by == END_BY_LF)
		message_note(body->message, ANOMALY_BARE_LF);
	if (by == END_BY_CR)
		message_note(body->message, ANOMALY_BARE_CR);
	if (would_be_end && by == END_BY_CRLF && body->begun_by == END_BY_CRLF && !body->nul)
		return BODY_COMPLETE;
	if (would_be_end && !body->trusted)
		return BODY_WOULD_BE_END;
	if (body->dot_held)
		keep_dot(body);
	keep(body, slice_of("\r\n"));
	begin_line(body, by);
	return BODY_MORE;
}

static enum line_content content_with(const struct body *body, char byte)
{
	if (byte == '.' && body->content == LINE_EMPTY)
		return LINE_DOT;
	if (byte == '.' && body->content == LINE_DOT && body->unstuffed)
		return LINE_DOT_NUL_DOT;
	return LINE_TEXT;
}

/* What to do with the held dot when the next byte comes. Behind CRLF it was stuffed; behind a bare LF or CR it was nobody's. */
static void release_dot(struct body *body, char next)
{
	if (body->begun_by != END_BY_CRLF) {
		keep_dot(body);
		return;
	}
	if (next == '.')
		message_note_dot_line(body->message);
	body->dot_held = false;
	body->unstuffed = true;
	body->length--;
}

/* A byte that is neither CR nor LF. */
static void take_text(struct body *body, const char *byte)
{
	bool first = body->length++ == 0;

	if (*byte == '\0') {
		body->nul = true;
		message_note(body->message, ANOMALY_NUL);
	} else {
		body->content = content_with(body, *byte);
	}
	if (first && *byte == '.') {
		body->dot_held = true;
		return;
	}
	if (body->dot_held)
		release_dot(body, *byte);
	keep(body, slice_make(byte, 1));
}

static enum body_outcome take_byte(struct body *body, const char *byte, bool *line_ended)
{
	enum body_outcome outcome = BODY_MORE;

	if (body->after_cr) {
		body->after_cr = false;
		*line_ended = true;
		if (*byte == '\n')
			return end_line(body, END_BY_CRLF);
		outcome = end_line(body, END_BY_CR);
		if (outcome != BODY_MORE)
			return outcome;
	}
	if (*byte == '\r') {
		body->after_cr = true;
	} else if (*byte == '\n') {
		*line_ended = true;
		outcome = end_line(body, END_BY_LF);
	} else {
		take_text(body, byte);
	}
	return outcome;
}

/* Takes all of it, or one line of it. */
static enum body_outcome take_bytes(
	struct body *body, struct slice bytes, bool one_line, size_t *taken)
{
	bool line_ended = false;
	enum body_outcome outcome = BODY_MORE;

	for (*taken = 0; *taken < bytes.size && outcome == BODY_MORE && !(one_line && line_ended);)
		outcome = take_byte(body, bytes.data + (*taken)++, &line_ended);
	return outcome;
}

/* --- whole lines --- */

typedef uint8_t lanes __attribute__((vector_size(16)));

/* How many times a byte occurs, sixteen at a time. */
static size_t count_byte(struct slice bytes, char wanted)
{
	size_t count = 0;

	while (bytes.size >= sizeof(lanes)) {
		lanes sums = {0};
		size_t rounds = bytes.size / sizeof(lanes);
		if (rounds > 255)
			rounds = 255;
		for (size_t i = 0; i < rounds; i++) {
			lanes chunk;
			memcpy(&chunk, bytes.data + i * sizeof chunk, sizeof chunk);
			sums -= (lanes)(chunk == (uint8_t)wanted);
		}
		for (size_t i = 0; i < sizeof sums; i++)
			count += sums[i];
		bytes = slice_from(bytes, rounds * sizeof(lanes));
	}
	for (size_t i = 0; i < bytes.size; i++)
		count += bytes.data[i] == wanted;
	return count;
}

/* Lines that end by CRLF, if no CR and no NUL is inside. */
struct run {
	size_t size;
	size_t lines;
	bool has_long;
};

/* Those at the front, up to the first that begins with a dot. */
static struct run find_whole_lines(struct slice bytes)
{
	const char *line = bytes.data, *end = bytes.data + bytes.size;
	struct run run = {0};

	while (line < end && *line != '.') {
		const char *lf = memchr(line, '\n', (size_t)(end - line));
		if (!lf || lf == line || lf[-1] != '\r')
			break;
		run.has_long |= lf - line > LONG_LINE + 1;
		run.lines++;
		line = lf + 1;
	}
	run.size = (size_t)(line - bytes.data);
	return run;
}

/* Takes lines off the front that end by CRLF and do not begin with a dot. Those with a CR or NUL inside go byte by byte, but all at
 * once: nothing is looked at again and again. */
static enum body_outcome take_whole_lines(struct body *body, struct slice bytes, size_t *taken)
{
	*taken = 0;
	if (body->length || body->after_cr || body->begun_by != END_BY_CRLF)
		return BODY_MORE;
	struct run run = find_whole_lines(bytes);
	struct slice whole = slice_make(bytes.data, run.size);
	if (count_byte(whole, '\r') != run.lines || slice_find(whole, '\0') != SIZE_MAX)
		return take_bytes(body, whole, false, taken);
	if (run.has_long)
		message_note(body->message, ANOMALY_LONG_LINE);
	keep(body, whole);
	*taken = whole.size;
	return BODY_MORE;
}

/* The inside of a line, up to its CR or LF: for lines longer than what is read at once. */
static size_t take_inside(struct body *body, struct slice bytes)
{
	if (body->content != LINE_TEXT || body->after_cr || body->dot_held)
		return 0;
	for (size_t i = 0; i < 3; i++) {
		size_t at = slice_find(bytes, "\r\n\0"[i]);
		if (at != SIZE_MAX)
			bytes.size = at;
	}
	keep(body, bytes);
	body->length += (uint32_t)bytes.size;
	return bytes.size;
}

enum body_outcome body_take(struct body *body, struct slice bytes, size_t *taken)
{
	enum body_outcome outcome = BODY_MORE;

	*taken = 0;
	while (*taken < bytes.size && outcome == BODY_MORE) {
		struct slice rest = slice_from(bytes, *taken);
		size_t size;
		outcome = take_whole_lines(body, rest, &size);
		if (size == 0)
			size = take_inside(body, rest);
		if (size == 0)
			outcome = take_bytes(body, rest, true, &size);
		*taken += size;
	}
	body->size += (int64_t)*taken;
	return outcome;
}

/* --- chunks --- */

static void note_line_begin(struct body *body, char first)
{
	if (first == '.')
		message_note_dot_line(body->message);
}

static void note_lines(struct body *body, struct slice bytes)
{
	while (bytes.size) {
		if (body->length == 0)
			note_line_begin(body, bytes.data[0]);
		size_t lf = slice_find(bytes, '\n');
		if (lf == SIZE_MAX) {
			body->length += (uint32_t)bytes.size;
			body->after_cr = bytes.data[bytes.size - 1] == '\r';
			return;
		}
		bool is_pair = lf ? bytes.data[lf - 1] == '\r' : body->after_cr;
		body->pairs += is_pair;
		body->line_feeds++;
		body->length += (uint32_t)lf - is_pair;
		begin_line(body, END_BY_CRLF);
		bytes = slice_from(bytes, lf + 1);
	}
}

void body_take_chunk(struct body *body, struct slice bytes)
{
	keep(body, bytes);
	note_lines(body, bytes);
	body->carriage_returns += count_byte(bytes, '\r');
	if (slice_find(bytes, '\0') != SIZE_MAX)
		message_note(body->message, ANOMALY_NUL);
	body->size += (int64_t)bytes.size;
}

void body_end_chunks(struct body *body)
{
	begin_line(body, END_BY_CRLF);
	if (body->line_feeds > body->pairs)
		message_note(body->message, ANOMALY_BARE_LF);
	if (body->carriage_returns > body->pairs)
		message_note(body->message, ANOMALY_BARE_CR);
}
