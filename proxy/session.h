/* SPDX-License-Identifier: Apache-2.0
 *
 * A session is one client's connection, from greeting to farewell (RFC 5321 §3). It belongs to the gateway, runs by itself through the
 * steps in session.c, and frees itself when it is over.
 *
 * A transaction is what stands between MAIL and the reply to the message; it belongs to its session and goes with one
 * talloc_free. The structs are open to verbs.c and transaction.c, which change them; to nobody else.
 */
#pragma once

#include "base/steps.h"
#include "policy/inquiry.h"
#include "proxy/body.h"
#include "proxy/client_view.h"
#include "proxy/command.h"
#include "proxy/delivery.h"
#include "proxy/gateway.h"

#define SESSION_ID_SIZE 16

struct stream;
struct custody;
struct store_entry;
struct verb;

struct transaction {
	struct session *session;
	const char *id; /* the session's with .n */
	struct envelope *envelope;
	struct facts *facts;
	struct inquiry *inquiry;
	const struct client_view *forwarded; /* by XFORWARD; NULL: nothing */
	struct delivery *delivery;           /* from the first recipient that passed policy */
	struct body body;                    /* while the message comes */
	struct message *message;
	struct edit_plan *plan;  /* what will be sent */
	struct custody *custody; /* on its way into quarantine; NULL: it is not */
	const struct envelope
		*final;         /* and to whom: the envelope as edited, or NULL before the plan */
	struct verdict verdict; /* the last one that was final */
	const char *refused;    /* recipients that were refused, with the replies, for the log */
	const char *redirected; /* and those in whose place others stand */
	unsigned refusals;      /* how many */
	bool hopeless;          /* one of them was for good */
	bool committed;
	bool delivered;                   /* the backend said 250 */
	bool untold;                      /* and the client may not have heard it */
	uint64_t begun, received, judged; /* clock_microseconds() */
};

struct session {
	struct steps steps;
	struct gateway *gateway;
	const struct listen_options *listen;
	const struct tls_server *tls; /* NULL: none here */
	struct session *prev, *next;
	struct stream *client;
	struct facts *facts;             /* of the session */
	struct inquiry *inquiry;         /* what is judged before a transaction */
	const char *helo;                /* NULL before HELO */
	struct transaction *transaction; /* NULL outside one */
	struct backend *own;             /* this client's own connection, on listeners with AUTH */
	const char *mechanisms;          /* of AUTH that were offered, NULL for none */
	struct login *login;             /* the last one */
	const char *user;                /* who has authenticated; NULL when it cannot be told */
	void *scratch;                   /* what lives for one command; NULL while none is there */
	const struct verb *verb;         /* of the command in hand */
	struct command *command;         /* in the scratch */
	struct reply reply;              /* what will be answered */
	uint64_t quiet_since;            /* clock_now() of the start or the last accepted message */
	const char *name;                /* of the client's host, as announced; NULL: it was not */
	struct client_view *forwarded;   /* by XFORWARD, for the next transaction; NULL: nothing */
	struct client_view *view; /* the client as backends are told of him; NULL until they are */
	struct store_entry
		*recalled; /* in the scratch, while the store is asked about the client */
	struct ip ip;
	struct ip server; /* our own address that the client connected to; family 0: not known */
	struct ip proxy;  /* who connected and announced the client; family 0: he himself */
	uint16_t port, server_port;
	uint16_t offered; /* end-to-end keywords at the last EHLO, bits of enum capability */
	bool authenticated;
	bool extended;      /* EHLO, not HELO */
	bool trusted;       /* in relay.networks */
	bool trusted_relay; /* in trusted_relays */
	bool may_announce;  /* in listen.xclient */
	bool may_forward;   /* in listen.xforward */
	bool known_good;    /* the store knows the client as good */
	bool counted;       /* for the limits by client */
	bool noted;         /* what was judged outside transactions has been told */
	bool closing;       /* after this answer */
	bool spoilt; /* what was pipelined behind a refused MAIL or message is out of order by no fault */
	bool policy_refusal; /* the reply is the judge's or the backend's: it carries the id */
	uint16_t errors, unknown_verbs, idle_verbs, long_lines, forgiven, logins_refused,
		bad_recipients;
	uint32_t good_recipients;
	uint32_t transactions;                      /* begun */
	uint32_t messages;                          /* answered with 250 */
	void (*drain)(struct session *s, bool now); /* how it is ended, by whoever began it */
	char id[SESSION_ID_SIZE];
};

/* Begins a session on a connected socket; of the client the addresses and the proxy are looked at. */
void session_begin(struct gateway *gateway, const struct listen_options *listen, int descriptor,
	const struct client_view *client);

/* Another client is announced: takes over his addresses, proxy and name. */
void session_set_client(struct session *s, const struct client_view *client);

/* What a client had said by AUTH counts no longer, nor has he a backend connection of his own. */
void session_forget_own_backend(struct session *s);

/* What the client called itself, and what was offered to it in reply, counts no longer. */
void session_forget_helo(struct session *s);

/* --- for those who begin sessions of another kind (milter_session.h) --- */

/* What all kinds have in common, for one that is all zero: takes the descriptor, joins the gateway's list, and leaves it when it is freed. Steps
 * and drain are the caller's: with now, drain() interrupts; else it ends a session that has nothing to do. */
void session_join(struct session *s, struct gateway *gateway, const struct listen_options *listen,
	int descriptor, const struct client_view *client);

/* A new id: unique over workers and restarts. */
void session_take_id(struct session *s);

/* What lives for one command. */
void *session_scratch(struct session *s);

/* Sets the reply to what is in hand. */
void session_say(struct session *s, int code, const char *status, const char *text);

/* The reply as it is told: a refusal of ours bears the id, by which people find it. */
struct reply session_told_reply(struct session *s);

/* Of the transaction, or of the session outside one. */
const char *session_id_in_hand(const struct session *s);

/* The client calls itself so: ends what it had begun. */
void session_take_helo(struct session *s, struct slice name);

/* Somebody else will be the client: what was learnt about the last one is forgotten, and so is what he was judged to be. */
void session_forget_client(struct session *s);
