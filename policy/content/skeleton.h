/* SPDX-License-Identifier: Apache-2.0
 *
 * Names as the eye takes them, in the spirit of Unicode TS 39: two that look the same have the same skeleton. Letters of other scripts that
 * look like Latin ones, shapes, accents and case are folded by rules/fold.h; here characters that cannot be seen and those that turn the
 * direction of writing vanish first, and what was strange is noted. And what the eye takes a name with a turned direction for:
 * "exe.gpj" where "fdp.exe" stands behind U+202E.
 */
#pragma once

#include "base/slice.h"

/* Bits, named by skeleton_flag_names. */
enum skeleton_flag {
	SKELETON_BIDI = 1,       /* characters that turn the direction of writing */
	SKELETON_ZERO_WIDTH = 2, /* characters that cannot be seen */
	SKELETON_MIXED =
		4, /* letters of several scripts of which some look like Latin ones, in a word */
	SKELETON_LOOK_ALIKE =
		8, /* a word of nothing but letters that look like Latin ones, and are none */
	SKELETON_CONTROL = 16 /* control characters */
};

/* "bidi", "zero_width" … in the order of the bits, NULL-ended; and a line of manual each. */
extern const char *const skeleton_flag_names[];
extern const char *const skeleton_flag_manual[];

/* What is strange in a text of UTF-8. */
unsigned skeleton_flags(struct slice text);

/* The skeleton, under the parent. */
struct slice skeleton_fold(const void *parent, struct slice text);

/* The text without what cannot be seen and what turns its direction, as a program reads it that looks for an extension; the text itself
 * when there is none of it. */
struct slice skeleton_plain(const void *parent, struct slice text);
