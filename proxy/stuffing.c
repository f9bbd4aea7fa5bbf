/* SPDX-License-Identifier: Apache-2.0 */
/* Dot-stuffing and line ends: RFC 5321 §2.3.8, §4.1.1.4, §4.5.2. */
#include "proxy/stuffing.h"

#include "base/stream.h"

static bool is_line_end(char byte)
{
	return byte == '\r' || byte == '\n';
}

/* Whether a line end stands at the front that can go as it is: what follows it is there, and no dot. */
static bool has_plain_end(struct slice s)
{
	return s.size > 2 && memcmp(s.data, "\r\n", 2) == 0 && s.data[2] != '.' &&
		s.data[2] != '\0';
}

/* How much of it can be written as it is. */
static size_t plain_size(const struct stuffing *stuffing, struct slice bytes)
{
	size_t i = 0;

	while (stuffing->place != PLACE_INSIDE && i < bytes.size && bytes.data[i] == '\0')
		i++;
	if (stuffing->place != PLACE_INSIDE && i < bytes.size && bytes.data[i] == '.')
		return i;
	for (;;) {
		while (i < bytes.size && !is_line_end(bytes.data[i]))
			i++;
		if (!has_plain_end(slice_from(bytes, i)))
			return i;
		i += 2;
	}
}

static enum line_place place_behind(enum line_place place, struct slice bytes)
{
	if (bytes.size && bytes.data[bytes.size - 1] == '\n')
		return PLACE_BEGIN;
	for (size_t i = 0; i < bytes.size && place != PLACE_INSIDE; i++)
		place = bytes.data[i] == '\0' ? PLACE_NULS : PLACE_INSIDE;
	return place;
}

static void end_line(struct stuffing *stuffing, struct stream *stream)
{
	stream_write(stream, slice_of("\r\n"));
	stuffing->after_cr = false;
	stuffing->place = PLACE_BEGIN;
}

/* The byte that stopped a plain run: CR, LF or a dot. */
static void write_odd(struct stuffing *stuffing, struct stream *stream, char byte)
{
	if (byte == '\r') {
		stuffing->after_cr = true;
	} else if (byte == '\n') {
		end_line(stuffing, stream);
	} else {
		stream_write(stream, slice_of(".."));
		stuffing->place = PLACE_INSIDE;
	}
}

void stuffing_write(struct stuffing *stuffing, struct stream *stream, struct slice bytes)
{
	while (bytes.size) {
		if (stuffing->after_cr && bytes.data[0] != '\n')
			end_line(stuffing, stream); /* the CR was bare */
		struct slice plain = slice_make(bytes.data, plain_size(stuffing, bytes));
		stream_write(stream, plain);
		stuffing->place = place_behind(stuffing->place, plain);
		bytes = slice_from(bytes, plain.size);
		if (bytes.size == 0)
			break;
		write_odd(stuffing, stream, bytes.data[0]);
		bytes = slice_from(bytes, 1);
	}
}

struct slice stuffing_end(const struct stuffing *stuffing)
{
	bool ended = stuffing->place == PLACE_BEGIN && !stuffing->after_cr;

	return slice_of(ended ? ".\r\n" : "\r\n.\r\n");
}
