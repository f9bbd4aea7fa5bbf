/* SPDX-License-Identifier: Apache-2.0
 *
 * The types of the rule language and values of them. A value borrows its text from whoever gave it.
 */
#pragma once

#include "base/cidr.h"

enum value_type {
	VALUE_BOOL,
	VALUE_INT,
	VALUE_SIZE,     /* bytes */
	VALUE_DURATION, /* milliseconds */
	VALUE_SCORE,
	VALUE_IP,
	VALUE_DOMAIN,
	VALUE_ADDRESS,
	VALUE_NAME,   /* a display name, compared after folding */
	VALUE_STRING, /* bytes, compared as they are */
	VALUE_TEXT,   /* decoded text, compared without case */
	VALUE_FLAGS,  /* a set of names: bits, named by the fact's row */
	VALUE_TEXTS   /* a repeatable text */
};

struct value_texts {
	const char *const *items;
	size_t count;
};

/* What is known of a fact. */
enum fact_state {
	FACT_UNKNOWN,
	FACT_KNOWN,
	FACT_ABSENT, /* there is none, as a header field that the message does not have */
	FACT_FAILED  /* it could not be learnt; the value's text says why */
};

struct value {
	enum value_type type;
	union {
		bool boolean;
		int64_t number; /* int, size, duration, flags */
		double score;
		struct ip ip;
		const char *text; /* domain, address, name, string, text */
		struct value_texts texts;
	};
};
