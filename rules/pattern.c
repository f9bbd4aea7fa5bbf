/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the literals that a regex requires. */
#include "rules/pattern.h"

#include "base/utf8.h"
#include "rules/fold.h"

#include <talloc.h>

#define DEPTH 50

/* Of these literals a match of some part of the regex contains one; none: nothing is known. */
struct required {
	struct slice literals[PATTERN_LITERALS];
	size_t count;
};

/* The part that is being read. */
struct branch {
	struct required best;
	char *run; /* characters in a row that stand in each match; under the reader */
	size_t size;
};

struct reader {
	void *scratch;
	struct slice rest;
	bool extended;
	bool gave_up;
	bool is_nested;
	unsigned depth;
};

struct quantifier {
	bool optional;
	bool repeats; /* more than once may be */
	bool unbound; /* without bound, and can be tracked back into */
};

struct group {
	struct required required;
	bool unbound; /* holds something without bound */
	bool is_zero_width;
};

static struct group read_alternatives(struct reader *reader);

static bool starts(const struct reader *reader, const char *text)
{
	size_t size = strlen(text);

	return reader->rest.size >= size && memcmp(reader->rest.data, text, size) == 0;
}

static void skip(struct reader *reader, size_t size)
{
	reader->rest =
		slice_from(reader->rest, size < reader->rest.size ? size : reader->rest.size);
}

static bool accept(struct reader *reader, const char *text)
{
	bool is_it = starts(reader, text);

	if (is_it)
		skip(reader, strlen(text));
	return is_it;
}

/* --- required literals --- */

static size_t shortest(const struct required *required)
{
	size_t size = required->count ? SIZE_MAX : 0;

	for (size_t i = 0; i < required->count; i++) {
		if (required->literals[i].size < size)
			size = required->literals[i].size;
	}
	return size;
}

static void offer(struct branch *branch, const struct required *required)
{
	if (shortest(required) > shortest(&branch->best))
		branch->best = *required;
}

static void end_run(struct reader *reader, struct branch *branch)
{
	struct required required = {.count = 1};

	if (branch->size) {
		required.literals[0] =
			fold_text(reader->scratch, slice_make(branch->run, branch->size));
		offer(branch, &required);
	}
	branch->size = 0;
}

static void add_to_run(struct reader *reader, struct branch *branch, struct slice character)
{
	branch->run =
		talloc_realloc(reader->scratch, branch->run, char, branch->size + character.size);
	memcpy(branch->run + branch->size, character.data, character.size);
	branch->size += character.size;
}

/* --- quantifiers --- */

/* "{n}", "{n,}", "{n,m}"; anything else in braces is not a quantifier. */
static bool read_braces(struct reader *reader, struct quantifier *quantifier)
{
	struct slice inside = reader->rest;
	size_t end = slice_find(inside, '}');
	struct slice low, high;
	uint64_t from, to = 0;
	bool has_comma;

	if (!starts(reader, "{") || end == SIZE_MAX)
		return false;
	inside = slice_make(inside.data + 1, end - 1);
	has_comma = slice_find(inside, ',') != SIZE_MAX;
	low = slice_cut(&inside, ',');
	high = inside;
	if (!slice_to_number(low, &from) || (high.size && !slice_to_number(high, &to)))
		return false;
	quantifier->optional = from == 0;
	quantifier->repeats = has_comma || from > 1;
	quantifier->unbound = has_comma && !high.size;
	skip(reader, end + 1);
	return true;
}

static struct quantifier read_quantifier(struct reader *reader)
{
	struct quantifier quantifier = {0};

	if (accept(reader, "*"))
		quantifier = (struct quantifier){true, true, true};
	else if (accept(reader, "+"))
		quantifier = (struct quantifier){false, true, true};
	else if (accept(reader, "?"))
		quantifier = (struct quantifier){true, false, false};
	else if (!read_braces(reader, &quantifier))
		return quantifier;
	if (accept(reader, "+"))
		quantifier.unbound = false; /* possessive */
	else
		accept(reader, "?");
	return quantifier;
}

/* --- atoms --- */

static void read_class(struct reader *reader)
{
	size_t at = 1;

	if (at < reader->rest.size && reader->rest.data[at] == '^')
		at++;
	if (at < reader->rest.size && reader->rest.data[at] == ']')
		at++;
	for (; at < reader->rest.size && reader->rest.data[at] != ']'; at++) {
		if (reader->rest.data[at] == '\\')
			at++;
		else if (reader->rest.data[at] == '[' && at + 1 < reader->rest.size &&
			strchr(":.=", reader->rest.data[at + 1]))
			reader->gave_up = true; /* [[:alpha:]] */
	}
	skip(reader, at + 1);
}

/* Escapes that stand for sets of characters, and those that stand for a place. */
static void read_braced(struct reader *reader)
{
	size_t end = slice_find(reader->rest, '}');

	skip(reader, starts(reader, "{") && end != SIZE_MAX ? end + 1 : 1);
}

static void read_hex(struct reader *reader)
{
	if (starts(reader, "{")) {
		read_braced(reader);
		return;
	}
	for (int i = 0; i < 2 && reader->rest.size && slice_hex_digit(reader->rest.data[0]) >= 0;
		i++)
		skip(reader, 1);
}

enum escape { ESCAPE_CHARACTER, ESCAPE_SET, ESCAPE_PLACE };

/* Behind the backslash; *character is what it stands for, if it is one. */
static enum escape read_escape(struct reader *reader, struct slice *character)
{
	char c = reader->rest.size ? reader->rest.data[0] : 'Q';
	size_t length = utf8_length(reader->rest);

	*character = slice_make(reader->rest.data, length ? length : 1);
	skip(reader, character->size);
	if ((unsigned char)c >= 0x80 ||
		!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
		return ESCAPE_CHARACTER;
	if (strchr("bBAzZ", c))
		return ESCAPE_PLACE;
	if (c == 'p' || c == 'P')
		read_braced(reader);
	else if (c == 'x')
		read_hex(reader);
	else if (!strchr("dDwWsShHvVRXntrfea", c))
		reader->gave_up = true;
	return ESCAPE_SET;
}

/* --- groups --- */

/* Letters of options behind "(?". */
static bool read_options(struct reader *reader, bool *is_group)
{
	size_t size = 0;

	while (size < reader->rest.size && strchr("imsxnJU-^", reader->rest.data[size]))
		size++;
	if (size == reader->rest.size ||
		(reader->rest.data[size] != ':' && reader->rest.data[size] != ')'))
		return false;
	*is_group = reader->rest.data[size] == ':';
	if (memchr(reader->rest.data, 'x', size))
		reader->gave_up = true;
	skip(reader, size + 1);
	return true;
}

static bool read_name(struct reader *reader)
{
	static const char *const begins[] = {"P<", "<", "'"};

	for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
		size_t end;

		if (!accept(reader, begins[i]))
			continue;
		end = slice_find(reader->rest, begins[i][0] == '\'' ? '\'' : '>');
		skip(reader, end == SIZE_MAX ? reader->rest.size : end + 1);
		return true;
	}
	return false;
}

static bool read_look_around(struct reader *reader)
{
	return accept(reader, "=") || accept(reader, "!") || accept(reader, "<=") ||
		accept(reader, "<!");
}

/* "(" was read; up to what stands inside. False when there is no inside. */
static bool begin_group(struct reader *reader, struct group *group, bool *is_atomic)
{
	bool is_group = true;

	*group = (struct group){0};
	*is_atomic = false;
	if (starts(reader, "*"))
		reader->gave_up = true;
	if (!accept(reader, "?"))
		return true;
	group->is_zero_width = read_look_around(reader);
	*is_atomic = !group->is_zero_width && accept(reader, ">");
	if (group->is_zero_width || *is_atomic || read_options(reader, &is_group) ||
		read_name(reader))
		return is_group;
	reader->gave_up = true;
	return true;
}

static struct group read_group(struct reader *reader)
{
	struct group head, group;
	bool is_atomic;

	skip(reader, 1);
	if (!begin_group(reader, &head, &is_atomic)) {
		head.is_zero_width = true;
		return head;
	}
	group = read_alternatives(reader);
	accept(reader, ")");
	group.is_zero_width = head.is_zero_width;
	if (head.is_zero_width)
		group.required.count = 0;
	if (is_atomic || head.is_zero_width)
		group.unbound = false;
	return group;
}

/* --- branches --- */

static void take_character(
	struct reader *reader, struct branch *branch, struct slice character, bool *unbound)
{
	struct quantifier quantifier = read_quantifier(reader);

	*unbound = *unbound || quantifier.unbound;
	if (!quantifier.optional)
		add_to_run(reader, branch, character);
	if (quantifier.optional || quantifier.repeats)
		end_run(reader, branch);
}

static void take_set(struct reader *reader, struct branch *branch, bool *unbound)
{
	end_run(reader, branch);
	*unbound = read_quantifier(reader).unbound || *unbound;
}

static void take_group(struct reader *reader, struct branch *branch, bool *unbound)
{
	struct group group = read_group(reader);
	struct quantifier quantifier = read_quantifier(reader);

	if (!group.is_zero_width)
		end_run(reader, branch);
	if (group.unbound && quantifier.unbound)
		reader->is_nested = true;
	if (!quantifier.optional)
		offer(branch, &group.required);
	*unbound = *unbound || group.unbound || quantifier.unbound;
}

static void take_escape(struct reader *reader, struct branch *branch, bool *unbound)
{
	struct slice character;

	skip(reader, 1);
	switch (read_escape(reader, &character)) {
	case ESCAPE_CHARACTER:
		take_character(reader, branch, character, unbound);
		break;
	case ESCAPE_SET:
		take_set(reader, branch, unbound);
		break;
	case ESCAPE_PLACE:
		break;
	}
}

static void take_plain(struct reader *reader, struct branch *branch, bool *unbound)
{
	size_t length = utf8_length(reader->rest);
	struct slice character = slice_make(reader->rest.data, length ? length : 1);

	skip(reader, character.size);
	take_character(reader, branch, character, unbound);
}

static void take_atom(struct reader *reader, struct branch *branch, bool *unbound)
{
	char c = reader->rest.data[0];

	if (c == '^' || c == '$') {
		skip(reader, 1);
	} else if (c == '(') {
		take_group(reader, branch, unbound);
	} else if (c == '[') {
		read_class(reader);
		take_set(reader, branch, unbound);
	} else if (c == '.') {
		skip(reader, 1);
		take_set(reader, branch, unbound);
	} else if (c == '\\') {
		take_escape(reader, branch, unbound);
	} else if (reader->extended && (c == '#' || (c && strchr(" \t\r\n\v\f", c)))) {
		skip(reader, c == '#' ? reader->rest.size : 1);
	} else {
		take_plain(reader, branch, unbound);
	}
}

static struct required read_branch(struct reader *reader, bool *unbound)
{
	struct branch branch = {0};

	while (reader->rest.size && !reader->gave_up && !starts(reader, "|") &&
		!starts(reader, ")"))
		take_atom(reader, &branch, unbound);
	end_run(reader, &branch);
	return branch.best;
}

/* What one branch requires and another does not is not required. */
static void unite(struct required *all, const struct required *one, bool first)
{
	if (!one->count || (!first && !all->count) || all->count + one->count > PATTERN_LITERALS) {
		all->count = 0;
		return;
	}
	memcpy(all->literals + all->count, one->literals, one->count * sizeof *one->literals);
	all->count += one->count;
}

static struct group read_alternatives(struct reader *reader)
{
	struct group group = {0};
	bool first = true;

	if (++reader->depth > DEPTH)
		reader->gave_up = true;
	do {
		struct required required = read_branch(reader, &group.unbound);

		unite(&group.required, &required, first);
		first = false;
	} while (!reader->gave_up && accept(reader, "|"));
	reader->depth--;
	return group;
}

void pattern_read(
	const void *parent, struct slice regex, const char *flags, struct pattern *pattern)
{
	struct reader reader = {
		.scratch = talloc_new(parent), .rest = regex, .extended = strchr(flags, 'x')};
	struct group group = read_alternatives(&reader);

	if (reader.rest.size)
		reader.gave_up = true; /* a ")" too many: pcre2 will say so */
	*pattern = (struct pattern){.is_nested = reader.is_nested};
	if (reader.gave_up)
		return;
	memcpy(pattern->literals, group.required.literals, sizeof pattern->literals);
	pattern->count = shortest(&group.required) ? group.required.count : 0;
}
