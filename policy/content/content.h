/* SPDX-License-Identifier: Apache-2.0
 *
 * A message taken apart, all the way down: its parts in all their readings, files inside of archives inside of attached messages, texts,
 * addresses. One queue of items, each with a depth: a message, a leaf of one, a member of a container. What an item has inside becomes
 * further items; nothing recurses. A pure function of the bytes: no file, no network, no log; whatever a library must load or open,
 * content_prepare() does beforehand.
 *
 * A budget bounds all of it (policy/content/budget.h): bytes that come out, entries, levels, processor time. When it is spent, what was
 * found so far stands, is_complete is false, MIME_OVER_LIMITS is among the anomalies, and budget.hit says which limit it was; that is never
 * to be taken for "nothing found". What of it has a name is an attachment with FINDING_OVER_LIMITS, whose bytes nobody has seen if there
 * was no time. Whether texts were cut says body->is_cut.
 *
 * An attachment that has several names, or can be read in several ways, is there several times, once for each; the further ones are
 * marked is_other_reading. Texts that are shown as the message's body, messages and multiparts are no attachments, unless they have a name
 * or their bytes are something else.
 */
#pragma once

#include "policy/content/body_text.h"
#include "policy/content/budget.h"
#include "policy/content/mime.h"
#include "policy/content/unpack.h"

#define CONTENT_ATTACHMENTS 10000

/* The part of the message that something came in, however deep inside: bytes from the message's begin. */
struct content_place {
	size_t header, body, end; /* header is body where there is none */
	/* Of a part that is a ZIP file in base64 and nothing else: where the member begins that it is, or is in; else UNPACKED_NOWHERE. */
	uint64_t member;
};

struct content_attachment {
	const char *name;          /* UTF-8, "" when it has none */
	const char *extension;     /* of the name, in small letters, without the dot */
	const char *declared_type; /* what the header says, "" inside of archives */
	const char *path;          /* names of all that it is in, and its own, between slashes */
	enum file_type type;       /* what it is by its bytes */
	struct slice bytes;
	struct content_place place;
	uint64_t size;       /* what it is or says it is */
	uint64_t findings;   /* bits of enum finding, with those of what is inside */
	unsigned name_flags; /* bits of enum skeleton_flag */
	unsigned depth;      /* of containers around it: 0 is an attachment of the message itself */
	bool in_archive;
	bool is_disguised; /* its extension says something else than its bytes */
	bool is_other_reading;
};

struct content {
	struct content_attachment *attachments;
	size_t attachment_count;
	struct body_text *body;
	uint64_t anomalies; /* bits of enum mime_anomaly */
	uint64_t findings;  /* of all attachments */
	size_t parts;
	struct budget budget;
	bool is_complete;
};

struct content_tools;

/* Once in a process, before its sandbox closes. */
struct content_tools *content_prepare(const void *parent);

/* The message must live as long as the result. clock: NULL is the processor's. */
struct content *content_examine(const void *parent, struct content_tools *tools,
	struct slice message, const struct budget_limits *limits, budget_clock_fn *clock,
	const void *context);

/* The SHA-256 of an attachment in small hexadecimal digits, under the parent; "" when none of its bytes were seen. */
const char *content_sha256(const void *parent, const struct content_attachment *attachment);
