/* SPDX-License-Identifier: Apache-2.0
 *
 * A message on its way to a backend: the plan's bytes, lent where they can go as they are (as one chunk, or by DATA where no line needs a dot
 * or another end), else stuffed window by window. What makes it complete is kept back for the commit: the last bytes of the
 * chunk, or the end marker. Until then nothing that was written ends the message.
 *
 * It is filled in with the plan and the message, which must outlive what is written; begun again, it is written from its start.
 */
#pragma once

#include "policy/mail/edit.h"
#include "policy/mail/message.h"
#include "proxy/stuffing.h"

struct shipment {
	const struct edit_plan *plan;
	const struct message *message;
	size_t slice;        /* of the plan, the one being stuffed */
	struct slice unsent; /* of that slice */
	struct stuffing stuffing;
	struct slice tail; /* kept back for the commit */
};

/* Writes all but the tail, or as much as a window holds. Whether there is more: when that has been flushed, shipment_go_on(). */
bool shipment_begin(struct shipment *shipment, struct stream *stream, bool as_chunk);
bool shipment_go_on(struct shipment *shipment, struct stream *stream);
