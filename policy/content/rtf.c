/* SPDX-License-Identifier: Apache-2.0 */
/* RTF: groups, control words, and the hexadecimal digits of objects. */
#include "policy/content/rtf.h"

#include "policy/content/bytes.h"
#include "policy/content/output.h"
#include "policy/content/package.h"

#define INSTRUCTION_MOST 64
#define JUNK_FEW 64

struct reader {
	struct unpacked *out;
	struct slice rest;
	unsigned depth;
	unsigned object_depth; /* of the group whose data is read; 0: none */
	bool is_field;         /* an instruction of a field is being read */
	char instruction[INSTRUCTION_MOST];
	size_t instruction_size;
	struct output data;
	int half;    /* a digit that waits for the second; -1: none */
	size_t junk; /* control words and groups between digits */
};

static const struct {
	const char *word;
	uint64_t findings;
} words[] = {
	{"object", FINDING_EMBEDDED_OBJECT},
	{"objdata", FINDING_EMBEDDED_OBJECT},
	{"objocx", FINDING_ACTIVEX},
	{"objupdate", FINDING_OBJECT_UPDATE},
	{"objautlink", FINDING_OBJECT_UPDATE | FINDING_EXTERNAL_TEMPLATE},
	{"objlink", FINDING_EXTERNAL_LINK},
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A number and a text with its size before it, as OLE 1 writes them. */
static struct slice cut_text(struct slice *rest)
{
	uint32_t size = bytes_32(*rest, 0);
	struct slice text = bytes_piece(*rest, 4, size);

	*rest = bytes_from(*rest, 4 + (uint64_t)size);
	return slice_cut(&text, '\0');
}

/* An object of OLE 1 (MS-OLEDS 2.2): class, topic, item, data. */
static void take_object(struct unpacked *out, struct slice data)
{
	struct slice rest = bytes_from(data, 8), class, native;
	uint32_t form = bytes_32(data, 4);

	class = cut_text(&rest);
	unpacked_point(out, cut_text(&rest));
	(void)cut_text(&rest);
	if (slice_starts_nocase(class, "Equation"))
		out->findings |= FINDING_EQUATION;
	if (slice_equals_nocase(class, "htmlfile") || slice_equals_nocase(class, "OLE2Link"))
		out->findings |= FINDING_EXTERNAL_TEMPLATE;
	native = bytes_piece(rest, 4, bytes_32(rest, 0));
	if (form != 2 || native.size == 0) {
		if (data.size)
			(void)unpacked_add_view(out, slice_of(""), data);
		return;
	}
	if (slice_equals_nocase(class, "Package")) {
		/* The package is as in a stream, without its size before it. */
		struct slice whole = bytes_piece(rest, 0, 4 + (uint64_t)native.size);
		package_unpack(whole, out);
	} else {
		(void)unpacked_add_view(out, slice_of(""), native);
	}
}

static void end_object(struct reader *reader)
{
	struct slice data = output_slice(&reader->data);

	reader->object_depth = 0;
	if (reader->data.is_cut)
		reader->out->findings |= FINDING_OVER_LIMITS;
	if (reader->junk > JUNK_FEW)
		reader->out->findings |= FINDING_OBFUSCATED;
	take_object(reader->out, data);
	reader->data = output_begin(reader->out->parent, reader->out->budget);
	reader->half = -1;
	reader->junk = 0;
}

static void end_field(struct reader *reader)
{
	struct slice s = slice_trim(slice_make(reader->instruction, reader->instruction_size));

	if (slice_starts_nocase(s, "DDE"))
		reader->out->findings |= FINDING_DDE;
	if (slice_starts_nocase(s, "INCLUDEPICTURE") || slice_starts_nocase(s, "INCLUDETEXT"))
		reader->out->findings |= FINDING_EXTERNAL_LINK;
	reader->is_field = false;
	reader->instruction_size = 0;
}

static void take_digit(struct reader *reader, char c)
{
	int value = slice_hex_digit(c);
	char byte;

	if (value < 0)
		return;
	if (reader->half < 0) {
		reader->half = value;
		return;
	}
	byte = (char)(reader->half << 4 | value);
	reader->half = -1;
	(void)output_add(&reader->data, &byte, 1);
}

static void skip(struct reader *reader, uint64_t size)
{
	reader->rest = bytes_from(reader->rest, size);
}

/* The text of the group up to its end; most templates are files on the disk of who wrote it. */
static void take_template(struct reader *reader)
{
	struct slice text = bytes_piece(reader->rest, 0, UNPACKED_NAME_SIZE);

	text = slice_trim(slice_cut(&text, '}'));
	if (bytes_find(text, 0, "://", 3) == SIZE_MAX && !bytes_are(text, 0, "\\\\\\\\", 4))
		return;
	unpacked_point(reader->out, text);
	reader->out->findings |= FINDING_EXTERNAL_TEMPLATE;
}

static void begin_object(struct reader *reader)
{
	if (reader->object_depth)
		end_object(reader);
	reader->object_depth = reader->depth ? reader->depth : 1;
}

static void take_word(struct reader *reader, struct slice word, uint64_t number)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (slice_equals(word, words[i].word))
			reader->out->findings |= words[i].findings;
	}
	if (slice_equals(word, "objdata"))
		begin_object(reader);
	else if (slice_equals(word, "template"))
		take_template(reader);
	else if (slice_equals(word, "fldinst"))
		reader->is_field = true;
	else if (slice_equals(word, "bin")) {
		if (reader->object_depth)
			(void)output_add(&reader->data, reader->rest.data,
				number < reader->rest.size ? (size_t)number : reader->rest.size);
		skip(reader, number);
	} else if (reader->object_depth)
		reader->junk++;
}

/* Letters, a number, and a blank that belongs to them; or one character of another kind. */
static void read_control(struct reader *reader)
{
	size_t size = 0;
	uint64_t number = 0;
	struct slice word;

	skip(reader, 1);
	while (size < reader->rest.size && is_letter(reader->rest.data[size]))
		size++;
	if (size == 0) {
		skip(reader, bytes_are(reader->rest, 0, "'", 1) ? 3 : 1);
		return;
	}
	word = bytes_piece(reader->rest, 0, size);
	skip(reader, size);
	if (bytes_are(reader->rest, 0, "-", 1))
		skip(reader, 1);
	while (reader->rest.size && slice_hex_digit(reader->rest.data[0]) >= 0 &&
		slice_hex_digit(reader->rest.data[0]) < 10) {
		number = number < UINT32_MAX
			? number * 10 + (uint64_t)slice_hex_digit(reader->rest.data[0])
			: number;
		skip(reader, 1);
	}
	if (bytes_are(reader->rest, 0, " ", 1))
		skip(reader, 1);
	take_word(reader, word, number);
}

static void close_group(struct reader *reader)
{
	if (reader->object_depth && reader->depth <= reader->object_depth)
		end_object(reader);
	if (reader->is_field)
		end_field(reader);
	reader->depth -= reader->depth > 0;
}

static void read_character(struct reader *reader)
{
	char c = reader->rest.data[0];

	if (reader->object_depth)
		take_digit(reader, c);
	else if (reader->is_field && reader->instruction_size < INSTRUCTION_MOST && c != '\r' &&
		c != '\n')
		reader->instruction[reader->instruction_size++] = c;
	skip(reader, 1);
}

void rtf_unpack(struct slice bytes, struct unpacked *out)
{
	struct reader reader = {.out = out,
		.rest = bytes,
		.half = -1,
		.data = output_begin(out->parent, out->budget)};

	while (reader.rest.size) {
		char c = reader.rest.data[0];
		if (c == '\\') {
			read_control(&reader);
		} else if (c == '{') {
			reader.depth++;
			reader.junk += reader.object_depth ? 1 : 0;
			skip(&reader, 1);
		} else if (c == '}') {
			close_group(&reader);
			skip(&reader, 1);
		} else {
			read_character(&reader);
		}
	}
	if (reader.object_depth)
		end_object(&reader);
	if (!bytes_are(bytes, 0, "{\\rtf1", 6))
		out->findings |= FINDING_OBFUSCATED;
}
