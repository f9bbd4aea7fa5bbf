/* SPDX-License-Identifier: Apache-2.0
 *
 * The multiparts and nested messages that are open while a message is read, as a stack, and the boundaries that are known: all readings of all
 * multiparts, those that are over as well. It tells which boundary a line is. What is odd about them, and what looking cost, is noted in it, for
 * who reads the message (policy/content/mime.c).
 *
 * Of one message, zeroed before it is used. MIME_DEPTH_MAXIMUM bounds the stack, MIME_BOUNDARIES the boundaries: the oldest of a multipart that
 * is over makes room.
 */
#pragma once

#include "policy/content/mime.h"

#define MIME_NESTING_NONE (-1) /* no part */

struct mime_boundary {
	struct slice text;
	int part;    /* the multipart's */
	int pending; /* a leaf that began behind it and ended doubtfully, or MIME_NESTING_NONE */
};

struct mime_frame {
	int part;
	bool is_message, has_delimiter, is_ended;
	unsigned guesses;
};

struct mime_nesting {
	struct mime_frame frames[MIME_DEPTH_MAXIMUM];
	unsigned depth;
	struct mime_boundary boundaries[MIME_BOUNDARIES];
	unsigned boundary_count;
	uint64_t anomalies;
	uint64_t steps; /* comparisons with boundaries */
};

/* A line that is a delimiter, as far as that is certain. */
struct mime_delimiter {
	struct slice text; /* the boundary */
	int part;
	bool is_exact, is_final, is_odd;
};

/* False when it is too deep. */
bool mime_nesting_push(struct mime_nesting *nesting, int part, bool is_message);

/* The innermost, or NULL; and that of a part, NULL when it is not open. */
struct mime_frame *mime_nesting_innermost(struct mime_nesting *nesting);
struct mime_frame *mime_nesting_frame(struct mime_nesting *nesting, int part);

void mime_nesting_know(struct mime_nesting *nesting, int part, struct slice boundary);

/* The boundary that a line, behind its "--", is. The innermost open multipart wins over those that are over, a whole match over one that goes
 * on, a longer boundary over a shorter. */
bool mime_nesting_find(
	struct mime_nesting *nesting, struct slice line, struct mime_delimiter *found);

/* A line without the blanks at its end, which are no part of a boundary. */
struct slice mime_nesting_trim(struct slice line);
