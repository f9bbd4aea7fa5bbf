/* SPDX-License-Identifier: Apache-2.0
 *
 * Warnings about rules that are right and yet hardly meant so: that can never act, repeat another, are over; lists and lets that nobody
 * uses; regexes that cost much. What a regex costs is measured on stress strings of 20 kB.
 */
#pragma once

#include "rules/program.h"

/* now: seconds since 1970. */
void lint_program(const struct program *program, int64_t now, struct complaints *complaints);

/* One regex; the place is its own. For lists of regexes too. */
void lint_regex(
	const char *regex, const char *flags, struct place place, struct complaints *complaints);
