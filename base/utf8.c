/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 by the table of RFC 3629 §4. */
#include "base/utf8.h"

#include <talloc.h>

/* The first byte decides the length and what the second byte may be. */
struct lead {
	uint8_t first, last;
	uint8_t length;
	uint8_t second_low, second_high;
};

static const struct lead leads[] = {
	{0x00, 0x7f, 1, 0x00, 0x00},
	{0xc2, 0xdf, 2, 0x80, 0xbf},
	{0xe0, 0xe0, 3, 0xa0, 0xbf},
	{0xe1, 0xec, 3, 0x80, 0xbf},
	{0xed, 0xed, 3, 0x80, 0x9f},
	{0xee, 0xef, 3, 0x80, 0xbf},
	{0xf0, 0xf0, 4, 0x90, 0xbf},
	{0xf1, 0xf3, 4, 0x80, 0xbf},
	{0xf4, 0xf4, 4, 0x80, 0x8f},
};

static bool is_tail(uint8_t byte)
{
	return (byte & 0xc0) == 0x80;
}

static bool lead_fits(const struct lead *lead, const uint8_t *bytes, size_t size)
{
	if (bytes[0] < lead->first || bytes[0] > lead->last || size < lead->length)
		return false;
	if (lead->length > 1 && (bytes[1] < lead->second_low || bytes[1] > lead->second_high))
		return false;
	for (size_t i = 2; i < lead->length; i++) {
		if (!is_tail(bytes[i]))
			return false;
	}
	return true;
}

size_t utf8_length(struct slice s)
{
	const uint8_t *bytes = (const uint8_t *)s.data;

	if (s.size && bytes[0] < 0x80)
		return 1;
	for (size_t i = 1; s.size && i < sizeof leads / sizeof *leads; i++) {
		if (lead_fits(&leads[i], bytes, s.size))
			return leads[i].length;
	}
	return 0;
}

uint32_t utf8_decode(const char *at, size_t length)
{
	static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t character = (unsigned char)at[0] & masks[length];

	for (size_t i = 1; i < length; i++)
		character = character << 6 | ((unsigned char)at[i] & 0x3f);
	return character;
}

char *utf8_encode(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	} else {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	}
	return out;
}

/* Eight at a time: mostly all are. */
size_t utf8_ascii_length(struct slice s)
{
	size_t length = 0;
	uint64_t bytes;

	for (; s.size - length >= sizeof bytes; length += sizeof bytes) {
		memcpy(&bytes, s.data + length, sizeof bytes);
		if (bytes & UINT64_C(0x8080808080808080))
			break;
	}
	while (length < s.size && (uint8_t)s.data[length] < 0x80)
		length++;
	return length;
}

bool utf8_is_valid(struct slice s)
{
	while ((s = slice_from(s, utf8_ascii_length(s))).size) {
		size_t length = utf8_length(s);
		if (!length)
			return false;
		s = slice_from(s, length);
	}
	return true;
}

bool utf8_is_control(struct slice s)
{
	uint8_t first = (uint8_t)s.data[0];

	if (first == 0xc2)
		return (uint8_t)s.data[1] < 0xa0;
	return first < 0x20 || first == 0x7f;
}

/* How many printable ASCII characters stand in front: mostly all. */
static size_t plain_length(struct slice s)
{
	size_t length = 0;

	while (length < s.size && s.data[length] >= 0x20 && s.data[length] < 0x7f)
		length++;
	return length;
}

bool utf8_turns_direction(struct slice s)
{
	size_t length = utf8_length(s);
	uint32_t c = length > 1 ? utf8_decode(s.data, length) : 0;

	return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
		(c >= 0x2066 && c <= 0x2069);
}

static bool is_for_no_eyes(struct slice s)
{
	return utf8_is_control(s) || utf8_turns_direction(s);
}

static size_t clean(char *out, size_t size, struct slice s, bool (*is_unfit)(struct slice s))
{
	size_t used = plain_length(s);

	used = used < size ? used : size;
	memcpy(out, s.data, used);
	s = slice_from(s, used);
	while (s.size) {
		size_t length = utf8_length(s);
		bool fit_to_show = length && !is_unfit(s);
		size_t needed = fit_to_show ? length : 1;
		if (used + needed > size)
			break;
		if (fit_to_show)
			memcpy(out + used, s.data, length);
		else
			out[used] = '?';
		used += needed;
		s = slice_from(s, length ? length : 1);
	}
	return used;
}

size_t utf8_clean(char *out, size_t size, struct slice s)
{
	return clean(out, size, s, utf8_is_control);
}

size_t utf8_clean_for_eyes(char *out, size_t size, struct slice s)
{
	return clean(out, size, s, is_for_no_eyes);
}

void utf8_print_clean(struct slice s, FILE *out)
{
	char *fit = talloc_array(NULL, char, s.size + 1);

	fwrite(fit, 1, utf8_clean_for_eyes(fit, s.size, s), out);
	talloc_free(fit);
}

/* Outside its strings JSON has neither; line ends and tabs between its parts stay. */
void utf8_print_json(struct slice json, FILE *out)
{
	while (json.size) {
		size_t length = utf8_length(json);
		bool is_ascii = (uint8_t)json.data[0] < 0x80 && json.data[0] != 0x7f;

		if (length && !is_ascii && is_for_no_eyes(json))
			fprintf(out, "\\u%04x", (unsigned)utf8_decode(json.data, length));
		else
			fwrite(json.data, 1, length ? length : 1, out);
		json = slice_from(json, length ? length : 1);
	}
}
