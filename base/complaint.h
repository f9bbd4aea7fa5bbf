/* SPDX-License-Identifier: Apache-2.0
 *
 * Complaints about files that people write (settings, rules, lists). A reader never stops at the first one:
 * it collects them all, each with its place, and the caller prints them in the order of their places as
 * "FILE:LINE:COLUMN: error: text". Lines and columns count from 1, columns in bytes.
 * A complaint without a place (line 0) prints as "FILE: error: text". Below one whose file's text was handed in stand the line and a caret
 * under the column.
 */
#pragma once

#include "base/slice.h"

#include <stdio.h>

struct place {
	const char *file;
	unsigned line;
	unsigned column;
};

struct complaints;

struct complaints *complaints_new(const void *parent);

/* The file name of the place is copied, so the place may go. */
void complaint_error(struct complaints *complaints, struct place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void complaint_warning(struct complaints *complaints, struct place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The text of a file, so that lines of it can be shown; a second text of a name replaces the first. It must stay. */
void complaints_show(struct complaints *complaints, const char *file, struct slice text);

size_t complaints_errors(const struct complaints *complaints);
size_t complaints_warnings(const struct complaints *complaints);

/* Prints all, sorted by place (files in the order in which they were first complained about), a line each. */
void complaints_print(const struct complaints *complaints, FILE *out);

/* All of them as one text, a line each, for the answer of a control command. */
char *complaints_text(const void *parent, const struct complaints *complaints);

/* The candidate most like the misspelt name, or NULL when none is near enough to be meant
 * (edit distance with transpositions at most 2, and at most a third of the name). */
const char *complaint_suggestion(const char *name, const char *const *candidates, size_t count);
