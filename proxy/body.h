/* SPDX-License-Identifier: Apache-2.0
 *
 * The message as DATA brings it (RFC 5321 §4.1.1.4, §4.5.2): finds the end, takes the stuffed dots off, makes every line
 * end CRLF, and sees through what looks like an end and is none.
 *
 * The end is CRLF "." CRLF and nothing else. A line that is only a dot for somebody who takes a bare LF or a bare CR for
 * a line end, or who drops NULs (as it came, or when its stuffed dot is off), is a would-be end: from strangers the message is refused and the connection closed, for
 * behind it stand smuggled commands; from our own networks it becomes text, stuffed again on the way out. A stray bare LF
 * or CR becomes CRLF, a NUL stays; all are noted as anomalies.
 *
 * What comes after the end is not touched.
 *
 * By BDAT (RFC 3030) the message comes in chunks whose sizes are told, and every byte is data: nothing in it is an end marker, and it is
 * kept as it came; what is odd about its lines is noted all the same.
 */
#pragma once

#include "base/slice.h"
#include "policy/mail/message.h"

enum body_outcome {
	BODY_MORE, /* not at its end */
	BODY_COMPLETE,
	BODY_WOULD_BE_END
};

/* How the line before this one ended. */
enum line_end { END_BY_CRLF, END_BY_LF, END_BY_CR };

/* What the line is so far, NULs left out; of two dots the first was stuffed, and a NUL stands behind it. */
enum line_content { LINE_EMPTY, LINE_DOT, LINE_DOT_NUL_DOT, LINE_TEXT };

struct body {
	struct message *message;
	int64_t maximum; /* bytes kept; what is beyond is counted and dropped */
	bool trusted;    /* from our own networks */
	bool too_large;  /* more than the maximum came */
	bool spool_full;
	int64_t size; /* bytes that came */
	/* where in a line we are: */
	enum line_end begun_by;
	uint32_t length; /* of the line so far, as it came, without a stuffed dot */
	bool after_cr;   /* the last byte was a CR whose meaning is open */
	bool dot_held;   /* the line's first byte was a dot, not kept yet */
	bool unstuffed;  /* it was dropped */
	bool nul;        /* the line has a NUL */
	enum line_content content;
	uint64_t carriage_returns, line_feeds, pairs; /* in chunks */
};

void body_init(struct body *body, struct message *message, int64_t maximum, bool trusted);

/* Takes bytes and says in *taken how many of them. */
enum body_outcome body_take(struct body *body, struct slice bytes, size_t *taken);

/* Takes bytes of a chunk, all of them. */
void body_take_chunk(struct body *body, struct slice bytes);
/* The last chunk is in. */
void body_end_chunks(struct body *body);
