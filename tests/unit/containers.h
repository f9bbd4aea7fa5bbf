/* SPDX-License-Identifier: Apache-2.0
 *
 * Containers for tests, made byte by byte: ZIP files with whatever is wrong in them, compound files, winmail.dat. Everything belongs to the blob.
 */
#pragma once

#include "policy/content/file_type.h"
#include "policy/content/unpack.h"

#include <check.h>
#include <talloc.h>
#include <zlib.h>

struct blob {
	char *bytes;
	size_t size;
};

static inline struct blob *blob_new(const void *parent)
{
	return talloc_zero(parent, struct blob);
}

static inline void blob_put(struct blob *blob, const void *bytes, size_t size)
{
	blob->bytes = talloc_realloc(blob, blob->bytes, char, blob->size + size + 1);
	if (size)
		memcpy(blob->bytes + blob->size, bytes, size);
	blob->size += size;
}

static inline void blob_text(struct blob *blob, const char *text)
{
	blob_put(blob, text, strlen(text));
}

static inline void blob_number(struct blob *blob, uint64_t number, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char byte = (char)(number >> 8 * i);
		blob_put(blob, &byte, 1);
	}
}

static inline void blob_zeros(struct blob *blob, size_t size)
{
	char *zeros = talloc_zero_array(blob, char, size + 1);

	blob_put(blob, zeros, size);
	talloc_free(zeros);
}

static inline void blob_wide(struct blob *blob, const char *text)
{
	for (; *text; text++)
		blob_number(blob, (uint8_t)*text, 2);
}

static inline struct slice blob_slice(const struct blob *blob)
{
	return slice_make(blob->bytes ? blob->bytes : "", blob->size);
}

/* Deflated, raw. */
static inline struct slice blob_deflate(const void *parent, struct slice s, int window)
{
	size_t room = s.size + 1024;
	char *out = talloc_array(parent, char, room);
	z_stream stream = {0};

	deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
	stream.next_in = (Bytef *)(uintptr_t)s.data;
	stream.avail_in = (uInt)s.size;
	stream.next_out = (Bytef *)out;
	stream.avail_out = (uInt)room;
	ck_assert_int_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
	deflateEnd(&stream);
	return slice_make(out, room - stream.avail_out);
}

/* An entry of a ZIP file to be made. */
struct zip_row {
	const char *name;       /* in the directory; NULL: not there */
	const char *local_name; /* in its header; NULL: the same */
	const char *text;
	uint16_t method, flags;
	uint16_t local_method; /* 0: the same */
	const char *extra;     /* of the directory, with its size in front */
	uint16_t extra_size;
};

static inline uint32_t zip_put_local(struct blob *blob, const struct zip_row *row)
{
	uint32_t offset = (uint32_t)blob->size;
	const char *name = row->local_name ? row->local_name : row->name;
	struct slice text = slice_of(row->text);
	struct slice packed = row->method == 8 ? blob_deflate(blob, text, -15) : text;

	blob_text(blob, "PK\3\4");
	blob_number(blob, 20, 2);
	blob_number(blob, row->flags, 2);
	blob_number(blob, row->local_method ? row->local_method : row->method, 2);
	blob_number(blob, 0, 4);
	blob_number(blob, crc32_z(0, (const Bytef *)text.data, text.size), 4);
	blob_number(blob, packed.size, 4);
	blob_number(blob, text.size, 4);
	blob_number(blob, strlen(name), 2);
	blob_number(blob, 0, 2);
	blob_text(blob, name);
	blob_put(blob, packed.data, packed.size);
	return offset;
}

static inline void zip_put_central(struct blob *blob, const struct zip_row *row, uint32_t offset)
{
	struct slice text = slice_of(row->text);
	struct slice packed = row->method == 8 ? blob_deflate(blob, text, -15) : text;

	blob_text(blob, "PK\1\2");
	blob_number(blob, 20, 2);
	blob_number(blob, 20, 2);
	blob_number(blob, row->flags, 2);
	blob_number(blob, row->method, 2);
	blob_number(blob, 0, 4);
	blob_number(blob, crc32_z(0, (const Bytef *)text.data, text.size), 4);
	blob_number(blob, packed.size, 4);
	blob_number(blob, text.size, 4);
	blob_number(blob, strlen(row->name), 2);
	blob_number(blob, row->extra_size, 2);
	blob_zeros(blob, 10);
	blob_number(blob, offset, 4);
	blob_text(blob, row->name);
	blob_put(blob, row->extra, row->extra_size);
}

static inline void zip_put_end(struct blob *blob, uint32_t start, size_t count)
{
	uint32_t size = (uint32_t)blob->size - start;

	blob_text(blob, "PK\5\6");
	blob_zeros(blob, 4);
	blob_number(blob, count, 2);
	blob_number(blob, count, 2);
	blob_number(blob, size, 4);
	blob_number(blob, start, 4);
	blob_zeros(blob, 2);
}

/* All rows, behind what is there already; offsets count from base. */
static inline void zip_put(
	struct blob *blob, const struct zip_row *rows, size_t count, uint32_t base)
{
	uint32_t *offsets = talloc_array(blob, uint32_t, count + 1), start;
	size_t listed = 0;

	for (size_t i = 0; i < count; i++)
		offsets[i] = zip_put_local(blob, &rows[i]) - base;
	start = (uint32_t)blob->size;
	for (size_t i = 0; i < count; i++) {
		if (!rows[i].name)
			continue;
		zip_put_central(blob, &rows[i], offsets[i]);
		listed++;
	}
	zip_put_end(blob, start, listed);
	if (base) {
		/* The place of the directory counts from there too. */
		uint32_t place = start - base;
		for (unsigned i = 0; i < 4; i++)
			blob->bytes[blob->size - 6 + i] = (char)(place >> 8 * i);
	}
}

/* A stream or storage of a compound file to be made; rows[0] is the root, a row's parent comes before it. */
struct ole_row {
	const char *name;
	size_t parent;
	const char *bytes; /* NULL: a storage */
	size_t size;
};

static inline void ole_put_entry(
	struct blob *blob, const struct ole_row *rows, size_t count, size_t index, uint32_t start)
{
	const struct ole_row *row = &rows[index];
	uint32_t child = UINT32_MAX, brother = UINT32_MAX;
	size_t before = blob->size;

	for (size_t i = count; i-- > 1;) {
		if (rows[i].parent == index && i != index)
			child = (uint32_t)i;
		if (index && i > index && rows[i].parent == row->parent)
			brother = (uint32_t)i;
	}
	blob_wide(blob, row->name);
	blob_zeros(blob, 64 - (blob->size - before));
	blob_number(blob, (strlen(row->name) + 1) * 2, 2);
	blob_number(blob, index == 0 ? 5 : row->bytes ? 2 : 1, 1);
	blob_number(blob, 1, 1);
	blob_number(blob, UINT32_MAX, 4);
	blob_number(blob, brother, 4);
	blob_number(blob, child, 4);
	blob_zeros(blob, 36);
	blob_number(blob, row->bytes ? start : UINT32_MAX - 1, 4);
	blob_number(blob, row->bytes ? row->size : 0, 8);
}

/* Sector 0 is the table, the directory follows, then the streams. No small streams: everything is long. */
static inline void ole_put(struct blob *blob, const struct ole_row *rows, size_t count)
{
	size_t directory = (count + 3) / 4, sector = 1 + directory;
	uint32_t fat[128];

	memset(fat, 0xff, sizeof fat);
	fat[0] = 0xfffffffd;
	for (size_t i = 1; i <= directory; i++)
		fat[i] = i == directory ? 0xfffffffe : (uint32_t)i + 1;
	for (size_t i = 1; i < count; i++) {
		size_t sectors = rows[i].bytes ? (rows[i].size + 511) / 512 : 0;
		for (size_t k = 0; k < sectors; k++, sector++)
			fat[sector] = k + 1 == sectors ? 0xfffffffe : (uint32_t)sector + 1;
	}
	ck_assert_uint_lt(sector, 128);
	blob_put(blob, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8);
	blob_zeros(blob, 16);
	blob_number(blob, 0x3e, 2);
	blob_number(blob, 3, 2);
	blob_number(blob, 0xfffe, 2);
	blob_number(blob, 9, 2);
	blob_number(blob, 6, 2);
	blob_zeros(blob, 10);
	blob_number(blob, 1, 4);
	blob_number(blob, 1, 4);
	blob_zeros(blob, 8);
	blob_number(blob, 0xfffffffe, 4);
	blob_number(blob, 0, 4);
	blob_number(blob, 0xfffffffe, 4);
	blob_number(blob, 0, 4);
	blob_number(blob, 0, 4);
	for (size_t i = 1; i < 109; i++)
		blob_number(blob, UINT32_MAX, 4);
	blob_put(blob, fat, sizeof fat);
	sector = 1 + directory;
	for (size_t i = 0; i < count; i++) {
		ole_put_entry(blob, rows, count, i, (uint32_t)sector);
		sector += rows[i].bytes ? (rows[i].size + 511) / 512 : 0;
	}
	blob_zeros(blob, (directory * 4 - count) * 128);
	for (size_t i = 1; i < count; i++) {
		if (!rows[i].bytes)
			continue;
		blob_put(blob, rows[i].bytes, rows[i].size);
		blob_zeros(blob, (512 - rows[i].size % 512) % 512);
	}
}

static inline void tnef_put(
	struct blob *blob, uint8_t level, uint32_t id, const void *bytes, size_t size)
{
	if (blob->size == 0) {
		blob_number(blob, 0x223e9f78, 4);
		blob_number(blob, 1, 2);
	}
	blob_number(blob, level, 1);
	blob_number(blob, id, 4);
	blob_number(blob, size, 4);
	blob_put(blob, bytes, size);
	blob_zeros(blob, 2);
}

/* Unpacks a slice with room enough for all that tests make. */
struct unpacking {
	void *scratch;
	struct budget budget;
	struct unpacked out;
};

static inline struct unpacking *unpacking_of(enum file_type type, struct slice bytes)
{
	static const struct budget_limits limits = {.bytes = 4U << 20, .entries = 1000, .depth = 5};
	struct unpacking *unpacking = talloc_zero(NULL, struct unpacking);

	budget_begin(&unpacking->budget, &limits, bytes.size, NULL, NULL);
	unpack(unpacking, type, bytes, &unpacking->budget, &unpacking->out);
	return unpacking;
}

static inline const struct member *member_of(const struct unpacking *unpacking, const char *name)
{
	for (size_t i = 0; i < unpacking->out.count; i++) {
		if (strcmp(unpacking->out.members[i].name, name) == 0)
			return &unpacking->out.members[i];
	}
	return NULL;
}

/* "encrypted damaged", for messages. */
static inline char *findings_text(const void *parent, uint64_t findings)
{
	char *text = talloc_strdup(parent, "");

	for (size_t i = 0; i < FINDING_COUNT; i++) {
		if (findings >> i & 1)
			text = talloc_asprintf_append(
				text, "%s%s", *text ? " " : "", finding_names[i]);
	}
	return text;
}

static inline void ck_assert_findings(uint64_t findings, const char *expected)
{
	char *text = findings_text(NULL, findings);

	ck_assert_str_eq(text, expected);
	talloc_free(text);
}

static inline void ck_assert_slice(struct slice s, const char *expected)
{
	ck_assert_msg(slice_equals(s, expected), "%.*s instead of %s", SLICE_ARGS(s), expected);
}
