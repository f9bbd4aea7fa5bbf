/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes into a stream, lines out: the same lines in whatever pieces they come, and just those that stand there. The first
 * byte says how large the pieces are, the second how long a line may be. */
#include "base/stream.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <talloc.h>
#include <unistd.h>

#define HEAD 2

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct listener {
	struct loop *loop;
	struct stream *stream;
	struct await await;
	size_t maximum;
	struct slice expected; /* what has not been heard yet */
	bool ended;
};

static struct line expect_line(struct listener *listener)
{
	size_t size = slice_find(listener->expected, '\n');
	struct slice text = slice_make(listener->expected.data, size);
	struct line line = {text, LINE_GOOD};

	assert(size != SIZE_MAX);
	listener->expected = slice_from(listener->expected, size + 1);
	if (size + 1 > listener->maximum) {
		size = listener->maximum < STREAM_BEGINNING ? listener->maximum : STREAM_BEGINNING;
		return (struct line){slice_make(text.data, size), LINE_LONG};
	}
	if (size && text.data[size - 1] == '\r') {
		line.text.size--;
	} else {
		line.fault = LINE_BARE;
	}
	if (slice_find(line.text, '\r') != SIZE_MAX || slice_find(line.text, '\0') != SIZE_MAX)
		line.fault = LINE_BARE;
	return line;
}

static void compare(struct listener *listener)
{
	struct line expected = expect_line(listener);
	struct line heard = stream_take_line(listener->stream);

	assert(heard.fault == expected.fault && heard.text.size == expected.text.size);
	assert(memcmp(heard.text.data, expected.text.data, heard.text.size) == 0);
}

/* Takes lines as long as there are any. */
static void listen_on(struct listener *listener)
{
	while (!listener->await.pending && !listener->ended) {
		stream_begin_line(
			listener->stream, listener->maximum, AWAIT_FOR_EVER, &listener->await);
		if (listener->await.pending)
			return;
		if (listener->await.outcome == OUTCOME_DONE)
			compare(listener);
		else
			listener->ended = true;
	}
}

static void on_woken(void *owner)
{
	struct listener *listener = owner;

	if (listener->await.outcome == OUTCOME_DONE)
		compare(listener);
	else
		listener->ended = true;
	listen_on(listener);
}

static void send_in_pieces(struct listener *listener, int peer, struct slice bytes, size_t piece)
{
	while (bytes.size) {
		size_t size = bytes.size < piece ? bytes.size : piece;
		ssize_t n = send(peer, bytes.data, size, MSG_NOSIGNAL);
		if (n > 0)
			bytes = slice_from(bytes, (size_t)n);
		loop_turn(listener->loop, false);
	}
}

static void play(struct loop *loop, struct slice bytes, size_t piece, size_t maximum)
{
	struct listener listener = {.loop = loop, .maximum = maximum, .expected = bytes};
	int descriptors[2];
	int failed = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, descriptors);

	assert(!failed);
	await_init(&listener.await, loop->clock, on_woken, &listener);
	listener.stream = stream_new(NULL, loop, descriptors[0]);
	listen_on(&listener);
	send_in_pieces(&listener, descriptors[1], bytes, piece);
	close(descriptors[1]);
	while (!listener.ended)
		loop_turn(loop, true);
	assert(slice_find(listener.expected, '\n') == SIZE_MAX);
	talloc_free(listener.stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct loop *loop; /* making one costs more than all the rest */

	if (!loop)
		loop = loop_new(NULL);
	if (size > HEAD) {
		struct slice bytes = slice_make((const char *)data + HEAD, size - HEAD);
		size_t maximum = 2 + data[1];
		play(loop, bytes, 1 + (size_t)data[0] * data[0], maximum);
		play(loop, bytes, size, maximum);
	}
	return 0;
}
