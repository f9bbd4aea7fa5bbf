/* SPDX-License-Identifier: Apache-2.0
 *
 * The words of postern's own files: settings now, rules too. One pass over a text held in memory, tokens that
 * borrow from it, a place for each, no allocation but for unescaped strings. "#" starts a comment that ends
 * with the line; white space and line ends only separate. A text may hold any byte: what is no token comes as
 * TOKEN_UNKNOWN and the lexer goes on behind it. A byte order mark at the front is passed over.
 *
 * A word is whatever stands together outside strings and punctuation, so 10M, 5.7.1, 192.0.2.0/24, 2001:db8::1,
 * tls_version and 2027-01-01 are each one word; what a word means is its reader's business.
 *
 * Where its grammar allows one, a reader asks for a regular expression or an address in angle brackets: only then are "/" and "<" read
 * as their beginnings. Comments are passed over; a reader that wants to print them again has them kept.
 */
#pragma once

#include "base/complaint.h"
#include "base/slice.h"

enum token_kind {
	TOKEN_END,         /* the end of the text, for ever */
	TOKEN_WORD,        /* letters, digits and _ . : / - + % * bytes together */
	TOKEN_STRING,      /* "…" with \\ \" \n; text holds it unescaped */
	TOKEN_PUNCTUATION, /* one of { } ( ) [ ] = , @ < > ! or == != <= >= ; text says which */
	TOKEN_REGEX, /* /…/ as it stands between the slashes; only lexer_take_regex() yields it */
	TOKEN_ADDRESS, /* <…> without the brackets; only lexer_take_address() yields it */
	/* One byte that is none of these; or a string, quotes and all, that has another escape or does not end on its
	 * line (then text is the rest of the line). */
	TOKEN_UNKNOWN
};

struct token {
	enum token_kind kind;
	struct slice text;
	struct slice flags; /* the letters behind a regex */
	struct place place;
	size_t number; /* how many tokens stand before it */
	bool first_on_line;
};

/* From its "#" to the end of its line, blanks there left out. */
struct comment {
	struct slice text;
	struct place place;
	size_t token;       /* the number of the token behind it */
	bool first_on_line; /* nothing stands before it on its line */
};

struct lexer;

/* Reads from text, which must stay; the file name is for places. Unescaped strings live under the lexer. */
struct lexer *lexer_new(const void *parent, const char *file, struct slice text);

/* The next token, taken; and the one that would be next, left. */
struct token lexer_take(struct lexer *lexer);
struct token lexer_peek(struct lexer *lexer);

/* The next token, taken; read as a regex when it begins with "/": up to the next "/" of the line that has no backslash before it, and
 * the letters behind. One without an end is unknown. */
struct token lexer_take_regex(struct lexer *lexer);

/* The next token, taken; read as an address when it is "<" and a ">" stands on its line before any blank or "<". */
struct token lexer_take_address(struct lexer *lexer);

/* From now on comments are kept; and those that were passed so far. The array may move with the next token. */
void lexer_keep_comments(struct lexer *lexer);
const struct comment *lexer_comments(const struct lexer *lexer, size_t *count);

/* Whether the token is this punctuation. */
bool token_is(struct token token, const char *punctuation);
