/* SPDX-License-Identifier: Apache-2.0
 *
 * What a mail server is to do so that its mail becomes what we have made of it: packets in the order in which they are to be sent, before the
 * last word. Header fields are compared, those that the server told with those there will be, so it does not matter who has edited
 * what; the body is sent anew when a byte of it has changed, recipients are added and removed one by one.
 *
 * Servers count fields in two ways: those of a name among what milters see, for what is changed and deleted; all of them with the server's own
 * Received as the first, for what is inserted. Postfix counts anew after each deletion, Sendmail does not; and what is inserted Sendmail counts
 * among fields that milters do not see, so that it may come to stand above others of its name. So all that the server has is
 * changed first, from the last field to the first, then the rest is inserted: nothing but the place of what is inserted depends on who
 * counts. A field that Sendmail would make itself, as Date, is added, so that there is one of it.
 */
#pragma once

#include "plugins/milter_wire.h"
#include "policy/mail/edit.h"
#include "policy/mail/envelope.h"

/* A field as the server told it: bytes of the message. */
struct milter_field {
	struct slice name;
	size_t at, size; /* with its line end */
};

struct milter_fields {
	struct milter_field *items;
	size_t count;
};

/* A recipient as the server told him, and as he was understood. */
struct milter_recipient {
	const char *told;
	const struct address *address;
};

/* The mail as it came. */
struct milter_letter {
	struct milter_fields fields;
	size_t header; /* bytes, without the empty line */
	struct slice message;
	const struct address *sender;
	const struct milter_recipient *recipients;
	size_t recipient_count;
};

struct milter_orders {
	struct slice *
		pieces; /* to be sent one behind the other; under the orders, or bytes of the plan */
	size_t count;
	uint32_t actions; /* that the server must have agreed to; bits */
};

/* Whether the edits make another message of the letter's: by themselves, or since they are edits of what milters have made of it. */
bool milter_orders_are_needed(const struct milter_letter *letter, const struct edits *edits);

/* The edits' texts and the letter must outlive the orders. with_space: values go with their leading blank. */
struct milter_orders *milter_orders_new(const void *parent, const struct milter_letter *letter,
	const struct edits *edits, const struct envelope *final, bool with_space);

/* Adds one packet more. */
void milter_orders_add(struct milter_orders *orders, const struct milter_packet *packet);
