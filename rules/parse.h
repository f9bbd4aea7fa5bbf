/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads one rule file. It complains about all that is wrong with its grammar, each with its place: after a complaint it goes on
 * at the next clause or item that begins a line. What was understood is in the tree; it is good only if nothing was complained about.
 * Files that are included are not read: see load.h.
 */
#pragma once

#include "rules/tree.h"

/* The text must stay as long as the complaints are printed. */
struct tree *parse_text(
	const void *parent, const char *path, struct slice text, struct complaints *complaints);

/* One fact that is the whole text, as it stands between the braces of a text. Complaints name the place. NULL when it is none. */
struct fact_name *parse_fact(
	const void *parent, struct place place, struct slice text, struct complaints *complaints);
