/* SPDX-License-Identifier: Apache-2.0
 *
 * What a mail server tells us of its client, as a session knows it: the client behind a CONNECT, the facts behind macros, and the commands that MAIL
 * and RCPT were, parsed by the same grammar as those that clients send us. Parameters that we do not know have been taken by the server, and are passed
 * over.
 *
 * A client that did not come over the network is 127.0.0.1, one whose address the server does not know 0.0.0.0.
 */
#pragma once

#include "plugins/milter_values.h"
#include "proxy/session.h"

/* False when what stands there is no address. */
bool milter_facts_client(const struct milter_packet *packet, struct client_view *client)
	__attribute__((warn_unused_result));

/* At CONNECT: by which of its listeners, and at which of its addresses, the server was reached. Texts live under the parent. */
void milter_facts_tell_server(
	struct session *s, const void *parent, const struct milter_values *values);

/* At HELO: what is known of TLS; at MAIL: of AUTH. What was told before is forgotten; texts live under the parent. */
void milter_facts_tell_tls(
	struct session *s, const void *parent, const struct milter_values *values);
void milter_facts_tell_login(
	struct session *s, const void *parent, const struct milter_values *values);

/* The session's command becomes the MAIL or RCPT of a packet. NULL, or the reply that says what is wrong with it. */
const struct reply *milter_facts_sender(struct session *s, const struct milter_packet *packet);
const struct reply *milter_facts_recipient(struct session *s, const struct milter_packet *packet);

/* A recipient that the server has refused already: true, and how. */
bool milter_facts_refused(
	const void *parent, const struct milter_values *values, struct reply *reply);

/* The id that the server has given to the mail, of the transaction; once. */
void milter_facts_tell_id(struct transaction *transaction, const struct milter_values *values);
