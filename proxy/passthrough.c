/* SPDX-License-Identifier: Apache-2.0 */
/* A connection relayed as it is: two directions, each a list of steps. */
#include "proxy/passthrough.h"

#include "base/log.h"
#include "base/loop.h"
#include "base/stream.h"
#include "proxy/limits.h"
#include "proxy/pool.h"

#include <talloc.h>
#include <utlist.h>

#define LINGER 2000 /* ms, so that the close does not swallow what was said */

struct direction {
	struct passthrough *passthrough;
	struct steps steps;
	struct stream *from, *to;
	int64_t bytes; /* passed on */
	bool over;
};

struct passthrough {
	struct gateway *gateway;
	const struct listen_options *listen;
	struct client_view client;
	struct pool *pool;
	struct stream *stream; /* the client's */
	struct backend *backend;
	struct await taking; /* of a connection to a server */
	struct direction up, down;
	struct timer idle;
	const char *ended; /* how; NULL: not yet */
	bool beginning;    /* a direction may end before the other has begun */
	uint64_t begun;    /* clock_now() */
	struct passthrough *prev, *next;
};

static struct step read_some(void *owner);
static struct step pass_on(void *owner);
static struct step read_on(void *owner);
static struct step finish(void *owner);
static struct step end_direction(void *owner);

/* --- the end --- */

static void log_end_of(const struct passthrough *passthrough)
{
	uint64_t lasted = clock_now(passthrough->gateway->loop->clock) - passthrough->begun;
	char ip[IP_TEXT_SIZE];
	struct log_line line;

	log_begin(&line, LEVEL_INFO, "passthrough");
	log_text(&line, "client", ip_print(&passthrough->client.ip, ip));
	if (passthrough->client.proxy.family)
		log_text(&line, "proxy", ip_print(&passthrough->client.proxy, ip));
	log_text(&line, "listener", passthrough->listen->name);
	log_text(&line, "server", passthrough->backend ? passthrough->backend->server->name : NULL);
	log_number(&line, "bytes_to_server", passthrough->up.bytes);
	log_number(&line, "bytes_to_client", passthrough->down.bytes);
	log_decimal(&line, "seconds", (double)lasted / 1000);
	log_text(&line, "ended", passthrough->ended);
	log_end(&line);
}

static int close_passthrough(struct passthrough *passthrough)
{
	struct gateway *gateway = passthrough->gateway;

	log_end_of(passthrough);
	timer_stop(&passthrough->idle);
	await_cancel(&passthrough->taking);
	steps_cancel(&passthrough->up.steps);
	steps_cancel(&passthrough->down.steps);
	if (passthrough->backend) {
		passthrough->backend->lost = true; /* nothing of ours may be said there */
		pool_give_back(passthrough->pool, passthrough->backend, false);
	}
	DL_DELETE(gateway->passthroughs, passthrough);
	table_add(gateway->table, COUNT_PASSTHROUGH, -1);
	limits_release_address(gateway, &passthrough->client.ip);
	gateway_forget(gateway);
	return 0;
}

/* The last thing that a function does. */
static void end(struct passthrough *passthrough, const char *how)
{
	passthrough->ended = how;
	if (!passthrough->beginning)
		talloc_free(passthrough);
}

static void on_idle(void *owner)
{
	end(owner, "nothing was said for too long");
}

static void note_life(struct passthrough *passthrough)
{
	timer_start(&passthrough->idle, passthrough->gateway->loop->clock,
		(uint64_t)passthrough->listen->passthrough_idle);
}

static void on_client_gone(void *owner)
{
	end(owner, "the client is gone");
}

static void on_server_gone(void *owner)
{
	end(owner, "the server is gone");
}

/* --- a direction --- */

static struct step read_some(void *owner)
{
	struct direction *direction = owner;

	stream_begin_bytes(direction->from, AWAIT_FOR_EVER, &direction->steps.await);
	return THEN(pass_on);
}

static struct step pass_on(void *owner)
{
	struct direction *direction = owner;

	if (direction->steps.await.outcome != OUTCOME_DONE)
		return THEN(finish);
	struct slice bytes = stream_bytes(direction->from);
	stream_write(direction->to, bytes);
	direction->bytes += (int64_t)bytes.size;
	stream_take(direction->from, bytes.size);
	note_life(direction->passthrough);
	stream_begin_flush(
		direction->to, PASSTHROUGH_BUFFER, AWAIT_FOR_EVER, &direction->steps.await);
	return THEN(read_on);
}

static struct step read_on(void *owner)
{
	struct direction *direction = owner;

	if (direction->steps.await.outcome != OUTCOME_DONE)
		return THEN(end_direction);
	note_life(direction->passthrough);
	return THEN(read_some);
}

/* The end of input is passed on behind what is still unsent. */
static struct step finish(void *owner)
{
	struct direction *direction = owner;

	if (*stream_error(direction->from))
		return THEN(end_direction);
	stream_finish(direction->to);
	stream_begin_flush(direction->to, 0, AWAIT_FOR_EVER, &direction->steps.await);
	return THEN(end_direction);
}

static struct step end_direction(void *owner)
{
	(void)owner;
	return DONE;
}

static void on_direction_over(void *owner)
{
	struct direction *direction = owner;
	struct passthrough *passthrough = direction->passthrough;

	direction->over = true;
	if (*stream_error(passthrough->stream))
		end(passthrough, "the client is gone");
	else if (*stream_error(passthrough->backend->stream))
		end(passthrough, "the server is gone");
	else if (passthrough->up.over && passthrough->down.over)
		end(passthrough, "closed by both");
}

static void begin_direction(struct direction *direction, struct passthrough *passthrough,
	struct stream *from, struct stream *to)
{
	direction->passthrough = passthrough;
	direction->from = from;
	direction->to = to;
	steps_start(&direction->steps, THEN(read_some));
}

/* --- the beginning --- */

static void on_server(void *owner)
{
	struct passthrough *passthrough = owner;

	if (!passthrough->backend) {
		end(passthrough, "no server could be reached");
		return;
	}
	talloc_steal(passthrough, passthrough->backend);
	stream_watch(passthrough->backend->stream, on_server_gone, passthrough);
	note_life(passthrough);
	passthrough->beginning = true;
	begin_direction(
		&passthrough->up, passthrough, passthrough->stream, passthrough->backend->stream);
	begin_direction(
		&passthrough->down, passthrough, passthrough->backend->stream, passthrough->stream);
	passthrough->beginning = false;
	if (passthrough->ended)
		talloc_free(passthrough);
}

static void on_refusal_told(void *owner)
{
	end(owner, "too many connections");
}

/* Where TLS is spoken from the first byte on, nothing can be said that he would understand. */
static void refuse(struct passthrough *passthrough)
{
	struct await *await = &passthrough->taking;

	await_init(await, passthrough->gateway->loop->clock, on_refusal_told, passthrough);
	if (passthrough->listen->tls != LISTEN_TLS_IMPLICIT)
		stream_write(passthrough->stream, slice_of("421 4.7.0 " LIMITS_REFUSAL "\r\n"));
	stream_begin_linger(passthrough->stream, LINGER, await);
	if (!await->pending)
		on_refusal_told(passthrough);
}

static void find_server(struct passthrough *passthrough)
{
	await_init(&passthrough->taking, passthrough->gateway->loop->clock, on_server, passthrough);
	pool_begin_take(passthrough->pool,
		(struct wanted){.fresh = true, .untouched = true, .client = &passthrough->client},
		&passthrough->backend, &passthrough->taking);
}

void passthrough_begin(struct gateway *gateway, const struct listen_options *listen, int descriptor,
	const struct client_view *client)
{
	struct passthrough *passthrough = talloc_zero(gateway, struct passthrough);
	struct clock *clock = gateway->loop->clock;

	passthrough->gateway = gateway;
	passthrough->listen = listen;
	passthrough->client = *client;
	passthrough->pool = gateway_pool(gateway, listen, "");
	passthrough->begun = clock_now(clock);
	passthrough->idle = (struct timer){.on_due = on_idle, .owner = passthrough};
	passthrough->stream = stream_new(passthrough, gateway->loop, descriptor);
	stream_watch(passthrough->stream, on_client_gone, passthrough);
	steps_init(&passthrough->up.steps, clock, &passthrough->up, THEN(end_direction),
		on_direction_over);
	steps_init(&passthrough->down.steps, clock, &passthrough->down, THEN(end_direction),
		on_direction_over);
	DL_APPEND(gateway->passthroughs, passthrough);
	table_add(gateway->table, COUNT_PASSTHROUGH, 1);
	table_add(gateway->table, COUNT_PASSTHROUGH_ALL, 1);
	talloc_set_destructor(passthrough, close_passthrough);
	if (limits_admit_address(gateway, &client->ip, false))
		find_server(passthrough);
	else
		refuse(passthrough);
}

void passthrough_close_all(struct gateway *gateway)
{
	while (gateway->passthroughs) {
		gateway->passthroughs->ended = "postern was stopped";
		talloc_free(gateway->passthroughs);
	}
}
