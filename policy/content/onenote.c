/* SPDX-License-Identifier: Apache-2.0 */
/* FileDataStoreObject of MS-ONESTORE 2.6.13. */
#include "policy/content/onenote.h"

#include "policy/content/bytes.h"

#define IDENTIFIER "\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac"
#define HEADER_SIZE 36 /* identifier, size, reserved */

/* What the web application exports has no such objects. There only programs are looked for, by both their headers. */
static void find_programs(struct slice bytes, struct unpacked *out)
{
	size_t at = 0;

	while ((at = bytes_find(bytes, at, "MZ", 2)) != SIZE_MAX) {
		struct slice program = slice_from(bytes, at);
		if (bytes_32(program, 0x3c) < 4096 &&
			bytes_are(program, bytes_32(program, 0x3c), "PE\0\0", 4)) {
			out->findings |= FINDING_EMBEDDED_OBJECT;
			(void)unpacked_add_view(out, slice_of(""), program);
			return;
		}
		at += 2;
	}
}

void onenote_unpack(struct slice bytes, struct unpacked *out)
{
	size_t at = 0;

	while ((at = bytes_find(bytes, at, IDENTIFIER, 16)) != SIZE_MAX) {
		uint64_t size = bytes_64(bytes, at + 16);
		struct slice file = bytes_piece(bytes, at + HEADER_SIZE, size);
		struct member *member = unpacked_add_view(out, slice_of(""), file);
		if (!member)
			return;
		member->size = size;
		if (file.size < size)
			unpacked_find(out, member, FINDING_DAMAGED);
		out->findings |= FINDING_EMBEDDED_OBJECT;
		at += HEADER_SIZE + file.size;
	}
	if (out->count == 0)
		find_programs(bytes, out);
}
