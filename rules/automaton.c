/* SPDX-License-Identifier: Apache-2.0 */
/* Aho-Corasick over classes of bytes. */
#include "rules/automaton.h"

#include <talloc.h>

#define NONE UINT32_MAX

struct entry {
	struct slice literal;
	uint32_t number;
	uint32_t next; /* of the same state */
};

struct automaton {
	struct entry *entries;
	uint32_t count;
	uint16_t classes[256]; /* 0: in no literal */
	uint32_t class_count;
	uint32_t *next;   /* a row of class_count states for each state */
	uint32_t *output; /* the first entry of a state, or NONE */
	uint32_t *link;   /* the nearest shorter suffix that has one; 0: none */
	uint32_t *failure;
	uint32_t states;
};

struct automaton *automaton_new(const void *parent)
{
	struct automaton *automaton = talloc_zero(parent, struct automaton);

	automaton->class_count = 1;
	return automaton;
}

void automaton_add(struct automaton *automaton, struct slice literal, uint32_t number)
{
	size_t room = talloc_array_length(automaton->entries);

	if (literal.size > AUTOMATON_BYTES)
		literal.size = AUTOMATON_BYTES;
	if (automaton->count == room)
		automaton->entries = talloc_realloc(
			automaton, automaton->entries, struct entry, room ? 2 * room : 8);
	automaton->entries[automaton->count++] = (struct entry){
		slice_make(slice_keep(automaton, literal), literal.size), number, NONE};
	for (size_t i = 0; i < literal.size; i++) {
		uint16_t *class = &automaton->classes[(unsigned char)literal.data[i]];

		if (!*class)
			*class = (uint16_t)automaton->class_count++;
	}
}

static uint32_t *row(const struct automaton *automaton, uint32_t state)
{
	return automaton->next + (size_t)state * automaton->class_count;
}

static uint16_t class_of(const struct automaton *automaton, char byte)
{
	return automaton->classes[(unsigned char)byte];
}

static uint32_t add_state(struct automaton *automaton)
{
	uint32_t state = automaton->states++;

	automaton->output[state] = NONE;
	return state;
}

static void grow_path(struct automaton *automaton, uint32_t index)
{
	struct entry *entry = &automaton->entries[index];
	uint32_t state = 0;

	for (size_t i = 0; i < entry->literal.size; i++) {
		uint32_t *next =
			&row(automaton, state)[class_of(automaton, entry->literal.data[i])];

		if (!*next)
			*next = add_state(automaton);
		state = *next;
	}
	entry->next = automaton->output[state];
	automaton->output[state] = index;
}

/* Gives a state's missing steps those of its failure; its children their failure. */
static void settle(struct automaton *automaton, uint32_t state, uint32_t *queue, uint32_t *tail)
{
	uint32_t *own = row(automaton, state);
	const uint32_t *fallback = row(automaton, automaton->failure[state]);

	for (uint32_t c = 0; c < automaton->class_count; c++) {
		uint32_t child = own[c], other = state ? fallback[c] : 0;

		if (!child) {
			own[c] = other;
			continue;
		}
		automaton->failure[child] = other;
		automaton->link[child] =
			automaton->output[other] != NONE ? other : automaton->link[other];
		queue[(*tail)++] = child;
	}
}

void automaton_finish(struct automaton *automaton)
{
	size_t most = 1;
	uint32_t *queue, head = 0, tail = 0;

	for (uint32_t i = 0; i < automaton->count; i++)
		most += automaton->entries[i].literal.size;
	automaton->next = talloc_zero_array(automaton, uint32_t, most * automaton->class_count);
	automaton->output = talloc_array(automaton, uint32_t, most);
	automaton->link = talloc_zero_array(automaton, uint32_t, most);
	automaton->failure = talloc_zero_array(automaton, uint32_t, most);
	add_state(automaton);
	for (uint32_t i = 0; i < automaton->count; i++)
		grow_path(automaton, i);

	/* Breadth first, so that a failure is settled before whoever falls back on it. */
	queue = talloc_array(NULL, uint32_t, most);
	queue[tail++] = 0;
	while (head < tail)
		settle(automaton, queue[head++], queue, &tail);
	talloc_free(queue);
}

size_t automaton_states(const struct automaton *automaton)
{
	return automaton->states;
}

static void note(const struct automaton *automaton, uint32_t state, uint64_t *bits, uint32_t *marks,
	uint32_t mark)
{
	for (; state && marks[state] != mark; state = automaton->link[state]) {
		marks[state] = mark;
		for (uint32_t i = automaton->output[state]; i != NONE;
			i = automaton->entries[i].next) {
			uint32_t number = automaton->entries[i].number;

			bits[number / 64] |= UINT64_C(1) << number % 64;
		}
	}
}

void automaton_scan(const struct automaton *automaton, struct slice text, uint64_t *bits,
	uint32_t *marks, uint32_t mark)
{
	const uint32_t *first = automaton->next;
	uint32_t state = 0;

	for (size_t i = 0; i < text.size; i++) {
		/* Where nothing has begun, bytes that begin nothing are passed over. */
		while (!state && !first[class_of(automaton, text.data[i])]) {
			if (++i == text.size)
				return;
		}
		state = row(automaton, state)[class_of(automaton, text.data[i])];
		if (marks[state] != mark)
			note(automaton, state, bits, marks, mark);
	}
}
