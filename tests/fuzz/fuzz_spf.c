/* SPDX-License-Identifier: Apache-2.0 */
/* SPF records, macros and answers of strangers' name servers: the input is cut at line ends into texts, which answer every question in turn. */
#include "policy/spf.h"
#include "policy/spf_macro.h"

#include <assert.h>
#include <talloc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ANSWERS_MAXIMUM 64
#define QUESTIONS_MAXIMUM 2000 /* far more than 10 look-ups can ask */

struct world {
	const char *texts[ANSWERS_MAXIMUM];
	size_t count, next, asked;
	void *memory;
};

static enum fact_state answer_next(
	void *owner, enum spf_dns kind, const char *name, struct value_texts *answer)
{
	struct world *world = owner;

	assert(++world->asked < QUESTIONS_MAXIMUM);
	assert(kind == SPF_DNS_PTR || strlen(name) <= 253);
	if (!world->count)
		return FACT_ABSENT;
	*answer = (struct value_texts){&world->texts[world->next % world->count], 1};
	if (world->next % 5 == 4)
		*answer = (struct value_texts){world->texts, world->count};
	world->next++;
	return world->next % 7 ? FACT_KNOWN : FACT_FAILED;
}

static void read_texts(struct world *world, struct slice input)
{
	while (input.size && world->count < ANSWERS_MAXIMUM) {
		struct slice line = slice_cut(&input, '\n');
		world->texts[world->count++] = slice_keep(world->memory, line);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world world = {.memory = talloc_new(NULL)};
	const struct spf_source source = {answer_next, &world};
	struct spf_query query = {.helo = "client.example",
		.local = "a-b",
		.domain = "sender.example",
		.receiver = "mx.example"};
	struct spf_outcome outcome;

	read_texts(&world, slice_make((const char *)data, size));
	if (size && data[0] % 2)
		query.ip = (struct ip){4, {192, 0, 2, 1}};
	else
		query.ip = (struct ip){6, {0x20, 1, 0xd, 0xb8}};
	outcome = spf_evaluate(world.memory, &query, &source);
	assert(!outcome.is_unknown);
	for (const char *at = outcome.explanation; at && *at; at++)
		assert(*at >= ' ' && *at < 0x7f);
	for (const char *at = outcome.problem; at && *at; at++)
		assert(*at >= ' ' && *at < 0x7f);
	talloc_free(world.memory);
	return 0;
}
