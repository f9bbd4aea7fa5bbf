/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a text into words, strings and punctuation. */
#include "base/lexer.h"

#include <talloc.h>

struct lexer {
	const char *file;
	struct slice rest;
	unsigned line;
	const char *line_start;
	bool first_on_line;
	bool peeked;
	struct token next;
};

struct lexer *lexer_new(const void *parent, const char *file, struct slice text)
{
	struct lexer *lexer = talloc_zero(parent, struct lexer);

	if (slice_starts_nocase(text, "\xef\xbb\xbf")) /* a byte order mark, from some editors */
		text = slice_from(text, 3);
	lexer->file = talloc_strdup(lexer, file);
	lexer->rest = text;
	lexer->line = 1;
	lexer->line_start = text.data;
	lexer->first_on_line = true;
	return lexer;
}

static bool is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		(c && strchr("_.:/-+%*", c));
}

static void begin_line(struct lexer *lexer)
{
	lexer->line++;
	lexer->line_start = lexer->rest.data;
	lexer->first_on_line = true;
}

static void skip_comment(struct lexer *lexer)
{
	size_t size = slice_find(lexer->rest, '\n');

	lexer->rest = slice_from(lexer->rest, size == SIZE_MAX ? lexer->rest.size : size);
}

static void skip_space(struct lexer *lexer)
{
	while (lexer->rest.size) {
		char c = lexer->rest.data[0];

		if (c == '#') {
			skip_comment(lexer);
			continue;
		}
		if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
			return;
		lexer->rest = slice_from(lexer->rest, 1);
		if (c == '\n')
			begin_line(lexer);
	}
}

/* The size of a string with both its quotes, or 0 when it does not end on its line. */
static size_t string_size(struct slice s)
{
	for (size_t i = 1; i < s.size && s.data[i] != '\n'; i++) {
		if (s.data[i] == '"')
			return i + 1;
		if (s.data[i] == '\\' && i + 1 < s.size && s.data[i + 1] != '\n')
			i++;
	}
	return 0;
}

/* Puts the unescaped text in place of the escaped one; false at an escape that does not exist. */
static bool unescape(struct lexer *lexer, struct slice *text)
{
	char *plain;
	size_t size = 0;

	if (slice_find(*text, '\\') == SIZE_MAX)
		return true;
	plain = talloc_array(lexer, char, text->size);
	for (size_t i = 0; i < text->size; i++) {
		char c = text->data[i];

		if (c == '\\') {
			c = text->data[++i];
			if (c != '\\' && c != '"' && c != 'n') {
				talloc_free(plain);
				return false;
			}
			c = c == 'n' ? '\n' : c;
		}
		plain[size++] = c;
	}
	*text = slice_make(plain, size);
	return true;
}

/* Each scan_* function takes what it finds off the front of lexer->rest. */
static struct slice take_bytes(struct lexer *lexer, size_t size)
{
	struct slice taken = slice_make(lexer->rest.data, size);

	lexer->rest = slice_from(lexer->rest, size);
	return taken;
}

static void scan_string(struct lexer *lexer, struct token *token)
{
	size_t size = string_size(lexer->rest);
	struct slice inside;

	if (!size) {
		size = slice_find(lexer->rest, '\n');
		token->text = take_bytes(lexer, size == SIZE_MAX ? lexer->rest.size : size);
		return;
	}
	token->text = take_bytes(lexer, size);
	inside = slice_make(token->text.data + 1, size - 2);
	if (unescape(lexer, &inside)) {
		token->kind = TOKEN_STRING;
		token->text = inside;
	}
}

static void scan_word(struct lexer *lexer, struct token *token)
{
	size_t size = 0;

	while (size < lexer->rest.size && is_word_byte(lexer->rest.data[size]))
		size++;
	token->kind = TOKEN_WORD;
	token->text = take_bytes(lexer, size);
}

static void scan_byte(struct lexer *lexer, struct token *token)
{
	const char *at = lexer->rest.data;
	bool pair = strchr("=!<>", *at) && lexer->rest.size > 1 && at[1] == '=';

	if (*at && strchr("{}()[]=,@<>!", *at))
		token->kind = TOKEN_PUNCTUATION;
	token->text = take_bytes(lexer, *at && pair ? 2 : 1);
}

static struct token scan(struct lexer *lexer)
{
	struct token token = {.kind = TOKEN_UNKNOWN};

	skip_space(lexer);
	token.place.file = lexer->file;
	token.place.line = lexer->line;
	token.place.column = (unsigned)(lexer->rest.data - lexer->line_start) + 1;
	token.first_on_line = lexer->first_on_line;
	lexer->first_on_line = false;

	if (!lexer->rest.size) {
		token.kind = TOKEN_END;
		token.text = lexer->rest;
	} else if (lexer->rest.data[0] == '"') {
		scan_string(lexer, &token);
	} else if (is_word_byte(lexer->rest.data[0])) {
		scan_word(lexer, &token);
	} else {
		scan_byte(lexer, &token);
	}
	return token;
}

struct token lexer_peek(struct lexer *lexer)
{
	if (!lexer->peeked) {
		lexer->next = scan(lexer);
		lexer->peeked = true;
	}
	return lexer->next;
}

struct token lexer_take(struct lexer *lexer)
{
	struct token token = lexer_peek(lexer);

	lexer->peeked = false;
	return token;
}

bool token_is(struct token token, const char *punctuation)
{
	return token.kind == TOKEN_PUNCTUATION && slice_equals(token.text, punctuation);
}
