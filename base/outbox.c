/* SPDX-License-Identifier: Apache-2.0 */
/* A queue of bytes on their way out. */
#include "base/outbox.h"

#include <stdlib.h>
#include <string.h>

#define PIECE_ROOM 900 /* with what stands before it, a size that malloc keeps at hand */

/* Bytes of our own, or lent to us. */
struct piece {
	struct piece *next;
	const char *data;
	size_t size;
	size_t room; /* behind data + size, in own */
	char own[];
};

static struct piece *add(struct outbox *outbox, size_t room)
{
	struct piece *piece = malloc(sizeof *piece + room);

	if (!piece)
		abort();
	*piece = (struct piece){.data = piece->own, .room = room};
	if (outbox->last)
		outbox->last->next = piece;
	else
		outbox->first = piece;
	outbox->last = piece;
	return piece;
}

void outbox_copy(struct outbox *outbox, struct slice bytes)
{
	struct piece *piece = outbox->last;

	if (bytes.size == 0)
		return;
	if (!piece || piece->room < bytes.size)
		piece = add(outbox, bytes.size > PIECE_ROOM ? bytes.size : PIECE_ROOM);
	memcpy((char *)piece->data + piece->size, bytes.data, bytes.size);
	piece->size += bytes.size;
	piece->room -= bytes.size;
	outbox->size += bytes.size;
}

void outbox_lend(struct outbox *outbox, struct slice bytes)
{
	if (bytes.size == 0)
		return;
	struct piece *piece = add(outbox, 0);
	piece->data = bytes.data;
	piece->size = bytes.size;
	outbox->size += bytes.size;
}

size_t outbox_parts(const struct outbox *outbox, struct iovec *parts, size_t maximum)
{
	size_t count = 0;

	for (struct piece *piece = outbox->first; piece && count < maximum; piece = piece->next)
		parts[count++] = (struct iovec){(char *)piece->data, piece->size};
	return count;
}

static void drop_first(struct outbox *outbox)
{
	struct piece *piece = outbox->first;

	outbox->first = piece->next;
	if (!outbox->first)
		outbox->last = NULL;
	free(piece);
}

void outbox_drop(struct outbox *outbox, size_t size)
{
	outbox->size -= size;
	while (outbox->first && size >= outbox->first->size) {
		size -= outbox->first->size;
		drop_first(outbox);
	}
	if (size) {
		outbox->first->data += size;
		outbox->first->size -= size;
	}
}

void outbox_clear(struct outbox *outbox)
{
	while (outbox->first)
		drop_first(outbox);
	outbox->size = 0;
}
