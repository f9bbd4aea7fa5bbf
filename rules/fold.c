/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of texts in which they are compared. */
#include "rules/fold.h"

#include "base/utf8.h"
#include "rules/fold_table.h"

#include <idn2.h>
#include <talloc.h>

#define IDN_FLAGS (IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL)
#define GROWTH 2 /* no character becomes longer than this many times its bytes */

/* --- characters --- */

static bool is_in(const struct fold_table_span *spans, size_t count, uint32_t c)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (spans[middle].last < c)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && spans[low].first <= c;
}

static const char *find_row(const struct fold_table_row *rows, size_t count, uint32_t c)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (rows[middle].character < c)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && rows[low].character == c ? rows[low].text : NULL;
}

/* The last range that begins at or before it may hold it; one of step 2 lies around others. */
static uint32_t fold_character(uint32_t c)
{
	size_t low = 0, high = fold_table_ranges_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (fold_table_ranges[middle].first <= c)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t back = 0; back < 2 && low > back; back++) {
		const struct fold_table_range *range = &fold_table_ranges[low - 1 - back];

		if (c <= range->last && (c - range->first) % (uint32_t)range->step == 0)
			return (uint32_t)((int32_t)c + range->delta);
	}
	return c;
}

/* --- texts --- */

static char *add_folded(char *out, uint32_t c)
{
	const char *expansion = find_row(fold_table_expansions, fold_table_expansions_count, c);

	if (expansion)
		return stpcpy(out, expansion);
	if (is_in(fold_table_invisible, fold_table_invisible_count, c))
		return out;
	return utf8_encode(out, fold_character(c));
}

static char small(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static struct slice finish(char *data, const char *end)
{
	data[end - data] = '\0';
	return slice_make(data, (size_t)(end - data));
}

struct slice fold_text(const void *parent, struct slice text)
{
	char *data = talloc_array(parent, char, GROWTH *text.size + 1), *out = data;

	for (;;) {
		size_t plain = utf8_ascii_length(text), length;

		for (size_t i = 0; i < plain; i++)
			out[i] = small(text.data[i]);
		out += plain;
		text = slice_from(text, plain);
		if (!text.size)
			return finish(data, out);
		length = utf8_length(text);
		if (length)
			out = add_folded(out, utf8_decode(text.data, length));
		else
			*out++ = text.data[0];
		text = slice_from(text, length ? length : 1);
	}
}

/* Blanks and quotation marks of ASCII, which fold_name() does not take as they are. */
static bool is_loose(char c)
{
	return c == '"' || c == '\'' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char *add_look_alike(char *out, struct slice character)
{
	uint32_t c = utf8_decode(character.data, character.size);
	const char *alike = find_row(fold_table_look_alikes, fold_table_look_alikes_count, c);

	if (alike)
		return stpcpy(out, alike);
	if (is_in(fold_table_marks, fold_table_marks_count, c))
		return out;
	return mempcpy(out, character.data, character.size);
}

struct slice fold_name(const void *parent, struct slice text)
{
	struct slice folded = fold_text(NULL, text), rest = folded;
	char *data = talloc_array(parent, char, GROWTH *folded.size + 1), *out = data;
	bool blank = false;

	while (rest.size) {
		size_t length = utf8_length(rest);
		bool loose = is_loose(rest.data[0]);

		if (loose) {
			blank = blank || (rest.data[0] != '"' && rest.data[0] != '\'');
		} else {
			if (blank && out != data)
				*out++ = ' ';
			blank = false;
			out = length ? add_look_alike(out, slice_make(rest.data, length))
				     : mempcpy(out, rest.data, 1);
		}
		rest = slice_from(rest, length ? length : 1);
	}
	talloc_free((char *)folded.data);
	return finish(data, out);
}

/* --- domains and addresses --- */

static bool is_ascii(struct slice s)
{
	for (size_t i = 0; i < s.size; i++) {
		if ((unsigned char)s.data[i] >= 0x80)
			return false;
	}
	return true;
}

static struct slice small_letters(const void *parent, struct slice text)
{
	char *data = talloc_array(parent, char, text.size + 1);

	for (size_t i = 0; i < text.size; i++)
		data[i] = small(text.data[i]);
	return finish(data, data + text.size);
}

struct slice fold_domain(const void *parent, struct slice text)
{
	uint8_t *found = NULL;
	char *copy;
	struct slice ascii = {0};

	while (text.size > 1 && text.data[text.size - 1] == '.')
		text.size--;
	if (is_ascii(text))
		return small_letters(parent, text);
	copy = slice_keep(NULL, text);
	if (idn2_lookup_u8((const uint8_t *)copy, &found, IDN_FLAGS) == IDN2_OK)
		ascii = small_letters(parent, slice_of((const char *)found));
	idn2_free(found);
	talloc_free(copy);
	return ascii.data ? ascii : small_letters(parent, text);
}

struct slice fold_address(const void *parent, struct slice text)
{
	size_t at = text.size;
	struct slice local, domain;
	char *data;

	while (at && text.data[at - 1] != '@')
		at--;
	if (!at)
		return small_letters(parent, text);
	local = small_letters(NULL, slice_make(text.data, at));
	domain = fold_domain(NULL, slice_from(text, at));
	data = talloc_array(parent, char, local.size + domain.size + 1);
	memcpy(data, local.data, local.size);
	memcpy(data + local.size, domain.data, domain.size);
	talloc_free((char *)local.data);
	talloc_free((char *)domain.data);
	return finish(data, data + local.size + domain.size);
}
