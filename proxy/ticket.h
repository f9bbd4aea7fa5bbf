/* SPDX-License-Identifier: Apache-2.0
 *
 * What belongs to a message in quarantine, as one JSON object: id, time, the client's envelope, the backend it was for, who put it there
 * and why, the verdict record, and when and to whom it was released. Whoever releases makes the envelope of it again.
 */
#pragma once

#include "policy/inquiry.h"
#include "policy/mail/envelope.h"

struct ticket {
	const char *id;
	int64_t seconds;          /* since 1970, when it came */
	int64_t released;         /* the same; 0: it was not */
	const char **released_to; /* a talloc array; NULL: to all of the envelope */
	int64_t size;             /* bytes of the message */
	const char *client, *helo;
	const char *subject; /* NULL when nobody knows it */
	const char *reason;  /* for people; may be NULL */
	const char *decided_by;
	const char *backend; /* name of it */
	const struct envelope *envelope;
	const char *record; /* the verdict record, JSON */
};

/* Under the parent. */
char *ticket_print(const void *parent, const struct ticket *ticket);

/* NULL when it is none. */
struct ticket *ticket_parse(const void *parent, const char *text);
