/* SPDX-License-Identifier: Apache-2.0
 *
 * A delivery is a transaction as the backend sees it: begun with the first recipient that passed policy, ended by the reply to
 * the message.
 *
 * It holds one connection while it must. Held without traffic for backend.hold it says RSET and gives the connection back; whatever comes next plays the
 * envelope again on another one: sender, the recipients that passed, in their order. The same happens when a kept connection turns
 * out to be dead before the commit, once until the next hold. If in such a play a recipient that the client heard 250 for is
 * refused, nothing is sent and the reply is 451.
 *
 * When the message's final envelope is another than the one that was played, it is played anew before the message. If in that any of its
 * recipients is refused, nothing is sent either.
 *
 * With backend.client = "xforward" the client is told before MAIL, on servers that take XFORWARD; on a kept connection each transaction
 * tells its own.
 *
 * The commit is the last byte of the final dot or of the LAST chunk. delivery_begin_message() sends all before it,
 * delivery_begin_commit() sends it; from the moment it is in the hands of TCP the await given is marked committed, and the reply is
 * awaited for backend.final_timeout. Freeing a delivery before its commit closes the connection without it.
 *
 * A server that says it is busy before the commit is left for the next one, if there is one: the envelope is played again there.
 *
 * After each operation delivery->reply is what the client should hear, made safe and classed as the plan says: the backend's own 4xx
 * and 5xx, 451 4.3.2 for a busy one, 451 4.3.5 when it calls our commands wrong, 451 4.4.1 when none can be reached.
 */
#pragma once

#include "policy/mail/envelope.h"
#include "proxy/pool.h"
#include "proxy/shipment.h"

struct delivery {
	struct gateway *gateway;
	struct pool *pool;
	const struct backend_options *options;
	const struct envelope *envelope; /* the client's, and for the message the final one */
	struct steps steps;
	struct await *await;     /* of whoever asked */
	struct backend *backend; /* held, or NULL */
	struct backend *
		own; /* the client's own: no other is used, and it is never given back; NULL: the pool's */
	const struct client_view *
		client; /* whose transaction it is, if the backend is to be told; to be set by the owner */
	const struct recipient *candidate; /* the recipient being asked about, or NULL */
	size_t said, heard;                /* of the play: 0 is MAIL, i the i-th recipient in it */
	size_t played;                     /* recipients that stand accepted on this connection */
	bool sender_stands;                /* on this connection */
	bool open;  /* something of the transaction was said on this connection */
	bool fresh; /* the next connection must be a new one */
	bool tried_fresh;
	bool held; /* the connection was there before this operation: it may have died meanwhile */
	bool sending;     /* the message, not a recipient, is what this is about */
	bool differs;     /* the final envelope is another, and is to be played */
	bool edited;      /* what is played is no more what the client has said */
	bool spoilt;      /* a recipient that stood was refused in a later play */
	uint64_t avoided; /* bits of servers that said they are busy, in this operation */
	bool met_busy;    /* one of those that were asked is busy */
	bool committed;
	struct shipment shipment;    /* the message */
	struct reply refused_sender; /* code 0: it was not */
	struct reply reply;
	struct timer hold;
	/* Told what the backend says to a recipient of the envelope in a play; to be set by the owner, or NULL. */
	void (*on_recipient)(
		void *owner, const struct recipient *recipient, const struct reply *reply);
	void *owner;
	const char *server;   /* that answered last, for the log */
	bool told_by_backend; /* reply is the backend's own word */
};

/* own may be NULL. It stays the session's. When it is lost the reply is 421. */
struct delivery *delivery_new(const void *parent, struct gateway *gateway, struct pool *pool,
	struct backend *own, const struct envelope *envelope);

/* Asks the backend about one more recipient, which the envelope does not hold as passed yet. */
void delivery_begin_recipient(
	struct delivery *delivery, const struct recipient *recipient, struct await *await);

/* Who shall get the message, when policy has edited the envelope; the same one changes nothing. It must outlive the delivery. */
void delivery_set_final(struct delivery *delivery, const struct envelope *final);

/* Sends what is planned for the message but for its last bytes. When that is done and delivery->reply.code is 0, commit; otherwise it
 * is the answer. Both stay until the delivery has ended. */
void delivery_begin_message(struct delivery *delivery, const struct edit_plan *plan,
	const struct message *message, struct await *await);
void delivery_begin_commit(struct delivery *delivery, struct await *await);

/* The transaction is over, with or without a commit: gives the connection back and frees. */
void delivery_end(struct delivery *delivery);
