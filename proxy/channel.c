/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between the master and a process. */
#include "proxy/channel.h"

#include "base/loop.h"
#include "base/passing.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <string.h>
#include <sys/socket.h>
#include <talloc.h>
#include <unistd.h>

struct packet {
	uint32_t message;
	uint32_t argument;
};

struct channel {
	int descriptor;
	struct event event;
	struct channel_events events;
};

static int channel_close(struct channel *channel)
{
	event_del(&channel->event);
	close(channel->descriptor);
	return 0;
}

static ssize_t receive(int from, struct packet *packet)
{
	struct passed passed;
	ssize_t size = passing_receive(from, packet, sizeof *packet, &passed);

	if (size == sizeof *packet && packet->message == CHANNEL_RECIPIENTS)
		packet->argument = passed.count == 1 ? (uint32_t)passed.items[0] : (uint32_t)-1;
	else
		passing_close(&passed);
	return size;
}

/* One packet a turn: the event may free the channel, and libevent comes again for the next. */
static void on_readable(evutil_socket_t descriptor, short what, void *owner)
{
	struct channel *channel = owner;
	struct packet packet;
	ssize_t size = receive(descriptor, &packet);

	(void)what;
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size == sizeof packet && packet.message < CHANNEL_MESSAGES) {
		channel->events.on_message(channel->events.owner, packet.message, packet.argument);
		return;
	}
	event_del(&channel->event);
	channel->events.on_closed(channel->events.owner);
}

bool channel_pair(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0;
}

struct channel *channel_new(
	const void *parent, struct loop *loop, int descriptor, struct channel_events events)
{
	struct channel *channel = talloc_zero(parent, struct channel);

	channel->descriptor = descriptor;
	channel->events = events;
	event_assign(&channel->event, loop->base, descriptor, EV_READ | EV_PERSIST, on_readable,
		channel);
	event_add(&channel->event, NULL);
	talloc_set_destructor(channel, channel_close);
	return channel;
}

bool channel_send(struct channel *channel, enum channel_message message, uint32_t argument)
{
	const struct packet packet = {message, argument};

	return send(channel->descriptor, &packet, sizeof packet, MSG_NOSIGNAL | MSG_DONTWAIT) ==
		sizeof packet;
}

bool channel_send_descriptor(struct channel *channel, enum channel_message message, int descriptor)
{
	struct packet packet = {message, 0};
	const struct iovec part = {&packet, sizeof packet};

	return passing_send(channel->descriptor, &part, 1, &descriptor, 1) == sizeof packet;
}

int channel_descriptor(const struct channel *channel)
{
	return channel->descriptor;
}
