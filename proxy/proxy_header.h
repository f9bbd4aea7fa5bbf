/* SPDX-License-Identifier: Apache-2.0
 *
 * The header of the PROXY protocol, versions 1 and 2: what a load balancer says before all else on a connection, so that the server knows
 * whose it is. A parser over what has come so far, and the printer of version 2.
 *
 * Strict, since it decides who the client is: version 1 has at most 107 bytes, one blank between words, ports without leading zeros;
 * version 2 at most 4096 bytes behind its first 16, the addresses of its family whole, and behind them only whole TLVs (which
 * are passed over). A family other than TCP over IPv4 or IPv6 (UDP, a socket in the file system) announces nobody, but its
 * length must be right too; one that the protocol does not know is malformed. Never is a byte looked at that did not come.
 */
#pragma once

#include "base/cidr.h"

#define PROXY_HEADER_MAXIMUM (16 + 4096)
#define PROXY_HEADER_PRINTED 52 /* the most that proxy_header_print() writes */

enum proxy_header_outcome {
	PROXY_HEADER_MORE, /* it may become one */
	PROXY_HEADER_COMPLETE,
	PROXY_HEADER_MALFORMED /* whatever may come */
};

struct proxy_header {
	size_t size; /* so many bytes are the header; what follows is the client's */
	bool announces; /* a client; else (LOCAL, UNKNOWN, no TCP) it is the peer's own connection, and the rest is empty */
	struct ip client, server;
	uint16_t client_port, server_port;
};

/* Looks at all that has come on a connection. The header is filled when it is complete. */
enum proxy_header_outcome proxy_header_parse(struct slice bytes, struct proxy_header *header);

/* Writes version 2; how many bytes. One that announces nobody is LOCAL, and so is one whose client has no address. A server of no or
 * another family is printed as zeros. */
size_t proxy_header_print(const struct proxy_header *header, char out[PROXY_HEADER_PRINTED]);
