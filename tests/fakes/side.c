/* SPDX-License-Identifier: Apache-2.0 */
/* Ends of connections for tests. */
#include "tests/fakes/side.h"

#include <assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <talloc.h>
#include <unistd.h>

static void connect_tcp(int descriptors[2])
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	bool good = bind(listener, (struct sockaddr *)&address, size) == 0 &&
		listen(listener, 1) == 0 &&
		getsockname(listener, (struct sockaddr *)&address, &size) == 0;

	descriptors[0] = socket(AF_INET, SOCK_STREAM, 0);
	good = good && connect(descriptors[0], (struct sockaddr *)&address, size) == 0;
	descriptors[1] = accept(listener, NULL, NULL);
	assert(good && descriptors[1] >= 0);
	close(listener);
}

void side_connect(enum transport transport, int descriptors[2])
{
	if (transport == TRANSPORT_TCP) {
		connect_tcp(descriptors);
	} else {
		int failed = socketpair(AF_UNIX, SOCK_STREAM, 0, descriptors);
		assert(!failed);
	}
	for (int i = 0; i < 2; i++) {
		int failed = fcntl(descriptors[i], F_SETFL, O_NONBLOCK);
		assert(!failed);
	}
}

static void wake_in(void *owner)
{
	struct side *side = owner;

	side->in_woken++;
}

static void wake_out(void *owner)
{
	struct side *side = owner;

	side->out_woken++;
}

static void on_gone(void *owner)
{
	struct side *side = owner;

	side->gone++;
}

struct side *side_without_stream(const void *parent, struct loop *loop)
{
	struct side *side = talloc_zero(parent, struct side);

	side->loop = loop;
	await_init(&side->in, loop->clock, wake_in, side);
	await_init(&side->out, loop->clock, wake_out, side);
	return side;
}

struct side *side_new(const void *parent, struct loop *loop, int descriptor)
{
	struct side *side = side_without_stream(parent, loop);

	side->stream = stream_new(side, loop, descriptor);
	stream_watch(side->stream, on_gone, side);
	return side;
}

enum outcome side_wait(struct side *side, const struct await *await)
{
	while (await->pending)
		loop_turn(side->loop, true);
	return await->outcome;
}

enum outcome side_hear_line(struct side *side, size_t maximum, struct line *line)
{
	stream_begin_line(side->stream, maximum, SIDE_PATIENCE, &side->in);
	enum outcome outcome = side_wait(side, &side->in);
	if (outcome == OUTCOME_DONE)
		*line = stream_take_line(side->stream);
	return outcome;
}

enum outcome side_hear_bytes(struct side *side)
{
	stream_begin_bytes(side->stream, SIDE_PATIENCE, &side->in);
	return side_wait(side, &side->in);
}

enum outcome side_flush(struct side *side, size_t low)
{
	stream_begin_flush(side->stream, low, SIDE_PATIENCE, &side->out);
	return side_wait(side, &side->out);
}

enum outcome side_linger(struct side *side)
{
	stream_begin_linger(side->stream, SIDE_PATIENCE, &side->in);
	return side_wait(side, &side->in);
}

void side_settle(struct loop *loop)
{
	for (int i = 0; i < 50; i++)
		loop_turn(loop, false);
}

void side_send(struct loop *loop, int descriptor, struct slice bytes)
{
	while (bytes.size) {
		ssize_t n = send(descriptor, bytes.data, bytes.size, MSG_NOSIGNAL);
		if (n > 0)
			bytes = slice_from(bytes, (size_t)n);
		else
			loop_turn(loop, false);
	}
}
