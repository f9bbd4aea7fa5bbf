/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a milter listens: "unix:/path" (or "local:/path"), "inet:ADDRESS:PORT", "inet6:[ADDRESS]:PORT"; as Sendmail writes it, too:
 * "inet:PORT@ADDRESS". localhost is 127.0.0.1, and ::1 behind inet6; other names are not looked up.
 */
#pragma once

#include "base/slice.h"

#include <sys/socket.h>

struct milter_address {
	struct sockaddr_storage address;
	socklen_t size;
};

/* False when the text is none; *reason then says why, for people. */
bool milter_address_parse(const char *text, struct milter_address *address, const char **reason)
	__attribute__((warn_unused_result));
