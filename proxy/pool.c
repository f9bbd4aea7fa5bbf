/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to the servers of one backend: chosen, opened, kept, retired, probed. */
#include "proxy/pool.h"

#include "base/log.h"
#include "base/loop.h"
#include "base/stream.h"

#include <assert.h>
#include <talloc.h>
#include <utlist.h>

#define FAILURES_TO_TRIP 3
#define PAUSE 30000 /* of a server that tripped */
#define REFUSALS_TO_RETIRE 3
#define RETRY_WHEN_FULL 100 /* another worker may have given one back */

struct pool {
	struct gateway *gateway;
	const struct backend_options *options;
	struct server *servers;
	size_t count;
	struct backend *idle; /* most recently used first */
	struct taking *waiting;
	struct timer retry; /* while somebody waits */
	struct timer probe;
};

/* Somebody who looks for a connection, or the probe. */
struct taking {
	struct pool *pool;
	struct wanted wanted;
	struct backend **taken;
	struct await *await;
	struct steps steps;
	size_t server;           /* being tried */
	struct backend *backend; /* being opened */
	bool full;               /* a server was passed over because it has no room */
	bool plain_only;
	bool probing;
	bool queued;
	bool has_waited; /* its deadline runs since it first stood in the queue */
	struct taking *prev, *next;
};

static struct step try_server(void *owner);
static struct step hear_opening(void *owner);
static struct step try_next_server(void *owner);
static struct step end_taking(void *owner);

void server_opened(struct server *server)
{
	table_count_key(
		server->pool->gateway->table, KEY_SERVER, server->name, strlen(server->name), 1);
	table_add(server->pool->gateway->table, COUNT_BACKEND_CONNECTIONS, 1);
}

void server_closed(struct server *server)
{
	table_count_key(
		server->pool->gateway->table, KEY_SERVER, server->name, strlen(server->name), -1);
	table_add(server->pool->gateway->table, COUNT_BACKEND_CONNECTIONS, -1);
}

static bool has_room(const struct server *server)
{
	struct table *table = server->pool->gateway->table;
	uint32_t open = table_key_sum(table, KEY_SERVER, server->name, strlen(server->name));

	return open < server->pool->options->connections;
}

static bool suits(const struct backend *backend, struct wanted wanted)
{
	return (backend->capabilities.keywords & wanted.keywords) == wanted.keywords;
}

/* --- keeping --- */

static void drop_idle(struct backend *backend)
{
	DL_DELETE(backend->server->pool->idle, backend);
	backend_quit(backend);
}

/* Idle for too long, closed by the server, or spoken to out of turn: whatever it is, the connection has served. */
static void on_idle_over(void *owner)
{
	struct backend *backend = owner;

	backend->lost |= backend->idle.outcome != OUTCOME_TIMED_OUT;
	drop_idle(backend);
}

static bool is_worth_keeping(const struct backend *backend)
{
	const struct backend_options *options = backend->options;
	uint64_t age = clock_now(backend->gateway->loop->clock) - backend->opened_at;

	return !backend->lost && backend->owed == 0 && age < (uint64_t)options->age &&
		backend->refusals < REFUSALS_TO_RETIRE && !backend->gateway->draining;
}

static void serve_waiting(struct pool *pool)
{
	struct taking *first = pool->waiting;

	if (!first)
		return;
	DL_DELETE(pool->waiting, first);
	first->queued = false;
	steps_start(&first->steps, THEN(try_server));
}

static void keep(struct pool *pool, struct backend *backend)
{
	if (!is_worth_keeping(backend)) {
		backend_quit(backend);
	} else {
		talloc_steal(pool, backend);
		backend->kept = true;
		await_init(&backend->idle, pool->gateway->loop->clock, on_idle_over, backend);
		stream_begin_bytes(backend->stream, (uint64_t)pool->options->idle, &backend->idle);
		if (backend->idle.pending)
			DL_PREPEND(pool->idle, backend);
		else
			talloc_free(backend);
	}
	serve_waiting(pool);
}

static void on_reset(void *owner)
{
	struct backend *backend = owner;

	backend->lost |=
		backend->idle.outcome != OUTCOME_DONE || !reply_is_positive(&backend->reply);
	keep(backend->server->pool, backend);
}

void pool_give_back(struct pool *pool, struct backend *backend, bool reset)
{
	if (!reset || !is_worth_keeping(backend)) {
		keep(pool, backend);
		return;
	}
	talloc_steal(pool, backend);
	await_init(&backend->idle, pool->gateway->loop->clock, on_reset, backend);
	backend_say(backend, "RSET");
	backend_begin_reply(backend, (uint64_t)backend->options->command_timeout, &backend->idle);
	if (!backend->idle.pending)
		on_reset(backend);
}

/* --- taking --- */

static struct backend *take_idle(struct pool *pool, struct wanted wanted)
{
	struct backend *backend, *next;

	DL_FOREACH_SAFE(pool->idle, backend, next)
	{
		if (wanted.fresh || !suits(backend, wanted) || backend->server->retry_at)
			continue;
		DL_DELETE(pool->idle, backend);
		await_cancel(&backend->idle);
		if (is_worth_keeping(backend))
			return backend;
		backend_quit(backend);
	}
	return NULL;
}

static void note_failure(struct server *server, const struct backend *backend)
{
	struct gateway *gateway = server->pool->gateway;
	struct log_line line;

	table_add(gateway->table, COUNT_BACKEND_FAILURES, 1);
	if (!backend->busy && ++server->failures >= FAILURES_TO_TRIP)
		server->retry_at = clock_now(gateway->loop->clock) + PAUSE;
	log_begin(&line, LEVEL_WARNING, "backend_failed");
	log_text(&line, "backend", server->pool->options->name);
	log_text(&line, "server", server->name);
	log_text(&line, "reason", backend->failure);
	log_number(&line, "failures", server->failures);
	log_end(&line);
}

static void note_success(struct server *server, const struct backend *backend)
{
	server->capabilities = backend->capabilities;
	server->failures = 0;
	server->retry_at = 0;
}

static bool is_resting(const struct server *server)
{
	return server->retry_at > clock_now(server->pool->gateway->loop->clock);
}

static struct step try_server(void *owner)
{
	struct taking *taking = owner;
	struct pool *pool = taking->pool;

	if (!taking->probing && (*taking->taken = take_idle(pool, taking->wanted)))
		return DONE;
	if (taking->server == pool->count)
		return THEN(end_taking);
	struct server *server = &pool->servers[taking->server];
	bool lacks = server->capabilities.known &&
		(server->capabilities.keywords & taking->wanted.keywords) !=
			taking->wanted.keywords;
	if (!taking->probing && (is_resting(server) || lacks))
		return THEN(try_next_server);
	if (!has_room(server)) {
		taking->full = true;
		return THEN(try_next_server);
	}
	taking->backend = backend_begin_open(taking, pool->gateway, server, pool->options,
		taking->plain_only, &taking->steps.await);
	return THEN(hear_opening);
}

static struct step hear_opening(void *owner)
{
	struct taking *taking = owner;
	struct backend *backend = taking->backend;
	struct server *server = backend->server;

	taking->backend = NULL;
	if (taking->steps.await.outcome != OUTCOME_DONE) {
		bool again_plain = backend->plain_only && !taking->plain_only;
		if (!again_plain)
			note_failure(server, backend);
		talloc_free(backend);
		taking->plain_only = again_plain;
		return again_plain ? THEN(try_server) : THEN(try_next_server);
	}
	note_success(server, backend);
	taking->plain_only = false;
	if (taking->probing || !suits(backend, taking->wanted)) {
		backend_quit(backend);
		return THEN(try_next_server);
	}
	*taking->taken = backend;
	return DONE;
}

static struct step try_next_server(void *owner)
{
	struct taking *taking = owner;

	taking->server++;
	taking->plain_only = false;
	return THEN(try_server);
}

static void on_retry(void *owner)
{
	struct pool *pool = owner;

	serve_waiting(pool);
	if (pool->waiting)
		timer_start(&pool->retry, pool->gateway->loop->clock, RETRY_WHEN_FULL);
}

/* No server could be had: fails, or stands in the queue when one had only no room. */
static struct step end_taking(void *owner)
{
	struct taking *taking = owner;
	struct pool *pool = taking->pool;

	taking->queued = taking->full && !taking->probing;
	taking->full = false;
	taking->server = 0;
	if (taking->queued) {
		DL_APPEND(pool->waiting, taking);
		if (!timer_is_running(&pool->retry))
			timer_start(&pool->retry, pool->gateway->loop->clock, RETRY_WHEN_FULL);
	}
	return DONE;
}

static int drop_taking(struct taking *taking)
{
	if (taking->queued)
		DL_DELETE(taking->pool->waiting, taking);
	steps_cancel(&taking->steps);
	return 0;
}

static void cancel_taking(void *operation)
{
	talloc_free(operation);
}

static void on_taken(void *owner)
{
	struct taking *taking = owner;
	struct await *await = taking->await;

	if (taking->queued) {
		if (!taking->has_waited)
			await_extend(await, (uint64_t)taking->pool->options->command_timeout);
		taking->has_waited = true;
		return;
	}
	enum outcome outcome = OUTCOME_FAILED;
	if (!taking->probing && *taking->taken) {
		talloc_steal(taking->pool, *taking->taken);
		outcome = OUTCOME_DONE;
	}
	talloc_free(taking);
	if (await)
		await_end(await, outcome);
}

static struct taking *taking_new(struct pool *pool)
{
	struct taking *taking = talloc_zero(pool, struct taking);

	taking->pool = pool;
	steps_init(&taking->steps, pool->gateway->loop->clock, taking, THEN(end_taking), on_taken);
	talloc_set_destructor(taking, drop_taking);
	return taking;
}

void pool_begin_take(
	struct pool *pool, struct wanted wanted, struct backend **taken, struct await *await)
{
	struct taking *taking;

	*taken = take_idle(pool, wanted);
	if (*taken) {
		await_skip(await, OUTCOME_DONE);
		return;
	}
	taking = taking_new(pool);
	taking->wanted = wanted;
	taking->taken = taken;
	taking->await = await;
	await_begin(await, AWAIT_FOR_EVER, cancel_taking, taking);
	steps_start(&taking->steps, THEN(try_server));
}

/* --- the probe --- */

static void on_probe(void *owner)
{
	struct pool *pool = owner;
	struct taking *taking = taking_new(pool);

	taking->probing = true;
	steps_start(&taking->steps, THEN(try_server));
	timer_start(&pool->probe, pool->gateway->loop->clock, (uint64_t)pool->options->probe);
}

struct capabilities pool_capabilities(const struct pool *pool)
{
	struct capabilities common = {0};
	bool first = true;

	for (size_t i = 0; i < pool->count; i++) {
		if (!pool->servers[i].capabilities.known)
			continue;
		common = first ? pool->servers[i].capabilities
			       : capabilities_common(common, pool->servers[i].capabilities);
		first = false;
	}
	if (pool->options->tls != BACKEND_TLS_REQUIRED)
		common.keywords &= ~(unsigned)CAPABILITY_REQUIRETLS; /* the hop could not keep it */
	return common;
}

/* --- life --- */

const struct backend_options *pool_options(const struct pool *pool)
{
	return pool->options;
}

static int close_pool(struct pool *pool)
{
	timer_stop(&pool->probe);
	timer_stop(&pool->retry);
	while (pool->idle)
		drop_idle(pool->idle);
	return 0;
}

struct pool *pool_new(
	const void *parent, struct gateway *gateway, const struct backend_options *options)
{
	struct pool *pool = talloc_zero(parent, struct pool);

	pool->gateway = gateway;
	pool->options = options;
	pool->count = options->servers.count;
	pool->servers = talloc_zero_array(pool, struct server, pool->count);
	for (size_t i = 0; i < pool->count; i++) {
		struct server *server = &pool->servers[i];
		server->pool = pool;
		server->number = i;
		server->name = options->servers.items[i];
		bool good = ip_parse_with_port(slice_of(server->name), &server->ip, &server->port);
		assert(good); /* the configuration was checked */
	}
	pool->retry.on_due = on_retry;
	pool->retry.owner = pool;
	pool->probe.on_due = on_probe;
	pool->probe.owner = pool;
	talloc_set_destructor(pool, close_pool);
	if (options->probe)
		timer_start(&pool->probe, gateway->loop->clock, 0);
	return pool;
}
