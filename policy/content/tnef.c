/* SPDX-License-Identifier: Apache-2.0 */
/* TNEF: attributes behind each other, some of them lists of MAPI properties. */
#include "policy/content/tnef.h"

#include "policy/content/bytes.h"
#include "policy/content/compressed_rtf.h"

#define HEADER_SIZE 6
#define ATTRIBUTE_HEADER 9
#define LEVEL_ATTACHMENT 2

#define ATTRIBUTE_BODY 0x0002800c
#define ATTRIBUTE_PROPERTIES 0x00069003
#define ATTRIBUTE_RENDERING 0x00069002
#define ATTRIBUTE_TITLE 0x00018010
#define ATTRIBUTE_DATA 0x0006800f
#define ATTRIBUTE_ATTACHMENT 0x00069005

#define PROPERTY_BODY 0x1000
#define PROPERTY_RTF 0x1009
#define PROPERTY_HTML 0x1013
#define PROPERTY_DISPLAY_NAME 0x3001
#define PROPERTY_OBJECT 0x3701
#define PROPERTY_NAME 0x3704
#define PROPERTY_LONG_NAME 0x3707

#define TYPE_STRING8 0x1e
#define TYPE_UNICODE 0x1f
#define TYPE_BINARY 0x102
#define TYPE_OBJECT 0x0d
#define MULTIPLE 0x1000
#define NAMED 0x8000

struct property {
	uint16_t id, type;
	struct slice value;
};

/* The attachment whose attributes are being read. */
struct attachment {
	bool is_open;
	struct slice title, name, long_name, display_name; /* UTF-8 or bytes */
	struct slice data, object;
	bool has_object;
};

struct reader {
	struct unpacked *out;
	struct attachment attachment;
};

/* Bytes of a value of fixed size; 0: it says its size. */
static size_t fixed_size(uint16_t type)
{
	static const struct {
		uint16_t type;
		uint8_t size;
	} sizes[] = {{0x02, 4}, {0x03, 4}, {0x04, 4}, {0x05, 8}, {0x06, 8}, {0x07, 8}, {0x0a, 4},
		{0x0b, 4}, {0x14, 8}, {0x40, 8}, {0x48, 16}};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		if (sizes[i].type == type)
			return sizes[i].size;
	}
	return 0;
}

static bool is_variable(uint16_t type)
{
	return type == TYPE_STRING8 || type == TYPE_UNICODE || type == TYPE_BINARY ||
		type == TYPE_OBJECT;
}

/* Takes so many bytes and those that fill up to four. */
static bool cut(struct slice *rest, uint64_t size, struct slice *piece)
{
	uint64_t padded = (size + 3) & ~3ULL;

	if (size > rest->size)
		return false;
	*piece = bytes_piece(*rest, 0, size);
	*rest = bytes_from(*rest, padded);
	return true;
}

static bool cut_number(struct slice *rest, uint32_t *number)
{
	if (rest->size < 4)
		return false;
	*number = bytes_32(*rest, 0);
	*rest = slice_from(*rest, 4);
	return true;
}

/* A property with a name of its own has it between type and value. */
static bool skip_name(struct slice *rest)
{
	struct slice name;
	uint32_t kind, size;

	*rest = bytes_from(*rest, 16);
	if (!cut_number(rest, &kind) || !cut_number(rest, &size))
		return false;
	return kind == 0 || cut(rest, size, &name);
}

static bool cut_value(struct slice *rest, struct property *property, uint32_t count)
{
	uint16_t type = property->type & (uint16_t)~MULTIPLE;
	size_t size = fixed_size(type);

	for (uint32_t i = 0; i < count; i++) {
		struct slice value;
		uint32_t length = (uint32_t)size;
		if (is_variable(type) && !cut_number(rest, &length))
			return false;
		if (!cut(rest, length, &value))
			return false;
		if (i == 0)
			property->value = value;
	}
	return true;
}

/* The next property; false at the end and where it breaks the rules. */
static bool next_property(struct slice *rest, struct property *property)
{
	uint32_t head, count = 1;
	uint16_t type;

	*property = (struct property){.value = slice_of("")};
	if (!cut_number(rest, &head))
		return false;
	property->type = (uint16_t)head;
	property->id = (uint16_t)(head >> 16);
	type = property->type & (uint16_t)~MULTIPLE;
	if (property->id >= NAMED && !skip_name(rest))
		return false;
	if (!is_variable(type) && fixed_size(type) == 0)
		return false;
	if ((is_variable(type) || property->type & MULTIPLE) && !cut_number(rest, &count))
		return false;
	return cut_value(rest, property, count);
}

static struct slice without_nul(struct slice text)
{
	struct slice rest = text;

	return slice_cut(&rest, '\0');
}

static struct slice text_of(struct reader *reader, const struct property *property)
{
	if (property->type == TYPE_UNICODE)
		return unpacked_from_utf16(reader->out->parent, property->value);
	return unpacked_from_latin(reader->out->parent, without_nul(property->value));
}

static void take_message_property(struct reader *reader, const struct property *property)
{
	struct unpacked *out = reader->out;

	if (property->value.size == 0)
		return;
	if (property->id == PROPERTY_RTF && property->type == TYPE_BINARY)
		compressed_rtf_add(out, slice_of("body.rtf"), property->value);
	if (property->id == PROPERTY_HTML)
		(void)unpacked_add_view(out, slice_of("body.html"),
			property->type == TYPE_UNICODE ? text_of(reader, property)
						       : property->value);
	if (property->id == PROPERTY_BODY)
		(void)unpacked_add_view(out, slice_of("body.txt"), text_of(reader, property));
}

static void take_attachment_property(struct reader *reader, const struct property *property)
{
	struct attachment *attachment = &reader->attachment;

	if (property->id == PROPERTY_LONG_NAME)
		attachment->long_name = text_of(reader, property);
	if (property->id == PROPERTY_NAME)
		attachment->name = text_of(reader, property);
	if (property->id == PROPERTY_DISPLAY_NAME)
		attachment->display_name = text_of(reader, property);
	if (property->id == PROPERTY_OBJECT) {
		attachment->object = property->value;
		attachment->has_object = true;
	}
}

static void read_properties(struct reader *reader, struct slice value,
	void (*take)(struct reader *reader, const struct property *property))
{
	struct slice rest = value;
	struct property property;
	uint32_t count;

	if (!cut_number(&rest, &count))
		return;
	for (uint32_t i = 0; i < count; i++) {
		if (!next_property(&rest, &property)) {
			reader->out->findings |= FINDING_DAMAGED;
			return;
		}
		take(reader, &property);
	}
}

static struct slice first_of(const struct slice *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (names[i].size)
			return names[i];
	}
	return slice_of("");
}

/* What an object property holds begins with the interface it is to be read by. */
static struct slice object_of(const struct attachment *attachment)
{
	return bytes_from(attachment->object, attachment->object.size > 16 ? 16 : 0);
}

/* The short name that DOS would give it is no disguise. */
static void add_alias(struct unpacked *out, struct member *member, struct slice title)
{
	uint64_t findings = 0;

	member->other_name = unpacked_name(out->parent, title, &findings);
	unpacked_find(out, member, findings);
}

static void end_attachment(struct reader *reader)
{
	struct attachment *attachment = &reader->attachment;
	struct slice names[] = {attachment->long_name, attachment->name, attachment->title,
		attachment->display_name};
	struct slice name = first_of(names, sizeof names / sizeof *names);
	struct member *member;

	if (!attachment->is_open)
		return;
	if (attachment->has_object && attachment->data.size == 0)
		member = unpacked_add_view(reader->out, name, object_of(attachment));
	else
		member = unpacked_add_view(reader->out, name, attachment->data);
	if (member && attachment->title.size && attachment->long_name.size &&
		!slice_is_same_nocase(name, attachment->title))
		add_alias(reader->out, member, attachment->title);
	*attachment = (struct attachment){.is_open = false};
}

static void take_attachment_attribute(struct reader *reader, uint32_t id, struct slice value)
{
	struct attachment *attachment = &reader->attachment;

	if (id == ATTRIBUTE_RENDERING) {
		end_attachment(reader);
		*attachment = (struct attachment){.data = slice_of("")};
	}
	if (!attachment->data.data)
		attachment->data = slice_of("");
	attachment->is_open = true;
	if (id == ATTRIBUTE_TITLE)
		attachment->title = unpacked_from_latin(reader->out->parent, without_nul(value));
	if (id == ATTRIBUTE_DATA)
		attachment->data = value;
	if (id == ATTRIBUTE_ATTACHMENT)
		read_properties(reader, value, take_attachment_property);
}

static void take_attribute(struct reader *reader, uint8_t level, uint32_t id, struct slice value)
{
	if (level == LEVEL_ATTACHMENT)
		take_attachment_attribute(reader, id, value);
	else if (id == ATTRIBUTE_PROPERTIES)
		read_properties(reader, value, take_message_property);
	else if (id == ATTRIBUTE_BODY && value.size)
		(void)unpacked_add_view(reader->out, slice_of("body.txt"), without_nul(value));
}

void tnef_unpack(struct slice bytes, struct unpacked *out)
{
	struct reader reader = {.out = out};
	struct slice rest = bytes_from(bytes, HEADER_SIZE);

	while (rest.size >= ATTRIBUTE_HEADER) {
		uint8_t level = bytes_8(rest, 0);
		uint32_t id = bytes_32(rest, 1), size = bytes_32(rest, 5);
		if (level != 1 && level != LEVEL_ATTACHMENT) {
			out->findings |= FINDING_DAMAGED;
			break;
		}
		if (size > rest.size - ATTRIBUTE_HEADER)
			out->findings |= FINDING_DAMAGED;
		take_attribute(&reader, level, id, bytes_piece(rest, ATTRIBUTE_HEADER, size));
		rest = bytes_from(rest, ATTRIBUTE_HEADER + (uint64_t)size + 2);
	}
	end_attachment(&reader);
}
