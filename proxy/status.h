/* SPDX-License-Identifier: Apache-2.0
 *
 * The answer to `postern status`: version, generation, uptime, a line a process, a plugin and a server behind, all counters; as text or as JSON.
 */
#pragma once

#include "proxy/generation.h"

struct status {
	const char *state;                    /* running, reloading, stopping */
	uint64_t uptime;                      /* milliseconds */
	const struct generation *active;      /* NULL while the first one starts */
	const struct generation *generations; /* utlist */
	const struct plugin *plugins;         /* the same */
	struct table *table;
};

char *status_text(const void *parent, const struct status *status);
char *status_json(const void *parent, const struct status *status);
