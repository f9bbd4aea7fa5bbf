/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of tests/rules for unit tests: found, sorted, and read as a whole.
 */
#pragma once

#include "base/file.h"

#include <check.h>
#include <glob.h>
#include <libgen.h>
#include <stdlib.h>
#include <talloc.h>

static inline glob_t rules_files(const char *pattern)
{
	const char *root = getenv("SOURCE_ROOT");
	char *path = talloc_asprintf(NULL, "%s/tests/rules/%s", root ? root : "..", pattern);
	glob_t found = {0};

	ck_assert_msg(glob(path, 0, NULL, &found) == 0, "no file is called %s", path);
	talloc_free(path);
	return found;
}

static inline char *rules_text(const void *parent, const char *path)
{
	struct slice text;
	const char *why = file_read(parent, path, 1 << 20, &text);

	ck_assert_msg(!why, "%s: %s", path, why ? why : "");
	return (char *)text.data;
}
