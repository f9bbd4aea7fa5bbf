/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of the milter protocol, by table. */
#include "plugins/milter_wire.h"

#include <assert.h>
#include <talloc.h>

#define LENGTH_SIZE 4

enum layout {
	LAYOUT_NOTHING,
	LAYOUT_OFFER,   /* three numbers, then lists of macros */
	LAYOUT_MACROS,  /* a command, then names and values */
	LAYOUT_CONNECT, /* a host, a family, then port and address */
	LAYOUT_TEXT,
	LAYOUT_TEXTS, /* one at least */
	LAYOUT_FIELD, /* name and value */
	LAYOUT_NUMBERED_FIELD,
	LAYOUT_BYTES
};

struct row {
	char byte;
	enum layout layout;
	const char *name;
};

static const struct row commands[] = {
	{MILTER_OFFER, LAYOUT_OFFER, "offer"},
	{MILTER_MACROS, LAYOUT_MACROS, "macros"},
	{MILTER_CONNECT, LAYOUT_CONNECT, "connect"},
	{MILTER_HELO, LAYOUT_TEXT, "helo"},
	{MILTER_MAIL, LAYOUT_TEXTS, "mail"},
	{MILTER_RCPT, LAYOUT_TEXTS, "rcpt"},
	{MILTER_DATA, LAYOUT_NOTHING, "data"},
	{MILTER_UNKNOWN, LAYOUT_TEXT, "unknown"},
	{MILTER_HEADER, LAYOUT_FIELD, "header"},
	{MILTER_EOH, LAYOUT_NOTHING, "eoh"},
	{MILTER_BODY, LAYOUT_BYTES, "body"},
	{MILTER_EOM, LAYOUT_BYTES, "eom"},
	{MILTER_ABORT, LAYOUT_NOTHING, "abort"},
	{MILTER_QUIT, LAYOUT_NOTHING, "quit"},
	{MILTER_QUIT_NEW, LAYOUT_NOTHING, "quit_new"},
	{0},
};

static const struct row replies[] = {
	{MILTER_OFFER, LAYOUT_OFFER, "offer"},
	{MILTER_CONTINUE, LAYOUT_NOTHING, "continue"},
	{MILTER_ACCEPT, LAYOUT_NOTHING, "accept"},
	{MILTER_REJECT, LAYOUT_NOTHING, "reject"},
	{MILTER_TEMPFAIL, LAYOUT_NOTHING, "tempfail"},
	{MILTER_REPLY_CODE, LAYOUT_TEXT, "reply"},
	{MILTER_DISCARD, LAYOUT_NOTHING, "discard"},
	{MILTER_SKIP, LAYOUT_NOTHING, "skip"},
	{MILTER_PROGRESS, LAYOUT_NOTHING, "progress"},
	{MILTER_QUARANTINE, LAYOUT_TEXT, "quarantine"},
	{MILTER_ADD_HEADER, LAYOUT_FIELD, "add_header"},
	{MILTER_INSERT_HEADER, LAYOUT_NUMBERED_FIELD, "insert_header"},
	{MILTER_CHANGE_HEADER, LAYOUT_NUMBERED_FIELD, "change_header"},
	{MILTER_NEW_SENDER, LAYOUT_TEXTS, "change_sender"},
	{MILTER_NEW_RECIPIENT, LAYOUT_TEXT, "add_recipient"},
	{MILTER_NEW_RECIPIENT_PARAMETERS, LAYOUT_TEXTS, "add_recipient_parameters"},
	{MILTER_REMOVE_RECIPIENT, LAYOUT_TEXT, "remove_recipient"},
	{MILTER_REPLACE_BODY, LAYOUT_BYTES, "replace_body"},
	{MILTER_CONNECTION_FAILED, LAYOUT_NOTHING, "connection_failed"},
	{MILTER_SHUTDOWN, LAYOUT_NOTHING, "shutdown"},
	{0},
};

static const struct row *row_of(enum milter_side side, char byte)
{
	const struct row *row = side == MILTER_SIDE_SERVER ? commands : replies;

	while (row->byte && row->byte != byte)
		row++;
	return row->byte ? row : NULL;
}

const char *milter_wire_name(enum milter_side side, char byte)
{
	const struct row *row = row_of(side, byte);

	return row ? row->name : NULL;
}

/* --- parsing --- */

static const char short_of_data[] = "it ends too early";

static bool take_number(struct slice *rest, size_t size, uint32_t *number)
{
	if (rest->size < size)
		return false;
	*number = 0;
	for (size_t i = 0; i < size; i++)
		*number = *number << 8 | (unsigned char)rest->data[i];
	*rest = slice_from(*rest, size);
	return true;
}

static bool take_text(struct slice *rest, struct slice *text)
{
	size_t end = slice_find(*rest, '\0');

	if (end == SIZE_MAX)
		return false;
	*text = slice_make(rest->data, end);
	*rest = slice_from(*rest, end + 1);
	return true;
}

/* All that follow; at least so many, and a multiple of them. */
static const char *take_texts(struct slice rest, struct milter_packet *packet, size_t least)
{
	while (rest.size) {
		if (packet->text_count == MILTER_WIRE_TEXTS)
			return "it has too many strings";
		if (!take_text(&rest, &packet->texts[packet->text_count++]))
			return "a string has no end";
	}
	return packet->text_count < least ? short_of_data : NULL;
}

static const char *take_exactly(struct slice rest, struct milter_packet *packet, size_t count)
{
	const char *fault = take_texts(rest, packet, count);

	if (!fault && packet->text_count > count)
		fault = "more follows than belongs to it";
	return fault;
}

static const char *take_offer(struct slice rest, struct milter_packet *packet)
{
	for (size_t i = 0; i < 3; i++) {
		if (!take_number(&rest, sizeof(uint32_t), &packet->numbers[i]))
			return short_of_data;
	}
	while (rest.size) {
		struct milter_macro_list *list = &packet->lists[packet->list_count];
		if (packet->list_count++ == MILTER_WIRE_LISTS)
			return "it has too many lists of macros";
		if (!take_number(&rest, sizeof(uint32_t), &list->stage) ||
			!take_text(&rest, &list->names))
			return "a list of macros has no end";
	}
	return NULL;
}

static const char *take_macros(struct slice rest, struct milter_packet *packet)
{
	const char *fault;

	if (!rest.size)
		return short_of_data;
	packet->kind = rest.data[0];
	fault = take_texts(slice_from(rest, 1), packet, 0);
	return fault || packet->text_count % 2 == 0 ? fault : "a macro has no value";
}

static const char *take_connect(struct slice rest, struct milter_packet *packet)
{
	if (!take_text(&rest, &packet->texts[packet->text_count++]) || !rest.size)
		return short_of_data;
	packet->kind = rest.data[0];
	rest = slice_from(rest, 1);
	if (!strchr("46LU", packet->kind) || !packet->kind)
		return "there is no such family of addresses";
	if (packet->kind == 'U')
		return rest.size ? "more follows than belongs to it" : NULL;
	if (!take_number(&rest, sizeof(uint16_t), &packet->numbers[0]))
		return short_of_data;
	return take_exactly(rest, packet, 2);
}

static const char *take_numbered(struct slice rest, struct milter_packet *packet)
{
	if (!take_number(&rest, sizeof(uint32_t), &packet->numbers[0]))
		return short_of_data;
	return take_exactly(rest, packet, 2);
}

static const char *take(enum layout layout, struct slice rest, struct milter_packet *packet)
{
	switch (layout) {
	case LAYOUT_NOTHING:
		return rest.size ? "data follows where none belongs" : NULL;
	case LAYOUT_OFFER:
		return take_offer(rest, packet);
	case LAYOUT_MACROS:
		return take_macros(rest, packet);
	case LAYOUT_CONNECT:
		return take_connect(rest, packet);
	case LAYOUT_TEXT:
		return take_exactly(rest, packet, 1);
	case LAYOUT_TEXTS:
		return take_texts(rest, packet, 1);
	case LAYOUT_FIELD:
		return take_exactly(rest, packet, 2);
	case LAYOUT_NUMBERED_FIELD:
		return take_numbered(rest, packet);
	case LAYOUT_BYTES:
		packet->bytes = rest;
		break;
	}
	return NULL;
}

void milter_wire_begin(struct milter_packet *packet, char byte)
{
	packet->byte = byte;
	packet->kind = '\0';
	packet->bytes = slice_of("");
	packet->text_count = packet->list_count = 0;
	memset(packet->numbers, 0, sizeof packet->numbers);
}

const char *milter_wire_parse(
	enum milter_side side, struct slice payload, struct milter_packet *packet)
{
	const struct row *row;

	milter_wire_begin(packet, '\0');
	if (!payload.size)
		return "it is empty";
	packet->byte = payload.data[0];
	row = row_of(side, packet->byte);
	return row ? take(row->layout, slice_from(payload, 1), packet) : "there is no such packet";
}

/* --- printing --- */

/* Bytes on their way into a packet whose room was counted before. */
struct sheet {
	char *data;
	size_t used;
};

static void put(struct sheet *sheet, struct slice bytes)
{
	if (bytes.size)
		memcpy(sheet->data + sheet->used, bytes.data, bytes.size);
	sheet->used += bytes.size;
}

static void put_number(struct sheet *sheet, uint32_t number, size_t size)
{
	while (size-- > 0)
		sheet->data[sheet->used++] = (char)(number >> 8 * size);
}

static void put_text(struct sheet *sheet, struct slice text)
{
	while (text.size)
		put(sheet, slice_cut(&text, '\0'));
	sheet->data[sheet->used++] = '\0';
}

static void put_texts(struct sheet *sheet, const struct milter_packet *packet, size_t first)
{
	for (size_t i = first; i < packet->text_count; i++)
		put_text(sheet, packet->texts[i]);
}

static void put_offer(struct sheet *sheet, const struct milter_packet *packet)
{
	for (size_t i = 0; i < 3; i++)
		put_number(sheet, packet->numbers[i], sizeof(uint32_t));
	for (size_t i = 0; i < packet->list_count; i++) {
		put_number(sheet, packet->lists[i].stage, sizeof(uint32_t));
		put_text(sheet, packet->lists[i].names);
	}
}

static void put_connect(struct sheet *sheet, const struct milter_packet *packet)
{
	put_text(sheet, packet->texts[0]);
	put(sheet, slice_make(&packet->kind, 1));
	if (packet->kind == 'U')
		return;
	put_number(sheet, packet->numbers[0], sizeof(uint16_t));
	put_texts(sheet, packet, 1);
}

static void put_data(struct sheet *sheet, enum layout layout, const struct milter_packet *packet)
{
	switch (layout) {
	case LAYOUT_NOTHING:
		break;
	case LAYOUT_OFFER:
		put_offer(sheet, packet);
		break;
	case LAYOUT_CONNECT:
		put_connect(sheet, packet);
		break;
	case LAYOUT_MACROS:
		put(sheet, slice_make(&packet->kind, 1));
		put_texts(sheet, packet, 0);
		break;
	case LAYOUT_NUMBERED_FIELD:
		put_number(sheet, packet->numbers[0], sizeof(uint32_t));
		put_texts(sheet, packet, 0);
		break;
	case LAYOUT_TEXT:
	case LAYOUT_TEXTS:
	case LAYOUT_FIELD:
		put_texts(sheet, packet, 0);
		break;
	case LAYOUT_BYTES:
		put(sheet, packet->bytes);
		break;
	}
}

/* No packet is larger than this. */
static size_t room_for(const struct milter_packet *packet)
{
	size_t room = LENGTH_SIZE + 2 + sizeof packet->numbers + packet->bytes.size;

	for (size_t i = 0; i < packet->text_count; i++)
		room += packet->texts[i].size + 1;
	for (size_t i = 0; i < packet->list_count; i++)
		room += sizeof(uint32_t) + packet->lists[i].names.size + 1;
	return room;
}

struct slice milter_wire_print(
	const void *parent, enum milter_side side, const struct milter_packet *packet)
{
	const struct row *row = row_of(side, packet->byte);
	size_t most =
		side == MILTER_SIDE_SERVER ? MILTER_WIRE_MAXIMUM + 1 : MILTER_WIRE_HEARD_MAXIMUM;
	struct sheet sheet = {talloc_array(parent, char, room_for(packet)), LENGTH_SIZE};
	size_t payload;

	assert(row);
	put(&sheet, slice_make(&packet->byte, 1));
	put_data(&sheet, row->layout, packet);
	payload = sheet.used - LENGTH_SIZE;
	if (payload > most) {
		talloc_free(sheet.data);
		return (struct slice){NULL, 0};
	}
	sheet.used = 0;
	put_number(&sheet, (uint32_t)payload, LENGTH_SIZE);
	return slice_make(sheet.data, LENGTH_SIZE + payload);
}

void milter_wire_head(char command, size_t size, char head[static MILTER_WIRE_HEAD])
{
	struct sheet sheet = {head, 0};

	put_number(&sheet, (uint32_t)size + 1, LENGTH_SIZE);
	put(&sheet, slice_make(&command, 1));
}

/* --- packets out of a stream --- */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* What is held grows with what has come, not with what was announced. */
static void hold(
	struct milter_reader *reader, const void *parent, struct slice *input, size_t wanted)
{
	size_t some = least(input->size, wanted - reader->size);
	size_t room = talloc_array_length(reader->held), needed = reader->size + some;

	if (room < needed)
		reader->held = talloc_realloc(
			parent, reader->held, char, needed < 2 * room ? 2 * room : needed);
	memcpy(reader->held + reader->size, input->data, some);
	reader->size += some;
	*input = slice_from(*input, some);
}

static size_t length_of(const char *bytes)
{
	struct slice rest = slice_make(bytes, LENGTH_SIZE);
	uint32_t length = 0;

	(void)take_number(&rest, LENGTH_SIZE, &length);
	return length;
}

/* The usual case: all of it has come in one piece, and nothing is held. */
static bool take_whole(struct milter_reader *reader, struct slice *input, struct slice *payload)
{
	size_t length;

	if (reader->size || input->size < LENGTH_SIZE)
		return false;
	length = length_of(input->data);
	if (length > reader->maximum || input->size - LENGTH_SIZE < length)
		return false;
	*payload = slice_make(input->data + LENGTH_SIZE, length);
	*input = slice_from(*input, LENGTH_SIZE + length);
	return true;
}

enum milter_reading milter_reader_take(struct milter_reader *reader, const void *parent,
	struct slice *input, struct slice *payload)
{
	size_t length;

	if (take_whole(reader, input, payload))
		return MILTER_WHOLE;
	if (reader->size < LENGTH_SIZE && input->size)
		hold(reader, parent, input, LENGTH_SIZE);
	if (reader->size < LENGTH_SIZE)
		return MILTER_PARTIAL;
	length = length_of(reader->held);
	if (length > reader->maximum)
		return MILTER_TOO_LARGE;
	if (input->size)
		hold(reader, parent, input, LENGTH_SIZE + length);
	if (reader->size < LENGTH_SIZE + length)
		return MILTER_PARTIAL;
	*payload = slice_make(reader->held + LENGTH_SIZE, length);
	reader->size = 0;
	return MILTER_WHOLE;
}
