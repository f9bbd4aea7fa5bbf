/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers and pieces read out of strangers' bytes: whatever the offsets and lengths say, nothing beyond the slice is looked at. What is
 * not there reads as 0 or as the empty slice; where that makes a difference ask bytes_has() first.
 */
#pragma once

#include "base/slice.h"

static inline bool bytes_has(struct slice s, uint64_t offset, uint64_t size)
{
	return offset <= s.size && size <= s.size - offset;
}

/* As much of it as there is. */
static inline struct slice bytes_piece(struct slice s, uint64_t offset, uint64_t size)
{
	if (offset >= s.size)
		return slice_make(s.data, 0);
	return slice_make(s.data + offset, size < s.size - offset ? (size_t)size : s.size - offset);
}

static inline struct slice bytes_from(struct slice s, uint64_t offset)
{
	return bytes_piece(s, offset, UINT64_MAX);
}

static inline uint8_t bytes_8(struct slice s, uint64_t offset)
{
	return offset < s.size ? (uint8_t)s.data[offset] : 0;
}

/* Little end first. */
static inline uint16_t bytes_16(struct slice s, uint64_t offset)
{
	uint16_t low = bytes_8(s, offset);

	return bytes_has(s, offset, 2) ? (uint16_t)(low | bytes_8(s, offset + 1) << 8) : 0;
}

static inline uint32_t bytes_32(struct slice s, uint64_t offset)
{
	return bytes_has(s, offset, 4)
		? bytes_16(s, offset) | (uint32_t)bytes_16(s, offset + 2) << 16
		: 0;
}

static inline uint64_t bytes_64(struct slice s, uint64_t offset)
{
	return bytes_has(s, offset, 8)
		? bytes_32(s, offset) | (uint64_t)bytes_32(s, offset + 4) << 32
		: 0;
}

/* Whether these bytes, of which some may be NUL, stand at that place. */
static inline bool bytes_are(struct slice s, uint64_t offset, const char *expected, size_t size)
{
	return bytes_has(s, offset, size) && memcmp(s.data + offset, expected, size) == 0;
}

static inline bool bytes_are_same(struct slice a, struct slice b)
{
	return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static inline bool bytes_begin(struct slice s, struct slice prefix)
{
	return bytes_are(s, 0, prefix.data, prefix.size);
}

/* Where these bytes stand first at or behind that place; SIZE_MAX: nowhere. */
static inline size_t bytes_find(struct slice s, uint64_t offset, const char *wanted, size_t size)
{
	const char *found =
		offset < s.size ? memmem(s.data + offset, s.size - offset, wanted, size) : NULL;

	return found ? (size_t)(found - s.data) : SIZE_MAX;
}
