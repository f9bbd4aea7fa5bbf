/* SPDX-License-Identifier: Apache-2.0
 *
 * Who the client is, when somebody else says so: XCLIENT and XFORWARD on our side (Postfix's XCLIENT_README and XFORWARD_README), and what
 * a backend is told.
 *
 * Both commands are there for the peers of listen.xclient and listen.xforward only; for all others they are unknown. What counts is the
 * address with which the session began, not one announced since.
 *
 * XCLIENT begins the session anew with another client: his address is what all limits, facts, networks and logs go by, HELO and login are
 * forgotten, and the stage connect is judged again. Deviations: Postfix takes MAIL at once when HELO= was given; here a HELO must be heard, for
 * it must be judged. And an address that is not available is 0.0.0.0.
 *
 * XFORWARD only tells where the next transaction's mail came from (forwarded.*).
 */
#pragma once

#include "proxy/session.h"

/* Whether the session may use them; to be asked once, when it begins. */
void announcement_allow(struct session *s);

/* The keywords for EHLO, lines joined and ended by "\n"; "" for none. */
char *announcement_offer(const void *parent, const struct session *s);

/* Takes over what the command in hand says. */
void announcement_become(struct session *s);
void announcement_forward(struct session *s);

/* The facts of the session's client. */
void announcement_tell_client(struct session *s);

/* What XFORWARD has told becomes the transaction's, with its facts. */
void announcement_hand_over(struct session *s, struct transaction *transaction);

/* The name of the client's host for others: as announced, or forward-confirmed if it was looked up; NULL: none. It lives as long as what
 * is known of this client. */
const char *announcement_client_name(const struct session *s);

/* The client as the backend is to be told of him; stays until the transaction ends. */
const struct client_view *announcement_view(
	struct session *s, const struct backend_options *options);
