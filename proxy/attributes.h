/* SPDX-License-Identifier: Apache-2.0
 *
 * The attributes of a client as Postfix's XCLIENT and XFORWARD say them (XCLIENT_README, XFORWARD_README): name=value, the value xtext
 * (RFC 3461 §4), or [UNAVAILABLE] or [TEMPUNAVAIL].
 *
 * What is read from a peer is decoded and then must be what its name promises: an address of the family that is written, a port, a host's name; a
 * text has at most 255 bytes and no control characters, so that nothing of it can end a line anywhere (CVE-2026-28753). What is said to a
 * backend is encoded, so the same holds there.
 */
#pragma once

#include "proxy/client_view.h"

enum attribute {
	ATTRIBUTE_NAME = 1,
	ATTRIBUTE_REVERSE_NAME = 2,
	ATTRIBUTE_ADDR = 4,
	ATTRIBUTE_PORT = 8,
	ATTRIBUTE_PROTO = 16,
	ATTRIBUTE_HELO = 32,
	ATTRIBUTE_LOGIN = 64,
	ATTRIBUTE_DESTADDR = 128,
	ATTRIBUTE_DESTPORT = 256,
	ATTRIBUTE_IDENT = 512,
	ATTRIBUTE_SOURCE = 1024
};

#define ATTRIBUTES_OF_XCLIENT                                                                      \
	(ATTRIBUTE_NAME | ATTRIBUTE_REVERSE_NAME | ATTRIBUTE_ADDR | ATTRIBUTE_PORT |               \
		ATTRIBUTE_PROTO | ATTRIBUTE_HELO | ATTRIBUTE_LOGIN | ATTRIBUTE_DESTADDR |          \
		ATTRIBUTE_DESTPORT)
#define ATTRIBUTES_OF_XFORWARD                                                                     \
	(ATTRIBUTE_NAME | ATTRIBUTE_ADDR | ATTRIBUTE_PORT | ATTRIBUTE_PROTO | ATTRIBUTE_HELO |     \
		ATTRIBUTE_IDENT | ATTRIBUTE_SOURCE)

#define ATTRIBUTES_LINE 510 /* the most that attributes_print() prints */

/* Takes the attributes of a command over into the view; texts go under the parent. Which ones were given, available or not, is
 * added to *given; one that is not available is as unknown in the view as can be. NULL, or what is wrong: then the view is
 * spoilt. */
const char *attributes_parse(const void *parent, struct slice argument, unsigned allowed,
	struct client_view *view, unsigned *given);

/* The names, for our own EHLO: "XCLIENT NAME ADDR ...". */
char *attributes_offer(const void *parent, const char *verb, unsigned attributes);

/* Those that a line of a server's EHLO reply lists behind the verb; 0 when it is another line. */
unsigned attributes_listed(struct slice line, const char *verb);

/* A command that says the attributes listed; what is not known, or does not fit into the line, is [UNAVAILABLE]. */
char *attributes_print(
	const void *parent, const char *verb, unsigned listed, const struct client_view *view);
