/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings: what the operator wrote, read once, checked whole, then never changed. A folder declares its options
 * as tables of rows, one table a section; the reader fills one plain struct a section, defaults first.
 *
 *     hostname = "mx.example.com"                         a top level option
 *     limits { message_size = "36M"  recipients = 200 }   a section
 *     listen "inbound" { port = 2525 }                    a named section: any number, each name once
 *     relay { domains = {"example.com" "example.org"} }   a list; commas are allowed, one value may go bare
 *
 * Values: strings and bare words mean the same. Numbers, sizes (k M G: 1024s), durations (ms s m h d), yes/no
 * (true/false, on/off). All complaints come in one run with their places: unknown keys and sections (with a
 * suggestion), wrong types, bounds, choices, a key or a name given twice (naming both places), a missing brace,
 * a missing mandatory key. After a complaint the reader goes on at the next key or section; a section that we know, at
 * the front of a line, ends whatever was left open.
 *
 * Everything lives under the settings; texts are NUL-ended copies. Rows are the source of postern.conf(5): see
 * settings_print_manual().
 */
#pragma once

#include "base/cidr.h"
#include "base/complaint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What a value is, and the field of the section's struct that it fills. */
enum option_type {
	OPTION_BOOL,     /* bool */
	OPTION_NUMBER,   /* int64_t */
	OPTION_SIZE,     /* int64_t, bytes */
	OPTION_DURATION, /* int64_t, milliseconds */
	OPTION_SCORE,    /* double */
	OPTION_CHOICE,   /* int: the index into choices */
	OPTION_TEXT,     /* const char *; NULL when absent and without default */
	OPTION_TEXTS,    /* struct texts */
	OPTION_NETWORKS  /* struct cidrs: addresses and networks */
};

struct texts {
	const char **items;
	size_t count;
};

struct option {
	const char *name;
	enum option_type type;
	size_t offset; /* offsetof() in the section's struct */
	/* The default: one value without quotes, or a list as it would be written; NULL for none. */
	const char *preset;
	/* Of numbers, sizes, durations, scores. Both 0: no bounds; INT64_MIN or INT64_MAX: none on that side. */
	int64_t minimum, maximum;
	const char *const *choices; /* NULL-ended, for OPTION_CHOICE */
	bool mandatory;     /* in a section without name also when the section is not written */
	const char *manual; /* one line */
};

/* A named section's struct begins with `const char *name`. The section "" holds the top level options. */
struct section {
	const char *name;
	bool named;
	size_t size;                  /* of the struct */
	const struct option *options; /* ended by a row without name */
	const char *manual;
};

struct settings;

/* Reads a file by tables (NULL-ended list of section arrays, each ended by a row without name; no two sections
 * share a name). Always returns settings, filled as far as it got; they are good only if complaints has no error.
 * A file that cannot be read is an error. settings_read_text is the same for a text in memory. */
struct settings *settings_read(const void *parent, const char *file,
	const struct section *const *tables, struct complaints *complaints);
struct settings *settings_read_text(const void *parent, const char *file, const char *text,
	const struct section *const *tables, struct complaints *complaints);

/* The struct of a section that is not named (all defaults when it was not written). The section must exist in the
 * tables. */
const void *settings_section(const struct settings *settings, const char *section);

/* Whether a list has this text. */
bool settings_list_has(const struct texts *list, const char *text);

/* The named sections of a kind, in the order of the file. */
size_t settings_count(const struct settings *settings, const char *section);
const void *settings_named(const struct settings *settings, const char *section, size_t index);

/* How many sections stand before this one: for the common order of sections of several kinds. */
size_t settings_rank(const struct settings *settings, const void *section_struct);

/* Where an option was written: its own place, else its section's, else the file with line 0. For cross-field
 * complaints; section_struct is what settings_section() or settings_named() returned. */
struct place settings_place(
	const struct settings *settings, const void *section_struct, const char *option);

/* Where a byte of one of the values of a list was written (one without escapes before it), else the option's place. */
struct place settings_item_place(const struct settings *settings, const void *section_struct,
	const char *option, size_t index, size_t offset);

/* The reference of all sections and options, as the body of a man page (mdoc), from the tables alone. */
void settings_print_manual(const struct section *const *tables, FILE *out);
