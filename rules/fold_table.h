/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables behind fold.h, each sorted by character.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Each step-th character from first to last becomes itself plus delta. */
struct fold_table_range {
	uint32_t first, last;
	int32_t step, delta;
};

struct fold_table_span {
	uint32_t first, last;
};

struct fold_table_row {
	uint32_t character;
	char text[5];
};

extern const struct fold_table_range fold_table_ranges[];
extern const size_t fold_table_ranges_count;
extern const struct fold_table_span fold_table_invisible[];
extern const size_t fold_table_invisible_count;
extern const struct fold_table_span fold_table_marks[]; /* that stand above and below letters */
extern const size_t fold_table_marks_count;
extern const struct fold_table_row fold_table_expansions[];
extern const size_t fold_table_expansions_count;
extern const struct fold_table_row fold_table_look_alikes[];
extern const size_t fold_table_look_alikes_count;
