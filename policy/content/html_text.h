/* SPDX-License-Identifier: Apache-2.0
 *
 * Text as HTML shows it, written down: blanks and line ends become one blank, blocks stand on lines of their own, characters without
 * width are left out and counted. It never becomes longer than the source that it comes from; the room for that is the caller's.
 */
#pragma once

#include "base/slice.h"

struct html_text {
	char *data; /* room for the source and 8 bytes more */
	size_t used;
	unsigned zero_width; /* characters without width */
	bool has_zero_width; /* inside of a word */
	bool has_bidi;       /* characters that turn the direction of writing */
};

/* Adds a piece of the source between tags. */
void html_text_add(struct html_text *output, struct slice source);

/* Adds it as it is, with a line end. */
void html_text_add_bytes(struct html_text *output, struct slice bytes);

/* A block begins or ends. */
void html_text_break(struct html_text *output);

/* All of it, without blanks at its end. */
struct slice html_text_finish(struct html_text *output);
