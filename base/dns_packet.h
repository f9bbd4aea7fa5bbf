/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer as it came in a packet (RFC 1035 §4), taken apart into records. Nothing in it is believed: what does not fit is
 * DNS_MALFORMED, pointers lead only backwards, and names that are no host names are left out (see dns.h).
 */
#pragma once

#include "base/dns.h"

/* Fills answer with what the packet says about the name and type asked for, following CNAMEs that stand in it; asked for DNS_CNAME, none is
 * followed. Records live under the parent. Whether it is secure is not in the packet; a name of NULL is any. */
void dns_packet_read(const void *parent, struct slice packet, const char *name, enum dns_type type,
	struct dns_answer *answer);

/* Reads the name at *offset, with its labels joined by dots and in small letters, and moves the offset behind it. The root is "." . A dot, backslash,
 * control or non-ASCII character inside a label is written as \DDD, so that no two names look the same. False when there is none. */
#define DNS_PACKET_NAME_SIZE 1024
bool dns_packet_read_name(struct slice packet, size_t *offset, char name[DNS_PACKET_NAME_SIZE]);

/* A name that somebody asks for, written the same way. */
char *dns_packet_print_name(const void *parent, const char *name);
