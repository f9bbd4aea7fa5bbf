/* SPDX-License-Identifier: Apache-2.0
 *
 * What came out of one container: its members, what was found in it, and where it points to. Made by unpack() (policy/content/unpack.h);
 * this is what the functions for the single formats fill in.
 *
 * A member's bytes are either views of the container or belong to the parent given to unpacked_begin(); names and targets always do.
 * Names are UTF-8 without control characters, with slashes between folders, and at most UNPACKED_NAME_SIZE bytes: of a longer one
 * the end is kept, where the extension is.
 */
#pragma once

#include "base/slice.h"
#include "policy/content/budget.h"
#include "policy/content/finding.h"

#define UNPACKED_NAME_SIZE 1024
#define UNPACKED_TARGETS_MOST 256
#define UNPACKED_NOWHERE UINT64_MAX

struct member {
	const char *name;       /* "" when it has none */
	const char *other_name; /* what other programs call it; or NULL */
	struct slice bytes;     /* what could be had of it */
	uint64_t size;          /* what it says its size is, whatever could be had */
	uint64_t findings;      /* bits of enum finding */
	uint64_t at; /* where it begins in a ZIP file, its header; UNPACKED_NOWHERE in all else */
};

struct unpacked {
	const void *parent;
	struct budget *budget;
	struct member *members;
	size_t count;
	uint64_t findings; /* of the container, with those of its members */
	const char *const
		*targets; /* addresses and commands that it points to: URLs, a link's program */
	size_t target_count;
};

void unpacked_begin(struct unpacked *out, const void *parent, struct budget *budget);

/* One more member, without bytes. NULL when the budget has no more entries: then it is over limits. The name is as the container
 * has it, in UTF-8 or, where it is none, code page 437. */
struct member *unpacked_add(struct unpacked *out, struct slice name);

/* One with bytes, which are views: they are charged to the budget, and cut where it ends. */
struct member *unpacked_add_view(struct unpacked *out, struct slice name, struct slice bytes);

/* Sets a finding of a member, and so of the container. */
void unpacked_find(struct unpacked *out, struct member *member, uint64_t findings);

/* Gives the member its other name, if that differs from the first. */
void unpacked_rename(struct unpacked *out, struct member *member, struct slice other_name);

/* Where it points to; made clean. More than UNPACKED_TARGETS_MOST are not kept. */
void unpacked_point(struct unpacked *out, struct slice target);

/* A name as a member's would be; sets BAD_NAME and MISLEADING_NAME. */
char *unpacked_name(const void *parent, struct slice name, uint64_t *findings);

/* Text of one byte a character, ISO 8859-1, as UTF-8; what is UTF-8 already stays. */
struct slice unpacked_from_latin(const void *parent, struct slice text);

/* Text of two bytes a character, little end first, as UTF-8; ends at a NUL character. */
struct slice unpacked_from_utf16(const void *parent, struct slice text);
