/* SPDX-License-Identifier: Apache-2.0
 *
 * A message on its way out by DATA (RFC 5321 §4.5.2): every line ends CRLF, and a dot is put before each line that begins with one, so that
 * no content is the end marker for anybody: a bare LF or CR becomes CRLF, and who drops NULs finds a stuffed dot as well.
 * All zero is the beginning.
 */
#pragma once

#include "base/slice.h"

struct stream;

enum line_place { PLACE_BEGIN, PLACE_NULS, PLACE_INSIDE };

struct stuffing {
	enum line_place place; /* in the line; behind NULs that begin it is a place of its own */
	bool after_cr;         /* which has not been written */
};

/* Writes bytes of the message; they may end anywhere. */
void stuffing_write(struct stuffing *stuffing, struct stream *stream, struct slice bytes);

/* The end marker, with the line end that the last line lacks. */
struct slice stuffing_end(const struct stuffing *stuffing);
