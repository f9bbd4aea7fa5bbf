/* SPDX-License-Identifier: Apache-2.0
 *
 * A vocabulary is all that the rule language knows of the world: the stages in their order, the facts, the lists of records, and the
 * actions. It is handed in as constant tables by whoever has facts to offer; the language itself knows none by name.
 *
 * A list of records is a fact of type VALUE_RECORDS. Its fields are written `attachment.extension`, or bare inside
 * `any attachment ( … )`. A fact may have the name of a list of records: the fact stands for itself and the records for what
 * follows any, all and count.
 *
 * Names of facts are words with dots between; a fact without a type of its own is none.
 */
#pragma once

#include "rules/value.h"

#define VOCABULARY_STAGES 16
#define VOCABULARY_ARGUMENTS 4 /* at most, of a fact */
#define VOCABULARY_SLOTS 3     /* at most, of an action */

/* What a fact is asked with: dnsbl("zone"), rate(key, period). */
struct vocabulary_argument {
	const char *name; /* for complaints: "period" */
	enum value_type type;
	bool any_type; /* whatever has one value: the key that is counted */
};

/* Of a record. */
struct vocabulary_field {
	const char *name;
	enum value_type type;
	const char *const *names; /* of an enum or of flags, NULL-ended */
	bool repeatable;          /* several texts, as VALUE_TEXTS */
	const char *manual;
};

struct vocabulary_fact {
	const char *name;
	enum value_type type;
	unsigned stage;      /* the first at which it exists: an index into the stages */
	unsigned stages_end; /* the first at which it no longer does; 0: it stays */
	bool keyed;          /* header["Name"] */
	bool repeatable; /* texts: may come as VALUE_TEXTS, and a comparison is with any of them */
	bool counting;   /* asking for it counts: it is never asked ahead */
	const struct vocabulary_argument *arguments;
	size_t argument_count;
	const char *const *names;              /* of an enum or of flags, NULL-ended */
	const struct vocabulary_field *fields; /* of records; ended by one without name */
	size_t longest;      /* how many bytes of it are searched; 0: VOCABULARY_LONGEST */
	const char *missing; /* not in this build: the option of configure that brings it */
	const char *manual;
};

#define VOCABULARY_LONGEST (1024 * 1024)

/* What may stand behind an action, in its order. */
enum vocabulary_shape {
	SHAPE_WORD,     /* the word that is the slot's name: accept session */
	SHAPE_CODE,     /* 550 */
	SHAPE_STATUS,   /* 5.7.1; its first digit must be the code's */
	SHAPE_TEXT,     /* "text with {fact}" */
	SHAPE_FIELD,    /* "Name" of a header field */
	SHAPE_NUMBER,   /* 2.5 */
	SHAPE_ADDRESS,  /* <user@example.com> */
	SHAPE_DURATION, /* 5m */
};

struct vocabulary_slot {
	const char *name; /* for complaints: "code" */
	enum vocabulary_shape shape;
	bool mandatory;
	const char *preset;       /* what stands there when nothing was written; NULL: absent */
	int64_t minimum, maximum; /* of codes, numbers and durations (ms); both 0: any */
	size_t longest;           /* of a text, in bytes; 0: VOCABULARY_TEXT_LONGEST */
	bool may_be_null;         /* an address may be the null sender, <> */
};

#define VOCABULARY_TEXT_LONGEST 460 /* what a line of a reply may hold */

struct vocabulary_action {
	const char *name;
	unsigned stages; /* bits: 1 << stage */
	bool final;      /* ends the stage */
	const char *
		asks; /* a fact of type bool: it acts only while that is true. It is asked with the action's duration if it has an argument */
	const char *
		takes; /* records that it acts upon: those for which the rule's condition holds; NULL: none */
	const struct vocabulary_slot *slots;
	size_t slot_count;
	const char *missing; /* not in this build: the option that brings it */
	const char *manual;
};

struct vocabulary {
	const char *const *stages; /* NULL-ended */
	const struct vocabulary_fact *facts;
	size_t fact_count;
	const struct vocabulary_action *actions;
	size_t action_count;
};

/* By name; NULL when there is none. A fact is no list of records here. */
const struct vocabulary_fact *vocabulary_fact(
	const struct vocabulary *vocabulary, struct slice name);
const struct vocabulary_fact *vocabulary_records(
	const struct vocabulary *vocabulary, struct slice name);
const struct vocabulary_action *vocabulary_action(
	const struct vocabulary *vocabulary, const char *name);
const struct vocabulary_field *vocabulary_field(
	const struct vocabulary_fact *records, struct slice name);

/* A bit for each list of records. */
uint64_t vocabulary_records_bit(
	const struct vocabulary *vocabulary, const struct vocabulary_fact *records);

/* The stage of that name; false when there is none. */
bool vocabulary_stage(const struct vocabulary *vocabulary, struct slice name, unsigned *stage)
	__attribute__((warn_unused_result));

/* "connect, helo and auth", of bits of stages; under the parent. */
char *vocabulary_print_stages(
	const void *parent, const struct vocabulary *vocabulary, unsigned stages);

/* What may have been meant: a fact (a field of records, written whole, too), records, an action, a stage. NULL when nothing is near. */
const char *vocabulary_suggest_fact(
	const void *parent, const struct vocabulary *vocabulary, const char *name);
const char *vocabulary_suggest_records(const struct vocabulary *vocabulary, const char *name);
const char *vocabulary_suggest_action(const struct vocabulary *vocabulary, const char *name);
const char *vocabulary_suggest_stage(const struct vocabulary *vocabulary, const char *name);

/* The index of a name in a NULL-ended list, or -1; and one that may have been meant. */
int vocabulary_index(const char *const *names, const char *name);
const char *vocabulary_suggest(const char *const *names, const char *name);
