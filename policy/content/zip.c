/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of ZIP archives: stored and deflated ones by zlib, the other methods by libarchive, as an archive of that one entry. */
#include "policy/content/zip.h"

#include "policy/content/archive.h"
#include "policy/content/inflation.h"

#include <talloc.h>
#include <zlib.h>

/* What libarchive knows: bzip2, lzma, xz, zstd, ppmd. */
static bool is_known_elsewhere(uint16_t method)
{
	return method == 12 || method == 14 || method == 93 || method == 95 || method == 98;
}

static bool has_checksum(struct slice bytes, uint32_t expected)
{
	return crc32_z(0, (const Bytef *)bytes.data, bytes.size) == expected;
}

static struct slice read_stored(
	const struct zip_entry *entry, struct budget *budget, uint64_t *findings)
{
	struct slice view = entry->packed.data ? entry->packed : slice_of("");

	view.size = budget_bytes(budget, view.size);
	if (view.size < entry->packed.size)
		*findings |= FINDING_OVER_LIMITS;
	return view;
}

static struct slice read_deflated(const void *parent, const struct zip_entry *entry,
	struct budget *budget, uint64_t *findings)
{
	struct output output = output_begin(parent, budget);
	size_t used;
	enum inflation_end end = inflation_run(
		entry->packed.data ? entry->packed : slice_of(""), INFLATION_RAW, &output, &used);

	if (end == INFLATION_CUT)
		*findings |= FINDING_OVER_LIMITS;
	else if (end != INFLATION_DONE)
		*findings |= FINDING_DAMAGED;
	return output_slice(&output);
}

struct slice zip_read(const void *parent, const struct zip_entry *entry, struct budget *budget,
	uint64_t *findings)
{
	struct slice bytes = slice_of("");
	uint64_t found = 0;

	if (!budget_has_time(budget) || (entry->packed.size && !budget_has_bytes(budget))) {
		*findings |= FINDING_OVER_LIMITS;
		return bytes;
	}
	if (entry->findings & FINDING_ENCRYPTED)
		return bytes;
	if (entry->method == ZIP_STORED)
		bytes = read_stored(entry, budget, &found);
	else if (entry->method == ZIP_DEFLATED)
		bytes = read_deflated(parent, entry, budget, &found);
	else if (is_known_elsewhere(entry->method))
		bytes = archive_read_zip_entry(parent, entry, budget, &found);
	else
		found |= FINDING_UNSUPPORTED;
	if (!found && !entry->is_open &&
		(bytes.size != entry->size || !has_checksum(bytes, entry->checksum)))
		found |= FINDING_DAMAGED;
	*findings |= found;
	return bytes;
}

struct member *zip_add(const struct zip_entry *entry, struct unpacked *out)
{
	bool differs = entry->findings & FINDING_NAMES_DIFFER;
	struct slice name = !differs && entry->other_name.size ? entry->other_name : entry->name;
	struct member *member = unpacked_add(out, name);

	if (!member)
		return NULL;
	member->size = entry->size;
	member->at = entry->offset;
	unpacked_find(out, member, entry->findings);
	if (entry->is_link)
		unpacked_find(out, member, FINDING_LINK_ENTRY);
	if (differs && entry->other_name.size)
		unpacked_rename(out, member, entry->other_name);
	return member;
}

static bool is_folder(const struct zip_entry *entry)
{
	struct slice name = entry->name;

	return name.size && name.data[name.size - 1] == '/' && entry->size == 0 &&
		entry->packed_size == 0;
}

void zip_unpack(struct slice bytes, struct unpacked *out)
{
	size_t most = out->budget->limits.entries - out->budget->entries;
	struct zip_directory *directory = zip_directory_read(out->parent, bytes, most);

	out->findings |= directory->findings;
	for (size_t i = 0; i < directory->count; i++) {
		const struct zip_entry *entry = &directory->entries[i];
		uint64_t findings = 0;
		struct member *member;
		if (is_folder(entry))
			continue;
		member = zip_add(entry, out);
		if (!member)
			break;
		member->bytes = zip_read(out->parent, entry, out->budget, &findings);
		unpacked_find(out, member, findings);
	}
	talloc_free(directory);
}
