/* SPDX-License-Identifier: Apache-2.0
 *
 * Facts told by a file, in place of a network: one flat JSON object, fact name to value, as explain prints it. A value is a
 * boolean, a number, a string, an array of strings (texts, flags), or null for absent.
 */
#pragma once

#include "base/complaint.h"
#include "policy/facts.h"

/* All facts of the file as a set. Complains about what is no JSON, no fact, or not of its fact's type; what could be read
 * is there. */
struct facts *facts_file_read(const void *parent, const char *path, struct complaints *complaints);

/* The same of an object that has been read (jansson's; NULL or none gives no facts), as it stands in a verdict record. */
struct json_t;
struct facts *facts_file_take(const void *parent, const char *path, const struct json_t *object,
	struct complaints *complaints);
