/* SPDX-License-Identifier: Apache-2.0 */
/* The envelope: who sends, who shall receive. */
#include "policy/mail/envelope.h"

#include <talloc.h>

/* Most mail has one recipient; those with many double their room. */
#define FIRST_ROOM 2

const char *const envelope_notify_names[] = {"NEVER", "SUCCESS", "FAILURE", "DELAY", NULL};

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

struct recipient *envelope_add(struct envelope *envelope, const struct recipient *recipient)
{
	struct recipient *added;

	if (is_full(envelope))
		envelope->recipients = talloc_realloc(envelope, envelope->recipients,
			struct recipient, envelope->count ? 2 * envelope->count : FIRST_ROOM);
	added = &envelope->recipients[envelope->count++];
	*added = *recipient;
	return added;
}

bool envelope_asks_dsn(const struct recipient *recipient)
{
	return recipient->notify || recipient->original;
}

bool envelope_has_dsn(const struct envelope *envelope)
{
	bool has_dsn = envelope->dsn_return != RETURN_UNSAID || envelope->dsn_id;

	for (size_t i = 0; i < envelope->count && !has_dsn; i++)
		has_dsn = envelope_asks_dsn(&envelope->recipients[i]);
	return has_dsn;
}
