/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves of conditions: comparisons of what is known. */
#include "rules/evaluation.h"

#include "rules/fold.h"

#include <assert.h>
#include <talloc.h>

/* A leaf and one of the values that it is asked about. */
struct question {
	struct evaluation *evaluation;
	const struct node *node;
	struct known *known;
	struct known_text *text; /* NULL for what is no text */
};

static bool is_same(struct slice a, struct slice b)
{
	return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static enum truth truth_of(bool is_true)
{
	return is_true ? TRUTH_TRUE : TRUTH_FALSE;
}

static enum truth truth_of_match(const struct question *question, enum match match)
{
	if (match != MATCH_FAILED)
		return truth_of(match == MATCH_YES);
	evaluation_note_reason(
		question->evaluation, question->node, question->evaluation->input.matcher->reason);
	return TRUTH_FAILED;
}

static struct slice normal_of(const struct question *question)
{
	return evaluation_normal(question->evaluation, question->node->reference, question->text);
}

/* --- one function for each kind --- */

static enum truth ask_exists(const struct question *question)
{
	(void)question;
	return TRUTH_TRUE;
}

static enum truth ask_bool(const struct question *question)
{
	return truth_of(question->known->value.boolean);
}

static bool holds(enum compare compare, int order)
{
	const bool results[] = {[COMPARE_EQ] = order == 0,
		[COMPARE_NE] = order != 0,
		[COMPARE_LT] = order<0, [COMPARE_LE] = order <= 0, [COMPARE_GT] = order> 0,
		[COMPARE_GE] = order >= 0};

	return results[compare];
}

static int order_of(const struct value *a, const struct value *b)
{
	if (a->type == VALUE_SCORE)
		return (a->score > b->score) - (a->score < b->score);
	if (value_is_number(a->type))
		return (a->number > b->number) - (a->number < b->number);
	return !value_equals(a, b);
}

static enum truth ask_compare(const struct question *question)
{
	const struct node *node = question->node;

	if (question->text)
		return truth_of(is_same(normal_of(question), node->normal) ==
			(node->compare == COMPARE_EQ));
	return truth_of(holds(node->compare, order_of(&question->known->value, &node->value)));
}

static enum truth ask_regexes(const struct question *question)
{
	struct known_text *text = question->text;
	struct match_subject subject = {.text = text->subject.text,
		.folded = text->subject.folded,
		.cut = text->subject.cut};
	void *scratch = talloc_new(NULL);
	enum match match = list_matches(
		question->node->list, scratch, &subject, question->evaluation->input.matcher);

	talloc_free(scratch);
	return truth_of_match(question, match);
}

static enum truth ask_hashes(const struct question *question)
{
	struct slice folded = fold_text(NULL, question->text->subject.text);
	bool has = list_has_text(question->node->list, folded);

	talloc_free((char *)folded.data);
	return truth_of(has);
}

static enum truth ask_list(const struct question *question)
{
	const struct list *list = question->node->list;

	switch (list_kind(list)) {
	case LIST_CIDR:
		return truth_of(list_has_ip(list, &question->known->value.ip));
	case LIST_REGEX:
		return ask_regexes(question);
	case LIST_HASH:
		return ask_hashes(question);
	default:
		break;
	}
	if (program_type(question->node->reference) == VALUE_TEXT)
		return truth_of(list_has_folded(list, normal_of(question)));
	return truth_of(list_has_text(list, normal_of(question)));
}

static enum truth ask_in(const struct question *question)
{
	for (size_t i = 0; i < question->node->value_count; i++) {
		if (order_of(&question->known->value, &question->node->values[i]) == 0)
			return TRUTH_TRUE;
	}
	return TRUTH_FALSE;
}

static enum truth ask_pattern(const struct question *question)
{
	struct evaluation *evaluation = question->evaluation;

	return truth_of_match(question,
		match_set_test(question->node->reference->set, question->node->pattern, evaluation,
			&question->text->subject, evaluation->input.matcher));
}

static struct slice folded_of(const struct question *question)
{
	struct match_subject *subject = &question->text->subject;

	if (!subject->folded.data)
		subject->folded = fold_text(question->evaluation, subject->text);
	return subject->folded;
}

static enum truth ask_starts(const struct question *question)
{
	struct slice folded = folded_of(question), wanted = question->node->normal;

	return truth_of(
		folded.size >= wanted.size && memcmp(folded.data, wanted.data, wanted.size) == 0);
}

/* The end of a text that is longer than what is searched is folded by itself, from the beginning of a character on. */
static enum truth ask_ends(const struct question *question)
{
	struct slice wanted = question->node->normal, text = question->text->text, folded;
	size_t room = 16 * wanted.size + 256, skipped = text.size > room ? text.size - room : 0;
	bool ends;

	while (skipped && skipped < text.size && ((unsigned char)text.data[skipped] & 0xc0) == 0x80)
		skipped++;
	folded = fold_text(NULL, slice_from(text, skipped));
	ends = folded.size >= wanted.size &&
		memcmp(folded.data + folded.size - wanted.size, wanted.data, wanted.size) == 0;
	talloc_free((char *)folded.data);
	return truth_of(ends);
}

static enum truth ask_has(const struct question *question)
{
	return truth_of(question->known->value.number & question->node->value.number);
}

typedef enum truth (*ask_fn)(const struct question *question);

static const ask_fn kinds[] = {
	[NODE_EXISTS] = ask_exists,
	[NODE_BOOL] = ask_bool,
	[NODE_COMPARE] = ask_compare,
	[NODE_IN_LIST] = ask_list,
	[NODE_IN] = ask_in,
	[NODE_CONTAINS] = ask_pattern,
	[NODE_STARTS] = ask_starts,
	[NODE_ENDS] = ask_ends,
	[NODE_MATCHES] = ask_pattern,
	[NODE_HAS] = ask_has,
};

/* Whether it holds of any of the texts. */
static enum truth ask_texts(struct question *question)
{
	enum truth truth = TRUTH_FALSE;
	size_t count;
	struct known_text *texts = evaluation_texts(
		question->evaluation, question->node->reference, question->known, &count);

	for (size_t i = 0; i < count && truth != TRUTH_TRUE; i++) {
		enum truth one;

		question->text = &texts[i];
		one = kinds[question->node->kind](question);
		truth = one != TRUTH_FALSE ? one : truth;
	}
	return truth;
}

/* The common case, which is most of what rules cost: one text is compared that has been compared before. */
static bool is_plain(const struct node *node, const struct known *known)
{
	return node->kind == NODE_COMPARE && known->state == FACT_KNOWN && known->count == 1 &&
		known->texts->normal.data;
}

static bool is_at_hand(const struct reference *reference)
{
	return !reference->field && !reference->argument_count;
}

enum truth leaf_truth(struct evaluation *evaluation, const struct node *node)
{
	struct known *at_hand = &evaluation->known[node->reference->id];
	struct question question = {.evaluation = evaluation, .node = node, .known = at_hand};
	enum value_type type;

	if (!is_at_hand(node->reference) || at_hand->state == FACT_UNKNOWN)
		question.known = evaluation_know(evaluation, node->reference);
	else if (is_plain(node, at_hand))
		return truth_of(is_same(at_hand->texts->normal, node->normal) ==
			(node->compare == COMPARE_EQ));

	switch (question.known->state) {
	case FACT_UNKNOWN:
		return TRUTH_UNKNOWN;
	case FACT_ABSENT:
		return TRUTH_ABSENT;
	case FACT_FAILED:
		evaluation_note_reason(evaluation, node, question.known->value.text);
		return TRUTH_FAILED;
	case FACT_KNOWN:
		break;
	}
	type = question.known->value.type;
	assert(node->kind < sizeof kinds / sizeof *kinds && kinds[node->kind]);
	if (type == VALUE_TEXTS || value_is_text(type))
		return ask_texts(&question);
	return kinds[node->kind](&question);
}
