/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files: their items, and the clauses of rules. */
#include "rules/parse.h"

#include "rules/expression.h"

#include <talloc.h>

#define VERSION "1"

static const char *const item_words[] = {"include", "list", "let", "rule", "version"};
#define ITEM_WORDS (sizeof item_words / sizeof *item_words)

static bool is_at_item(struct parser *parser)
{
	struct token token = parser_peek(parser);

	for (size_t i = 0; token.first_on_line && i < ITEM_WORDS; i++) {
		if (token.kind == TOKEN_WORD && slice_equals(token.text, item_words[i]))
			return true;
	}
	return false;
}

static bool is_at_end(struct parser *parser)
{
	return parser_peek(parser).kind == TOKEN_END;
}

static bool is_at_clause(struct parser *parser, enum clause *clause)
{
	struct token token = parser_peek(parser);

	for (enum clause c = 0; token.kind == TOKEN_WORD && c <= CLAUSE_TEST; c++) {
		if (slice_equals(token.text, tree_clause_name(c))) {
			*clause = c;
			return true;
		}
	}
	return false;
}

static void skip_to_item(struct parser *parser)
{
	while (!is_at_end(parser) && !is_at_item(parser))
		parser_take(parser);
}

/* To what may follow a clause: another that begins a line, a brace that does, or the next item; there nobody can tell any more what is
 * missing. */
static void skip_to_clause(struct parser *parser, struct item *item)
{
	enum clause clause;

	while (!is_at_end(parser) && !is_at_item(parser)) {
		if (parser_peek(parser).first_on_line &&
			(parser_is(parser, "}") || is_at_clause(parser, &clause)))
			return;
		parser_take(parser);
	}
	item->is_cut = true;
}

/* --- names --- */

static bool complain_name(struct parser *parser, struct token token)
{
	if (token.kind != TOKEN_WORD)
		parser_complain(parser, "a name");
	else if (tree_is_keyword(token.text))
		complaint_error(parser->complaints, token.place,
			"\"%.*s\" is a word of the language and cannot be a name",
			SLICE_ARGS(token.text));
	else
		complaint_error(parser->complaints, token.place,
			"\"%.*s\" cannot be a name: names begin with a small letter and hold small "
			"letters, digits and _",
			SLICE_ARGS(token.text));
	return false;
}

static bool parse_name(struct parser *parser, struct item *item)
{
	struct token token = parser_peek(parser);
	const char *name = parser_keep(parser, token.text);

	item->place = token.place;
	if (token.kind != TOKEN_WORD || !tree_is_name(name))
		return complain_name(parser, token);
	parser_take(parser);
	item->name = name;
	return true;
}

/* --- clauses --- */

static bool parse_word(
	struct parser *parser, struct clause_words *clause, const char *what, bool is_string)
{
	struct token token = parser_peek(parser);

	clause->word_place = token.place;
	if (is_string) {
		clause->word = parser_take_string(parser, what);
		return clause->word;
	}
	if (token.kind != TOKEN_WORD) {
		parser_complain(parser, what);
		return false;
	}
	clause->word = parser_keep(parser, parser_take(parser).text);
	return true;
}

/* What stands behind an action: values, and the one word that is none of the other actions. */
static bool is_at_argument(struct parser *parser)
{
	struct token token = parser_peek(parser);
	enum literal_kind kind;

	if (token.kind == TOKEN_STRING || token.kind == TOKEN_UNKNOWN || token_is(token, "<"))
		return true;
	if (token.kind != TOKEN_WORD)
		return false;
	return slice_equals(token.text, "session") || !tree_literal_kind(token.text, &kind) ||
		kind != LITERAL_NAME;
}

static bool parse_action(struct parser *parser, struct item *item)
{
	struct token token = parser_peek(parser);
	struct action action = {.place = token.place};

	if (token.kind != TOKEN_WORD || !tree_is_name(parser_keep(parser, token.text))) {
		parser_complain(parser, "an action");
		return false;
	}
	action.name = parser_keep(parser, parser_take(parser).text);
	while (is_at_argument(parser)) {
		action.arguments = talloc_realloc(
			parser->tree, action.arguments, struct literal, action.count + 1);
		if (!expression_parse_literal(parser, &action.arguments[action.count++]))
			return false;
	}
	item->actions = talloc_realloc(item, item->actions, struct action, item->action_count + 1);
	item->actions[item->action_count++] = action;
	return true;
}

/* action { action } */
static bool parse_actions(struct parser *parser, struct item *item)
{
	enum clause clause;

	do {
		if (!parse_action(parser, item))
			return false;
	} while (parser_peek(parser).kind == TOKEN_WORD && !is_at_clause(parser, &clause) &&
		!is_at_item(parser));
	return true;
}

static bool parse_given(struct parser *parser, struct test *test)
{
	struct given *given;

	test->givens = talloc_realloc(parser->tree, test->givens, struct given, test->count + 1);
	given = &test->givens[test->count++];
	*given = (struct given){.fact = expression_parse_fact(parser)};
	return given->fact && parser_expect(parser, "=", "behind the fact that is given") &&
		expression_parse_literals(parser, &given->literals);
}

/* ( "match" | "nomatch" ) [ "message" STRING ] [ "{" { fact "=" … } "}" ] */
static bool parse_test_body(struct parser *parser, struct test *test)
{
	test->matches = parser_is_word(parser, "match");
	if (!test->matches && !parser_is_word(parser, "nomatch")) {
		parser_complain(parser, "match or nomatch");
		return false;
	}
	parser_take(parser);
	if (parser_accept_word(parser, "message")) {
		test->message_place = parser_peek(parser).place;
		test->message = parser_take_string(parser, "the file of a message");
		if (!test->message)
			return false;
	}
	test->braces = parser_accept(parser, "{");
	while (test->braces && !parser_accept(parser, "}")) {
		if (!parse_given(parser, test))
			return false;
	}
	return true;
}

static void parse_test(struct parser *parser, struct item *item)
{
	struct start start = parser_start(parser);
	struct test test = {.place = parser_take(parser).place};

	parser->depth = 0;
	if (!parse_test_body(parser, &test)) {
		skip_to_clause(parser, item);
		return;
	}
	test.remarks = parser_remarks(parser, start);
	item->tests = talloc_realloc(item, item->tests, struct test, item->test_count + 1);
	item->tests[item->test_count++] = test;
}

static bool parse_clause_body(struct parser *parser, struct item *item, enum clause clause)
{
	struct clause_words *words = &item->clauses[clause];

	switch (clause) {
	case CLAUSE_WHEN:
		item->expr = expression_parse(parser);
		return item->expr;
	case CLAUSE_THEN:
		return parse_actions(parser, item);
	case CLAUSE_OWNER:
	case CLAUSE_REF:
		return parse_word(parser, words, "a text in quotation marks", true);
	case CLAUSE_UNTIL:
		return parse_word(parser, words, "a date: YYYY-MM-DD", false);
	default:
		return parse_word(parser, words, "a word", false);
	}
}

static void complain_twice(struct parser *parser, enum clause clause, struct place first)
{
	complaint_error(parser->complaints, parser_peek(parser).place,
		"this rule has a %s already, at line %u", tree_clause_name(clause), first.line);
}

static void parse_clause(struct parser *parser, struct item *item, enum clause clause)
{
	struct clause_words *words = &item->clauses[clause];
	struct start start = parser_start(parser);

	if (words->place.line) {
		complain_twice(parser, clause, words->place);
		parser_take(parser);
		skip_to_clause(parser, item);
		return;
	}
	words->place = parser_take(parser).place;
	if (parse_clause_body(parser, item, clause))
		words->remarks = parser_remarks(parser, start);
	else {
		if (clause == CLAUSE_THEN)
			item->action_count = 0; /* not half of them */
		skip_to_clause(parser, item);
	}
}

static void complain_clause(struct parser *parser)
{
	struct token token = parser_peek(parser);
	const char *names[CLAUSES + 1];
	char *word = slice_keep(NULL, token.text);
	const char *meant;

	for (enum clause clause = 0; clause <= CLAUSE_TEST; clause++)
		names[clause] = tree_clause_name(clause);
	meant = complaint_suggestion(word, names, CLAUSES + 1);
	if (token.kind == TOKEN_WORD && meant)
		complaint_error(parser->complaints, token.place,
			"there is no clause \"%s\"; did you mean \"%s\"?", word, meant);
	else
		parser_complain(parser, "a clause of the rule, or \"}\"");
	talloc_free(word);
}

static void parse_clauses(struct parser *parser, struct item *item)
{
	enum clause clause;

	while (!parser_is(parser, "}")) {
		if (is_at_end(parser) || is_at_item(parser)) {
			if (!item->is_cut)
				complaint_error(parser->complaints, parser_peek(parser).place,
					"rule %s, begun at line %u, is not closed: \"}\" is "
					"missing",
					item->name, item->place.line);
			return;
		}
		if (is_at_clause(parser, &clause) && clause == CLAUSE_TEST) {
			parse_test(parser, item);
		} else if (is_at_clause(parser, &clause)) {
			parse_clause(parser, item, clause);
		} else {
			complain_clause(parser);
			parser_take(parser);
			skip_to_clause(parser, item);
		}
	}
	struct start start = parser_start(parser);
	parser_take(parser);
	item->end_remarks = parser_remarks(parser, start);
}

/* --- items --- */

/* "rule" NAME [ STRING ] "{" { clause } "}" */
static bool parse_rule(struct parser *parser, struct item *item, struct start start)
{
	if (!parse_name(parser, item))
		return false;
	if (parser_peek(parser).kind == TOKEN_STRING)
		item->text = parser_take_string(parser, "a description");
	if (!parser_expect(parser, "{", "and the clauses of the rule"))
		return false;
	item->remarks = parser_remarks(parser, start);
	parse_clauses(parser, item);
	return true;
}

static bool parse_list_entries(struct parser *parser, struct item *item, struct start start)
{
	struct start end;

	if (!parser_accept(parser, "{")) {
		parser_complain(parser, "a file's name in quotation marks, or values in braces");
		return false;
	}
	/* A comment behind the brace belongs to the list, what follows to its entries. */
	item->remarks = parser_remarks(parser, start);
	end = parser_start(parser);
	if (!expression_parse_entries(parser, &item->literals, true))
		return false;
	item->end_remarks = parser_remarks(parser, end);
	return true;
}

/* "list" NAME kind ( STRING | "{" { literal } "}" ) */
static bool parse_list(struct parser *parser, struct item *item, struct start start)
{
	struct token token;

	if (!parse_name(parser, item))
		return false;
	token = parser_peek(parser);
	if (token.kind != TOKEN_WORD) {
		parser_complain(parser, "the kind of the list");
		return false;
	}
	item->kind_place = token.place;
	item->list_kind = parser_keep(parser, parser_take(parser).text);
	token = parser_peek(parser);
	if (token.kind != TOKEN_STRING)
		return parse_list_entries(parser, item, start);
	item->text_place = token.place;
	item->text = parser_take_string(parser, "a file");
	item->remarks = parser_remarks(parser, start);
	return true;
}

/* "let" NAME "=" expr */
static bool parse_let(struct parser *parser, struct item *item, struct start start)
{
	if (!parse_name(parser, item) || !parser_expect(parser, "=", "behind the name of a let"))
		return false;
	item->expr = expression_parse(parser);
	item->remarks = parser_remarks(parser, start);
	return item->expr;
}

/* "include" STRING */
static bool parse_include(struct parser *parser, struct item *item, struct start start)
{
	item->place = parser_peek(parser).place;
	item->text = parser_take_string(parser, "a file's name in quotation marks");
	item->remarks = parser_remarks(parser, start);
	return item->text;
}

static const struct item_reader {
	enum item_kind kind;
	bool (*parse)(struct parser *parser, struct item *item, struct start start);
} readers[] = {
	{ITEM_INCLUDE, parse_include},
	{ITEM_LIST, parse_list},
	{ITEM_LET, parse_let},
	{ITEM_RULE, parse_rule},
};

static void complain_item(struct parser *parser)
{
	struct token token = parser_peek(parser);
	char *word = slice_keep(NULL, token.text);
	const char *meant = complaint_suggestion(word, item_words, ITEM_WORDS - 1);

	if (token.kind == TOKEN_WORD && slice_equals(token.text, "version"))
		complaint_error(parser->complaints, token.place,
			"version stands once, at the beginning of the file");
	else if (token.kind == TOKEN_WORD && meant)
		complaint_error(parser->complaints, token.place,
			"there is no \"%s\"; did you mean \"%s\"?", word, meant);
	else
		parser_complain(parser, "include, list, let or rule");
	talloc_free(word);
}

static void add_item(struct tree *tree, struct item *item)
{
	size_t room = talloc_array_length(tree->items);

	if (tree->count == room)
		tree->items =
			talloc_realloc(tree, tree->items, struct item *, room ? 2 * room : 16);
	tree->items[tree->count++] = item;
}

static void parse_item(struct parser *parser)
{
	struct start start = parser_start(parser);
	struct item *item;

	for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
		if (!parser_accept_word(parser, tree_item_name(readers[i].kind)))
			continue;
		item = talloc_zero(parser->tree, struct item);
		item->kind = readers[i].kind;
		if (!readers[i].parse(parser, item, start))
			skip_to_item(parser);
		/* One that has a name is known, though not understood: nobody need complain that it is not there. */
		if (item->name || item->text)
			add_item(parser->tree, item);
		return;
	}
	complain_item(parser);
	parser_take(parser);
	skip_to_item(parser);
}

/* "version" INT */
static void parse_version(struct parser *parser)
{
	struct start start = parser_start(parser);
	struct token token;

	if (!parser_accept_word(parser, "version")) {
		parser_complain(parser, "\"version " VERSION "\" at the beginning of the file");
		return;
	}
	token = parser_peek(parser);
	if (token.kind != TOKEN_WORD || !slice_equals(token.text, VERSION)) {
		parser_complain(
			parser, VERSION ", the version of the language that is spoken here");
		skip_to_item(parser);
		return;
	}
	parser->tree->version = parser_keep(parser, parser_take(parser).text);
	parser->tree->version_remarks = parser_remarks(parser, start);
}

struct tree *parse_text(
	const void *parent, const char *path, struct slice text, struct complaints *complaints)
{
	struct tree *tree = talloc_zero(parent, struct tree);
	struct parser parser = {.tree = tree, .complaints = complaints};

	tree->path = talloc_strdup(tree, path);
	complaints_show(complaints, tree->path, text);
	parser.lexer = lexer_new(tree, tree->path, text); /* has the names in all places */
	lexer_keep_comments(parser.lexer);
	parse_version(&parser);
	while (!is_at_end(&parser))
		parse_item(&parser);
	tree->end_remarks = parser_last_remarks(&parser, parser_start(&parser));
	return tree;
}

struct fact_name *parse_fact(
	const void *parent, struct place place, struct slice text, struct complaints *complaints)
{
	struct tree *tree = talloc_zero(parent, struct tree);
	struct parser parser = {.tree = tree, .complaints = complaints_new(tree)};
	struct fact_name *fact;

	parser.lexer = lexer_new(tree, place.file, text);
	fact = expression_parse_fact(&parser);
	if (fact && is_at_end(&parser)) {
		fact->place = place;
		return fact;
	}
	complaint_error(complaints, place, "{%.*s} is no fact; a brace itself is written {{",
		SLICE_ARGS(text));
	talloc_free(tree);
	return NULL;
}
