/* SPDX-License-Identifier: Apache-2.0
 *
 * The trace field that we add on top of every message: Received (RFC 5321 §4.4).
 */
#pragma once

#include "base/cidr.h"

/* How it came; bits. */
enum trace_transmission {
	TRACE_EXTENDED = 1, /* EHLO */
	TRACE_UTF8 = 2,     /* SMTPUTF8 was asked for with MAIL */
	TRACE_TLS = 4,
	TRACE_AUTHENTICATED = 8
};

struct trace_facts {
	const char *helo; /* as the client gave it, "" for none */
	const struct ip *client;
	const char *client_name; /* forward-confirmed, or NULL */
	const char *hostname;    /* ours */
	unsigned transmission;   /* bits of enum trace_transmission */
	const char *tls;         /* version and cipher, or NULL */
	const char *id;          /* of the transaction */
	const char *recipient;   /* when there is just one, else NULL */
	int64_t seconds;         /* since 1970 */
};

/* The whole field, folded, with CRLF. Nothing of a stranger's text can end the field or the comment it stands in. */
char *trace_received(const void *parent, const struct trace_facts *facts);

/* What stands behind "with": SMTP, ESMTPSA, UTF8SMTPS … (RFC 3848, RFC 6531 §4.3). */
const char *trace_protocol(unsigned transmission);

/* "Sun, 22 Nov 2026 02:28:42 +0000" */
char *trace_date(const void *parent, int64_t seconds);
