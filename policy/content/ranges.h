/* SPDX-License-Identifier: Apache-2.0
 *
 * Stretches of bytes that are known to belong to something: they are gathered, merged once, and then asked whether a place is in one of them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct range {
	uint64_t start, end;
};

struct ranges {
	const void *parent; /* of the items */
	uint64_t end;       /* of the bytes: nothing reaches behind it */
	struct range *items;
	size_t count;
};

void ranges_add(struct ranges *ranges, uint64_t start, uint64_t end);

/* Sorts them, and makes one of those that touch. */
void ranges_merge(struct ranges *ranges);

/* The one that the place is in, or NULL; they must be merged. */
const struct range *ranges_find(const struct ranges *ranges, uint64_t place);
