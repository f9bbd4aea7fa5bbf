/* SPDX-License-Identifier: Apache-2.0
 *
 * The envelope of a transaction: sender with the parameters of MAIL, recipients that were accepted.
 */
#pragma once

#include "policy/mail/address.h"
#include "policy/mail/reply.h"

enum body_type { BODY_7BIT, BODY_8BITMIME };

/* RET= of MAIL (RFC 3461 §4.3): what a bounce shall hold. */
enum dsn_return { RETURN_UNSAID, RETURN_FULL, RETURN_HEADERS };

/* NOTIFY= of RCPT (RFC 3461 §4.1); bits, 0 when it was not said. */
enum dsn_notify { NOTIFY_NEVER = 1, NOTIFY_SUCCESS = 2, NOTIFY_FAILURE = 4, NOTIFY_DELAY = 8 };

/* "NEVER", "SUCCESS" … in the order of the bits, NULL-ended. */
extern const char *const envelope_notify_names[];

struct recipient {
	const struct address *address;
	unsigned notify; /* bits of enum dsn_notify */
	const char *
		original; /* ORCPT=, type;xtext as it came and well-formed; NULL when it was not said */
	bool passed;      /* policy let it through and the backend said 250: the client heard 250 */
	struct reply reply; /* what the client was told */
};

struct envelope {
	const struct address *sender;
	int64_t declared_size; /* SIZE= of MAIL, or -1 */
	enum body_type body;
	bool utf8;        /* SMTPUTF8 was asked for */
	bool require_tls; /* REQUIRETLS was asked for */
	enum dsn_return dsn_return;
	const char
		*dsn_id; /* ENVID=, xtext as it came and well-formed; NULL when it was not said */
	struct recipient *recipients; /* in the order of RCPT, refused ones too */
	size_t count;
	size_t passed; /* how many of them passed */
};

struct envelope *envelope_new(const void *parent);
/* Adds a recipient, not passed yet; what it points to must live as long as the envelope. */
struct recipient *envelope_add(struct envelope *envelope, const struct recipient *recipient);

/* Whether delivery status notifications were spoken of (RFC 3461). */
bool envelope_has_dsn(const struct envelope *envelope);
bool envelope_asks_dsn(const struct recipient *recipient);
