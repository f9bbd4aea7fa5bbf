/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to a server: opening, saying, hearing (RFC 5321 §3.1, §3.2, §4.2; RFC 3207). */
#include "proxy/backend.h"

#include "base/log.h"
#include "base/loop.h"
#include "base/stream.h"
#include "proxy/attributes.h"
#include "proxy/pool.h"
#include "proxy/proxy_header.h"
#include "proxy/tls_client.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <talloc.h>

#define LEAVING_MILLISECONDS 1000
#define REPLY_ROOM 500 /* what most replies take */
#define REPLY_LINE_TAKEN                                                                           \
	12500 /* longer lines than RFC 5321 allows do occur; challenges of AUTH are long */

static struct step connect_server(void *owner);
static struct step hear_greeting(void *owner);
static struct step say_ehlo(void *owner);
static struct step hear_ehlo(void *owner);
static struct step hear_helo(void *owner);
static struct step hear_starttls(void *owner);
static struct step hear_introduced(void *owner);
static struct step shake_hands(void *owner);
static struct step give_up(void *owner);

/* --- saying and hearing --- */

/* Whether the server has sent what nobody asked for. */
static bool speaks_unasked(const struct backend *backend)
{
	return backend->owed == 0 && stream_bytes(backend->stream).size > 0;
}

void backend_say(struct backend *backend, const char *piece, ...)
{
	va_list pieces;

	if (backend->owed == 0) /* it has ended, or says what nobody asked for */
		backend->lost |= stream_has_news(backend->stream);
	va_start(pieces, piece);
	for (; piece; piece = va_arg(pieces, const char *)) {
		struct slice bytes = slice_of(piece);
		assert(slice_find(bytes, '\r') == SIZE_MAX && slice_find(bytes, '\n') == SIZE_MAX);
		stream_write(backend->stream, bytes);
	}
	va_end(pieces);
	stream_write(backend->stream, slice_of("\r\n"));
	backend->owed++;
}

/* Takes lines until the reply is complete. False while more must be waited for. */
static bool hear(struct backend *backend, enum outcome *outcome)
{
	for (;;) {
		stream_begin_line(
			backend->stream, REPLY_LINE_TAKEN, AWAIT_FOR_EVER, &backend->line);
		if (backend->line.pending)
			return false;
		*outcome = OUTCOME_FAILED;
		if (backend->line.outcome != OUTCOME_DONE)
			break;
		struct line line = stream_take_line(backend->stream);
		enum reply_outcome heard = line.fault == LINE_GOOD
			? reply_add_line(backend->memory, &backend->reply, line.text)
			: REPLY_MALFORMED;
		if (heard == REPLY_CONTINUES)
			continue;
		if (heard == REPLY_COMPLETE && (backend->committed || !speaks_unasked(backend)))
			*outcome = OUTCOME_DONE;
		if (speaks_unasked(backend)) {
			backend->failure = "it said more than it was asked for";
			backend->lost = true;
		}
		break;
	}
	backend->lost |= *outcome != OUTCOME_DONE || backend->reply.code == 421;
	backend->refusals += reply_is_permanent(&backend->reply);
	return true;
}

static void on_line(void *owner)
{
	struct backend *backend = owner;
	struct await *await = backend->hearing;
	enum outcome outcome = OUTCOME_FAILED;

	if (backend->line.outcome == OUTCOME_DONE && !hear(backend, &outcome))
		return;
	backend->lost |= outcome != OUTCOME_DONE;
	backend->hearing = NULL;
	await_end(await, outcome);
}

static void cancel_hearing(void *operation)
{
	struct backend *backend = operation;

	await_cancel(&backend->line);
	backend->hearing = NULL;
	backend->lost = true;
}

void backend_begin_reply(struct backend *backend, uint64_t milliseconds, struct await *await)
{
	enum outcome outcome;

	assert(backend->owed > 0 && !backend->hearing);
	backend->owed--;
	talloc_free_children(backend->memory);
	backend->reply = (struct reply){0};
	if (backend->lost) {
		await_skip(await, OUTCOME_FAILED);
		return;
	}
	if (hear(backend, &outcome)) {
		await_skip(await, outcome);
		return;
	}
	backend->hearing = await;
	await_begin(await, milliseconds, cancel_hearing, backend);
}

/* --- opening, step by step --- */

static struct step fail(struct backend *backend, const char *why)
{
	if (!backend->failure)
		backend->failure = why;
	return THEN(give_up);
}

/* The reply that a step has waited for; NULL when there is none. */
static const struct reply *heard(const struct backend *backend)
{
	return backend->steps.await.outcome == OUTCOME_DONE ? &backend->reply : NULL;
}

static struct step await_reply(struct backend *backend, struct step next)
{
	backend_begin_reply(
		backend, (uint64_t)backend->options->command_timeout, &backend->steps.await);
	return next;
}

static struct step connect_server(void *owner)
{
	struct backend *backend = owner;
	struct sockaddr_storage address;
	socklen_t size = ip_to_sockaddr(&backend->server->ip, backend->server->port, &address);

	backend->stream =
		stream_begin_connect(backend, backend->gateway->loop, (struct sockaddr *)&address,
			size, (uint64_t)backend->options->connect_timeout, &backend->steps.await);
	return THEN(hear_greeting);
}

/* A probe is nobody's. */
static void write_proxy_header(struct backend *backend)
{
	const struct client_view *client = backend->client;
	struct proxy_header header = {.announces = client};
	char bytes[PROXY_HEADER_PRINTED];

	if (client) {
		header.client = client->ip;
		header.client_port = client->port;
		header.server = client->server;
		header.server_port = client->server_port;
	}
	backend->sticky = true;
	stream_write(backend->stream, slice_make(bytes, proxy_header_print(&header, bytes)));
	stream_flush(backend->stream);
}

static struct step hear_greeting(void *owner)
{
	struct backend *backend = owner;

	if (backend->steps.await.outcome != OUTCOME_DONE)
		return fail(backend,
			backend->steps.await.outcome == OUTCOME_TIMED_OUT ? "connect timed out"
				: backend->stream ? stream_error(backend->stream)
						  : "no socket");
	if (backend->options->client == BACKEND_CLIENT_PROXY)
		write_proxy_header(backend);
	if (backend->untouched)
		return DONE;
	backend->owed = 1;
	backend_begin_reply(
		backend, (uint64_t)backend->options->connect_timeout, &backend->steps.await);
	return THEN(say_ehlo);
}

static struct step say_ehlo(void *owner)
{
	struct backend *backend = owner;
	const struct reply *greeting = heard(backend);

	if (!greeting || !reply_is_positive(greeting)) {
		backend->busy = greeting && reply_is_temporary(greeting);
		return fail(backend, greeting ? "refused by its greeting" : "no greeting");
	}
	backend_say(
		backend, "EHLO ", backend->gateway->configuration->policy->site->hostname, NULL);
	return await_reply(backend, THEN(hear_ehlo));
}

/* What it has offered so far counts no more. */
static void learn_nothing(struct backend *backend)
{
	backend->capabilities = (struct capabilities){.known = true};
	backend->mechanisms[0] = '\0';
	backend->xclient = 0;
	backend->xforward = 0;
}

static void learn(struct backend *backend)
{
	struct slice lines = slice_of(backend->reply.text);

	learn_nothing(backend);
	slice_cut(&lines, '\n');
	while (lines.size) {
		struct slice line = slice_cut(&lines, '\n');

		capabilities_add_line(&backend->capabilities, line);
		capabilities_add_mechanisms(backend->mechanisms, sizeof backend->mechanisms, line);
		backend->xclient |= attributes_listed(line, "XCLIENT") & ATTRIBUTES_OF_XCLIENT;
		backend->xforward |= attributes_listed(line, "XFORWARD") & ATTRIBUTES_OF_XFORWARD;
	}
}

/* --- whom it is for --- */

/* Told when it begins to lack it. It would take us for the client: what it trusts us with, all strangers would have. */
static void alarm_no_xclient(const struct backend *backend)
{
	struct log_line line;

	if (backend->server->lacks_xclient)
		return;
	backend->server->lacks_xclient = true;
	log_begin(&line, LEVEL_ERROR, "backend_without_xclient");
	log_text(&line, "backend", backend->options->name);
	log_text(&line, "server", backend->server->name);
	log_text(&line, "reason",
		"its EHLO offers no XCLIENT with ADDR to us: it gets no "
		"mail, for it would take us for the client");
	log_end(&line);
}

/* The last step of opening where XCLIENT is wanted; all that was heard before is worth nothing then. */
static struct step introduce(struct backend *backend)
{
	if (backend->options->client != BACKEND_CLIENT_XCLIENT || backend->introduced)
		return DONE;
	if (!(backend->xclient & ATTRIBUTE_ADDR)) {
		alarm_no_xclient(backend);
		return fail(backend, "it offers no XCLIENT with ADDR to us");
	}
	backend->server->lacks_xclient = false;
	if (!backend->client)
		return DONE;
	char *line = attributes_print(backend, "XCLIENT", backend->xclient, backend->client);
	backend_say(backend, line, NULL);
	talloc_free(line);
	return await_reply(backend, THEN(hear_introduced));
}

/* Who is refused there is refused for himself: the server is well. */
static struct step hear_introduced(void *owner)
{
	struct backend *backend = owner;
	const struct reply *reply = heard(backend);

	if (!reply || !reply_is_positive(reply)) {
		backend->busy = reply != NULL;
		return fail(backend, reply ? "XCLIENT refused" : "no reply to XCLIENT");
	}
	backend->introduced = true;
	backend->sticky = true;
	backend_say(
		backend, "EHLO ", backend->gateway->configuration->policy->site->hostname, NULL);
	return await_reply(backend, THEN(hear_ehlo));
}

static struct step hear_ehlo(void *owner)
{
	struct backend *backend = owner;
	const struct reply *reply = heard(backend);
	bool want_tls = backend->options->tls != BACKEND_TLS_OFF && !backend->plain_only;

	if (!reply || reply_is_temporary(reply)) {
		backend->busy = reply != NULL;
		return fail(backend, reply ? "EHLO refused for now" : "no reply to EHLO");
	}
	if (!reply_is_positive(reply)) {
		backend_say(backend, "HELO ",
			backend->gateway->configuration->policy->site->hostname, NULL);
		return await_reply(backend, THEN(hear_helo));
	}
	learn(backend);
	if (stream_tls_version(backend->stream) || !want_tls || backend->introduced)
		return introduce(backend);
	if (backend->capabilities.keywords & CAPABILITY_STARTTLS) {
		backend_say(backend, "STARTTLS", NULL);
		return await_reply(backend, THEN(hear_starttls));
	}
	if (backend->options->tls == BACKEND_TLS_REQUIRED)
		return fail(backend, "TLS is required and not offered");
	return introduce(backend);
}

static struct step hear_helo(void *owner)
{
	struct backend *backend = owner;
	const struct reply *reply = heard(backend);

	if (!reply || !reply_is_positive(reply))
		return fail(backend, "neither EHLO nor HELO is accepted");
	if (backend->options->tls == BACKEND_TLS_REQUIRED && !stream_tls_version(backend->stream))
		return fail(backend, "TLS is required and not offered");
	learn_nothing(backend);
	return introduce(backend);
}

/* --- TLS --- */

static const struct tls_client *tls_of(const struct backend *backend)
{
	return configuration_tls_client(backend->gateway->configuration, backend->options);
}

static void log_tls(const struct backend *backend, const char *outcome, const char *reason)
{
	struct log_line line;

	log_begin(&line, reason ? LEVEL_WARNING : LEVEL_INFO,
		reason ? "backend_tls_failed" : "backend_tls");
	log_text(&line, "backend", backend->options->name);
	log_text(&line, "server", backend->server->name);
	log_text(&line, "tls", outcome);
	log_text(&line, "reason", reason);
	log_end(&line);
}

/* Logged when it is not what it was: a kept certificate is no news. */
static void note_tls(struct backend *backend)
{
	struct server *server = backend->server;
	char *outcome = tls_client_outcome(server->pool, tls_of(backend), backend->stream);

	if (server->tls_outcome && strcmp(server->tls_outcome, outcome) == 0) {
		talloc_free(outcome);
		return;
	}
	talloc_free((void *)server->tls_outcome);
	server->tls_outcome = outcome;
	log_tls(backend, outcome, NULL);
}

/* RFC 3207 §4.2. What stands behind the 220 in plain text was not said by who answers inside TLS: such a 220 is no reply. */
static struct step hear_starttls(void *owner)
{
	struct backend *backend = owner;
	const struct reply *reply = heard(backend);

	if (!reply)
		return fail(backend, "no reply to STARTTLS");
	if (reply->code == 421) {
		backend->busy = true;
		return fail(backend, "421 in answer to STARTTLS");
	}
	if (!reply_is_positive(reply))
		return backend->options->tls == BACKEND_TLS_REQUIRED
			? fail(backend, "STARTTLS refused")
			: introduce(backend);
	stream_begin_tls(backend->stream,
		tls_client_context(tls_of(backend), backend->server->number), TLS_CLIENT,
		tls_client_name(tls_of(backend)), (uint64_t)backend->options->connect_timeout,
		&backend->steps.await);
	return THEN(shake_hands);
}

static struct step shake_hands(void *owner)
{
	struct backend *backend = owner;

	if (backend->steps.await.outcome != OUTCOME_DONE) {
		const char *why = tls_client_failure(backend, tls_of(backend), backend->stream);
		backend->plain_only = backend->options->tls != BACKEND_TLS_REQUIRED;
		if (backend->plain_only)
			log_tls(backend, NULL, why);
		return fail(backend, why);
	}
	note_tls(backend);
	backend_say(
		backend, "EHLO ", backend->gateway->configuration->policy->site->hostname, NULL);
	return await_reply(backend, THEN(hear_ehlo));
}

static struct step give_up(void *owner)
{
	struct backend *backend = owner;

	if (!backend->failure)
		backend->failure = "given up";
	backend->lost = true;
	return DONE;
}

static void on_opened(void *owner)
{
	struct backend *backend = owner;
	struct await *await = backend->opening;
	enum outcome outcome = backend->lost ? OUTCOME_FAILED : OUTCOME_DONE;

	backend->opening = NULL;
	backend->client = NULL;
	await_end(await, outcome);
}

static void cancel_opening(void *operation)
{
	struct backend *backend = operation;

	backend->opening = NULL;
	backend->lost = true;
	steps_cancel(&backend->steps);
}

static struct step greet_again(void *owner)
{
	struct backend *backend = owner;

	backend_say(
		backend, "EHLO ", backend->gateway->configuration->policy->site->hostname, NULL);
	return await_reply(backend, THEN(hear_ehlo));
}

void backend_begin_greeting(struct backend *backend, struct await *await)
{
	backend->opening = await;
	await_begin(await, AWAIT_FOR_EVER, cancel_opening, backend);
	steps_start(&backend->steps, THEN(greet_again));
}

/* --- life --- */

static int close_backend(struct backend *backend)
{
	steps_cancel(&backend->steps);
	await_cancel(&backend->line);
	await_cancel(&backend->idle);
	if (backend->leaving)
		pool_forget_leaving(backend->server->pool, backend);
	health_give_place(&backend->server->health);
	return 0;
}

struct backend *backend_begin_open(const void *parent, struct gateway *gateway,
	struct server *server, const struct backend_options *options, struct opening opening,
	struct await *await)
{
	struct backend *backend = talloc_zero(parent, struct backend);

	backend->gateway = gateway;
	backend->server = server;
	backend->options = options;
	backend->plain_only = opening.plain_only;
	backend->untouched = opening.untouched;
	backend->client = opening.client;
	backend->opened_at = clock_now(gateway->loop->clock);
	backend->memory = talloc_pool(backend, REPLY_ROOM);
	backend->opening = await;
	await_init(&backend->line, gateway->loop->clock, on_line, backend);
	steps_init(&backend->steps, gateway->loop->clock, backend, THEN(give_up), on_opened);
	talloc_set_destructor(backend, close_backend);
	await_begin(await, AWAIT_FOR_EVER, cancel_opening, backend);
	steps_start(&backend->steps, THEN(connect_server));
	return backend;
}

void backend_break_off(struct backend *backend)
{
	steps_cancel(&backend->steps);
	await_cancel(&backend->line);
	TALLOC_FREE(backend->stream);
	backend->lost = true;
}

static void on_left(void *owner)
{
	talloc_free(owner);
}

void backend_quit(struct backend *backend)
{
	if (backend->lost || backend->owed > 0) {
		talloc_free(backend);
		return;
	}
	await_cancel(&backend->idle);
	backend->leaving = true;
	pool_keep_leaving(backend->server->pool, backend);
	stream_write(backend->stream, slice_of("QUIT\r\n"));
	await_init(&backend->idle, backend->gateway->loop->clock, on_left, backend);
	stream_begin_linger(backend->stream, LEAVING_MILLISECONDS, &backend->idle);
	if (!backend->idle.pending)
		talloc_free(backend);
}
