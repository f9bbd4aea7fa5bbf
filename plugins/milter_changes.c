/* SPDX-License-Identifier: Apache-2.0 */
/* What a milter wants to be changed. */
#include "plugins/milter_changes.h"

#include "policy/amendment.h"
#include "policy/mail/revision.h"

#include <talloc.h>

struct change {
	char byte;
	uint32_t number;
	char *name; /* or an address */
	struct slice value;
};

struct milter_changes {
	uint64_t body_most;
	struct change *items;
	size_t count;
	size_t header_size;
	bool has_body;
	char *body; /* a talloc array, larger than what is in it */
	size_t body_size;
	const char *quarantine;
};

static const struct {
	char byte;
	uint32_t action;
} rows[] = {
	{MILTER_ADD_HEADER, MILTER_ADD_HEADERS},
	{MILTER_INSERT_HEADER, MILTER_ADD_HEADERS},
	{MILTER_CHANGE_HEADER, MILTER_CHANGE_HEADERS},
	{MILTER_NEW_SENDER, MILTER_CHANGE_SENDER},
	{MILTER_NEW_RECIPIENT, MILTER_ADD_RECIPIENTS},
	{MILTER_NEW_RECIPIENT_PARAMETERS, MILTER_ADD_RECIPIENTS_PARAMETERS},
	{MILTER_REMOVE_RECIPIENT, MILTER_DELETE_RECIPIENTS},
	{MILTER_REPLACE_BODY, MILTER_CHANGE_BODY},
	{MILTER_QUARANTINE, MILTER_QUARANTINES},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool milter_changes_is_one(char byte)
{
	return milter_changes_action(byte) != 0;
}

uint32_t milter_changes_action(char byte)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].byte == byte)
			return rows[i].action;
	}
	return 0;
}

struct milter_changes *milter_changes_new(const void *parent, uint64_t body_most)
{
	struct milter_changes *changes = talloc_zero(parent, struct milter_changes);

	changes->body_most = body_most;
	return changes;
}

/* --- gathering --- */

static const char *add_body(struct milter_changes *changes, struct slice bytes)
{
	size_t room = talloc_array_length(changes->body), needed = changes->body_size + bytes.size;

	if (needed > changes->body_most)
		return "the new body is too large";
	if (room < needed)
		changes->body = talloc_realloc(
			changes, changes->body, char, needed < 2 * room ? 2 * room : needed);
	if (bytes.size)
		memcpy(changes->body + changes->body_size, bytes.data, bytes.size);
	changes->body_size = needed;
	changes->has_body = true;
	return NULL;
}

/* Behind the colon. */
static struct slice print_value(const void *parent, struct slice value, bool with_space)
{
	char *text = talloc_asprintf(parent, "%s%.*s", with_space ? "" : " ", SLICE_ARGS(value));

	return slice_make(text, value.size + !with_space);
}

static bool has_field(char byte)
{
	return byte == MILTER_ADD_HEADER || byte == MILTER_INSERT_HEADER ||
		byte == MILTER_CHANGE_HEADER;
}

static const char *add_item(
	struct milter_changes *changes, const struct milter_packet *packet, bool with_space)
{
	struct change change = {
		.byte = packet->byte, .number = packet->numbers[0], .value = slice_of("")};

	if (changes->count == MILTER_CHANGES_MOST)
		return "it wants too many changes";
	change.name = slice_keep(changes, packet->texts[0]);
	if (has_field(packet->byte)) {
		changes->header_size += packet->texts[0].size + packet->texts[1].size;
		if (packet->texts[1].size)
			change.value = print_value(changes, packet->texts[1], with_space);
	}
	if (changes->header_size > MILTER_HEADER_MOST)
		return "its fields are too large";
	if (changes->count == talloc_array_length(changes->items))
		changes->items = talloc_realloc(changes, changes->items, struct change,
			changes->count ? 2 * changes->count : 8);
	changes->items[changes->count++] = change;
	return NULL;
}

const char *milter_changes_add(
	struct milter_changes *changes, const struct milter_packet *packet, bool with_space)
{
	if (packet->byte == MILTER_REPLACE_BODY)
		return add_body(changes, packet->bytes);
	if (packet->byte != MILTER_QUARANTINE)
		return add_item(changes, packet, with_space);
	if (!changes->quarantine)
		changes->quarantine = slice_keep(changes, packet->texts[0]);
	return NULL;
}

const char *milter_changes_quarantine(const struct milter_changes *changes)
{
	return changes->quarantine;
}

/* --- doing it --- */

static bool add_field(struct inquiry *inquiry, const struct change *change)
{
	return revision_append(amendment_revision(inquiry), slice_of(change->name), change->value);
}

static bool insert_field(struct inquiry *inquiry, const struct change *change)
{
	return revision_insert(
		amendment_revision(inquiry), change->number, slice_of(change->name), change->value);
}

static bool change_field(struct inquiry *inquiry, const struct change *change)
{
	return revision_change(
		amendment_revision(inquiry), slice_of(change->name), change->number, change->value);
}

static bool change_sender(struct inquiry *inquiry, const struct change *change)
{
	return envelope_edits_change_sender(&inquiry->mail->envelope_edits, inquiry, change->name);
}

static bool add_recipient(struct inquiry *inquiry, const struct change *change)
{
	return envelope_edits_add_recipient(&inquiry->mail->envelope_edits, inquiry, change->name);
}

static bool remove_recipient(struct inquiry *inquiry, const struct change *change)
{
	return envelope_edits_remove_recipient(
		&inquiry->mail->envelope_edits, inquiry, change->name);
}

static const struct {
	char byte;
	bool (*act)(struct inquiry *inquiry, const struct change *change);
} acts[] = {
	{MILTER_ADD_HEADER, add_field},
	{MILTER_INSERT_HEADER, insert_field},
	{MILTER_CHANGE_HEADER, change_field},
	{MILTER_NEW_SENDER, change_sender},
	{MILTER_NEW_RECIPIENT, add_recipient},
	{MILTER_NEW_RECIPIENT_PARAMETERS, add_recipient},
	{MILTER_REMOVE_RECIPIENT, remove_recipient},
};

static bool act(struct inquiry *inquiry, const struct change *change)
{
	size_t i = 0;

	while (i < COUNT(acts) && acts[i].byte != change->byte)
		i++;
	return i < COUNT(acts) && acts[i].act(inquiry, change);
}

size_t milter_changes_apply(const struct milter_changes *changes, struct inquiry *inquiry)
{
	size_t failed = 0;

	for (size_t i = 0; i < changes->count; i++)
		failed += !act(inquiry, &changes->items[i]);
	if (changes->has_body)
		revision_replace_body(amendment_revision(inquiry),
			slice_make(changes->body ? changes->body : "", changes->body_size));
	return failed;
}
