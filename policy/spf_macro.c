/* SPDX-License-Identifier: Apache-2.0 */
/* Macros of SPF, RFC 7208 §7. */
#include "policy/spf_macro.h"

#include <ctype.h>
#include <talloc.h>

#define PARTS_MAXIMUM 128 /* a name has no more labels */

/* macro-expand = ( "%{" macro-letter transformers *delimiter "}" ) / "%%" / "%_" / "%-" */
struct piece {
	const char *literal; /* NULL: a macro */
	size_t size;
	bool is_expanded; /* began with a percent sign */
	char letter;      /* small */
	bool is_escaped;
	bool is_reversed;
	size_t parts; /* to keep, from the right; 0: all */
	struct slice delimiters;
};

static bool is_letter_of(char letter, enum spf_text kind)
{
	const char *letters = kind == SPF_TEXT_RECORD ? "slodiphv" : "slodiphvcrt";

	return letter && strchr(letters, tolower((unsigned char)letter));
}

static bool take_digits(struct slice *rest, size_t *number)
{
	size_t digits = 0;

	for (*number = 0; rest->size && isdigit((unsigned char)rest->data[0]); digits++) {
		if (*number < PARTS_MAXIMUM)
			*number = *number * 10 + (size_t)(rest->data[0] - '0');
		*rest = slice_from(*rest, 1);
	}
	return digits == 0 || *number > 0;
}

/* Behind "%{". */
static bool take_macro(struct slice *rest, enum spf_text kind, struct piece *piece)
{
	if (!rest->size || !is_letter_of(rest->data[0], kind))
		return false;
	piece->letter = (char)tolower((unsigned char)rest->data[0]);
	piece->is_escaped = piece->letter != rest->data[0];
	*rest = slice_from(*rest, 1);
	if (!take_digits(rest, &piece->parts))
		return false;
	piece->is_reversed = rest->size && (rest->data[0] == 'r' || rest->data[0] == 'R');
	if (piece->is_reversed)
		*rest = slice_from(*rest, 1);
	piece->delimiters = slice_make(rest->data, 0);
	while (rest->size && strchr(".-+,/_=", rest->data[0]) && rest->data[0]) {
		piece->delimiters.size++;
		*rest = slice_from(*rest, 1);
	}
	if (!rest->size || rest->data[0] != '}')
		return false;
	*rest = slice_from(*rest, 1);
	return true;
}

static bool take_percent(struct slice *rest, enum spf_text kind, struct piece *piece)
{
	static const struct {
		char sign;
		const char *literal;
	} signs[] = {{'%', "%"}, {'_', " "}, {'-', "%20"}};

	piece->is_expanded = true;
	*rest = slice_from(*rest, 1);
	if (!rest->size)
		return false;
	for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
		if (rest->data[0] == signs[i].sign) {
			piece->literal = signs[i].literal;
			piece->size = strlen(piece->literal);
		}
	}
	if (!piece->literal && rest->data[0] != '{')
		return false;
	*rest = slice_from(*rest, 1);
	return piece->literal || take_macro(rest, kind, piece);
}

/* macro-literal = %x21-24 / %x26-7E; an explanation has blanks, too. */
static bool is_literal(char byte, enum spf_text kind)
{
	return (byte > ' ' && byte < 0x7f && byte != '%') ||
		(byte == ' ' && kind == SPF_TEXT_EXPLANATION);
}

/* Takes one piece off the front; false when there is no valid one. */
static bool take_piece(struct slice *rest, enum spf_text kind, struct piece *piece)
{
	*piece = (struct piece){0};
	if (rest->data[0] == '%')
		return take_percent(rest, kind, piece);
	piece->literal = rest->data;
	while (rest->size && is_literal(rest->data[0], kind)) {
		piece->size++;
		*rest = slice_from(*rest, 1);
	}
	return piece->size > 0;
}

bool spf_macro_is_valid(struct slice text, enum spf_text kind)
{
	struct piece piece;

	while (text.size) {
		if (!take_piece(&text, kind, &piece))
			return false;
	}
	return true;
}

static bool is_alphanumeric(char byte)
{
	return isalnum((unsigned char)byte) && (unsigned char)byte < 0x80;
}

/* toplabel = ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum ) */
static bool is_top_label(struct slice label)
{
	bool has_other_than_digits = false;

	if (!label.size || label.data[0] == '-' || label.data[label.size - 1] == '-')
		return false;
	for (size_t i = 0; i < label.size; i++) {
		if (!is_alphanumeric(label.data[i]) && label.data[i] != '-')
			return false;
		has_other_than_digits =
			has_other_than_digits || !isdigit((unsigned char)label.data[i]);
	}
	return has_other_than_digits;
}

/* domain-end = ( "." toplabel [ "." ] ) / macro-expand */
static bool has_domain_end(struct slice text)
{
	struct piece piece = {0};
	struct slice rest = text, label;
	const char *dot;

	while (rest.size) {
		if (!take_piece(&rest, SPF_TEXT_RECORD, &piece))
			return false;
	}
	if (piece.is_expanded)
		return true;
	label = slice_make(piece.literal, piece.size);
	if (label.data[label.size - 1] == '.')
		label.size--;
	dot = memrchr(label.data, '.', label.size);
	return dot && is_top_label(slice_from(label, (size_t)(dot + 1 - label.data)));
}

bool spf_macro_is_domain_spec(struct slice text)
{
	return text.size && has_domain_end(text);
}

bool spf_macro_is_plain(struct slice text)
{
	return slice_find(text, '%') == SIZE_MAX;
}

bool spf_macro_has(struct slice text, char letter)
{
	struct piece piece;

	while (text.size && take_piece(&text, SPF_TEXT_EXPLANATION, &piece)) {
		if (piece.letter == letter)
			return true;
	}
	return false;
}

/* --- filling in --- */

static bool is_unreserved(char byte)
{
	return is_alphanumeric(byte) || (byte && strchr("-._~", byte));
}

static char *append_escaped(char *text, const char *value)
{
	for (; *value; value++) {
		if (is_unreserved(*value))
			text = talloc_strndup_append_buffer(text, value, 1);
		else
			text = talloc_asprintf_append_buffer(text, "%%%02X", (unsigned char)*value);
	}
	return text;
}

static bool is_delimiter(const struct piece *piece, char byte)
{
	return piece->delimiters.size
		? memchr(piece->delimiters.data, byte, piece->delimiters.size) != NULL
		: byte == '.';
}

static size_t split(const struct piece *piece, const char *value, struct slice *parts)
{
	size_t count = 0;

	parts[0] = slice_make(value, 0);
	for (; *value; value++) {
		if (is_delimiter(piece, *value) && count + 1 < PARTS_MAXIMUM)
			parts[++count] = slice_make(value + 1, 0);
		else
			parts[count].size++;
	}
	return count + 1;
}

static void reverse(struct slice *parts, size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		struct slice part = parts[i];
		parts[i] = parts[count - 1 - i];
		parts[count - 1 - i] = part;
	}
}

/* The value cut, turned round and put together with dots. */
static char *transform(const void *parent, const struct piece *piece, const char *value)
{
	struct slice parts[PARTS_MAXIMUM];
	size_t count = split(piece, value, parts), first = 0;
	char *text = talloc_strdup(parent, "");

	if (piece->is_reversed)
		reverse(parts, count);
	if (piece->parts && piece->parts < count)
		first = count - piece->parts;
	for (size_t i = first; i < count; i++)
		text = talloc_asprintf_append_buffer(
			text, "%s%.*s", i > first ? "." : "", SLICE_ARGS(parts[i]));
	return text;
}

static char *append_macro(char *text, const struct piece *piece, const char *value)
{
	char *transformed = transform(NULL, piece, value ? value : "");

	text = piece->is_escaped ? append_escaped(text, transformed)
				 : talloc_strdup_append_buffer(text, transformed);
	talloc_free(transformed);
	return text;
}

char *spf_macro_expand(const void *parent, struct slice text, const struct spf_macros *macros)
{
	char *expanded = talloc_strdup(parent, "");
	struct piece piece;

	while (text.size && take_piece(&text, SPF_TEXT_EXPLANATION, &piece)) {
		if (piece.literal)
			expanded =
				talloc_strndup_append_buffer(expanded, piece.literal, piece.size);
		else
			expanded =
				append_macro(expanded, &piece, macros->values[piece.letter - 'a']);
	}
	return expanded;
}
