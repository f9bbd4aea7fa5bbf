/* SPDX-License-Identifier: Apache-2.0
 *
 * What all sessions of a worker share: loop, configuration, backends, spool, counters, and the list of the sessions themselves. It knows
 * nothing of processes: the worker process makes one and hands it connections; tests do the same.
 */
#pragma once

#include "base/clock.h"
#include "policy/mail/message.h"
#include "proxy/capabilities.h"
#include "proxy/configuration.h"
#include "proxy/counters.h"

struct loop;
struct arrival;
struct clamd;
struct dns;
struct list_watch;
struct milter_learner;
struct passthrough;
struct rule_log;
struct pool;
struct recipient_list;
struct session;
struct keeper_link;
struct store;

struct gateway {
	struct loop *loop;
	const struct configuration *configuration;
	const struct chain *chain;         /* the configuration's, with learners of our own */
	struct dns *dns;                   /* NULL: nobody can be asked */
	struct list_watch *lists;          /* NULL without it */
	struct store *store;               /* NULL: nothing is remembered */
	struct clamd *clamd;               /* NULL: nobody is asked about viruses */
	struct scan_link *scans;           /* NULL: rules ask for nothing that stands in messages */
	struct milter_learner *milters;    /* NULL: there are none */
	struct recipient_list *recipients; /* empty until gateway_use_recipients() */
	struct table *table;
	struct keeper_link *keeper; /* NULL: verdict records go nowhere */
	struct pool **pools;        /* one a backend, in the order of configuration->backends */
	struct spool spool;
	struct rule_log *rule_log;
	struct session *sessions;         /* utlist, doubly linked */
	struct arrival *arrivals;         /* whose header is awaited */
	struct passthrough *passthroughs; /* that are relayed as they are */
	size_t session_count;             /* of all three */
	uint64_t session_number;
	unsigned worker_number; /* stands in the ids of sessions */
	bool stressed;          /* connections are nearly used up: less patience with strangers */
	bool draining;
	bool impatient; /* draining, also of sessions that have not begun a transaction yet */
	struct timer patience; /* how long it is not */
	void (*on_drained)(void *owner);
	struct timer drained; /* tells it from the loop, not from inside the last session */
};

/* keeper may be NULL. */
struct gateway *gateway_new(const void *parent, struct loop *loop,
	const struct configuration *configuration, struct table *table, struct keeper_link *keeper,
	unsigned worker_number);

/* Gives it the DNS, which it takes; before the first connection. NULL: none. */
void gateway_use_dns(struct gateway *gateway, struct dns *dns);

/* Gives it the way to the scanners, which it takes; before the first connection. NULL: none. */
void gateway_use_scans(struct gateway *gateway, struct scan_link *scans);

/* Gives it the store, which it takes; before the first connection. NULL: none. */
void gateway_use_store(struct gateway *gateway, struct store *store);
/* The list of recipients that counts from now on, as it was compiled (policy/recipient_list.h); the descriptor stays the caller's. False when it is
 * none: then the one before counts. */
bool gateway_use_recipients(struct gateway *gateway, int descriptor)
	__attribute__((warn_unused_result));

/* Takes a connection that was accepted: the descriptor is ours from now on. Refuses it with 421 when a limit is reached. */
void gateway_take(struct gateway *gateway, const struct listen_options *listen, int descriptor,
	const struct ip *client, uint16_t port);

/* No session gets a further transaction: each hears 421 at its next command outside one, those that had none yet only after some
 * seconds, so that who has just connected need not come again. on_drained(owner) is called from the loop when no session is left.
 * With now, sessions are interrupted at once (those past the commit point end first). */
void gateway_drain(struct gateway *gateway, bool now, void (*on_drained)(void *owner), void *owner);

/* The pool that mail from a listener for a recipient of this domain goes to. */
struct pool *gateway_pool(
	const struct gateway *gateway, const struct listen_options *listen, const char *domain);

/* The end-to-end keywords that EHLO offers to this session: bits of enum capability. */
unsigned gateway_offered(const struct gateway *gateway, const struct session *s);

/* What EHLO offers to this session, lines joined by "\n". */
char *gateway_offer(const struct gateway *gateway, const void *parent, const struct session *s);

/* A session is gone, or what else has become of a connection; for session.c, arrival.c and passthrough.c. */
void gateway_forget(struct gateway *gateway);
