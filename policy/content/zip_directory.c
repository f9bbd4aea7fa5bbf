/* SPDX-License-Identifier: Apache-2.0 */
/* ZIP directories: end records from the last to the first, the directories they point to, then the headers that stand between what is known. */
#include "policy/content/zip_directory.h"

#include "policy/content/ranges.h"
#include "policy/content/zip_header.h"

#include <stdlib.h>
#include <strings.h>
#include <talloc.h>

#define ENDS_MOST 32 /* end records that are followed */
#define LOCATOR_SIZE 20
#define END64_SIZE 56
#define COMMENT_MOST 65535
#define ENTRIES_FIRST 64

#define MODE_TYPE 0170000U
#define MODE_LINK 0120000U

struct reading {
	struct slice bytes;
	struct zip_directory *out;
	size_t most;
	struct ranges known;            /* to be part of an entry or a directory */
	uint64_t starts[ENDS_MOST * 4]; /* of directories that were read */
	size_t start_count;
};

/* Where a directory is said to be. */
struct end_record {
	uint64_t count, size, offset;
	uint64_t directory_end;
};

static struct zip_entry *add_entry(struct reading *reading)
{
	struct zip_directory *out = reading->out;
	size_t room = out->entries ? talloc_array_length(out->entries) : 0;

	if (out->count >= reading->most) {
		out->findings |= FINDING_OVER_LIMITS;
		return NULL;
	}
	if (out->count == room)
		out->entries = talloc_realloc(
			out, out->entries, struct zip_entry, room ? room * 2 : ENTRIES_FIRST);
	out->entries[out->count] = (struct zip_entry){.name = slice_of("")};
	return &out->entries[out->count++];
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static bool is_ascii(struct slice s)
{
	for (size_t i = 0; i < s.size; i++) {
		if ((uint8_t)s.data[i] >= 0x80)
			return false;
	}
	return true;
}

/* A Unicode path that only spells out what a code page could not is no other name. */
static void note_unicode_path(struct zip_entry *entry, struct slice extra)
{
	struct slice path = bytes_from(zip_header_field(extra, ZIP_HEADER_UNICODE_PATH), 5);

	if (!path.size || bytes_are_same(path, entry->name))
		return;
	if (is_ascii(entry->name) ||
		!slice_is_same_nocase(file_type_extension(path), file_type_extension(entry->name)))
		entry->findings |= FINDING_NAMES_DIFFER;
	if (!entry->other_name.size)
		entry->other_name = path;
}

static void fill(struct zip_entry *entry, const struct zip_header *header)
{
	entry->name = header->name;
	entry->size = header->size;
	entry->packed_size = header->packed_size;
	entry->checksum = header->checksum;
	entry->method = header->method;
	if (header->flags & (ZIP_HEADER_ENCRYPTED | ZIP_HEADER_STRONG) || header->method == ZIP_AES)
		entry->findings |= FINDING_ENCRYPTED;
	note_unicode_path(entry, header->extra);
}

/* The same entry as its header has it. */
static void add_other_reading(
	struct reading *reading, const struct zip_header *local, uint64_t offset, uint64_t findings)
{
	struct zip_entry *entry = add_entry(reading);

	if (!entry)
		return;
	fill(entry, local);
	entry->offset = offset;
	entry->packed = bytes_piece(reading->bytes, local->offset, local->packed_size);
	entry->findings |= findings;
}

static bool describes_other(const struct zip_header *central, const struct zip_header *local)
{
	if (central->method != local->method ||
		((central->flags ^ local->flags) & ZIP_HEADER_ENCRYPTED))
		return true;
	return !(local->flags & ZIP_HEADER_DESCRIPTOR) &&
		central->packed_size != local->packed_size;
}

/* Finds the header of an entry of the directory, and compares. */
static void join_local(struct reading *reading, struct zip_entry *entry,
	const struct zip_header *central, uint64_t base)
{
	struct zip_header local;
	uint64_t findings = 0;

	if (__builtin_add_overflow(base, central->offset, &entry->offset) ||
		!zip_header_read_local(reading->bytes, entry->offset, &local)) {
		entry->offset = central->offset;
		if (!zip_header_read_local(reading->bytes, entry->offset, &local)) {
			entry->findings |= FINDING_DAMAGED;
			return;
		}
	}
	entry->packed = bytes_piece(reading->bytes, local.offset, central->packed_size);
	if (entry->packed.size < central->packed_size)
		entry->findings |= FINDING_DAMAGED;
	ranges_add(&reading->known, entry->offset, local.offset + entry->packed.size);
	if (local.flags & ZIP_HEADER_MASKED)
		return;
	if (!bytes_are_same(local.name, central->name)) {
		entry->other_name = local.name;
		entry->findings |= FINDING_NAMES_DIFFER;
	}
	note_unicode_path(entry, local.extra);
	if (describes_other(central, &local)) {
		findings = FINDING_HEADERS_DIFFER;
		entry->findings |= findings;
		add_other_reading(reading, &local, entry->offset, findings);
	}
}

static bool was_read(struct reading *reading, uint64_t start)
{
	for (size_t i = 0; i < reading->start_count; i++) {
		if (reading->starts[i] == start)
			return true;
	}
	if (reading->start_count < sizeof reading->starts / sizeof *reading->starts)
		reading->starts[reading->start_count++] = start;
	return false;
}

static void read_entry(struct reading *reading, const struct zip_header *header, uint64_t base,
	uint32_t attributes, uint8_t system)
{
	struct zip_entry *entry = add_entry(reading);

	if (!entry)
		return;
	fill(entry, header);
	entry->is_link = system == 3 && (attributes >> 16 & MODE_TYPE) == MODE_LINK;
	if (header->flags & ZIP_HEADER_MASKED)
		entry->findings |= FINDING_ENCRYPTED;
	join_local(reading, entry, header, base);
}

/* The directory that begins there; how many entries it has. */
static size_t read_directory(struct reading *reading, uint64_t start, uint64_t base)
{
	struct zip_header header;
	uint64_t at = start, next;
	size_t count = 0;

	while (reading->out->count < reading->most &&
		zip_header_read_central(reading->bytes, at, &header, &next)) {
		read_entry(reading, &header, base, bytes_32(reading->bytes, at + 38),
			bytes_8(reading->bytes, at + 5));
		at = next;
		count++;
	}
	if (zip_header_read_central(reading->bytes, at, &header, &next))
		reading->out->findings |= FINDING_OVER_LIMITS;
	ranges_add(&reading->known, start, at);
	return count;
}

static bool is_directory(const struct reading *reading, uint64_t place)
{
	return bytes_are(reading->bytes, place, "PK\1\2", 4);
}

/* Where it is said to be, and where it must be so that it ends where the end record begins: readers take one or the other. True when
 * either was there, now or before. */
static bool follow(struct reading *reading, const struct end_record *end)
{
	uint64_t said = end->offset;
	uint64_t counted =
		end->size <= end->directory_end ? end->directory_end - end->size : UINT64_MAX;
	uint64_t base = counted != UINT64_MAX && counted > said ? counted - said : 0;
	bool is_said = is_directory(reading, said), is_counted = is_directory(reading, counted);
	size_t count = 0;

	if (is_said && is_counted && said != counted)
		reading->out->findings |= FINDING_CONCATENATED;
	if (is_counted && !was_read(reading, counted))
		count = read_directory(reading, counted, base);
	else if (is_said && !was_read(reading, said))
		count = read_directory(reading, said, 0);
	if (is_counted && is_said && said != counted && !was_read(reading, said))
		(void)read_directory(reading, said, 0);
	if (count > end->count && (count & UINT16_MAX) != end->count)
		reading->out->findings |= FINDING_HIDDEN_ENTRIES;
	if (count && count < end->count && !(reading->out->findings & FINDING_OVER_LIMITS))
		reading->out->findings |= FINDING_DAMAGED;
	reading->out->announced += end->count;
	return is_said || is_counted || end->count == 0;
}

static bool read_end64(struct slice bytes, uint64_t at, struct end_record *end)
{
	uint64_t place;

	if (at < LOCATOR_SIZE || !bytes_are(bytes, at - LOCATOR_SIZE, "PK\6\7", 4))
		return false;
	place = bytes_64(bytes, at - LOCATOR_SIZE + 8);
	if (!bytes_are(bytes, place, "PK\6\6", 4)) {
		if (at < LOCATOR_SIZE + END64_SIZE)
			return false;
		place = at - LOCATOR_SIZE - END64_SIZE;
	}
	if (!bytes_are(bytes, place, "PK\6\6", 4))
		return false;
	*end = (struct end_record){.count = bytes_64(bytes, place + 32),
		.size = bytes_64(bytes, place + 40),
		.offset = bytes_64(bytes, place + 48),
		.directory_end = place};
	return true;
}

/* An end record, and the ZIP64 one before it where it has one; whether there was anything behind it. */
static bool read_end(struct reading *reading, uint64_t at)
{
	struct slice s = bytes_from(reading->bytes, at);
	struct end_record end = {.count = bytes_16(s, 10),
		.size = bytes_32(s, 12),
		.offset = bytes_32(s, 16),
		.directory_end = at};
	struct end_record wide;
	bool is_wide, is_good = false;

	if (s.size < ZIP_HEADER_END_SIZE)
		return false;
	is_wide = read_end64(reading->bytes, at, &wide);
	if (bytes_16(s, 4) != 0 && bytes_16(s, 4) != UINT16_MAX)
		reading->out->findings |= FINDING_SPLIT;
	if (is_wide)
		is_good = follow(reading, &wide);
	if (!is_wide || end.offset != ZIP_HEADER_SAID_ELSEWHERE)
		is_good = follow(reading, &end) || is_good;
	if (is_good)
		ranges_add(&reading->known, is_wide ? wide.directory_end : at,
			at + ZIP_HEADER_END_SIZE + bytes_16(s, 20));
	return is_good;
}

/* The last end record before that place which is no part of what is known. */
static bool find_end(const struct reading *reading, uint64_t *place)
{
	uint64_t before = *place;

	while (before > 0) {
		const char *data = reading->bytes.data;
		const char *found = memrchr(data, 'P', (size_t)before);
		const struct range *range;
		if (!found)
			return false;
		before = (uint64_t)(found - data);
		if (!bytes_are(reading->bytes, before, "PK\5\6", 4))
			continue;
		range = ranges_find(&reading->known, before);
		if (!range) {
			*place = before;
			return true;
		}
		before = range->start;
	}
	return false;
}

static void judge_tail(struct reading *reading, uint64_t at)
{
	uint64_t end = at + ZIP_HEADER_END_SIZE + bytes_16(reading->bytes, at + 20);

	if (end < reading->bytes.size)
		reading->out->findings |= FINDING_TRAILING;
	if (end > reading->bytes.size)
		reading->out->findings |= FINDING_DAMAGED;
}

/* How many end records led to something. */
static unsigned read_ends(struct reading *reading)
{
	uint64_t place = reading->bytes.size;
	unsigned good = 0;

	for (unsigned i = 0; find_end(reading, &place); i++) {
		if (i == ENDS_MOST) {
			reading->out->findings |= FINDING_OVER_LIMITS;
			break;
		}
		if (i == 0)
			judge_tail(reading, place);
		if (read_end(reading, place)) {
			good++;
			ranges_merge(&reading->known);
		}
	}
	if (good > 1)
		reading->out->findings |= FINDING_CONCATENATED;
	return good;
}

/* Where the next signature of any kind stands; the end when none does. */
static uint64_t next_signature(struct slice bytes, uint64_t at, uint64_t end)
{
	struct slice s = bytes_piece(bytes, 0, end);

	while ((at = bytes_find(s, at, "PK", 2)) != SIZE_MAX) {
		uint8_t kind = bytes_8(s, at + 2), other = bytes_8(s, at + 3);
		if ((kind & 1) && kind <= 7 && other == kind + 1)
			return at;
		at++;
	}
	return end;
}

/* A header that no directory names; where what may follow begins. */
static uint64_t read_hidden(
	struct reading *reading, uint64_t at, uint64_t gap_end, const struct zip_header *local)
{
	struct zip_entry *entry = add_entry(reading);
	bool is_open = (local->flags & ZIP_HEADER_DESCRIPTOR) && local->packed_size == 0;
	uint64_t end, next;

	if (!entry)
		return gap_end;
	fill(entry, local);
	entry->offset = at;
	entry->is_open = is_open;
	entry->findings |= FINDING_HIDDEN_ENTRIES;
	next = is_open || local->packed_size > gap_end
		? next_signature(reading->bytes, local->offset, gap_end)
		: local->offset + local->packed_size;
	end = is_open && local->method == ZIP_DEFLATED ? gap_end : next;
	if (end > local->offset)
		entry->packed = bytes_piece(reading->bytes, local->offset, end - local->offset);
	if (!is_open && entry->packed.size < local->packed_size)
		entry->findings |= FINDING_DAMAGED;
	return next > local->offset ? next : local->offset;
}

/* Names are there, and methods are few. */
static bool is_plausible(const struct zip_header *local)
{
	return local->name.size > 0 && local->method <= ZIP_AES && local->name.size < 4096;
}

static void read_gap(struct reading *reading, uint64_t at, uint64_t end)
{
	struct slice within = bytes_piece(reading->bytes, 0, end);
	struct zip_header local;

	while ((at = bytes_find(within, at, "PK\3\4", 4)) != SIZE_MAX) {
		if (zip_header_read_local(reading->bytes, at, &local) && is_plausible(&local))
			at = read_hidden(reading, at, end, &local);
		else
			at += 4;
	}
}

static void read_gaps(struct reading *reading)
{
	uint64_t at = 0;
	size_t count = reading->known.count;

	for (size_t i = 0; i < count; i++) {
		read_gap(reading, at, reading->known.items[i].start);
		at = reading->known.items[i].end;
	}
	read_gap(reading, at, reading->bytes.size);
}

static int compare_entries(const void *left, const void *right)
{
	const struct zip_entry *a = left, *b = right;

	if (a->offset != b->offset)
		return compare_numbers(a->offset, b->offset);
	if (a->name.size != b->name.size)
		return compare_numbers(a->name.size, b->name.size);
	return memcmp(a->name.data, b->name.data, a->name.size);
}

static bool is_repetition(const struct zip_entry *a, const struct zip_entry *b)
{
	return compare_entries(a, b) == 0 && a->method == b->method &&
		a->packed_size == b->packed_size;
}

static void drop_repetitions(struct zip_directory *out)
{
	size_t kept = 0;

	for (size_t i = 1; i < out->count; i++) {
		if (is_repetition(&out->entries[kept], &out->entries[i]))
			out->entries[kept].findings |= out->entries[i].findings;
		else
			out->entries[++kept] = out->entries[i];
	}
	if (out->count)
		out->count = kept + 1;
}

/* Entries are sorted by where they begin. */
static void find_overlaps(struct slice bytes, struct zip_directory *out)
{
	const char *end = bytes.data;

	for (size_t i = 0; i < out->count; i++) {
		struct zip_entry *entry = &out->entries[i];
		if (!entry->packed.data)
			continue;
		if (i > 0 && bytes.data + entry->offset < end &&
			!(entry->findings & (FINDING_HEADERS_DIFFER | FINDING_HIDDEN_ENTRIES)))
			entry->findings |= FINDING_OVERLAPPING;
		if (!entry->is_open && entry->packed.data + entry->packed.size > end)
			end = entry->packed.data + entry->packed.size;
	}
}

static int compare_names(const void *left, const void *right)
{
	const struct zip_entry *a = *(struct zip_entry *const *)left;
	const struct zip_entry *b = *(struct zip_entry *const *)right;
	size_t size = a->name.size < b->name.size ? a->name.size : b->name.size;
	int order = strncasecmp(a->name.data, b->name.data, size);

	return order != 0 ? order : compare_numbers(a->name.size, b->name.size);
}

static void find_repeated_names(struct zip_directory *out)
{
	struct zip_entry **sorted = talloc_array(out, struct zip_entry *, out->count + 1);

	for (size_t i = 0; i < out->count; i++)
		sorted[i] = &out->entries[i];
	qsort(sorted, out->count, sizeof *sorted, compare_names);
	for (size_t i = 1; i < out->count; i++) {
		if (sorted[i]->offset == sorted[i - 1]->offset ||
			!slice_is_same_nocase(sorted[i]->name, sorted[i - 1]->name))
			continue;
		sorted[i]->findings |= FINDING_REPEATED_NAMES;
		sorted[i - 1]->findings |= FINDING_REPEATED_NAMES;
	}
	talloc_free(sorted);
}

static void judge(struct reading *reading, unsigned ends)
{
	struct zip_directory *out = reading->out;
	struct slice bytes = reading->bytes;

	if (out->count)
		qsort(out->entries, out->count, sizeof *out->entries, compare_entries);
	drop_repetitions(out);
	find_overlaps(bytes, out);
	find_repeated_names(out);
	/* A file that was cut off has no end: nothing is hidden in it. */
	for (size_t i = 0; i < out->count; i++) {
		if (ends == 0)
			out->entries[i].findings &= ~(uint64_t)FINDING_HIDDEN_ENTRIES;
		out->findings |= out->entries[i].findings;
	}
	if (ends == 0)
		out->findings |= FINDING_DAMAGED;
	if (bytes_find(bytes, 0, "PK\6\10", 4) != SIZE_MAX && out->count == 0)
		out->findings |= FINDING_ENCRYPTED;
	if (bytes_are(bytes, 0, "PK\7\10", 4) || bytes_are(bytes, 0, "PK00", 4))
		return;
	if (out->count ? out->entries[0].offset > 0 : !bytes_are(bytes, 0, "PK", 2))
		out->findings |= FINDING_PREFIXED;
}

struct zip_directory *zip_directory_read(const void *parent, struct slice bytes, size_t most)
{
	struct zip_directory *out = talloc_zero(parent, struct zip_directory);
	struct reading reading = {.bytes = bytes,
		.out = out,
		.known = {.end = bytes.size, .parent = out},
		.most = most};
	unsigned ends = read_ends(&reading);

	ranges_merge(&reading.known);
	read_gaps(&reading);
	judge(&reading, ends);
	talloc_free(reading.known.items);
	return out;
}

bool zip_directory_is_at_end(struct slice bytes)
{
	size_t most = ZIP_HEADER_END_SIZE + COMMENT_MOST;
	struct slice tail = bytes.size > most ? slice_from(bytes, bytes.size - most) : bytes;
	size_t at = tail.size;

	while (at > 0) {
		const char *found = memrchr(tail.data, 'P', at);
		struct end_record end;
		uint64_t place;
		if (!found)
			return false;
		at = (size_t)(found - tail.data);
		if (!bytes_are(tail, at, "PK\5\6", 4) || tail.size - at < ZIP_HEADER_END_SIZE)
			continue;
		place = (uint64_t)(found - bytes.data);
		if (read_end64(bytes, place, &end))
			return true;
		if (bytes_32(tail, at + 12) <= place &&
			bytes_are(bytes, place - bytes_32(tail, at + 12), "PK\1\2", 4))
			return true;
		if (bytes_are(bytes, bytes_32(tail, at + 16), "PK\1\2", 4))
			return true;
	}
	return false;
}

const struct zip_entry *zip_directory_find(const struct zip_directory *directory, const char *name)
{
	for (size_t i = 0; i < directory->count; i++) {
		if (slice_equals_nocase(directory->entries[i].name, name))
			return &directory->entries[i];
	}
	return NULL;
}
