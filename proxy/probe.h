/* SPDX-License-Identifier: Apache-2.0
 *
 * The probe of a pool: connects to a server, says EHLO and QUIT, and remembers what it can do. Every server that is up is asked each
 * backend.probe, from the start on. One that is down is asked when its time has come, by the one worker that gets the right to
 * (health.h). One server at a time; a server without a free place is left out.
 * A gateway that drains asks nobody.
 */
#pragma once

#include "proxy/gateway.h"

struct pool;
struct probe;

/* Belongs to the pool, which frees it first. */
struct probe *probe_new(
	struct pool *pool, struct gateway *gateway, const struct backend_options *options);

/* A server was seen to be down: it is to be looked after. */
void probe_watch(struct probe *probe);
