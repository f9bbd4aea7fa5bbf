/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of ZIP files: APPNOTE 4.3.7, 4.3.12, 4.5. */
#include "policy/content/zip_header.h"

#include "policy/content/bytes.h"

#define EXTRA_ZIP64 0x0001

struct slice zip_header_field(struct slice extra, uint16_t wanted)
{
	while (extra.size >= 4) {
		uint16_t id = bytes_16(extra, 0), size = bytes_16(extra, 2);
		if (id == wanted)
			return bytes_piece(extra, 4, size);
		extra = bytes_from(extra, 4 + (uint64_t)size);
	}
	return slice_of("");
}

/* What did not fit 32 bits stands there, in this order. */
static void widen(struct zip_header *header)
{
	struct slice extra = zip_header_field(header->extra, EXTRA_ZIP64);
	uint64_t *fields[] = {&header->size, &header->packed_size, &header->offset};

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (*fields[i] != ZIP_HEADER_SAID_ELSEWHERE || extra.size < 8)
			continue;
		*fields[i] = bytes_64(extra, 0);
		extra = slice_from(extra, 8);
	}
}

/* What both kinds have in the same order, from the flags on; the offset is left to the kind. behind: where name and extra stand. *end: where these end. */
static struct zip_header read_fields(struct slice s, uint64_t flags, uint64_t behind, uint64_t *end)
{
	uint16_t name_size = bytes_16(s, flags + 20), extra_size = bytes_16(s, flags + 22);

	*end = behind + name_size + extra_size;
	return (struct zip_header){.flags = bytes_16(s, flags),
		.method = bytes_16(s, flags + 2),
		.checksum = bytes_32(s, flags + 8),
		.packed_size = bytes_32(s, flags + 12),
		.size = bytes_32(s, flags + 16),
		.name = bytes_piece(s, behind, name_size),
		.extra = bytes_piece(s, behind + name_size, extra_size)};
}

bool zip_header_read_central(
	struct slice bytes, uint64_t at, struct zip_header *header, uint64_t *next)
{
	struct slice s = bytes_from(bytes, at);
	uint64_t end;

	if (!bytes_are(s, 0, "PK\1\2", 4) || s.size < ZIP_HEADER_CENTRAL_SIZE)
		return false;
	*header = read_fields(s, 8, ZIP_HEADER_CENTRAL_SIZE, &end);
	header->offset = bytes_32(s, 42);
	widen(header);
	*next = at + end + bytes_16(s, 32);
	return true;
}

bool zip_header_read_local(struct slice bytes, uint64_t at, struct zip_header *header)
{
	struct slice s = bytes_from(bytes, at);
	uint64_t end;

	if (!bytes_are(s, 0, "PK\3\4", 4) || s.size < ZIP_HEADER_LOCAL_SIZE)
		return false;
	*header = read_fields(s, 6, ZIP_HEADER_LOCAL_SIZE, &end);
	widen(header);
	header->offset = at + end;
	return true;
}
