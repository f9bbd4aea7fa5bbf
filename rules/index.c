/* SPDX-License-Identifier: Apache-2.0 */
/* Texts by an open hash table over one block of bytes; networks as sorted ranges. */
#include "rules/index.h"

#include <assert.h>
#include <stdlib.h>
#include <talloc.h>

/* --- texts --- */

#define ROOM 4096

struct slot {
	uint32_t place; /* of the entry in the bytes, from 1; 0: free */
	uint32_t hash;
};

/* Each entry is its size, four bytes, and its text. */
struct index_texts {
	char *bytes;
	size_t size;
	size_t count;
	struct slot *slots; /* twice as many as entries at least, a power of two */
	size_t mask;
};

struct index_texts *index_texts_new(const void *parent)
{
	return talloc_zero(parent, struct index_texts);
}

void index_texts_add(struct index_texts *index, struct slice text)
{
	size_t room = talloc_array_length(index->bytes), needed = sizeof(uint32_t) + text.size;
	uint32_t size = (uint32_t)text.size;

	assert(index->size + needed < UINT32_MAX);
	if (index->size + needed > room)
		index->bytes = talloc_realloc(
			index, index->bytes, char, 2 * (index->size + needed) + ROOM);
	memcpy(index->bytes + index->size, &size, sizeof size);
	memcpy(index->bytes + index->size + sizeof size, text.data, text.size);
	index->size += needed;
	index->count++;
}

static struct slice text_at(const struct index_texts *index, size_t place)
{
	uint32_t size;

	memcpy(&size, index->bytes + place, sizeof size);
	return slice_make(index->bytes + place + sizeof size, size);
}

/* FNV-1a with a last stir. */
static uint64_t hash_of(struct slice text)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < text.size; i++)
		hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(1099511628211);
	hash ^= hash >> 32;
	return hash * UINT64_C(0x9e3779b97f4a7c15);
}

static bool is_same(struct slice a, struct slice b)
{
	return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* The slot that has the text, or the free one where it would be. */
static struct slot *find_slot(const struct index_texts *index, struct slice text, uint64_t hash)
{
	size_t i = hash & index->mask;

	while (index->slots[i].place) {
		if (index->slots[i].hash == (uint32_t)(hash >> 32) &&
			is_same(text_at(index, index->slots[i].place - 1), text))
			break;
		i = (i + 1) & index->mask;
	}
	return &index->slots[i];
}

void index_texts_finish(struct index_texts *index)
{
	size_t slots = 8;

	while (slots < 2 * index->count)
		slots *= 2;
	index->slots = talloc_zero_array(index, struct slot, slots);
	index->mask = slots - 1;
	for (size_t place = 0; place < index->size;) {
		struct slice text = text_at(index, place);
		uint64_t hash = hash_of(text);
		struct slot *slot = find_slot(index, text, hash);

		if (slot->place)
			index->count--;
		else
			*slot = (struct slot){(uint32_t)place + 1, (uint32_t)(hash >> 32)};
		place += sizeof(uint32_t) + text.size;
	}
}

bool index_texts_has(const struct index_texts *index, struct slice text)
{
	return find_slot(index, text, hash_of(text))->place;
}

size_t index_texts_count(const struct index_texts *index)
{
	return index->count;
}

bool index_texts_next(const struct index_texts *index, size_t *cursor, struct slice *text)
{
	if (*cursor >= index->size)
		return false;
	*text = text_at(index, *cursor);
	*cursor += sizeof(uint32_t) + text->size;
	return true;
}

/* --- networks --- */

struct key {
	uint64_t high, low;
};

struct range {
	struct key first, last;
};

/* Of one family: sorted, and none touches another. */
struct ranges {
	struct range *items;
	size_t count;
};

struct index_networks {
	struct ranges v4, v6;
};

struct index_networks *index_networks_new(const void *parent)
{
	return talloc_zero(parent, struct index_networks);
}

static uint64_t read_eight(const uint8_t *bytes)
{
	uint64_t number = 0;

	for (int i = 0; i < 8; i++)
		number = number << 8 | bytes[i];
	return number;
}

/* IPv4 addresses are the upper half of `high`. */
static struct key key_of(const struct ip *ip)
{
	return (struct key){read_eight(ip->bytes), read_eight(ip->bytes + 8)};
}

static uint64_t ones_behind(unsigned bits)
{
	return bits >= 64 ? 0 : UINT64_MAX >> bits;
}

void index_networks_add(struct index_networks *index, const struct cidr *cidr)
{
	struct ranges *ranges = cidr->ip.family == 4 ? &index->v4 : &index->v6;
	size_t room = talloc_array_length(ranges->items);
	struct key first = key_of(&cidr->ip), last = first;

	last.high |= ones_behind(cidr->bits);
	last.low |= ones_behind(cidr->bits > 64 ? cidr->bits - 64u : 0);
	if (ranges->count == room)
		ranges->items =
			talloc_realloc(index, ranges->items, struct range, room ? 2 * room : 16);
	ranges->items[ranges->count++] = (struct range){first, last};
}

static int compare_keys(const struct key *a, const struct key *b)
{
	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	return (a->low > b->low) - (a->low < b->low);
}

static int compare_ranges(const void *left, const void *right)
{
	return compare_keys(
		&((const struct range *)left)->first, &((const struct range *)right)->first);
}

static struct key successor(struct key key)
{
	key.low++;
	key.high += key.low == 0;
	return key;
}

static bool touches(const struct range *before, const struct range *after)
{
	struct key next = successor(before->last);

	return (!next.high && !next.low) || compare_keys(&after->first, &next) <= 0;
}

static void sort(struct ranges *ranges)
{
	size_t kept = 0;

	if (!ranges->count)
		return;
	qsort(ranges->items, ranges->count, sizeof *ranges->items, compare_ranges);
	for (size_t i = 1; i < ranges->count; i++) {
		struct range *last = &ranges->items[kept];

		if (!touches(last, &ranges->items[i]))
			ranges->items[++kept] = ranges->items[i];
		else if (compare_keys(&ranges->items[i].last, &last->last) > 0)
			last->last = ranges->items[i].last;
	}
	ranges->count = kept + 1;
}

void index_networks_finish(struct index_networks *index)
{
	sort(&index->v4);
	sort(&index->v6);
}

bool index_networks_has(const struct index_networks *index, const struct ip *ip)
{
	const struct ranges *ranges = ip->family == 4 ? &index->v4 : &index->v6;
	struct key key = key_of(ip);
	size_t low = 0, high = ranges->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare_keys(&ranges->items[middle].first, &key) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low && compare_keys(&key, &ranges->items[low - 1].last) <= 0;
}
