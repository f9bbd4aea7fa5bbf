/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to the servers of one backend: taken, opened, kept, retired. */
#include "proxy/pool.h"

#include "base/log.h"
#include "base/loop.h"
#include "base/stream.h"
#include "proxy/probe.h"

#include <assert.h>
#include <talloc.h>
#include <utlist.h>

#define REFUSALS_TO_RETIRE 3
#define RETRY_WHEN_FULL 100 /* another worker may have given one back */
#define YIELD_PAUSE 250     /* how often it is seen whether others want what is kept */

struct pool {
	struct gateway *gateway;
	const struct backend_options *options;
	struct server *servers;
	size_t count;
	struct backend *idle; /* most recently used first */
	struct backend *leaving;
	struct taking *waiting;
	struct timer retry; /* while somebody waits */
	struct timer yield; /* while connections are kept */
	struct probe *probe;
};

/* Somebody who looks for a connection. */
struct taking {
	struct pool *pool;
	struct wanted wanted;
	struct backend **taken;
	struct await *await;
	struct steps steps;
	uint64_t passed;         /* bits of servers that were tried or are none to try */
	struct server *server;   /* being tried */
	struct backend *backend; /* being opened */
	bool full;               /* a server was passed over because it has no place */
	bool plain_only;
	bool queued;
	bool has_waited; /* its deadline runs since it first stood in the queue */
	struct taking *prev, *next;
};

static struct step look_around(void *owner);
static struct step try_server(void *owner);
static struct step open_connection(void *owner);
static struct step hear_opening(void *owner);
static struct step end_taking(void *owner);

static uint64_t now(const struct pool *pool)
{
	return clock_now(pool->gateway->loop->clock);
}

static bool suits(struct capabilities capabilities, struct wanted wanted)
{
	return (capabilities.keywords & wanted.keywords) == wanted.keywords;
}

static uint64_t bit_of(const struct server *server)
{
	return UINT64_C(1) << (server - server->pool->servers);
}

uint64_t pool_bit(const struct backend *backend)
{
	return bit_of(backend->server);
}

bool pool_has_others(const struct pool *pool, uint64_t bits)
{
	for (size_t i = 0; i < pool->count; i++) {
		if (!(bits >> i & 1))
			return true;
	}
	return false;
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

void pool_keep_leaving(struct pool *pool, struct backend *backend)
{
	talloc_steal(pool, backend);
	DL_APPEND(pool->leaving, backend);
}

/* Its place is free now. */
void pool_forget_leaving(struct pool *pool, struct backend *backend)
{
	DL_DELETE(pool->leaving, backend);
}

static bool is_worth_keeping(const struct backend *backend)
{
	const struct backend_options *options = backend->options;
	uint64_t age = now(backend->server->pool) - backend->opened_at;

	return !backend->lost && !backend->sticky && backend->owed == 0 &&
		age < (uint64_t)options->age && backend->refusals < REFUSALS_TO_RETIRE &&
		!backend->gateway->draining;
}

static void serve_waiting(struct pool *pool)
{
	struct taking *first = pool->waiting;

	if (!first)
		return;
	DL_DELETE(pool->waiting, first);
	first->queued = false;
	steps_start(&first->steps, THEN(look_around));
}

static bool is_sought(const struct server *server)
{
	return health_is_sought(&server->health, now(server->pool));
}

static bool is_any_sought(const struct pool *pool)
{
	for (size_t i = 0; i < pool->count; i++) {
		if (is_sought(&pool->servers[i]))
			return true;
	}
	return false;
}

/* Closes what is kept of servers that somebody waits for, in this worker or another: one of each, the longest unused. */
static void yield_idle(struct pool *pool)
{
	uint64_t yielded = 0;

	if (!is_any_sought(pool))
		return;
	for (struct backend *backend = pool->idle ? pool->idle->prev : NULL, *before; backend;
		backend = before) {
		before = backend == pool->idle ? NULL : backend->prev;
		if (yielded & pool_bit(backend) || !is_sought(backend->server))
			continue;
		yielded |= pool_bit(backend);
		drop_idle(backend);
	}
}

static void on_yield(void *owner)
{
	struct pool *pool = owner;

	yield_idle(pool);
	if (pool->idle)
		timer_start(&pool->yield, pool->gateway->loop->clock, YIELD_PAUSE);
}

static void lay_aside(struct pool *pool, struct backend *backend)
{
	talloc_steal(pool, backend);
	backend->kept = true;
	await_init(&backend->idle, pool->gateway->loop->clock, on_idle_over, backend);
	stream_trust(backend->stream);
	stream_begin_bytes(backend->stream, (uint64_t)pool->options->idle, &backend->idle);
	if (!backend->idle.pending) {
		talloc_free(backend);
		return;
	}
	DL_PREPEND(pool->idle, backend);
	if (!timer_is_running(&pool->yield))
		timer_start(&pool->yield, pool->gateway->loop->clock, YIELD_PAUSE);
}

static void keep(struct pool *pool, struct backend *backend)
{
	if (is_worth_keeping(backend))
		lay_aside(pool, backend);
	else
		backend_quit(backend);
	serve_waiting(pool);
	yield_idle(pool);
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
	backend->committed = false;
	if (!reset || !is_worth_keeping(backend)) {
		keep(pool, backend);
		return;
	}
	talloc_steal(pool, backend);
	await_init(&backend->idle, pool->gateway->loop->clock, on_reset, backend);
	backend_say(backend, "RSET", NULL);
	backend_begin_reply(backend, (uint64_t)backend->options->command_timeout, &backend->idle);
	if (!backend->idle.pending)
		on_reset(backend);
}

/* --- what openings say about servers --- */

static void log_server(const struct server *server, enum log_level level, const char *event)
{
	struct log_line line;

	log_begin(&line, level, event);
	log_text(&line, "backend", server->pool->options->name);
	log_text(&line, "server", server->name);
	log_end(&line);
}

static void log_failure(const struct server *server, const char *reason)
{
	struct log_line line;

	log_begin(&line, LEVEL_WARNING, "backend_failed");
	log_text(&line, "backend", server->pool->options->name);
	log_text(&line, "server", server->name);
	log_text(&line, "reason", reason);
	log_number(&line, "failures", health_failures(&server->health));
	log_end(&line);
}

void pool_note_opening(struct pool *pool, struct backend *backend, bool good)
{
	struct server *server = backend->server;
	bool is_there = good || backend->busy;
	bool changed = is_there ? health_succeed(&server->health)
				: health_fail(&server->health, now(pool));

	if (good) {
		server->capabilities = backend->capabilities;
	} else {
		table_add(pool->gateway->table, COUNT_BACKEND_FAILURES, 1);
		log_failure(server, backend->failure);
	}
	if (changed)
		log_server(server, is_there ? LEVEL_NOTICE : LEVEL_ERROR,
			is_there ? "server_up" : "server_down");
	probe_watch(pool->probe);
}

void pool_note_break(struct pool *pool, struct backend *backend, const char *reason)
{
	struct server *server = backend->server;

	table_add(pool->gateway->table, COUNT_BACKEND_FAILURES, 1);
	log_failure(server, reason);
	if (health_break(&server->health, now(pool)))
		log_server(server, LEVEL_ERROR, "server_down");
	probe_watch(pool->probe);
}

void pool_note_answer(struct backend *backend)
{
	health_mend(&backend->server->health);
}

/* --- taking --- */

static struct backend *take_idle(struct server *server, struct wanted wanted)
{
	struct pool *pool = server->pool;
	struct backend *backend, *next;

	DL_FOREACH_SAFE(pool->idle, backend, next)
	{
		if (backend->server != server || !suits(backend->capabilities, wanted))
			continue;
		DL_DELETE(pool->idle, backend);
		await_cancel(&backend->idle);
		if (is_worth_keeping(backend))
			return backend;
		backend_quit(backend);
	}
	return NULL;
}

/* Those that are down, and those known to lack what is wanted. */
static uint64_t unfit(const struct pool *pool, struct wanted wanted)
{
	uint64_t bits = wanted.avoided;

	for (size_t i = 0; i < pool->count; i++) {
		const struct server *server = &pool->servers[i];
		bool lacks = server->capabilities.known && !suits(server->capabilities, wanted);

		if (lacks || health_state(&server->health) != HEALTH_UP)
			bits |= UINT64_C(1) << i;
	}
	return bits;
}

static struct step look_around(void *owner)
{
	struct taking *taking = owner;

	taking->full = false;
	taking->passed = unfit(taking->pool, taking->wanted);
	if (taking->passed)
		probe_watch(taking->pool->probe);
	return THEN(try_server);
}

static struct step try_server(void *owner)
{
	struct taking *taking = owner;
	struct pool *pool = taking->pool;

	taking->server = server_choose(pool->servers, pool->count, taking->passed, !taking->full);
	if (!taking->server)
		return THEN(end_taking);
	taking->passed |= bit_of(taking->server);
	taking->plain_only = false;
	if (!taking->wanted.fresh)
		*taking->taken = take_idle(taking->server, taking->wanted);
	return *taking->taken ? DONE : THEN(open_connection);
}

static struct step open_connection(void *owner)
{
	struct taking *taking = owner;
	struct pool *pool = taking->pool;
	struct health *health = &taking->server->health;

	if (!health_take_place(health, pool->options->connections)) {
		health_seek(health, now(pool));
		taking->full = true;
		return THEN(try_server);
	}
	taking->backend = backend_begin_open(taking, pool->gateway, taking->server, pool->options,
		(struct opening){.plain_only = taking->plain_only,
			.untouched = taking->wanted.untouched,
			.client = taking->wanted.client},
		&taking->steps.await);
	return THEN(hear_opening);
}

static struct step hear_opening(void *owner)
{
	struct taking *taking = owner;
	struct backend *backend = taking->backend;
	bool good = taking->steps.await.outcome == OUTCOME_DONE;
	bool again_plain = !good && backend->plain_only && !taking->plain_only;

	taking->backend = NULL;
	bool is_untried = good && taking->wanted.untouched; /* whether SMTP is spoken there */
	if (!again_plain && !is_untried)
		pool_note_opening(taking->pool, backend, good);
	if (taking->wanted.busy)
		*taking->wanted.busy |= !good && backend->busy;
	if (good && suits(backend->capabilities, taking->wanted)) {
		*taking->taken = backend;
		return DONE;
	}
	if (good)
		backend_quit(backend);
	else
		talloc_free(backend);
	taking->plain_only = again_plain;
	return again_plain ? THEN(open_connection) : THEN(try_server);
}

static void on_retry(void *owner)
{
	struct pool *pool = owner;

	serve_waiting(pool);
	if (pool->waiting)
		timer_start(&pool->retry, pool->gateway->loop->clock, RETRY_WHEN_FULL);
}

/* No server could be had: fails, or stands in the queue when one had only no place. */
static struct step end_taking(void *owner)
{
	struct taking *taking = owner;
	struct pool *pool = taking->pool;

	taking->queued = taking->full;
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
	bool found = *taking->taken != NULL;
	if (found)
		talloc_steal(taking->pool, *taking->taken);
	talloc_free(taking);
	await_end(await, found ? OUTCOME_DONE : OUTCOME_FAILED);
}

void pool_begin_take(
	struct pool *pool, struct wanted wanted, struct backend **taken, struct await *await)
{
	struct taking *taking = talloc_zero(pool, struct taking);

	*taken = NULL;
	taking->pool = pool;
	taking->wanted = wanted;
	taking->taken = taken;
	taking->await = await;
	steps_init(&taking->steps, pool->gateway->loop->clock, taking, THEN(end_taking), on_taken);
	talloc_set_destructor(taking, drop_taking);
	await_begin(await, AWAIT_FOR_EVER, cancel_taking, taking);
	steps_start(&taking->steps, THEN(look_around));
}

/* --- what is known --- */

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

const struct backend_options *pool_options(const struct pool *pool)
{
	return pool->options;
}

struct server *pool_server(struct pool *pool, size_t index)
{
	return &pool->servers[index];
}

size_t pool_size(const struct pool *pool)
{
	return pool->count;
}

/* --- life --- */

static int close_pool(struct pool *pool)
{
	talloc_free(pool->probe);
	timer_stop(&pool->retry);
	timer_stop(&pool->yield);
	while (pool->idle)
		drop_idle(pool->idle);
	while (pool->leaving)
		talloc_free(pool->leaving);
	return 0;
}

static void add_server(struct pool *pool, struct server *server, const char *text)
{
	size_t offset;
	const char *bad = server_parse(pool, text, server, &offset);

	assert(!bad); /* the configuration was checked */
	server->pool = pool;
	health_init(&server->health, pool->gateway->table, &server->ip, server->port);
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
		add_server(pool, &pool->servers[i], options->servers.items[i]);
		pool->servers[i].number = i;
	}
	pool->retry = (struct timer){.on_due = on_retry, .owner = pool};
	pool->yield = (struct timer){.on_due = on_yield, .owner = pool};
	talloc_set_destructor(pool, close_pool);
	pool->probe = probe_new(pool, gateway, options);
	return pool;
}
