/* SPDX-License-Identifier: Apache-2.0
 *
 * One end of a connection for tests: a stream with an await for its input and one for its output, and how often they
 * woke. The other end is a second one on the same loop, or a bare descriptor.
 */
#pragma once

#include "base/stream.h"

enum transport { TRANSPORT_UNIX, TRANSPORT_TCP, TRANSPORTS };

/* Two connected, non-blocking sockets. */
void end_connect(enum transport transport, int descriptors[2]);

struct end {
	struct loop *loop;
	struct stream *stream;
	struct await in, out;
	unsigned in_woken, out_woken, gone; /* gone: how often the watcher was told */
};

#define END_PATIENCE                                                                               \
	20000 /* of every wait, so that what never comes fails a test and does not hang it */

/* Takes a descriptor, and watches it. */
struct end *end_new(const void *parent, struct loop *loop, int descriptor);
/* The same without a stream, for one that connects. */
struct end *end_without_stream(const void *parent, struct loop *loop);

/* Begin to wait and run the loop until that has ended. */
enum outcome end_hear_line(struct end *end, size_t maximum, struct line *line);
enum outcome end_hear_bytes(struct end *end);
enum outcome end_flush(struct end *end, size_t low);
enum outcome end_linger(struct end *end);
enum outcome end_wait(struct end *end, const struct await *await);

/* Lets everything happen that can without waiting. */
void end_settle(struct loop *loop);

/* Writes all to a bare descriptor, running the loop while it is full. */
void end_send(struct loop *loop, int descriptor, struct slice bytes);
