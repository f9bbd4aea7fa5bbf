/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of struct settings: the sections that were read, called entries, and where each of their options stood.
 * For base/settings alone.
 */
#pragma once

#include "base/settings.h"
#include "base/slice.h"

/* Where an option of an entry was written; excused is one that was most likely misspelt. */
struct mention {
	struct place place;
	bool excused;
	struct place *items; /* of a list's values, talloc array; NULL when it was not written */
};

/* A section as it was written, or one without name that was not. */
struct entry {
	const struct section *section;
	void *values;
	struct place place;       /* line 0 when it was not written */
	struct mention *mentions; /* one an option */
	bool excused;
	struct entry *next;
};

struct settings {
	const char *file;
	const struct section *const *tables;
	struct entry *entries; /* in the order of the file, those without name first */
	struct entry **end;
};

/* Reads a text into the entries; complains about all that is wrong with it. */
void settings_parse(struct settings *settings, struct slice text, struct complaints *complaints);

/* The name is "" for sections without; NULL when there is none. */
struct entry *settings_find_entry(
	const struct settings *settings, const struct section *section, const char *name);
/* A new entry with all defaults. */
struct entry *settings_add_entry(
	struct settings *settings, const struct section *section, const char *name);
struct mention *settings_mention(const struct entry *entry, const struct option *option);
