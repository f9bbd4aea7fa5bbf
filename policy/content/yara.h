/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules of YARA, through libyara (`configure --with-yara`). They are compiled once, before the processes that search are forked; what a search
 * needs of memory it has for itself. A pure function of bytes then: no file, no signal handler, nothing is written.
 *
 * Rules that import a module which would need files of its own (magic, cuckoo) are refused when they are compiled: in a scanner there
 * are none.
 *
 * Limits: libyara counts time in whole seconds, so a search may take one more than it was given.
 */
#pragma once

#include "base/complaint.h"

struct yara;

/* NULL when libyara is compiled in; else the option of configure that brings it. */
extern const char *const yara_missing;

/* NULL after complaints, at their places in the files; what is about a file as a whole is complained about at the given place. */
struct yara *yara_new(const void *parent, const char *const *files, size_t count,
	struct place place, struct complaints *complaints);

/* Told of each rule that matches, once. */
typedef void yara_match_fn(void *owner, const char *rule);

/* False when it did not get to the end: out of time, or too many matches. */
bool yara_search(const struct yara *yara, struct slice bytes, unsigned seconds,
	yara_match_fn *on_match, void *owner) __attribute__((warn_unused_result));
