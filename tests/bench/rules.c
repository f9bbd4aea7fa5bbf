/* SPDX-License-Identifier: Apache-2.0 */
/* What rules cost: a message judged by 1,000 rules of four comparisons each, loading, look-ups in large lists. Prints figures. With an argument, the
 * messages alone: for comparing two of these, in turns. */
#include "base/clock.h"
#include "rules/evaluate.h"
#include "rules/sources.h"
#include "tests/fakes/vocabulary.h"

#include <stdio.h>
#include <stdlib.h>
#include <talloc.h>

#define MESSAGES 2000
#define LOOKUPS 1000000
#define ENTRIES 1000000

static void report(const char *what, double figure, const char *unit, double target)
{
	printf("%-58s %10.3f %-3s (target %g)\n", what, figure, unit, target);
}

static struct program *load(const void *parent, char *text)
{
	struct complaints *complaints = complaints_new(parent);
	struct sources *sources = sources_of_text(parent, "rules", slice_of(text), complaints);
	struct program *program = program_new(
		parent, &fake_vocabulary, sources->items, sources->item_count, NULL, complaints);

	complaints_print(complaints, stderr);
	if (complaints_errors(complaints))
		exit(EXIT_FAILURE);
	return program;
}

/* None of them matches, and all four comparisons of each are made; every tenth searches the subject as well. */
static char *make_rules(const void *parent, int count, bool searches)
{
	char *text = talloc_strdup(parent, "version 1\n");

	for (int i = 0; i < count; i++)
		text = talloc_asprintf_append_buffer(text,
			"rule r%d { stage message when client.port == 25 and size > %dk and "
			"sender.domain != \"d%d.example\" and %s\"x%d\" then score 1 }\n",
			i, i, i, searches && i % 10 == 0 ? "subject contains " : "listener == ", i);
	return text;
}

static enum fact_state look_up(
	void *owner, const struct evaluate_question *question, struct value *value)
{
	(void)owner;
	*value = (struct value){.type = question->fact->type};
	if (value->type == VALUE_INT)
		value->number = 25;
	else if (value->type == VALUE_SIZE)
		value->number = INT64_C(100) << 20;
	else if (value_is_text(value->type))
		value->text = value->type == VALUE_DOMAIN ? "sender.example.com"
							  : "a subject of usual length, or so";
	return FACT_KNOWN;
}

static void measure_messages(const char *what, bool searches, double target)
{
	void *scratch = talloc_new(NULL);
	struct program *program = load(scratch, make_rules(scratch, 1000, searches));
	struct evaluate_input input = {.look_up = look_up, .matcher = match_matcher_new(scratch)};
	unsigned stage = 0;
	uint64_t began;

	if (!vocabulary_stage(&fake_vocabulary, slice_of("message"), &stage))
		exit(EXIT_FAILURE);
	began = clock_microseconds();
	for (int i = 0; i < MESSAGES; i++) {
		struct evaluation *evaluation;

		input.budget = 100000;
		evaluation = evaluate_begin(scratch, program, stage, &input);
		if (!evaluate_run(evaluation))
			exit(EXIT_FAILURE);
		talloc_free(evaluation);
	}
	report(what, (double)(clock_microseconds() - began) / MESSAGES, "us", target);
	talloc_free(scratch);
}

/* --- lists --- */

static char *make_networks(const void *parent)
{
	char *text = talloc_array(parent, char, 20 * ENTRIES), *at = text;

	for (uint32_t i = 0; i < ENTRIES; i++) {
		uint32_t mixed = i * 2654435761u;
		at += sprintf(at, "%u.%u.%u.%u\n", mixed >> 24, mixed >> 16 & 255, mixed >> 8 & 255,
			mixed & 255);
	}
	return text;
}

static char *make_domains(const void *parent)
{
	char *text = talloc_array(parent, char, 32 * ENTRIES), *at = text;

	for (uint32_t i = 0; i < ENTRIES; i++)
		at += sprintf(at, "%shost%u.example.com\n", i % 2 ? "." : "", i);
	return text;
}

static struct list *load_list(
	const void *parent, enum list_kind kind, const char *what, const char *text)
{
	struct complaints *complaints = complaints_new(parent);
	struct list *list = list_new(parent, "list", kind, "list");
	uint64_t began = clock_microseconds();

	if (!list_read_text(list, slice_of(text), complaints))
		exit(EXIT_FAILURE);
	report(what, (double)(clock_microseconds() - began) / 1e6, "s", 2);
	return list;
}

static void measure_networks(void)
{
	void *scratch = talloc_new(NULL);
	struct list *list = load_list(
		scratch, LIST_CIDR, "loading a list of 1,000,000 networks", make_networks(scratch));
	uint64_t began = clock_microseconds();
	unsigned found = 0;

	for (uint32_t i = 0; i < LOOKUPS; i++) {
		uint32_t mixed = i * 2246822519u;
		const struct ip ip = {.family = 4,
			.bytes = {(uint8_t)(mixed >> 24), (uint8_t)(mixed >> 16),
				(uint8_t)(mixed >> 8), (uint8_t)mixed}};

		found += list_has_ip(list, &ip);
	}
	report("a look-up in it", (double)(clock_microseconds() - began) / LOOKUPS, "us", 1);
	fprintf(stderr, "%u found\n", found);
	talloc_free(scratch);
}

static void measure_domains(void)
{
	void *scratch = talloc_new(NULL);
	struct list *list = load_list(
		scratch, LIST_DOMAIN, "loading a list of 1,000,000 domains", make_domains(scratch));
	char **names = talloc_array(scratch, char *, 1000);
	uint64_t began;
	unsigned found = 0;

	for (uint32_t i = 0; i < 1000; i++)
		names[i] = talloc_asprintf(
			names, "www.host%u.example.com", i * 2654435761u % (2 * ENTRIES));
	began = clock_microseconds();
	for (uint32_t i = 0; i < LOOKUPS; i++)
		found += list_has_text(list, slice_of(names[i % 1000]));
	report("a look-up in it", (double)(clock_microseconds() - began) / LOOKUPS, "us", 1);
	fprintf(stderr, "%u found\n", found);
	talloc_free(scratch);
}

static void measure_loading(void)
{
	void *scratch = talloc_new(NULL);
	char *text = make_rules(scratch, 10000, true);
	uint64_t began = clock_microseconds();

	load(scratch, text);
	report("loading 10,000 rules", (double)(clock_microseconds() - began) / 1e6, "s", 2);
	talloc_free(scratch);
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc < 2) {
		measure_loading();
		measure_networks();
		measure_domains();
	}
	measure_messages("a message, 1,000 rules of four comparisons", false, 100);
	measure_messages("the same, every tenth rule searches the subject", true, 100);
	return 0;
}
