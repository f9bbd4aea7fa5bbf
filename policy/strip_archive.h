/* SPDX-License-Identifier: Apache-2.0
 *
 * A part of a message that is an archive, without the members that strip removes (rules.strip_archives = members). The scanner, who takes archives
 * apart, finds out how: policy/content/zip_prune.h. What it hands to the worker says only which bytes of the archive stay in their order and which new
 * ones stand between them; the worker, who does not take archives apart, puts them together and writes them in base64 as the part was.
 *
 * Both take strip's outcomes apart in the same way, and the text of what is removed tells whether they mean the same: else the worker takes the whole
 * part away.
 */
#pragma once

#include "policy/content/zip_prune.h"
#include "policy/parcel.h"

struct strip_archive {
	size_t header, body, end; /* the part, in the message */
	const char *text;         /* what is removed, a line each */
	size_t taken;             /* records of attachments that it was made of */
	struct zip_prune *prune;
};

/* Of the bodies of parts in base64, within the message. hostname: who does it. */
void strip_archive_find(const void *parent, struct slice message, struct strip_archive *archive,
	const uint64_t *members, const char *hostname);

/* What takes more bytes than that is handed over as one that cannot be pruned. */
void strip_archive_put(struct parcel *parcel, const struct strip_archive *archive, size_t most);
struct strip_archive strip_archive_take(const void *parent, struct unpacking *from);

/* The body that takes the place of the part's, under the parent; NULL when the part is not what the scanner saw. */
char *strip_archive_print(const void *parent, struct slice message,
	const struct strip_archive *archive) __attribute__((warn_unused_result));
