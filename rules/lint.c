/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings. */
#include "rules/lint.h"

#include "base/clock.h"
#include "rules/pattern.h"
#include "rules/print.h"

#include <talloc.h>

#define DAY 86400
#define STRESS_SIZE 20000
#define STRESS_BUDGET 200000 /* microseconds */
#define SLOW 5000            /* microseconds on one stress string */
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* --- regexes --- */

static const char *const stresses[] = {"a", " ", "0", "ab", "a ", ".", "<a>", "x@"};

static char *stress_string(const void *parent, struct slice literal, const char *unit)
{
	char *text = talloc_array(parent, char, literal.size + STRESS_SIZE + 1);
	size_t size = strlen(unit);

	memcpy(text, literal.data, literal.size);
	for (size_t i = 0; i < STRESS_SIZE; i++)
		text[literal.size + i] = unit[i % size];
	text[literal.size + STRESS_SIZE] = '\0';
	return text;
}

/* What it costs on one string, in microseconds. */
static uint64_t measure(
	const struct match_set *set, const char *text, struct matcher *matcher, enum match *match)
{
	void *scratch = talloc_new(NULL);
	uint64_t began = clock_microseconds();
	struct match_subject subject;

	match_subject_init(&subject, slice_of(text), SIZE_MAX);
	matcher->budget = STRESS_BUDGET;
	*match = match_set_test(set, 0, scratch, &subject, matcher);
	talloc_free(scratch);
	return clock_microseconds() - began;
}

/* The literal stands in front, so that the sieve lets the string through. */
static void lint_cost(const struct match_set *set, const struct pattern *pattern,
	struct place place, struct complaints *complaints)
{
	struct slice literal = pattern->count ? pattern->literals[0] : slice_of("");
	void *scratch = talloc_new(NULL);
	struct matcher *matcher = match_matcher_new(scratch);

	for (size_t i = 0; i < COUNT(stresses); i++) {
		const char *text = stress_string(scratch, literal, stresses[i]);
		enum match match;
		uint64_t cost = measure(set, text, matcher, &match);

		if (cost > SLOW && match != MATCH_FAILED)
			cost = measure(set, text, matcher, &match); /* it may have been others */
		if (cost <= SLOW && match != MATCH_FAILED)
			continue;
		complaint_warning(complaints, place,
			"this regex is slow: %.1f ms on 20 kB of \"%s\"%s", (double)cost / 1000,
			stresses[i],
			match == MATCH_FAILED ? ", and then it had reached its limit" : "");
		break;
	}
	talloc_free(scratch);
}

void lint_regex(
	const char *regex, const char *flags, struct place place, struct complaints *complaints)
{
	void *scratch = talloc_new(NULL);
	struct match_set *set = match_set_new(scratch);
	struct pattern pattern;
	const char *reason;
	size_t offset;

	pattern_read(scratch, slice_of(regex), flags, &pattern);
	if (!pattern.count)
		complaint_warning(complaints, place,
			"this regex has no literal that each match contains, so it is tried on "
			"every text");
	if (pattern.is_nested)
		complaint_warning(complaints, place,
			"in this regex quantifiers stand in each other, as in (a+)+: it may take "
			"very long");
	if (match_set_add_regex(set, slice_of(regex), flags, &reason, &offset) != SIZE_MAX) {
		match_set_finish(set);
		lint_cost(set, &pattern, place, complaints);
	}
	talloc_free(scratch);
}

static void lint_expr(const struct expr *expr, struct complaints *complaints)
{
	if (expr->kind == EXPR_MATCHES)
		lint_regex(expr->text, expr->flags, expr->text_place, complaints);
	for (size_t i = 0; i < expr->count; i++)
		lint_expr(expr->operands[i], complaints);
}

/* --- conditions --- */

/* Whether it is so whatever the facts are. */
static bool is_always(const struct node *node, bool value)
{
	enum node_kind constant = value ? NODE_TRUE : NODE_FALSE;
	enum node_kind all = value ? NODE_AND : NODE_OR, any = value ? NODE_OR : NODE_AND;
	size_t count = 0;

	if (node->kind == constant)
		return true;
	if (node->kind == NODE_NOT)
		return is_always(node->operands[0], !value);
	for (size_t i = 0; i < node->count; i++)
		count += is_always(node->operands[i], value);
	return (node->kind == all && count == node->count) || (node->kind == any && count);
}

/* x and not x */
static bool contradicts(const struct node *node)
{
	for (size_t i = 0; node->kind == NODE_AND && i < node->count; i++) {
		for (size_t k = 0; k < node->count; k++) {
			if (node->operands[k]->kind == NODE_NOT &&
				node->operands[k]->operands[0] == node->operands[i])
				return true;
		}
	}
	return false;
}

/* --- rules --- */

static bool ends_always(const struct rule *rule)
{
	if (rule->monitored || rule->until != INT64_MAX)
		return false;
	for (size_t i = 0; i < rule->action_count; i++) {
		if (rule->actions[i].row->final && !rule->actions[i].asks)
			return true;
	}
	return false;
}

static char *actions_of(const void *parent, const struct rule *rule)
{
	char *text = talloc_strdup(parent, "");

	for (size_t i = 0; i < rule->item->action_count; i++)
		text = talloc_asprintf_append(
			text, "%s ", print_action(text, &rule->item->actions[i]));
	return text;
}

static bool act_alike(const struct rule *a, const struct rule *b)
{
	void *scratch = talloc_new(NULL);
	bool alike = strcmp(actions_of(scratch, a), actions_of(scratch, b)) == 0;

	talloc_free(scratch);
	return alike;
}

static void lint_pair(
	const struct rule *before, const struct rule *rule, struct complaints *complaints)
{
	if (ends_always(before))
		complaint_warning(complaints, rule->place,
			"rule %s can never act: rule %s, at %s:%u, has the same condition and ends "
			"the stage",
			rule->name, before->name, before->place.file, before->place.line);
	else if (act_alike(before, rule))
		complaint_warning(complaints, rule->place, "rule %s repeats rule %s, at %s:%u",
			rule->name, before->name, before->place.file, before->place.line);
}

static void lint_rule(const struct rule *rule, int64_t now, struct complaints *complaints)
{
	char date[VALUE_DATE_SIZE];

	if (rule->until != INT64_MAX && now / DAY > rule->until)
		complaint_warning(complaints, rule->item->clauses[CLAUSE_UNTIL].word_place,
			"rule %s is over since %s and does not act", rule->name,
			value_print_date(rule->until, date));
	if (is_always(rule->condition, false) || contradicts(rule->condition))
		complaint_warning(complaints, rule->place,
			"rule %s can never act: its condition is never true", rule->name);
}

/* The rules of one stage in their order; firsts: by node, the first rule with that condition. */
static void lint_stage(const struct program *program, unsigned stage, const struct rule **firsts,
	struct complaints *complaints)
{
	const struct rule *end = NULL;

	for (size_t i = 0; i < program->at_stage_count[stage]; i++) {
		const struct rule *rule = program->at_stage[stage][i];
		const struct rule **first = &firsts[rule->condition->id];

		if (end)
			complaint_warning(complaints, rule->place,
				"rule %s can never act: rule %s, at %s:%u, always ends the stage",
				rule->name, end->name, end->place.file, end->place.line);
		else if (*first)
			lint_pair(*first, rule, complaints);
		else
			*first = rule;
		if (!end && ends_always(rule) && is_always(rule->condition, true))
			end = rule;
	}
}

/* --- all --- */

static void lint_item(const struct item *item, struct complaints *complaints)
{
	if (item->expr)
		lint_expr(item->expr, complaints);
	if (!item->list_kind || list_kind_named(item->list_kind) != LIST_REGEX)
		return;
	for (size_t i = 0; i < item->literals.count; i++) {
		const struct literal *literal = &item->literals.items[i];

		if (literal->text[0] != '/')
			lint_regex(literal->text, "", literal->place, complaints);
	}
}

void lint_program(const struct program *program, int64_t now, struct complaints *complaints)
{
	for (size_t i = 0; i < program->unused_count; i++) {
		const struct item *item = program->unused[i];

		complaint_warning(complaints, item->place, "%s %s is not used",
			tree_item_name(item->kind), item->name);
	}
	for (size_t i = 0; i < program->item_count; i++)
		lint_item(program->items[i], complaints);
	for (size_t i = 0; i < program->rule_count; i++)
		lint_rule(program->rules[i], now, complaints);
	for (unsigned stage = 0; program->vocabulary->stages[stage]; stage++) {
		const struct rule **firsts =
			talloc_zero_array(NULL, const struct rule *, program->node_count);

		lint_stage(program, stage, firsts, complaints);
		talloc_free(firsts);
	}
}
