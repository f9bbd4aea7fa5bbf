/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a message (RFC 2045, RFC 2046), found in one forward pass over its bytes: a stack of open multiparts and nested messages,
 * and at each line that begins with "--" a look at the boundaries that are known. Nothing is copied, decoded or recursed into; parts are
 * slices of the message, parents stand before their children.
 *
 * Mail programs differ, so the message is split as finely as any of them would: at all boundaries that a header can be read to name, at
 * those of multiparts that are over, at lines that go on behind a boundary. Wherever a split is doubtful, the part is there once more as
 * those see it who do not split: a further leaf over the same bytes, marked MIME_OTHERWISE. Likewise the whole of a multipart that can be
 * taken for something else, and a body that begins earlier or later for some. A leaf may have several types, names and encodings
 * (mime_field.h). The union of all these is to be looked at; all of it together is at most MIME_GROWTH times the message.
 *
 * Limits: MIME_DEPTH_MAXIMUM, MIME_PARTS_MAXIMUM, MIME_HEADER_MAXIMUM and MIME_LINES_MAXIMUM over all headers, MIME_BOUNDARIES known at a
 * time. What is beyond stays one leaf, and is noted; what was too deep is marked MIME_UNOPENED and can be parsed by itself. Everything noted is in the anomalies (mime_anomaly.h).
 */
#pragma once

#include "policy/content/mime_field.h"

#define MIME_DEPTH_MAXIMUM 50
#define MIME_PARTS_MAXIMUM 2000
#define MIME_HEADER_MAXIMUM 262144
#define MIME_LINES_MAXIMUM 10000
#define MIME_BOUNDARIES 256
#define MIME_GROWTH 5

/* What a part is besides; bits. */
enum mime_reading {
	MIME_CONTAINER = 1, /* the parts inside it follow; its body is nothing to decode */
	MIME_PREAMBLE = 2,  /* text before the first delimiter of the parent */
	MIME_EPILOGUE = 4,  /* text behind the last one */
	MIME_OTHERWISE = 8, /* its bytes belong to other parts as well */
	MIME_UNOPENED = 16  /* a multipart or message that was too deep to be opened here */
};

struct mime_part {
	struct slice header, body; /* the empty line between them in neither */
	struct mime_fields fields;
	int parent; /* index of the part it is in, or -1 */
	unsigned depth;
	unsigned readings; /* bits of enum mime_reading */
};

struct mime {
	struct mime_part *parts;
	size_t count;
	size_t regular; /* without preambles, epilogues and other readings */
	uint64_t anomalies;
	uint64_t steps; /* lines looked at, and comparisons with boundaries: what it cost */
};

/* The slices are the message's: it must stay as long. */
struct mime *mime_parse(const void *parent, struct charset_set *charsets, struct slice message);

/* The same for the body of a multipart that had a transfer encoding, decoded, or was too deep. */
struct mime *mime_parse_body(const void *parent, struct charset_set *charsets,
	const struct mime_part *multipart, struct slice body);

/* "text/plain" when the header names no type. */
const char *mime_type(const struct mime_part *part);
