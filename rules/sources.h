/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule files and what they include, read in their order. Patterns are globs, sorted bytewise; those of an include are relative to the
 * file it stands in. A file is read once: what another include names again is passed over, with a warning.
 */
#pragma once

#include "rules/tree.h"

struct sources {
	struct tree **trees; /* a file each, in the order in which they were begun */
	size_t tree_count;
	const struct item *
		*items; /* of all of them; those of an included file stand where the include does */
	size_t item_count;
};

/* Complains about all files at once, also about one that cannot be read and a pattern that names none. */
struct sources *sources_read(const void *parent, const char *const *patterns, size_t count,
	struct complaints *complaints);

/* One text in memory, which includes no files (an include is passed over). It must stay. */
struct sources *sources_of_text(
	const void *parent, const char *path, struct slice text, struct complaints *complaints);
