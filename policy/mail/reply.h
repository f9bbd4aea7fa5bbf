/* SPDX-License-Identifier: Apache-2.0
 *
 * A reply of SMTP (RFC 5321 §4.2): a code, an enhanced status (RFC 3463) and one or more lines of text. The same struct
 * serves what we say and what a backend said. Text is safe by construction: reply_of(), reply_new() and the parser replace control
 * characters and everything that is no valid UTF-8, and cut lines to what a reply may hold.
 */
#pragma once

#include "base/slice.h"

#define REPLY_LINE_MAXIMUM 512  /* RFC 5321 §4.5.3.1.5, with code and CRLF */
#define REPLY_TEXT_MAXIMUM 460  /* of one line of text that we write */
#define REPLY_CHALLENGE_MAXIMUM 12288 /* of a 334 (RFC 4954 §4) */
#define REPLY_LINES_MAXIMUM 128 /* taken from a backend */
#define STATUS_SIZE 12          /* "5.123.123" and NUL, with room */

struct reply {
	int code;                 /* 200 to 599; 0: none */
	char status[STATUS_SIZE]; /* "" when the peer gave none */
	const char *text;         /* lines separated by "\n", without the status */
};

/* A reply with that text; lives under the parent. status may be NULL. */
struct reply reply_of(const void *parent, int code, const char *status, const char *text);

/* The same with text made by a format. */
struct reply reply_new(const void *parent, int code, const char *status, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static inline bool reply_is_positive(const struct reply *reply)
{
	return reply->code >= 200 && reply->code < 300;
}

static inline bool reply_is_temporary(const struct reply *reply)
{
	return reply->code >= 400 && reply->code < 500;
}

static inline bool reply_is_permanent(const struct reply *reply)
{
	return reply->code >= 500 && reply->code < 600;
}

/* As it goes over the wire: every line with code, "-" or " ", status (unless the code is 3xx or none is given) and
 * CRLF; at least one space stands behind the code. */
char *reply_print(const void *parent, const struct reply *reply);

/* Takes in one line of a peer's reply (without CRLF). The outcome says whether the reply is complete. A line without a
 * three digit code 200 to 599, with a code other than the first line's, or beyond REPLY_LINES_MAXIMUM is malformed.
 * Text grows under the parent. Begin with a zeroed reply. */
enum reply_outcome { REPLY_COMPLETE, REPLY_CONTINUES, REPLY_MALFORMED };
enum reply_outcome reply_add_line(const void *parent, struct reply *reply, struct slice line);

/* One text with the lines joined by a blank, for logs. */
char *reply_on_one_line(const void *parent, const struct reply *reply);
