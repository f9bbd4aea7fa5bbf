/* SPDX-License-Identifier: Apache-2.0 */
/* Transfer encodings: RFC 2045 §6.7, §6.8; uuencode as POSIX has it. */
#include "policy/content/decode.h"

#include "base/bulk.h"
#include "policy/content/binhex.h"
#include "policy/content/mime_anomaly.h"

#include <talloc.h>

#define INVALID 64
#define BLANK 65
#define PADDING 66

/* The value of each character of base64, or what it is instead. */
/* clang-format off */
static const unsigned char values[256] = {
	64, 64, 64, 64, 64, 64, 64, 64, 64, 65, 65, 65, 65, 65, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	65, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64, 64, 63,
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 66, 64, 64,
	64,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 64,
	64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
	41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64};
/* clang-format on */

static void note(uint64_t *anomalies, enum mime_anomaly anomaly)
{
	*anomalies |= mime_anomaly_bit(anomaly);
}

static unsigned value_of(char c)
{
	return values[(unsigned char)c];
}

/* --- base64 --- */

/* Ways to read what is no good base64. */
enum way { WAY_GROUPS, WAY_SKIP_PADDING, WAY_FOURS, WAY_STOP, WAY_HIDE, WAY_LINES };

static const struct {
	enum way way;
	uint64_t needed; /* one of these was noted */
} other_ways[] = {
	{WAY_SKIP_PADDING, UINT64_C(1) << MIME_BASE64_PADDING},
	{WAY_FOURS, UINT64_C(1) << MIME_BASE64_PADDING},
	{WAY_STOP, UINT64_C(1) << MIME_BASE64_PADDING},
	{WAY_LINES, UINT64_C(1) << MIME_BASE64_PADDING | UINT64_C(1) << MIME_BASE64_JUNK},
	{WAY_HIDE, UINT64_C(1) << MIME_BASE64_JUNK},
};

struct group {
	const char *at, *end;
	char *out;
	uint32_t bits;
	unsigned count;    /* characters in bits */
	unsigned places;   /* of the four, padding counted: for WAY_FOURS */
	unsigned pads;     /* since the last character of its own */
	unsigned expected; /* of them */
	uint64_t anomalies;
};

/* As many whole fours as there are; most of all mail goes through here. */
static void take_fours(struct group *group)
{
	const unsigned char *at = (const unsigned char *)group->at;
	const unsigned char *end = (const unsigned char *)group->end;
	char *out = group->out;

	while (end - at >= 4) {
		unsigned a = values[at[0]], b = values[at[1]], c = values[at[2]], d = values[at[3]];
		uint32_t bits = a << 18 | b << 12 | c << 6 | d;
		if ((a | b | c | d) >= INVALID)
			break;
		out[0] = (char)(bits >> 16);
		out[1] = (char)(bits >> 8);
		out[2] = (char)bits;
		out += 3;
		at += 4;
	}
	group->at = (const char *)at;
	group->out = out;
}

/* What is in a group so far; a single character is no byte. */
static void end_group(struct group *group)
{
	if (group->count > 1)
		*group->out++ = (char)(group->bits >> (group->count * 6 - 8));
	if (group->count > 2)
		*group->out++ = (char)(group->bits >> (group->count * 6 - 16));
	if (group->count > 3)
		*group->out++ = (char)group->bits;
	group->bits = 0;
	group->count = group->places = 0;
}

static void take_value(struct group *group, unsigned value, enum way way)
{
	if (group->pads)
		note(&group->anomalies, MIME_BASE64_PADDING);
	group->pads = 0;
	group->bits = group->bits << 6 | value;
	group->count++;
	group->places++;
	if ((way == WAY_FOURS ? group->places : group->count) == 4)
		end_group(group);
}

/* False: this was the end. */
static bool take_padding(struct group *group, enum way way)
{
	if (way == WAY_SKIP_PADDING)
		return true;
	if (way == WAY_FOURS) {
		if (++group->places == 4)
			end_group(group);
		return true;
	}
	if (!group->pads) {
		group->expected = group->count ? 4 - group->count : 0;
		end_group(group);
	}
	group->pads++;
	if (group->pads > group->expected || group->expected > 2)
		note(&group->anomalies, MIME_BASE64_PADDING);
	return way != WAY_STOP;
}

static void skip_line(struct group *group)
{
	const char *line_end = memchr(group->at, '\n', (size_t)(group->end - group->at));

	group->at = line_end ? line_end : group->end;
}

/* One character that is not among whole fours. */
static bool take_character(struct group *group, enum way way)
{
	char c = *group->at++;
	unsigned value = value_of(c);

	if (value < INVALID) {
		take_value(group, value, way);
	} else if (value == PADDING) {
		return take_padding(group, way);
	} else if (value == INVALID) {
		note(&group->anomalies, MIME_BASE64_JUNK);
		if (way == WAY_HIDE)
			skip_line(group);
	} else if (c == '\n' && way == WAY_LINES) {
		end_group(group);
		group->pads = 0;
	}
	return true;
}

static struct slice decode_base64(
	const void *parent, struct slice bytes, enum way way, uint64_t *anomalies)
{
	char *out = bulk_new(parent, bytes.size / 4 * 3 + 4);
	struct group group = {.at = bytes.data, .end = bytes.data + bytes.size, .out = out};

	while (group.at < group.end) {
		if (!group.places && !group.pads)
			take_fours(&group);
		if (group.at < group.end && !take_character(&group, way))
			break;
	}
	if (group.count || (group.pads && group.pads < group.expected))
		note(&group.anomalies, MIME_BASE64_PADDING);
	end_group(&group);
	*anomalies |= group.anomalies;
	return slice_make(out, (size_t)(group.out - out));
}

/* --- quoted-printable --- */

static int digit(char c, bool takes_small)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return takes_small && c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind "=": the size of blanks and line end when the line goes on, else 0. */
static size_t soft_break(struct slice rest)
{
	size_t blanks = 0;

	while (blanks < rest.size && (rest.data[blanks] == ' ' || rest.data[blanks] == '\t'))
		blanks++;
	if (blanks == rest.size)
		return blanks;
	if (rest.data[blanks] == '\n')
		return blanks + 1;
	return rest.data[blanks] == '\r' && blanks + 1 < rest.size && rest.data[blanks + 1] == '\n'
		? blanks + 2
		: 0;
}

/* Takes what "=" begins off the front of *rest. */
static void take_escape(struct slice *rest, char **out, bool is_strict, uint64_t *anomalies)
{
	size_t size = soft_break(slice_from(*rest, 1));
	int high = rest->size > 2 ? digit(rest->data[1], !is_strict) : -1;
	int low = rest->size > 2 ? digit(rest->data[2], !is_strict) : -1;

	if (size || rest->size == 1) {
		*rest = slice_from(*rest, 1 + size);
		return;
	}
	if (high >= 0 && low >= 0) {
		if ((rest->data[1] | rest->data[2]) & 0x20 &&
			(rest->data[1] >= 'a' || rest->data[2] >= 'a'))
			note(anomalies, MIME_QUOTED_LOWERCASE);
		*(*out)++ = (char)(high << 4 | low);
		*rest = slice_from(*rest, 3);
		return;
	}
	note(anomalies, MIME_QUOTED_JUNK);
	if (!is_strict)
		*(*out)++ = '=';
	size = is_strict && rest->data[1] != '=' &&
		strchr("0123456789abcdef \t", rest->data[1] | 0x20);
	*rest = slice_from(*rest, 1 + size);
}

static struct slice decode_quoted(
	const void *parent, struct slice bytes, bool is_strict, uint64_t *anomalies)
{
	char *start = bulk_new(parent, bytes.size + 1), *out = start;

	while (bytes.size) {
		const char *equals = memchr(bytes.data, '=', bytes.size);
		size_t plain = equals ? (size_t)(equals - bytes.data) : bytes.size;
		memcpy(out, bytes.data, plain);
		out += plain;
		bytes = slice_from(bytes, plain);
		if (equals)
			take_escape(&bytes, &out, is_strict, anomalies);
	}
	return slice_make(start, (size_t)(out - start));
}

/* --- uuencode --- */

static struct slice cut_line(struct slice *rest)
{
	struct slice line = slice_cut(rest, '\n');

	while (line.size && (line.data[line.size - 1] == '\r' || line.data[line.size - 1] == ' '))
		line.size--;
	return line;
}

struct begin {
	struct slice name;
	bool is_sure; /* a whole mode, or the name of a file: else what follows must look like uuencode without a doubt */
};

static size_t span(struct slice s, const char *characters)
{
	size_t size = 0;

	while (size < s.size && s.data[size] && strchr(characters, s.data[size]))
		size++;
	return size;
}

static bool is_name_of_file(struct slice name)
{
	size_t dot = slice_find(name, '.');

	return dot != SIZE_MAX && dot + 1 < name.size && slice_find(name, ' ') == SIZE_MAX;
}

/* "begin", a mode of octal digits, a name. With two blanks Outlook needs no mode. */
static bool read_begin(struct slice line, struct begin *begin)
{
	size_t blanks, digits;

	line = slice_from(line, span(line, " \t"));
	if (!slice_starts_nocase(line, "begin"))
		return false;
	line = slice_from(line, 5);
	blanks = span(line, " \t");
	line = slice_from(line, blanks);
	digits = span(line, "01234567");
	*begin = (struct begin){.name = slice_trim(slice_from(line, digits))};
	begin->is_sure = digits >= 3 || is_name_of_file(begin->name);
	if (digits)
		return blanks > 0;
	return blanks > 1 && begin->name.size > 0;
}

static bool is_begin(struct slice line)
{
	struct begin begin;

	return read_begin(line, &begin);
}

/* Characters that are missing at the end of a line are blanks that were lost. */
static unsigned uu_value(struct slice line, size_t i)
{
	return i < line.size ? ((unsigned char)line.data[i] - 32U) & 63 : 0;
}

/* The size of a line of so many bytes. */
static size_t uu_size(size_t count)
{
	return 1 + (count + 2) / 3 * 4;
}

/* Whether nothing is missing in it; what stands behind is passed over by those who decode. */
static bool is_whole_uu_line(struct slice line)
{
	size_t size = line.size ? uu_size(uu_value(line, 0)) : 0;

	if (size <= 1 || line.size < size)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (line.data[i] < ' ' || line.data[i] > '`')
			return false;
	}
	return true;
}

/* Whether it can be a line of uuencode: its first character says how many bytes are in it. */
static bool is_uu_line(struct slice line)
{
	return line.size && line.data[0] >= ' ' && line.data[0] <= '`' &&
		(line.size <= uu_size(uu_value(line, 0)) + 2 || is_whole_uu_line(line));
}

static char *uu_line(struct slice line, char *out)
{
	size_t count = uu_value(line, 0);

	for (size_t i = 1; count && i < line.size; i += 4) {
		uint32_t bits = uu_value(line, i) << 18 | uu_value(line, i + 1) << 12 |
			uu_value(line, i + 2) << 6 | uu_value(line, i + 3);
		for (unsigned shift = 16; count; shift -= 8) {
			*out++ = (char)(bits >> shift);
			count--;
			if (!shift)
				break;
		}
	}
	return out;
}

static struct slice decode_uuencode(const void *parent, struct slice bytes, uint64_t *anomalies)
{
	char *start = bulk_new(parent, bytes.size + 4), *out = start;

	note(anomalies, MIME_UUENCODE);
	while (bytes.size) {
		struct slice line = cut_line(&bytes);
		if (is_begin(line))
			out = start;
		else if (slice_equals(line, "end"))
			break;
		else if (is_uu_line(line))
			out = uu_line(line, out);
	}
	return slice_make(start, (size_t)(out - start));
}

/* --- yEnc --- */

static struct slice decode_yenc(const void *parent, struct slice bytes, uint64_t *anomalies)
{
	char *start = bulk_new(parent, bytes.size + 1), *out = start;

	note(anomalies, MIME_YENC);
	while (bytes.size) {
		struct slice line = slice_cut(&bytes, '\n');
		if (slice_starts_nocase(line, "=yend"))
			break;
		if (slice_starts_nocase(line, "=y"))
			continue;
		for (size_t i = 0; i < line.size; i++) {
			unsigned char c = (unsigned char)line.data[i];
			if (c == '\r')
				continue;
			if (c == '=' && i + 1 < line.size)
				c = (unsigned char)(line.data[++i] - 64);
			*out++ = (char)(c - 42);
		}
	}
	return slice_make(start, (size_t)(out - start));
}

/* --- all of them --- */

struct slice decode(
	const void *parent, struct slice bytes, enum encoding encoding, uint64_t *anomalies)
{
	switch (encoding) {
	case ENCODING_BASE64:
		return decode_base64(parent, bytes, WAY_GROUPS, anomalies);
	case ENCODING_QUOTED:
		return decode_quoted(parent, bytes, false, anomalies);
	case ENCODING_UUENCODE:
		return decode_uuencode(parent, bytes, anomalies);
	case ENCODING_YENC:
		return decode_yenc(parent, bytes, anomalies);
	case ENCODING_BINHEX:
		note(anomalies, MIME_BINHEX);
		return binhex_decode(parent, bytes);
	case ENCODING_IDENTITY:
		break;
	}
	return bytes;
}

bool decode_other(const void *parent, struct slice bytes, enum encoding encoding,
	uint64_t anomalies, unsigned nth, struct slice *out)
{
	uint64_t unused = 0;
	uint64_t is_odd =
		mime_anomaly_bit(MIME_QUOTED_JUNK) | mime_anomaly_bit(MIME_QUOTED_LOWERCASE);

	if (encoding == ENCODING_QUOTED && anomalies & is_odd && nth == 0) {
		*out = decode_quoted(parent, bytes, true, &unused);
		return true;
	}
	if (encoding != ENCODING_BASE64)
		return false;
	for (size_t i = 0; i < sizeof other_ways / sizeof *other_ways; i++) {
		if (!(other_ways[i].needed & anomalies) || nth--)
			continue;
		*out = decode_base64(parent, bytes, other_ways[i].way, &unused);
		return true;
	}
	return false;
}

/* --- files inside of texts --- */

/* Behind " name=" in a =ybegin line, to its end. */
static struct slice yenc_name(struct slice line)
{
	static const char key[] = " name=";
	const char *found = memmem(line.data, line.size, key, sizeof key - 1);

	if (!found)
		return slice_of("");
	return slice_trim(slice_from(line, (size_t)(found - line.data) + sizeof key - 1));
}

static bool is_end(struct slice line, enum encoding encoding)
{
	if (encoding == ENCODING_YENC)
		return slice_starts_nocase(line, "=yend");
	if (encoding == ENCODING_BINHEX)
		return line.size && line.data[line.size - 1] == ':' && line.size > 1;
	return slice_equals(line, encoding == ENCODING_BASE64 ? "====" : "end");
}

/* Past the line that ends it, or up to the next file, or all the rest; the lines before the one that ends it. */
static struct slice skip_to_end(struct slice *rest, enum encoding encoding)
{
	const char *start = rest->data;

	while (rest->size) {
		struct slice before = *rest, line = cut_line(rest);
		if (is_end(line, encoding))
			return slice_make(start,
				(size_t)((encoding == ENCODING_BINHEX ? rest : &before)->data -
					start));
		if (encoding == ENCODING_UUENCODE && is_begin(line)) {
			*rest = before;
			break;
		}
	}
	return slice_make(start, (size_t)(rest->data - start));
}

/* A text that says "begin 644 x" is none yet: the next line must be one of uuencode's. */
static bool begins_uuencode(struct slice line, struct slice rest, struct slice *name)
{
	struct begin begin;
	struct slice next = slice_of("");

	if (!read_begin(line, &begin))
		return false;
	while (rest.size && !next.size)
		next = cut_line(&rest);
	*name = begin.name;
	return begin.is_sure ? is_uu_line(next) && next.size > 1 : is_whole_uu_line(next);
}

/* POSIX has uuencode in base64, too. */
static bool begins_base64(struct slice line, struct slice *name)
{
	struct slice mode;

	if (!slice_starts_nocase(line, "begin-base64 "))
		return false;
	*name = slice_trim(slice_from(line, 13));
	mode = slice_cut(name, ' ');
	*name = name->size ? slice_trim(*name) : mode;
	return true;
}

/* The line that announces it is often quoted alone. */
static bool begins_binhex(struct slice line, struct slice rest)
{
	struct slice next = slice_of("");

	if (!binhex_is_announced(line))
		return false;
	while (rest.size && !next.size)
		next = cut_line(&rest);
	return next.size > 1 && next.data[0] == ':';
}

bool decode_find(struct slice *rest, struct decode_embedded *found)
{
	while (rest->size) {
		const char *start = rest->data;
		struct slice line = cut_line(rest), lines;
		if (slice_starts_nocase(line, "=ybegin ")) {
			found->encoding = ENCODING_YENC;
			found->name = yenc_name(line);
		} else if (begins_base64(line, &found->name)) {
			found->encoding = ENCODING_BASE64;
			start = rest->data;
		} else if (begins_uuencode(line, *rest, &found->name)) {
			found->encoding = ENCODING_UUENCODE;
		} else if (begins_binhex(line, *rest)) {
			found->encoding = ENCODING_BINHEX;
			found->name = slice_of("");
			start = rest->data;
		} else {
			continue;
		}
		lines = skip_to_end(rest, found->encoding);
		found->lines = slice_make(start, (size_t)(lines.data + lines.size - start));
		return true;
	}
	return false;
}
