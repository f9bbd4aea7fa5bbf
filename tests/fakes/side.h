/* SPDX-License-Identifier: Apache-2.0
 *
 * One end of a connection for tests: a stream with an await for its input and one for its output, and how often they
 * woke. The other end is a second one on the same loop, or a bare descriptor.
 */
#pragma once

#include "base/stream.h"

enum transport { TRANSPORT_UNIX, TRANSPORT_TCP, TRANSPORTS };

/* Two connected, non-blocking sockets. */
void side_connect(enum transport transport, int descriptors[2]);

struct side {
	struct loop *loop;
	struct stream *stream;
	struct await in, out;
	unsigned in_woken, out_woken, gone; /* gone: how often the watcher was told */
};

/* Of every wait, so that what never comes fails a test and does not hang it. */
#define SIDE_PATIENCE 20000

/* Takes a descriptor, and watches it. */
struct side *side_new(const void *parent, struct loop *loop, int descriptor);
/* The same without a stream, for one that connects. */
struct side *side_without_stream(const void *parent, struct loop *loop);

/* Begin to wait and run the loop until that has ended. */
enum outcome side_hear_line(struct side *side, size_t maximum, struct line *line);
enum outcome side_hear_bytes(struct side *side);
enum outcome side_flush(struct side *side, size_t low);
enum outcome side_linger(struct side *side);
enum outcome side_wait(struct side *side, const struct await *await);

/* Lets everything happen that can without waiting. */
void side_settle(struct loop *loop);

/* Writes all to a bare descriptor, running the loop while it is full. */
void side_send(struct loop *loop, int descriptor, struct slice bytes);
