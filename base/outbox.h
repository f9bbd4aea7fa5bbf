/* SPDX-License-Identifier: Apache-2.0
 *
 * An outbox is a queue of bytes on their way out, in pieces: short ones are copied and share a piece, long ones are lent and
 * must stay where they are until they have been dropped or the outbox is emptied. It belongs to the talloc parent that each
 * addition names. All zero is an empty one.
 */
#pragma once

#include "base/slice.h"

#include <sys/uio.h>

struct piece;

struct outbox {
	struct piece *first, *last;
	size_t size; /* bytes in all */
};

void outbox_copy(struct outbox *outbox, const void *parent, struct slice bytes);
void outbox_lend(struct outbox *outbox, const void *parent, struct slice bytes);

/* The first pieces, at most maximum of them; how many there are. */
size_t outbox_parts(const struct outbox *outbox, struct iovec *parts, size_t maximum);

/* So many bytes are gone. */
void outbox_drop(struct outbox *outbox, size_t size);
void outbox_clear(struct outbox *outbox);
