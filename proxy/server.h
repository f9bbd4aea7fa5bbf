/* SPDX-License-Identifier: Apache-2.0
 *
 * The servers of a backend as a worker sees them: what the settings say of each, and which one is to be tried next.
 *
 *     "192.0.2.1:25"            ADDRESS:PORT, tried in the order of the list
 *     "192.0.2.1:25 weight=3"   as soon as one has a weight, they take turns by weight (those without one have 1)
 *     "192.0.2.9:25 backup"     only when no other can be had: all are down, busy, or lack what is needed
 *
 * Turns by weight are smooth: with weights 3 and 1 it goes a a b a, a a b a. Each worker takes its turns by itself.
 * Servers that only have no place left do not open the way to those kept for backup: a place will be free soon.
 */
#pragma once

#include "proxy/capabilities.h"
#include "proxy/health.h"

#define SERVER_MOST 64
#define SERVER_WEIGHT_MOST 1000

struct pool;

struct server {
	const char *name; /* its address and port */
	struct ip ip;
	uint16_t port;
	unsigned weight; /* 0: none was given */
	bool backup;
	int64_t turn;                     /* of the smooth turns: who has most is next */
	struct capabilities capabilities; /* as last heard */
	struct health health;
	size_t number;           /* in backend.servers */
	bool lacks_xclient;      /* it was said in the log that it does not take XCLIENT */
	const char *tls_outcome; /* of the last handshake, as logged; NULL: none yet */
	struct pool *pool;
};

/* What is wrong with what the settings say of a server, as a text under the parent, and at which byte of it; NULL when it is good.
 * Only name, address, port, weight and backup are filled; the name lives under the parent. */
const char *server_parse(
	const void *parent, const char *text, struct server *server, size_t *offset);

/* The next server to try among those whose bit is not set in passed (bit i: the i-th), or NULL. Those for backup count only when
 * backups is true, and then last, in their order. */
struct server *server_choose(struct server *servers, size_t count, uint64_t passed, bool backups);
