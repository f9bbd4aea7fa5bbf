/* SPDX-License-Identifier: Apache-2.0
 *
 * Searching. A match_set holds all regexes and literals that are looked for in one text (that of one fact at one stage, or of a list of
 * regexes). The first question about a subject runs an Aho-Corasick automaton over its folded form, once for all patterns; only a pattern whose required
 * literal was seen is looked at further, a regex by PCRE2 with JIT. Regexes see the text as it is, as UTF-8; bytes that are none match nothing.
 *
 * A matcher is what searching needs of memory, one a process, and what it may cost: the match, depth and heap limits of PCRE2, and a
 * budget in microseconds, which whoever evaluates fills up for each evaluation object. PCRE2's limit counts for each place where a
 * match may begin, so a long subject is searched in windows, with a look at the budget between them. A limit hit is MATCH_FAILED, never "no match", and
 * counted. Of a subject only the first `longest` bytes are searched; when nothing is found there, that is MATCH_FAILED too.
 *
 * Sets are made before a process gives up its rights: JIT needs to make pages executable. Where it cannot, match_set_has_jit() says so.
 */
#pragma once

#include "base/slice.h"

enum match { MATCH_NO, MATCH_YES, MATCH_FAILED };

struct match_set;

struct match_set *match_set_new(const void *parent);

/* Both give the pattern's number, from 0. A regex that PCRE2 refuses gives SIZE_MAX; *reason, under the set, then says why and *offset where. A
 * literal is given folded, and found in the folded subject. */
size_t match_set_add_regex(struct match_set *set, struct slice regex, const char *flags,
	const char **reason, size_t *offset);
size_t match_set_add_literal(struct match_set *set, struct slice folded);

/* Before the first search, after the last pattern. */
void match_set_finish(struct match_set *set);

size_t match_set_count(const struct match_set *set);
bool match_set_has_jit(const struct match_set *set);

struct matcher {
	uint64_t budget;     /* microseconds left */
	uint64_t limits_hit; /* how often a search failed */
	const char *reason;  /* of the last time: a literal */
	struct match_room *room;
};

struct matcher *match_matcher_new(const void *parent);

/* One text, and what is known of it. One subject serves one set. */
struct match_subject {
	struct slice text;
	struct slice folded; /* made when needed; data is NULL before */
	uint64_t *
		candidates; /* bits of patterns whose literal was seen; NULL before the first search */
	bool cut;           /* it was longer than what is searched */
};

/* Borrows the text. */
void match_subject_init(struct match_subject *subject, struct slice text, size_t longest);

/* What is made for the subject lives under the parent, the same one each time. */
enum match match_set_test(const struct match_set *set, size_t pattern, const void *parent,
	struct match_subject *subject, struct matcher *matcher);
/* Whether any of the patterns matches. */
enum match match_set_any(const struct match_set *set, const void *parent,
	struct match_subject *subject, struct matcher *matcher);
