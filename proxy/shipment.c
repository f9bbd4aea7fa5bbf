/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a message for a backend: RFC 5321 §4.5.2, RFC 3030. */
#include "proxy/shipment.h"

#include "base/stream.h"

#include <assert.h>
#include <string.h>

#define TAIL_OF_CHUNK 2 /* bytes of the LAST chunk that are the commit */
#define STUFFING_WINDOW 65536

static struct slice last_slice(const struct edit_plan *plan)
{
	assert(plan->count);
	return plan->slices[plan->count - 1];
}

static bool ends_line(struct slice bytes)
{
	return bytes.size >= 2 && memcmp(bytes.data + bytes.size - 2, "\r\n", 2) == 0;
}

/* Whether it can go by DATA as it is. */
static bool is_plain(const struct shipment *shipment)
{
	const struct message *message = shipment->message;
	unsigned odd = ANOMALY_BARE_LF | ANOMALY_BARE_CR | ANOMALY_NUL;

	return !message_has_dot_lines(message) && !shipment->plan->needs_stuffing &&
		!(message_anomalies(message) & odd);
}

/* All of the plan, but for so many bytes at its end. */
static void lend_plan(const struct edit_plan *plan, struct stream *stream, size_t tail)
{
	for (size_t i = 0; i + 1 < plan->count; i++)
		stream_lend(stream, plan->slices[i]);
	stream_lend(stream, slice_make(last_slice(plan).data, last_slice(plan).size - tail));
}

static void lend_as_chunk(struct shipment *shipment, struct stream *stream)
{
	struct slice last = last_slice(shipment->plan);
	size_t tail = last.size < TAIL_OF_CHUNK ? last.size : TAIL_OF_CHUNK;

	lend_plan(shipment->plan, stream, tail);
	shipment->tail = slice_from(last, last.size - tail);
}

static void lend_as_lines(struct shipment *shipment, struct stream *stream)
{
	bool is_whole = ends_line(last_slice(shipment->plan));

	lend_plan(shipment->plan, stream, 0);
	shipment->tail = slice_of(is_whole ? ".\r\n" : "\r\n.\r\n");
}

bool shipment_begin(struct shipment *shipment, struct stream *stream, bool as_chunk)
{
	if (as_chunk) {
		lend_as_chunk(shipment, stream);
		return false;
	}
	if (is_plain(shipment)) {
		lend_as_lines(shipment, stream);
		return false;
	}
	shipment->slice = 0;
	shipment->unsent = shipment->plan->slices[0];
	shipment->stuffing = (struct stuffing){0};
	return shipment_go_on(shipment, stream);
}

/* Goes on to the next slice of the plan when one is through; false at the end. */
static bool has_unsent(struct shipment *shipment)
{
	if (!shipment->unsent.size && shipment->slice + 1 < shipment->plan->count)
		shipment->unsent = shipment->plan->slices[++shipment->slice];
	return shipment->unsent.size;
}

bool shipment_go_on(struct shipment *shipment, struct stream *stream)
{
	size_t room = STUFFING_WINDOW;

	while (room && has_unsent(shipment)) {
		struct slice window = shipment->unsent;
		if (window.size > room)
			window.size = room;
		stuffing_write(&shipment->stuffing, stream, window);
		shipment->unsent = slice_from(shipment->unsent, window.size);
		room -= window.size;
	}
	shipment->tail = stuffing_end(&shipment->stuffing);
	return has_unsent(shipment);
}
