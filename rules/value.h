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
	VALUE_TEXTS,  /* a repeatable text */
	VALUE_ENUM,   /* one of the names of the fact's row: its index */
	VALUE_DATE,   /* days since 1970-01-01, UTC */
	VALUE_CIDR,   /* a network; what stands in rules, no fact */
	VALUE_RECORDS /* a list of records, each with the fields that the fact's row names */
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

struct value_field;

struct value_records {
	const struct value_field
		*fields; /* record by record, each with all its fields in their order */
	uint32_t count;  /* of records */
	uint16_t width;  /* fields of each */
	bool is_cut;     /* there may be more, which nobody has looked at */
};

struct value {
	enum value_type type;
	union {
		bool boolean;
		int64_t number; /* int, size, duration, flags, enum, date */
		double score;
		struct ip ip;
		struct cidr cidr;
		const char *text; /* domain, address, name, string, text */
		struct value_texts texts;
		struct value_records records;
	};
};

/* A value that may be missing: the field of a record, the argument of an action. */
struct value_field {
	enum fact_state state;
	struct value value;
};

/* "bool", "int" … */
const char *value_type_name(enum value_type type);

bool value_is_text(enum value_type type);   /* its value is in text */
bool value_is_number(enum value_type type); /* its value is in number */

/* As people read it; names are those of an enum or of flags. Lists are joined with ", ", records are counted. */
char *value_print(const void *parent, const struct value *value, const char *const *names);

bool value_equals(const struct value *a, const struct value *b);

/* "2027-06-30", and back; false when there is no such day between the years 1970 and 9999. */
bool value_parse_date(struct slice text, int64_t *days) __attribute__((warn_unused_result));
#define VALUE_DATE_SIZE 24
char *value_print_date(int64_t days, char text[static VALUE_DATE_SIZE]);
