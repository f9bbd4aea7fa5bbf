/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens for the readers of the grammar, and where comments go. */
#include "rules/parser.h"

#include <talloc.h>

#define QUOTED_SIZE_MAX 40

struct token parser_peek(struct parser *parser)
{
	return lexer_peek(parser->lexer);
}

static struct token took(struct parser *parser, struct token token)
{
	if (token.kind != TOKEN_END) {
		parser->last_number = token.number;
		parser->last_line = token.place.line;
	}
	return token;
}

struct token parser_take(struct parser *parser)
{
	return took(parser, lexer_take(parser->lexer));
}

struct token parser_take_regex(struct parser *parser)
{
	return took(parser, lexer_take_regex(parser->lexer));
}

struct token parser_take_address(struct parser *parser)
{
	return took(parser, lexer_take_address(parser->lexer));
}

bool parser_is(struct parser *parser, const char *punctuation)
{
	return token_is(parser_peek(parser), punctuation);
}

bool parser_is_word(struct parser *parser, const char *word)
{
	struct token token = parser_peek(parser);

	return token.kind == TOKEN_WORD && slice_equals(token.text, word);
}

bool parser_accept(struct parser *parser, const char *punctuation)
{
	bool is_it = parser_is(parser, punctuation);

	if (is_it)
		parser_take(parser);
	return is_it;
}

bool parser_accept_word(struct parser *parser, const char *word)
{
	bool is_it = parser_is_word(parser, word);

	if (is_it)
		parser_take(parser);
	return is_it;
}

char *parser_keep(struct parser *parser, struct slice text)
{
	return slice_keep(parser->tree, text);
}

static void complain_unknown(struct parser *parser, struct token token)
{
	if (token.text.size > 1 && token.text.data[0] == '"')
		complaint_error(parser->complaints, token.place,
			"this string does not end on its line, or has an escape other than \\\\, "
			"\\\" and \\n");
	else if ((unsigned char)token.text.data[0] >= 0x80)
		complaint_error(parser->complaints, token.place,
			"stray character: outside of texts, regexes and comments there is only "
			"ASCII");
	else
		complaint_error(parser->complaints, token.place, "stray character \"%.*s\"",
			SLICE_ARGS(token.text));
}

void parser_complain(struct parser *parser, const char *expected)
{
	struct token token = parser_peek(parser);
	struct slice text = token.text;

	if (token.kind == TOKEN_UNKNOWN) {
		complain_unknown(parser, token);
		return;
	}
	if (token.kind == TOKEN_END) {
		complaint_error(parser->complaints, token.place,
			"expected %s, found the end of the file", expected);
		return;
	}
	if (text.size > QUOTED_SIZE_MAX)
		text.size = QUOTED_SIZE_MAX;
	complaint_error(parser->complaints, token.place, "expected %s, found %s\"%.*s\"", expected,
		token.kind == TOKEN_STRING ? "the string " : "", SLICE_ARGS(text));
}

bool parser_expect(struct parser *parser, const char *punctuation, const char *where)
{
	char *expected;

	if (parser_accept(parser, punctuation))
		return true;
	expected = talloc_asprintf(NULL, "\"%s\" %s", punctuation, where);
	parser_complain(parser, expected);
	talloc_free(expected);
	return false;
}

const char *parser_take_string(struct parser *parser, const char *what)
{
	struct token token = parser_peek(parser);

	if (token.kind != TOKEN_STRING) {
		parser_complain(parser, what);
		return NULL;
	}
	parser_take(parser);
	if (slice_find(token.text, '\0') != SIZE_MAX)
		complaint_error(parser->complaints, token.place, "a text cannot hold a NUL byte");
	return parser_keep(parser, token.text);
}

/* --- comments --- */

static const struct comment *next_comment(struct parser *parser)
{
	size_t count;
	const struct comment *comments = lexer_comments(parser->lexer, &count);

	return parser->next_comment < count ? &comments[parser->next_comment] : NULL;
}

struct start parser_start(struct parser *parser)
{
	return (struct start){parser->last_line, parser_peek(parser).place.line};
}

static void place_before(struct parser *parser, struct remarks *remarks, bool gap)
{
	size_t count = ++remarks->count;

	remarks->before = talloc_realloc(parser->tree, remarks->before, const char *, count);
	remarks->gaps = talloc_realloc(parser->tree, remarks->gaps, bool, count);
	remarks->before[count - 1] = parser_keep(parser, next_comment(parser)->text);
	remarks->gaps[count - 1] = gap;
	parser->next_comment++;
}

/* Comments in the midst of a piece go before it, too. */
static void place_all_before(struct parser *parser, struct remarks *remarks, struct start start)
{
	unsigned line = start.line_before;
	const struct comment *comment;

	while ((comment = next_comment(parser)) && comment->token <= parser->last_number) {
		bool is_inside = comment->place.line >= start.line;
		unsigned own_line = comment->place.line;

		place_before(parser, remarks, !is_inside && line && own_line > line + 1);
		line = is_inside ? line : own_line;
	}
	remarks->gap = line && start.line > line + 1;
}

struct remarks parser_remarks(struct parser *parser, struct start start)
{
	struct remarks remarks = {0};
	const struct comment *comment;

	parser_peek(parser);
	place_all_before(parser, &remarks, start);
	comment = next_comment(parser);
	if (comment && comment->token == parser->last_number + 1 && !comment->first_on_line) {
		remarks.behind = parser_keep(parser, comment->text);
		parser->next_comment++;
	}
	return remarks;
}

struct remarks parser_last_remarks(struct parser *parser, struct start start)
{
	parser->last_number = parser_peek(parser).number;
	return parser_remarks(parser, start);
}
