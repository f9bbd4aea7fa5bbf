/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses and networks of IPv4 and IPv6. IPv4-mapped IPv6 addresses become IPv4 wherever they are read,
 * so that one client has one address.
 */
#pragma once

#include "base/slice.h"

#include <sys/socket.h>

struct ip {
	uint8_t family;    /* 4, 6, or 0 for none */
	uint8_t bytes[16]; /* network order; IPv4 uses the first four, the rest is 0 */
};

struct cidr {
	struct ip ip;
	uint8_t bits;
};

struct cidrs {
	struct cidr *items;
	size_t count;
};

#define IP_TEXT_SIZE 46
#define CIDR_TEXT_SIZE (IP_TEXT_SIZE + 4)

bool ip_parse(struct slice text, struct ip *ip) __attribute__((warn_unused_result));
/* Prints the canonical form (RFC 5952); returns text. */
char *ip_print(const struct ip *ip, char text[static IP_TEXT_SIZE]);
bool ip_equals(const struct ip *a, const struct ip *b);
/* Family 0 for sockets that are not of the internet; port 0 then. */
struct ip ip_of_sockaddr(const struct sockaddr *address, uint16_t *port);
/* Fills address for connect() or bind(); returns its length. */
socklen_t ip_to_sockaddr(const struct ip *ip, uint16_t port, struct sockaddr_storage *address);
/* "HOST:PORT" or "[V6]:PORT" with a literal address. */
bool ip_parse_with_port(struct slice text, struct ip *ip, uint16_t *port)
	__attribute__((warn_unused_result));

/* "192.0.2.0/24", "2001:db8::/32", or an address alone. Host bits that are set are refused: a typing error. */
bool cidr_parse(struct slice text, struct cidr *cidr) __attribute__((warn_unused_result));
/* Prints it as it is read; returns text. */
char *cidr_print(const struct cidr *cidr, char text[static CIDR_TEXT_SIZE]);
/* The network by which a host is known that may change its address within it: a /24 of IPv4, a /64 of IPv6. */
struct cidr cidr_around(const struct ip *ip);
bool cidr_contains(const struct cidr *cidr, const struct ip *ip);
bool cidrs_contain(const struct cidrs *cidrs, const struct ip *ip);
