/* SPDX-License-Identifier: Apache-2.0 */
/* Rules with their leaves. */
#include "policy/rule_story.h"

#include "base/utf8.h"
#include "policy/record.h"
#include "policy/rulebook.h"
#include "policy/ruling.h"
#include "rules/breakdown.h"

#include <talloc.h>

#define SECONDS_A_DAY 86400
#define INDENT 4 /* of leaves; and for each list of records they are inside of */
#define WIDTH 56

struct chapter {
	const struct rule *rule;
	const char *about;
	const char *result;
	bool monitored;
	const struct breakdown_line *lines;
	size_t count;
};

struct rule_story {
	struct chapter *chapters;
	size_t count;
};

struct rule_story *rule_story_new(const void *parent)
{
	return talloc_zero(parent, struct rule_story);
}

static const struct rule_outcome *outcome_of(
	const struct inquiry *inquiry, const struct rule *rule, bool *is_behind_the_end)
{
	size_t count;
	const struct rule_outcome *outcomes = ruling_outcomes(inquiry, &count);

	for (size_t i = 0; i < count; i++) {
		if (outcomes[i].rule == rule)
			return &outcomes[i];
		*is_behind_the_end |= outcomes[i].ends && outcomes[i].rule->index < rule->index;
	}
	return NULL;
}

static const char *result_of(
	const struct rule_outcome *outcome, const struct rule *rule, int64_t now, bool is_behind)
{
	if (outcome)
		return outcome->failed ? "failed" : "match";
	if (is_behind)
		return "not asked";
	return rule->until < now / SECONDS_A_DAY ? "over" : "no match";
}

static void add(struct rule_story *story, const struct inquiry *inquiry, const struct rule *rule,
	const char *about)
{
	struct chapter *chapter;
	bool is_behind = false;
	const struct rule_outcome *outcome = outcome_of(inquiry, rule, &is_behind);
	struct value now = {.number = 0};

	facts_get(inquiry->facts, FACT_NOW, &now);
	story->chapters = talloc_realloc(story, story->chapters, struct chapter, story->count + 1);
	chapter = &story->chapters[story->count++];
	*chapter = (struct chapter){
		.rule = rule,
		.about = about,
		.result = result_of(outcome, rule, now.number, is_behind),
		.monitored = outcome ? outcome->monitored : rule->monitored,
	};
	if (strcmp(chapter->result, "not asked") != 0)
		chapter->lines = breakdown_new(
			story, ruling_evaluation(inquiry), rule->condition, &chapter->count);
}

void rule_story_add(struct rule_story *story, const struct inquiry *inquiry, const char *about)
{
	const struct rulebook *rulebook = inquiry->policy->rulebook;
	const struct program *program = rulebook ? rulebook->program : NULL;

	if (!ruling_evaluation(inquiry))
		return;
	for (size_t i = 0; i < program->at_stage_count[inquiry->stage]; i++)
		add(story, inquiry, program->at_stage[inquiry->stage][i], about);
}

/* --- as a text --- */

static void print_leaf(const struct breakdown_line *line, FILE *out)
{
	fprintf(out, "%*s", (int)(INDENT * (line->depth + 1)), "");
	if (line->record)
		fprintf(out, "%u: ", (unsigned)line->record);
	fprintf(out, "%-*s ", WIDTH, line->text);
	if (!line->needed) {
		fputs("not looked at\n", out);
		return;
	}
	fputs(evaluate_truth_name(line->truth), out);
	if (*line->value && line->truth != TRUTH_ABSENT) {
		fputs("   (", out);
		utf8_print_clean(slice_of(line->value), out);
		fputc(')', out);
	}
	fputc('\n', out);
}

void rule_story_print(const struct rule_story *story, FILE *out)
{
	if (story->count)
		fputs("\nWhat the rules saw\n", out);
	for (size_t i = 0; i < story->count; i++) {
		const struct chapter *chapter = &story->chapters[i];
		const struct rule *rule = chapter->rule;
		fprintf(out, "  %s, at %s", rule->name, stage_name((enum stage)rule->stage));
		if (chapter->about)
			fprintf(out, " of %s", chapter->about);
		fprintf(out, ": %s%s\n", chapter->result,
			chapter->monitored ? " (monitored: it does not act)" : "");
		for (size_t k = 0; k < chapter->count; k++)
			print_leaf(&chapter->lines[k], out);
	}
}

/* --- as JSON --- */

static json_t *leaf_json(const struct breakdown_line *line)
{
	json_t *object = json_object();

	json_object_set_new(object, "leaf", record_text(line->text));
	json_object_set_new(object, "is",
		record_text(line->needed ? evaluate_truth_name(line->truth) : "not looked at"));
	if (*line->value)
		json_object_set_new(object, "value", record_text(line->value));
	if (line->record)
		json_object_set_new(object, "record", json_integer(line->record));
	return object;
}

static json_t *chapter_json(const struct chapter *chapter)
{
	json_t *object = json_object(), *leaves = json_array();

	json_object_set_new(
		object, "stage", record_text(stage_name((enum stage)chapter->rule->stage)));
	json_object_set_new(object, "rule", record_text(chapter->rule->name));
	if (chapter->about)
		json_object_set_new(object, "recipient", record_text(chapter->about));
	json_object_set_new(object, "result", record_text(chapter->result));
	if (chapter->monitored)
		json_object_set_new(object, "monitored", json_true());
	for (size_t i = 0; i < chapter->count; i++)
		json_array_append_new(leaves, leaf_json(&chapter->lines[i]));
	json_object_set_new(object, "leaves", leaves);
	return object;
}

json_t *rule_story_json(const struct rule_story *story)
{
	json_t *array = json_array();

	for (size_t i = 0; i < story->count; i++)
		json_array_append_new(array, chapter_json(&story->chapters[i]));
	return array;
}
