/* SPDX-License-Identifier: Apache-2.0
 *
 * The Content fields of a part's header: type, boundary, names, charset, encoding, disposition, in all readings that mail programs come
 * to. Where a field is well-formed there is one of each; where it is not, each way to read it is there, the likeliest first, up to
 * MIME_FIELD_READINGS, and what made them doubtful is in the anomalies. The cost is linear in the header; a field's parameters are
 * looked at up to MIME_FIELD_PARAMETERS.
 *
 * Fields are found as forgiving programs find them, too: behind a bare CR, behind blanks at the front of a line, with blanks
 * or a second colon before their value.
 */
#pragma once

#include "policy/mail/charset.h"
#include "policy/content/decode.h"
#include "policy/content/mime_anomaly.h"

#define MIME_FIELD_READINGS 8
#define MIME_FIELD_PARAMETERS 200

struct mime_field_readings {
	const char *texts[MIME_FIELD_READINGS];
	unsigned count;
};

struct mime_fields {
	struct mime_field_readings types;      /* "text/html", in small letters */
	struct mime_field_readings boundaries; /* as they stand in the message */
	struct mime_field_readings
		names; /* UTF-8: filename first, then name, then Content-Name and X-Sun-Data-Name */
	struct mime_field_readings charsets;
	const char *disposition; /* in small letters, or NULL */
	unsigned encodings;  /* bits of enum encoding; ENCODING_IDENTITY when there is no field */
	bool is_multipart;   /* in some reading */
	bool is_other;       /* in some reading it is no multipart */
	bool is_message;     /* a message/rfc822 or the like, in some reading */
	size_t doubtful_end; /* where some programs take the header for ended, or SIZE_MAX */
	uint64_t anomalies;
};

/* The header ends before its empty line. What is kept is under the parent. */
void mime_field_read(const void *parent, struct charset_set *charsets, struct slice header,
	struct mime_fields *fields);

/* Adds a reading unless it is there; false when there is no room. */
bool mime_field_add(struct mime_field_readings *readings, const char *text);
