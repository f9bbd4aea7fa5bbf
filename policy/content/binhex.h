/* SPDX-License-Identifier: Apache-2.0
 *
 * BinHex 4.0 (RFC 1741): a file of a Macintosh as text between colons, with its name. Everything decodes, what is no digit is passed over.
 *
 * Limits: the resource fork is not looked at, nor are checksums; repetitions end at BINHEX_GROWTH times the input.
 */
#pragma once

#include "base/slice.h"

#define BINHEX_GROWTH 4

/* Whether a line announces that BinHex follows. */
bool binhex_is_announced(struct slice line);

/* The data fork, under the parent; all of what is decoded when the lengths before it make no sense. */
struct slice binhex_decode(const void *parent, struct slice text);

/* The file's name as it is written there, under the parent; empty: none. */
struct slice binhex_name(const void *parent, struct slice text);
