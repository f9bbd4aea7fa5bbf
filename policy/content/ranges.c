/* SPDX-License-Identifier: Apache-2.0 */
/* Stretches of bytes: an array, sorted when it is merged. */
#include "policy/content/ranges.h"

#include <stdlib.h>
#include <talloc.h>

#define FIRST_ROOM 64

void ranges_add(struct ranges *ranges, uint64_t start, uint64_t end)
{
	size_t room = ranges->items ? talloc_array_length(ranges->items) : 0;

	if (end > ranges->end)
		end = ranges->end;
	if (start >= end)
		return;
	if (ranges->count == room)
		ranges->items = talloc_realloc(
			ranges->parent, ranges->items, struct range, room ? room * 2 : FIRST_ROOM);
	ranges->items[ranges->count++] = (struct range){start, end};
}

static int compare(const void *left, const void *right)
{
	const struct range *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

void ranges_merge(struct ranges *ranges)
{
	struct range *items = ranges->items;
	size_t kept = 0;

	if (!ranges->count)
		return;
	qsort(items, ranges->count, sizeof *items, compare);
	for (size_t i = 1; i < ranges->count; i++) {
		if (items[i].start > items[kept].end)
			items[++kept] = items[i];
		else if (items[i].end > items[kept].end)
			items[kept].end = items[i].end;
	}
	ranges->count = kept + 1;
}

const struct range *ranges_find(const struct ranges *ranges, uint64_t place)
{
	size_t low = 0, high = ranges->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct range *range = &ranges->items[middle];
		if (place < range->start)
			high = middle;
		else if (place >= range->end)
			low = middle + 1;
		else
			return range;
	}
	return NULL;
}
