/* SPDX-License-Identifier: Apache-2.0 */
/* Printing header fields: RFC 5322 §2.2.3, RFC 2047. */
#include "policy/mail/folding.h"

#include "base/utf8.h"

#include <assert.h>
#include <talloc.h>

#define WORD_BEGIN "=?UTF-8?Q?"
#define WORD_END "?="
#define WORD_FRAME 12 /* both */
#define WORD_TEXT 63  /* RFC 2047 §2: 75 in all */
#define WORD_LEAST 12 /* worth beginning on a line: a character of four bytes */
#define PLAIN_MAXIMUM 900
#define GROWTH 6 /* how many times longer a value can become */

/* A field under way. */
struct sheet {
	char *text;
	size_t used;
	size_t room;
	size_t column;
};

bool folding_is_name(struct slice name)
{
	if (name.size == 0 || name.size > FOLDING_NAME_SIZE)
		return false;
	for (size_t i = 0; i < name.size; i++) {
		if (name.data[i] <= ' ' || name.data[i] >= 0x7f || name.data[i] == ':')
			return false;
	}
	return true;
}

static void put(struct sheet *sheet, struct slice bytes)
{
	assert(sheet->used + bytes.size < sheet->room);
	memcpy(sheet->text + sheet->used, bytes.data, bytes.size);
	sheet->used += bytes.size;
	sheet->column += bytes.size;
}

static void put_text(struct sheet *sheet, const char *text)
{
	put(sheet, slice_of(text));
}

static void break_line(struct sheet *sheet)
{
	put_text(sheet, "\r\n");
	sheet->column = 0;
}

static void begin(struct sheet *sheet, const void *parent, const char *name, struct slice value)
{
	assert(folding_is_name(slice_of(name)));
	sheet->room = 2 * FOLDING_LINE + GROWTH * value.size;
	sheet->text = talloc_array(parent, char, sheet->room);
	sheet->used = sheet->column = 0;
	put_text(sheet, name);
	put_text(sheet, ":");
}

static char *end(struct sheet *sheet, const void *parent)
{
	put_text(sheet, "\r\n");
	sheet->text[sheet->used] = '\0';
	return talloc_realloc(parent, sheet->text, char, sheet->used + 1);
}

/* --- words --- */

/* A word with the blanks before it. */
static struct slice take_word(struct slice *rest)
{
	struct slice word = *rest;
	size_t size = 0;

	while (size < word.size && slice_is_blank(word.data[size]))
		size++;
	while (size < word.size && !slice_is_blank(word.data[size]))
		size++;
	word.size = size;
	*rest = slice_from(*rest, size);
	return word;
}

static bool is_plain(struct slice word)
{
	if (word.size > PLAIN_MAXIMUM || memmem(word.data, word.size, "=?", 2))
		return false;
	for (size_t i = 0; i < word.size; i++) {
		if ((unsigned char)word.data[i] >= 0x80)
			return false;
	}
	return true;
}

static void put_plain(struct sheet *sheet, struct slice text)
{
	while (text.size) {
		struct slice word = take_word(&text);
		if (sheet->column + word.size > FOLDING_LINE)
			break_line(sheet);
		put(sheet, word);
	}
}

/* Where the words end that can be written as they are. */
static size_t plain_size(struct slice text)
{
	struct slice rest = text;

	while (rest.size) {
		struct slice before = rest;
		if (!is_plain(take_word(&rest)))
			return text.size - before.size;
	}
	return text.size;
}

/* Where the last word ends that cannot be: what lies between is encoded with it, as blanks between encoded-words are not seen. */
static size_t encoded_size(struct slice text)
{
	struct slice rest = text;
	size_t size = 0;

	while (rest.size) {
		if (!is_plain(take_word(&rest)))
			size = text.size - rest.size;
	}
	return slice_trim(slice_from(text, size)).size ? size : text.size;
}

/* --- encoded-words --- */

static bool stands_for_itself(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c && strchr("!*+-/", c));
}

static size_t encoded_length(struct slice character)
{
	bool is_short = stands_for_itself(character.data[0]) || character.data[0] == ' ';

	return is_short ? 1 : 3 * character.size;
}

static void put_encoded(struct sheet *sheet, struct slice character)
{
	static const char digits[] = "0123456789ABCDEF";

	if (stands_for_itself(character.data[0])) {
		put(sheet, character);
		return;
	}
	if (character.data[0] == ' ') {
		put_text(sheet, "_");
		return;
	}
	for (size_t i = 0; i < character.size; i++) {
		unsigned char byte = (unsigned char)character.data[i];
		const char code[] = {'=', digits[byte >> 4], digits[byte & 15]};
		put(sheet, slice_make(code, sizeof code));
	}
}

static struct slice first_character(struct slice text)
{
	size_t length = utf8_length(text);

	return slice_make(text.data, length ? length : 1);
}

/* encoded-word = "=?" charset "?" encoding "?" encoded-text "?=", with as much of the text as there is room for. */
static void put_encoded_word(struct sheet *sheet, struct slice *text, size_t room)
{
	put_text(sheet, WORD_BEGIN);
	while (text->size) {
		struct slice character = first_character(*text);
		if (encoded_length(character) > room)
			break;
		room -= encoded_length(character);
		put_encoded(sheet, character);
		*text = slice_from(*text, character.size);
	}
	put_text(sheet, WORD_END);
}

/* The blank before the text stays a blank. */
static void put_encoded_words(struct sheet *sheet, struct slice text)
{
	text = slice_from(text, slice_is_blank(text.data[0]));
	while (text.size) {
		size_t frame = sheet->column + 1 + WORD_FRAME;
		if (frame + WORD_LEAST > FOLDING_LINE) {
			break_line(sheet);
			frame = 1 + WORD_FRAME;
		}
		put_text(sheet, " ");
		put_encoded_word(sheet, &text,
			FOLDING_LINE - frame < WORD_TEXT ? FOLDING_LINE - frame : WORD_TEXT);
	}
}

/* --- fields --- */

/* The value with a blank before it, blanks for control characters, and nothing that is no UTF-8. */
static struct slice clean(const void *parent, struct slice value)
{
	char *blanked = talloc_array(parent, char, value.size + 1);
	char *cleaned = talloc_array(parent, char, value.size + 1);

	blanked[0] = ' ';
	for (size_t i = 0; i < value.size; i++) {
		unsigned char c = (unsigned char)value.data[i];
		blanked[i + 1] = c < ' ' || c == 0x7f ? ' ' : value.data[i];
	}
	return slice_make(
		cleaned, utf8_clean(cleaned, value.size + 1, slice_make(blanked, value.size + 1)));
}

static struct slice take(struct slice *rest, size_t size)
{
	struct slice front = slice_make(rest->data, size);

	*rest = slice_from(*rest, size);
	return front;
}

static struct slice without_end(struct slice text)
{
	while (text.size && slice_is_blank(text.data[text.size - 1]))
		text.size--;
	return text;
}

char *folding_print(const void *parent, const char *name, struct slice value)
{
	void *scratch = talloc_new(NULL);
	struct slice text, plain, encoded;
	struct sheet sheet;

	while (value.size && (unsigned char)value.data[0] <= ' ')
		value = slice_from(value, 1);
	text = clean(scratch, value);
	plain = take(&text, plain_size(text));
	encoded = take(&text, text.size ? encoded_size(text) : 0);
	begin(&sheet, parent, name, value);
	put_plain(&sheet, encoded.size ? plain : without_end(plain));
	if (encoded.size)
		put_encoded_words(&sheet, encoded);
	put_plain(&sheet, without_end(text));
	talloc_free(scratch);
	return end(&sheet, parent);
}

/* --- as it is --- */

static struct slice without_nuls(const void *parent, struct slice value)
{
	char *text = talloc_array(parent, char, value.size + 1);
	size_t used = 0;

	for (size_t i = 0; i < value.size; i++) {
		if (value.data[i])
			text[used++] = value.data[i];
	}
	return slice_make(text, used);
}

/* Takes a line off, with whatever may pass for its end. */
static struct slice take_line(struct slice *rest)
{
	size_t size = 0;
	struct slice line;

	while (size < rest->size && rest->data[size] != '\r' && rest->data[size] != '\n')
		size++;
	line = take(rest, size);
	if (rest->size > 1 && rest->data[0] == '\r' && rest->data[1] == '\n')
		*rest = slice_from(*rest, 2);
	else if (rest->size)
		*rest = slice_from(*rest, 1);
	return line;
}

char *folding_print_verbatim(const void *parent, const char *name, struct slice value)
{
	struct slice all = without_nuls(NULL, value), rest = all;
	struct sheet sheet;

	begin(&sheet, parent, name, value);
	while (rest.size) {
		struct slice line = take_line(&rest);
		bool is_first = line.data == all.data;
		if (!slice_trim(line).size)
			continue;
		if (!is_first)
			break_line(&sheet);
		if (!slice_is_blank(line.data[0]))
			put_text(&sheet, is_first ? " " : "\t");
		put(&sheet, line);
	}
	talloc_free((char *)all.data);
	return end(&sheet, parent);
}
