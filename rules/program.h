/* SPDX-License-Identifier: Apache-2.0
 *
 * A program is what rule files come to: names looked up, types checked, equal conditions made one. Nothing in it changes afterwards but
 * the entries of lists that are read again. It borrows the trees and the vocabulary, and everything in it lives under it.
 *
 * Conditions are nodes. Two that mean the same are the same node, so that each is evaluated once; what they compare is a
 * reference: a fact with its key and arguments, or a field of the records of a list. A reference whose texts are searched has the set of all patterns
 * that are looked for in it.
 */
#pragma once

#include "rules/list.h"
#include "rules/tree.h"
#include "rules/vocabulary.h"

struct reference;

/* What a fact is asked with. */
struct operand {
	const struct reference *reference; /* NULL: the value */
	struct value value;
};

struct reference {
	size_t id;
	const char *text;                     /* as it is printed */
	const struct vocabulary_fact *fact;   /* of a field: its records */
	const struct vocabulary_field *field; /* NULL for a fact */
	size_t field_number;
	const struct reference *records; /* of a field: the records themselves */
	const char *key;                 /* header["Name"]; NULL for none */
	struct operand arguments[VOCABULARY_ARGUMENTS];
	size_t argument_count;
	uint64_t
		open; /* records whose one must be chosen before it has a value; bits, see vocabulary_records_bit() */
	struct match_set *set; /* of what is looked for in it; NULL for nothing */
};

enum node_kind {
	NODE_TRUE,
	NODE_FALSE,
	NODE_NOT,
	NODE_AND,
	NODE_OR,
	NODE_EXISTS,
	NODE_ANY,
	NODE_ALL,
	NODE_COUNT,   /* of the records for which its operand, if it has one, is true */
	NODE_BOOL,    /* the reference itself */
	NODE_COMPARE, /* with value; texts with normal */
	NODE_IN_LIST,
	NODE_IN, /* values */
	NODE_CONTAINS,
	NODE_STARTS,
	NODE_ENDS,
	NODE_MATCHES,
	NODE_HAS /* one of the bits of value */
};

/* What each walk looks at stands together at its beginning. */
struct node {
	enum node_kind kind;
	enum compare compare;
	size_t id;
	uint64_t open; /* as of a reference */
	struct node **operands;
	size_t count;
	const struct reference *reference; /* of any, all and count: the records */
	struct slice
		normal; /* the text of value as it is compared; of contains, starts and ends: folded */
	struct value value;
	size_t pattern; /* in the set of the reference */
	struct list *list;
	struct value *values;
	size_t value_count;
	bool is_counting; /* it asks for a fact that counts */
	unsigned depth;   /* of nodes in each other */
	const char *text; /* as it is printed */
};

/* A text with facts in it: each part is a text or a reference. */
struct wording_part {
	const char *text;
	const struct reference *reference;
};

struct wording {
	struct wording_part *parts;
	size_t count;
};

struct rule_action {
	const struct vocabulary_action *row;
	struct value_field arguments[VOCABULARY_SLOTS]; /* as the slots; texts without facts, too */
	struct wording *wordings[VOCABULARY_SLOTS];     /* NULL for what is not a text */
	const struct reference *asks;                   /* NULL for none */
	const struct reference *takes;                  /* records; NULL for none */
};

struct rule {
	const char *name;
	const char *description; /* or NULL */
	const char *owner, *ref; /* or NULL */
	struct place place;
	size_t index;
	unsigned stage;
	const struct node *condition;
	struct rule_action *actions;
	size_t action_count;
	bool is_final; /* one of its actions is */
	bool monitored;
	struct rule_action *on_error; /* NULL: ignore */
	int64_t until;                /* the last day, as VALUE_DATE; INT64_MAX: for ever */
	const struct item *item;
};

struct program {
	const struct vocabulary *vocabulary;
	const struct rule **rules;
	size_t rule_count;
	const struct rule **at_stage[VOCABULARY_STAGES]; /* in their order */
	size_t at_stage_count[VOCABULARY_STAGES];
	struct node **nodes; /* by id */
	size_t node_count;
	struct reference **references; /* by id */
	size_t reference_count;
	struct list **lists;
	size_t list_count;
	const struct item **items; /* all that it was made of */
	size_t item_count;
	const struct item **unused; /* lists and lets */
	size_t unused_count;
	bool has_jit; /* all regexes are compiled to the machine's code */
};

/* The items in their order, files that are included where they are (load.h). Complains about everything; the program is good only
 * if no error was complained about. monitored_files: patterns (fnmatch) of paths whose rules are monitored, NULL-ended; or NULL. */
struct program *program_new(const void *parent, const struct vocabulary *vocabulary,
	const struct item *const *items, size_t count, const char *const *monitored_files,
	struct complaints *complaints);

/* The form in which a text of a type is compared; under the parent. */
struct slice program_normal(const void *parent, enum value_type type, struct slice text);

/* The names of an enum's or flags' values, or NULL. */
const char *const *program_names(const struct reference *reference);
enum value_type program_type(const struct reference *reference);
bool program_is_repeatable(const struct reference *reference);

/* The list of that file, to be read again; NULL when there is none. Several may have one file: begin with 0. */
struct list *program_list_of_file(const struct program *program, const char *path, size_t *cursor);
