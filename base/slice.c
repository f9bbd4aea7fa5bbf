/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed views of bytes. */
#include "base/slice.h"

#include <talloc.h>

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool same_nocase(const char *a, const char *b, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (lower(a[i]) != lower(b[i]))
			return false;
	}
	return true;
}

bool slice_equals(struct slice s, const char *text)
{
	return s.size == strlen(text) && memcmp(s.data, text, s.size) == 0;
}

/* Most comparisons end at the first character, so the text is not measured before. */
bool slice_equals_nocase(struct slice s, const char *text)
{
	for (size_t i = 0; i < s.size; i++) {
		if (!text[i] || lower(s.data[i]) != lower(text[i]))
			return false;
	}
	return !text[s.size];
}

bool slice_is_same_nocase(struct slice a, struct slice b)
{
	return a.size == b.size && same_nocase(a.data, b.data, a.size);
}

bool slice_starts_nocase(struct slice s, const char *prefix)
{
	for (size_t i = 0; prefix[i]; i++) {
		if (i == s.size || lower(s.data[i]) != lower(prefix[i]))
			return false;
	}
	return true;
}

size_t slice_find(struct slice s, char byte)
{
	const char *found = s.size ? memchr(s.data, byte, s.size) : NULL;

	return found ? (size_t)(found - s.data) : SIZE_MAX;
}

struct slice slice_cut(struct slice *rest, char separator)
{
	size_t at = slice_find(*rest, separator);
	struct slice piece = *rest;

	if (at == SIZE_MAX) {
		*rest = slice_from(*rest, rest->size);
		return piece;
	}
	piece.size = at;
	*rest = slice_from(*rest, at + 1);
	return piece;
}

int slice_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct slice slice_trim(struct slice s)
{
	while (s.size && slice_is_blank(s.data[0]))
		s = slice_from(s, 1);
	while (s.size && slice_is_blank(s.data[s.size - 1]))
		s.size--;
	return s;
}

bool slice_to_number(struct slice s, uint64_t *number)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s.size; i++) {
		unsigned digit = (unsigned char)s.data[i] - '0';
		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*number = n;
	return s.size > 0;
}

char *slice_keep(const void *parent, struct slice s)
{
	char *copy = talloc_array(parent, char, s.size + 1);

	if (s.size)
		memcpy(copy, s.data, s.size);
	copy[s.size] = '\0';
	return copy;
}

static bool is_base64_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		c == '+' || c == '/';
}

bool slice_is_base64(struct slice s)
{
	size_t letters = s.size;

	while (letters > 0 && s.size - letters < 2 && s.data[letters - 1] == '=')
		letters--;
	for (size_t i = 0; i < letters; i++) {
		if (!is_base64_letter(s.data[i]))
			return false;
	}
	return s.size % 4 == 0;
}
