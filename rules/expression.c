/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions: recursive descent, a function for each production of the grammar. */
#include "rules/expression.h"

#include <assert.h>
#include <talloc.h>

#define REGEX_FLAGS "imsx"

static struct expr *parse_or(struct parser *parser);

static struct expr *expr_new(struct parser *parser, enum expr_kind kind, struct place place)
{
	struct expr *expr = talloc_zero(parser->tree, struct expr);

	expr->kind = kind;
	expr->place = place;
	return expr;
}

/* One of the same kind is taken over with its operands: (a and b) and c is a and b and c. */
static void add_operand(struct expr *expr, struct expr *operand)
{
	assert(expr);
	if (operand->kind == expr->kind && expr->kind != EXPR_NOT) {
		for (size_t i = 0; i < operand->count; i++)
			add_operand(expr, operand->operands[i]);
		return;
	}
	expr->operands = talloc_realloc(expr, expr->operands, struct expr *, expr->count + 1);
	expr->operands[expr->count++] = operand;
}

static bool enter(struct parser *parser)
{
	if (parser->depth == PARSER_DEPTH) {
		complaint_error(parser->complaints, parser_peek(parser).place,
			"more than %d parentheses in each other", PARSER_DEPTH);
		return false;
	}
	parser->depth++;
	return true;
}

static void leave(struct parser *parser)
{
	parser->depth--;
}

/* --- literals --- */

static bool complain_literal(struct parser *parser)
{
	struct token token = parser_peek(parser);

	if (token.kind == TOKEN_WORD)
		complaint_error(parser->complaints, token.place,
			"\"%.*s\" is no value: neither a number, a size, a duration, a date, an "
			"address, a network nor a name; a text stands in quotation marks",
			SLICE_ARGS(token.text));
	else if (token_is(token, "<"))
		complaint_error(parser->complaints, token.place,
			"an address in angle brackets ends with \">\" and holds no blanks");
	else
		parser_complain(parser, "a value");
	return false;
}

bool expression_parse_literal(struct parser *parser, struct literal *literal)
{
	struct token token = parser_peek(parser);

	*literal = (struct literal){.kind = LITERAL_STRING, .place = token.place};
	if (token.kind == TOKEN_STRING) {
		literal->text = parser_take_string(parser, "a string");
		return true;
	}
	if (token.kind == TOKEN_WORD && tree_literal_kind(token.text, &literal->kind)) {
		literal->text = parser_keep(parser, parser_take(parser).text);
		return true;
	}
	if (!token_is(token, "<") && !token_is(token, "<="))
		return complain_literal(parser);
	token = parser_take_address(parser);
	if (token.kind != TOKEN_ADDRESS) {
		complaint_error(parser->complaints, token.place,
			"an address in angle brackets ends with \">\" and holds no blanks");
		return false;
	}
	literal->kind = LITERAL_ADDRESS;
	literal->text = parser_keep(parser, token.text);
	return true;
}

static struct literal *add_literal(struct parser *parser, struct literals *literals)
{
	size_t room = talloc_array_length(literals->items);

	if (literals->count == room)
		literals->items = talloc_realloc(
			parser->tree, literals->items, struct literal, room ? 2 * room : 4);
	return &literals->items[literals->count++];
}

static bool parse_entry(struct parser *parser, struct literals *literals, bool has_remarks)
{
	struct start start = parser_start(parser);
	struct literal literal;

	if (parser_is(parser, ",")) {
		parser_complain(parser, "blanks between the values");
		parser_take(parser);
		return true;
	}
	if (!expression_parse_literal(parser, &literal))
		return false;
	if (has_remarks)
		literal.remarks = parser_remarks(parser, start);
	*add_literal(parser, literals) = literal;
	return true;
}

bool expression_parse_literals(struct parser *parser, struct literals *literals)
{
	*literals = (struct literals){.bare = !parser_is(parser, "{")};
	if (literals->bare)
		return expression_parse_literal(parser, add_literal(parser, literals));
	parser_take(parser);
	return expression_parse_entries(parser, literals, false);
}

bool expression_parse_entries(struct parser *parser, struct literals *literals, bool has_remarks)
{
	while (!parser_is(parser, "}")) {
		if (!parse_entry(parser, literals, has_remarks))
			return false;
	}
	parser_take(parser);
	return true;
}

/* --- facts --- */

/* NAME { "." NAME }, and no word of the language. */
static bool is_fact_name(struct slice word)
{
	bool begins = true;

	for (size_t i = 0; i < word.size; i++) {
		char c = word.data[i];
		bool is_letter = c >= 'a' && c <= 'z';
		bool is_other = (c >= '0' && c <= '9') || c == '_' || c == '.';

		if (!is_letter && (begins || !is_other))
			return false;
		begins = c == '.';
	}
	return !begins && !tree_is_keyword(word);
}

static bool parse_argument(struct parser *parser, struct argument *argument)
{
	struct token token = parser_peek(parser);

	*argument = (struct argument){0};
	if (token.kind == TOKEN_WORD && is_fact_name(token.text)) {
		argument->fact = expression_parse_fact(parser);
		return argument->fact;
	}
	struct literal *literal = talloc_zero(parser->tree, struct literal);

	argument->literal = literal;
	return expression_parse_literal(parser, literal);
}

static bool parse_arguments(struct parser *parser, struct fact_name *fact)
{
	bool understood = enter(parser);

	while (understood) {
		fact->arguments = talloc_realloc(
			fact, fact->arguments, struct argument, fact->argument_count + 1);
		understood = parse_argument(parser, &fact->arguments[fact->argument_count++]);
		if (understood && !parser_accept(parser, ",")) {
			understood = parser_expect(parser, ")", "behind the arguments of a fact");
			leave(parser);
			return understood;
		}
	}
	return false;
}

struct fact_name *expression_parse_fact(struct parser *parser)
{
	struct token token = parser_peek(parser);
	struct fact_name *fact;

	if (token.kind != TOKEN_WORD || !is_fact_name(token.text)) {
		parser_complain(parser, "a fact");
		return NULL;
	}
	fact = talloc_zero(parser->tree, struct fact_name);
	fact->name = parser_keep(parser, parser_take(parser).text);
	fact->place = token.place;
	if (parser_accept(parser, "[")) {
		fact->key = parser_take_string(parser, "a name in quotation marks");
		if (!fact->key || !parser_expect(parser, "]", "behind the name in brackets"))
			return NULL;
	}
	if (parser_accept(parser, "(") && !parse_arguments(parser, fact))
		return NULL;
	return fact;
}

/* --- what may follow a fact --- */

static bool parse_compare(struct parser *parser, enum compare *compare)
{
	for (enum compare c = COMPARE_EQ; c <= COMPARE_GE; c++) {
		if (parser_accept(parser, tree_compare_name(c))) {
			*compare = c;
			return true;
		}
	}
	return false;
}

static bool parse_in(struct parser *parser, struct expr *expr)
{
	struct token token;

	expr->kind = EXPR_IN;
	if (!parser_accept(parser, "@")) {
		if (parser_is(parser, "{"))
			return expression_parse_literals(parser, &expr->literals);
		parser_complain(parser, "@ and the name of a list, or values in braces");
		return false;
	}
	token = parser_peek(parser);
	expr->kind = EXPR_IN_LIST;
	if (token.kind != TOKEN_WORD) {
		parser_complain(parser, "the name of a list");
		return false;
	}
	expr->name_place = token.place;
	expr->name = parser_keep(parser, parser_take(parser).text);
	return true;
}

static bool parse_one_literal(struct parser *parser, struct expr *expr)
{
	expr->literals = (struct literals){.bare = true};
	return expression_parse_literal(parser, add_literal(parser, &expr->literals));
}

static bool parse_string(struct parser *parser, struct expr *expr)
{
	if (parser_peek(parser).kind != TOKEN_STRING) {
		parser_complain(parser, "a text in quotation marks");
		return false;
	}
	return parse_one_literal(parser, expr);
}

static bool parse_regex(struct parser *parser, struct expr *expr)
{
	struct token token = parser_take_regex(parser);

	expr->text_place = token.place;
	if (token.kind != TOKEN_REGEX) {
		complaint_error(parser->complaints, token.place,
			token.kind == TOKEN_UNKNOWN && token.text.size && token.text.data[0] == '/'
				? "this regex has no \"/\" at its end on this line"
				: "expected a regex: /.../");
		return false;
	}
	expr->text = parser_keep(parser, token.text);
	expr->flags = parser_keep(parser, token.flags);
	if (slice_find(token.text, '\0') != SIZE_MAX)
		complaint_error(parser->complaints, token.place, "a regex cannot hold a NUL byte");
	if (strspn(expr->flags, REGEX_FLAGS) != strlen(expr->flags))
		complaint_error(parser->complaints, token.place,
			"the flags of a regex are i, m, s and x; these are \"%s\"", expr->flags);
	return true;
}

static bool parse_flag(struct parser *parser, struct expr *expr)
{
	if (parse_one_literal(parser, expr) && expr->literals.items[0].kind == LITERAL_NAME)
		return true;
	if (expr->literals.count && expr->literals.items[0].text)
		complaint_error(parser->complaints, expr->literals.items[0].place,
			"expected the name of a flag; of several: has_any { ... }");
	return false;
}

static bool parse_flags(struct parser *parser, struct expr *expr)
{
	if (parser_is(parser, "{"))
		return expression_parse_literals(parser, &expr->literals);
	parser_complain(parser, "names of flags in braces");
	return false;
}

static const struct operator
{
	const char *word;
	enum expr_kind kind;
	bool (*parse)(struct parser * parser, struct expr * expr);
}
operators[] = {
	{"in", EXPR_IN, parse_in},
	{"contains", EXPR_CONTAINS, parse_string},
	{"starts", EXPR_STARTS, parse_string},
	{"ends", EXPR_ENDS, parse_string},
	{"matches", EXPR_MATCHES, parse_regex},
	{"has", EXPR_HAS, parse_flag},
	{"has_any", EXPR_HAS_ANY, parse_flags},
};

static bool parse_operator(struct parser *parser, struct expr *expr)
{
	expr->operator_place = parser_peek(parser).place;
	if (parse_compare(parser, &expr->compare)) {
		expr->kind = EXPR_COMPARE;
		return parse_one_literal(parser, expr);
	}
	for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
		if (!parser_is_word(parser, operators[i].word))
			continue;
		parser_take(parser);
		expr->kind = operators[i].kind;
		return operators[i].parse(parser, expr);
	}
	return true;
}

/* A word alone may be a let or a fact: whoever knows the names says which. */
static struct expr *parse_comparison(struct parser *parser)
{
	struct place place = parser_peek(parser).place;
	struct expr *expr = expr_new(parser, EXPR_FACT, place);

	expr->fact = expression_parse_fact(parser);
	if (!expr->fact || !parse_operator(parser, expr))
		return NULL;
	if (expr->kind == EXPR_FACT && tree_is_name(expr->fact->name) && !expr->fact->key &&
		!expr->fact->argument_count) {
		expr->kind = EXPR_NAME;
		expr->name = expr->fact->name;
	}
	return expr;
}

/* --- primaries --- */

static const char *take_records(struct parser *parser, struct expr *expr)
{
	struct token token = parser_peek(parser);

	if (token.kind != TOKEN_WORD || !is_fact_name(token.text)) {
		parser_complain(parser, "the name of a list of records");
		return NULL;
	}
	expr->name_place = token.place;
	return parser_keep(parser, parser_take(parser).text);
}

static bool parse_inside(struct parser *parser, struct expr *expr, const char *where)
{
	struct expr *operand;

	if (!parser_expect(parser, "(", where))
		return false;
	operand = parse_or(parser);
	if (!operand)
		return false;
	add_operand(expr, operand);
	return parser_expect(parser, ")", "behind the condition");
}

/* ( "any" | "all" ) RECORDS "(" expr ")" */
static struct expr *parse_quantifier(struct parser *parser)
{
	struct token token = parser_take(parser);
	struct expr *expr = expr_new(
		parser, slice_equals(token.text, "any") ? EXPR_ANY : EXPR_ALL, token.place);

	expr->name = take_records(parser, expr);
	if (!expr->name || !parse_inside(parser, expr, "behind the name of the records"))
		return NULL;
	return expr;
}

/* "count" "(" RECORDS [ "(" expr ")" ] ")" cmp INT */
static struct expr *parse_count(struct parser *parser)
{
	struct expr *expr = expr_new(parser, EXPR_COUNT, parser_take(parser).place);

	if (!parser_expect(parser, "(", "behind count"))
		return NULL;
	expr->name = take_records(parser, expr);
	if (!expr->name)
		return NULL;
	if (parser_is(parser, "(") && !parse_inside(parser, expr, ""))
		return NULL;
	if (!parser_expect(parser, ")", "behind what is counted"))
		return NULL;
	expr->operator_place = parser_peek(parser).place;
	if (!parse_compare(parser, &expr->compare)) {
		parser_complain(parser, "a comparison of the count: == != < <= > or >=");
		return NULL;
	}
	return parse_one_literal(parser, expr) ? expr : NULL;
}

static struct expr *parse_exists(struct parser *parser)
{
	struct expr *expr = expr_new(parser, EXPR_EXISTS, parser_take(parser).place);

	expr->fact = expression_parse_fact(parser);
	return expr->fact ? expr : NULL;
}

static struct expr *parse_constant(struct parser *parser)
{
	struct token token = parser_take(parser);

	return expr_new(
		parser, slice_equals(token.text, "true") ? EXPR_TRUE : EXPR_FALSE, token.place);
}

static struct expr *parse_parentheses(struct parser *parser)
{
	struct expr *expr;

	parser_take(parser);
	expr = parse_or(parser);
	if (!expr || !parser_expect(parser, ")", "behind the condition"))
		return NULL;
	return expr;
}

static const struct primary {
	const char *word;
	struct expr *(*parse)(struct parser *parser);
} primaries[] = {
	{"true", parse_constant},
	{"false", parse_constant},
	{"exists", parse_exists},
	{"any", parse_quantifier},
	{"all", parse_quantifier},
	{"count", parse_count},
};

static struct expr *parse_primary(struct parser *parser)
{
	if (parser_is(parser, "("))
		return parse_parentheses(parser);
	for (size_t i = 0; i < sizeof primaries / sizeof *primaries; i++) {
		if (parser_is_word(parser, primaries[i].word))
			return primaries[i].parse(parser);
	}
	if (parser_peek(parser).kind != TOKEN_WORD) {
		parser_complain(parser, "a condition");
		return NULL;
	}
	return parse_comparison(parser);
}

/* --- not, and, or --- */

static struct expr *parse_term(struct parser *parser)
{
	struct place place = parser_peek(parser).place;
	struct expr *operand, *expr;

	if (!parser_accept_word(parser, "not"))
		return parse_primary(parser);
	if (parser_is_word(parser, "not")) {
		parser_complain(parser, "a condition (not of a not stands in parentheses)");
		return NULL;
	}
	operand = parse_primary(parser);
	if (!operand)
		return NULL;
	expr = expr_new(parser, EXPR_NOT, place);
	add_operand(expr, operand);
	return expr;
}

/* Operands with a word between them; one alone is itself. */
static struct expr *parse_chain(struct parser *parser, enum expr_kind kind, const char *word,
	struct expr *(*parse)(struct parser *parser))
{
	struct expr *first = parse(parser), *expr = first, *next;

	while (expr && parser_accept_word(parser, word)) {
		if (expr == first) {
			expr = expr_new(parser, kind, first->place);
			add_operand(expr, first);
		}
		next = parse(parser);
		if (!next)
			return NULL;
		add_operand(expr, next);
	}
	return expr;
}

static struct expr *parse_and(struct parser *parser)
{
	return parse_chain(parser, EXPR_AND, "and", parse_term);
}

static struct expr *parse_or(struct parser *parser)
{
	struct expr *expr = NULL;

	if (enter(parser)) {
		expr = parse_chain(parser, EXPR_OR, "or", parse_and);
		leave(parser);
	}
	return expr;
}

struct expr *expression_parse(struct parser *parser)
{
	parser->depth = 0;
	return parse_or(parser);
}
