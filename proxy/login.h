/* SPDX-License-Identifier: Apache-2.0
 *
 * A login: the dialogue of AUTH (RFC 4954), relayed between a client and the backend connection that is its own, step by step and word for
 * word, whatever the mechanism. The gateway never learns whether a password is good; it hears it from the backend.
 *
 * Only what is base64, "*" or "=" goes to the backend; anything else cancels the exchange there and answers 501, or 500 5.5.6 when it is too
 * long. When the backend has said 235, EHLO is said again on its connection, for what it offers may have changed (RFC 4954 §4).
 *
 * Who it was is read from what the client said, for mechanisms in which it says so; it is a name for logs and rules, not a proof of
 * more than the backend's 235.
 */
#pragma once

#include "proxy/backend.h"

#define LOGIN_LINE_MAXIMUM 12288                                      /* RFC 4954 §4 */
#define LOGIN_TOO_LONG "the authentication exchange line is too long" /* with 500 5.5.6 */

struct login {
	struct gateway *gateway;
	struct stream *client;
	struct backend *backend;
	struct steps steps;
	struct await *await; /* of whoever asked */
	const char *mechanism;
	const char *initial; /* response in the command, NULL for none */
	unsigned responses;  /* that the client has given */
	bool given_up;       /* the backend was told so: only a refusal answers that */
	bool spoilt;         /* by something that is no base64 */
	bool too_long;       /* that is what spoilt it */
	bool succeeded;
	struct reply
		reply; /* what the client shall hear; code 0 when it is gone; with 421 the session ends */
	const char *user; /* NULL when it cannot be told */
};

/* The mechanisms to offer out of those that the backend offers ("PLAIN LOGIN …"): without -PLUS, since channel binding cannot pass who ends TLS,
 * and those that show the password only when the backend's connection is encrypted. NULL when none is left. */
char *login_offer(const void *parent, const char *mechanisms, bool backend_encrypted);

bool login_is_offered(const char *offer, struct slice mechanism);

/* Runs the dialogue; both must stay until it is done. The strings are copied. */
struct login *login_begin(const void *parent, struct gateway *gateway, struct stream *client,
	struct backend *backend, struct slice mechanism, struct slice initial, struct await *await);

/* The name in a client's response (base64), under the parent; NULL when there is none. number counts responses from 0. */
char *login_name(const void *parent, const char *mechanism, unsigned number, struct slice response);
