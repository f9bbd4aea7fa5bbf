/* SPDX-License-Identifier: Apache-2.0
 *
 * The headers of a ZIP file's entries, each by itself: those of the central directory and those in front of the entries. What did not fit
 * 32 bits is taken from the ZIP64 field. Which of them belong together is policy/content/zip_directory.h's.
 */
#pragma once

#include "base/slice.h"

#define ZIP_HEADER_CENTRAL_SIZE 46 /* of what is always there, name and fields behind it */
#define ZIP_HEADER_LOCAL_SIZE 30
#define ZIP_HEADER_END_SIZE 22 /* of the end record, its comment behind it */

#define ZIP_HEADER_ENCRYPTED 1 /* flags */
#define ZIP_HEADER_DESCRIPTOR 8
#define ZIP_HEADER_STRONG 64
#define ZIP_HEADER_MASKED 8192

#define ZIP_HEADER_UNICODE_PATH 0x7075 /* a field */
#define ZIP_HEADER_SAID_ELSEWHERE 0xffffffff

/* Of either kind. */
struct zip_header {
	uint16_t flags, method;
	uint32_t checksum;
	uint64_t packed_size, size;
	uint64_t
		offset; /* in the directory: of the entry's own header; of a local one: of the data behind it */
	struct slice name, extra;
};

/* False when there is none at that place. *next: where it ends. */
bool zip_header_read_central(
	struct slice bytes, uint64_t at, struct zip_header *header, uint64_t *next);
bool zip_header_read_local(struct slice bytes, uint64_t at, struct zip_header *header);

/* A field of the extra data; empty: none. */
struct slice zip_header_field(struct slice extra, uint16_t wanted);
