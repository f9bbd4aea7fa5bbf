/* SPDX-License-Identifier: Apache-2.0
 *
 * A ZIP file without some of its members, and with a text that says so: told as pieces, of the file as it is and of new bytes, so that what stays is
 * neither unpacked nor copied. Headers, data, descriptors and directory entries of what stays are the file's own bytes, but for the offsets in the
 * directory; the comment stays too.
 *
 * Only plain files are pruned, where all readers see the same: one directory, at the end, that names all there is, without ZIP64, encryption and
 * methods other than stored and deflated, and members that stand one behind the other from the first byte on. Of all else a reason is given why not.
 */
#pragma once

#include "base/slice.h"

/* Of the file at that place, or, where bytes are given, those. */
struct zip_prune_piece {
	uint64_t at, size;
	const char *bytes;
};

struct zip_prune {
	struct zip_prune_piece *pieces;
	size_t count;
	uint64_t size;      /* of all pieces */
	const char *reason; /* why it cannot be; then there are no pieces. NULL: it can */
};

/* The members are given by the places where their headers begin. The note is the text; it is borrowed. */
struct zip_prune *zip_prune_new(const void *parent, struct slice bytes, const uint64_t *removed,
	size_t count, struct slice note);

/* The pieces put together, under the parent. */
struct slice zip_prune_join(const void *parent, const struct zip_prune *prune, struct slice bytes);
