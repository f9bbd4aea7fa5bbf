/* SPDX-License-Identifier: Apache-2.0
 *
 * Aho-Corasick: finds out in one pass which of many literals a text contains. States are rows of a table over classes of bytes, so
 * a step is one look into it, whatever the text; a literal counts with its first AUTOMATON_BYTES only, which says enough for a first sieve.
 */
#pragma once

#include "base/slice.h"

#define AUTOMATON_BYTES 12

struct automaton;

struct automaton *automaton_new(const void *parent);
/* The number comes back when the literal is seen; several may have one number. The literal is not empty. */
void automaton_add(struct automaton *automaton, struct slice literal, uint32_t number);
void automaton_finish(struct automaton *automaton);

/* How many states there are. */
size_t automaton_states(const struct automaton *automaton);

/* Sets the bits of the numbers whose literals are in the text. marks: one for each state, none of them equal to `mark`, which they become. */
void automaton_scan(const struct automaton *automaton, struct slice text, uint64_t *bits,
	uint32_t *marks, uint32_t mark);
