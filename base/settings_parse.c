/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of settings, and how to go on behind what breaks it. */
#include "base/settings_parse.h"

#include "base/lexer.h"
#include "base/option.h"
#include "base/schema.h"

#include <talloc.h>

/* For tables that have no top level options. */
static const struct option no_options[] = {{0}};
static const struct section no_top = {.name = "", .options = no_options};

struct reader {
	struct settings *settings;
	struct complaints *complaints;
	struct token *tokens; /* the last one is TOKEN_END */
	size_t count;
	size_t at;
};

/* The tokens. */

static const struct token *peek(const struct reader *reader, size_t ahead)
{
	size_t last = reader->count - 1;

	return &reader->tokens[reader->at + ahead < last ? reader->at + ahead : last];
}

static void take(struct reader *reader)
{
	if (reader->at < reader->count - 1)
		reader->at++;
}

static bool next_is(const struct reader *reader, size_t ahead, const char *punctuation)
{
	return token_is(*peek(reader, ahead), punctuation);
}

static bool at_end(const struct reader *reader)
{
	return peek(reader, 0)->kind == TOKEN_END;
}

static bool is_value(const struct token *token)
{
	return token->kind == TOKEN_WORD || token->kind == TOKEN_STRING;
}

static bool at_key(const struct reader *reader)
{
	return peek(reader, 0)->kind == TOKEN_WORD && next_is(reader, 1, "=");
}

/* WORD "{" or WORD name "{" */
static bool at_section(const struct reader *reader)
{
	if (peek(reader, 0)->kind != TOKEN_WORD)
		return false;
	if (next_is(reader, 1, "{"))
		return true;
	return is_value(peek(reader, 1)) && !peek(reader, 1)->first_on_line &&
		next_is(reader, 2, "{");
}

/* Where a section that we know begins on a line of its own, whatever was open before was not closed. inside may be NULL:
 * a section whose own options are not taken for sections. */
static bool at_known_section(const struct reader *reader, const struct section *inside)
{
	const struct token *word = peek(reader, 0);

	if (!word->first_on_line || !at_section(reader))
		return false;
	if (!schema_section(reader->settings->tables, word->text))
		return false;
	return !(inside && next_is(reader, 1, "{") && schema_option(inside, word->text));
}

/* Recovery. */

/* Behind the "}" that belongs to the "{" here, or before a section that begins. */
static void skip_block(struct reader *reader)
{
	size_t depth = 0;

	do {
		depth += next_is(reader, 0, "{");
		depth -= next_is(reader, 0, "}");
		take(reader);
	} while (depth && !at_end(reader) && !at_known_section(reader, NULL));
}

/* To where something new may begin: the next line, a key, or the end of the section. Takes at least one token. */
static void skip_item(struct reader *reader)
{
	do {
		if (next_is(reader, 0, "{"))
			skip_block(reader);
		else
			take(reader);
	} while (!at_end(reader) && !peek(reader, 0)->first_on_line && !next_is(reader, 0, "}") &&
		!at_key(reader));
}

/* Complains about a token that fits nowhere. */
static void complain_stray(const struct reader *reader)
{
	const struct token *token = peek(reader, 0);
	unsigned char first = token->text.size ? (unsigned char)token->text.data[0] : 0;

	if (token->kind != TOKEN_UNKNOWN)
		complaint_error(reader->complaints, token->place, "\"%.*s\" is not expected here",
			SLICE_ARGS(token->text));
	else if (first != '"')
		complaint_error(reader->complaints, token->place,
			"byte 0x%02x is not expected here", first);
	else if (token->text.size > 1 && token->text.data[token->text.size - 1] == '"')
		complaint_error(reader->complaints, token->place,
			"a backslash in a string can only stand before \\, \" and n");
	else
		complaint_error(
			reader->complaints, token->place, "this string does not end on its line");
}

/* Values. */

/* A bare word that runs on into what no word holds, as in user@example.com. */
static bool runs_on(const struct reader *reader)
{
	const struct token *last = &reader->tokens[reader->at - 1];
	const struct token *next = peek(reader, 0);

	return last->kind == TOKEN_WORD && next->kind != TOKEN_END && !token_is(*next, "}") &&
		!token_is(*next, ",") && next->place.line == last->place.line &&
		next->place.column == last->place.column + last->text.size;
}

static bool take_value(struct reader *reader, struct slice key)
{
	struct place place = peek(reader, 0)->place;

	take(reader);
	if (!runs_on(reader))
		return true;
	complaint_error(
		reader->complaints, place, "put this value of %.*s in quotes", SLICE_ARGS(key));
	while (runs_on(reader) || peek(reader, 0)->kind == TOKEN_UNKNOWN)
		take(reader);
	if (!peek(reader, 0)->first_on_line && is_value(peek(reader, 0)))
		take(reader);
	return false;
}

struct list {
	struct token *tokens;
	size_t count;
	bool good;
};

static void take_list_item(struct reader *reader, struct slice key, struct list *list)
{
	size_t room = talloc_array_length(list->tokens);

	if (is_value(peek(reader, 0))) {
		if (list->count == room)
			list->tokens = talloc_realloc(
				reader->tokens, list->tokens, struct token, room ? room * 2 : 8);
		list->tokens[list->count++] = *peek(reader, 0);
		list->good &= take_value(reader, key);
		return;
	}
	if (list->good)
		complain_stray(reader);
	list->good = false;
	if (next_is(reader, 0, "{"))
		skip_block(reader);
	else
		take(reader);
}

/* "{" { value [","] } "}" */
static struct list take_list(struct reader *reader, struct slice key)
{
	struct list list = {.good = true};
	struct place opened = peek(reader, 0)->place;

	take(reader);
	while (!next_is(reader, 0, "}")) {
		if (at_end(reader) || (at_key(reader) && peek(reader, 0)->first_on_line) ||
			at_known_section(reader, NULL)) {
			complaint_error(reader->complaints, opened,
				"the list of %.*s is not closed: } is missing", SLICE_ARGS(key));
			list.good = false;
			return list;
		}
		if (next_is(reader, 0, ","))
			take(reader);
		else
			take_list_item(reader, key, &list);
	}
	take(reader);
	return list;
}

/* What stands behind "key =": one value, or a list. */
static struct list take_values(struct reader *reader, const struct token *key, bool *braces)
{
	struct list none = {0};
	struct list one = {&reader->tokens[reader->at], 1, true};

	*braces = next_is(reader, 0, "{");
	if (*braces)
		return take_list(reader, key->text);
	if (is_value(peek(reader, 0)) && !(peek(reader, 0)->first_on_line && at_key(reader))) {
		one.good = take_value(reader, key->text);
		return one;
	}
	if (peek(reader, 0)->kind == TOKEN_UNKNOWN) {
		complain_stray(reader);
		skip_item(reader);
	} else {
		complaint_error(
			reader->complaints, key->place, "%.*s has no value", SLICE_ARGS(key->text));
	}
	return none;
}

/* Keys. */

/* " in section limits", or nothing at the top level. */
static const char *section_phrase(const struct section *section)
{
	return *section->name ? " in section " : "";
}

static void complain_unknown_key(
	const struct reader *reader, struct entry *entry, const struct token *key)
{
	const struct section *section = entry->section;
	const struct section *top = schema_section(reader->settings->tables, slice_of(""));
	const struct option *meant = schema_suggest_option(section, key->text);
	char *hint = talloc_strdup(NULL, "");

	if (meant) {
		settings_mention(entry, meant)->excused = true;
		hint = talloc_asprintf_append(hint, ": did you mean \"%s\"?", meant->name);
	} else if (*section->name && top && schema_option(top, key->text)) {
		hint = talloc_asprintf_append(hint, ": it belongs outside of all sections");
	} else if (schema_section(reader->settings->tables, key->text)) {
		hint = talloc_asprintf_append(
			hint, ": it is a section, %.*s { ... }", SLICE_ARGS(key->text));
	}
	complaint_error(reader->complaints, key->place, "unknown key \"%.*s\"%s%s%s",
		SLICE_ARGS(key->text), section_phrase(section), section->name, hint);
	talloc_free(hint);
}

static const struct option *know_key(
	const struct reader *reader, struct entry *entry, const struct token *key)
{
	const struct option *option = schema_option(entry->section, key->text);
	struct mention *mention;

	if (!option) {
		complain_unknown_key(reader, entry, key);
		return NULL;
	}
	mention = settings_mention(entry, option);
	if (mention->place.line) {
		complaint_error(reader->complaints, key->place, "%s was already given at %s:%u:%u",
			option->name, mention->place.file, mention->place.line,
			mention->place.column);
		return NULL;
	}
	mention->place = (struct place){reader->settings->file, key->place.line, key->place.column};
	return option;
}

/* The place of a string's text is behind its quotation mark. */
static void mention_items(
	const struct reader *reader, struct entry *entry, struct mention *mention, struct list list)
{
	mention->items = talloc_array(entry, struct place, list.count);
	for (size_t i = 0; i < list.count; i++) {
		const struct token *token = &list.tokens[i];

		mention->items[i] = (struct place){reader->settings->file, token->place.line,
			token->place.column + (token->kind == TOKEN_STRING)};
	}
}

/* WORD "=" values */
static void read_key(struct reader *reader, struct entry *entry)
{
	const struct token *key = peek(reader, 0);
	const struct option *option = know_key(reader, entry, key);
	struct list list;
	bool braces;

	take(reader);
	take(reader);
	list = take_values(reader, key, &braces);
	if (!option || !list.good)
		return;
	if (braces && !option_is_list(option))
		complaint_error(reader->complaints, key->place, "%s takes one value, not a list",
			option->name);
	else
		option_read(option, entry->values, list.tokens, list.count, reader->complaints);
	if (option_is_list(option))
		mention_items(reader, entry, settings_mention(entry, option), list);
}

/* Sections. */

static void complain_unfinished(struct reader *reader, const struct section *section)
{
	const struct token *word = peek(reader, 0);

	if (word->kind != TOKEN_WORD)
		complain_stray(reader);
	else if (!*section->name && schema_section(reader->settings->tables, word->text))
		complaint_error(reader->complaints, word->place,
			"\"{\" is missing behind section %.*s", SLICE_ARGS(word->text));
	else if (schema_option(section, word->text))
		complaint_error(reader->complaints, word->place, "\"=\" is missing behind %.*s",
			SLICE_ARGS(word->text));
	else
		complaint_error(reader->complaints, word->place,
			"\"%.*s\" is neither a key nor a section", SLICE_ARGS(word->text));
	skip_item(reader);
}

/* The inside of a section, with its "}". */
static void read_body(struct reader *reader, struct entry *entry)
{
	while (!next_is(reader, 0, "}")) {
		const struct token *next = peek(reader, 0);

		if (next->kind == TOKEN_END || at_known_section(reader, entry->section)) {
			complaint_error(reader->complaints, entry->place,
				"section %s is not closed: } is missing before %s",
				entry->section->name,
				next->kind == TOKEN_END ? "the end of the file"
							: talloc_asprintf(reader->tokens, "line %u",
								  next->place.line));
			return;
		}
		if (at_key(reader))
			read_key(reader, entry);
		else
			complain_unfinished(reader, entry->section);
	}
	take(reader);
}

static void complain_unknown_section(const struct reader *reader, const struct token *word)
{
	const struct section *meant = schema_suggest_section(reader->settings->tables, word->text);
	const struct section *top = schema_section(reader->settings->tables, slice_of(""));
	struct entry *entry = meant ? settings_find_entry(reader->settings, meant, "") : NULL;

	if (entry)
		entry->excused = true;
	if (meant)
		complaint_error(reader->complaints, word->place,
			"unknown section \"%.*s\": did you mean \"%s\"?", SLICE_ARGS(word->text),
			meant->name);
	else if (top && schema_option(top, word->text))
		complaint_error(reader->complaints, word->place,
			"%.*s is no section: write %.*s = ...", SLICE_ARGS(word->text),
			SLICE_ARGS(word->text));
	else
		complaint_error(reader->complaints, word->place, "unknown section \"%.*s\"",
			SLICE_ARGS(word->text));
}

static void complain_name(const struct reader *reader, const struct section *section,
	const struct token *word, const struct token *name)
{
	if (section->named && !name)
		complaint_error(reader->complaints, word->place,
			"section %s needs a name: %s \"name\" { ... }", section->name,
			section->name);
	if (!section->named && name)
		complaint_error(
			reader->complaints, name->place, "section %s takes no name", section->name);
}

/* The entry for a section that begins: of named ones always a new one. */
static struct entry *begin_entry(struct reader *reader, const struct section *section,
	const struct token *word, const struct token *name)
{
	char *text = slice_keep(reader->tokens, name && section->named ? name->text : slice_of(""));
	struct entry *entry = settings_find_entry(reader->settings, section, text);

	complain_name(reader, section, word, name);
	if (entry && entry->place.line && (name || !section->named))
		complaint_error(reader->complaints, word->place,
			"section %s%s%s%s was already given at %s:%u:%u", section->name,
			*text ? " \"" : "", text, *text ? "\"" : "", entry->place.file,
			entry->place.line, entry->place.column);
	if (!entry || section->named)
		entry = settings_add_entry(reader->settings, section, text);
	if (!entry->place.line) {
		entry->place.line = word->place.line;
		entry->place.column = word->place.column;
	}
	return entry;
}

/* WORD [ name ] "{" body "}" */
static void read_section(struct reader *reader)
{
	const struct token *word = peek(reader, 0);
	const struct token *name = next_is(reader, 1, "{") ? NULL : peek(reader, 1);
	const struct section *section = schema_section(reader->settings->tables, word->text);

	take(reader);
	if (name)
		take(reader);
	if (!section) {
		complain_unknown_section(reader, word);
		skip_block(reader);
		return;
	}
	take(reader);
	read_body(reader, begin_entry(reader, section, word, name));
}

/* The text. */

static void complain_missing(const struct settings *settings, struct complaints *complaints)
{
	for (const struct entry *entry = settings->entries; entry; entry = entry->next) {
		const struct section *section = entry->section;

		for (const struct option *option = section->options; option->name; option++) {
			const struct mention *mention = settings_mention(entry, option);

			if (option->mandatory && !mention->place.line && !mention->excused &&
				!entry->excused)
				complaint_error(complaints, entry->place,
					"the mandatory key \"%s\"%s%s is missing", option->name,
					section_phrase(section), section->name);
		}
	}
}

static void take_all_tokens(struct reader *reader, struct lexer *lexer)
{
	struct token token;

	do {
		size_t room = talloc_array_length(reader->tokens);

		token = lexer_take(lexer);
		if (reader->count == room)
			reader->tokens = talloc_realloc(
				lexer, reader->tokens, struct token, room ? room * 2 : 64);
		reader->tokens[reader->count++] = token;
	} while (token.kind != TOKEN_END);
}

void settings_parse(struct settings *settings, struct slice text, struct complaints *complaints)
{
	struct lexer *lexer = lexer_new(NULL, settings->file, text);
	struct reader reader = {.settings = settings, .complaints = complaints};
	const struct section *top = schema_section(settings->tables, slice_of(""));
	struct entry *entry = top ? settings_find_entry(settings, top, "")
				  : settings_add_entry(settings, &no_top, "");

	take_all_tokens(&reader, lexer);
	while (!at_end(&reader)) {
		if (at_key(&reader))
			read_key(&reader, entry);
		else if (at_section(&reader))
			read_section(&reader);
		else
			complain_unfinished(&reader, entry->section);
	}
	complain_missing(settings, complaints);
	talloc_free(lexer);
}
