/* SPDX-License-Identifier: Apache-2.0
 *
 * The verbs of SMTP, a row each. All take the same road through the steps of session.c: found, allowed now?, parsed, prepared,
 * judged, relayed, changed, answered. A row says what is particular to a verb; its functions are straight lines that never
 * wait.
 */
#pragma once

#include "proxy/session.h"

/* What must be so for a verb to be allowed; looked at in this order. */
enum requirement {
	NEEDS_HELO = 1,
	NEEDS_NO_TRANSACTION = 2,
	NEEDS_TRANSACTION = 4,
	NEEDS_RECIPIENT = 8,
	NEEDS_ITS_TURN = 4096, /* the last of what is sent together (RFC 2920 §3.1) */
	NEEDS_TLS_OFFER = 16,
	NEEDS_NO_CHUNK = 32,
	NEEDS_AUTH_OFFER = 128,
	NEEDS_ENCRYPTION_FOR_AUTH = 256,
	NEEDS_NO_LOGIN = 512,
	NEEDS_LOGIN = 1024,
	NEEDS_TLS = 2048,              /* where the listener requires it */
	NEEDS_XCLIENT = 16384,         /* the verb is there only for who may announce a client */
	NEEDS_XFORWARD = 8192,         /* and for who may forward one */
	NEEDS_RECIPIENT_OF_CHUNKS = 64 /* RFC 3030 §2 has a code of its own */
};

/* Where the session goes after the answer. */
enum after {
	AFTER_READ_COMMAND,
	AFTER_RECEIVE_BODY,
	AFTER_RECEIVE_CHUNK,
	AFTER_START_TLS,
	AFTER_BEGIN_ANEW, /* with a greeting: it says who the client is */
	AFTER_FAREWELL
};

/* What of it the backend is asked while the client waits. */
enum relay { RELAY_NOTHING, RELAY_OFFER, RELAY_LOGIN, RELAY_RECIPIENT };

#define NO_STAGE (-1)

struct verb {
	const char *name;
	unsigned requires;
	/* Of the argument; NULL when good. */
	const struct reply *(*parse)(const void *parent, struct command *command);
	/* Tells the facts that the judge needs; may refuse by setting the session's reply. NULL for none. */
	void (*prepare)(struct session *s);
	/* Takes back what prepare did, when the command is refused. NULL for none. */
	void (*undo)(struct session *s);
	int stage; /* enum stage at which it is judged, or NO_STAGE */
	enum relay relay;
	bool is_idle; /* brings the session no further: counted */
	/* What is so now that it has passed, and the reply to it. */
	void (*change)(struct session *s);
	enum after after;
};

/* Whether it is one of those that Exchange servers use among themselves (CVE-2003-0714, CVE-2005-0560): trusted ones do not come this way. */
bool verb_is_hostile(struct slice name);

/* Whether a line, or the beginning of one, can be of no command: HTTP, a header field, or no letter in the first place. */
bool verb_is_foreign(struct slice line);

/* NULL for an unknown one. */
const struct verb *verb_find(struct slice name);

/* Whether the verb is there for this session; if not it is unknown. */
bool verb_is_there(const struct verb *verb, const struct session *s);

/* The reply to a verb out of order, under the parent, or NULL when it is allowed. */
const struct reply *verb_forbidden(
	const void *parent, const struct verb *verb, const struct session *s);
