/* SPDX-License-Identifier: Apache-2.0 */
/* A message that others revise. */
#include "policy/mail/revision.h"

#include "policy/mail/folding.h"

#include <assert.h>
#include <talloc.h>

#define FIRST_ROOM 32

struct line {
	struct slice name;
	struct slice value;
	const struct field *field; /* of the message; NULL: it was added */
	bool is_changed;
	bool is_above_trace;
};

/* Deleted fields of the message are told by their absence. */
struct revision {
	const struct edits *edits;
	struct slice message;        /* with our edits */
	const struct header *header; /* its own */
	struct line *lines;          /* in their order */
	size_t count;
	bool is_changed;
	bool has_new_body;
	struct slice body;
};

/* --- the beginning --- */

static bool is_untouched(const struct edits *edits)
{
	for (size_t i = 0; i < edits->count; i++) {
		if (!edits->items[i].is_above_trace)
			return false;
	}
	return true;
}

/* Our edits, but for those that stay above the trace field, applied at once. */
static struct slice apply(const void *parent, const struct edits *edits)
{
	struct edits *below = talloc_memdup(NULL, edits, sizeof *edits);
	struct edit_plan *plan;
	char *bytes;
	size_t used = 0;

	below->items = talloc_array(below, struct edit, edits->count);
	below->count = 0;
	for (size_t i = 0; i < edits->count; i++) {
		if (!edits->items[i].is_above_trace)
			below->items[below->count++] = edits->items[i];
	}
	plan = edit_plan_new(below, below, slice_of(""));
	bytes = talloc_array(parent, char, (size_t)plan->size + 1);
	for (size_t i = 0; i < plan->count; i++) {
		memcpy(bytes + used, plan->slices[i].data, plan->slices[i].size);
		used += plan->slices[i].size;
	}
	talloc_free(below);
	return slice_make(bytes, used);
}

static struct line *make_room(struct revision *revision, size_t at)
{
	size_t room = talloc_array_length(revision->lines);

	if (revision->count == room)
		revision->lines = talloc_realloc(
			revision, revision->lines, struct line, room ? 2 * room : FIRST_ROOM);
	memmove(&revision->lines[at + 1], &revision->lines[at],
		(revision->count++ - at) * sizeof *revision->lines);
	return &revision->lines[at];
}

struct revision *revision_new(const void *parent, const struct edits *edits)
{
	struct revision *revision = talloc_zero(parent, struct revision);

	revision->edits = edits;
	if (is_untouched(edits)) {
		revision->message = edits->message;
		revision->header = edits->header;
	} else {
		revision->message = apply(revision, edits);
		revision->header = header_parse(revision, revision->message);
	}
	for (size_t i = 0; i < revision->header->count; i++) {
		const struct field *field = &revision->header->fields[i];
		*make_room(revision, i) =
			(struct line){field->name, field->value, field, false, false};
	}
	return revision;
}

/* --- looking --- */

bool revision_field(
	const struct revision *revision, size_t *cursor, struct slice *name, struct slice *value)
{
	if (*cursor >= revision->count)
		return false;
	*name = revision->lines[*cursor].name;
	*value = revision->lines[(*cursor)++].value;
	return true;
}

/* The line end that the empty line is. */
static size_t gap(const struct revision *revision)
{
	struct slice rest = slice_from(revision->message, revision->header->size);

	if (rest.size > 1 && rest.data[0] == '\r' && rest.data[1] == '\n')
		return 2;
	return rest.size && (rest.data[0] == '\n' || rest.data[0] == '\r');
}

struct slice revision_body(const struct revision *revision)
{
	if (revision->has_new_body)
		return revision->body;
	return slice_from(revision->message, revision->header->size + gap(revision));
}

/* --- changing --- */

static struct slice keep(const void *parent, struct slice bytes)
{
	return slice_make(slice_keep(parent, bytes), bytes.size);
}

static bool put(struct revision *revision, size_t at, struct slice name, struct slice value)
{
	if (!folding_is_name(name))
		return false;
	revision->is_changed = true;
	*make_room(revision, at) = (struct line){
		.name = keep(revision, name), .value = keep(revision, value), .is_changed = true};
	return true;
}

bool revision_insert(struct revision *revision, size_t place, struct slice name, struct slice value)
{
	size_t above = 0;

	while (above < revision->count && revision->lines[above].is_above_trace)
		above++;
	if (place <= above) {
		if (!put(revision, place, name, value))
			return false;
		revision->lines[place].is_above_trace = true;
		return true;
	}
	return put(
		revision, place - 1 < revision->count ? place - 1 : revision->count, name, value);
}

bool revision_append(struct revision *revision, struct slice name, struct slice value)
{
	return put(revision, revision->count, name, value);
}

static size_t find(const struct revision *revision, struct slice name, size_t nth)
{
	size_t i;

	for (i = 0; i < revision->count; i++) {
		if (slice_is_same_nocase(revision->lines[i].name, name) && --nth == 0)
			break;
	}
	return i;
}

static void drop(struct revision *revision, size_t at)
{
	if (at == revision->count)
		return;
	revision->is_changed = true;
	memmove(&revision->lines[at], &revision->lines[at + 1],
		(--revision->count - at) * sizeof *revision->lines);
}

bool revision_change(struct revision *revision, struct slice name, size_t nth, struct slice value)
{
	size_t at = find(revision, name, nth ? nth : 1);

	if (!folding_is_name(name))
		return false;
	if (!value.size) {
		drop(revision, at);
		return true;
	}
	if (at == revision->count)
		return revision_append(revision, name, value);
	revision->lines[at].value = keep(revision, value);
	revision->lines[at].is_changed = revision->is_changed = true;
	return true;
}

void revision_replace_body(struct revision *revision, struct slice text)
{
	revision->is_changed = revision->has_new_body = true;
	revision->body = keep(revision, text);
}

bool revision_is_changed(const struct revision *revision)
{
	return revision->is_changed;
}

bool revision_has_new_body(const struct revision *revision)
{
	return revision->has_new_body;
}

/* --- the end --- */

static void write_line(
	struct edits *edits, const struct line *line, size_t place, const struct field *replaced)
{
	char *name = slice_keep(edits, line->name), *value = slice_keep(edits, line->value);

	if (replaced)
		edits_remove_field(edits, replaced);
	if (!edits_add(edits, place, name, value, EDIT_VERBATIM))
		assert(!"names were looked at before");
}

/* The fields of the message that are gone. */
static void remove_deleted(struct edits *edits, const struct revision *revision)
{
	const struct field *next = revision->header->fields, *last;

	if (!revision->header->count)
		return;
	last = next + revision->header->count - 1;
	for (size_t i = 0; i < revision->count; i++) {
		const struct field *field = revision->lines[i].field;
		for (; field && next < field; next++)
			edits_remove_field(edits, next);
		next += field != NULL;
	}
	for (; next <= last; next++)
		edits_remove_field(edits, next);
}

/* Before which field of the message something that is inserted stands; changed ones stand before the one whose place they take. */
static void write_lines(struct edits *edits, const struct revision *revision)
{
	size_t place = EDIT_TOP;

	for (size_t i = 0; i < revision->count; i++) {
		const struct line *line = &revision->lines[i];
		if (line->field)
			place = EDIT_TOP + (size_t)(line->field - revision->header->fields);
		if (line->is_changed)
			write_line(edits, line, line->is_above_trace ? EDIT_ABOVE_TRACE : place,
				line->field);
		place += line->field != NULL;
	}
}

/* With the empty line before it, where there was none. */
static void write_body(struct edits *edits, const struct revision *revision)
{
	size_t begin = revision->header->size + gap(revision);
	bool has_gap = gap(revision) > 0, is_written = true;

	if (!has_gap)
		is_written = edits_replace_bytes(edits, begin, 0, slice_of("\r\n"));
	if (has_gap || begin < revision->message.size || revision->body.size)
		is_written &= edits_replace_bytes(
			edits, begin, revision->message.size - begin, revision->body);
	assert(is_written);
}

struct edits *revision_edits(const void *parent, const struct revision *revision)
{
	struct edits *edits = edits_new(parent, revision->header, revision->message);

	remove_deleted(edits, revision);
	write_lines(edits, revision);
	for (size_t i = 0; i < revision->edits->count; i++) {
		if (revision->edits->items[i].is_above_trace)
			edits_take_over(edits, &revision->edits->items[i]);
	}
	if (revision->has_new_body)
		write_body(edits, revision);
	return edits;
}
