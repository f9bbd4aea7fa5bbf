/* SPDX-License-Identifier: Apache-2.0
 *
 * Macros of SPF (RFC 7208 §7): what stands in a domain-spec, a modifier or an explanation, checked and filled in. Pure text.
 */
#pragma once

#include "base/slice.h"

#define SPF_LETTERS 26

/* What the letters stand for, 'a' first; NULL: there is no such macro. */
struct spf_macros {
	const char *values[SPF_LETTERS];
};

enum spf_text {
	SPF_TEXT_RECORD,     /* a macro-string of a record: no blanks; c, r and t are not allowed */
	SPF_TEXT_EXPLANATION /* an explain-string */
};

bool spf_macro_is_valid(struct slice text, enum spf_text kind) __attribute__((warn_unused_result));

/* domain-spec = macro-string domain-end: the last label is a top label, or a macro is the end. */
bool spf_macro_is_domain_spec(struct slice text) __attribute__((warn_unused_result));

/* Whether a valid text has any macro at all, and whether it has this one, in small or large. */
bool spf_macro_is_plain(struct slice text);
bool spf_macro_has(struct slice text, char letter);

/* Fills a valid text in. */
char *spf_macro_expand(const void *parent, struct slice text, const struct spf_macros *macros);
