/* SPDX-License-Identifier: Apache-2.0 */
/* A small SMTP server that keeps what it is sent (RFC 5321, RFC 3030). */
#include "proxy/sink.h"

#include "base/cidr.h"
#include "base/loop.h"
#include "base/steps.h"
#include "base/stream.h"
#include "proxy/maildir.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <talloc.h>
#include <unistd.h>

enum { LINE_MOST = 4096, IDLE_MILLISECONDS = 300000, BACKLOG = 1024, SIZE_MOST = 104857600 };

struct sink {
	struct loop *loop;
	const char *directory;
	struct event event;
};

/* Where DATA stands in finding CRLF "." CRLF. */
enum data_state { LINE_START, AFTER_DOT, AFTER_DOT_CR, IN_TEXT, AFTER_CR, DATA_ENDED };

struct visitor {
	struct sink *sink;
	struct stream *stream;
	struct steps steps;
	char *sender; /* NULL: no transaction */
	char **recipients;
	size_t recipient_count;
	struct maildir_file *file; /* NULL: no message is coming */
	enum data_state data;
	uint64_t chunk_left;
	bool chunk_last;
	bool chunk_refused; /* RFC 3030: it is taken all the same, and dropped */
};

static struct step greet(void *owner);
static struct step read_command(void *owner);
static struct step execute_command(void *owner);
static struct step receive_data(void *owner);
static struct step receive_chunk(void *owner);
static struct step farewell(void *owner);

/* --- replies and the transaction --- */

static void say(struct visitor *visitor, const char *text)
{
	stream_write(visitor->stream, slice_of(text));
	stream_write(visitor->stream, slice_of("\r\n"));
}

static struct step reply(struct visitor *visitor, const char *text)
{
	say(visitor, text);
	return THEN(read_command);
}

static void reset(struct visitor *visitor)
{
	talloc_free(visitor->sender);
	talloc_free(visitor->recipients);
	talloc_free(visitor->file);
	visitor->sender = NULL;
	visitor->recipients = NULL;
	visitor->recipient_count = 0;
	visitor->file = NULL;
}

static void open_file(struct visitor *visitor)
{
	visitor->file = maildir_create(visitor, visitor->sink->directory);
	if (!visitor->file)
		return;
	maildir_print(visitor->file, "Return-Path: <%s>\r\nX-Envelope-From: <%s>\r\n",
		visitor->sender, visitor->sender);
	for (size_t i = 0; i < visitor->recipient_count; i++)
		maildir_print(visitor->file, "X-Envelope-To: <%s>\r\n", visitor->recipients[i]);
}

/* The whole message is there: 250 only when it is on the disk. */
static struct step keep(struct visitor *visitor)
{
	bool kept = visitor->file && maildir_commit(visitor->file);

	reset(visitor);
	return reply(visitor, kept ? "250 2.0.0 kept" : "452 4.3.1 could not be kept");
}

/* --- the session --- */

static struct step greet(void *owner)
{
	return reply(owner, "220 sink.invalid ESMTP");
}

static struct step read_command(void *owner)
{
	struct visitor *visitor = owner;

	stream_begin_line(visitor->stream, LINE_MOST, IDLE_MILLISECONDS, &visitor->steps.await);
	return THEN(execute_command);
}

static struct step helo(struct visitor *visitor, struct slice argument)
{
	(void)argument;
	reset(visitor);
	return reply(visitor, "250 sink.invalid");
}

static struct step ehlo(struct visitor *visitor, struct slice argument)
{
	(void)argument;
	reset(visitor);
	return reply(visitor,
		"250-sink.invalid\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
		"250-SMTPUTF8\r\n250-SIZE 104857600\r\n250-CHUNKING\r\n"
		"250 ENHANCEDSTATUSCODES");
}

/* "FROM:<address> …": the address, or NULL when it is none. */
static char *take_path(struct visitor *visitor, struct slice argument, const char *keyword)
{
	bool quoted = false;

	if (!slice_starts_nocase(argument, keyword))
		return NULL;
	struct slice path = slice_trim(slice_from(argument, strlen(keyword)));
	if (path.size == 0 || path.data[0] != '<')
		return NULL;
	for (size_t i = 1; i < path.size; i++) {
		if (path.data[i] == '\\' && quoted)
			i++;
		else if (path.data[i] == '"')
			quoted = !quoted;
		else if (path.data[i] == '>' && !quoted)
			return slice_keep(visitor, slice_make(path.data + 1, i - 1));
	}
	return NULL;
}

static struct step mail(struct visitor *visitor, struct slice argument)
{
	if (visitor->sender)
		return reply(visitor, "503 5.5.1 a transaction is open");
	visitor->sender = take_path(visitor, argument, "FROM:");
	return reply(
		visitor, visitor->sender ? "250 2.1.0 sender ok" : "501 5.5.4 MAIL FROM:<address>");
}

static struct step rcpt(struct visitor *visitor, struct slice argument)
{
	if (!visitor->sender)
		return reply(visitor, "503 5.5.1 MAIL first");
	char *recipient = take_path(visitor, argument, "TO:");
	if (!recipient || !*recipient)
		return reply(visitor, "501 5.5.4 RCPT TO:<address>");
	visitor->recipients =
		talloc_realloc(visitor, visitor->recipients, char *, visitor->recipient_count + 1);
	visitor->recipients[visitor->recipient_count++] =
		talloc_steal(visitor->recipients, recipient);
	return reply(visitor, "250 2.1.5 recipient ok");
}

static struct step data(struct visitor *visitor, struct slice argument)
{
	(void)argument;
	if (visitor->recipient_count == 0 || visitor->file)
		return reply(visitor, "503 5.5.1 MAIL and RCPT first");
	open_file(visitor);
	visitor->data = LINE_START;
	say(visitor, "354 go on");
	stream_begin_bytes(visitor->stream, IDLE_MILLISECONDS, &visitor->steps.await);
	return THEN(receive_data);
}

/* RFC 3030 §2: bdat-cmd = "BDAT" SP chunk-size [SP end-marker] CR LF */
static struct step bdat(struct visitor *visitor, struct slice argument)
{
	struct slice marker = argument;
	struct slice size = slice_cut(&marker, ' ');

	if (!slice_to_number(size, &visitor->chunk_left)) {
		say(visitor, "501 5.5.4 BDAT size [LAST]");
		return THEN(farewell);
	}
	visitor->chunk_last = slice_equals_nocase(slice_trim(marker), "LAST");
	visitor->chunk_refused = visitor->recipient_count == 0;
	if (!visitor->chunk_refused && !visitor->file)
		open_file(visitor);
	return THEN(receive_chunk);
}

static struct step rset(struct visitor *visitor, struct slice argument)
{
	(void)argument;
	reset(visitor);
	return reply(visitor, "250 2.0.0 ok");
}

static struct step noop(struct visitor *visitor, struct slice argument)
{
	(void)argument;
	return reply(visitor, "250 2.0.0 ok");
}

static struct step vrfy(struct visitor *visitor, struct slice argument)
{
	(void)argument;
	return reply(visitor, "252 2.0.0 send and see");
}

static struct step quit(struct visitor *visitor, struct slice argument)
{
	(void)argument;
	say(visitor, "221 2.0.0 bye");
	return THEN(farewell);
}

static const struct {
	const char *verb;
	struct step (*run)(struct visitor *visitor, struct slice argument);
} verbs[] = {
	{"HELO", helo},
	{"EHLO", ehlo},
	{"MAIL", mail},
	{"RCPT", rcpt},
	{"DATA", data},
	{"BDAT", bdat},
	{"RSET", rset},
	{"NOOP", noop},
	{"VRFY", vrfy},
	{"QUIT", quit},
};

static struct step execute_command(void *owner)
{
	struct visitor *visitor = owner;

	if (visitor->steps.await.outcome != OUTCOME_DONE)
		return DONE;
	struct line line = stream_take_line(visitor->stream);
	if (line.fault != LINE_GOOD)
		return reply(visitor, "500 5.5.2 not a line");
	struct slice argument = line.text;
	struct slice verb = slice_cut(&argument, ' ');
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		if (slice_equals_nocase(verb, verbs[i].verb))
			return verbs[i].run(visitor, argument);
	}
	return reply(visitor, "500 5.5.1 unknown command");
}

static struct step farewell(void *owner)
{
	struct visitor *visitor = owner;

	stream_begin_linger(visitor->stream, 1000, &visitor->steps.await);
	return DONE;
}

/* --- the message --- */

/* What follows a byte that is text, by the byte. */
static enum data_state after_text(char byte, enum data_state before)
{
	if (byte == '\r')
		return AFTER_CR;
	return byte == '\n' && before == AFTER_CR ? LINE_START : IN_TEXT;
}

static enum data_state next_state(enum data_state state, char byte)
{
	if (state == LINE_START && byte == '.')
		return AFTER_DOT;
	if (state == AFTER_DOT && byte == '\r')
		return AFTER_DOT_CR;
	if (state == AFTER_DOT_CR && byte == '\n')
		return DATA_ENDED;
	return after_text(byte, state == AFTER_DOT_CR ? AFTER_CR : state);
}

/* Takes bytes of the message up to its end; what is not text (dots that were stuffed, the end) is left out. */
static size_t take_data(struct visitor *visitor, struct slice bytes)
{
	size_t kept = 0; /* up to here the bytes are in the file */
	size_t i = 0;

	while (i < bytes.size && visitor->data != DATA_ENDED) {
		enum data_state before = visitor->data;

		visitor->data = next_state(before, bytes.data[i]);
		if (visitor->data == AFTER_DOT) {
			maildir_write(visitor->file, slice_make(bytes.data + kept, i - kept));
			kept = i + 1;
		} else if (visitor->data == AFTER_DOT_CR) {
			kept = i + 1;
		} else if (before == AFTER_DOT_CR && visitor->data != DATA_ENDED) {
			maildir_write(visitor->file, slice_of("\r"));
		}
		i++;
	}
	if (visitor->data != DATA_ENDED && i > kept)
		maildir_write(visitor->file, slice_make(bytes.data + kept, i - kept));
	return i;
}

static struct step receive_data(void *owner)
{
	struct visitor *visitor = owner;

	if (visitor->steps.await.outcome != OUTCOME_DONE)
		return DONE;
	size_t taken = take_data(visitor, stream_bytes(visitor->stream));
	stream_take(visitor->stream, taken);
	if (visitor->data == DATA_ENDED)
		return keep(visitor);
	stream_begin_bytes(visitor->stream, IDLE_MILLISECONDS, &visitor->steps.await);
	return THEN(receive_data);
}

static struct step end_chunk(struct visitor *visitor)
{
	if (visitor->chunk_refused)
		return reply(visitor, "503 5.5.1 MAIL and RCPT first");
	return visitor->chunk_last ? keep(visitor) : reply(visitor, "250 2.0.0 chunk ok");
}

static struct step take_chunk(void *owner)
{
	struct visitor *visitor = owner;

	if (visitor->steps.await.outcome != OUTCOME_DONE)
		return DONE;
	struct slice bytes = stream_bytes(visitor->stream);
	if (bytes.size > visitor->chunk_left)
		bytes.size = (size_t)visitor->chunk_left;
	if (!visitor->chunk_refused)
		maildir_write(visitor->file, bytes);
	visitor->chunk_left -= bytes.size;
	stream_take(visitor->stream, bytes.size);
	return THEN(receive_chunk);
}

static struct step receive_chunk(void *owner)
{
	struct visitor *visitor = owner;

	if (visitor->chunk_left == 0)
		return end_chunk(visitor);
	stream_begin_bytes(visitor->stream, IDLE_MILLISECONDS, &visitor->steps.await);
	return THEN(take_chunk);
}

/* --- connections --- */

static int visitor_cancel(struct visitor *visitor)
{
	steps_cancel(&visitor->steps);
	return 0;
}

static void on_finished(void *owner)
{
	talloc_free(owner);
}

static void on_connection(evutil_socket_t listener, short what, void *owner)
{
	struct sink *sink = owner;
	int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (descriptor < 0)
		return;
	struct visitor *visitor = talloc_zero(sink, struct visitor);
	visitor->sink = sink;
	visitor->stream = stream_new(visitor, sink->loop, descriptor);
	steps_init(&visitor->steps, sink->loop->clock, visitor, THEN(farewell), on_finished);
	talloc_set_destructor(visitor, visitor_cancel);
	steps_start(&visitor->steps, THEN(greet));
}

static bool parse_address(const char *text, struct ip *ip, uint16_t *port)
{
	return ip_parse_with_port(slice_of(text), ip, port);
}

static int listen_on(const char *text)
{
	struct sockaddr_storage address;
	const int on = 1;
	struct ip ip;
	uint16_t port;

	if (!parse_address(text, &ip, &port)) {
		errno = EINVAL;
		return -1;
	}
	socklen_t size = ip_to_sockaddr(&ip, port, &address);
	int descriptor = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (descriptor < 0)
		return -1;
	setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (bind(descriptor, (struct sockaddr *)&address, size) == 0 &&
		listen(descriptor, BACKLOG) == 0)
		return descriptor;
	int error = errno;
	close(descriptor);
	errno = error;
	return -1;
}

static void announce(int descriptor)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof address;
	char text[IP_TEXT_SIZE];
	uint16_t port;

	getsockname(descriptor, (struct sockaddr *)&address, &size);
	struct ip ip = ip_of_sockaddr((struct sockaddr *)&address, &port);
	fprintf(stderr, "sink: listening on %s port %u\n", ip_print(&ip, text), port);
}

int sink_run(const char *address, const char *directory)
{
	int descriptor = listen_on(address);

	if (descriptor < 0 || !maildir_make(directory)) {
		fprintf(stderr, "postern: %s, %s: %s\n", address, directory, strerror(errno));
		return 1;
	}
	struct loop *loop = loop_new(NULL);
	struct sink *sink = talloc_zero(NULL, struct sink);
	sink->loop = loop;
	sink->directory = directory;
	event_assign(
		&sink->event, loop->base, descriptor, EV_READ | EV_PERSIST, on_connection, sink);
	event_add(&sink->event, NULL);
	announce(descriptor);
	loop_run(loop);
	event_del(&sink->event);
	talloc_free(sink);
	talloc_free(loop);
	close(descriptor);
	return 0;
}
