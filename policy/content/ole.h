/* SPDX-License-Identifier: Apache-2.0
 *
 * Compound files (MS-CFB): a file system in a file, which Office up to 2003, Outlook and Windows Installer use. Opened once over a slice;
 * the directory is read whole, streams are put together on demand. Chains of sectors that run in circles, leave the file or are too long
 * end there, and the file is damaged.
 */
#pragma once

#include "policy/content/bytes.h"
#include "policy/content/file_type.h"
#include "policy/content/output.h"

#define OLE_NONE UINT32_MAX
#define OLE_ENTRIES_MOST 65536

enum ole_kind { OLE_UNUSED = 0, OLE_STORAGE = 1, OLE_STREAM = 2, OLE_ROOT = 5 };

struct ole_entry {
	const char *name; /* UTF-8; control characters as they are */
	enum ole_kind kind;
	uint32_t parent; /* the index of the storage it is in; OLE_NONE: of nothing */
	uint32_t start;  /* sector */
	uint64_t size;
};

struct ole {
	struct slice bytes;
	struct ole_entry *entries;
	size_t count;
	struct slice class_id; /* of the root, 16 bytes or none */
	bool is_damaged;
	uint32_t *fat, *mini_fat;
	size_t fat_size, mini_fat_size;
	struct slice mini; /* the stream that small streams are in, once one was read */
	bool has_mini;
	unsigned shift, mini_shift;
	uint32_t cutoff;
};

/* NULL when it is no compound file. */
struct ole *ole_open(const void *parent, struct slice bytes);

/* The stream of that name within a storage; NULL: there is none. OLE_NONE: in any storage. Names are compared without case. */
const struct ole_entry *ole_find(const struct ole *ole, uint32_t storage, const char *name);

/* What a stream holds: a view where its sectors follow each other, else the parent's. Charged to the budget; *is_cut: it had no more. */
struct slice ole_read(const void *parent, struct ole *ole, const struct ole_entry *entry,
	struct budget *budget, bool *is_cut);

/* Which of the types that are compound files it is. */
enum file_type ole_type(struct slice bytes);
