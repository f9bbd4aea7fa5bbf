/* SPDX-License-Identifier: Apache-2.0 */
/* Edits of an envelope, and the envelope as they make it. */
#include "policy/mail/envelope_edit.h"

#include <string.h>
#include <strings.h>
#include <talloc.h>

const char *envelope_edit_action_name(enum envelope_action action)
{
	static const char *const names[] = {
		"redirect", "add_recipient", "remove_recipient", "change_sender"};

	return names[action];
}

/* --- the list --- */

/* One per rule that acts: they are few. */
static bool append(struct envelope_edits *edits, const void *parent, enum envelope_action action,
	const struct address *address)
{
	if (!address)
		return false;
	edits->items = talloc_realloc(parent, edits->items, struct envelope_edit, edits->count + 1);
	edits->items[edits->count++] = (struct envelope_edit){action, address};
	return true;
}

static const struct address *recipient_of(const void *parent, const char *text)
{
	const struct address *address = address_parse(parent, slice_of(text));

	return address && *address->domain ? address : NULL;
}

bool envelope_edits_redirect(struct envelope_edits *edits, const void *parent, const char *address)
{
	return append(edits, parent, ENVELOPE_REDIRECT, recipient_of(parent, address));
}

bool envelope_edits_add_recipient(
	struct envelope_edits *edits, const void *parent, const char *address)
{
	return append(edits, parent, ENVELOPE_ADD_RECIPIENT, recipient_of(parent, address));
}

bool envelope_edits_remove_recipient(
	struct envelope_edits *edits, const void *parent, const char *address)
{
	return append(edits, parent, ENVELOPE_REMOVE_RECIPIENT, recipient_of(parent, address));
}

bool envelope_edits_change_sender(
	struct envelope_edits *edits, const void *parent, const char *address)
{
	static const struct address null_sender = {.local = "", .domain = "", .text = ""};
	bool is_null = !*address || strcmp(address, "<>") == 0;

	return append(edits, parent, ENVELOPE_CHANGE_SENDER,
		is_null ? &null_sender : recipient_of(parent, address));
}

void envelope_edits_append(
	struct envelope_edits *edits, const void *parent, const struct envelope_edits *others)
{
	for (size_t i = 0; i < others->count; i++)
		(void)append(edits, parent, others->items[i].action, others->items[i].address);
}

/* --- the final envelope --- */

static size_t find(const struct envelope *envelope, const struct address *address)
{
	size_t i = 0;

	while (i < envelope->count &&
		strcasecmp(envelope->recipients[i].address->text, address->text) != 0)
		i++;
	return i;
}

static void add(struct envelope *envelope, const struct address *address)
{
	const struct recipient recipient = {.address = address, .passed = true};

	if (find(envelope, address) == envelope->count)
		(void)envelope_add(envelope, &recipient);
}

/* The same address may have been named more than once. */
static void take_away(struct envelope *envelope, const struct address *address)
{
	size_t i;

	while ((i = find(envelope, address)) < envelope->count) {
		memmove(&envelope->recipients[i], &envelope->recipients[i + 1],
			(envelope->count - i - 1) * sizeof envelope->recipients[0]);
		envelope->count--;
	}
}

static void apply(struct envelope *envelope, const struct envelope_edit *edit)
{
	switch (edit->action) {
	case ENVELOPE_REDIRECT:
		envelope->count = 0;
		add(envelope, edit->address);
		break;
	case ENVELOPE_ADD_RECIPIENT:
		add(envelope, edit->address);
		break;
	case ENVELOPE_REMOVE_RECIPIENT:
		take_away(envelope, edit->address);
		break;
	case ENVELOPE_CHANGE_SENDER:
		envelope->sender = edit->address;
		break;
	}
	envelope->utf8 |= (edit->address->form & ADDRESS_UTF8) != 0;
}

struct envelope *envelope_edits_apply(
	const void *parent, const struct envelope_edits *edits, const struct envelope *envelope)
{
	struct envelope *final = talloc_memdup(parent, envelope, sizeof *envelope);

	talloc_set_name_const(final, "struct envelope");
	final->recipients = NULL;
	final->count = 0;
	for (size_t i = 0; i < envelope->count; i++) {
		if (envelope->recipients[i].passed)
			(void)envelope_add(final, &envelope->recipients[i]);
	}
	for (size_t i = 0; i < edits->count; i++)
		apply(final, &edits->items[i]);
	final->passed = final->count;
	return final;
}
