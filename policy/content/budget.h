/* SPDX-License-Identifier: Apache-2.0
 *
 * What taking one message apart may cost in all: bytes that come out, entries, levels, processor time. One budget is begun for each
 * message and handed down to whatever takes a part of it apart; whoever makes something of a stranger's bytes asks it first.
 * How much may come out depends on what came in: bytes, or ratio times what came in where that is less, but never less than
 * BUDGET_FLOOR, since small texts shrink a thousandfold honestly.
 *
 * The first limit that is hit is remembered. From then on nothing of that kind is granted; what was granted is kept and judged, and
 * what was not is marked FINDING_OVER_LIMITS where it is missing.
 *
 * Limits are the caller's; time stands still in tests that bring a clock of their own.
 */
#pragma once

#include "base/slice.h"

#define BUDGET_FLOOR (1024 * 1024)

enum budget_limit {
	BUDGET_NONE,
	BUDGET_BYTES,
	BUDGET_RATIO,
	BUDGET_ENTRIES,
	BUDGET_DEPTH,
	BUDGET_TIME
};

/* "none", "bytes" … in the order of the enum, NULL-ended. */
extern const char *const budget_limit_names[];

/* Milliseconds of processor time of this thread. */
typedef uint64_t budget_clock_fn(const void *context);

struct budget_limits {
	uint64_t bytes;        /* that may come out, in all */
	uint32_t ratio;        /* of what comes out to what came in; 0: none */
	uint32_t entries;      /* of all containers together */
	uint32_t depth;        /* of containers in containers */
	uint64_t milliseconds; /* of processor time; 0: none */
};

struct budget {
	struct budget_limits limits;
	uint64_t allowance; /* bytes that may come out */
	uint64_t bytes;     /* that did */
	uint32_t entries;
	uint32_t depth;
	uint64_t deadline;
	budget_clock_fn *clock;
	const void *context;
	enum budget_limit hit; /* the first one */
};

/* For a message of that size. clock: NULL is the processor's. */
void budget_begin(struct budget *budget, const struct budget_limits *limits, uint64_t size,
	budget_clock_fn *clock, const void *context);

/* How many of these bytes may come out; less than asked for when a limit is hit. They count as come out. */
size_t budget_bytes(struct budget *budget, size_t wanted) __attribute__((warn_unused_result));

/* Whether anything more may come out: who asks before a piece of work need not do it in vain. */
bool budget_has_bytes(struct budget *budget) __attribute__((warn_unused_result));

bool budget_entry(struct budget *budget) __attribute__((warn_unused_result));

/* One level down, and up again if it was granted. */
bool budget_descend(struct budget *budget) __attribute__((warn_unused_result));
void budget_ascend(struct budget *budget);

/* Whether there is time left. Costs a system call: ask per piece of work, not per byte. */
bool budget_has_time(struct budget *budget) __attribute__((warn_unused_result));

/* What is left of it, in whole seconds and at least one; 0 for any, as those want it who keep time themselves. */
unsigned budget_seconds(const struct budget *budget);
