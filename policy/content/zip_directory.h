/* SPDX-License-Identifier: Apache-2.0
 *
 * The entries of a ZIP file (APPNOTE of PKWARE) as all readers together see them. Programs disagree about ZIP files: some follow the
 * central directory at the end, some the headers in front of the entries; with several directories some take the last, some the
 * first that fits. So this is the union: each entry that any reading yields, with its name in each of them, and findings
 * where they differ. One pass over the bytes and a sort; entries are counted before anything is unpacked.
 *
 * Understood: ZIP64, data descriptors, prefixes, several end records and directories, local headers that no directory names, entries that
 * overlap, Unicode path fields, the marks of encryption. Not: volumes of a split archive, which are a finding.
 */
#pragma once

#include "policy/content/bytes.h"
#include "policy/content/file_type.h"
#include "policy/content/finding.h"

struct zip_entry {
	struct slice name; /* as the directory has it, or where it is in none, as its header */
	struct slice
		other_name; /* as its header has it or the Unicode path field, if that differs; or empty */
	struct slice packed;        /* its bytes, as many as there are */
	uint64_t size, packed_size; /* as they are said to be */
	uint64_t offset;            /* of its header */
	uint32_t checksum;
	uint16_t method;
	bool is_open; /* its packed size is not said: the stream ends itself */
	bool is_link;
	uint64_t findings;
};

struct zip_directory {
	struct zip_entry *entries;
	size_t count;
	uint64_t announced; /* entries, as the end records say */
	uint64_t findings;  /* of all entries, and of the file */
};

#define ZIP_STORED 0
#define ZIP_DEFLATED 8
#define ZIP_AES 99

/* At most so many entries are read; more are FINDING_OVER_LIMITS. A file without any is FINDING_DAMAGED. */
struct zip_directory *zip_directory_read(const void *parent, struct slice bytes, size_t most);

/* Whether a ZIP file ends where the bytes end, whatever stands before. */
bool zip_directory_is_at_end(struct slice bytes);

/* The entry of that name, in any case of letters; NULL: none. */
const struct zip_entry *zip_directory_find(const struct zip_directory *directory, const char *name);
