/* SPDX-License-Identifier: Apache-2.0 */
/* ZIP files without some of their members: APPNOTE 4.3.6. */
#include "policy/content/zip_prune.h"

#include "policy/content/bytes.h"
#include "policy/content/zip_directory.h"
#include "policy/content/zip_header.h"

#include <assert.h>
#include <stdlib.h>
#include <talloc.h>
#include <zlib.h>

#define ENTRIES_MOST 4096
#define CENTRAL_OFFSET 42 /* where an entry of the directory says where its header is */
#define DESCRIPTOR_SIZE 12
#define SIGNATURE_SIZE 4
#define DATE_1980 0x21
#define NAME_SIZE 40

#define NOT_PLAIN "it is no plain ZIP file: "

/* A member: its entry in the directory, and its own bytes with all that belongs to it. */
struct member {
	uint64_t central_at, central_size;
	uint64_t at, end;
	struct zip_header header; /* as the directory has it */
	bool is_removed;
};

struct pruning {
	struct zip_prune *out;
	struct slice bytes;
	struct member *members; /* in the order of the directory */
	size_t count;
	uint64_t directory_at, directory_end;
	struct slice comment;
};

static bool refuse(struct pruning *pruning, const char *reason)
{
	pruning->out->reason = reason;
	return false;
}

/* --- looking --- */

/* What other programs might read otherwise is left alone. */
static bool is_plain(struct pruning *pruning)
{
	struct zip_directory *directory =
		zip_directory_read(pruning->out, pruning->bytes, ENTRIES_MOST);
	uint64_t findings = directory->findings;

	pruning->count = directory->count;
	talloc_free(directory);
	for (size_t i = 0; findings; i++, findings >>= 1) {
		if (findings & 1)
			return refuse(pruning,
				talloc_asprintf(pruning->out, NOT_PLAIN "%s", finding_names[i]));
	}
	return pruning->count > 0 || refuse(pruning, NOT_PLAIN "nothing is in it");
}

static bool find_directory(struct pruning *pruning)
{
	struct slice bytes = pruning->bytes;
	const char *last = bytes.size ? memrchr(bytes.data, 'P', bytes.size) : NULL;
	uint64_t at, size;

	while (last && !bytes_are(bytes, (uint64_t)(last - bytes.data), "PK\5\6", 4))
		last = memrchr(bytes.data, 'P', (size_t)(last - bytes.data));
	if (!last)
		return refuse(pruning, NOT_PLAIN "it has no end");
	at = (uint64_t)(last - bytes.data);
	size = bytes_32(bytes, at + 12);
	pruning->directory_at = bytes_32(bytes, at + 16);
	pruning->directory_end = at;
	pruning->comment = bytes_piece(bytes, at + ZIP_HEADER_END_SIZE, bytes_16(bytes, at + 20));
	if (bytes.size - at != ZIP_HEADER_END_SIZE + (uint64_t)bytes_16(bytes, at + 20) ||
		bytes_32(bytes, at + 4) != 0 || bytes_16(bytes, at + 8) != pruning->count ||
		bytes_16(bytes, at + 10) != pruning->count || pruning->directory_at + size != at)
		return refuse(pruning, NOT_PLAIN "its end does not tell where all the rest is");
	return true;
}

static bool is_known(const struct zip_header *header)
{
	return (header->method == ZIP_STORED || header->method == ZIP_DEFLATED) &&
		header->size < ZIP_HEADER_SAID_ELSEWHERE &&
		header->packed_size < ZIP_HEADER_SAID_ELSEWHERE &&
		!(header->flags & (ZIP_HEADER_ENCRYPTED | ZIP_HEADER_STRONG | ZIP_HEADER_MASKED));
}

static bool read_members(struct pruning *pruning)
{
	uint64_t at = pruning->directory_at, next;

	pruning->members = talloc_zero_array(pruning->out, struct member, pruning->count);
	for (size_t i = 0; i < pruning->count; i++) {
		struct member *member = &pruning->members[i];
		if (!zip_header_read_central(pruning->bytes, at, &member->header, &next))
			return refuse(pruning, NOT_PLAIN "its directory is damaged");
		if (!is_known(&member->header))
			return refuse(pruning,
				"a member is packed in a way that is not touched: encrypted, "
				"ZIP64, or neither stored nor deflated");
		member->central_at = at;
		member->central_size = next - at;
		member->at = member->header.offset;
		at = next;
	}
	return at == pruning->directory_end ||
		refuse(pruning, NOT_PLAIN "its directory is damaged");
}

static int compare(const void *left, const void *right)
{
	const struct member *a = *(struct member *const *)left;
	const struct member *b = *(struct member *const *)right;

	return a->at < b->at ? -1 : a->at > b->at;
}

/* Header, data, and a descriptor where one is announced, are all that stands up to the next member. */
static bool fills_its_place(const struct pruning *pruning, const struct member *member)
{
	struct zip_header local;
	uint64_t data_end, rest;

	if (!zip_header_read_local(pruning->bytes, member->at, &local))
		return false;
	data_end = local.offset + member->header.packed_size;
	if (data_end > member->end)
		return false;
	rest = member->end - data_end;
	if (local.packed_size != member->header.packed_size &&
		!(local.flags & ZIP_HEADER_DESCRIPTOR && local.packed_size == 0))
		return false;
	if (local.flags & ZIP_HEADER_DESCRIPTOR)
		return rest == DESCRIPTOR_SIZE || rest == DESCRIPTOR_SIZE + SIGNATURE_SIZE;
	return rest == 0;
}

static struct member **in_order(const struct pruning *pruning)
{
	struct member **sorted = talloc_array(pruning->out, struct member *, pruning->count);

	for (size_t i = 0; i < pruning->count; i++)
		sorted[i] = &pruning->members[i];
	qsort(sorted, pruning->count, sizeof *sorted, compare);
	return sorted;
}

static bool find_ends(struct pruning *pruning, struct member *const *sorted)
{
	bool is_good = sorted[0]->at == 0;

	for (size_t i = 0; i < pruning->count; i++) {
		sorted[i]->end = i + 1 < pruning->count ? sorted[i + 1]->at : pruning->directory_at;
		is_good = is_good && fills_its_place(pruning, sorted[i]);
	}
	return is_good || refuse(pruning, NOT_PLAIN "bytes stand between its members");
}

/* --- choosing --- */

static bool mark_one(struct pruning *pruning, uint64_t at)
{
	bool is_there = false;

	for (size_t i = 0; i < pruning->count; i++) {
		struct member *member = &pruning->members[i];
		if (member->at == at)
			member->is_removed = is_there = true;
	}
	return is_there;
}

static bool is_folder(const struct member *member)
{
	struct slice name = member->header.name;

	return name.size && name.data[name.size - 1] == '/';
}

static bool mark(struct pruning *pruning, const uint64_t *removed, size_t count)
{
	bool leaves_something = false;

	for (size_t i = 0; i < count; i++) {
		if (!mark_one(pruning, removed[i]))
			return refuse(pruning, "a member is not where it was found");
	}
	for (size_t i = 0; i < pruning->count; i++) {
		const struct member *member = &pruning->members[i];
		leaves_something |= !member->is_removed && !is_folder(member);
	}
	return leaves_something || refuse(pruning, "nothing else is in it");
}

/* --- writing --- */

static void add_piece(struct pruning *pruning, struct zip_prune_piece piece)
{
	struct zip_prune *out = pruning->out;
	struct zip_prune_piece *last = out->count ? &out->pieces[out->count - 1] : NULL;

	out->size += piece.size;
	if (last && !last->bytes && !piece.bytes && last->at + last->size == piece.at) {
		last->size += piece.size;
		return;
	}
	out->pieces = talloc_realloc(out, out->pieces, struct zip_prune_piece, out->count + 1);
	out->pieces[out->count++] = piece;
}

static void put_16(char *out, uint64_t number)
{
	out[0] = (char)number;
	out[1] = (char)(number >> 8);
}

static void put_32(char *out, uint64_t number)
{
	put_16(out, number);
	put_16(out + 2, number >> 16);
}

/* What a header of either kind says of the note, from its needed version on. */
static void describe_note(char *out, struct slice note, size_t name_size)
{
	put_16(out, 10);
	put_16(out + 8, DATE_1980);
	put_32(out + 10, crc32_z(0, (const Bytef *)note.data, note.size));
	put_32(out + 14, note.size);
	put_32(out + 18, note.size);
	put_16(out + 22, name_size);
}

static bool is_taken(const struct pruning *pruning, const char *name)
{
	for (size_t i = 0; i < pruning->count; i++) {
		if (slice_equals_nocase(pruning->members[i].header.name, name))
			return true;
	}
	return false;
}

/* One that no member has. */
static void name_note(const struct pruning *pruning, char name[static NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "postern-removed.txt");
	for (unsigned i = 2; is_taken(pruning, name); i++)
		snprintf(name, NAME_SIZE, "postern-removed-%u.txt", i);
}

static void write_note(struct pruning *pruning, struct slice note, const char *name)
{
	size_t size = strlen(name);
	char *header = talloc_zero_array(pruning->out, char, ZIP_HEADER_LOCAL_SIZE + size);

	memcpy(header, "PK\3\4", 4);
	describe_note(header + 4, note, size);
	memcpy(header + ZIP_HEADER_LOCAL_SIZE, name, size);
	add_piece(pruning,
		(struct zip_prune_piece){.size = ZIP_HEADER_LOCAL_SIZE + size, .bytes = header});
	add_piece(pruning, (struct zip_prune_piece){.size = note.size, .bytes = note.data});
}

/* Entries as they are, at their new places. */
static char *write_entries(const struct pruning *pruning, char *out, struct member *const *sorted)
{
	uint64_t gone = 0;

	for (size_t i = 0; i < pruning->count; i++) {
		struct member *member = sorted[i];
		member->header.offset = member->at - gone;
		gone += member->is_removed ? member->end - member->at : 0;
	}
	for (size_t i = 0; i < pruning->count; i++) {
		const struct member *member = &pruning->members[i];
		if (member->is_removed)
			continue;
		memcpy(out, pruning->bytes.data + member->central_at, member->central_size);
		put_32(out + CENTRAL_OFFSET, member->header.offset);
		out += member->central_size;
	}
	return out;
}

static char *write_note_entry(char *out, struct slice note, const char *name, uint64_t offset)
{
	size_t size = strlen(name);

	memcpy(out, "PK\1\2", 4);
	put_16(out + 4, 10);
	describe_note(out + 6, note, size);
	put_32(out + CENTRAL_OFFSET, offset);
	memcpy(out + ZIP_HEADER_CENTRAL_SIZE, name, size);
	return out + ZIP_HEADER_CENTRAL_SIZE + size;
}

static size_t count_kept(const struct pruning *pruning)
{
	size_t kept = 0;

	for (size_t i = 0; i < pruning->count; i++)
		kept += !pruning->members[i].is_removed;
	return kept;
}

static void write_end(const struct pruning *pruning, char *out, uint64_t size, uint64_t at)
{
	size_t entries = count_kept(pruning) + 1;

	memcpy(out, "PK\5\6", 4);
	put_16(out + 8, entries);
	put_16(out + 10, entries);
	put_32(out + 12, size);
	put_32(out + 16, at);
	put_16(out + 20, pruning->comment.size);
	memcpy(out + ZIP_HEADER_END_SIZE, pruning->comment.data, pruning->comment.size);
}

static void write_all(struct pruning *pruning, struct member *const *sorted, struct slice note)
{
	uint64_t most = pruning->directory_end - pruning->directory_at + ZIP_HEADER_CENTRAL_SIZE +
		NAME_SIZE + ZIP_HEADER_END_SIZE + pruning->comment.size;
	char *directory = talloc_zero_array(pruning->out, char, most), *end;
	char name[NAME_SIZE];
	uint64_t note_at, directory_at;

	name_note(pruning, name);
	for (size_t i = 0; i < pruning->count; i++) {
		const struct member *member = sorted[i];
		if (!member->is_removed)
			add_piece(pruning,
				(struct zip_prune_piece){
					.at = member->at, .size = member->end - member->at});
	}
	note_at = pruning->out->size;
	write_note(pruning, note, name);
	directory_at = pruning->out->size;
	end = write_entries(pruning, directory, sorted);
	end = write_note_entry(end, note, name, note_at);
	write_end(pruning, end, (uint64_t)(end - directory), directory_at);
	end += ZIP_HEADER_END_SIZE + pruning->comment.size;
	add_piece(pruning,
		(struct zip_prune_piece){.size = (uint64_t)(end - directory), .bytes = directory});
}

/* --- all --- */

/* What was made is looked at as all that comes is. */
static void look_again(struct pruning *pruning)
{
	struct zip_prune *out = pruning->out;
	struct slice joined = zip_prune_join(out, out, pruning->bytes);
	struct zip_directory *directory = zip_directory_read(out, joined, ENTRIES_MOST);
	bool is_good = !directory->findings && directory->count == count_kept(pruning) + 1;

	talloc_free(directory);
	talloc_free((char *)(uintptr_t)joined.data);
	if (is_good)
		return;
	TALLOC_FREE(out->pieces);
	out->count = 0;
	out->reason = "what would be left is no plain ZIP file";
}

struct zip_prune *zip_prune_new(const void *parent, struct slice bytes, const uint64_t *removed,
	size_t count, struct slice note)
{
	struct zip_prune *out = talloc_zero(parent, struct zip_prune);
	struct pruning pruning = {.out = out, .bytes = bytes};
	struct member **sorted;

	if (!is_plain(&pruning) || !find_directory(&pruning) || !read_members(&pruning))
		return out;
	sorted = in_order(&pruning);
	if (find_ends(&pruning, sorted) && mark(&pruning, removed, count)) {
		write_all(&pruning, sorted, note);
		look_again(&pruning);
	}
	talloc_free(sorted);
	talloc_free(pruning.members);
	return out;
}

struct slice zip_prune_join(const void *parent, const struct zip_prune *prune, struct slice bytes)
{
	char *joined = talloc_array(parent, char, prune->size + 1), *out = joined;

	for (size_t i = 0; i < prune->count; i++) {
		const struct zip_prune_piece *piece = &prune->pieces[i];
		assert(piece->bytes || bytes_has(bytes, piece->at, piece->size));
		memcpy(out, piece->bytes ? piece->bytes : bytes.data + piece->at, piece->size);
		out += piece->size;
	}
	return slice_make(joined, (size_t)(out - joined));
}
