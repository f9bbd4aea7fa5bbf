/* SPDX-License-Identifier: Apache-2.0
 *
 * The header of a message, taken apart (RFC 5322 §2.2): fields in their order, each a view of the message's bytes.
 * One pass, no recursion, bounded: what lies beyond HEADER_FIELDS_MAXIMUM fields or HEADER_SIZE_MAXIMUM bytes is not looked at and
 * noted, and so is a field that reaches beyond. A line that is neither a field nor its continuation ends the header and is noted; it counts as the body's first line.
 *
 * Deviation: a bare LF ends a line of the header like CRLF, and so do CRs, with or without a LF behind them. RFC 5322 forbids
 * it, BDAT can bring it, and many readers see another field behind it; the judge must see what they see.
 */
#pragma once

#include "policy/mail/address.h"

#define HEADER_SIZE_MAXIMUM 262144
#define HEADER_FIELDS_MAXIMUM 10000
#define HEADER_ADDRESSES_MAXIMUM 5000

struct field {
	struct slice name;  /* as written, without blanks before the colon */
	struct slice value; /* behind the colon, folding included, without the last CRLF */
	struct slice whole; /* name, colon, value and line end */
};

/* What is wrong with a header; bits, named by header_anomaly_names. */
enum header_anomaly {
	HEADER_MISSING_DATE = 1,
	HEADER_MISSING_MESSAGE_ID = 2,
	HEADER_MISSING_FROM = 4,
	HEADER_REPEATED_FROM = 8,
	HEADER_UNREADABLE_FROM = 16,
	HEADER_REPEATED_FIELD =
		32, /* Date, Message-ID, Subject, Sender, Reply-To, To, Cc, Bcc, In-Reply-To, References twice */
	HEADER_NO_FIELD = 64, /* a line that is no field */
	HEADER_TOO_LONG = 128,
	HEADER_BLANK_BEFORE_COLON = 256,
	HEADER_SEVERAL_FROM = 512, /* one From with several addresses: from is the first of them */
	HEADER_TOO_LARGE = 1024,   /* over HEADER_SIZE_MAXIMUM; is too long as well */
	HEADER_MISSING_SENDER = 2048,  /* several addresses in From, and no Sender */
	HEADER_MISLEADING_FROM = 4096, /* another address, unquoted, before the < > of From */
	HEADER_MANY_ADDRESSES = 8192
};

/* "missing_date" … in the order of the bits, NULL-ended. */
extern const char *const header_anomaly_names[];

struct header {
	struct field *fields;
	size_t count;
	size_t size;        /* bytes, the empty line that ends it not counted */
	unsigned anomalies; /* bits of enum header_anomaly */
	unsigned received;  /* how many Received fields */
	const char *
		from; /* the address of From, canonical, or NULL when there is none or it is unreadable */
	const char *from_domain; /* NULL also when it has none: "From: root" */
	const char *
		from_name; /* the display name of From: without quotation marks, not decoded; or NULL */
	const char *reply_to, *reply_to_domain, *reply_to_name; /* the same of Reply-To */
	const char *subject;                                    /* unfolded, not decoded, or NULL */
	const char *message_id;
};

struct header *header_parse(const void *parent, struct slice message);

/* Takes the next field off the front of what is left of a message, passing over lines that are none; false at the empty line and at
 * the end. For those who must find what a reader might find that passes over such lines too. */
bool header_next(struct slice *rest, struct field *field);

/* The first field of that name, or NULL; nth from 0. */
const struct field *header_find(const struct header *header, const char *name, size_t nth);

/* A value on one line: folding undone, without blanks at both ends; other line ends and NULs have become blanks. */
char *header_unfold(const void *parent, struct slice value);
