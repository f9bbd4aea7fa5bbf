/* SPDX-License-Identifier: Apache-2.0 */
/* A growing piece of memory that asks the budget. */
#include "policy/content/output.h"

#include "base/bulk.h"

#include <assert.h>
#include <talloc.h>

#define ROOM_FIRST 4096

struct output output_begin(const void *parent, struct budget *budget)
{
	return (struct output){.parent = parent, .budget = budget};
}

/* Room for so many of these bytes as are granted. */
static size_t make_room(struct output *output, size_t size)
{
	size_t most = OUTPUT_MAXIMUM - output->size, room = output->room;
	size_t granted = budget_bytes(output->budget, size < most ? size : most);

	if (granted < size)
		output->is_cut = true;
	if (granted == 0 || output->size + granted <= room)
		return granted;
	room = room ? room : ROOM_FIRST;
	while (room < output->size + granted)
		room += room;
	room = room < OUTPUT_MAXIMUM ? room : OUTPUT_MAXIMUM;
	output->bytes = bulk_resize(output->parent, output->bytes, room);
	output->room = room;
	return granted;
}

bool output_add(struct output *output, const void *bytes, size_t size)
{
	size_t granted = make_room(output, size);

	if (granted)
		memcpy(output->bytes + output->size, bytes, granted);
	output->size += granted;
	return granted == size;
}

bool output_add_zeros(struct output *output, uint64_t size)
{
	size_t granted = make_room(output, size < SIZE_MAX ? (size_t)size : SIZE_MAX);

	if (granted)
		memset(output->bytes + output->size, 0, granted);
	output->size += granted;
	return granted == size;
}

bool output_repeat(struct output *output, size_t distance, size_t size)
{
	size_t granted;

	assert(distance > 0 && distance <= output->size);
	granted = make_room(output, size);
	for (size_t i = 0; i < granted; i++, output->size++)
		output->bytes[output->size] = output->bytes[output->size - distance];
	return granted == size;
}

struct slice output_slice(const struct output *output)
{
	return slice_make(output->bytes ? output->bytes : "", output->size);
}

void output_drop(struct output *output)
{
	talloc_free(output->bytes);
	output->bytes = NULL;
	output->size = output->room = 0;
}
