/* SPDX-License-Identifier: Apache-2.0 */
/* MS-CFB: sectors in chains, a table of sectors, a tree of names. */
#include "policy/content/ole.h"

#include "policy/content/unpacked.h"

#include <assert.h>
#include <talloc.h>

#define HEADER_SIZE 512
#define ENTRY_SIZE 128
#define HEADER_FATS 109 /* sectors of the table that the header names */
#define SECTOR_LAST 0xfffffffa

static struct slice sector_of(const struct ole *ole, uint32_t sector)
{
	return bytes_piece(ole->bytes, ((uint64_t)sector + 1) << ole->shift, 1ULL << ole->shift);
}

static size_t sectors_of(const struct ole *ole)
{
	return ole->bytes.size >> ole->shift;
}

static void add_fat_sector(struct ole *ole, uint32_t sector, size_t room)
{
	struct slice s = sector_of(ole, sector);

	for (size_t i = 0; i + 4 <= s.size && ole->fat_size < room; i += 4)
		ole->fat[ole->fat_size++] = bytes_32(s, i);
}

/* The table has an entry for each sector of the file, and not more. Its own sectors are named by the header, then by a chain. */
static void read_fat(struct ole *ole)
{
	size_t room = sectors_of(ole) + 1, per_sector = (1UL << ole->shift) / 4;
	uint32_t next = bytes_32(ole->bytes, 0x44);

	ole->fat = talloc_array(ole, uint32_t, room);
	for (size_t i = 0; i < HEADER_FATS; i++) {
		uint32_t sector = bytes_32(ole->bytes, 0x4c + 4 * i);
		if (sector < SECTOR_LAST)
			add_fat_sector(ole, sector, room);
	}
	for (size_t i = 0; next < SECTOR_LAST && i < room; i++) {
		struct slice s = sector_of(ole, next);
		for (size_t k = 0; k + 1 < per_sector && ole->fat_size < room; k++) {
			uint32_t sector = bytes_32(s, 4 * k);
			if (sector < SECTOR_LAST)
				add_fat_sector(ole, sector, room);
		}
		next = bytes_32(s, 4 * (per_sector - 1));
		if (s.size == 0 || next == 0)
			break;
	}
}

/* The next sector of a chain. */
static uint32_t follow(const uint32_t *table, size_t size, uint32_t sector)
{
	return sector < size ? table[sector] : OLE_NONE;
}

static void read_mini_fat(struct ole *ole)
{
	size_t room = sectors_of(ole) + 1;
	uint32_t sector = bytes_32(ole->bytes, 0x3c);
	size_t most = (room << ole->shift) / 4;

	for (size_t i = 0; sector < SECTOR_LAST && i < room; i++) {
		struct slice s = sector_of(ole, sector);
		ole->mini_fat = talloc_realloc(
			ole, ole->mini_fat, uint32_t, ole->mini_fat_size + s.size / 4 + 1);
		for (size_t k = 0; k + 4 <= s.size && ole->mini_fat_size < most; k += 4)
			ole->mini_fat[ole->mini_fat_size++] = bytes_32(s, k);
		sector = follow(ole->fat, ole->fat_size, sector);
	}
}

static void read_entry(struct ole *ole, struct slice s)
{
	struct ole_entry *entry = &ole->entries[ole->count++];
	uint16_t name_size = bytes_16(s, 64);
	uint64_t size = bytes_64(s, 120);

	*entry = (struct ole_entry){.kind = (enum ole_kind)bytes_8(s, 66),
		.parent = OLE_NONE,
		.start = bytes_32(s, 116),
		.size = bytes_16(ole->bytes, 0x1a) < 4 ? (uint32_t)size : size};
	entry->name = slice_keep(ole->entries,
		unpacked_from_utf16(
			ole->entries, bytes_piece(s, 0, name_size < 64 ? name_size : 64)));
}

static void read_directory(struct ole *ole, struct slice *raw)
{
	uint32_t sector = bytes_32(ole->bytes, 0x30);
	size_t most = sectors_of(ole) + 1;
	for (size_t i = 0; sector < SECTOR_LAST && i < most; i++) {
		struct slice s = sector_of(ole, sector);
		size_t count = s.size / ENTRY_SIZE;
		if (ole->count + count > OLE_ENTRIES_MOST || i + 1 == most || count == 0) {
			ole->is_damaged = true;
			return;
		}
		ole->entries =
			talloc_realloc(ole, ole->entries, struct ole_entry, ole->count + count);
		for (size_t k = 0; k < count; k++) {
			raw[ole->count] = bytes_piece(s, k * ENTRY_SIZE, ENTRY_SIZE);
			read_entry(ole, raw[ole->count]);
		}
		sector = follow(ole->fat, ole->fat_size, sector);
	}
}

struct visit {
	uint32_t index, parent;
};

/* Each entry hangs below its storage in a tree of brothers. */
static void find_parents(struct ole *ole, const struct slice *raw)
{
	struct visit *stack = talloc_array(ole, struct visit, 3 * ole->count + 3);
	bool *seen = talloc_zero_array(ole, bool, ole->count + 1);
	size_t height = 0;

	stack[height++] = (struct visit){0, OLE_NONE};
	while (height) {
		struct visit visit = stack[--height];
		struct slice s;
		if (visit.index >= ole->count)
			continue;
		if (seen[visit.index]) {
			ole->is_damaged = true;
			continue;
		}
		seen[visit.index] = true;
		s = raw[visit.index];
		ole->entries[visit.index].parent = visit.parent;
		stack[height++] = (struct visit){bytes_32(s, 68), visit.parent};
		stack[height++] = (struct visit){bytes_32(s, 72), visit.parent};
		if (ole->entries[visit.index].kind != OLE_STREAM)
			stack[height++] = (struct visit){bytes_32(s, 76), visit.index};
	}
	talloc_free(stack);
	talloc_free(seen);
}

struct ole *ole_open(const void *parent, struct slice bytes)
{
	struct ole *ole;
	struct slice *raw;

	if (!bytes_are(bytes, 0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8) || bytes.size < HEADER_SIZE)
		return NULL;
	ole = talloc_zero(parent, struct ole);
	ole->bytes = bytes;
	ole->shift = bytes_16(bytes, 0x1e);
	ole->mini_shift = bytes_16(bytes, 0x20);
	ole->cutoff = bytes_32(bytes, 0x38);
	if (ole->shift < 7 || ole->shift > 16 || ole->mini_shift < 4 ||
		ole->mini_shift > ole->shift) {
		talloc_free(ole);
		return NULL;
	}
	read_fat(ole);
	read_mini_fat(ole);
	raw = talloc_array(ole, struct slice, OLE_ENTRIES_MOST);
	read_directory(ole, raw);
	if (ole->count) {
		find_parents(ole, raw);
		ole->class_id = bytes_piece(raw[0], 80, 16);
	} else {
		ole->is_damaged = true;
	}
	talloc_free(raw);
	return ole;
}

const struct ole_entry *ole_find(const struct ole *ole, uint32_t storage, const char *name)
{
	for (size_t i = 0; i < ole->count; i++) {
		const struct ole_entry *entry = &ole->entries[i];
		if (entry->kind == OLE_STREAM &&
			(storage == OLE_NONE || entry->parent == storage) &&
			slice_equals_nocase(slice_of(entry->name), name))
			return entry;
	}
	return NULL;
}

/* A chain of sectors of one of the two sizes. */
struct chain {
	const uint32_t *table;
	size_t table_size;
	struct slice bytes;
	unsigned shift;
	unsigned first; /* sectors before number 0 */
};

static struct slice chain_sector(const struct chain *chain, uint32_t sector, uint64_t size)
{
	uint64_t at = ((uint64_t)sector + chain->first) << chain->shift;
	uint64_t most = 1ULL << chain->shift;

	return bytes_piece(chain->bytes, at, size < most ? size : most);
}

/* The view of it, if its sectors follow each other; else none. */
static bool view_chain(const struct chain *chain, uint32_t start, uint64_t size, struct slice *view)
{
	uint64_t length = (size + (1ULL << chain->shift) - 1) >> chain->shift;
	uint64_t at = ((uint64_t)start + chain->first) << chain->shift;

	if (!bytes_has(chain->bytes, at, size))
		return false;
	for (uint64_t i = 0; i + 1 < length; i++) {
		if (follow(chain->table, chain->table_size, (uint32_t)(start + i)) != start + i + 1)
			return false;
	}
	*view = bytes_piece(chain->bytes, at, size);
	return true;
}

static struct slice read_chain(const void *parent, struct ole *ole, const struct chain *chain,
	const struct ole_entry *entry, struct budget *budget, bool *is_cut)
{
	struct output output = output_begin(parent, budget);
	uint32_t sector = entry->start;
	uint64_t left = entry->size;
	struct slice view;

	if (entry->start < SECTOR_LAST && view_chain(chain, entry->start, entry->size, &view)) {
		size_t granted = budget_bytes(budget, view.size);
		*is_cut = granted < view.size;
		view.size = granted;
		return view;
	}
	for (size_t i = 0; left && sector < SECTOR_LAST && i <= chain->table_size; i++) {
		struct slice s = chain_sector(chain, sector, left);
		if (s.size == 0 || !output_add(&output, s.data, s.size))
			break;
		left -= s.size;
		sector = follow(chain->table, chain->table_size, sector);
	}
	*is_cut = output.is_cut;
	if (left && !output.is_cut)
		ole->is_damaged = true;
	return output_slice(&output);
}

static struct chain chain_of(const struct ole *ole)
{
	return (struct chain){ole->fat, ole->fat_size, ole->bytes, ole->shift, 1};
}

static struct chain mini_chain_of(const struct ole *ole)
{
	return (struct chain){ole->mini_fat, ole->mini_fat_size, ole->mini, ole->mini_shift, 0};
}

struct slice ole_read(const void *parent, struct ole *ole, const struct ole_entry *entry,
	struct budget *budget, bool *is_cut)
{
	struct chain chain = chain_of(ole);

	*is_cut = false;
	if (!budget_has_time(budget) || (entry->size && !budget_has_bytes(budget))) {
		*is_cut = true;
		return slice_of("");
	}
	if (entry->size == 0)
		return slice_of("");
	if (entry->size >= ole->cutoff || entry == &ole->entries[0])
		return read_chain(parent, ole, &chain, entry, budget, is_cut);
	if (!ole->has_mini) {
		ole->has_mini = true;
		ole->mini = read_chain(ole, ole, &chain, &ole->entries[0], budget, is_cut);
	}
	chain = mini_chain_of(ole);
	return read_chain(parent, ole, &chain, entry, budget, is_cut);
}

static const struct {
	const char *name;
	enum file_type type;
} kinds[] = {
	{"EncryptedPackage", FILE_TYPE_ENCRYPTED_OFFICE},
	{"WordDocument", FILE_TYPE_DOC},
	{"Workbook", FILE_TYPE_XLS},
	{"Book", FILE_TYPE_XLS},
	{"PowerPoint Document", FILE_TYPE_PPT},
	{"__properties_version1.0", FILE_TYPE_MSG},
	/* A table of the installer; its names are packed into letters of Chinese. */
	{"\u4840\u3b3f\u43f2\u4438\u45b1", FILE_TYPE_MSI},
	{"\u4840\u3f3f\u4577\u446c\u3e6a\u44b2\u482f", FILE_TYPE_MSI},
};

/* 000C1082, 1084 and 1086, which are transforms, packages and patches. */
static bool is_installer(const struct ole *ole)
{
	uint8_t kind = bytes_8(ole->class_id, 0);

	return (kind == 0x82 || kind == 0x84 || kind == 0x86) &&
		bytes_are(ole->class_id, 1, "\x10\x0c\0\0\0\0\0\xc0\0\0\0\0\0\0F", 15);
}

enum file_type ole_type(struct slice bytes)
{
	struct ole *ole = ole_open(NULL, bytes);
	enum file_type type = FILE_TYPE_OLE;

	if (!ole)
		return FILE_TYPE_OLE;
	if (is_installer(ole))
		type = FILE_TYPE_MSI;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds && type == FILE_TYPE_OLE; i++) {
		if (ole_find(ole, 0, kinds[i].name))
			type = kinds[i].type;
	}
	talloc_free(ole);
	return type;
}
