/* SPDX-License-Identifier: Apache-2.0 */
/* Archives without some members, between scanner and worker. */
#include "policy/strip_archive.h"

#include "policy/content/bytes.h"
#include "policy/content/decode.h"
#include "policy/content/file_type.h"

#include <limits.h>
#include <openssl/evp.h>
#include <talloc.h>

#define LINE_BYTES 57 /* of base64: 76 characters, RFC 2045 §6.8 */
#define LINE_SIZE 76
#define PIECES_MOST 8192
#define NEW_MOST 131072 /* bytes that are not the archive's: no parcel holds more */

static struct slice encoded(struct slice message, const struct strip_archive *archive)
{
	return bytes_piece(message, archive->body, archive->end - archive->body);
}

/* --- the scanner's side --- */

static struct zip_prune *refused(const void *parent, const char *reason)
{
	struct zip_prune *prune = talloc_zero(parent, struct zip_prune);

	prune->reason = reason;
	return prune;
}

static bool is_plain_zip(struct slice bytes)
{
	size_t where;

	return file_type_of(bytes) == FILE_TYPE_ZIP &&
		file_type_also(bytes, FILE_TYPE_ZIP, &where) == FILE_TYPE_UNKNOWN;
}

static char *note_of(const void *parent, const char *text, const char *hostname)
{
	return talloc_asprintf(parent,
		"%s has removed members of this archive. They were:\r\n\r\n%s", hostname, text);
}

void strip_archive_find(const void *parent, struct slice message, struct strip_archive *archive,
	const uint64_t *members, const char *hostname)
{
	uint64_t anomalies = 0;
	struct slice bytes = decode(parent, encoded(message, archive), ENCODING_BASE64, &anomalies);
	char *note = note_of(parent, archive->text, hostname);

	if (anomalies || !is_plain_zip(bytes)) {
		archive->prune = refused(parent, "it is no plain ZIP file in plain base64");
		return;
	}
	archive->prune = zip_prune_new(parent, bytes, members, archive->taken, slice_of(note));
}

/* --- between them --- */

static void put_pieces(struct parcel *parcel, const struct zip_prune *prune)
{
	parcel_put_text(parcel, prune->reason);
	parcel_put_number(parcel, (int64_t)prune->count);
	for (size_t i = 0; i < prune->count; i++) {
		const struct zip_prune_piece *piece = &prune->pieces[i];
		parcel_put_number(parcel, piece->bytes != NULL);
		if (piece->bytes) {
			parcel_put_bytes(parcel, slice_make(piece->bytes, piece->size));
			continue;
		}
		parcel_put_number(parcel, (int64_t)piece->at);
		parcel_put_number(parcel, (int64_t)piece->size);
	}
}

void strip_archive_put(struct parcel *parcel, const struct strip_archive *archive, size_t most)
{
	static const struct zip_prune too_large = {.reason = "it has too many members"};
	size_t before;

	parcel_put_number(parcel, (int64_t)archive->header);
	parcel_put_number(parcel, (int64_t)archive->body);
	parcel_put_number(parcel, (int64_t)archive->end);
	parcel_put_text(parcel, archive->text);
	parcel_put_number(parcel, (int64_t)archive->taken);
	before = parcel->size;
	put_pieces(parcel, archive->prune);
	if (parcel->size <= most)
		return;
	parcel->size = before;
	put_pieces(parcel, &too_large);
}

static struct zip_prune_piece take_piece(struct unpacking *from)
{
	struct zip_prune_piece piece = {.at = 0};
	bool is_new = parcel_take_index(from, 2);

	if (is_new) {
		struct slice bytes = parcel_take_bytes(from);
		piece.bytes = bytes.data;
		piece.size = bytes.size;
		return piece;
	}
	piece.at = (uint64_t)parcel_take_number(from);
	piece.size = (uint64_t)parcel_take_number(from);
	return piece;
}

struct strip_archive strip_archive_take(const void *parent, struct unpacking *from)
{
	struct zip_prune *prune = talloc_zero(parent, struct zip_prune);
	struct strip_archive archive = {.prune = prune};

	archive.header = (size_t)parcel_take_number(from);
	archive.body = (size_t)parcel_take_number(from);
	archive.end = (size_t)parcel_take_number(from);
	archive.text = parcel_take_text(from);
	archive.taken = (size_t)parcel_take_number(from);
	prune->reason = parcel_take_text(from);
	prune->count = parcel_take_index(from, PIECES_MOST);
	prune->pieces = talloc_zero_array(prune, struct zip_prune_piece, prune->count);
	for (size_t i = 0; i < prune->count && !from->is_broken; i++)
		prune->pieces[i] = take_piece(from);
	return archive;
}

/* --- the worker's --- */

/* Whole lines of base64, nothing else; an empty slice when it is something else. */
static struct slice decoded(const void *parent, struct slice body)
{
	char *text = talloc_array(parent, char, body.size + 1);
	unsigned char *bytes;
	size_t used = 0, padding = 0;
	int size;

	for (size_t i = 0; i < body.size; i++) {
		if ((unsigned char)body.data[i] > ' ')
			text[used++] = body.data[i];
	}
	if (!used || used > INT_MAX || !slice_is_base64(slice_make(text, used)))
		return slice_of("");
	while (padding < 2 && text[used - 1 - padding] == '=')
		padding++;
	bytes = talloc_array(parent, unsigned char, used);
	size = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)used);
	return slice_make((char *)bytes, size > 2 ? (size_t)size - padding : 0);
}

/* Whether all pieces are within the archive, which bounds what comes out. */
static bool are_within(struct zip_prune *prune, struct slice bytes)
{
	prune->size = 0;
	for (size_t i = 0; i < prune->count; i++) {
		const struct zip_prune_piece *piece = &prune->pieces[i];
		if (!piece->bytes && !bytes_has(bytes, piece->at, piece->size))
			return false;
		prune->size += piece->size;
	}
	return prune->count > 0 && prune->size <= bytes.size + NEW_MOST;
}

static char *encode(const void *parent, struct slice bytes)
{
	size_t lines = bytes.size / LINE_BYTES + 1;
	char *text = talloc_array(parent, char, lines *(LINE_SIZE + 3) + 1), *out = text;

	while (bytes.size) {
		size_t size = bytes.size < LINE_BYTES ? bytes.size : LINE_BYTES;
		out += EVP_EncodeBlock(
			(unsigned char *)out, (const unsigned char *)bytes.data, (int)size);
		bytes = slice_from(bytes, size);
		if (bytes.size)
			out = stpcpy(out, "\r\n");
	}
	*out = '\0';
	return text;
}

char *strip_archive_print(
	const void *parent, struct slice message, const struct strip_archive *archive)
{
	void *scratch = talloc_new(parent);
	struct slice bytes = decoded(scratch, encoded(message, archive));
	char *text = NULL;

	if (bytes.size && are_within(archive->prune, bytes))
		text = encode(parent, zip_prune_join(scratch, archive->prune, bytes));
	talloc_free(scratch);
	return text;
}
