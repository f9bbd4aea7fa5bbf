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
	const char *next_start; /* where the peeked token begins, quotes and all */
	size_t number;          /* of the next token to be scanned */
	bool keeps_comments;
	struct comment *comments;
	size_t comment_count;
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

static struct place place_of(const struct lexer *lexer)
{
	return (struct place){
		lexer->file, lexer->line, (unsigned)(lexer->rest.data - lexer->line_start) + 1};
}

static void keep_comment(struct lexer *lexer, size_t size)
{
	size_t room = talloc_array_length(lexer->comments);

	while (size && strchr(" \t\r", lexer->rest.data[size - 1]))
		size--;
	if (lexer->comment_count == room)
		lexer->comments = talloc_realloc(
			lexer, lexer->comments, struct comment, room ? room * 2 : 16);
	lexer->comments[lexer->comment_count++] = (struct comment){
		.text = slice_make(lexer->rest.data, size),
		.place = place_of(lexer),
		.token = lexer->number,
		.first_on_line = lexer->first_on_line,
	};
}

static void skip_comment(struct lexer *lexer)
{
	size_t size = slice_find(lexer->rest, '\n');

	if (size == SIZE_MAX)
		size = lexer->rest.size;
	if (lexer->keeps_comments)
		keep_comment(lexer, size);
	lexer->rest = slice_from(lexer->rest, size);
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
	token.place = place_of(lexer);
	token.number = lexer->number++;
	token.first_on_line = lexer->first_on_line;
	lexer->first_on_line = false;
	lexer->next_start = lexer->rest.data;

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

/* The next token once more, with what it begins with still in lexer->rest. */
static struct token unscan(struct lexer *lexer)
{
	struct token token = lexer_peek(lexer);
	const char *end = lexer->rest.data + lexer->rest.size;

	lexer->rest = slice_make(lexer->next_start, (size_t)(end - lexer->next_start));
	return token;
}

/* The size of a regex with both its slashes, or 0 when it does not end on its line. */
static size_t regex_size(struct slice s)
{
	for (size_t i = 1; i < s.size && s.data[i] != '\n'; i++) {
		if (s.data[i] == '/')
			return i + 1;
		if (s.data[i] == '\\' && i + 1 < s.size && s.data[i + 1] != '\n')
			i++;
	}
	return 0;
}

static size_t letters_size(struct slice s)
{
	size_t size = 0;

	while (size < s.size &&
		((s.data[size] >= 'a' && s.data[size] <= 'z') ||
			(s.data[size] >= 'A' && s.data[size] <= 'Z')))
		size++;
	return size;
}

struct token lexer_take_regex(struct lexer *lexer)
{
	struct token token = lexer_peek(lexer);
	size_t size;

	if (token.kind == TOKEN_STRING || !token.text.size || token.text.data[0] != '/')
		return lexer_take(lexer);
	token = unscan(lexer);
	lexer->peeked = false;
	size = regex_size(lexer->rest);
	if (!size) {
		size = slice_find(lexer->rest, '\n');
		token.kind = TOKEN_UNKNOWN;
		token.text = take_bytes(lexer, size == SIZE_MAX ? lexer->rest.size : size);
		return token;
	}
	token.kind = TOKEN_REGEX;
	token.text = take_bytes(lexer, size);
	token.text = slice_make(token.text.data + 1, size - 2);
	token.flags = take_bytes(lexer, letters_size(lexer->rest));
	return token;
}

/* The size of "<…>", or 0. */
static size_t address_size(struct slice s)
{
	for (size_t i = 1; i < s.size && (unsigned char)s.data[i] > ' ' && s.data[i] != '<'; i++) {
		if (s.data[i] == '>')
			return i + 1;
	}
	return 0;
}

struct token lexer_take_address(struct lexer *lexer)
{
	struct token token = lexer_peek(lexer);
	size_t size = 0;

	if (token_is(token, "<") || token_is(token, "<="))
		size = address_size(slice_make(lexer->next_start,
			(size_t)(lexer->rest.data + lexer->rest.size - lexer->next_start)));
	if (!size)
		return lexer_take(lexer);
	token = unscan(lexer);
	lexer->peeked = false;
	token.kind = TOKEN_ADDRESS;
	token.text = take_bytes(lexer, size);
	token.text = slice_make(token.text.data + 1, size - 2);
	return token;
}

void lexer_keep_comments(struct lexer *lexer)
{
	lexer->keeps_comments = true;
}

const struct comment *lexer_comments(const struct lexer *lexer, size_t *count)
{
	*count = lexer->comment_count;
	return lexer->comments;
}

bool token_is(struct token token, const char *punctuation)
{
	return token.kind == TOKEN_PUNCTUATION && slice_equals(token.text, punctuation);
}
