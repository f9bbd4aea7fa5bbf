/* SPDX-License-Identifier: Apache-2.0 */
/* Judges the second set of rules, and compares. */
#include "policy/shadow.h"

#include "policy/language.h"
#include "policy/rulebook.h"
#include "policy/ruling.h"

#include <math.h>
#include <talloc.h>

#define MICROSECONDS 1000 /* of a millisecond */
#define TOLD_IN_THE_LOG 3
#define EDIT_SIZE 200   /* of one argument */
#define EDITS_KEPT 1000 /* bytes, of a side; they are compared whole */

struct shadow {
	struct inquiry *inquiry;
	struct evaluation *evaluation; /* of the stage that is judged; NULL: not begun, or over */
	struct shadow_difference *differences;
	size_t count;
	bool is_undecided;
	bool is_over; /* it has accepted the whole session */
};

static const struct rulebook *rulebook_of(const struct inquiry *inquiry)
{
	return inquiry->policy->shadow_rulebook;
}

/* --- judging it --- */

static enum fact_state look_up(
	void *owner, const struct evaluate_question *question, struct value *value)
{
	struct shadow *shadow = owner;
	const struct vocabulary *vocabulary = rulebook_of(shadow->inquiry)->vocabulary;
	enum fact_state state =
		language_ask(shadow->inquiry, vocabulary, shadow->evaluation, question, value);

	if (question->fact == &vocabulary->facts[FACT_SCORE])
		value->score = ruling_score(shadow->inquiry);
	return state;
}

static struct shadow *shadow_of(struct inquiry *inquiry)
{
	if (!inquiry->shadow) {
		inquiry->shadow = talloc_zero(inquiry, struct shadow);
		inquiry->shadow->inquiry = inquiry;
	}
	return inquiry->shadow;
}

static void begin(struct shadow *shadow)
{
	const struct rulebook *rulebook = rulebook_of(shadow->inquiry);
	const struct evaluate_input input = {
		.look_up = look_up,
		.owner = shadow,
		.now = inquiry_number(shadow->inquiry, FACT_NOW, 0),
		.budget = (uint64_t)rulebook->options->budget * MICROSECONDS,
		.matcher = rulebook->matcher,
	};

	shadow->evaluation =
		evaluate_begin(shadow, rulebook->program, shadow->inquiry->stage, &input);
}

/* --- what a set does --- */

/* The rules that speak, of one set: those of the stage that matched or failed. */
struct voices {
	const struct rule_outcome *outcomes;
	size_t count;
};

/* Those that act as they are written, up to the first that ends the stage. */
static struct voices acting(const void *parent, const struct rule_outcome *outcomes, size_t count)
{
	struct rule_outcome *kept = talloc_array(parent, struct rule_outcome, count);
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		if (outcomes[i].rule->monitored)
			continue;
		kept[used++] = outcomes[i];
		if (evaluate_final_action(&outcomes[i]))
			break;
	}
	return (struct voices){kept, used};
}

static char *add_edit(char *text, const struct outcome_action *action)
{
	const char *before = *text ? ", " : "";

	text = talloc_asprintf_append(text, "%s%s", before, action->row->name);
	for (size_t i = 0; i < action->row->slot_count; i++) {
		const struct value_field *argument = &action->arguments[i];
		char *value;

		if (argument->state != FACT_KNOWN)
			continue;
		value = value_print(text, &argument->value, NULL);
		text = talloc_asprintf_append(text, " %.*s", EDIT_SIZE, value);
		talloc_free(value);
	}
	return text;
}

static double number_of(const struct value *value)
{
	return value->type == VALUE_SCORE ? value->score : (double)value->number;
}

/* What one rule does besides deciding. */
static void add_contribution(struct shadow_side *side, const struct rule_outcome *outcome)
{
	for (size_t i = 0; i < outcome->count; i++) {
		const struct outcome_action *action = &outcome->actions[i];
		const char *name = action->row->name;

		if (strcmp(name, "score") == 0)
			side->score += number_of(&action->arguments[0].value);
		else if (!action->row->final && strcmp(name, "log") != 0)
			side->edits = add_edit((char *)(uintptr_t)side->edits, action);
	}
}

static struct shadow_side side_new(const void *parent)
{
	return (struct shadow_side){.kind = VERDICT_NONE, .edits = talloc_strdup(parent, "")};
}

static struct shadow_side sum_up(
	const void *parent, struct inquiry *inquiry, const struct voices *voices)
{
	struct shadow_side side = side_new(parent);

	for (size_t i = 0; i < voices->count; i++) {
		const struct outcome_action *final = evaluate_final_action(&voices->outcomes[i]);

		add_contribution(&side, &voices->outcomes[i]);
		if (!final)
			continue;
		struct verdict verdict = ruling_decide(inquiry, final);
		side.kind = verdict.kind;
		side.code = verdict.code;
	}
	return side;
}

/* --- who makes the difference --- */

static bool are_additions_same(const struct shadow_side *a, const struct shadow_side *b)
{
	return fabs(a->score - b->score) < 0.001 && strcmp(a->edits, b->edits) == 0;
}

static bool are_verdicts_same(const struct shadow_side *a, const struct shadow_side *b)
{
	return a->kind == b->kind && a->code == b->code;
}

static struct shadow_side contribution(const void *parent, const struct rule_outcome *outcome)
{
	struct shadow_side side = side_new(parent);

	if (outcome)
		add_contribution(&side, outcome);
	return side;
}

static const struct rule_outcome *voice_of(const struct voices *voices, const char *name)
{
	for (size_t i = 0; i < voices->count; i++) {
		if (strcmp(voices->outcomes[i].rule->name, name) == 0)
			return &voices->outcomes[i];
	}
	return NULL;
}

/* The first rule that adds something else than its namesake in the other set. */
static const struct rule *find_adder(
	const void *parent, const struct voices *in, const struct voices *other)
{
	for (size_t i = 0; i < in->count; i++) {
		const struct rule_outcome *outcome = &in->outcomes[i];
		struct shadow_side its = contribution(parent, outcome);
		struct shadow_side others =
			contribution(parent, voice_of(other, outcome->rule->name));
		if (!are_additions_same(&its, &others))
			return outcome->rule;
	}
	return NULL;
}

/* The one that ended the stage. */
static const struct rule *decider(const struct voices *voices)
{
	const struct rule_outcome *last =
		voices->count ? &voices->outcomes[voices->count - 1] : NULL;

	return last && evaluate_final_action(last) ? last->rule : NULL;
}

static void name_culprit(const void *parent, struct shadow_difference *difference,
	const struct voices *rules, const struct voices *shadow)
{
	bool is_of_verdict = !are_verdicts_same(&difference->rules, &difference->shadow);
	const struct rule *rule =
		is_of_verdict ? decider(shadow) : find_adder(parent, shadow, rules);

	difference->is_of_shadow = rule != NULL;
	if (!rule)
		rule = is_of_verdict ? decider(rules) : find_adder(parent, rules, shadow);
	difference->by = rule ? talloc_asprintf(parent, "rule %s", rule->name) : "order of rules";
}

/* --- comparing --- */

static const char *recipient_of(struct shadow *shadow, const void *parent)
{
	struct inquiry *inquiry = shadow->inquiry;

	if (inquiry->stage != STAGE_RCPT)
		return NULL;
	return talloc_strdup(parent, inquiry_text(inquiry, FACT_RECIPIENT, ""));
}

static void keep(struct shadow *shadow, struct shadow_difference *difference)
{
	if (shadow->count == SHADOW_DIFFERENCES)
		return;
	difference->rules.edits = talloc_strndup(shadow, difference->rules.edits, EDITS_KEPT);
	difference->shadow.edits = talloc_strndup(shadow, difference->shadow.edits, EDITS_KEPT);
	shadow->differences = talloc_realloc(
		shadow, shadow->differences, struct shadow_difference, shadow->count + 1);
	shadow->differences[shadow->count++] = *difference;
}

static void compare(struct shadow *shadow)
{
	struct inquiry *inquiry = shadow->inquiry;
	void *parent = talloc_new(shadow);
	size_t count;
	const struct rule_outcome *outcomes = ruling_outcomes(inquiry, &count);
	struct voices rules = acting(parent, outcomes, count), its;
	struct shadow_difference difference = {.stage = inquiry->stage};

	outcomes = evaluate_outcomes(shadow->evaluation, &count);
	its = acting(parent, outcomes, count);
	difference.rules = sum_up(parent, inquiry, &rules);
	difference.shadow = sum_up(parent, inquiry, &its);
	const struct outcome_action *final =
		its.count ? evaluate_final_action(&its.outcomes[its.count - 1]) : NULL;
	shadow->is_over = final && ruling_decide(inquiry, final).whole_session;
	if (are_verdicts_same(&difference.rules, &difference.shadow) &&
		are_additions_same(&difference.rules, &difference.shadow)) {
		talloc_free(parent);
		return;
	}
	difference.recipient = recipient_of(shadow, parent);
	name_culprit(parent, &difference, &rules, &its);
	keep(shadow, &difference);
}

struct evaluation *shadow_begin(struct inquiry *inquiry)
{
	struct shadow *shadow = shadow_of(inquiry);

	if (!shadow->evaluation)
		begin(shadow);
	return shadow->evaluation;
}

bool shadow_judge(struct inquiry *inquiry)
{
	struct shadow *shadow;

	if (!rulebook_of(inquiry) || inquiry->without_shadow || !ruling_has_spoken(inquiry))
		return true;
	shadow = shadow_of(inquiry);
	if (shadow->is_over)
		return true;
	if (!evaluate_run(shadow_begin(inquiry)))
		return false;
	compare(shadow);
	TALLOC_FREE(shadow->evaluation);
	return true;
}

void shadow_give_up(struct inquiry *inquiry)
{
	struct shadow *shadow = shadow_of(inquiry);

	shadow->is_undecided = true;
	TALLOC_FREE(shadow->evaluation);
}

/* --- its life --- */

void shadow_enter(struct inquiry *inquiry, enum stage stage)
{
	struct shadow *shadow = inquiry->shadow;

	if (!shadow)
		return;
	TALLOC_FREE(shadow->evaluation);
	while (shadow->count && shadow->differences[shadow->count - 1].stage >= stage)
		shadow->count--;
}

static const char *copy(const void *parent, const char *text)
{
	return text ? talloc_strdup(parent, text) : NULL;
}

void shadow_inherit(struct inquiry *inquiry, const struct inquiry *session)
{
	const struct shadow *from = session->shadow;
	struct shadow *shadow;

	if (!from)
		return;
	shadow = shadow_of(inquiry);
	shadow->is_over = from->is_over;
	shadow->is_undecided = from->is_undecided;
	for (size_t i = 0; i < from->count; i++) {
		struct shadow_difference difference = from->differences[i];

		difference.recipient = copy(shadow, difference.recipient);
		difference.by = copy(shadow, difference.by);
		keep(shadow, &difference);
	}
}

/* --- telling --- */

const struct shadow_difference *shadow_differences(const struct inquiry *inquiry, size_t *count)
{
	*count = inquiry->shadow ? inquiry->shadow->count : 0;
	return *count ? inquiry->shadow->differences : NULL;
}

bool shadow_is_undecided(const struct inquiry *inquiry)
{
	return inquiry->shadow && inquiry->shadow->is_undecided;
}

char *shadow_print_side(const void *parent, const struct shadow_side *side)
{
	bool is_silent = side->kind == VERDICT_NONE && fabs(side->score) < 0.001 && !*side->edits;
	char *text = talloc_strdup(parent, is_silent ? "nothing" : "");

	if (side->kind != VERDICT_NONE)
		text = talloc_strdup_append(text, verdict_name(side->kind));
	if (side->code)
		text = talloc_asprintf_append(text, " %d", side->code);
	if (fabs(side->score) >= 0.001)
		text = talloc_asprintf_append(text, "%sscore %.1f", *text ? ", " : "", side->score);
	if (*side->edits)
		text = talloc_asprintf_append(text, "%s%s", *text ? ", " : "", side->edits);
	return text;
}

static char *print_difference(char *text, const struct shadow_difference *difference)
{
	char *rules = shadow_print_side(text, &difference->rules);
	char *shadow = shadow_print_side(text, &difference->shadow);

	text = talloc_asprintf_append(text, "%s%s: %s instead of %s, by %s %s", *text ? "; " : "",
		stage_name(difference->stage), shadow, rules,
		difference->is_of_shadow ? "the shadow's" : "the acting", difference->by);
	talloc_free(rules);
	talloc_free(shadow);
	return text;
}

char *shadow_print(const void *parent, const struct inquiry *inquiry)
{
	size_t count;
	const struct shadow_difference *differences = shadow_differences(inquiry, &count);
	char *text;

	if (!count)
		return NULL;
	text = talloc_strdup(parent, "");
	for (size_t i = 0; i < count && i < TOLD_IN_THE_LOG; i++)
		text = print_difference(text, &differences[i]);
	if (count > TOLD_IN_THE_LOG)
		text = talloc_asprintf_append(text, "; and %zu more", count - TOLD_IN_THE_LOG);
	return text;
}
