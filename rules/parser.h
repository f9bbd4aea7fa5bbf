/* SPDX-License-Identifier: Apache-2.0
 *
 * What the readers of the grammar share: the lexer, the complaints, and the comments that wait for a place in the tree. A reader that
 * meets what it cannot understand complains once and returns NULL or false; parse.c then goes on at the next clause or item.
 */
#pragma once

#include "base/lexer.h"
#include "rules/tree.h"

#define PARSER_DEPTH 64 /* of parentheses and of arguments in each other */

struct parser {
	struct tree *tree;
	struct lexer *lexer;
	struct complaints *complaints;
	size_t next_comment; /* the first that has no place yet */
	size_t last_number;  /* of the last token taken */
	unsigned last_line;  /* where it, or the last comment placed, stands */
	unsigned depth;
};

struct token parser_peek(struct parser *parser);
struct token parser_take(struct parser *parser);
struct token parser_take_regex(struct parser *parser);
struct token parser_take_address(struct parser *parser);

bool parser_is(struct parser *parser, const char *punctuation);
bool parser_is_word(struct parser *parser, const char *word);

/* Takes the next token if it is that; parser_expect() complains if it is not. */
bool parser_accept(struct parser *parser, const char *punctuation);
bool parser_accept_word(struct parser *parser, const char *word);
bool parser_expect(struct parser *parser, const char *punctuation, const char *where)
	__attribute__((warn_unused_result));

/* The next token, which is to be a string, as a NUL-ended text; NULL after a complaint. */
const char *parser_take_string(struct parser *parser, const char *what);

/* Complains about the next token: "expected …, found …". */
void parser_complain(struct parser *parser, const char *expected);

/* A token's text, kept under the tree. */
char *parser_keep(struct parser *parser, struct slice text);

/* Where a piece begins: taken before its first token is. */
struct start {
	unsigned line_before; /* of the token before it; 0: none */
	unsigned line;
};

struct start parser_start(struct parser *parser);

/* The comments that belong to the piece that ends with the last token taken. */
struct remarks parser_remarks(struct parser *parser, struct start start);
/* Those that are left at the end of the file. */
struct remarks parser_last_remarks(struct parser *parser, struct start start);
