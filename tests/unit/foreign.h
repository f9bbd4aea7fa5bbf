/* SPDX-License-Identifier: Apache-2.0
 *
 * For suites over test data that others have written (POSTERN_TESTDATA). What does not agree with it must be listed, with a reason;
 * what is listed must not agree.
 */
#pragma once

#include "base/file.h"
#include "base/slice.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <talloc.h>

#define FOREIGN_SKIPPED 77

struct foreign_deviation {
	const char *id;
	const char *reason;
	bool seen;
};

struct foreign {
	void *scratch;
	const char *directory;
	struct foreign_deviation *deviations; /* ended by a row without id */
	unsigned cases, failures;
};

static inline void foreign_skip(struct foreign *foreign, const char *why)
{
	printf("skipped: %s\n", why);
	talloc_free(foreign->scratch);
	exit(FOREIGN_SKIPPED);
}

static inline struct foreign foreign_begin(const char *folder, struct foreign_deviation *deviations)
{
	const char *root = getenv("POSTERN_TESTDATA");
	struct foreign foreign = {.scratch = talloc_new(NULL), .deviations = deviations};

	if (!root || !*root)
		foreign_skip(&foreign, "POSTERN_TESTDATA is not set");
	foreign.directory = talloc_asprintf(foreign.scratch, "%s/%s", root, folder);
	return foreign;
}

static inline char *foreign_path(const struct foreign *foreign, const char *name)
{
	return talloc_asprintf(foreign->scratch, "%s/%s", foreign->directory, name);
}

/* The array of that key in a JSON file. The root is dropped by the caller. */
static inline json_t *foreign_json(struct foreign *foreign, const char *name)
{
	json_error_t error;
	json_t *root = json_load_file(foreign_path(foreign, name), JSON_ALLOW_NUL, &error);

	if (!root)
		foreign_skip(foreign, error.text);
	return root;
}

static inline struct slice foreign_text(const json_t *json, const char *key)
{
	const json_t *text = json_object_get(json, key);

	return slice_make(json_string_value(text), json_string_length(text));
}

/* A whole file; that it cannot be had is the end of the test. */
static inline struct slice foreign_load(const void *parent, const char *path)
{
	struct slice bytes;
	const char *reason = file_read(parent, path, (size_t)1 << 30, &bytes);

	if (reason) {
		printf("%s: %s\n", path, reason);
		exit(EXIT_FAILURE);
	}
	return bytes;
}

static inline struct foreign_deviation *foreign_find(const struct foreign *foreign, const char *id)
{
	for (struct foreign_deviation *row = foreign->deviations; row->id; row++) {
		if (slice_equals(slice_of(id), row->id))
			return row;
	}
	return NULL;
}

static inline void foreign_case(
	struct foreign *foreign, const char *id, struct slice input, bool agrees)
{
	struct foreign_deviation *row = foreign_find(foreign, id);

	foreign->cases++;
	if (row)
		row->seen = true;
	if (agrees == !row)
		return;
	foreign->failures++;
	printf("%s: %s: %.*s\n", id, agrees ? "agrees, but is listed" : "does not agree",
		SLICE_ARGS(input));
}

/* The exit status. */
static inline int foreign_end(struct foreign *foreign)
{
	for (struct foreign_deviation *row = foreign->deviations; row->id; row++) {
		if (row->seen)
			continue;
		printf("%s is listed, but was not seen\n", row->id);
		foreign->failures++;
	}
	printf("%u cases, %u failures\n", foreign->cases, foreign->failures);
	talloc_free(foreign->scratch);
	return foreign->failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
