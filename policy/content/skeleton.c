/* SPDX-License-Identifier: Apache-2.0 */
/* What the eye takes names for: Unicode TS 39 §4, §5. */
#include "policy/content/skeleton.h"

#include "base/utf8.h"
#include "rules/fold.h"

#include <talloc.h>

const char *const skeleton_flag_names[] = {
	"bidi", "zero_width", "mixed", "look_alike", "control", NULL};

const char *const skeleton_flag_manual[] = {"characters that turn the direction of writing",
	"characters that cannot be seen",
	"letters of several scripts in a word, some of which look like Latin ones",
	"a word of nothing but letters that look like Latin ones, and are none",
	"control characters", NULL};

enum script {
	SCRIPT_NONE = 0,
	SCRIPT_LATIN = 1,
	SCRIPT_GREEK = 2,
	SCRIPT_CYRILLIC = 4,
	SCRIPT_ARMENIAN = 8,
	SCRIPT_CHEROKEE = 16,
	SCRIPT_OTHER = 32,
};

/* The scripts whose letters look like Latin ones; all other letters are SCRIPT_OTHER. */
static const struct {
	uint32_t first, last;
	enum script script;
} scripts[] = {
	{'A', 'Z', SCRIPT_LATIN},
	{'a', 'z', SCRIPT_LATIN},
	{0xc0, 0x24f, SCRIPT_LATIN},
	{0x250, 0x2af, SCRIPT_LATIN},
	{0x370, 0x3ff, SCRIPT_GREEK},
	{0x400, 0x52f, SCRIPT_CYRILLIC},
	{0x531, 0x58f, SCRIPT_ARMENIAN},
	{0x590, 0x109f, SCRIPT_OTHER},
	{0x13a0, 0x13ff, SCRIPT_CHEROKEE},
	{0x1c80, 0x1c88, SCRIPT_CYRILLIC},
	{0x1e00, 0x1eff, SCRIPT_LATIN},
	{0x1f00, 0x1fff, SCRIPT_GREEK},
	{0x2de0, 0x2dff, SCRIPT_CYRILLIC},
	{0x3040, 0xd7ff, SCRIPT_OTHER},
	{0xa640, 0xa69f, SCRIPT_CYRILLIC},
	{0xab70, 0xabbf, SCRIPT_CHEROKEE},
};

static enum script script_of(uint32_t c)
{
	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
		if (c >= scripts[i].first && c <= scripts[i].last)
			return scripts[i].script;
	}
	return SCRIPT_NONE;
}

static bool is_direction(uint32_t c)
{
	return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e ||
		c == 0x200f || c == 0x61c;
}

static bool is_invisible(uint32_t c)
{
	return (c >= 0x200b && c <= 0x200d) || (c >= 0x2060 && c <= 0x2064) || c == 0xfeff ||
		c == 0xad || c == 0x34f || c == 0x180e || c == 0x115f || c == 0x1160 ||
		c == 0x3164 || (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xe0000 && c <= 0xe007f);
}

/* Whether the skeleton of a word is nothing but ASCII: then each of its letters looks like one of these. */
static bool looks_latin(struct slice word)
{
	struct slice folded = fold_name(NULL, word);
	bool is_ascii = true;

	for (size_t i = 0; i < folded.size; i++)
		is_ascii &= (unsigned char)folded.data[i] < 0x80;
	talloc_free((void *)(uintptr_t)folded.data);
	return is_ascii && folded.size;
}

/* Only scripts with look-alikes count: Latin beside Han or Hangul is a usual name. */
static unsigned judge_word(struct slice word, unsigned seen)
{
	unsigned look_alikes =
		seen & (SCRIPT_GREEK | SCRIPT_CYRILLIC | SCRIPT_ARMENIAN | SCRIPT_CHEROKEE);

	if (!look_alikes)
		return 0;
	if (seen & SCRIPT_LATIN || look_alikes & (look_alikes - 1))
		return SKELETON_MIXED;
	return looks_latin(word) ? SKELETON_LOOK_ALIKE : 0;
}

static unsigned flags_of(uint32_t c)
{
	if (is_direction(c))
		return SKELETON_BIDI;
	if (is_invisible(c))
		return SKELETON_ZERO_WIDTH;
	return c < ' ' || (c >= 0x7f && c < 0xa0) ? SKELETON_CONTROL : 0;
}

unsigned skeleton_flags(struct slice text)
{
	struct slice word = slice_make(text.data, 0);
	unsigned flags = 0, seen = 0;

	while (text.size) {
		size_t length = utf8_length(text);
		uint32_t c = length ? utf8_decode(text.data, length) : ' ';
		enum script script = script_of(c);
		text = slice_from(text, length ? length : 1);
		flags |= length ? flags_of(c) : 0;
		seen |= script;
		if (script == SCRIPT_NONE && !is_invisible(c) && !is_direction(c)) {
			flags |= judge_word(word, seen);
			seen = 0;
			word = slice_make(text.data, 0);
		} else {
			word.size = (size_t)(text.data - word.data);
		}
	}
	return flags | judge_word(word, seen);
}

struct slice skeleton_plain(const void *parent, struct slice text)
{
	unsigned seen = skeleton_flags(text);
	char *out;
	size_t used = 0;

	if (!(seen & (SKELETON_BIDI | SKELETON_ZERO_WIDTH)))
		return text;
	out = talloc_array(parent, char, text.size + 1);
	while (text.size) {
		size_t length = utf8_length(text), size = length ? length : 1;
		uint32_t c = length ? utf8_decode(text.data, length) : ' ';
		if (!is_direction(c) && !is_invisible(c)) {
			memcpy(out + used, text.data, size);
			used += size;
		}
		text = slice_from(text, size);
	}
	out[used] = '\0';
	return slice_make(out, used);
}

struct slice skeleton_fold(const void *parent, struct slice text)
{
	struct slice plain = skeleton_plain(parent, text);
	struct slice folded = fold_name(parent, plain);

	if (plain.data != text.data)
		talloc_free((void *)(uintptr_t)plain.data);
	return folded;
}
