/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical form of rule files. */
#include "rules/print.h"

#include <stdlib.h>
#include <talloc.h>

#define INDENT "  "
#define COLUMN 9 /* where what stands behind a clause's name begins */

static void print_operand(FILE *out, const struct expr *expr, enum expr_kind around);

/* --- literals and facts --- */

static void print_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

static void print_one_literal(FILE *out, const struct literal *literal)
{
	if (literal->kind == LITERAL_STRING)
		print_string(out, literal->text);
	else if (literal->kind == LITERAL_ADDRESS)
		fprintf(out, "<%s>", literal->text);
	else
		fputs(literal->text, out);
}

static void print_literals(FILE *out, const struct literals *literals)
{
	if (literals->bare) {
		print_one_literal(out, &literals->items[0]);
		return;
	}
	fputc('{', out);
	for (size_t i = 0; i < literals->count; i++) {
		fputc(' ', out);
		print_one_literal(out, &literals->items[i]);
	}
	fputs(" }", out);
}

static void print_fact_name(FILE *out, const struct fact_name *fact)
{
	fputs(fact->name, out);
	if (fact->key) {
		fputc('[', out);
		print_string(out, fact->key);
		fputc(']', out);
	}
	for (size_t i = 0; i < fact->argument_count; i++) {
		fputs(i ? ", " : "(", out);
		if (fact->arguments[i].fact)
			print_fact_name(out, fact->arguments[i].fact);
		else
			print_one_literal(out, fact->arguments[i].literal);
	}
	if (fact->argument_count)
		fputc(')', out);
}

/* --- conditions --- */

static void print_chain(FILE *out, const struct expr *expr, const char *separator)
{
	for (size_t i = 0; i < expr->count; i++) {
		if (i)
			fputs(separator, out);
		print_operand(out, expr->operands[i], expr->kind);
	}
}

static void print_records(FILE *out, const struct expr *expr)
{
	fputs(expr->name, out);
	if (expr->count) {
		fputs(" (", out);
		print_operand(out, expr->operands[0], EXPR_ANY);
		fputc(')', out);
	}
}

static void print_comparison(FILE *out, const struct expr *expr)
{
	static const char *const words[] = {[EXPR_CONTAINS] = "contains",
		[EXPR_STARTS] = "starts",
		[EXPR_ENDS] = "ends",
		[EXPR_HAS] = "has",
		[EXPR_HAS_ANY] = "has_any",
		[EXPR_IN] = "in"};

	print_fact_name(out, expr->fact);
	if (expr->kind == EXPR_IN_LIST) {
		fprintf(out, " in @%s", expr->name);
	} else if (expr->kind == EXPR_MATCHES) {
		fprintf(out, " matches /%s/%s", expr->text, expr->flags);
	} else if (expr->kind != EXPR_FACT) {
		fprintf(out, " %s ",
			expr->kind == EXPR_COMPARE ? tree_compare_name(expr->compare)
						   : words[expr->kind]);
		print_literals(out, &expr->literals);
	}
}

static void print_one_expr(FILE *out, const struct expr *expr)
{
	switch (expr->kind) {
	case EXPR_TRUE:
	case EXPR_FALSE:
		fputs(expr->kind == EXPR_TRUE ? "true" : "false", out);
		break;
	case EXPR_NOT:
		fputs("not ", out);
		print_operand(out, expr->operands[0], EXPR_NOT);
		break;
	case EXPR_AND:
	case EXPR_OR:
		print_chain(out, expr, expr->kind == EXPR_AND ? " and " : " or ");
		break;
	case EXPR_EXISTS:
		fputs("exists ", out);
		print_fact_name(out, expr->fact);
		break;
	case EXPR_ANY:
	case EXPR_ALL:
		fputs(expr->kind == EXPR_ANY ? "any " : "all ", out);
		print_records(out, expr);
		break;
	case EXPR_COUNT:
		fputs("count(", out);
		print_records(out, expr);
		fprintf(out, ") %s ", tree_compare_name(expr->compare));
		print_literals(out, &expr->literals);
		break;
	case EXPR_NAME:
		fputs(expr->name, out);
		break;
	default:
		print_comparison(out, expr);
	}
}

/* Parentheses where the grammar wants them, and nowhere else. */
static void print_operand(FILE *out, const struct expr *expr, enum expr_kind around)
{
	bool is_loose = expr->kind == EXPR_OR || (expr->kind == EXPR_AND && around == EXPR_NOT) ||
		(expr->kind == EXPR_NOT && around == EXPR_NOT);

	if (!is_loose || around == EXPR_ANY) {
		print_one_expr(out, expr);
		return;
	}
	fputc('(', out);
	print_one_expr(out, expr);
	fputc(')', out);
}

/* --- texts --- */

/* What a FILE was told, under the parent. */
struct memory {
	char *data;
	size_t size;
	FILE *out;
};

static FILE *open_memory(struct memory *memory)
{
	*memory = (struct memory){0};
	memory->out = open_memstream(&memory->data, &memory->size);
	return memory->out;
}

static char *close_memory(const void *parent, struct memory *memory)
{
	char *text;

	fclose(memory->out);
	text = talloc_strndup(parent, memory->data, memory->size);
	free(memory->data);
	return text;
}

char *print_expr(const void *parent, const struct expr *expr)
{
	struct memory memory;

	print_one_expr(open_memory(&memory), expr);
	return close_memory(parent, &memory);
}

char *print_fact(const void *parent, const struct fact_name *fact)
{
	struct memory memory;

	print_fact_name(open_memory(&memory), fact);
	return close_memory(parent, &memory);
}

char *print_literal(const void *parent, const struct literal *literal)
{
	struct memory memory;

	print_one_literal(open_memory(&memory), literal);
	return close_memory(parent, &memory);
}

char *print_action(const void *parent, const struct action *action)
{
	struct memory memory;
	FILE *out = open_memory(&memory);

	fputs(action->name, out);
	for (size_t i = 0; i < action->count; i++) {
		fputc(' ', out);
		print_one_literal(out, &action->arguments[i]);
	}
	return close_memory(parent, &memory);
}

/* --- comments --- */

static void print_before(FILE *out, const struct remarks *remarks, const char *indent)
{
	for (size_t i = 0; i < remarks->count; i++)
		fprintf(out, "%s%s\n", indent, remarks->before[i]);
}

static void print_behind(FILE *out, const struct remarks *remarks)
{
	if (remarks->behind)
		fprintf(out, "  %s", remarks->behind);
	fputc('\n', out);
}

/* Outside of rules empty lines are kept. */
static void print_before_item(FILE *out, const struct remarks *remarks, bool gap)
{
	gap = gap || (remarks->count ? remarks->gaps[0] : remarks->gap);
	if (gap)
		fputc('\n', out);
	for (size_t i = 0; i < remarks->count; i++)
		fprintf(out, "%s%s\n", i && remarks->gaps[i] ? "\n" : "", remarks->before[i]);
	if (remarks->count && remarks->gap)
		fputc('\n', out);
}

/* --- clauses --- */

static void print_clause_name(FILE *out, enum clause clause)
{
	fprintf(out, INDENT "%-6s ", tree_clause_name(clause));
}

static void print_condition(FILE *out, const struct expr *expr)
{
	char *text = print_expr(NULL, expr);
	bool is_chain = expr->kind == EXPR_AND || expr->kind == EXPR_OR;

	if (is_chain && COLUMN + strlen(text) > PRINT_WIDTH)
		print_chain(
			out, expr, expr->kind == EXPR_AND ? "\n         and " : "\n         or ");
	else
		fputs(text, out);
	talloc_free(text);
}

static void print_actions(FILE *out, const struct item *item)
{
	for (size_t i = 0; i < item->action_count; i++) {
		char *text = print_action(NULL, &item->actions[i]);

		fprintf(out, "%s%s", i ? "\n         " : "", text);
		talloc_free(text);
	}
}

static void print_clause(FILE *out, const struct item *item, enum clause clause)
{
	const struct clause_words *words = &item->clauses[clause];

	if (!words->place.line)
		return;
	print_before(out, &words->remarks, INDENT);
	print_clause_name(out, clause);
	if (clause == CLAUSE_WHEN)
		print_condition(out, item->expr);
	else if (clause == CLAUSE_THEN)
		print_actions(out, item);
	else if (clause == CLAUSE_OWNER || clause == CLAUSE_REF)
		print_string(out, words->word);
	else
		fputs(words->word, out);
	print_behind(out, &words->remarks);
}

static void print_test(FILE *out, const struct test *test)
{
	print_before(out, &test->remarks, INDENT);
	print_clause_name(out, CLAUSE_TEST);
	fputs(test->matches ? "match" : "nomatch", out);
	if (test->message) {
		fputs(" message ", out);
		print_string(out, test->message);
	}
	if (test->braces)
		fputs(" {", out);
	for (size_t i = 0; i < test->count; i++) {
		fputs(i ? "  " : " ", out);
		print_fact_name(out, test->givens[i].fact);
		fputs(" = ", out);
		print_literals(out, &test->givens[i].literals);
	}
	if (test->braces)
		fputs(" }", out);
	print_behind(out, &test->remarks);
}

/* --- items --- */

static void print_rule(FILE *out, const struct item *item)
{
	fprintf(out, "rule %s ", item->name);
	if (item->text) {
		print_string(out, item->text);
		fputc(' ', out);
	}
	fputc('{', out);
	print_behind(out, &item->remarks);
	for (enum clause clause = 0; clause < CLAUSES; clause++)
		print_clause(out, item, clause);
	for (size_t i = 0; i < item->test_count; i++)
		print_test(out, &item->tests[i]);
	print_before(out, &item->end_remarks, INDENT);
	fputc('}', out);
	print_behind(out, &item->end_remarks);
}

static bool has_remarks_inside(const struct item *item)
{
	if (item->remarks.behind || item->end_remarks.count)
		return true;
	for (size_t i = 0; i < item->literals.count; i++) {
		if (item->literals.items[i].remarks.count || item->literals.items[i].remarks.behind)
			return true;
	}
	return false;
}

/* Entries with comments among them have a line each. */
static void print_remarked_entries(FILE *out, const struct item *item)
{
	fputc('{', out);
	print_behind(out, &item->remarks);
	for (size_t i = 0; i < item->literals.count; i++) {
		const struct literal *literal = &item->literals.items[i];

		print_before(out, &literal->remarks, INDENT);
		fputs(INDENT, out);
		print_one_literal(out, literal);
		print_behind(out, &literal->remarks);
	}
	print_before(out, &item->end_remarks, INDENT);
	fputc('}', out);
}

static void print_filled_entries(FILE *out, const struct item *item)
{
	size_t column = PRINT_WIDTH;

	fputc('{', out);
	for (size_t i = 0; i < item->literals.count; i++) {
		char *text = print_literal(NULL, &item->literals.items[i]);
		bool fits = column + 1 + strlen(text) <= PRINT_WIDTH;

		fprintf(out, "%s%s", fits ? " " : "\n" INDENT, text);
		column = strlen(text) + (fits ? column + 1 : strlen(INDENT));
		talloc_free(text);
	}
	fputs("\n}", out);
}

static size_t entries_width(const struct literals *literals)
{
	size_t width = strlen("{ }");

	for (size_t i = 0; i < literals->count; i++) {
		char *text = print_literal(NULL, &literals->items[i]);

		width += strlen(text) + 1;
		talloc_free(text);
	}
	return width;
}

static void print_list(FILE *out, const struct item *item)
{
	size_t width = strlen("list ") + strlen(item->name) + 1 + strlen(item->list_kind) + 1;

	fprintf(out, "list %s %s ", item->name, item->list_kind);
	if (item->text)
		print_string(out, item->text);
	else if (has_remarks_inside(item))
		print_remarked_entries(out, item);
	else if (width + entries_width(&item->literals) > PRINT_WIDTH)
		print_filled_entries(out, item);
	else
		print_literals(out, &item->literals);
	print_behind(out, item->text ? &item->remarks : &item->end_remarks);
}

static void print_let(FILE *out, const struct item *item)
{
	fprintf(out, "let %s = ", item->name);
	print_condition(out, item->expr);
	print_behind(out, &item->remarks);
}

static void print_include(FILE *out, const struct item *item)
{
	fputs("include ", out);
	print_string(out, item->text);
	print_behind(out, &item->remarks);
}

static void print_item(FILE *out, const struct item *item)
{
	static void (*const print[])(FILE * out, const struct item *item) = {
		[ITEM_INCLUDE] = print_include,
		[ITEM_LIST] = print_list,
		[ITEM_LET] = print_let,
		[ITEM_RULE] = print_rule,
	};

	print[item->kind](out, item);
}

void print_tree(const struct tree *tree, FILE *out)
{
	const struct item *before = NULL;

	print_before_item(out, &tree->version_remarks, false);
	fprintf(out, "version %s", tree->version);
	print_behind(out, &tree->version_remarks);
	for (size_t i = 0; i < tree->count; i++) {
		const struct item *item = tree->items[i];
		bool gap = !before || before->kind != item->kind || item->kind == ITEM_RULE;

		print_before_item(out, &item->remarks, gap);
		print_item(out, item);
		before = item;
	}
	if (tree->end_remarks.count) {
		struct remarks last = tree->end_remarks;

		last.gap = false;
		print_before_item(out, &last, false);
	}
}
