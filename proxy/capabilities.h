/* SPDX-License-Identifier: Apache-2.0
 *
 * What a server says it can do (the lines of its EHLO reply, RFC 5321 §4.1.1.1), and what we say we can do.
 *
 * Hop-by-hop keywords are always ours to offer; end-to-end ones only if every server that a message may reach has them. A server
 * whose EHLO reply we do not know counts as one that can do nothing of that kind.
 */
#pragma once

#include "base/slice.h"

enum capability {
	CAPABILITY_PIPELINING = 1,
	CAPABILITY_CHUNKING = 2,
	CAPABILITY_8BITMIME = 4,
	CAPABILITY_SMTPUTF8 = 8,
	CAPABILITY_ENHANCEDSTATUSCODES = 16,
	CAPABILITY_STARTTLS = 32,
	CAPABILITY_SIZE = 64,
	CAPABILITY_DSN = 128,
	CAPABILITY_REQUIRETLS = 256
};

struct capabilities {
	bool known;        /* an EHLO or HELO reply was heard */
	unsigned keywords; /* bits of enum capability */
	int64_t size;      /* the server's limit; 0: none given */
};

/* Takes in a line of an EHLO reply, without code. Unknown keywords are passed over. */
void capabilities_add_line(struct capabilities *capabilities, struct slice line);

/* The mechanisms in a line that offers AUTH (RFC 4954 §3), as they stand there, as many whole words as
 * fit into the size; other lines change nothing. */
void capabilities_add_mechanisms(char *mechanisms, size_t size, struct slice line);

/* What both can do: for offering over several servers. */
struct capabilities capabilities_common(struct capabilities a, struct capabilities b);

/* What a listener and its limits add to the servers' capabilities. */
struct offer {
	int64_t message_size;
	int64_t messages, recipients; /* LIMITS (RFC 9422): a session, a transaction */
	bool starttls;
	bool encrypted;         /* the session is: REQUIRETLS can be kept (RFC 8689) */
	const char *mechanisms; /* of AUTH, NULL for none */
	const char
		*announcing; /* lines of XCLIENT and XFORWARD, each ended by "\n"; NULL for none */
};

/* The lines of our own EHLO reply after the first, joined by "\n". */
char *capabilities_offer(
	const void *parent, struct capabilities servers, const struct offer *offer);
