/* SPDX-License-Identifier: Apache-2.0
 *
 * Hygiene at the border: header fields that only our own side may write are taken out of strangers' mail, all of them, however many
 * there are (RFC 8601 §5): Authentication-Results in our name (authserv_id or hostname), and those of hygiene.fields. It refuses
 * nothing. Clients in relay.networks and trusted_relays and those who have authenticated may bring them.
 *
 * It looks further than the judge does: beyond HEADER_FIELDS_MAXIMUM and behind lines that are no fields, up to the empty line.
 * Limit: fields that begin beyond HEADER_SIZE_MAXIMUM stay; the check "headers" refuses such a message.
 */
#pragma once

#include "policy/inquiry.h"
#include "policy/mail/edit.h"

/* Removes them, and puts an entry into the inquiry's trace when there are any. With mode = "observe" there is the entry alone. */
void hygiene_clean(struct inquiry *inquiry, struct edits *edits);

/* The authserv-id at the front of the value of an Authentication-Results (RFC 8601 §2.2): comments skipped, quotation marks undone,
 * without a dot at its end. NULL when there is none. */
char *hygiene_authserv_id(const void *parent, struct slice value);
