/* SPDX-License-Identifier: Apache-2.0
 *
 * Edits of an envelope, gathered in a list while a message is judged: who shall get it besides or instead, who shall not, who sends it.
 * envelope_edits_apply() makes the final envelope of them. The client's own stays as it is: it is what the client was told
 * about, and what is logged and recorded.
 *
 * They count in the order of the list: a redirection takes all recipients away that stand at that moment, those added before it too.
 * An address that is there already is not added again. Addresses are compared as they are printed, without case.
 *
 * What a recipient asked for by NOTIFY and ORCPT stays his; one who is added asks for nothing. It can happen that nobody is left: the
 * final envelope then has no recipients, and whoever sends has to refuse the message.
 */
#pragma once

#include "policy/mail/envelope.h"

enum envelope_action {
	ENVELOPE_REDIRECT,
	ENVELOPE_ADD_RECIPIENT,
	ENVELOPE_REMOVE_RECIPIENT,
	ENVELOPE_CHANGE_SENDER
};

struct envelope_edit {
	enum envelope_action action;
	const struct address *address;
};

/* All zero is none. The items are a talloc array under the parent that was given first. */
struct envelope_edits {
	struct envelope_edit *items;
	size_t count;
};

/* False when the text is no address with local part and domain; for the sender "" and "<>" are the null sender. */
bool envelope_edits_redirect(struct envelope_edits *edits, const void *parent, const char *address)
	__attribute__((warn_unused_result));
bool envelope_edits_add_recipient(struct envelope_edits *edits, const void *parent,
	const char *address) __attribute__((warn_unused_result));
bool envelope_edits_remove_recipient(struct envelope_edits *edits, const void *parent,
	const char *address) __attribute__((warn_unused_result));
bool envelope_edits_change_sender(struct envelope_edits *edits, const void *parent,
	const char *address) __attribute__((warn_unused_result));

/* Those of another list, whose addresses must live as long. */
void envelope_edits_append(
	struct envelope_edits *edits, const void *parent, const struct envelope_edits *others);

/* "redirect", "add_recipient", "remove_recipient", "change_sender" */
const char *envelope_edit_action_name(enum envelope_action action);

/* The final envelope: its recipients are those who shall get the message, all of them marked as passed. It borrows from both. */
struct envelope *envelope_edits_apply(
	const void *parent, const struct envelope_edits *edits, const struct envelope *envelope);
