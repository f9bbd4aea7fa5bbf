/* SPDX-License-Identifier: Apache-2.0
 *
 * A header field printed: from a name and a text to lines that every reader takes for this one field. Lines are folded before
 * blanks at 78 octets where that can be and never exceed 998 (RFC 5322 §2.1.1, §2.2.3). What is not ASCII is written as encoded-words of UTF-8,
 * each with whole characters and 75 octets at most (RFC 2047 §2, §5); so is a word that is too long for a line, or that a reader
 * would take for an encoded-word. Nothing in a value can end the field: control characters become blanks, bytes
 * that are no UTF-8 become "?".
 */
#pragma once

#include "base/slice.h"

#define FOLDING_LINE 78      /* octets without CRLF, where it can be had */
#define FOLDING_MAXIMUM 998  /* always */
#define FOLDING_NAME_SIZE 76 /* of a name */

/* Whether it can be the name of a field that we write: printable ASCII without a colon, at most FOLDING_NAME_SIZE. It may begin
 * with a dot, which is stuffed on the way. */
bool folding_is_name(struct slice name);

/* The field with its CRLF. Blanks at both ends of the value go, but for those behind a word that is encoded. The name must be one. */
char *folding_print(const void *parent, const char *name, struct slice value);

/* The same with the value as it is, for fields that others have folded and encoded: line ends become CRLF, with a TAB behind where no blank
 * follows; NULs and lines of blanks alone go. Long lines stay long. */
char *folding_print_verbatim(const void *parent, const char *name, struct slice value);
