/* SPDX-License-Identifier: Apache-2.0
 *
 * One connection to a server of the backend, we being the client (RFC 5321 §3, §4.2).
 *
 * Its life: backend_begin_open() connects, hears the greeting, says EHLO (HELO when that is refused with a 5xx), STARTTLS as the
 * settings have it, and EHLO again. When that is done, commands are said and replies heard, one reply for each command, in
 * their order; several may be said before the first reply is heard when the server offers PIPELINING. What has been said is sent with the
 * next wait. Freeing it closes the connection.
 *
 * With backend.client the server is told whom the connection is for while it is opened: by a PROXY header before all else, or by XCLIENT
 * behind EHLO and TLS, and where it does not take ADDR opening fails; such a connection is sticky. (XFORWARD is said with each transaction: see delivery.h.)
 *
 * A connection on which a wait was cancelled, failed or timed out is lost: nothing more may be said on it. So is one whose server has sent
 * a reply that is none, or replied before it was asked. Bytes that come together with a reply and belong to none that is owed make the
 * reply worth nothing either, but for the last one of a message: that one counts.
 */
#pragma once

#include "base/steps.h"
#include "policy/mail/reply.h"
#include "proxy/capabilities.h"
#include "proxy/client_view.h"
#include "proxy/gateway.h"
#include "proxy/server.h"

struct stream;

struct backend {
	struct gateway *gateway;
	struct server *server;
	const struct backend_options *options;
	struct stream *stream;
	struct capabilities capabilities;
	unsigned xclient, xforward; /* attributes that the server takes, bits of enum attribute */
	char mechanisms[160];       /* of AUTH, as the server says them; as many as fit */
	struct reply reply;         /* the last one heard; its text lives until the next is begun */
	unsigned owed;              /* replies not heard yet */
	bool lost;
	bool kept; /* it has served a transaction before */
	bool sticky; /* something of a client sticks to it (who he is, where he comes from): never used for another */
	bool committed; /* the reply that is owed is a message's */
	bool used;      /* the last transaction was left unfinished: RSET first */
	bool busy; /* while opening: the server said 421 or the like; it is up, but wants to be left alone */
	const char *failure;         /* why opening failed, for logs */
	uint64_t opened_at;          /* clock_now() */
	unsigned refusals;           /* replies of 5xx */
	struct backend *prev, *next; /* the pool's list of idle ones, or of those that leave */
	bool leaving;

	struct steps steps; /* of opening */
	struct await *opening;
	const struct client_view *client; /* whom it is opened for, until it is */
	bool untouched;
	bool introduced;       /* by XCLIENT: the server has greeted him anew */
	struct await line;     /* the line that is being waited for */
	struct await *hearing; /* who waits for the reply */
	struct await idle;     /* the pool's, while nobody uses the connection */
	bool plain_only;       /* the TLS handshake failed and was optional: try once without */
	void *memory;          /* of the reply */
};

/* How a connection is opened. */
struct opening {
	bool plain_only; /* the TLS handshake failed and was optional: try once without */
	bool untouched; /* connected and no more: no greeting is heard, nothing said but the header of client = "proxy" */
	const struct client_view
		*client; /* NULL: nobody, or nobody who is to be told of; stays until it is open */
};

/* Opens a connection to a server on which a place was taken (health_take_place); freeing it gives the place back. */
struct backend *backend_begin_open(const void *parent, struct gateway *gateway,
	struct server *server, const struct backend_options *options, struct opening opening,
	struct await *await);

/* Says EHLO once more: what it offers may have changed. */
void backend_begin_greeting(struct backend *backend, struct await *await);

/* Says a command line: the pieces one behind the other, the last is NULL. Without CRLF. */
void backend_say(struct backend *backend, const char *piece, ...) __attribute__((sentinel));

/* Waits for the next reply, all its lines together that long; then it is in backend->reply. Fails at once when the connection is
 * lost. */
void backend_begin_reply(struct backend *backend, uint64_t milliseconds, struct await *await);

/* Says QUIT and frees: when the server has closed its side too, or soon after, for until then it counts the connection as one of ours. It is
 * its server's pool that keeps it meanwhile. */
void backend_quit(struct backend *backend);

/* Closes it at once: it is lost, and of what was written or lent and has not been sent nothing will be. For those that somebody keeps. */
void backend_break_off(struct backend *backend);
