/* SPDX-License-Identifier: Apache-2.0
 *
 * The tree of rule files: what was written, and no more. Names are not looked up and types not checked; program.h does that. The tree
 * keeps everything that its printed form needs, comments too (print.h). All of it lives under the tree; texts are NUL-ended.
 */
#pragma once

#include "base/complaint.h"
#include "base/slice.h"

/* Comments around a piece of text: lines before it, and one behind it on its last line. */
struct remarks {
	const char **before;
	bool *gaps; /* an empty line stands before that comment */
	size_t count;
	const char *behind; /* NULL for none */
	bool gap;           /* an empty line stands before the piece itself */
};

enum literal_kind {
	LITERAL_STRING,
	LITERAL_NUMBER, /* digits, a sign, a fraction */
	LITERAL_SIZE,
	LITERAL_DURATION,
	LITERAL_DATE,
	LITERAL_ADDRESS,
	LITERAL_IP,
	LITERAL_CIDR,
	LITERAL_STATUS, /* 5.7.1 */
	LITERAL_NAME
};

struct literal {
	enum literal_kind kind;
	const char *text; /* as written; of strings unescaped, of addresses without brackets */
	struct place place;
	struct remarks remarks; /* of the entry of a list */
};

struct literals {
	struct literal *items;
	size_t count;
	bool bare; /* one, without braces */
};

/* Either a literal or a fact. */
struct argument {
	const struct literal *literal;
	const struct fact_name *fact;
};

/* NAME { "." NAME } [ "[" STRING "]" ] [ "(" argument { "," argument } ")" ] */
struct fact_name {
	const char *name;
	const char *key; /* NULL for none */
	struct argument *arguments;
	size_t argument_count;
	struct place place;
};

enum expr_kind {
	EXPR_TRUE,
	EXPR_FALSE,
	EXPR_NOT,
	EXPR_AND, /* of two or more, none of them an AND */
	EXPR_OR,
	EXPR_EXISTS,
	EXPR_ANY,
	EXPR_ALL,
	EXPR_COUNT,   /* with an operand if there is a condition, and compare with number */
	EXPR_NAME,    /* one word alone: a let, or a fact of type bool */
	EXPR_FACT,    /* a fact of type bool that is not one word alone */
	EXPR_COMPARE, /* fact, compare, literal */
	EXPR_IN_LIST, /* fact, name */
	EXPR_IN,      /* fact, literals */
	EXPR_CONTAINS,
	EXPR_STARTS,
	EXPR_ENDS,
	EXPR_MATCHES, /* fact, text and flags */
	EXPR_HAS,     /* fact, literals: one name */
	EXPR_HAS_ANY
};

enum compare { COMPARE_EQ, COMPARE_NE, COMPARE_LT, COMPARE_LE, COMPARE_GT, COMPARE_GE };

struct expr {
	enum expr_kind kind;
	struct place place; /* where it begins; of comparisons, where the fact stands */
	struct expr **operands;
	size_t count;
	const struct fact_name *fact;
	const char *name; /* of a list, records, a let */
	struct place name_place;
	enum compare compare;
	struct place operator_place;
	struct literals literals; /* of a comparison: one */
	const char *text;         /* of a regex, between the slashes */
	const char *flags;        /* of a regex */
	struct place text_place;
};

struct action {
	const char *name;
	struct literal *arguments;
	size_t count;
	struct place place;
};

/* fact = literals */
struct given {
	const struct fact_name *fact;
	struct literals literals;
};

struct test {
	bool matches;
	const char *message; /* NULL for none */
	struct place message_place;
	struct given *givens;
	size_t count;
	bool braces;
	struct place place;
	struct remarks remarks;
};

/* In the order in which they are printed. */
enum clause {
	CLAUSE_STAGE,
	CLAUSE_WHEN,
	CLAUSE_THEN,
	CLAUSE_MODE,
	CLAUSE_ON_ERROR,
	CLAUSE_OWNER,
	CLAUSE_REF,
	CLAUSE_UNTIL,
	CLAUSES,
	CLAUSE_TEST = CLAUSES
};

struct clause_words {
	const char *word;   /* of stage, mode, on_error, owner, ref and until */
	struct place place; /* of the clause; line 0 when it was not written */
	struct place word_place;
	struct remarks remarks;
};

enum item_kind { ITEM_INCLUDE, ITEM_LIST, ITEM_LET, ITEM_RULE };

struct item {
	enum item_kind kind;
	struct place place; /* of its name, of an include its pattern */
	const char *name;
	const char
		*text; /* pattern of an include, description of a rule, file of a list; or NULL */
	struct place text_place;
	struct remarks remarks;     /* of its first line */
	struct remarks end_remarks; /* of its closing brace */
	const char *list_kind;
	struct place kind_place;
	struct literals literals; /* of a list without a file */
	struct expr *expr;        /* of a let, a rule; NULL when it was not understood */
	struct clause_words clauses[CLAUSES];
	struct action *actions;
	size_t action_count;
	struct test *tests;
	size_t test_count;
	bool is_cut; /* its end was not understood: clauses may be missing that were written */
};

struct tree {
	const char *path;
	const char *version; /* NULL when it is missing */
	struct remarks version_remarks;
	struct item **items;
	size_t count;
	struct remarks end_remarks; /* behind the last item */
};

/* "==", "<" …; "stage", "when" …; the keyword of an item. */
const char *tree_compare_name(enum compare compare);
const char *tree_clause_name(enum clause clause);
const char *tree_item_name(enum item_kind kind);

/* Whether it can be the name of a list, let or rule: [a-z][a-z0-9_]*, and no word of the language. */
bool tree_is_name(const char *name);
bool tree_is_keyword(struct slice word);

/* What a word that stands where a literal may is. False when it is none. */
bool tree_literal_kind(struct slice word, enum literal_kind *kind)
	__attribute__((warn_unused_result));
const char *tree_literal_kind_name(enum literal_kind kind);
