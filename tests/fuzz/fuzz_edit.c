/* SPDX-License-Identifier: Apache-2.0 */
/* Any edits of any message. The first bytes say what is edited, up to an empty line: each line is an action, the number of a field
 * or a place, and a value. What follows is the message. */
#include "policy/mail/edit.h"

#include <assert.h>
#include <talloc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIELD "X-Fuzz"

static char *name_of(void *scratch, const struct edits *edits, size_t number)
{
	const struct header *header = edits->header;

	return header->count ? slice_keep(scratch, header->fields[number % header->count].name)
			     : NULL;
}

/* How many fields it adds. */
static size_t edit(void *scratch, struct edits *edits, struct slice line)
{
	size_t number = line.size > 1 ? (unsigned char)line.data[1] : 0;
	char *value = slice_keep(scratch, slice_from(line, line.size > 2 ? 2 : line.size));
	enum edit_form form = number & 1 ? EDIT_TEXT : EDIT_VERBATIM;
	char *name = name_of(scratch, edits, number);

	if (line.size && line.data[0] == 'a')
		return edits_add(edits, number, FIELD, value, form);
	if (line.size && line.data[0] == 's')
		edits_prefix_subject(edits, value);
	if (!line.size || !name)
		return 0;
	if (line.data[0] == 'r')
		edits_remove_all(edits, name);
	if (line.data[0] == 'o')
		(void)edits_remove(edits, name, 0);
	if (line.data[0] == 'p')
		(void)edits_replace(edits, name, 0, value, form);
	return 0;
}

/* The slices together; their sum is the plan's. */
static struct slice joined(void *scratch, const struct edits *edits)
{
	struct edit_plan *plan = edit_plan_new(scratch, edits, slice_of(""));
	char *text = talloc_array(scratch, char, (size_t)plan->size + 1);
	size_t used = 0;

	for (size_t i = 0; i < plan->count; i++) {
		assert(plan->slices[i].size > 0);
		assert(used + plan->slices[i].size <= (size_t)plan->size);
		memcpy(text + used, plan->slices[i].data, plan->slices[i].size);
		used += plan->slices[i].size;
	}
	assert((int64_t)used == plan->size);
	return slice_make(text, used);
}

static size_t count_fields(void *scratch, struct slice message)
{
	struct header *header = header_parse(scratch, message);
	size_t count = 0;

	while (header_find(header, FIELD, count))
		count++;
	return count;
}

/* What the header does not hold is the end of what is sent. */
static void keeps_the_body(const struct header *header, struct slice message, struct slice sent)
{
	struct slice body = slice_from(message, header->size);

	assert(sent.size >= body.size);
	assert(memcmp(sent.data + sent.size - body.size, body.data, body.size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scratch = talloc_new(NULL);
	struct slice rest = slice_make((const char *)data, size), line;
	struct slice script = rest, message, sent;
	struct edits *edits;
	size_t added = 0, before;

	while ((line = slice_cut(&rest, '\n')).size)
		;
	script.size -= rest.size;
	message = slice_make(talloc_memdup(scratch, rest.data, rest.size), rest.size);
	edits = edits_new(scratch, header_parse(scratch, message), message);
	sent = joined(scratch, edits);
	assert(sent.size == message.size && memcmp(sent.data, message.data, sent.size) == 0);
	before = count_fields(scratch, message);
	while (script.size)
		added += edit(scratch, edits, slice_cut(&script, '\n'));
	sent = joined(scratch, edits);
	keeps_the_body(edits->header, message, sent);
	if (!before && sent.size < HEADER_SIZE_MAXIMUM &&
		added + edits->header->count < HEADER_FIELDS_MAXIMUM)
		assert(count_fields(scratch, sent) == added);
	talloc_free(scratch);
	return 0;
}
