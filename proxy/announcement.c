/* SPDX-License-Identifier: Apache-2.0 */
/* XCLIENT and XFORWARD, and the client as others are told of him. */
#include "proxy/announcement.h"

#include "base/stream.h"
#include "proxy/attributes.h"
#include "proxy/tls.h"

#include <talloc.h>

void announcement_allow(struct session *s)
{
	s->may_announce = cidrs_contain(&s->listen->xclient, &s->ip);
	s->may_forward = cidrs_contain(&s->listen->xforward, &s->ip);
}

char *announcement_offer(const void *parent, const struct session *s)
{
	char *lines = talloc_strdup(parent, "");

	if (s->may_announce)
		lines = talloc_asprintf_append(
			lines, "%s\n", attributes_offer(parent, "XCLIENT", ATTRIBUTES_OF_XCLIENT));
	if (s->may_forward)
		lines = talloc_asprintf_append(lines, "%s\n",
			attributes_offer(parent, "XFORWARD", ATTRIBUTES_OF_XFORWARD));
	return lines;
}

/* --- the client --- */

void announcement_tell_client(struct session *s)
{
	struct facts *facts = s->facts;

	facts_set_ip(facts, FACT_CLIENT_IP, &s->ip);
	if (s->port)
		facts_set_number(facts, FACT_CLIENT_PORT, s->port);
	if (s->proxy.family)
		facts_set_ip(facts, FACT_CLIENT_PROXY, &s->proxy);
	if (s->name)
		facts_set_text(facts, FACT_CLIENT_ANNOUNCED_NAME, s->name);
	facts_set_bool(facts, FACT_CLIENT_TRUSTED, s->trusted);
	facts_set_bool(facts, FACT_CLIENT_TRUSTED_RELAY, s->trusted_relay);
	facts_set_bool(facts, FACT_CLIENT_AUTHENTICATED, s->authenticated);
	if (s->user)
		facts_set_text(facts, FACT_CLIENT_USER, s->user);
	facts_set_bool(facts, FACT_CLIENT_TLS, false);
	if (stream_tls_version(s->client))
		tls_tell_facts(facts, s, s->client);
	facts_set_text(facts, FACT_LISTENER, s->listen->name);
	facts_set_number(facts, FACT_NOW, (int64_t)(clock_wall(s->gateway->loop->clock) / 1000));
	if (s->server.family)
		facts_set_ip(facts, FACT_SERVER_IP, &s->server);
}

/* --- XCLIENT --- */

static const char *keep(const void *parent, const char *text)
{
	return text ? talloc_strdup(parent, text) : NULL;
}

/* An address without a port or a name has neither that is known. */
static struct client_view changed(
	const struct session *s, const struct client_view *announced, unsigned given)
{
	struct client_view client = {.ip = s->ip,
		.port = s->port,
		.server = s->server,
		.server_port = s->server_port,
		.proxy = s->proxy.family ? s->proxy : s->ip,
		.name = s->name};

	if (given & ATTRIBUTE_ADDR)
		client.ip = announced->ip;
	if (given & (ATTRIBUTE_ADDR | ATTRIBUTE_PORT))
		client.port = announced->port;
	if (given & (ATTRIBUTE_ADDR | ATTRIBUTE_NAME))
		client.name = announced->name;
	if (given & ATTRIBUTE_DESTADDR)
		client.server = announced->server;
	if (given & (ATTRIBUTE_DESTADDR | ATTRIBUTE_DESTPORT))
		client.server_port = announced->server_port;
	return client;
}

void announcement_become(struct session *s)
{
	const struct client_view *announced = s->command->announced;
	struct client_view client = changed(s, announced, s->command->given);

	table_add(s->gateway->table, COUNT_XCLIENT, 1);
	session_forget_client(s);
	session_set_client(s, &client);
	s->user = keep(s, announced->login);
	s->authenticated = s->user;
	announcement_tell_client(s);
	if (announced->helo)
		facts_set_text(s->facts, FACT_HELO_NAME, keep(s->facts, announced->helo));
}

/* --- XFORWARD --- */

/* Several commands add up. */
static void add(struct client_view *forwarded, const struct client_view *more, unsigned given)
{
	if (given & ATTRIBUTE_ADDR)
		forwarded->ip = more->ip;
	if (given & ATTRIBUTE_PORT)
		forwarded->port = more->port;
	if (given & ATTRIBUTE_NAME)
		forwarded->name = keep(forwarded, more->name);
	if (given & ATTRIBUTE_HELO)
		forwarded->helo = keep(forwarded, more->helo);
	if (given & ATTRIBUTE_PROTO)
		forwarded->protocol = more->protocol;
	if (given & ATTRIBUTE_IDENT)
		forwarded->ident = keep(forwarded, more->ident);
	if (given & ATTRIBUTE_SOURCE)
		forwarded->source = keep(forwarded, more->source);
}

void announcement_forward(struct session *s)
{
	if (!s->forwarded)
		s->forwarded = talloc_zero(s, struct client_view);
	add(s->forwarded, s->command->announced, s->command->given);
}

static void tell(struct facts *facts, enum fact fact, const char *text)
{
	if (text)
		facts_set_text(facts, fact, text);
}

void announcement_hand_over(struct session *s, struct transaction *transaction)
{
	const struct client_view *forwarded = talloc_steal(transaction, s->forwarded);
	struct facts *facts = transaction->facts;

	s->forwarded = NULL;
	transaction->forwarded = forwarded;
	if (!forwarded)
		return;
	if (forwarded->ip.family)
		facts_set_ip(facts, FACT_FORWARDED_IP, &forwarded->ip);
	if (forwarded->port)
		facts_set_number(facts, FACT_FORWARDED_PORT, forwarded->port);
	tell(facts, FACT_FORWARDED_NAME, forwarded->name);
	tell(facts, FACT_FORWARDED_HELO, forwarded->helo);
	tell(facts, FACT_FORWARDED_PROTOCOL, forwarded->protocol);
	tell(facts, FACT_FORWARDED_IDENT, forwarded->ident);
	tell(facts, FACT_FORWARDED_SOURCE, forwarded->source);
}

/* --- towards a backend --- */

const char *announcement_client_name(const struct session *s)
{
	struct value name;

	if (s->name || facts_get(s->facts, FACT_CLIENT_NAME, &name) != FACT_KNOWN)
		return s->name;
	return name.text;
}

const struct client_view *announcement_view(
	struct session *s, const struct backend_options *options)
{
	const struct transaction *transaction = s->transaction;

	if (options->client == BACKEND_CLIENT_XFORWARD && transaction && transaction->forwarded)
		return transaction->forwarded;
	if (!s->view)
		s->view = talloc(s, struct client_view);
	*s->view = (struct client_view){.ip = s->ip,
		.port = s->port,
		.server = s->server,
		.server_port = s->server_port,
		.proxy = s->proxy,
		.name = announcement_client_name(s),
		.helo = s->helo,
		.protocol = s->extended ? "ESMTP" : "SMTP",
		.login = s->authenticated ? s->user : NULL,
		.ident = transaction ? transaction->id : s->id,
		.source = s->trusted || s->authenticated ? "LOCAL" : "REMOTE"};
	return s->view;
}
