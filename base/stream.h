/* SPDX-License-Identifier: Apache-2.0
 *
 * A stream is one connection: bytes in, bytes out, plain or TLS, on libevent's readiness. It has buffers of its own and
 * no opinion on what the bytes mean.
 *
 * Input. Begin to wait for a line or for any bytes; when the await is done, take them. What has been read and not been
 * taken stays. An idle stream holds no buffer: it reads into the loop's scratch, and only what is left unread
 * when another stream needs the scratch is copied. So slices given out are valid until the next call on any stream.
 * A line ends with CRLF. One that ends with LF alone, or has a CR or NUL inside, or is longer than asked for, is
 * given out with its fault named, and is to be refused, not executed. Of one that is too long only the beginning is given out.
 *
 * Output. stream_write() copies, stream_lend() borrows until it has been sent. Nothing is sent until stream_flush(),
 * or until the stream begins to wait for input: so replies to pipelined commands share packets. One system call
 * sends all that is queued.
 *
 * Back-pressure. A stream reads only when someone waits for input (then at most a scratch full), so a peer that sends faster than
 * its owner takes is slowed by TCP. Whoever writes much begins a flush and waits.
 *
 * The end. End of input is not the end of the stream: what was read is taken first, then waits for input fail. A stream
 * whose connection is reset or cannot be written is broken: all waits fail, and if nobody waits the watcher is told.
 *
 * Freeing the stream closes the connection. Awaits given to it must have ended or been cancelled.
 */
#pragma once

#include "base/await.h"
#include "base/loop.h"
#include "base/slice.h"

#include <openssl/types.h>

struct stream;

/* Takes a connected, non-blocking socket. */
struct stream *stream_new(const void *parent, struct loop *loop, int descriptor);

struct sockaddr;
/* A stream that is not connected yet, and its connecting: fails when refused or unreachable (stream_error says why). */
struct stream *stream_begin_connect(const void *parent, struct loop *loop,
	const struct sockaddr *address, unsigned address_size, uint64_t milliseconds,
	struct await *await);

/* Tells, once, when the connection is found broken and nobody who waited on the stream has been told. NULL: no longer. */
void stream_watch(struct stream *stream, void (*on_gone)(void *owner), void *owner);

/* --- input --- */

#define STREAM_BEGINNING                                                                           \
	80 /* bytes given out of a line that is too long, or its maximum when that is less */

enum line_fault {
	LINE_GOOD,
	LINE_BARE, /* ended by LF alone, or has CR or NUL inside */
	LINE_LONG  /* longer than the maximum; all but its beginning has been dropped */
};

struct line {
	struct slice text; /* without its end; of a long one the beginning */
	enum line_fault fault;
};

/* Waits for a whole line of at most maximum bytes, CRLF included. Fails at the end of input. */
void stream_begin_line(
	struct stream *stream, size_t maximum, uint64_t milliseconds, struct await *await);
/* Takes the line that was waited for. */
struct line stream_take_line(struct stream *stream);

/* Waits for at least one byte. Fails at the end of input. */
void stream_begin_bytes(struct stream *stream, uint64_t milliseconds, struct await *await);
/* What has been read and not been taken, and taking it. */
struct slice stream_bytes(const struct stream *stream);
void stream_take(struct stream *stream, size_t size);

/* Whether the peer may still hear us: false when the connection is broken, or when its input has ended and all of it has been
 * taken. */
bool stream_has_peer(struct stream *stream);

/* What was read last is taken for all there was: a reset that came with it shows at the next use. For those who keep connections for later. */
void stream_trust(struct stream *stream);

/* Whether something has come, or the connection has ended, that nobody has waited for and the loop has told of. Cheaper than
 * stream_has_peer(): the socket is asked only when there is news. */
bool stream_has_news(struct stream *stream);

/* --- output --- */

void stream_write(struct stream *stream, struct slice bytes);
void stream_lend(struct stream *stream, struct slice bytes);
size_t stream_unsent(const struct stream *stream);
/* Sends what it can, without waiting. */
void stream_flush(struct stream *stream);
/* Flushes and waits until at most low bytes are unsent. The deadline starts anew with each byte of progress. */
void stream_begin_flush(
	struct stream *stream, size_t low, uint64_t milliseconds, struct await *await);

/* --- TLS --- */

enum tls_role { TLS_SERVER, TLS_CLIENT };

/* Shakes hands. Nothing may be unsent: flush first. Input that was read before and not taken is thrown away: it is not part of the
 * encrypted stream (RFC 3207 §4.2). name is the server's, for SNI, or NULL. When it fails the stream is
 * broken. */
void stream_begin_tls(struct stream *stream, SSL_CTX *context, enum tls_role role, const char *name,
	uint64_t milliseconds, struct await *await);
/* NULL while plain; what more is to be asked is for OpenSSL's own functions. */
const SSL *stream_tls(const struct stream *stream);
/* Why the handshake failed, in OpenSSL's numbers; 0 when it did not, or for another reason than TLS. */
unsigned long stream_tls_error(const struct stream *stream);
/* NULL while plain. */
const char *stream_tls_version(const struct stream *stream);
const char *stream_tls_cipher(const struct stream *stream);

/* --- the end --- */

/* Nothing more will be written: shuts down writing once all is sent. Input goes on. */
void stream_finish(struct stream *stream);

/* Ends the connection so that the peer hears what was written last: sends what is unsent, shuts down writing, then
 * drops what still comes in, until the peer ends, 256 KiB have come or the deadline passes. The stream is good for
 * nothing else afterwards. */
void stream_begin_linger(struct stream *stream, uint64_t milliseconds, struct await *await);

/* Why it broke, for logs; "" when it did not. */
const char *stream_error(const struct stream *stream);
