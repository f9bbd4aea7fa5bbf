/* SPDX-License-Identifier: Apache-2.0
 *
 * What can be told of a regex without running it: which literals a text must contain to match, and whether quantifiers stand in
 * each other. It reads the usual syntax of PCRE2; at anything it does not know (\Q, conditions, verbs …) it gives up: then there are no
 * literals, which is always true.
 */
#pragma once

#include "base/slice.h"

#define PATTERN_LITERALS 32

struct pattern {
	struct slice literals
		[PATTERN_LITERALS]; /* folded as fold_text() does; a match contains one of them */
	size_t count;               /* 0: nothing is known */
	bool is_nested; /* a group that repeats without bound holds something that does */
};

/* The literals live under the parent. */
void pattern_read(
	const void *parent, struct slice regex, const char *flags, struct pattern *pattern);
