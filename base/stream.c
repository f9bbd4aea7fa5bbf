/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: own buffers and OpenSSL on libevent's readiness (edge-triggered). */
#include "base/stream.h"

#include "base/outbox.h"
#include "base/tls_socket.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <talloc.h>
#include <unistd.h>

#define PIECES_A_CALL 16
#define READS_A_TURN 8
#define LINGER_BYTES 262144

enum wait { WAIT_NOTHING, WAIT_LINE, WAIT_BYTES, WAIT_END };

struct stream {
	struct loop *loop;
	int descriptor;
	bool readable; /* since the last edge nothing said that the socket is dry */
	bool doubtful; /* a read took all there was: dry, unless a reset came in the same event */
	bool ending;   /* the peer has shut down: the last read will say so */
	bool ended;    /* end of input */
	bool broken;
	bool told;    /* somebody knows that it is broken */
	bool parting; /* writing is shut down once all is sent */
	bool connecting;
	bool shaking;  /* TLS handshake */
	bool skipping; /* dropping the rest of a long line */
	uint8_t reads; /* in this turn of the loop */
	uint8_t wait;  /* enum wait */
	uint32_t lingered;
	uint32_t line_maximum;
	struct slice input; /* unread; in the loop's scratch or in held */
	char *held;
	char *beginning; /* of the long line that is being dropped; talloc knows its size */
	struct outbox output;
	size_t low;
	uint64_t flush_time;
	struct await *reading;
	struct await *writing;
	void (*on_gone)(void *owner);
	void *owner;
	SSL *tls;
	unsigned long tls_error; /* OpenSSL's number */
	int error;
	struct event *writer; /* made when a write first blocks */
	struct event *again;  /* made when the loop is first asked to come back */
	struct event event;
};

static void on_again(evutil_socket_t descriptor, short what, void *owner);
static void on_writable(evutil_socket_t descriptor, short what, void *owner);

/* Asks the loop to come back to us, when it has looked after the others, though the socket has nothing new to say. (An event
 * that is made active would come before them.) */
static void schedule(struct stream *stream)
{
	static const struct timeval at_once;

	if (!stream->again)
		stream->again = event_new(stream->loop->base, -1, 0, on_again, stream);
	if (!event_pending(stream->again, EV_TIMEOUT, NULL))
		event_add(stream->again, &at_once);
}

/* Waits until the socket takes bytes again. */
static void want_writable(struct stream *stream)
{
	if (!stream->writer)
		stream->writer = event_new(stream->loop->base, stream->descriptor, EV_WRITE | EV_ET,
			on_writable, stream);
	if (!event_pending(stream->writer, EV_WRITE, NULL))
		event_add(stream->writer, NULL);
}

/* --- being told that the connection is no more --- */

static void end_reading(struct stream *stream, enum outcome outcome)
{
	struct await *await = stream->reading;

	stream->told |= stream->broken;
	stream->reading = NULL;
	stream->wait = WAIT_NOTHING;
	if (await)
		await_end(await, outcome);
}

static void end_writing(struct stream *stream, enum outcome outcome)
{
	struct await *await = stream->writing;

	stream->told |= stream->broken;
	stream->writing = NULL;
	stream->connecting = false;
	stream->shaking = false;
	if (await)
		await_end(await, outcome);
}

/* An operation ends before it began to wait. */
static void skip(struct stream *stream, struct await *await, enum outcome outcome)
{
	stream->told |= stream->broken;
	await_skip(await, outcome);
}

/* The connection is no more. Who does not hear of it in this turn of the loop is told in the next. */
static void break_off(struct stream *stream, int error)
{
	stream->broken = true;
	stream->ended = true;
	if (!stream->error)
		stream->error = error ? error : EPROTO;
	schedule(stream);
}

enum progress { PROGRESS_SATISFIED, PROGRESS_OVER, PROGRESS_WAITING };

static enum outcome outcome_of(const struct stream *stream, enum progress progress)
{
	bool good = progress == PROGRESS_SATISFIED || stream->wait == WAIT_END;

	return good ? OUTCOME_DONE : OUTCOME_FAILED;
}

/* Whoever waits hears of the break, else the watcher. At most one owner is woken a turn: it may free us. */
static void tell_broken(struct stream *stream)
{
	if (stream->writing && stream->reading)
		schedule(stream);
	if (stream->writing) {
		end_writing(stream, OUTCOME_FAILED);
	} else if (stream->reading) {
		end_reading(stream, outcome_of(stream, PROGRESS_OVER));
	} else if (stream->on_gone && !stream->told) {
		stream->told = true;
		stream->on_gone(stream->owner);
	}
}

/* --- input --- */

/* Moves what is unread out of the scratch into memory of our own. */
static void settle(struct stream *stream)
{
	struct loop *loop = stream->loop;
	char *copy = NULL;

	if (loop->scratch_owner != stream)
		return;
	loop->scratch_owner = NULL;
	if (stream->input.size) {
		copy = talloc_memdup(stream, stream->input.data, stream->input.size);
		stream->input.data = copy;
	}
	talloc_free(stream->held);
	stream->held = copy;
}

static size_t read_tls(struct stream *stream, char *into, size_t size)
{
	enum tls_socket_state state;
	size_t got = tls_socket_receive(stream->tls, into, size, &state);

	stream->readable = state == TLS_OPEN;
	if (state == TLS_WANTS_OUTPUT)
		want_writable(stream);
	if (state == TLS_ENDED)
		stream->ended = true;
	if (state == TLS_BROKEN)
		break_off(stream, errno);
	return got;
}

static size_t read_plain(struct stream *stream, char *into, size_t size)
{
	ssize_t n = recv(stream->descriptor, into, size, 0);

	if (n > 0) {
		if ((size_t)n < size && !stream->ending) {
			stream->readable = false;
			stream->doubtful = true;
		}
		return (size_t)n;
	}
	if (n == 0)
		stream->ended = true;
	else if (errno == EAGAIN || errno == EINTR)
		stream->readable = errno == EINTR;
	else
		break_off(stream, errno);
	return 0;
}

static bool may_read(const struct stream *stream)
{
	return stream->readable || stream->doubtful;
}

/* Reads once, behind what is unread, at most a scratch full in all. False when nothing came. */
static bool fill(struct stream *stream)
{
	struct loop *loop = stream->loop;
	struct slice old = stream->input;

	if (stream->ended || !may_read(stream) || old.size >= LOOP_SCRATCH_SIZE)
		return false;
	if (loop->scratch_owner && loop->scratch_owner != stream)
		settle(loop->scratch_owner);
	if (old.size)
		memmove(loop->scratch, old.data, old.size);
	loop->scratch_owner = stream;
	stream->doubtful = false;
	size_t room = LOOP_SCRATCH_SIZE - old.size;
	size_t n = stream->tls ? read_tls(stream, loop->scratch + old.size, room)
			       : read_plain(stream, loop->scratch + old.size, room);
	stream->input = slice_make(loop->scratch, old.size + n);
	TALLOC_FREE(stream->held);
	stream->reads++;
	return n > 0;
}

void stream_take(struct stream *stream, size_t size)
{
	assert(size <= stream->input.size);
	if (size == 0)
		return;
	stream->input = slice_from(stream->input, size);
	if (stream->input.size)
		return;
	if (stream->loop->scratch_owner == stream)
		stream->loop->scratch_owner = NULL;
}

struct slice stream_bytes(const struct stream *stream)
{
	return stream->input;
}

/* Drops a long line as it comes; true when its end has been dropped too, the LF left for stream_take_line. */
static bool skip_line(struct stream *stream)
{
	size_t at = slice_find(stream->input, '\n');

	stream_take(stream, at == SIZE_MAX ? stream->input.size : at);
	return at != SIZE_MAX;
}

/* What kind of line it is can be told though the rest is dropped. There are at least as many bytes as the maximum. */
static void keep_beginning(struct stream *stream)
{
	size_t size =
		stream->line_maximum < STREAM_BEGINNING ? stream->line_maximum : STREAM_BEGINNING;

	stream->beginning = talloc_memdup(stream, stream->input.data, size);
}

static void forget_beginning(struct stream *stream)
{
	if (stream->beginning)
		TALLOC_FREE(stream->beginning);
}

static bool has_line(struct stream *stream)
{
	if (stream->skipping)
		return skip_line(stream);
	size_t at = slice_find(stream->input, '\n');
	if (at == SIZE_MAX ? stream->input.size < stream->line_maximum : at < stream->line_maximum)
		return at != SIZE_MAX;
	stream->skipping = true;
	keep_beginning(stream);
	return skip_line(stream);
}

/* Whether what is waited for is there. */
static bool is_satisfied(struct stream *stream)
{
	switch (stream->wait) {
	case WAIT_LINE:
		return has_line(stream);
	case WAIT_BYTES:
		return stream->input.size > 0;
	default:
		stream->lingered += (uint32_t)stream->input.size;
		stream_take(stream, stream->input.size);
		return stream->lingered >= LINGER_BYTES;
	}
}

struct line stream_take_line(struct stream *stream)
{
	size_t size = slice_find(stream->input, '\n');
	struct line line = {{stream->input.data, size}, LINE_GOOD};

	assert(size != SIZE_MAX);
	if (stream->skipping) {
		line.text = slice_make(stream->beginning, talloc_get_size(stream->beginning));
		line.fault = LINE_LONG;
	} else if (size == 0 || line.text.data[size - 1] != '\r') {
		line.fault = LINE_BARE;
	} else {
		line.text.size--;
	}
	if (line.fault == LINE_GOOD &&
		(slice_find(line.text, '\r') != SIZE_MAX ||
			slice_find(line.text, '\0') != SIZE_MAX))
		line.fault = LINE_BARE;
	stream->skipping = false;
	stream_take(stream, size + 1);
	return line;
}

/* A peer that has finished may still be listening to what is unsent. */
static bool has_parted(const struct stream *stream)
{
	return stream->ended &&
		(stream->wait != WAIT_END || stream->broken || !stream->output.size);
}

static enum progress try_reading(struct stream *stream)
{
	for (;;) {
		if (stream->input.size && is_satisfied(stream))
			return PROGRESS_SATISFIED;
		if (has_parted(stream))
			return PROGRESS_OVER;
		if (stream->ended || !may_read(stream))
			return PROGRESS_WAITING;
		if (stream->reads >= READS_A_TURN) {
			schedule(stream);
			return PROGRESS_WAITING;
		}
		fill(stream);
	}
}

static void cancel_reading(void *operation)
{
	struct stream *stream = operation;

	stream->reading = NULL;
	stream->wait = WAIT_NOTHING;
}

static void begin_reading(
	struct stream *stream, enum wait wait, uint64_t milliseconds, struct await *await)
{
	assert(!stream->reading);
	if (!stream->input.size)
		TALLOC_FREE(stream->held);
	stream->wait = wait;
	if (!(stream->input.size && is_satisfied(stream)) && stream->output.size)
		stream_flush(stream);
	enum progress progress = try_reading(stream);
	if (progress != PROGRESS_WAITING) {
		skip(stream, await, outcome_of(stream, progress));
		stream->wait = WAIT_NOTHING;
		return;
	}
	stream->reading = await;
	await_begin(await, milliseconds, cancel_reading, stream);
}

void stream_begin_line(
	struct stream *stream, size_t maximum, uint64_t milliseconds, struct await *await)
{
	assert(maximum <= LOOP_SCRATCH_SIZE);
	stream->line_maximum = (uint32_t)maximum;
	if (!stream->skipping)
		forget_beginning(stream);
	begin_reading(stream, WAIT_LINE, milliseconds, await);
}

void stream_begin_bytes(struct stream *stream, uint64_t milliseconds, struct await *await)
{
	begin_reading(stream, WAIT_BYTES, milliseconds, await);
}

void stream_begin_linger(struct stream *stream, uint64_t milliseconds, struct await *await)
{
	stream->parting = true;
	stream_flush(stream);
	begin_reading(stream, WAIT_END, milliseconds, await);
}

/* An edge has told of all that has come: without one the socket need not be asked. */
bool stream_has_peer(struct stream *stream)
{
	if (stream->input.size == 0)
		fill(stream);
	return !stream->broken && !(stream->ended && stream->input.size == 0);
}

void stream_trust(struct stream *stream)
{
	stream->doubtful = false;
}

bool stream_has_news(struct stream *stream)
{
	if (stream->input.size == 0 && stream->readable)
		fill(stream);
	return stream->input.size > 0 || stream->ended;
}

/* --- output --- */

void stream_write(struct stream *stream, struct slice bytes)
{
	if (!stream->broken)
		outbox_copy(&stream->output, bytes);
}

void stream_lend(struct stream *stream, struct slice bytes)
{
	if (!stream->broken)
		outbox_lend(&stream->output, bytes);
}

size_t stream_unsent(const struct stream *stream)
{
	return stream->output.size;
}

static size_t send_plain(struct stream *stream)
{
	struct iovec parts[PIECES_A_CALL];
	struct msghdr message = {.msg_iov = parts};

	message.msg_iovlen = outbox_parts(&stream->output, parts, PIECES_A_CALL);
	ssize_t n = message.msg_iovlen == 1
		? send(stream->descriptor, parts->iov_base, parts->iov_len, MSG_NOSIGNAL)
		: sendmsg(stream->descriptor, &message, MSG_NOSIGNAL);
	if (n >= 0)
		return (size_t)n;
	if (errno == EAGAIN || errno == EINTR)
		want_writable(stream);
	else
		break_off(stream, errno);
	return 0;
}

static size_t send_tls(struct stream *stream)
{
	enum tls_socket_state state;
	struct iovec part;

	outbox_parts(&stream->output, &part, 1);
	size_t n = tls_socket_send(stream->tls, slice_make(part.iov_base, part.iov_len), &state);
	if (state == TLS_BROKEN || state == TLS_ENDED)
		break_off(stream, errno);
	else if (state != TLS_OPEN)
		want_writable(stream);
	return n;
}

static void shut_writing(struct stream *stream)
{
	stream->parting = false;
	if (stream->tls)
		SSL_shutdown(stream->tls);
	shutdown(stream->descriptor, SHUT_WR);
}

void stream_flush(struct stream *stream)
{
	while (stream->output.size && !stream->broken && !stream->connecting && !stream->shaking) {
		size_t n = stream->tls ? send_tls(stream) : send_plain(stream);
		if (n == 0)
			break;
		outbox_drop(&stream->output, n);
		stream->doubtful = false; /* a reset would have failed it */
	}
	if (stream->broken)
		outbox_clear(&stream->output);
	else if (stream->parting && !stream->output.size)
		shut_writing(stream);
}

static void cancel_writing(void *operation)
{
	struct stream *stream = operation;

	stream->writing = NULL;
	if (stream->connecting || stream->shaking) {
		break_off(stream, ECANCELED);
		stream->told = true;
	}
	stream->connecting = false;
	stream->shaking = false;
}

void stream_begin_flush(
	struct stream *stream, size_t low, uint64_t milliseconds, struct await *await)
{
	assert(!stream->writing);
	stream_flush(stream);
	if (stream->broken || stream->output.size <= low) {
		skip(stream, await, stream->broken ? OUTCOME_FAILED : OUTCOME_DONE);
		return;
	}
	stream->low = low;
	stream->flush_time = milliseconds;
	stream->writing = await;
	await_begin(await, milliseconds, cancel_writing, stream);
}

void stream_finish(struct stream *stream)
{
	stream->parting = true;
	stream_flush(stream);
}

/* --- TLS --- */

/* Goes on with a handshake. */
static enum progress shake(struct stream *stream)
{
	switch (tls_socket_shake_hands(stream->tls)) {
	case TLS_OPEN:
		return PROGRESS_SATISFIED;
	case TLS_WANTS_OUTPUT:
		want_writable(stream);
		return PROGRESS_WAITING;
	case TLS_WANTS_INPUT:
		return PROGRESS_WAITING;
	default:
		stream->tls_error = tls_socket_error();
		break_off(stream, errno);
		return PROGRESS_OVER;
	}
}

void stream_begin_tls(struct stream *stream, SSL_CTX *context, enum tls_role role, const char *name,
	uint64_t milliseconds, struct await *await)
{
	assert(!stream->tls && !stream->writing && !stream->reading && !stream->output.size);
	stream_take(stream, stream->input.size);
	stream->tls = SSL_new(context);
	if (!stream->tls || !SSL_set_fd(stream->tls, stream->descriptor)) {
		break_off(stream, ENOMEM);
		skip(stream, await, OUTCOME_FAILED);
		return;
	}
	if (role == TLS_SERVER) {
		SSL_set_accept_state(stream->tls);
	} else {
		SSL_set_connect_state(stream->tls);
		if (name)
			SSL_set_tlsext_host_name(stream->tls, name);
	}
	enum progress progress = shake(stream);
	stream->readable = true;
	if (progress != PROGRESS_WAITING) {
		skip(stream, await, progress == PROGRESS_SATISFIED ? OUTCOME_DONE : OUTCOME_FAILED);
		return;
	}
	stream->shaking = true;
	stream->writing = await;
	await_begin(await, milliseconds, cancel_writing, stream);
}

const SSL *stream_tls(const struct stream *stream)
{
	return stream->tls;
}

unsigned long stream_tls_error(const struct stream *stream)
{
	return stream->tls_error;
}

const char *stream_tls_version(const struct stream *stream)
{
	return stream->tls ? SSL_get_version(stream->tls) : NULL;
}

const char *stream_tls_cipher(const struct stream *stream)
{
	return stream->tls ? SSL_get_cipher_name(stream->tls) : NULL;
}

/* --- what the loop tells --- */

static void go_on_shaking(struct stream *stream)
{
	enum progress progress = shake(stream);

	if (progress == PROGRESS_SATISFIED)
		end_writing(stream, OUTCOME_DONE);
	else if (progress == PROGRESS_OVER)
		tell_broken(stream);
}

static int take_error(struct stream *stream)
{
	int error = 0;
	socklen_t size = sizeof error;

	getsockopt(stream->descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
	return error;
}

/* Nobody waits for input: has the peer reset the connection? Reading would not tell while there is something to read, and
 * SO_ERROR by itself tells of transient errors too. */
static void look_for_reset(struct stream *stream)
{
	struct pollfd look = {.fd = stream->descriptor};

	if (poll(&look, 1, 0) <= 0 || !(look.revents & POLLERR))
		return;
	break_off(stream, take_error(stream));
	tell_broken(stream);
}

static void on_readable(evutil_socket_t descriptor, short what, void *owner)
{
	struct stream *stream = owner;

	(void)descriptor;
	stream->readable = true;
	stream->reads = 0;
	if (what & EV_CLOSED)
		stream->ending = true;
	if (stream->broken) {
		tell_broken(stream);
	} else if (stream->shaking) {
		go_on_shaking(stream);
	} else if (stream->connecting) {
		return;
	} else if (stream->reading) {
		enum progress progress = try_reading(stream);
		if (progress != PROGRESS_WAITING)
			end_reading(stream, outcome_of(stream, progress));
	} else {
		look_for_reset(stream);
	}
}

static void on_again(evutil_socket_t descriptor, short what, void *owner)
{
	(void)what;
	on_readable(descriptor, EV_READ, owner);
}

static void finish_connecting(struct stream *stream)
{
	int error = take_error(stream);

	if (error)
		break_off(stream, error);
	end_writing(stream, error ? OUTCOME_FAILED : OUTCOME_DONE);
}

static void on_writable(evutil_socket_t descriptor, short what, void *owner)
{
	struct stream *stream = owner;
	size_t before = stream->output.size;

	(void)descriptor;
	(void)what;
	if (stream->connecting) {
		finish_connecting(stream);
		return;
	}
	if (stream->shaking) {
		go_on_shaking(stream);
		return;
	}
	if (stream->tls && stream->reading)
		schedule(stream); /* it may have waited for this */
	stream_flush(stream);
	if (stream->broken)
		tell_broken(stream);
	else if (stream->writing && stream->output.size <= stream->low)
		end_writing(stream, OUTCOME_DONE);
	else if (stream->writing && stream->output.size < before)
		await_extend(stream->writing, stream->flush_time);
	else if (stream->wait == WAIT_END && has_parted(stream))
		end_reading(stream, OUTCOME_DONE);
}

/* --- life --- */

static int close_stream(struct stream *stream)
{
	if (stream->reading)
		await_cancel(stream->reading);
	if (stream->writing)
		await_cancel(stream->writing);
	if (stream->loop->scratch_owner == stream)
		stream->loop->scratch_owner = NULL;
	event_del(&stream->event);
	if (stream->writer)
		event_free(stream->writer);
	if (stream->again)
		event_free(stream->again);
	if (stream->tls && !stream->broken && SSL_is_init_finished(stream->tls))
		SSL_shutdown(stream->tls);
	SSL_free(stream->tls);
	close(stream->descriptor);
	outbox_clear(&stream->output);
	return 0;
}

struct stream *stream_new(const void *parent, struct loop *loop, int descriptor)
{
	struct stream *stream = talloc_zero(parent, struct stream);

	stream->loop = loop;
	stream->descriptor = descriptor;
	int failed = event_assign(&stream->event, loop->base, descriptor,
		EV_READ | EV_CLOSED | EV_ET | EV_PERSIST, on_readable, stream);
	assert(failed == 0);
	failed = event_add(&stream->event, NULL);
	assert(failed == 0);
	talloc_set_destructor(stream, close_stream);
	return stream;
}

struct stream *stream_begin_connect(const void *parent, struct loop *loop,
	const struct sockaddr *address, unsigned address_size, uint64_t milliseconds,
	struct await *await)
{
	int one = 1;
	int descriptor = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (descriptor < 0) {
		await_skip(await, OUTCOME_FAILED);
		return NULL;
	}
	setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	int failed = connect(descriptor, address, address_size);
	int error = failed ? errno : 0;
	struct stream *stream = stream_new(parent, loop, descriptor);
	if (error != EINPROGRESS) {
		if (error)
			break_off(stream, error);
		skip(stream, await, error ? OUTCOME_FAILED : OUTCOME_DONE);
		return stream;
	}
	stream->connecting = true;
	want_writable(stream);
	stream->writing = await;
	await_begin(await, milliseconds, cancel_writing, stream);
	return stream;
}

void stream_watch(struct stream *stream, void (*on_gone)(void *owner), void *owner)
{
	stream->on_gone = on_gone;
	stream->owner = owner;
}

const char *stream_error(const struct stream *stream)
{
	const char *reason = stream->tls_error ? ERR_reason_error_string(stream->tls_error) : NULL;

	if (reason)
		return reason;
	return stream->error ? strerror(stream->error) : "";
}
