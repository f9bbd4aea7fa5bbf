/* SPDX-License-Identifier: Apache-2.0
 *
 * A client's connection that is relayed as it is: bytes to and fro between it and a server of the listener's backend, nothing said, looked
 * at or changed (hybrid Exchange needs this: its own verbs, its own certificates).
 *
 * The server is one that the pool would take for mail, with a place among its connections; it hears who the client is only if the backend
 * has client = "proxy". An end in one direction is passed on as such, the other goes on. Who takes less than the other sends slows it: a
 * direction keeps at most PASSTHROUGH_BUFFER and what one read brings. Silence in both directions for listen.passthrough_idle
 * ends it. When it ends it is one line in the log.
 *
 * The limits on connections hold here as for all clients: one too many hears 421 and is closed; that is all that is ever said by us.
 */
#pragma once

#include "proxy/client_view.h"
#include "proxy/gateway.h"

#define PASSTHROUGH_BUFFER 65536

struct passthrough;

/* Takes the descriptor, and the connection's place in the gateway's count. */
void passthrough_begin(struct gateway *gateway, const struct listen_options *listen, int descriptor,
	const struct client_view *client);

/* Ends all of them at once. */
void passthrough_close_all(struct gateway *gateway);
