/* SPDX-License-Identifier: Apache-2.0
 *
 * A store in Redis (or what speaks its protocol, RESP2, and runs scripts in Lua), for several gateways that share one memory. Each key is a hash
 * "postern:" with 32 hexadecimal digits; adding is one script, so that nobody comes between. Spoken to without waiting, over one
 * connection a process, in plain text: it belongs into a network of its own.
 *
 * What is not answered in time has failed; the connection is then given up, for Redis is slow or gone, and what else was asked on it has failed, too. A new
 * one is made a second later; until it has been made, everything fails at once, but for what is asked while connecting for the first time.
 * Redis itself is trusted: hiredis believes the sizes it is told.
 * No more than STORE_REDIS_IN_FLIGHT questions are on their way at a time.
 */
#pragma once

#include "base/cidr.h"
#include "base/store.h"

#define STORE_REDIS_IN_FLIGHT 10000

struct loop;

struct store_redis_setup {
	struct ip ip;
	uint16_t port;
	const char *password; /* NULL: none is asked for */
	uint64_t timeout;     /* ms, for an answer */
};

/* Connects from the loop; Redis need not be there. The setup's texts must stay. */
struct store *store_redis_new(
	const void *parent, struct loop *loop, const struct store_redis_setup *setup);
