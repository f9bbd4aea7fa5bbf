/* SPDX-License-Identifier: Apache-2.0 */
/* Character references, as the HTML standard reads them. */
#include "policy/content/html_entity.h"

#include "base/utf8.h"

#include <ctype.h>

static const struct {
	const char *name;
	uint32_t character;
	bool needs_semicolon;
} names[] = {
	{"amp", '&', false},
	{"AMP", '&', false},
	{"lt", '<', false},
	{"LT", '<', false},
	{"gt", '>', false},
	{"GT", '>', false},
	{"quot", '"', false},
	{"QUOT", '"', false},
	{"apos", '\'', true},
	{"nbsp", 0xa0, false},
	{"shy", 0xad, false},
	{"copy", 0xa9, false},
	{"reg", 0xae, false},
	{"trade", 0x2122, true},
	{"euro", 0x20ac, true},
	{"pound", 0xa3, false},
	{"yen", 0xa5, false},
	{"cent", 0xa2, false},
	{"sect", 0xa7, false},
	{"deg", 0xb0, false},
	{"middot", 0xb7, false},
	{"laquo", 0xab, false},
	{"raquo", 0xbb, false},
	{"Auml", 0xc4, false},
	{"Ouml", 0xd6, false},
	{"Uuml", 0xdc, false},
	{"auml", 0xe4, false},
	{"ouml", 0xf6, false},
	{"uuml", 0xfc, false},
	{"szlig", 0xdf, false},
	{"agrave", 0xe0, false},
	{"aacute", 0xe1, false},
	{"acirc", 0xe2, false},
	{"atilde", 0xe3, false},
	{"aring", 0xe5, false},
	{"aelig", 0xe6, false},
	{"ccedil", 0xe7, false},
	{"egrave", 0xe8, false},
	{"eacute", 0xe9, false},
	{"ecirc", 0xea, false},
	{"euml", 0xeb, false},
	{"igrave", 0xec, false},
	{"iacute", 0xed, false},
	{"icirc", 0xee, false},
	{"iuml", 0xef, false},
	{"ntilde", 0xf1, false},
	{"ograve", 0xf2, false},
	{"oacute", 0xf3, false},
	{"ocirc", 0xf4, false},
	{"otilde", 0xf5, false},
	{"oslash", 0xf8, false},
	{"ugrave", 0xf9, false},
	{"uacute", 0xfa, false},
	{"ucirc", 0xfb, false},
	{"hellip", 0x2026, true},
	{"ndash", 0x2013, true},
	{"mdash", 0x2014, true},
	{"lsquo", 0x2018, true},
	{"rsquo", 0x2019, true},
	{"sbquo", 0x201a, true},
	{"ldquo", 0x201c, true},
	{"rdquo", 0x201d, true},
	{"bdquo", 0x201e, true},
	{"bull", 0x2022, true},
	{"zwj", 0x200d, true},
	{"zwnj", 0x200c, true},
	{"lrm", 0x200e, true},
	{"rlm", 0x200f, true},
	{"ensp", 0x2002, true},
	{"emsp", 0x2003, true},
	{"thinsp", 0x2009, true},
	{"Tab", '\t', true},
	{"NewLine", '\n', true},
	{"colon", ':', true},
	{"period", '.', true},
	{"sol", '/', true},
	{"bsol", '\\', true},
	{"commat", '@', true},
	{"num", '#', true},
	{"percnt", '%', true},
	{"equals", '=', true},
	{"quest", '?', true},
	{"lpar", '(', true},
	{"rpar", ')', true},
	{"lsqb", '[', true},
	{"rsqb", ']', true},
	{"semi", ';', true},
	{"comma", ',', true},
	{"excl", '!', true},
	{"dollar", '$', true},
	{"plus", '+', true},
	{"lowbar", '_', true},
	{"hyphen", 0x2010, true},
	{"ZeroWidthSpace", 0x200b, true},
};

/* What &#128; to &#159; mean. */
static const uint16_t windows_1252[32] = {0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020,
	0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f, 0x90, 0x2018, 0x2019,
	0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e,
	0x178};

static uint32_t real_character(uint64_t c)
{
	if (c >= 128 && c < 160)
		return windows_1252[c - 128];
	return c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0xfffd : (uint32_t)c;
}

static int digit(char c, bool is_hex)
{
	int value = slice_hex_digit(c);

	return is_hex || value < 10 ? value : -1;
}

/* Behind "&#". */
static uint32_t take_number(struct slice *rest, struct slice text)
{
	bool is_hex = text.size && (text.data[0] | 0x20) == 'x';
	uint64_t number = 0;
	size_t start = is_hex, i = start;

	for (; i < text.size && digit(text.data[i], is_hex) >= 0; i++) {
		if (number <= 0x10ffff)
			number =
				number * (is_hex ? 16 : 10) + (unsigned)digit(text.data[i], is_hex);
	}
	if (i == start)
		return 0;
	if (i < text.size && text.data[i] == ';')
		i++;
	*rest = slice_from(text, i);
	return real_character(number);
}

uint32_t html_entity_take(struct slice *rest)
{
	struct slice text = slice_from(*rest, 1);
	size_t size = 0;

	if (text.size && text.data[0] == '#')
		return take_number(rest, slice_from(text, 1));
	while (size < text.size && size < 16 && isalnum((unsigned char)text.data[size]))
		size++;
	for (size_t i = 0; size && i < sizeof names / sizeof *names; i++) {
		size_t length;
		bool has_semicolon;
		if (names[i].name[0] != text.data[0])
			continue;
		length = strlen(names[i].name);
		has_semicolon = size == length && size < text.size && text.data[size] == ';';
		if (length > size || memcmp(text.data, names[i].name, length) != 0)
			continue;
		if (has_semicolon || (!names[i].needs_semicolon)) {
			*rest = slice_from(text, length + has_semicolon);
			return names[i].character;
		}
	}
	return 0;
}

/* In attributes, "&copy=1" is what it is. */
static bool is_literal(struct slice before, struct slice after)
{
	return before.data[1] != '#' && after.data[-1] != ';' && after.size &&
		(isalnum((unsigned char)after.data[0]) || after.data[0] == '=');
}

size_t html_entity_resolve(char *out, struct slice text)
{
	char *start = out;

	while (text.size) {
		struct slice before = text;
		uint32_t c = text.data[0] == '&' ? html_entity_take(&text) : 0;
		if (c && !is_literal(before, text)) {
			out = utf8_encode(out, c);
			continue;
		}
		*out++ = before.data[0];
		text = slice_from(before, 1);
	}
	return (size_t)(out - start);
}
