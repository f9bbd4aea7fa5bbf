/* SPDX-License-Identifier: Apache-2.0 */
/* Encoded-words: RFC 2047 §2, §4, §6.2; RFC 2231 §5. */
#include "policy/mail/encoded_word.h"

#include "base/utf8.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <talloc.h>

#define CHARSET_SIZE 32
#define EXPANSION 4 /* bytes of UTF-8 that a byte of another charset becomes, at most */

/* Begins of names of charsets that are taken; what a stranger may have loaded here is bounded. */
static const char *const charsets[] = {"us-ascii", "utf-8", "iso-8859-", "windows-12", "cp12",
	"koi8-", "gb2312", "gbk", "gb18030", "big5", "euc-", "iso-2022-jp", "iso-2022-kr",
	"shift_jis", "ks_c_5601", "tis-620", "utf-7", "utf-16", "macintosh", "cp85", "cp866",
	"ibm85", "ibm866", NULL};

/* encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?=" */
struct word {
	char charset[CHARSET_SIZE];
	bool is_base64;
	struct slice text;
	size_t size; /* of all */
};

/* What has been decoded, and the bytes of words of one charset that have not been converted yet. */
struct decoding {
	char *out;
	size_t used;
	char *bytes;
	size_t pending;
	char charset[CHARSET_SIZE];
	unsigned changes;
	bool is_prepared; /* no descriptor may be opened */
	struct charset_set *set;
	unsigned seen;
};

/* --- finding words --- */

static bool is_taken(const char *charset)
{
	for (const char *const *name = charsets; *name; name++) {
		if (slice_starts_nocase(slice_of(charset), *name))
			return true;
	}
	return false;
}

static bool read_charset(struct slice name, char charset[static CHARSET_SIZE])
{
	name = slice_cut(&name, '*');
	if (name.size == 0 || name.size >= CHARSET_SIZE)
		return false;
	for (size_t i = 0; i < name.size; i++) {
		char c = name.data[i];
		bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
		if (!is_letter && !(c >= '0' && c <= '9') && !strchr("-_.:", c))
			return false;
	}
	snprintf(charset, CHARSET_SIZE, "%.*s", SLICE_ARGS(name));
	return is_taken(charset);
}

/* The end of the encoded text: where "?=" stands; SIZE_MAX when it does not. */
static size_t find_end(struct slice s)
{
	for (size_t i = 0; i + 1 < s.size && s.data[i] != ' '; i++) {
		if (s.data[i] == '?')
			return s.data[i + 1] == '=' ? i : SIZE_MAX;
	}
	return SIZE_MAX;
}

static bool read_word(struct slice s, struct word *word)
{
	struct slice rest = s, name;
	size_t question, end;
	char encoding;

	if (s.size < 8 || s.data[0] != '=' || s.data[1] != '?')
		return false;
	rest = slice_from(rest, 2);
	question = slice_find(slice_make(rest.data, rest.size < 64 ? rest.size : 64), '?');
	if (question == SIZE_MAX || question + 3 > rest.size || rest.data[question + 2] != '?')
		return false;
	name = slice_make(rest.data, question);
	encoding = (char)(rest.data[question + 1] | 0x20);
	rest = slice_from(rest, question + 3);
	end = find_end(rest);
	if (end == SIZE_MAX || (encoding != 'q' && encoding != 'b') ||
		!read_charset(name, word->charset))
		return false;
	word->is_base64 = encoding == 'b';
	word->text = slice_make(rest.data, end);
	word->size = (size_t)(rest.data + end + 2 - s.data);
	return true;
}

/* --- taking them apart --- */

/* "Q": "=" and two digits are a byte, "_" is a blank. What is broken stays. */
static void add_quoted(struct decoding *decoding, struct slice text)
{
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		bool is_byte = c == '=' && i + 2 < text.size &&
			slice_hex_digit(text.data[i + 1]) >= 0 &&
			slice_hex_digit(text.data[i + 2]) >= 0;
		if (is_byte) {
			c = (char)(slice_hex_digit(text.data[i + 1]) << 4 |
				slice_hex_digit(text.data[i + 2]));
			i += 2;
		} else if (c == '_') {
			c = ' ';
		}
		decoding->bytes[decoding->pending++] = c;
	}
}

static int base64_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* "B": what is no digit of base64 is passed over, padding or not. */
static void add_base64(struct decoding *decoding, struct slice text)
{
	unsigned bits = 0, count = 0;

	for (size_t i = 0; i < text.size; i++) {
		int value = base64_value(text.data[i]);
		if (value < 0)
			continue;
		bits = bits << 6 | (unsigned)value;
		count += 6;
		if (count < 8)
			continue;
		count -= 8;
		decoding->bytes[decoding->pending++] = (char)(bits >> count);
	}
}

/* --- converting --- */

static void append(struct decoding *decoding, struct slice text)
{
	memcpy(decoding->out + decoding->used, text.data, text.size);
	decoding->used += text.size;
}

/* What cannot be converted becomes a question mark, byte by byte. */
static void convert(struct decoding *decoding, iconv_t converter)
{
	char *in = decoding->bytes, *out = decoding->out + decoding->used;
	size_t in_left = decoding->pending, room = EXPANSION * decoding->pending + EXPANSION,
	       out_left = room;

	while (in_left && iconv(converter, &in, &in_left, &out, &out_left) == (size_t)-1) {
		if (errno == E2BIG || !out_left)
			break;
		*out++ = '?';
		out_left--;
		in++;
		in_left--;
	}
	decoding->used += room - out_left;
}

static void convert_prepared(struct decoding *decoding)
{
	append(decoding,
		charset_decode(decoding->out, decoding->set, decoding->charset,
			slice_make(decoding->bytes, decoding->pending), &decoding->seen));
	decoding->pending = 0;
}

/* Converts the words of one charset that stand behind each other. */
static void flush(struct decoding *decoding)
{
	bool is_utf8 = strcasecmp(decoding->charset, "utf-8") == 0;
	iconv_t converter;

	if (!decoding->pending)
		return;
	if (decoding->is_prepared) {
		convert_prepared(decoding);
		return;
	}
	converter = is_utf8 ? (iconv_t)-1 : iconv_open("UTF-8", decoding->charset);
	if (converter == (iconv_t)-1) {
		append(decoding, slice_make(decoding->bytes, decoding->pending));
	} else {
		convert(decoding, converter);
		iconv_close(converter);
	}
	decoding->pending = 0;
}

static void add_word(struct decoding *decoding, const struct word *word)
{
	if (strcasecmp(word->charset, decoding->charset) != 0) {
		flush(decoding);
		decoding->changes++;
		memcpy(decoding->charset, word->charset, CHARSET_SIZE);
	}
	(word->is_base64 ? add_base64 : add_quoted)(decoding, word->text);
}

/* Blanks between two encoded-words do not count (§6.2). */
static size_t blanks_before_word(struct slice rest)
{
	size_t blanks = 0;
	struct word word;

	while (blanks < rest.size && (rest.data[blanks] == ' ' || rest.data[blanks] == '\t'))
		blanks++;
	return blanks && read_word(slice_from(rest, blanks), &word) ? blanks : 0;
}

static void decode(struct decoding *decoding, struct slice rest)
{
	struct word word;

	while (rest.size) {
		if (decoding->changes < ENCODED_WORD_MOST && read_word(rest, &word)) {
			add_word(decoding, &word);
			rest = slice_from(rest, word.size);
			rest = slice_from(rest, blanks_before_word(rest));
			continue;
		}
		flush(decoding);
		append(decoding, rest.data[0] == '\t' ? slice_of(" ") : slice_make(rest.data, 1));
		rest = slice_from(rest, 1);
	}
	flush(decoding);
}

/* Control characters and what is no UTF-8 become question marks, none of them longer than what it stands for. */
static char *clean(const void *parent, struct slice text)
{
	char *kept = talloc_array(parent, char, text.size + 1);

	kept[utf8_clean(kept, text.size, text)] = '\0';
	return kept;
}

static char *decode_all(const void *parent, struct slice text, struct decoding *decoding)
{
	char *decoded;

	decoding->out = talloc_array(NULL, char, EXPANSION *(text.size + 2));
	decoding->bytes = talloc_array(decoding->out, char, text.size + 1);
	decode(decoding, text);
	decoded = clean(parent, slice_make(decoding->out, decoding->used));
	talloc_free(decoding->out);
	return decoded;
}

char *encoded_word_decode(const void *parent, struct slice text)
{
	struct decoding decoding = {.changes = 0};

	return decode_all(parent, text, &decoding);
}

char *encoded_word_decode_prepared(
	const void *parent, struct charset_set *set, struct slice text, unsigned *seen)
{
	struct decoding decoding = {.is_prepared = true, .set = set};
	char *decoded = decode_all(parent, text, &decoding);

	*seen |= decoding.seen;
	return decoded;
}
