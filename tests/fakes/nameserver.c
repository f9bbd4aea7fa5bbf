/* SPDX-License-Identifier: Apache-2.0 */
/* A name server on the loopback interface. */
#include "tests/fakes/nameserver.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <talloc.h>
#include <unistd.h>
#include <utlist.h>

#define DATAGRAM_MOST 4096

struct nameserver {
	struct loop *loop;
	struct zone *zone;
	int descriptor;
	uint16_t port;
	struct event *readable;
	struct evconnlistener *listener;
	struct connection *connections;
};

/* --- UDP --- */

struct late {
	struct nameserver *nameserver;
	struct sockaddr_storage to;
	socklen_t to_size;
	struct event *event;
	size_t size;
	uint8_t bytes[DATAGRAM_MOST];
};

static void send_datagram(const struct nameserver *nameserver, const void *bytes, size_t size,
	const struct sockaddr_storage *to, socklen_t to_size)
{
	ssize_t sent = sendto(
		nameserver->descriptor, bytes, size, 0, (const struct sockaddr *)to, to_size);

	(void)sent; /* a datagram may get lost */
}

static int drop_late(struct late *late)
{
	event_free(late->event);
	return 0;
}

static void on_late(evutil_socket_t descriptor, short what, void *owner)
{
	struct late *late = owner;

	(void)descriptor;
	(void)what;
	send_datagram(late->nameserver, late->bytes, late->size, &late->to, late->to_size);
	talloc_free(late);
}

static void send_later(struct nameserver *nameserver, const struct zone_packet *packet,
	const struct sockaddr_storage *to, socklen_t to_size, unsigned delay)
{
	struct late *late = talloc_zero(nameserver, struct late);
	struct timeval after = {delay / 1000, (suseconds_t)(delay % 1000) * 1000};

	late->nameserver = nameserver;
	late->to = *to;
	late->to_size = to_size;
	late->size = packet->size;
	memcpy(late->bytes, packet->bytes, packet->size);
	late->event = evtimer_new(nameserver->loop->base, on_late, late);
	evtimer_add(late->event, &after);
	talloc_set_destructor(late, drop_late);
}

static void on_datagram(evutil_socket_t descriptor, short what, void *owner)
{
	struct nameserver *nameserver = owner;
	struct sockaddr_storage from;
	socklen_t size = sizeof from;
	char bytes[4096];
	unsigned delay = 0;
	ssize_t got;

	(void)what;
	while ((got = recvfrom(
			descriptor, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &size)) > 0) {
		struct zone_packet *packet = talloc_zero(nameserver, struct zone_packet);
		switch (zone_answer(
			nameserver->zone, slice_make(bytes, (size_t)got), false, packet, &delay)) {
		case ZONE_ANSWERS:
			send_datagram(nameserver, packet->bytes, packet->size, &from, size);
			break;
		case ZONE_ANSWERS_LATER:
			send_later(nameserver, packet, &from, size, delay);
			break;
		case ZONE_SILENT:
			break;
		}
		talloc_free(packet);
		size = sizeof from;
	}
}

/* --- TCP --- */

struct connection {
	struct nameserver *nameserver;
	struct bufferevent *stream;
	struct connection *prev, *next;
};

static int close_connection(struct connection *connection)
{
	DL_DELETE(connection->nameserver->connections, connection);
	bufferevent_free(connection->stream);
	return 0;
}

static void on_tcp_event(struct bufferevent *stream, short what, void *owner)
{
	(void)stream;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		talloc_free(owner);
}

static void answer_stream(struct connection *connection, struct slice question)
{
	struct zone_packet *packet = talloc_zero(connection, struct zone_packet);
	unsigned delay;

	if (zone_answer(connection->nameserver->zone, question, true, packet, &delay) !=
		ZONE_SILENT) {
		uint8_t front[2] = {(uint8_t)(packet->size >> 8), (uint8_t)packet->size};
		bufferevent_write(connection->stream, front, sizeof front);
		bufferevent_write(connection->stream, packet->bytes, packet->size);
	}
	talloc_free(packet);
}

static void on_tcp_input(struct bufferevent *stream, void *owner)
{
	struct evbuffer *input = bufferevent_get_input(stream);
	uint8_t front[2];

	while (evbuffer_copyout(input, front, 2) == 2) {
		size_t size = (size_t)front[0] << 8 | front[1];
		if (evbuffer_get_length(input) < size + 2)
			return;
		const char *bytes = (const char *)evbuffer_pullup(input, (ssize_t)size + 2);
		answer_stream(owner, slice_make(bytes + 2, size));
		evbuffer_drain(input, size + 2);
	}
}

static void on_tcp_connection(struct evconnlistener *listener, evutil_socket_t descriptor,
	struct sockaddr *address, int size, void *owner)
{
	struct connection *connection = talloc_zero(owner, struct connection);

	(void)address;
	(void)size;
	connection->nameserver = owner;
	connection->stream = bufferevent_socket_new(
		evconnlistener_get_base(listener), descriptor, BEV_OPT_CLOSE_ON_FREE);
	DL_APPEND(connection->nameserver->connections, connection);
	talloc_set_destructor(connection, close_connection);
	bufferevent_setcb(connection->stream, on_tcp_input, NULL, on_tcp_event, connection);
	bufferevent_enable(connection->stream, EV_READ | EV_WRITE);
}

/* --- life --- */

static int close_nameserver(struct nameserver *nameserver)
{
	while (nameserver->connections)
		talloc_free(nameserver->connections);
	event_free(nameserver->readable);
	evconnlistener_free(nameserver->listener);
	close(nameserver->descriptor);
	return 0;
}

/* The same port for both. */
static bool bind_both(struct nameserver *nameserver, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	socklen_t size = sizeof address;

	int room = 4 * 1024 * 1024; /* for many at once */

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	nameserver->descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(nameserver->descriptor, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	if (bind(nameserver->descriptor, (struct sockaddr *)&address, size) == 0) {
		getsockname(nameserver->descriptor, (struct sockaddr *)&address, &size);
		nameserver->listener = evconnlistener_new_bind(nameserver->loop->base,
			on_tcp_connection, nameserver, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE,
			16, (struct sockaddr *)&address, sizeof address);
	}
	nameserver->port = ntohs(address.sin_port);
	if (!nameserver->listener)
		close(nameserver->descriptor);
	return nameserver->listener != NULL;
}

struct nameserver *nameserver_new(
	const void *parent, struct loop *loop, struct zone *zone, uint16_t port)
{
	struct nameserver *nameserver = talloc_zero(parent, struct nameserver);
	unsigned tries = port ? 1 : 100;

	nameserver->loop = loop;
	nameserver->zone = zone;
	while (!bind_both(nameserver, port)) {
		if (--tries == 0) {
			talloc_free(nameserver);
			return NULL;
		}
	}
	nameserver->readable = event_new(
		loop->base, nameserver->descriptor, EV_READ | EV_PERSIST, on_datagram, nameserver);
	event_add(nameserver->readable, NULL);
	talloc_set_destructor(nameserver, close_nameserver);
	return nameserver;
}

uint16_t nameserver_port(const struct nameserver *nameserver)
{
	return nameserver->port;
}
