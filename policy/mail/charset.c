/* SPDX-License-Identifier: Apache-2.0 */
/* Charsets to UTF-8: RFC 2152 for UTF-7, RFC 2781 for UTF-16. */
#include "policy/mail/charset.h"

#include "base/bulk.h"
#include "base/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <talloc.h>

#define NAME_SIZE 40
#define REPLACEMENT 0xfffd
#define GROWTH 4 /* bytes of UTF-8 that a byte of another charset becomes, at most */

/* By what is left of their names without punctuation; and what iconv is asked for: the superset that mail programs read them as. */
static const struct {
	const char *name, *iconv;
} known[] = {
	{"iso88592", "ISO-8859-2"},
	{"iso88593", "ISO-8859-3"},
	{"iso88594", "ISO-8859-4"},
	{"iso88595", "ISO-8859-5"},
	{"iso88596", "ISO-8859-6"},
	{"iso88597", "ISO-8859-7"},
	{"iso88598", "ISO-8859-8"},
	{"iso88598i", "ISO-8859-8"},
	{"iso88599", "WINDOWS-1254"},
	{"iso885910", "ISO-8859-10"},
	{"iso885911", "CP874"},
	{"iso885913", "ISO-8859-13"},
	{"iso885914", "ISO-8859-14"},
	{"iso885916", "ISO-8859-16"},
	{"windows1250", "WINDOWS-1250"},
	{"windows1251", "WINDOWS-1251"},
	{"windows1253", "WINDOWS-1253"},
	{"windows1254", "WINDOWS-1254"},
	{"windows1255", "WINDOWS-1255"},
	{"windows1256", "WINDOWS-1256"},
	{"windows1257", "WINDOWS-1257"},
	{"windows1258", "WINDOWS-1258"},
	{"windows874", "CP874"},
	{"cp1250", "WINDOWS-1250"},
	{"cp1251", "WINDOWS-1251"},
	{"koi8r", "KOI8-R"},
	{"koi8u", "KOI8-U"},
	{"gb2312", "GB18030"},
	{"gbk", "GB18030"},
	{"cp936", "GB18030"},
	{"gb18030", "GB18030"},
	{"hzgb2312", "GB18030"},
	{"big5", "BIG5-HKSCS"},
	{"big5hkscs", "BIG5-HKSCS"},
	{"eucjp", "EUC-JP"},
	{"iso2022jp", "ISO-2022-JP-2"},
	{"shiftjis", "CP932"},
	{"sjis", "CP932"},
	{"windows31j", "CP932"},
	{"euckr", "CP949"},
	{"ksc56011987", "CP949"},
	{"ksc5601", "CP949"},
	{"cp949", "CP949"},
	{"iso2022kr", "ISO-2022-KR"},
	{"tis620", "CP874"},
	{"macintosh", "MACINTOSH"},
	{"cp437", "CP437"},
	{"ibm437", "CP437"},
	{"cp850", "CP850"},
	{"ibm850", "CP850"},
	{"cp852", "CP852"},
	{"cp866", "CP866"},
	{"ibm866", "CP866"},
	{"viscii", "VISCII"},
};
#define KNOWN (sizeof known / sizeof *known)

struct charset_set {
	iconv_t open[KNOWN]; /* (iconv_t)-1 for what could not be opened */
};

static int close_all(struct charset_set *set)
{
	for (size_t i = 0; i < KNOWN; i++) {
		if (set->open[i] != (iconv_t)-1)
			iconv_close(set->open[i]);
	}
	return 0;
}

struct charset_set *charset_prepare(const void *parent)
{
	struct charset_set *set = talloc_zero(parent, struct charset_set);

	for (size_t i = 0; i < KNOWN; i++)
		set->open[i] = iconv_open("UTF-8", known[i].iconv);
	talloc_set_destructor(set, close_all);
	return set;
}

size_t charset_count(const struct charset_set *set)
{
	size_t count = 0;

	for (size_t i = 0; i < KNOWN; i++)
		count += set->open[i] != (iconv_t)-1;
	return count;
}

/* --- writing UTF-8 --- */

static char *put(char *out, uint32_t c)
{
	if (c >= 0x110000 || (c >= 0xd800 && c < 0xe000))
		c = REPLACEMENT;
	return utf8_encode(out, c);
}

static char *room(const void *parent, struct slice text)
{
	return bulk_new(parent, GROWTH * text.size + GROWTH);
}

/* What was not needed goes back. */
static struct slice written(const void *parent, char *start, const char *out)
{
	size_t size = (size_t)(out - start);

	return slice_make(bulk_resize(parent, start, size + 1), size);
}

/* --- one byte a character --- */

static const uint16_t windows_1252[32] = {0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020,
	0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f, 0x90, 0x2018, 0x2019,
	0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e,
	0x178};

static const struct {
	unsigned char byte;
	uint16_t character;
} latin_9[] = {{0xa4, 0x20ac}, {0xa6, 0x160}, {0xa8, 0x161}, {0xb4, 0x17d}, {0xb8, 0x17e},
	{0xbc, 0x152}, {0xbd, 0x153}, {0xbe, 0x178}};

static uint32_t latin(unsigned char byte, bool is_latin_9)
{
	if (byte < 0x80)
		return byte;
	if (byte < 0xa0)
		return windows_1252[byte - 0x80];
	for (size_t i = 0; is_latin_9 && i < sizeof latin_9 / sizeof *latin_9; i++) {
		if (latin_9[i].byte == byte)
			return latin_9[i].character;
	}
	return byte;
}

static struct slice decode_latin(const void *parent, struct slice text, bool is_latin_9)
{
	char *start, *out;
	size_t ascii = 0;

	while (ascii < text.size && (unsigned char)text.data[ascii] < 0x80)
		ascii++;
	if (ascii == text.size)
		return text;
	start = out = room(parent, text);
	for (size_t i = 0; i < text.size; i++)
		out = put(out, latin((unsigned char)text.data[i], is_latin_9));
	return written(parent, start, out);
}

/* --- Unicode's own --- */

static struct slice decode_utf8(const void *parent, struct slice text)
{
	char *start, *out;

	if (utf8_is_valid(text))
		return text;
	start = out = room(parent, text);
	while (text.size) {
		size_t length = utf8_length(text);
		if (!length) {
			out = put(out, REPLACEMENT);
			length = 1;
		} else {
			memcpy(out, text.data, length);
			out += length;
		}
		text = slice_from(text, length);
	}
	return written(parent, start, out);
}

struct units {
	char *out;
	uint32_t high; /* a surrogate that waits for its other half */
};

static void put_unit(struct units *units, uint32_t unit)
{
	if (units->high) {
		if (unit >= 0xdc00 && unit < 0xe000) {
			units->out = put(units->out,
				0x10000 + ((units->high - 0xd800) << 10) + (unit - 0xdc00));
			units->high = 0;
			return;
		}
		units->out = put(units->out, REPLACEMENT);
		units->high = 0;
	}
	if (unit >= 0xd800 && unit < 0xdc00)
		units->high = unit;
	else
		units->out = put(units->out, unit);
}

/* Without a mark: the end where the NULs of ASCII characters stand tells. */
static bool is_little(struct slice text, const char *name, size_t width)
{
	if (strstr(name, "le") || strstr(name, "be"))
		return strstr(name, "le") != NULL;
	return text.size >= width && text.data[0] && !text.data[width - 1];
}

static struct slice decode_wide(
	const void *parent, struct slice text, const char *name, size_t width)
{
	char *start = room(parent, text);
	struct units units = {.out = start};
	bool little = is_little(text, name, width);
	const unsigned char *at = (const unsigned char *)text.data;

	if (text.size >= 2 &&
		((at[0] == 0xff && at[1] == 0xfe) || (at[0] == 0xfe && at[1] == 0xff))) {
		little = at[0] == 0xff;
		text = slice_from(text, width <= text.size ? width : text.size);
	}
	for (; text.size >= width; text = slice_from(text, width)) {
		uint32_t unit = 0;
		for (size_t i = 0; i < width; i++)
			unit = unit << 8 | (unsigned char)text.data[little ? width - 1 - i : i];
		if (width == 2)
			put_unit(&units, unit);
		else
			units.out = put(units.out, unit);
	}
	if (units.high || text.size)
		units.out = put(units.out, REPLACEMENT);
	return written(parent, start, units.out);
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* "+" begins UTF-16 in base64, what is no character of it ends it; "+-" is a plus. */
static struct slice decode_utf7(const void *parent, struct slice text)
{
	char *start = room(parent, text);
	struct units units = {.out = start};
	uint32_t bits = 0;
	unsigned count = 0;
	bool is_shifted = false;

	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		int value = base64_value(c);
		if (!is_shifted && c == '+') {
			is_shifted = true;
			bits = count = 0;
			if (i + 1 < text.size && text.data[i + 1] == '-')
				*units.out++ = '+';
		} else if (is_shifted && value >= 0) {
			bits = bits << 6 | (unsigned)value;
			count += 6;
			if (count >= 16) {
				count -= 16;
				put_unit(&units, bits >> count & 0xffff);
			}
		} else {
			if (!is_shifted || c != '-')
				put_unit(&units, latin((unsigned char)c, false));
			is_shifted = false;
		}
	}
	return written(parent, start, units.out);
}

/* --- iconv's --- */

static struct slice convert(const void *parent, iconv_t converter, struct slice text)
{
	char *start = room(parent, text), *out = start, *in = (char *)(uintptr_t)text.data;
	size_t left = text.size, out_left = GROWTH * text.size + GROWTH;

	iconv(converter, NULL, NULL, NULL, NULL);
	while (left && iconv(converter, &in, &left, &out, &out_left) == (size_t)-1) {
		if (errno == E2BIG || out_left < GROWTH)
			break;
		out = put(out, REPLACEMENT);
		out_left -= 3;
		in++;
		left--;
	}
	return written(parent, start, out);
}

/* --- choosing --- */

static void clean_name(const char *name, char clean[static NAME_SIZE])
{
	size_t used = 0;

	for (; name && *name && used < NAME_SIZE - 1; name++) {
		if (isalnum((unsigned char)*name))
			clean[used++] = (char)tolower((unsigned char)*name);
	}
	clean[used] = '\0';
}

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++) {
		if (strcmp(name, *names) == 0)
			return true;
	}
	return false;
}

static const char *const latins[] = {"", "usascii", "ascii", "iso88591", "latin1", "windows1252",
	"cp1252", "ansix341968", "iso646us", "8bit", "7bit", NULL};
static const char *const latin_9s[] = {"iso885915", "latin9", NULL};
static const char *const utf8s[] = {"utf8", "unicode11utf8", "cp65001", NULL};
static const char *const utf7s[] = {"utf7", "unicode11utf7", "csunicode11utf7", NULL};
static const char *const utf16s[] = {
	"utf16", "utf16le", "utf16be", "ucs2", "iso10646ucs2", "unicode", NULL};
static const char *const utf32s[] = {"utf32", "utf32le", "utf32be", "ucs4", "iso10646ucs4", NULL};

static struct slice decode_other(const void *parent, struct charset_set *set, const char *name,
	struct slice text, unsigned *seen)
{
	for (size_t i = 0; set && i < KNOWN; i++) {
		if (strcmp(known[i].name, name) == 0 && set->open[i] != (iconv_t)-1)
			return convert(parent, set->open[i], text);
	}
	*seen |= CHARSET_UNKNOWN;
	return decode_latin(parent, text, false);
}

struct slice charset_decode(const void *parent, struct charset_set *set, const char *name,
	struct slice text, unsigned *seen)
{
	char clean[NAME_SIZE];

	clean_name(name, clean);
	if (text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
		return decode_utf8(parent, slice_from(text, 3));
	if (is_one_of(clean, utf8s) || (!name && utf8_is_valid(text)))
		return decode_utf8(parent, text);
	if (is_one_of(clean, latins) || is_one_of(clean, latin_9s))
		return decode_latin(parent, text, is_one_of(clean, latin_9s));
	if (is_one_of(clean, utf7s)) {
		*seen |= CHARSET_UTF7;
		return decode_utf7(parent, text);
	}
	if (is_one_of(clean, utf16s) || is_one_of(clean, utf32s)) {
		*seen |= CHARSET_UTF16;
		return decode_wide(parent, text, clean, is_one_of(clean, utf32s) ? 4 : 2);
	}
	return decode_other(parent, set, clean, text, seen);
}
