/* SPDX-License-Identifier: Apache-2.0 */
/* Edits of a message, and the message as they make it. */
#include "policy/mail/edit.h"

#include "policy/mail/folding.h"

#include <assert.h>
#include <stdlib.h>
#include <talloc.h>

#define FIRST_ROOM 8
#define SLICES_OF_AN_EDIT 4 /* the message before it, its text, line ends that were missing */
#define SLICES_BESIDES 5    /* the trace, an empty line, the rest of the message, line ends */

const char *edit_action_name(enum edit_action action)
{
	static const char *const names[] = {
		"add_header", "remove_header", "replace_header", "replace_bytes"};

	return names[action];
}

/* --- the list --- */

struct edits *edits_new(const void *parent, const struct header *header, struct slice message)
{
	struct edits *edits = talloc_zero(parent, struct edits);

	edits->header = header;
	edits->message = message;
	return edits;
}

static struct edit *append(struct edits *edits, enum edit_action action, struct slice name)
{
	size_t room = talloc_array_length(edits->items);
	struct edit *edit;

	if (edits->count == room)
		edits->items = talloc_realloc(
			edits, edits->items, struct edit, room ? 2 * room : FIRST_ROOM);
	edit = &edits->items[edits->count++];
	*edit = (struct edit){.action = action, .name = name, .text = slice_of("")};
	return edit;
}

static char *print(struct edits *edits, const char *name, const char *value, enum edit_form form)
{
	return (form == EDIT_TEXT ? folding_print : folding_print_verbatim)(
		edits, name, slice_of(value));
}

static size_t offset_of(const struct edits *edits, const struct field *field)
{
	return (size_t)(field->whole.data - edits->message.data);
}

bool edits_add(
	struct edits *edits, size_t place, const char *name, const char *value, enum edit_form form)
{
	const struct header *header = edits->header;
	struct edit *edit;

	if (!folding_is_name(slice_of(name)))
		return false;
	edit = append(edits, EDIT_ADD, slice_of(talloc_strdup(edits, name)));
	edit->text = slice_of(print(edits, name, value, form));
	edit->is_above_trace = place == EDIT_ABOVE_TRACE;
	if (place > header->count)
		edit->at = header->size;
	else if (place > EDIT_TOP)
		edit->at = offset_of(edits, &header->fields[place - 1]);
	return true;
}

static struct edit *append_for(
	struct edits *edits, enum edit_action action, const struct field *field)
{
	struct edit *edit = append(edits, action, field->name);

	edit->at = offset_of(edits, field);
	edit->size = field->whole.size;
	return edit;
}

bool edits_replace(
	struct edits *edits, const char *name, size_t nth, const char *value, enum edit_form form)
{
	const struct field *field = header_find(edits->header, name, nth);

	if (!field || !folding_is_name(slice_of(name)))
		return false;
	append_for(edits, EDIT_REPLACE, field)->text = slice_of(print(edits, name, value, form));
	return true;
}

void edits_remove_field(struct edits *edits, const struct field *field)
{
	append_for(edits, EDIT_REMOVE, field);
}

bool edits_remove(struct edits *edits, const char *name, size_t nth)
{
	const struct field *field = header_find(edits->header, name, nth);

	if (field)
		edits_remove_field(edits, field);
	return field != NULL;
}

size_t edits_remove_all(struct edits *edits, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < edits->header->count; i++) {
		if (!slice_equals_nocase(edits->header->fields[i].name, name))
			continue;
		edits_remove_field(edits, &edits->header->fields[i]);
		count++;
	}
	return count;
}

bool edits_replace_bytes(struct edits *edits, size_t at, size_t size, struct slice text)
{
	struct edit *edit;

	if (at < edits->header->size || at > edits->message.size || size > edits->message.size - at)
		return false;
	edit = append(edits, EDIT_BYTES, slice_of(""));
	edit->at = at;
	edit->size = size;
	if (text.size)
		edit->text = slice_make(talloc_memdup(edits, text.data, text.size), text.size);
	return true;
}

void edits_take_over(struct edits *edits, const struct edit *edit)
{
	*append(edits, edit->action, edit->name) = *edit;
}

/* The prefix on a line of its own, or before the old text where that fits: what came folded and encoded stays so. */
static char *prefixed_subject(struct edits *edits, const char *prefix, struct slice value)
{
	char *old = folding_print_verbatim(edits, "Subject", value);
	struct slice text = slice_from(slice_of(old), strlen("Subject:"));
	bool is_encoded = slice_starts_nocase(slice_trim(text), "=?");
	/* Between two encoded-words a blank is not seen. */
	char *wanted = talloc_asprintf(edits, "%s%s", prefix, is_encoded ? " " : "");
	char *front = folding_print(edits, "Subject", slice_of(wanted));
	size_t size = strlen(front) - 2, column = size, first = slice_find(text, '\r');
	const char *fold = "";

	while (column && front[column - 1] != '\n')
		column--;
	if (first && size - column + first > FOLDING_LINE)
		fold = "\r\n";
	return talloc_asprintf(edits, "%.*s%s%s", (int)size, front, fold, text.data);
}

void edits_prefix_subject(struct edits *edits, const char *prefix)
{
	const struct header *header = edits->header;
	bool found = false;

	for (size_t i = 0; i < header->count; i++) {
		const struct field *field = &header->fields[i];
		if (!slice_equals_nocase(field->name, "Subject"))
			continue;
		append_for(edits, EDIT_REPLACE, field)->text =
			slice_of(prefixed_subject(edits, prefix, field->value));
		found = true;
	}
	if (!found)
		(void)edits_add(edits, EDIT_END, "Subject", prefix, EDIT_TEXT);
}

/* --- the plan --- */

/* A plan in the making. */
struct planning {
	struct edit_plan *plan;
	const struct edits *edits;
	size_t at;    /* of the message, what has been dealt with */
	bool is_seam; /* a field was added or cut out last: what follows begins a line */
};

static void put(struct planning *planning, struct slice bytes)
{
	struct edit_plan *plan = planning->plan;

	if (!bytes.size)
		return;
	plan->slices[plan->count++] = bytes;
	plan->size += (int64_t)bytes.size;
}

/* What came last has a line end that all agree on: not so a last line without one, or a line that ends with CR alone. */
static void end_line(struct planning *planning)
{
	const struct edit_plan *plan = planning->plan;
	const struct slice *last = plan->count ? &plan->slices[plan->count - 1] : NULL;
	char end = last ? last->data[last->size - 1] : '\n';

	if (end != '\n')
		put(planning, slice_of(end == '\r' ? "\n" : "\r\n"));
}

/* Names of fields may begin with one. */
static bool has_dot_line(struct slice field)
{
	while (field.size && field.data[0] != '.')
		(void)slice_cut(&field, '\n');
	return field.size;
}

static void put_field(struct planning *planning, struct slice field)
{
	planning->is_seam = true;
	if (!field.size)
		return;
	end_line(planning);
	planning->plan->needs_stuffing |= has_dot_line(field);
	put(planning, field);
}

/* Behind what was cut out of the header a line begins. */
static void end_seam(struct planning *planning, struct slice next)
{
	if (!next.size)
		return;
	if (planning->is_seam)
		end_line(planning);
	planning->is_seam = false;
}

static void put_bytes(struct planning *planning, struct slice bytes)
{
	end_seam(planning, bytes);
	planning->plan->needs_stuffing = true;
	put(planning, bytes);
}

/* By place; at one place what is inserted comes first, fields before bytes; the rest by its order in the list. */
static int compare(const void *first, const void *second)
{
	const struct edit *a = *(const struct edit *const *)first;
	const struct edit *b = *(const struct edit *const *)second;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (!a->size != !b->size)
		return a->size ? 1 : -1;
	if ((a->action == EDIT_BYTES) != (b->action == EDIT_BYTES))
		return a->action == EDIT_BYTES ? 1 : -1;
	return a < b ? -1 : a > b;
}

static const struct edit **sorted(const void *parent, const struct edits *edits)
{
	const struct edit **order = talloc_array(parent, const struct edit *, edits->count + 1);

	for (size_t i = 0; i < edits->count; i++)
		order[i] = &edits->items[i];
	qsort(order, edits->count, sizeof *order, compare);
	order[edits->count] = NULL;
	return order;
}

/* By another edit of the same bytes, or of what they stand in. */
static bool is_superseded(const struct planning *planning, const struct edit *const *edit)
{
	return edit[0]->at < planning->at ||
		(edit[0]->size && edit[1] && edit[1]->at == edit[0]->at);
}

/* The message as far as the place. Behind what was cut out a line begins, or an empty line there would not end the header any
 * more. A first line that begins with a blank would continue a field that we have put before it, and become its text: an empty
 * line keeps it what it is. */
static void put_message(struct planning *planning, size_t place)
{
	const char *data = planning->edits->message.data + planning->at;
	struct slice bytes = slice_make(data, place - planning->at);
	bool begins_blank = bytes.size && (bytes.data[0] == ' ' || bytes.data[0] == '\t');

	assert(planning->at <= place);
	end_seam(planning, bytes);
	if (planning->at == 0 && planning->plan->count && begins_blank)
		put(planning, slice_of("\r\n"));
	put(planning, bytes);
	planning->at = place;
}

static void put_edit(struct planning *planning, const struct edit *edit)
{
	put_message(planning, edit->at);
	if (edit->action == EDIT_BYTES)
		put_bytes(planning, edit->text);
	else
		put_field(planning, edit->text);
	planning->at += edit->size;
}

struct edit_plan *edit_plan_new(const void *parent, const struct edits *edits, struct slice trace)
{
	struct edit_plan *plan = talloc_zero(parent, struct edit_plan);
	struct planning planning = {.plan = plan, .edits = edits};
	const struct edit **order = sorted(plan, edits);

	plan->slices =
		talloc_array(plan, struct slice, SLICES_OF_AN_EDIT * edits->count + SLICES_BESIDES);
	for (const struct edit **edit = order; *edit; edit++) {
		if ((*edit)->is_above_trace)
			put_field(&planning, (*edit)->text);
	}
	put_field(&planning, trace);
	for (const struct edit **edit = order; *edit; edit++) {
		if (!(*edit)->is_above_trace && !is_superseded(&planning, edit))
			put_edit(&planning, *edit);
	}
	put_message(&planning, edits->message.size);
	talloc_free(order);
	return plan;
}
