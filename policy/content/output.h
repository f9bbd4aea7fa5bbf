/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes that come out of a decompressor, under a budget: what it grants is kept, the rest is dropped and noted. The room grows with
 * what is there, never with what a stranger announces.
 */
#pragma once

#include "policy/content/budget.h"

#define OUTPUT_MAXIMUM 267386880 /* of one file: talloc hands out nothing of 256 MiB */

struct output {
	const void *parent; /* of the bytes */
	struct budget *budget;
	char *bytes;
	size_t size, room;
	bool is_cut; /* the budget had no more, or it is OUTPUT_MAXIMUM */
};

struct output output_begin(const void *parent, struct budget *budget);

/* False when not all of it was granted. */
bool output_add(struct output *output, const void *bytes, size_t size);
bool output_add_zeros(struct output *output, uint64_t size);
/* Again what came out so far behind its end, as LZ77 has it; distance is at least 1 and at most the size. */
bool output_repeat(struct output *output, size_t distance, size_t size);

struct slice output_slice(const struct output *output);

/* Frees what is there; it stays charged. */
void output_drop(struct output *output);
