/* SPDX-License-Identifier: Apache-2.0 */
/* `postern fmt`: rule files printed anew. */
#include "base/file.h"
#include "proxy/arguments.h"
#include "proxy/cli.h"
#include "rules/parse.h"
#include "rules/print.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#define FILE_MOST (64UL * 1024 * 1024)

static bool fail(const char *file, const char *why)
{
	fprintf(stderr, "postern: %s: %s\n", file, why);
	return false;
}

static struct slice print(const void *parent, const struct tree *tree)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct slice kept;

	print_tree(tree, out);
	fclose(out);
	kept = slice_make(talloc_memdup(parent, text, size), size);
	free(text);
	return kept;
}

/* A new file takes the place of the old one when it is whole. */
static bool replace(const void *parent, const char *file, struct slice text)
{
	char *path = realpath(file, NULL);
	char *fresh = talloc_asprintf(parent, "%s.XXXXXX", path ? path : file);
	int descriptor = path ? mkstemp(fresh) : -1;
	struct stat old;
	bool done = descriptor >= 0 && stat(path, &old) == 0 &&
		fchmod(descriptor, old.st_mode & 07777) == 0 && file_write_all(descriptor, text) &&
		fsync(descriptor) == 0 && rename(fresh, path) == 0;

	if (!done)
		fail(file, strerror(errno));
	if (!done && descriptor >= 0)
		unlink(fresh);
	if (descriptor >= 0)
		close(descriptor);
	free(path);
	return done;
}

/* False when it is wrong, cannot be written, or is to be checked and in another form. */
static bool format(const void *parent, const char *file, bool only_check)
{
	struct complaints *complaints = complaints_new(parent);
	struct slice text, canonical;
	const char *why = file_read(parent, file, FILE_MOST, &text);
	const struct tree *tree;

	if (why)
		return fail(file, why);
	tree = parse_text(parent, file, text, complaints);
	if (complaints_errors(complaints)) {
		complaints_print(complaints, stderr);
		return false;
	}
	canonical = print(parent, tree);
	if (canonical.size == text.size && memcmp(canonical.data, text.data, text.size) == 0)
		return true;
	if (!only_check)
		return replace(parent, file, canonical);
	printf("%s\n", file);
	return false;
}

int cli_fmt(int argc, char **argv)
{
	void *all = talloc_new(NULL);
	const struct arguments *arguments = arguments_parse(all, ARGUMENTS_FMT, argc, argv);
	bool good = true;

	for (size_t i = 0; i < arguments->subject_count; i++) {
		void *scratch = talloc_new(all);
		good = format(scratch, arguments->subjects[i], arguments->only_check) && good;
		talloc_free(scratch);
	}
	talloc_free(all);
	return good ? 0 : 1;
}
