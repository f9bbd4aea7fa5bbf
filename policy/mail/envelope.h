/* SPDX-License-Identifier: Apache-2.0
 *
 * The envelope of a transaction: sender with the parameters of MAIL, recipients that were accepted.
 */
#pragma once

#include "policy/mail/address.h"
#include "policy/mail/reply.h"

enum body_type { BODY_7BIT, BODY_8BITMIME };

struct recipient {
	const struct address *address;
	bool passed; /* policy let it through and the backend said 250: the client heard 250 */
	struct reply reply; /* what the client was told */
};

struct envelope {
	const struct address *sender;
	int64_t declared_size; /* SIZE= of MAIL, or -1 */
	enum body_type body;
	bool utf8;                    /* SMTPUTF8 was asked for */
	struct recipient *recipients; /* in the order of RCPT, refused ones too */
	size_t count;
	size_t passed; /* how many of them passed */
};

struct envelope *envelope_new(const void *parent);
/* Adds a recipient, not passed yet; the address must live as long as the envelope. */
struct recipient *envelope_add(struct envelope *envelope, const struct address *address);
