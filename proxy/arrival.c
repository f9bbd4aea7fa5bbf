/* SPDX-License-Identifier: Apache-2.0 */
/* From a connection to a client: the PROXY protocol, passthrough, a session. */
#include "proxy/arrival.h"

#include "base/log.h"
#include "base/loop.h"
#include "proxy/milter_session.h"
#include "proxy/passthrough.h"
#include "proxy/proxy_header.h"
#include "proxy/session.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/socket.h>
#include <talloc.h>
#include <unistd.h>
#include <utlist.h>

#define HEADER_PATIENCE 5000

/* A connection whose header is awaited. */
struct arrival {
	struct gateway *gateway;
	const struct listen_options *listen;
	int descriptor; /* -1: handed on */
	struct client_view client;
	struct event event;
	struct timer deadline;
	struct arrival *prev, *next;
};

static void enter(struct gateway *gateway, const struct listen_options *listen, int descriptor,
	const struct client_view *client)
{
	if (listen->is_milter)
		milter_session_begin(gateway, listen, descriptor);
	else if (cidrs_contain(&listen->passthrough, &client->ip))
		passthrough_begin(gateway, listen, descriptor, client);
	else
		session_begin(gateway, listen, descriptor, client);
}

/* --- the header --- */

static void refuse(struct arrival *arrival, const char *reason)
{
	char ip[IP_TEXT_SIZE];
	struct log_line line;

	table_add(arrival->gateway->table, COUNT_PROXY_REFUSED, 1);
	log_begin(&line, LEVEL_WARNING, "proxy_header_refused");
	log_text(&line, "peer", ip_print(&arrival->client.ip, ip));
	log_text(&line, "listener", arrival->listen->name);
	log_text(&line, "reason", reason);
	log_end(&line);
	talloc_free(arrival);
}

static void on_late(void *owner)
{
	refuse(owner, "no header of the PROXY protocol came within 5 s");
}

/* It has looked whether somebody accepts. */
static void let_leave(struct arrival *arrival)
{
	table_add(arrival->gateway->table, COUNT_PROXY_LOCAL, 1);
	talloc_free(arrival);
}

static void take_over(struct client_view *client, const struct proxy_header *header)
{
	client->proxy = client->ip;
	client->ip = header->client;
	client->port = header->client_port;
	client->server = header->server;
	client->server_port = header->server_port;
}

static void hand_on(struct arrival *arrival, const struct proxy_header *header)
{
	struct gateway *gateway = arrival->gateway;
	const struct listen_options *listen = arrival->listen;
	struct client_view client = arrival->client;
	int descriptor = arrival->descriptor;

	if (header->announces)
		take_over(&client, header);
	table_add(gateway->table, header->announces ? COUNT_PROXY_HEADERS : COUNT_PROXY_LOCAL, 1);
	event_del(&arrival->event); /* before another watches the descriptor */
	arrival->descriptor = -1;
	talloc_free(arrival);
	enter(gateway, listen, descriptor, &client);
}

/* What has come stays in the socket until it is whole. */
static void look(struct arrival *arrival, bool has_ended)
{
	char bytes[PROXY_HEADER_MAXIMUM];
	struct proxy_header header;
	ssize_t n = recv(arrival->descriptor, bytes, sizeof bytes, MSG_PEEK);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		let_leave(arrival);
		return;
	}
	switch (proxy_header_parse(slice_make(bytes, (size_t)n), &header)) {
	case PROXY_HEADER_MORE:
		if (has_ended)
			refuse(arrival, "the connection ended within the header");
		break;
	case PROXY_HEADER_COMPLETE:
		if (recv(arrival->descriptor, bytes, header.size, 0) == (ssize_t)header.size)
			hand_on(arrival, &header);
		else
			refuse(arrival, "the connection was lost");
		break;
	case PROXY_HEADER_MALFORMED:
		refuse(arrival, "what came is no header of the PROXY protocol");
		break;
	}
}

static void on_readable(evutil_socket_t descriptor, short what, void *owner)
{
	(void)descriptor;
	look(owner, what & EV_CLOSED);
}

/* --- life --- */

static int close_arrival(struct arrival *arrival)
{
	struct gateway *gateway = arrival->gateway;

	timer_stop(&arrival->deadline);
	DL_DELETE(gateway->arrivals, arrival);
	if (arrival->descriptor < 0)
		return 0;
	event_del(&arrival->event);
	close(arrival->descriptor);
	gateway_forget(gateway);
	return 0;
}

void arrival_begin(struct gateway *gateway, const struct listen_options *listen, int descriptor,
	const struct client_view *peer)
{
	if (!cidrs_contain(&listen->proxy_protocol, &peer->ip)) {
		enter(gateway, listen, descriptor, peer);
		return;
	}
	struct arrival *arrival = talloc_zero(gateway, struct arrival);
	arrival->gateway = gateway;
	arrival->listen = listen;
	arrival->descriptor = descriptor;
	arrival->client = *peer;
	arrival->deadline = (struct timer){.on_due = on_late, .owner = arrival};
	timer_start(&arrival->deadline, gateway->loop->clock, HEADER_PATIENCE);
	DL_APPEND(gateway->arrivals, arrival);
	talloc_set_destructor(arrival, close_arrival);
	event_assign(&arrival->event, gateway->loop->base, descriptor,
		EV_READ | EV_CLOSED | EV_ET | EV_PERSIST, on_readable, arrival);
	event_add(&arrival->event, NULL);
}

void arrival_close_all(struct gateway *gateway)
{
	while (gateway->arrivals)
		talloc_free(gateway->arrivals);
}
