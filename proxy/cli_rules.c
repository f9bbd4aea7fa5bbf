/* SPDX-License-Identifier: Apache-2.0 */
/* `postern fmt` and `postern test`: rule files printed anew, and their tests. */
#include "base/file.h"
#include "policy/rulebook.h"
#include "proxy/arguments.h"
#include "proxy/cli.h"
#include "proxy/configuration.h"
#include "rules/parse.h"
#include "rules/print.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#define FILE_MOST (64UL * 1024 * 1024)

/* --- fmt --- */

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

static bool write_all(int descriptor, struct slice text)
{
	while (text.size) {
		ssize_t written = write(descriptor, text.data, text.size);
		if (written < 0)
			return false;
		text = slice_from(text, (size_t)written);
	}
	return true;
}

/* A new file takes the place of the old one when it is whole. */
static bool replace(const void *parent, const char *file, struct slice text)
{
	char *path = realpath(file, NULL);
	char *fresh = talloc_asprintf(parent, "%s.XXXXXX", path ? path : file);
	int descriptor = path ? mkstemp(fresh) : -1;
	struct stat old;
	bool done = descriptor >= 0 && stat(path, &old) == 0 &&
		fchmod(descriptor, old.st_mode & 07777) == 0 && write_all(descriptor, text) &&
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

/* --- test --- */

/* Text of several lines, each a comment of TAP. */
static void print_comment(const char *text)
{
	struct slice rest = slice_of(text);

	while (rest.size) {
		struct slice line = slice_cut(&rest, '\n');
		printf("#   %.*s\n", SLICE_ARGS(line));
	}
}

static void print_result(const struct rule_test_result *result, size_t number)
{
	const struct place *place = &result->test->place;

	printf("%sok %zu - %s, test %zu: %s\n", result->passed ? "" : "not ", number,
		result->rule->name, result->number, result->test->matches ? "match" : "nomatch");
	if (result->passed)
		return;
	printf("#   %s:%u\n", place->file, place->line);
	print_comment(result->problem);
}

/* What the tests of a rule leave in the dark. */
static void print_gaps(
	const struct rule *rule, const struct rule_test_result *results, size_t count)
{
	bool has_matched = false;

	for (size_t i = 0; i < count; i++)
		has_matched |= results[i].rule == rule && results[i].truth == TRUTH_TRUE;
	if (!rule->item->test_count)
		printf("# rule %s has no test\n", rule->name);
	else if (!has_matched)
		printf("# rule %s never matched\n", rule->name);
}

static bool test(const void *parent, const struct policy *policy)
{
	const struct program *program = policy->rulebook ? policy->rulebook->program : NULL;
	size_t count;
	const struct rule_test_result *results = rulebook_test(parent, policy, &count);
	bool good = true;

	printf("1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		print_result(&results[i], i + 1);
		good &= results[i].passed;
	}
	for (size_t i = 0; program && i < program->rule_count; i++)
		print_gaps(program->rules[i], results, count);
	return good;
}

int cli_test(int argc, char **argv)
{
	void *all = talloc_new(NULL);
	struct complaints *complaints = complaints_new(all);
	const struct configuration *configuration = configuration_read(
		all, arguments_parse(all, ARGUMENTS_TEST, argc, argv)->file, complaints);
	bool good = complaints_errors(complaints) == 0;

	complaints_print(complaints, stderr);
	if (good)
		good = test(all, configuration->policy);
	talloc_free(all);
	return good ? 0 : 1;
}
