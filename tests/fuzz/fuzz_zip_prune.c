/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a ZIP file, from which every other member is taken, by the first byte: what is left is plain, and nothing else has changed. */
#include "policy/content/bytes.h"
#include "policy/content/zip_directory.h"
#include "policy/content/zip_prune.h"

#include <assert.h>
#include <talloc.h>

#define MOST 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_removed(const uint64_t *removed, size_t count, uint64_t at)
{
	for (size_t i = 0; i < count; i++) {
		if (removed[i] == at)
			return true;
	}
	return false;
}

static bool has(const struct zip_directory *directory, const struct zip_entry *wanted)
{
	for (size_t i = 0; i < directory->count; i++) {
		const struct zip_entry *entry = &directory->entries[i];
		if (bytes_are_same(entry->name, wanted->name) && entry->size == wanted->size &&
			entry->checksum == wanted->checksum && entry->method == wanted->method &&
			entry->packed.size == wanted->packed.size &&
			memcmp(entry->packed.data, wanted->packed.data, wanted->packed.size) == 0)
			return true;
	}
	return false;
}

static void compare(const struct zip_directory *before, const struct zip_directory *after,
	const uint64_t *removed, size_t count)
{
	assert(after->findings == 0);
	assert(after->count == before->count - count + 1);
	for (size_t i = 0; i < before->count; i++) {
		const struct zip_entry *entry = &before->entries[i];
		assert(has(after, entry) != is_removed(removed, count, entry->offset));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scratch = talloc_new(NULL);
	struct slice bytes = slice_make(talloc_memdup(scratch, data, size), size);
	uint64_t removed[MOST];
	size_t count = 0, phase = size ? data[size - 1] & 1 : 0;
	struct zip_directory *before = zip_directory_read(scratch, bytes, 2 * MOST);
	struct zip_prune *prune;

	for (size_t i = phase; i < before->count && count < MOST; i += 2)
		removed[count++] = before->entries[i].offset;
	prune = zip_prune_new(scratch, bytes, removed, count, slice_of("a note\r\n"));
	assert((prune->reason != NULL) == (prune->count == 0));
	if (!prune->reason) {
		struct slice joined = zip_prune_join(scratch, prune, bytes);
		assert(joined.size == prune->size);
		compare(before, zip_directory_read(scratch, joined, 2 * MOST), removed, count);
	}
	talloc_free(scratch);
	return 0;
}
