/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the leaves of a condition. */
#include "rules/breakdown.h"

#include "rules/evaluation.h"

#include <talloc.h>

#define LONGEST_VALUE 200

struct telling {
	struct evaluation *evaluation;
	struct breakdown_line *lines;
	size_t count;
	unsigned depth;
	uint32_t record;
};

static void tell(struct telling *telling, const struct node *node);

static const char *value_of(
	const void *parent, const struct reference *reference, const struct known *known)
{
	switch (known->state) {
	case FACT_ABSENT:
		return "absent";
	case FACT_UNKNOWN:
		return "unknown";
	case FACT_FAILED:
		return talloc_asprintf(
			parent, "failed: %s", known->value.text ? known->value.text : "");
	case FACT_KNOWN:
		break;
	}
	return talloc_strndup(parent, value_print(parent, &known->value, program_names(reference)),
		LONGEST_VALUE);
}

/* What the last run made of it; inside of records that is looked at again, for only the last one is remembered. */
static enum truth truth_of(struct telling *telling, const struct node *node)
{
	uint8_t kept = telling->evaluation->truths[node->id];

	if (node->open)
		return evaluate_truth(telling->evaluation, node);
	return kept ? (enum truth)(kept - 1) : TRUTH_UNKNOWN;
}

static void add_line(struct telling *telling, const struct node *node)
{
	struct evaluation *evaluation = telling->evaluation;
	size_t room = talloc_array_length(telling->lines);
	struct breakdown_line line = {.text = node->text,
		.value = "",
		.truth = truth_of(telling, node),
		.depth = telling->depth,
		.record = telling->record};

	if (node->reference)
		line.value = value_of(telling->lines, node->reference,
			evaluation_know(evaluation, node->reference));
	line.needed = node->open || evaluation->truths[node->id] || line.truth != TRUTH_UNKNOWN;
	if (telling->count == room)
		telling->lines =
			talloc_realloc(NULL, telling->lines, struct breakdown_line, 2 * room);
	telling->lines[telling->count++] = line;
}

static void tell_records(struct telling *telling, const struct node *node)
{
	struct evaluation *evaluation = telling->evaluation;
	const struct known *known = evaluation_know(evaluation, node->reference);
	uint32_t *cursor = &evaluation->cursors[node->reference->id], before = *cursor;
	uint32_t record = telling->record,
		 count = known->state == FACT_KNOWN ? known->value.records.count : 0;

	add_line(telling, node);
	telling->depth++;
	for (uint32_t i = 0; node->count && i < count && i < BREAKDOWN_RECORDS; i++) {
		*cursor = i;
		telling->record = i + 1;
		tell(telling, node->operands[0]);
	}
	telling->depth--;
	telling->record = record;
	*cursor = before;
}

static void tell(struct telling *telling, const struct node *node)
{
	bool is_chain = node->kind == NODE_AND || node->kind == NODE_OR || node->kind == NODE_NOT;
	bool is_records =
		node->kind == NODE_ANY || node->kind == NODE_ALL || node->kind == NODE_COUNT;

	if (is_records)
		tell_records(telling, node);
	else if (!is_chain)
		add_line(telling, node);
	for (size_t i = 0; is_chain && i < node->count; i++)
		tell(telling, node->operands[i]);
}

struct breakdown_line *breakdown_new(const void *parent, struct evaluation *evaluation,
	const struct node *condition, size_t *count)
{
	struct telling telling = {.evaluation = evaluation};

	telling.lines = talloc_array(NULL, struct breakdown_line, 8);
	evaluation->is_tracing = true;
	tell(&telling, condition);
	evaluation->is_tracing = false;
	*count = telling.count;
	talloc_steal(parent, telling.lines);
	return telling.lines;
}
