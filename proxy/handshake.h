/* SPDX-License-Identifier: Apache-2.0
 *
 * A session's TLS: whether it is offered, the handshake, and what the facts, the counters and the log have of it. For session.c, whose
 * steps wait for it, and for what depends on the offer.
 */
#pragma once

#include "proxy/session.h"

/* How long a client may take, in milliseconds. */
#define HANDSHAKE_PATIENCE 60000

/* Whether STARTTLS is offered: not inside TLS, and not to who has proved unable to do it, unless nothing comes without. */
bool handshake_is_offered(const struct session *s);

/* Begins it; the session's await tells when it is over. The session has TLS, and nothing is unsent. */
void handshake_begin(struct session *s);

/* Whether it has succeeded, now that it is over. If so, the facts tell of it; if not, the log does. */
bool handshake_has_succeeded(struct session *s);
