/* SPDX-License-Identifier: Apache-2.0 */
/* The envelope: who sends, who shall receive. */
#include "policy/mail/envelope.h"

#include <talloc.h>

/* Most mail has one recipient; those with many double their room. */
#define FIRST_ROOM 2

struct envelope *envelope_new(const void *parent)
{
	struct envelope *envelope = talloc_zero(parent, struct envelope);

	envelope->declared_size = -1;
	return envelope;
}

static bool is_full(const struct envelope *envelope)
{
	return envelope->count == talloc_array_length(envelope->recipients);
}

struct recipient *envelope_add(struct envelope *envelope, const struct address *address)
{
	struct recipient *recipient;

	if (is_full(envelope))
		envelope->recipients = talloc_realloc(envelope, envelope->recipients,
			struct recipient, envelope->count ? 2 * envelope->count : FIRST_ROOM);
	recipient = &envelope->recipients[envelope->count++];
	*recipient = (struct recipient){.address = address};
	return recipient;
}
