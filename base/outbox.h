/* SPDX-License-Identifier: Apache-2.0
 *
 * An outbox is a queue of bytes on their way out, in pieces: short ones are copied and share a piece, long ones are lent and
 * must stay where they are until they have been dropped or the outbox is emptied. All zero is an empty one. Whoever owns it empties it
 * in the end: its pieces belong to no talloc parent, for they come and go with every reply.
 */
#pragma once

#include "base/slice.h"

#include <sys/uio.h>

struct piece;

struct outbox {
	struct piece *first, *last;
	size_t size; /* bytes in all */
};

void outbox_copy(struct outbox *outbox, struct slice bytes);
void outbox_lend(struct outbox *outbox, struct slice bytes);

/* The first pieces, at most maximum of them; how many there are. */
size_t outbox_parts(const struct outbox *outbox, struct iovec *parts, size_t maximum);

/* So many bytes are gone. */
void outbox_drop(struct outbox *outbox, size_t size);
void outbox_clear(struct outbox *outbox);
