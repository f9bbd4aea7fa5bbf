/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a rule file: it is read, and what was understood is printed, read again, and printed the same. */
#include "rules/parse.h"
#include "rules/print.h"
#include "rules/program.h"
#include "rules/rule_test.h"
#include "rules/sources.h"
#include "tests/fakes/vocabulary.h"

#include <assert.h>
#include <stdlib.h>
#include <talloc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const void *parent, const struct tree *tree)
{
	char *text = NULL, *copy;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	print_tree(tree, out);
	fclose(out);
	copy = talloc_strndup(parent, text, size);
	free(text);
	return copy;
}

static void try_print(const void *parent, const struct tree *tree)
{
	struct complaints *complaints = complaints_new(parent);
	char *once = print(parent, tree);
	struct tree *again = parse_text(parent, "again", slice_of(once), complaints);

	assert(complaints_errors(complaints) == 0);
	assert(strcmp(print(parent, again), once) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scratch = talloc_new(NULL);
	struct complaints *complaints = complaints_new(scratch);
	struct sources *sources =
		sources_of_text(scratch, "rules", slice_make((const char *)data, size), complaints);
	size_t errors = complaints_errors(complaints);
	struct program *program = program_new(
		scratch, &fake_vocabulary, sources->items, sources->item_count, NULL, complaints);

	rule_test_check(program, complaints);
	assert(*complaints_text(scratch, complaints) == '\0' || complaints_errors(complaints) ||
		complaints_warnings(complaints));
	if (!errors)
		try_print(scratch, sources->trees[0]);
	talloc_free(scratch);
	return 0;
}
