/* SPDX-License-Identifier: Apache-2.0
 *
 * The connections of a worker to the servers of one backend: opened when a transaction needs one, kept when it is done.
 *
 * Which server is tried next is told in server.h, which ones may be tried at all in health.h. One that is busy (421, 4.3.2,
 * 452 4.3.1) or lacks what the transaction needs is passed over this time. A server takes at most backend.connections over all
 * workers; who finds all full waits for one to be given back, and a worker that keeps connections nobody uses closes them while
 * somebody waits. Kept connections are retired when idle for too long, too old, or refused too often; a sticky one is never kept.
 *
 * What each server can do is asked now and then by the probe (probe.h); what they have in common is what listeners offer.
 */
#pragma once

#include "proxy/backend.h"

struct pool;

struct pool *pool_new(
	const void *parent, struct gateway *gateway, const struct backend_options *options);

const struct backend_options *pool_options(const struct pool *pool);

/* What a transaction needs of a connection. */
struct wanted {
	unsigned keywords; /* bits of enum capability: without these no use */
	bool fresh;        /* not a kept one: those have just proved dead */
	uint64_t avoided;  /* bits of servers: pool_bit() */
	bool *busy;        /* set when one of the servers asked says it is busy */
	bool untouched;    /* only connected: nothing is said or heard on it (passthrough) */
	const struct client_view *
		client; /* whom it is for, if the server is to be told; stays as long as the await */
};

/* Finds a connection; when the await is done it is in *taken and the caller's, who gives it back or frees it. Fails when no server can be
 * had; the log says why. */
void pool_begin_take(
	struct pool *pool, struct wanted wanted, struct backend **taken, struct await *await);

/* Takes a connection back. With reset, a transaction was begun on it: it is RSET first. */
void pool_give_back(struct pool *pool, struct backend *backend, bool reset);

/* The bit of a connection's server, and whether there are servers besides those whose bits are given. */
uint64_t pool_bit(const struct backend *backend);
bool pool_has_others(const struct pool *pool, uint64_t bits);

/* What all servers have in common, as far as known. */
struct capabilities pool_capabilities(const struct pool *pool);

/* --- for backend.c --- */

/* One that has said QUIT, until it is freed. */
void pool_keep_leaving(struct pool *pool, struct backend *backend);
void pool_forget_leaving(struct pool *pool, struct backend *backend);

/* --- for the probe --- */

struct server *pool_server(struct pool *pool, size_t index);
size_t pool_size(const struct pool *pool);

/* A connection was opened, or could not be: what that says about its server. */
void pool_note_opening(struct pool *pool, struct backend *backend, bool good);

/* --- for deliveries --- */

/* A transaction was cut off by the server, for a reason for the log; or its message was answered. */
void pool_note_break(struct pool *pool, struct backend *backend, const char *reason);
void pool_note_answer(struct backend *backend);
