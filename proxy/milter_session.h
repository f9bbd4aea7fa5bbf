/* SPDX-License-Identifier: Apache-2.0
 *
 * A mail server's connection to us as its milter, from its offer to its leave: `postern milter`. It is a session (session.h), whose client is the
 * one that the server tells of, with the same transactions, judgements, records and log lines; only the dialogue is another, and there is no
 * backend: what is to become of a mail is told to the server, which does it.
 *
 * Each event of the server is judged at the stage that it is (CONNECT, HELO, MAIL, RCPT, DATA, end of message) and answered. The message is
 * gathered as a spooled one is, with its fields as the server tells them; when it is whole it is judged, meanwhile the server hears every few seconds that
 * we are still at it.
 *
 * What is wrong with the protocol (an event out of its order, packets that are none or too large) ends the connection, with a word in the log: the
 * server then does what it was told to do without its milter. Mail is never lost by that: it is the server's until it has told its client so.
 *
 * When processes are replaced, a session goes on with the old one until the server leaves or process.drain is over.
 */
#pragma once

#include "plugins/milter_values.h"
#include "proxy/milter_mail.h"

struct milter_event;

/* Open to milter_events.c, which changes it; to nobody else. */
struct milter_session {
	struct session session; /* the first member: it is one, for all who share it */
	struct milter_reader reader;
	struct milter_values *values;
	const struct milter_event *event; /* in hand */
	uint32_t actions, protocol;       /* that were agreed on */
	bool has_agreed, has_client;
	void *texts;              /* of facts about TLS and login; NULL: there are none */
	struct milter_mail *mail; /* beside the transaction; NULL outside one */
	struct slice answer;      /* to the offer, in the scratch */
	const char *fault;        /* why it ends; NULL: for no bad reason */
	struct timer progress;
};

/* Begins one on a connected socket. */
void milter_session_begin(
	struct gateway *gateway, const struct listen_options *listen, int descriptor);
