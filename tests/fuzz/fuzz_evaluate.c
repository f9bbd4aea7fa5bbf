/* SPDX-License-Identifier: Apache-2.0 */
/* Rules over facts by chance: the first eight bytes are their seed, the rest is the text of the rules. What is unknown becomes known from
 * run to run; every evaluation ends, no question that counts is asked twice, and a new evaluation says the same. */
#include "rules/breakdown.h"
#include "rules/evaluate.h"
#include "rules/sources.h"
#include "tests/fakes/vocabulary.h"

#include <assert.h>
#include <stdio.h>
#include <talloc.h>

#define RUNS 40
#define BUDGET 20000 /* microseconds */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	void *scratch;
	uint64_t seed;
	unsigned run;
	unsigned counted;
};

static const char *const texts[] = {"", "a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "example.com",
	"user@example.com", "\xff\xfe", "Stra\xc3\x9f", "exe"};

/* A number that depends on the seed and the question, not on when it is asked. */
static uint64_t chance(const struct world *world, const char *text, uint64_t salt)
{
	uint64_t number = world->seed ^ (salt * UINT64_C(0x9e3779b97f4a7c15));

	for (; *text; text++)
		number = (number ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return number >> 20;
}

static struct value scalar(enum value_type type, uint64_t number)
{
	struct value value = {.type = type};

	if (value_is_text(type))
		value.text = texts[number % (sizeof texts / sizeof *texts)];
	else if (type == VALUE_BOOL)
		value.boolean = number & 1;
	else if (type == VALUE_IP)
		value.ip = (struct ip){.family = 4, .bytes = {10, 0, 0, (uint8_t)number}};
	else if (type == VALUE_SCORE)
		value.score = (double)(number % 20) - 10;
	else
		value.number = (int64_t)(number % 3);
	return value;
}

static struct value records_of(
	struct world *world, const struct vocabulary_fact *fact, uint64_t number)
{
	struct value value = {.type = VALUE_RECORDS};
	struct value_field *fields;
	uint32_t width = 0;

	while (fact->fields[width].name)
		width++;
	value.records.count = (uint32_t)(number % 4);
	value.records.width = width;
	fields = talloc_array(world->scratch, struct value_field, 4 * width);
	for (uint32_t i = 0; i < 4 * width; i++) {
		uint64_t own = chance(world, fact->name, number + i);

		fields[i].state = (enum fact_state)(1 + own % 3);
		fields[i].value = scalar(fact->fields[i % width].type, own >> 4);
		if (fields[i].state == FACT_FAILED)
			fields[i].value.text = "by chance";
	}
	value.records.fields = fields;
	return value;
}

static enum fact_state look_up(
	void *owner, const struct evaluate_question *question, struct value *value)
{
	struct world *world = owner;
	uint64_t number = chance(world, question->reference->text, question->count);
	enum fact_state state = (enum fact_state)(1 + number % 3);

	assert(question->count == question->fact->argument_count);
	if (!question->fact->counting && world->run < (number >> 3) % 4)
		return FACT_UNKNOWN;
	world->counted += question->fact->counting;
	if (question->fact->type == VALUE_RECORDS)
		*value = records_of(world, question->fact, number >> 8);
	else
		*value = scalar(question->fact->type, number >> 8);
	if (state == FACT_FAILED)
		value->text = "by chance";
	return state;
}

static struct evaluation *evaluate(
	struct world *world, const struct program *program, unsigned stage, struct matcher *matcher)
{
	const struct evaluate_input input = {.look_up = look_up,
		.owner = world,
		.now = (int64_t)(world->seed % 4000000000),
		.budget = BUDGET,
		.matcher = matcher};
	struct evaluation *evaluation = evaluate_begin(world->scratch, program, stage, &input);

	for (world->run = 0; !evaluate_run(evaluation); world->run++)
		assert(world->run < RUNS);
	return evaluation;
}

static void compare(const struct evaluation *a, const struct evaluation *b)
{
	size_t a_count, b_count;
	const struct rule_outcome *first = evaluate_outcomes(a, &a_count);
	const struct rule_outcome *second = evaluate_outcomes(b, &b_count);

	assert(a_count == b_count);
	for (size_t i = 0; i < a_count; i++)
		assert(first[i].rule == second[i].rule && first[i].failed == second[i].failed);
}

static void try_stage(struct world *world, const struct program *program, unsigned stage)
{
	struct matcher *matcher = match_matcher_new(world->scratch);
	struct evaluation *evaluation = evaluate(world, program, stage, matcher);
	unsigned counted = world->counted;

	if (!matcher->limits_hit)
		compare(evaluation, evaluate(world, program, stage, matcher));
	world->counted = counted;
	for (size_t i = 0; i < program->at_stage_count[stage]; i++) {
		size_t count;
		breakdown_new(
			world->scratch, evaluation, program->at_stage[stage][i]->condition, &count);
	}
	assert(world->counted == counted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world world = {.scratch = talloc_new(NULL)};
	struct complaints *complaints = complaints_new(world.scratch);
	struct sources *sources;
	struct program *program;

	if (size < sizeof world.seed) {
		talloc_free(world.scratch);
		return 0;
	}
	memcpy(&world.seed, data, sizeof world.seed);
	sources = sources_of_text(world.scratch, "rules",
		slice_make((const char *)data + sizeof world.seed, size - sizeof world.seed),
		complaints);
	program = program_new(world.scratch, &fake_vocabulary, sources->items, sources->item_count,
		NULL, complaints);
	for (unsigned stage = 0; fake_vocabulary.stages[stage]; stage++)
		try_stage(&world, program, stage);
	talloc_free(world.scratch);
	return 0;
}
