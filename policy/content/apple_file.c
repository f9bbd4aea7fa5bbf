/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers here have their big end first. */
#include "policy/content/apple_file.h"

#include "policy/content/bytes.h"

#define SINGLE_COUNT_AT 24
#define SINGLE_ENTRIES_AT 26
#define SINGLE_ENTRY 12
#define SINGLE_DATA 1
#define SINGLE_NAME 3
#define SINGLE_ENTRIES_MOST 64

#define MACBINARY_HEADER 128
#define MACBINARY_NAME_MOST 63
#define MACBINARY_DATA_AT 83
#define MACBINARY_RESOURCES_AT 87

static uint32_t number_at(struct slice bytes, uint64_t at)
{
	return (uint32_t)bytes_8(bytes, at) << 24 | (uint32_t)bytes_8(bytes, at + 1) << 16 |
		(uint32_t)bytes_8(bytes, at + 2) << 8 | bytes_8(bytes, at + 3);
}

/* What an entry says where it is; what is not there is damaged. */
static struct slice piece_of(
	struct slice bytes, uint64_t offset, uint64_t size, struct unpacked *out)
{
	if (!bytes_has(bytes, offset, size))
		out->findings |= FINDING_DAMAGED;
	return bytes_piece(bytes, offset, size);
}

void apple_file_unpack_single(struct slice bytes, struct unpacked *out)
{
	unsigned count = (unsigned)bytes_8(bytes, SINGLE_COUNT_AT) << 8 |
		bytes_8(bytes, SINGLE_COUNT_AT + 1);
	struct slice name = slice_of(""), data = slice_of("");

	if (!count)
		out->findings |= FINDING_DAMAGED;
	if (count > SINGLE_ENTRIES_MOST)
		out->findings |= FINDING_OVER_LIMITS;
	for (unsigned i = 0; i < count && i < SINGLE_ENTRIES_MOST; i++) {
		uint64_t at = SINGLE_ENTRIES_AT + (uint64_t)i * SINGLE_ENTRY;
		uint32_t kind = number_at(bytes, at);
		struct slice piece =
			piece_of(bytes, number_at(bytes, at + 4), number_at(bytes, at + 8), out);
		if (kind == SINGLE_NAME && !name.size)
			name = piece;
		if (kind == SINGLE_DATA && !data.size)
			data = piece;
	}
	(void)unpacked_add_view(out, name, data);
}

bool apple_file_is_macbinary(struct slice bytes)
{
	uint8_t size = bytes_8(bytes, 1);
	uint64_t data = number_at(bytes, MACBINARY_DATA_AT);
	uint64_t resources = number_at(bytes, MACBINARY_RESOURCES_AT);

	if (bytes.size <= MACBINARY_HEADER || bytes_8(bytes, 0) || bytes_8(bytes, 74) ||
		bytes_8(bytes, 82) || size == 0 || size > MACBINARY_NAME_MOST)
		return false;
	for (unsigned i = 0; i < size; i++) {
		if (bytes_8(bytes, 2U + i) < ' ')
			return false;
	}
	return data + resources > 0 && MACBINARY_HEADER + data + resources <= bytes.size;
}

void apple_file_unpack_macbinary(struct slice bytes, struct unpacked *out)
{
	struct slice name = bytes_piece(bytes, 2, bytes_8(bytes, 1));
	struct slice data =
		piece_of(bytes, MACBINARY_HEADER, number_at(bytes, MACBINARY_DATA_AT), out);

	(void)unpacked_add_view(out, name, data);
}
