/* SPDX-License-Identifier: Apache-2.0 */
/* Reads rule files and those they include. */
#include "rules/sources.h"

#include "base/file.h"
#include "rules/parse.h"

#include <glob.h>
#include <stdlib.h>
#include <talloc.h>

#define FILE_MAXIMUM (64UL * 1024 * 1024)
#define DEPTH_MAXIMUM 16 /* of includes in each other */

struct reading {
	struct sources *sources;
	struct complaints *complaints;
	unsigned depth;
	bool includes;
};

static void read_pattern(struct reading *reading, const char *pattern, struct place place);

static void add_item(struct sources *sources, const struct item *item)
{
	size_t room = talloc_array_length(sources->items);

	if (sources->item_count == room)
		sources->items = talloc_realloc(
			sources, sources->items, const struct item *, room ? 2 * room : 64);
	sources->items[sources->item_count++] = item;
}

static void read_include(struct reading *reading, const struct item *item)
{
	char *pattern;

	if (!reading->includes)
		return;
	pattern = file_beside(NULL, item->place.file, item->text);
	if (reading->depth == DEPTH_MAXIMUM)
		complaint_error(reading->complaints, item->place,
			"more than %d includes in each other", DEPTH_MAXIMUM);
	else
		read_pattern(reading, pattern, item->place);
	talloc_free(pattern);
}

static void read_items(struct reading *reading, const char *path, struct slice text)
{
	struct sources *sources = reading->sources;
	struct tree *tree = parse_text(sources, path, text, reading->complaints);

	sources->trees =
		talloc_realloc(sources, sources->trees, struct tree *, sources->tree_count + 1);
	sources->trees[sources->tree_count++] = tree;
	reading->depth++;
	for (size_t i = 0; i < tree->count; i++) {
		if (tree->items[i]->kind == ITEM_INCLUDE)
			read_include(reading, tree->items[i]);
		else
			add_item(sources, tree->items[i]);
	}
	reading->depth--;
}

/* --- files --- */

static bool is_read(const struct sources *sources, const char *path)
{
	for (size_t i = 0; i < sources->tree_count; i++) {
		if (strcmp(sources->trees[i]->path, path) == 0)
			return true;
	}
	return false;
}

static void read_file(struct reading *reading, const char *path, struct place place)
{
	struct slice text;
	const char *why;

	if (is_read(reading->sources, path)) {
		complaint_warning(reading->complaints, place,
			"\"%s\" has been read already and is passed over", path);
		return;
	}
	why = file_read(reading->sources, path, FILE_MAXIMUM, &text);
	if (why)
		complaint_error(reading->complaints, place, "cannot read \"%s\": %s", path, why);
	else
		read_items(reading, path, text);
}

static int compare_paths(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static void read_pattern(struct reading *reading, const char *pattern, struct place place)
{
	glob_t found = {0};
	int result = glob(pattern, GLOB_NOSORT | GLOB_BRACE, NULL, &found);

	if (result == GLOB_NOMATCH && strpbrk(pattern, "*?[{"))
		complaint_warning(reading->complaints, place, "no file is called \"%s\"", pattern);
	else if (result != 0)
		read_file(reading, pattern, place); /* it says why not */
	if (result == 0)
		qsort(found.gl_pathv, found.gl_pathc, sizeof *found.gl_pathv, compare_paths);
	for (size_t i = 0; result == 0 && i < found.gl_pathc; i++)
		read_file(reading, found.gl_pathv[i], place);
	globfree(&found);
}

struct sources *sources_read(const void *parent, const char *const *patterns, size_t count,
	struct complaints *complaints)
{
	struct sources *sources = talloc_zero(parent, struct sources);
	struct reading reading = {.sources = sources, .complaints = complaints, .includes = true};

	for (size_t i = 0; i < count; i++)
		read_pattern(&reading, patterns[i], (struct place){.file = patterns[i]});
	return sources;
}

struct sources *sources_of_text(
	const void *parent, const char *path, struct slice text, struct complaints *complaints)
{
	struct sources *sources = talloc_zero(parent, struct sources);
	struct reading reading = {.sources = sources, .complaints = complaints};

	read_items(&reading, path, text);
	return sources;
}
