/* SPDX-License-Identifier: Apache-2.0
 *
 * The connections of a worker to the servers of one backend: opened when a transaction needs one, kept when it is done.
 *
 * Servers are tried in their order. A server that does not answer three times running is passed over for 30 s, then tried once more
 * (by a transaction or by the probe); one that is busy (421, 4.3.2) or lacks what the transaction needs is passed over this
 * time. A server takes at most backend.connections over all workers; who finds all full waits for one to be given
 * back. Kept connections are retired when idle for too long, too old, or refused too often.
 *
 * The probe asks every server now and then what it can do (EHLO and QUIT); what they have in common is what listeners
 * offer.
 */
#pragma once

#include "proxy/backend.h"

struct pool;

struct server {
	const char *name; /* as written in the settings */
	struct ip ip;
	uint16_t port;
	struct capabilities capabilities; /* as last heard */
	unsigned failures;                /* in a row */
	uint64_t retry_at;                /* clock_now(): not before */
	size_t number;                    /* in backend.servers */
	const char *tls_outcome;          /* of the last handshake, as logged; NULL: none yet */
	struct pool *pool;
};

struct pool *pool_new(
	const void *parent, struct gateway *gateway, const struct backend_options *options);

const struct backend_options *pool_options(const struct pool *pool);

/* What a transaction needs of a connection. */
struct wanted {
	unsigned keywords; /* bits of enum capability: without these no use */
	bool fresh;        /* not a kept one: those have just proved dead */
};

/* Finds a connection; when the await is done it is in *taken and the caller's, who gives it back or frees it. Fails when no server can be
 * had; the log says why. */
void pool_begin_take(
	struct pool *pool, struct wanted wanted, struct backend **taken, struct await *await);

/* Takes a connection back. With reset, a transaction was begun on it: it is RSET first. */
void pool_give_back(struct pool *pool, struct backend *backend, bool reset);

/* What all servers have in common, as far as known. */
struct capabilities pool_capabilities(const struct pool *pool);

/* Counting, for backend.c. */
void server_opened(struct server *server);
void server_closed(struct server *server);
