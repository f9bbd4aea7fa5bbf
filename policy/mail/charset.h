/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts of any charset become UTF-8. us-ascii, utf-8, iso-8859-1 and -15, windows-1252, UTF-7, UTF-16 and UTF-32 are read here; all
 * others by iconv, whose descriptors charset_prepare() opens beforehand, since a process that may open no file cannot. A charset that is
 * not known, or was not prepared, is read as iso-8859-1 and noted; what is no character becomes U+FFFD.
 *
 * Deviations, all of them what mail programs do: iso-8859-1 and us-ascii are read as windows-1252; a byte order mark wins over the
 * name of the charset; UTF-16 without one is big-endian when its first characters look so.
 */
#pragma once

#include "base/slice.h"

struct charset_set;

/* What was seen; bits. */
enum charset_seen { CHARSET_UTF7 = 1, CHARSET_UTF16 = 2, CHARSET_UNKNOWN = 4 };

/* Opens what can be opened of the charsets that mail comes in. */
struct charset_set *charset_prepare(const void *parent);

/* How many descriptors are open. */
size_t charset_count(const struct charset_set *set);

/* UTF-8 under the parent, or the text itself where it is UTF-8 already. name may be NULL. Sets bits of enum charset_seen. set may be
 * NULL: then none of iconv's. At most four bytes come of one, and four more. */
struct slice charset_decode(const void *parent, struct charset_set *set, const char *name,
	struct slice text, unsigned *seen);
