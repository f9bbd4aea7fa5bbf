/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a condition is what it is: each of its leaves, with what it saw. Nothing is asked for that was not known to the last run.
 */
#pragma once

#include "rules/evaluate.h"

#define BREAKDOWN_RECORDS 10 /* of a list of records are told, at most */

struct breakdown_line {
	const char *text; /* the leaf as it is written; of records, all that is asked about them */
	const char *
		value; /* what is known: the value, "absent", "failed: …", "unknown"; of records, how many there are */
	enum truth truth;
	bool needed;     /* false: the others had decided, it was not looked at */
	unsigned depth;  /* how many lists of records it is inside of */
	uint32_t record; /* which of the innermost, from 1; 0 outside */
};

/* Under the parent. */
struct breakdown_line *breakdown_new(const void *parent, struct evaluation *evaluation,
	const struct node *condition, size_t *count);
