/* SPDX-License-Identifier: Apache-2.0 */
/* Text between tags, written down. */
#include "policy/content/html_text.h"

#include "base/utf8.h"
#include "policy/content/html_entity.h"

static bool ends_with_blank(const struct html_text *output)
{
	char last = output->used ? output->data[output->used - 1] : '\n';

	return last == ' ' || last == '\n';
}

static void add_blank(struct html_text *output)
{
	if (!ends_with_blank(output))
		output->data[output->used++] = ' ';
}

void html_text_break(struct html_text *output)
{
	if (output->used && output->data[output->used - 1] == ' ')
		output->used--;
	if (output->used && output->data[output->used - 1] != '\n')
		output->data[output->used++] = '\n';
}

static bool is_zero_width(uint32_t c)
{
	return (c >= 0x200b && c <= 0x200d) || (c >= 0x2060 && c <= 0x2064) || c == 0xfeff ||
		c == 0xad || c == 0x34f || c == 0x180e;
}

static bool is_direction(uint32_t c)
{
	return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* Characters that are no ASCII. */
static void add_wide(struct html_text *output, uint32_t c)
{
	if (is_zero_width(c)) {
		output->zero_width++;
		if (!ends_with_blank(output))
			output->has_zero_width = true;
		return;
	}
	if (is_direction(c))
		output->has_bidi = true;
	if (c == 0xa0 || (c >= 0x2000 && c <= 0x200a) || c == 0x3000) {
		add_blank(output);
		return;
	}
	output->used = (size_t)(utf8_encode(output->data + output->used, c) - output->data);
}

static void add_character(struct html_text *output, uint32_t c)
{
	if (c >= 0x80)
		add_wide(output, c);
	else if (c <= ' ')
		add_blank(output);
	else
		output->data[output->used++] = (char)c;
}

/* Takes one character of text, a reference resolved, off the front. */
static uint32_t take_character(struct slice *text)
{
	uint32_t c = text->data[0] == '&' ? html_entity_take(text) : 0;
	size_t length;

	if (c)
		return c;
	length = (unsigned char)text->data[0] < 0x80 ? 1 : utf8_length(*text);
	c = length ? utf8_decode(text->data, length) : 0xfffd;
	*text = slice_from(*text, length ? length : 1);
	return c;
}

void html_text_add(struct html_text *output, struct slice source)
{
	while (source.size) {
		/* Broken bytes must not grow: U+FFFD is longer than they are. */
		uint32_t c = take_character(&source);
		add_character(output, c == 0xfffd ? '?' : c);
	}
}

void html_text_add_bytes(struct html_text *output, struct slice text)
{
	memcpy(output->data + output->used, text.data, text.size);
	output->used += text.size;
	html_text_break(output);
}

struct slice html_text_finish(struct html_text *output)
{
	while (ends_with_blank(output) && output->used)
		output->used--;
	return slice_make(output->data, output->used);
}
