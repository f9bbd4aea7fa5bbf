/* SPDX-License-Identifier: Apache-2.0 */
/* PDF: tokens outside of streams, and streams by what stood before them. */
#include "policy/content/pdf.h"

#include "policy/content/bytes.h"
#include "policy/content/inflation.h"

#include <talloc.h>

#define NAME_MOST 64
#define FILE_NAME_MOST 256

/* What names before a stream say of it; bits. */
enum trait {
	TRAIT_FLATE = 1,
	TRAIT_HEX = 2,
	TRAIT_OTHER_FILTER = 4,
	TRAIT_OBJECTS = 8,
	TRAIT_FILE = 16
};

static const struct {
	const char *name;
	uint64_t finding;
	unsigned trait;
} names[] = {
	{"JavaScript", FINDING_JAVASCRIPT, 0},
	{"JS", FINDING_JAVASCRIPT, 0},
	{"OpenAction", FINDING_OPEN_ACTION, 0},
	{"AA", FINDING_OPEN_ACTION, 0},
	{"Launch", FINDING_LAUNCH_ACTION, 0},
	{"EmbeddedFile", FINDING_EMBEDDED_OBJECT, TRAIT_FILE},
	{"EmbeddedFiles", FINDING_EMBEDDED_OBJECT, 0},
	{"RichMedia", FINDING_EMBEDDED_OBJECT, 0},
	{"Encrypt", FINDING_ENCRYPTED, 0},
	{"XFA", FINDING_FORM, 0},
	{"SubmitForm", FINDING_FORM, 0},
	{"ImportData", FINDING_FORM, 0},
	{"GoToR", FINDING_EXTERNAL_LINK, 0},
	{"GoToE", FINDING_EMBEDDED_OBJECT, 0},
	{"ObjStm", 0, TRAIT_OBJECTS},
	{"FlateDecode", 0, TRAIT_FLATE},
	{"Fl", 0, TRAIT_FLATE},
	{"ASCIIHexDecode", 0, TRAIT_HEX},
	{"AHx", 0, TRAIT_HEX},
	{"ASCII85Decode", 0, TRAIT_OTHER_FILTER},
	{"LZWDecode", 0, TRAIT_OTHER_FILTER},
	{"RunLengthDecode", 0, TRAIT_OTHER_FILTER},
	{"Crypt", 0, TRAIT_OTHER_FILTER},
};

struct reader {
	struct unpacked *out;
	struct slice rest;
	bool is_inside;      /* of a stream of objects: no streams there */
	unsigned traits;     /* of the object at hand */
	bool expects_name;   /* a string that follows is a file's name */
	bool expects_target; /* or an address */
	struct slice file_name;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == '\0';
}

static bool is_delimiter(char c)
{
	return is_blank(c) || memchr("()<>[]{}/%", c, 10);
}

static void skip(struct reader *reader, uint64_t size)
{
	reader->rest = bytes_from(reader->rest, size);
}

/* A name without its slash, escapes undone; how many of its letters were escaped though they need not be. */
static unsigned read_name(struct reader *reader, char *name)
{
	size_t used = 0;
	unsigned escaped = 0;

	skip(reader, 1);
	while (reader->rest.size && !is_delimiter(reader->rest.data[0])) {
		int high = slice_hex_digit((char)bytes_8(reader->rest, 1));
		int low = slice_hex_digit((char)bytes_8(reader->rest, 2));
		char c = reader->rest.data[0];
		if (c == '#' && high >= 0 && low >= 0 && reader->rest.size > 2) {
			c = (char)(high << 4 | low);
			escaped += (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
			skip(reader, 2);
		}
		if (used < NAME_MOST)
			name[used++] = c;
		skip(reader, 1);
	}
	name[used] = '\0';
	return escaped;
}

static void take_name(struct reader *reader)
{
	char name[NAME_MOST + 1];
	unsigned escaped = read_name(reader, name);

	reader->expects_name = strcmp(name, "F") == 0 || strcmp(name, "UF") == 0;
	reader->expects_target = strcmp(name, "URI") == 0;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(name, names[i].name) != 0)
			continue;
		reader->out->findings |= names[i].finding;
		reader->traits |= names[i].trait;
		if (escaped)
			reader->out->findings |= FINDING_OBFUSCATED;
	}
}

static void take_string(struct reader *reader, struct slice text)
{
	if (bytes_are(text, 0, "\xfe\xff", 2)) {
		char *swapped = talloc_array(reader->out->parent, char, text.size + 1);
		for (size_t i = 2; i + 1 < text.size; i += 2) {
			swapped[i - 2] = text.data[i + 1];
			swapped[i - 1] = text.data[i];
		}
		text = unpacked_from_utf16(
			reader->out->parent, slice_make(swapped, (text.size - 2) & ~(size_t)1));
	}
	if (reader->expects_target)
		unpacked_point(reader->out, text);
	if (reader->expects_name)
		reader->file_name = text;
	reader->expects_name = reader->expects_target = false;
}

/* Between parentheses, which nest. */
static void read_string(struct reader *reader)
{
	struct slice s = reader->rest;
	size_t at = 1, depth = 1;

	while (at < s.size && depth) {
		if (s.data[at] == '\\')
			at++;
		else if (s.data[at] == '(')
			depth++;
		else if (s.data[at] == ')')
			depth--;
		at++;
	}
	if (at > s.size)
		at = s.size;
	if (at >= 2 && at <= FILE_NAME_MOST * 4)
		take_string(reader, slice_make(s.data + 1, at - 2));
	skip(reader, at);
}

/* Hexadecimal digits up to >, as bytes. */
static struct slice undo_hex(struct reader *reader, struct slice in)
{
	struct output output = output_begin(reader->out->parent, reader->out->budget);
	int half = -1;

	for (size_t i = 0; i < in.size && in.data[i] != '>'; i++) {
		int value = slice_hex_digit(in.data[i]);
		char byte;
		if (value < 0)
			continue;
		if (half < 0) {
			half = value;
			continue;
		}
		byte = (char)(half << 4 | value);
		half = -1;
		if (!output_add(&output, &byte, 1))
			reader->out->findings |= FINDING_OVER_LIMITS;
	}
	return output_slice(&output);
}

/* What the stream is of, filters undone. */
static struct slice decode(struct reader *reader, struct slice raw)
{
	struct output output;
	enum inflation_end end;
	size_t used;

	if (reader->traits & TRAIT_OTHER_FILTER)
		reader->out->findings |= FINDING_UNSUPPORTED;
	if (reader->traits & TRAIT_HEX)
		raw = undo_hex(reader, raw);
	if (!(reader->traits & TRAIT_FLATE))
		return raw;
	output = output_begin(reader->out->parent, reader->out->budget);
	end = inflation_run(raw, INFLATION_ZLIB, &output, &used);
	if (end == INFLATION_CUT)
		reader->out->findings |= FINDING_OVER_LIMITS;
	/* One that was encrypted cannot be inflated, and no reader minds an end that is missing. */
	else if (end == INFLATION_DAMAGED && !(reader->out->findings & FINDING_ENCRYPTED))
		reader->out->findings |= FINDING_DAMAGED;
	return output_slice(&output);
}

static void read_tokens(struct reader *reader);

static void take_objects(struct reader *reader, struct slice stream)
{
	struct reader inside = {.out = reader->out, .rest = stream, .is_inside = true};

	read_tokens(&inside);
}

static void take_stream(struct reader *reader, struct slice raw)
{
	struct slice stream;

	if (!(reader->traits & (TRAIT_OBJECTS | TRAIT_FILE)))
		return;
	stream = decode(reader, raw);
	if (reader->traits & TRAIT_FILE) {
		struct member *member = unpacked_add(reader->out, reader->file_name);
		if (member) {
			member->bytes = stream;
			member->size = stream.size;
		}
		reader->file_name = slice_of("");
	} else {
		take_objects(reader, stream);
	}
}

/* The word stream, a line end, bytes, endstream. */
static void read_stream(struct reader *reader)
{
	size_t end;

	skip(reader, 6);
	if (bytes_are(reader->rest, 0, "\r\n", 2))
		skip(reader, 2);
	else if (bytes_are(reader->rest, 0, "\n", 1) || bytes_are(reader->rest, 0, "\r", 1))
		skip(reader, 1);
	end = bytes_find(reader->rest, 0, "endstream", 9);
	if (end == SIZE_MAX)
		end = reader->rest.size;
	take_stream(reader, bytes_piece(reader->rest, 0, end));
	skip(reader, end + 9);
	reader->traits = 0;
}

static void read_word(struct reader *reader)
{
	if (!reader->is_inside && bytes_are(reader->rest, 0, "stream", 6)) {
		read_stream(reader);
		return;
	}
	if (bytes_are(reader->rest, 0, "endobj", 6) || bytes_are(reader->rest, 0, "obj", 3))
		reader->traits = 0;
	while (reader->rest.size && !is_delimiter(reader->rest.data[0]))
		skip(reader, 1);
}

static void skip_comment(struct reader *reader)
{
	while (reader->rest.size && reader->rest.data[0] != '\n' && reader->rest.data[0] != '\r')
		skip(reader, 1);
}

static void read_tokens(struct reader *reader)
{
	while (reader->rest.size) {
		char c = reader->rest.data[0];
		if (c == '/')
			take_name(reader);
		else if (c == '(')
			read_string(reader);
		else if (c == '%')
			skip_comment(reader);
		else if (is_delimiter(c))
			skip(reader, 1);
		else
			read_word(reader);
	}
}

void pdf_unpack(struct slice bytes, struct unpacked *out)
{
	struct reader reader = {.out = out, .rest = bytes, .file_name = slice_of("")};
	size_t end = bytes_find(bytes, bytes.size > 1024 ? bytes.size - 1024 : 0, "%%EOF", 5);

	if (!bytes_are(bytes, 0, "%PDF-", 5))
		out->findings |= FINDING_PREFIXED;
	if (end == SIZE_MAX)
		out->findings |= FINDING_DAMAGED;
	read_tokens(&reader);
}
