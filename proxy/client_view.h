/* SPDX-License-Identifier: Apache-2.0
 *
 * Who the client is, as it is told from one part to the next: from what a load balancer or a proxy before us announced, and to a backend
 * that wants to know. The texts belong to whoever fills the struct, are as the client or the announcer said them, and have no
 * control characters.
 */
#pragma once

#include "base/cidr.h"

struct client_view {
	struct ip ip;
	uint16_t port;    /* 0: not known */
	struct ip server; /* where he has connected to; family 0: not known */
	uint16_t server_port;
	struct ip proxy;  /* who connected to us for him; family 0: he himself did */
	const char *name; /* of the host, by whoever has looked it up; NULL: not known */
	const char *helo;
	const char *protocol; /* SMTP or ESMTP */
	const char *login;    /* who has authenticated */
	const char *
		ident; /* what XFORWARD tells besides: an id in the log of another, and LOCAL or REMOTE */
	const char *source;
};
