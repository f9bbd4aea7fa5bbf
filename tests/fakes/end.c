/* SPDX-License-Identifier: Apache-2.0 */
/* Ends of connections for tests. */
#include "tests/fakes/end.h"

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

void end_connect(enum transport transport, int descriptors[2])
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
	struct end *end = owner;

	end->in_woken++;
}

static void wake_out(void *owner)
{
	struct end *end = owner;

	end->out_woken++;
}

static void on_gone(void *owner)
{
	struct end *end = owner;

	end->gone++;
}

struct end *end_without_stream(const void *parent, struct loop *loop)
{
	struct end *end = talloc_zero(parent, struct end);

	end->loop = loop;
	await_init(&end->in, loop->clock, wake_in, end);
	await_init(&end->out, loop->clock, wake_out, end);
	return end;
}

struct end *end_new(const void *parent, struct loop *loop, int descriptor)
{
	struct end *end = end_without_stream(parent, loop);

	end->stream = stream_new(end, loop, descriptor);
	stream_watch(end->stream, on_gone, end);
	return end;
}

enum outcome end_wait(struct end *end, const struct await *await)
{
	while (await->pending)
		loop_turn(end->loop, true);
	return await->outcome;
}

enum outcome end_hear_line(struct end *end, size_t maximum, struct line *line)
{
	stream_begin_line(end->stream, maximum, END_PATIENCE, &end->in);
	enum outcome outcome = end_wait(end, &end->in);
	if (outcome == OUTCOME_DONE)
		*line = stream_take_line(end->stream);
	return outcome;
}

enum outcome end_hear_bytes(struct end *end)
{
	stream_begin_bytes(end->stream, END_PATIENCE, &end->in);
	return end_wait(end, &end->in);
}

enum outcome end_flush(struct end *end, size_t low)
{
	stream_begin_flush(end->stream, low, END_PATIENCE, &end->out);
	return end_wait(end, &end->out);
}

enum outcome end_linger(struct end *end)
{
	stream_begin_linger(end->stream, END_PATIENCE, &end->in);
	return end_wait(end, &end->in);
}

void end_settle(struct loop *loop)
{
	for (int i = 0; i < 50; i++)
		loop_turn(loop, false);
}

void end_send(struct loop *loop, int descriptor, struct slice bytes)
{
	while (bytes.size) {
		ssize_t n = send(descriptor, bytes.data, bytes.size, MSG_NOSIGNAL);
		if (n > 0)
			bytes = slice_from(bytes, (size_t)n);
		else
			loop_turn(loop, false);
	}
}
