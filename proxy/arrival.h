/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens to a connection between its being accepted and its session: who the client is, and whether it becomes a session at all.
 *
 * From a peer in listen.proxy_protocol the first that comes must be a header of the PROXY protocol, whole within five seconds. It is
 * looked at without being taken from the socket, so that what follows it (TLS on an implicit listener) is there untouched. A header that is
 * none, or late, ends the connection without a word. One that announces nobody (LOCAL, UNKNOWN), and a peer that connects and leaves,
 * is a load balancer that looks whether we are there.
 *
 * Then the client is known, and is relayed as he comes if he is in listen.passthrough (passthrough.h); else it is a session.
 */
#pragma once

#include "proxy/client_view.h"
#include "proxy/gateway.h"

struct arrival;

/* Takes the descriptor, and the connection's place in the gateway's count. */
void arrival_begin(struct gateway *gateway, const struct listen_options *listen, int descriptor,
	const struct client_view *peer);

/* Closes those whose header is still awaited. */
void arrival_close_all(struct gateway *gateway);
