/* SPDX-License-Identifier: Apache-2.0
 *
 * One option of the settings: from the words that stand for its value to the field of the section's struct.
 * For base/settings alone; the types and the row are declared there.
 */
#pragma once

#include "base/lexer.h"
#include "base/settings.h"

/* Whether the option takes any number of values. */
bool option_is_list(const struct option *option);

/* What it takes, in a word for the manual: "size", "duration" …; NULL for a choice. */
const char *option_takes(const struct option *option);

/* Fills the option's field of values, a talloc object that keeps what has to be kept; complains and leaves it when a value is not what
 * the row asks for. The tokens are words and strings; an option that is no list takes exactly one. */
void option_read(const struct option *option, void *values, const struct token *tokens,
	size_t count, struct complaints *complaints);

/* Fills the field with the default. A default that option_read() would refuse is our own fault, and asserted. */
void option_preset(const struct option *option, void *values);

/* "at least 1", "at most 5M" or "between 1 and 5M", in the option's own unit; NULL when the option has no bounds. */
char *option_bounds(const void *parent, const struct option *option);
