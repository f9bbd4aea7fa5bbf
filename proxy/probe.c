/* SPDX-License-Identifier: Apache-2.0 */
/* Asking servers what they can do, and whether they are there again. */
#include "proxy/probe.h"

#include "base/loop.h"
#include "proxy/pool.h"

#include <talloc.h>

#define LEAST_PAUSE 1000

struct probe {
	struct pool *pool;
	struct gateway *gateway;
	const struct backend_options *options;
	struct timer regular;
	struct timer recovery; /* running while a server is down */
	struct steps steps;
	uint64_t asked; /* bits of the servers still to be asked in this round */
	struct backend *backend;
	struct server *server;
	bool plain_only;
	bool running;
};

static struct step choose_server(void *owner);
static struct step open_connection(void *owner);
static struct step hear_opening(void *owner);

static uint64_t now(const struct probe *probe)
{
	return clock_now(probe->gateway->loop->clock);
}

static struct step choose_server(void *owner)
{
	struct probe *probe = owner;

	for (size_t i = 0; i < pool_size(probe->pool); i++) {
		if (!(probe->asked >> i & 1))
			continue;
		probe->asked &= ~(UINT64_C(1) << i);
		probe->server = pool_server(probe->pool, i);
		probe->plain_only = false;
		return THEN(open_connection);
	}
	return DONE;
}

static struct step open_connection(void *owner)
{
	struct probe *probe = owner;

	if (!health_take_place(&probe->server->health, probe->options->connections))
		return THEN(choose_server);
	probe->backend = backend_begin_open(probe, probe->gateway, probe->server, probe->options,
		(struct opening){.plain_only = probe->plain_only}, &probe->steps.await);
	return THEN(hear_opening);
}

static struct step hear_opening(void *owner)
{
	struct probe *probe = owner;
	struct backend *backend = probe->backend;
	bool good = probe->steps.await.outcome == OUTCOME_DONE;
	bool again_plain = !good && backend->plain_only && !probe->plain_only;

	probe->backend = NULL;
	if (!again_plain)
		pool_note_opening(probe->pool, backend, good);
	if (good)
		backend_quit(backend);
	else
		talloc_free(backend);
	probe->plain_only = again_plain;
	return again_plain ? THEN(open_connection) : THEN(choose_server);
}

static void on_asked(void *owner)
{
	struct probe *probe = owner;

	probe->running = false;
}

static void ask(struct probe *probe, uint64_t servers)
{
	if (probe->gateway->draining)
		return;
	probe->asked |= servers;
	if (probe->running || !probe->asked)
		return;
	probe->running = true;
	steps_start(&probe->steps, THEN(choose_server));
}

static void on_regular(void *owner)
{
	struct probe *probe = owner;
	uint64_t servers = 0;

	for (size_t i = 0; i < pool_size(probe->pool); i++) {
		if (health_state(&pool_server(probe->pool, i)->health) == HEALTH_UP)
			servers |= UINT64_C(1) << i;
	}
	timer_start(&probe->regular, probe->gateway->loop->clock, (uint64_t)probe->options->probe);
	ask(probe, servers);
}

/* --- those that are down --- */

static void on_recovery(void *owner)
{
	struct probe *probe = owner;
	uint64_t servers = 0;

	for (size_t i = 0; i < pool_size(probe->pool); i++) {
		if (health_begin_probe(&pool_server(probe->pool, i)->health, now(probe)))
			servers |= UINT64_C(1) << i;
	}
	ask(probe, servers);
	probe_watch(probe);
}

/* The milliseconds until one of them may be asked, or 0 when none is down. */
static uint64_t pause_of(const struct probe *probe)
{
	uint64_t least = 0;

	for (size_t i = 0; i < pool_size(probe->pool); i++) {
		const struct health *health = &pool_server(probe->pool, i)->health;
		uint64_t at = health_probe_at(health);
		uint64_t pause = at > now(probe) + LEAST_PAUSE ? at - now(probe) : LEAST_PAUSE;

		if (health_state(health) != HEALTH_UP && (least == 0 || pause < least))
			least = pause;
	}
	return least;
}

void probe_watch(struct probe *probe)
{
	uint64_t pause = pause_of(probe);

	bool is_set = timer_is_running(&probe->recovery) &&
		probe->recovery.due <= now(probe) + pause; /* a failed one brings the next nearer */

	if (pause && !is_set)
		timer_start(&probe->recovery, probe->gateway->loop->clock, pause);
}

/* --- life --- */

static int close_probe(struct probe *probe)
{
	timer_stop(&probe->regular);
	timer_stop(&probe->recovery);
	steps_cancel(&probe->steps);
	return 0;
}

struct probe *probe_new(
	struct pool *pool, struct gateway *gateway, const struct backend_options *options)
{
	struct probe *probe = talloc_zero(pool, struct probe);

	probe->pool = pool;
	probe->gateway = gateway;
	probe->options = options;
	probe->regular = (struct timer){.on_due = on_regular, .owner = probe};
	probe->recovery = (struct timer){.on_due = on_recovery, .owner = probe};
	steps_init(&probe->steps, gateway->loop->clock, probe, THEN(choose_server), on_asked);
	talloc_set_destructor(probe, close_probe);
	if (options->probe)
		timer_start(&probe->regular, gateway->loop->clock, 0);
	probe_watch(probe);
	return probe;
}
