/* SPDX-License-Identifier: Apache-2.0 */
/* Plays dialogues against a gateway: see README.md in this folder. */
#include "base/log.h"
#include "base/loop.h"
#include "base/stream.h"
#include "proxy/session.h"
#include "tests/fakes/certificate.h"

#include <check.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <talloc.h>
#include <unistd.h>

#define PATIENCE 10000 /* ms of real time until a test that waits has failed */

enum way { WAY_WRITTEN, WAY_BYTES, WAY_AT_ONCE, WAY_CUT, WAYS };
static const char *const way_names[] = {"written", "bytes", "at once", "cut"};

/* One end of a connection in the player's hands. */
struct end {
	int descriptor;
	SSL *tls;
	char *input; /* not matched yet */
	size_t size;
	bool ended;
};

struct play {
	const char *file;
	unsigned line;
	enum way way;
	struct loop *loop;
	struct table *table;
	struct gateway *gateway;
	struct end client;
	struct end backend;
	int listener;
	uint16_t port;
	bool connected; /* the backend has heard of us */
	const char *offer;
	char **script;
	size_t count;
	size_t said; /* script lines already sent by "at once" */
	const char **due; /* what the client has yet to hear, when all was said at once */
	unsigned *due_lines;
	size_t due_count;
	struct end beside; /* an earlier connection of the client, left open */
	char *log;
};

static char certificate_file[64], key_file[64];

static void give_up(const struct play *play, const char *what, const char *wanted, struct slice got)
{
	ck_abort_msg("%s:%u (%s): %s: wanted \"%s\", got \"%.*s\"", play->file, play->line, way_names[play->way], what,
		wanted, SLICE_ARGS(got));
}

/* --- bytes --- */

static void turn(struct play *play)
{
	for (int i = 0; i < 4; i++)
		loop_turn(play->loop, false);
}

static bool read_some(struct end *end, void *parent)
{
	char bytes[65536];
	ssize_t n;

	if (end->descriptor < 0 || end->ended)
		return false;
	if (end->tls)
		n = SSL_read(end->tls, bytes, sizeof bytes);
	else
		n = recv(end->descriptor, bytes, sizeof bytes, MSG_DONTWAIT);
	if (n <= 0) {
		bool again = end->tls ? SSL_get_error(end->tls, (int)n) == SSL_ERROR_WANT_READ : n < 0 && errno == EAGAIN;
		ERR_clear_error();
		end->ended |= !again;
		return false;
	}
	end->input = talloc_realloc(parent, end->input, char, end->size + (size_t)n);
	memcpy(end->input + end->size, bytes, (size_t)n);
	end->size += (size_t)n;
	return true;
}

/* Lets the gateway work until there is news on the descriptor. */
static void await_news(struct play *play, int descriptor, unsigned *patience)
{
	struct pollfd poll_for = {descriptor, POLLIN, 0};

	turn(play);
	*patience += poll(&poll_for, 1, 0) > 0 ? 0 : (poll(&poll_for, 1, 1) >= 0);
}

static void send_bytes(struct play *play, struct end *end, const char *bytes, size_t size)
{
	unsigned patience = 0;

	while (size && patience < PATIENCE) {
		size_t some = play->way == WAY_BYTES && end == &play->client ? 1 : size;
		ssize_t n = end->tls ? SSL_write(end->tls, bytes, (int)some)
				     : send(end->descriptor, bytes, some, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			bytes += n;
			size -= (size_t)n;
		} else if (errno != EAGAIN) {
			return; /* the other side is gone: what it heard is for the next lines to say */
		} else {
			patience++;
			poll(NULL, 0, 1);
		}
		turn(play);
		if (n <= 0)
			read_some(end, play);
	}
}

/* Takes a line off the input; true when there is one. */
static bool take_line(struct end *end, char line[8192])
{
	char *lf = end->size ? memchr(end->input, '\n', end->size) : NULL;

	if (!lf)
		return false;
	size_t size = (size_t)(lf - end->input);
	size_t kept = size && end->input[size - 1] == '\r' ? size - 1 : size;
	if (kept > 8191)
		kept = 8191;
	memcpy(line, end->input, kept);
	line[kept] = '\0';
	end->size -= size + 1;
	memmove(end->input, lf + 1, end->size);
	return true;
}

static bool hear_line(struct play *play, struct end *end, char line[8192])
{
	for (unsigned patience = 0; patience < PATIENCE;) {
		if (take_line(end, line))
			return true;
		if (!read_some(end, play) && end->ended)
			return false;
		await_news(play, end->descriptor, &patience);
	}
	return false;
}

static void expect_line(struct play *play, struct end *end, const char *pattern)
{
	char line[8192];

	if (!hear_line(play, end, line))
		give_up(play, end->ended ? "the connection ended" : "nothing came", pattern, slice_make(end->input, end->size));
	if (fnmatch(pattern, line, 0) != 0)
		give_up(play, "another line", pattern, slice_of(line));
}

static void expect_end(struct play *play, struct end *end)
{
	for (unsigned patience = 0; patience < PATIENCE && !end->ended;) {
		if (!read_some(end, play))
			await_news(play, end->descriptor, &patience);
	}
	if (!end->ended || end->size)
		give_up(play, end->ended ? "more came before the end" : "it did not end", "(closed)",
			slice_make(end->input, end->size));
}

/* --- TLS --- */

static void shake_hands(struct play *play, struct end *end, bool as_client)
{
	SSL_CTX *context = SSL_CTX_new(as_client ? TLS_client_method() : TLS_server_method());
	int done = 0;

	if (!as_client) {
		SSL_CTX_use_certificate_chain_file(context, certificate_file);
		SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM);
	}
	end->tls = SSL_new(context);
	SSL_CTX_free(context);
	SSL_set_fd(end->tls, end->descriptor);
	SSL_set_mode(end->tls, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	fcntl(end->descriptor, F_SETFL, O_NONBLOCK);
	for (unsigned patience = 0; patience < PATIENCE && done != 1;) {
		done = as_client ? SSL_connect(end->tls) : SSL_accept(end->tls);
		if (done != 1 && SSL_get_error(end->tls, done) != SSL_ERROR_WANT_READ)
			break;
		if (done != 1)
			await_news(play, end->descriptor, &patience);
	}
	if (done != 1)
		give_up(play, "handshake failed", "(tls)", slice_of(ERR_reason_error_string(ERR_get_error())));
}

static void close_end(struct end *end)
{
	SSL_free(end->tls);
	if (end->descriptor >= 0)
		close(end->descriptor);
	talloc_free(end->input);
	*end = (struct end){.descriptor = -1, .ended = true};
}

static void reset_end(struct end *end)
{
	struct linger at_once = {1, 0};

	setsockopt(end->descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close_end(end);
}

/* --- the backend --- */

static void listen_backend(struct play *play)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(play->port)};
	socklen_t size = sizeof address;
	int one = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	play->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(play->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	ck_assert_int_eq(bind(play->listener, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(listen(play->listener, 16), 0);
	getsockname(play->listener, (struct sockaddr *)&address, &size);
	play->port = ntohs(address.sin_port);
}

static void accept_backend(struct play *play)
{
	close_end(&play->backend);
	for (unsigned patience = 0; patience < PATIENCE && play->backend.descriptor < 0;) {
		play->backend.descriptor = accept4(play->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (play->backend.descriptor < 0)
			await_news(play, play->listener, &patience);
	}
	if (play->backend.descriptor < 0)
		give_up(play, "no connection came", "(connect)", slice_of(""));
	play->backend.ended = false;
	play->connected = true;
}

static void say(struct play *play, struct end *end, const char *text)
{
	send_bytes(play, end, text, strlen(text));
}

static void greet_backend(struct play *play)
{
	char *offer = talloc_strdup(play, play->offer);
	const char *separator = "-";

	accept_backend(play);
	say(play, &play->backend, "220 backend.example ESMTP\r\n");
	expect_line(play, &play->backend, "EHLO mx.example.com");
	say(play, &play->backend, *offer ? "250-backend.example\r\n" : "250 backend.example\r\n");
	for (char *keyword = strtok(offer, ","); keyword; ) {
		char *next = strtok(NULL, ",");
		separator = next ? "-" : " ";
		while (*keyword == ' ')
			keyword++;
		say(play, &play->backend, talloc_asprintf(play, "250%s%s\r\n", separator, keyword));
		keyword = next;
	}
}

static void expect_trace(struct play *play)
{
	expect_line(play, &play->backend, "Received: from *");
	for (unsigned patience = 0; patience < PATIENCE;) {
		char line[8192];
		bool is_more = play->backend.size && isblank((unsigned char)play->backend.input[0]);
		bool is_tag = play->backend.size > 10 && memcmp(play->backend.input, "X-Postern-", 10) == 0;
		if (play->backend.size > 10 && !is_more && !is_tag)
			return;
		if (play->backend.size && !is_more && play->backend.input[0] != 'X')
			return;
		if (!take_line(&play->backend, line)) {
			read_some(&play->backend, play);
			await_news(play, play->backend.descriptor, &patience);
		}
	}
}

static void expect_bytes(struct play *play, size_t count)
{
	for (unsigned patience = 0; count && patience < PATIENCE;) {
		size_t some = play->backend.size < count ? play->backend.size : count;
		count -= some;
		play->backend.size -= some;
		memmove(play->backend.input, play->backend.input + some, play->backend.size);
		if (count && !read_some(&play->backend, play))
			await_news(play, play->backend.descriptor, &patience);
	}
	if (count)
		give_up(play, "fewer bytes came", "(skip)", slice_of(""));
}

/* --- the script --- */

/* Undoes the escapes of a line; its size in *size. */
static char *unescape(void *parent, const char *text, size_t *size)
{
	char *out = talloc_array(parent, char, strlen(text) + 3);
	static const char letters[] = "rnt0\\", bytes[] = "\r\n\t\0\\";

	for (*size = 0; *text; text++) {
		const char *letter = *text == '\\' && text[1] ? strchr(letters, text[1]) : NULL;
		if (*text == '\\' && text[1] == 'x') {
			char digits[3] = {text[2], text[3], '\0'};
			out[(*size)++] = (char)strtol(digits, NULL, 16);
			text += 3;
		} else if (letter) {
			out[(*size)++] = bytes[letter - letters];
			text++;
		} else {
			out[(*size)++] = *text;
		}
	}
	out[*size] = '\0';
	return out;
}

static void say_escaped(struct play *play, struct end *end, const char *text, bool with_crlf)
{
	size_t size;
	char *bytes = unescape(play, text, &size);

	if (with_crlf) {
		memcpy(bytes + size, "\r\n", 3);
		size += 2;
	}
	send_bytes(play, end, bytes, size);
}

static void repeat(struct play *play, struct end *end, const char *arguments)
{
	char *rest;
	unsigned long times = strtoul(arguments, &rest, 10);
	size_t size;
	char *text = talloc_strndup(play, rest + 1, strlen(rest + 1) - 1);
	char *bytes = unescape(play, text, &size);
	char *all = talloc_array(play, char, times * size + 1);

	for (unsigned long i = 0; i < times; i++)
		memcpy(all + i * size, bytes, size);
	send_bytes(play, end, all, times * size);
}

static bool is_barrier(const char *line)
{
	return strncmp(line, "wait", 4) == 0 || strncmp(line, "C: (", 4) == 0 || strncmp(line, "log:", 4) == 0 ||
		strncmp(line, "drain", 5) == 0 || strncmp(line, "stop", 4) == 0 || strcmp(line, "barrier") == 0;
}

/* Sends what the client says from here to the next barrier. */
static void say_all(struct play *play, size_t from)
{
	char *all = talloc_strdup(play, "");
	size_t size = 0;

	for (size_t i = from; i < play->count && !is_barrier(play->script[i]); i++) {
		size_t some;
		if (strncmp(play->script[i], "C:", 2) != 0 && strncmp(play->script[i], "C-", 2) != 0)
			continue;
		char *bytes = unescape(play, play->script[i] + 3, &some);
		if (play->script[i][1] == ':') {
			memcpy(bytes + some, "\r\n", 3);
			some += 2;
		}
		all = talloc_realloc(play, all, char, size + some);
		memcpy(all + size, bytes, some);
		size += some;
		play->said = i + 1;
	}
	send_bytes(play, &play->client, all, size);
}

/* The value of a head line, or NULL; nth from 0. */
static const char *head(const struct play *play, const char *name, size_t nth)
{
	size_t size = strlen(name);

	for (size_t i = 0; i < play->count; i++) {
		if (strncmp(play->script[i], name, size) == 0 && nth-- == 0)
			return play->script[i] + size + 1;
	}
	return NULL;
}

static void connect_client(struct play *play)
{
	int pair[2];
	const char *text = head(play, "client:", 0);
	struct ip ip;

	ck_assert(ip_parse(slice_of(text ? text : "192.0.2.10"), &ip));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	play->client = (struct end){.descriptor = pair[0]};
	gateway_take(play->gateway, play->gateway->configuration->listens[0], pair[1], &ip, 40000);
}

/* A second connection, on which the dialogue goes on; the first stays open. */
static void connect_beside(struct play *play)
{
	play->beside = play->client;
	connect_client(play);
}

static void client_says(struct play *play, size_t index, const char *text, bool with_crlf)
{
	if (strcmp(text, "(close)") == 0)
		close_end(&play->client);
	else if (strcmp(text, "(reset)") == 0)
		reset_end(&play->client);
	else if (strcmp(text, "(again)") == 0)
		connect_beside(play);
	else if (strcmp(text, "(half-close)") == 0)
		shutdown(play->client.descriptor, SHUT_WR);
	else if (strcmp(text, "(tls)") == 0)
		shake_hands(play, &play->client, true);
	else if (strncmp(text, "(repeat ", 8) == 0)
		repeat(play, &play->client, text + 8);
	else if (play->way != WAY_AT_ONCE)
		say_escaped(play, &play->client, text, with_crlf);
	else if (index >= play->said)
		say_all(play, index);
	turn(play);
}

/* What was said at once may be answered only when the backend has spoken: then these lines are heard at the end. */
static void hear_what_is_due(struct play *play)
{
	unsigned line = play->line;

	for (size_t i = 0; i < play->due_count && play->client.descriptor >= 0; i++) {
		play->line = play->due_lines[i];
		expect_line(play, &play->client, play->due[i]);
	}
	play->due_count = 0;
	play->line = line;
}

static void client_hears(struct play *play, const char *pattern)
{
	if (strcmp(pattern, "(closed)") == 0) {
		hear_what_is_due(play);
		expect_end(play, &play->client);
	} else if (play->way == WAY_AT_ONCE) {
		play->due = talloc_realloc(play, play->due, const char *, play->due_count + 1);
		play->due_lines = talloc_realloc(play, play->due_lines, unsigned, play->due_count + 1);
		play->due_lines[play->due_count] = play->line;
		play->due[play->due_count++] = pattern;
	} else {
		expect_line(play, &play->client, pattern);
	}
}

static void backend_hears(struct play *play, const char *pattern)
{
	if (strcmp(pattern, "(connect)") == 0) {
		accept_backend(play);
		return;
	}
	if (strcmp(pattern, "(connects)") == 0 || !play->connected) {
		greet_backend(play);
		if (strcmp(pattern, "(connects)") == 0)
			return;
	}
	if (strcmp(pattern, "(closed)") == 0)
		expect_end(play, &play->backend);
	else if (strcmp(pattern, "(trace)") == 0)
		expect_trace(play);
	else if (strncmp(pattern, "(skip ", 6) == 0)
		expect_bytes(play, strtoul(pattern + 6, NULL, 10));
	else
		expect_line(play, &play->backend, pattern);
}

static void backend_says(struct play *play, const char *text, bool with_crlf)
{
	if (strcmp(text, "(close)") == 0) {
		close_end(&play->backend);
	} else if (strcmp(text, "(reset)") == 0) {
		reset_end(&play->backend);
	} else if (strcmp(text, "(tls)") == 0) {
		shake_hands(play, &play->backend, false);
	} else if (strcmp(text, "(down)") == 0) {
		close(play->listener);
		play->listener = -1;
	} else if (strcmp(text, "(up)") == 0) {
		listen_backend(play);
	} else {
		say_escaped(play, &play->backend, text, with_crlf);
	}
	turn(play);
}

static void pass_time(struct play *play, const char *text)
{
	char *unit;
	uint64_t milliseconds = strtoul(text, &unit, 10);

	if (strcmp(unit, "s") == 0)
		milliseconds *= 1000;
	else if (strcmp(unit, "m") == 0)
		milliseconds *= 60000;
	turn(play);
	clock_move(play->loop->clock, milliseconds);
	turn(play);
}

/* The log is looked at once the gateway had a chance to write. */
static void expect_log(struct play *play, const char *pattern)
{
	for (unsigned patience = 0; patience < PATIENCE; patience++) {
		char *copy = talloc_strdup(play, play->log);
		for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n")) {
			if (fnmatch(pattern, line, 0) == 0) {
				*play->log = '\0';
				return;
			}
		}
		turn(play);
		poll(NULL, 0, 1);
	}
	give_up(play, "not in the log", pattern, slice_of(play->log));
}

/* How much a session may hold that its client does not read. */
static void expect_bounded(struct play *play, const char *bytes)
{
	const struct session *session = play->gateway->sessions;

	ck_assert_msg(session != NULL, "%s:%u: no session", play->file, play->line);
	size_t unsent = stream_unsent(session->client);
	ck_assert_msg(unsent > 0 && unsent < strtoul(bytes, NULL, 10), "%s:%u: %zu bytes are unsent", play->file,
		play->line, unsent);
}

static void on_drained(void *owner)
{
	(void)owner;
}

static void play_line(struct play *play, size_t index)
{
	const char *line = play->script[index];
	const char *text = strlen(line) > 3 ? line + 3 : "";

	play->line = (unsigned)index + 1;
	if (line[0] == '#' || line[0] == '\0' || strcmp(line, "barrier") == 0)
		return;
	if (strncmp(line, "C:", 2) == 0 || strncmp(line, "C-", 2) == 0)
		client_says(play, index, text, line[1] == ':');
	else if (strncmp(line, "S:", 2) == 0)
		client_hears(play, text);
	else if (strncmp(line, ">B", 2) == 0)
		backend_hears(play, text);
	else if (strncmp(line, "<B", 2) == 0)
		backend_says(play, line[2] == '-' ? line + 4 : text, line[2] != '-');
	else if (strncmp(line, "wait ", 5) == 0)
		pass_time(play, line + 5);
	else if (strncmp(line, "unsent ", 7) == 0)
		expect_bounded(play, line + 7);
	else if (strncmp(line, "log: ", 5) == 0)
		expect_log(play, line + 5);
	else if (strcmp(line, "drain") == 0 || strcmp(line, "stop") == 0)
		gateway_drain(play->gateway, line[0] == 's', on_drained, play);
	else if (!strchr(line, ':') || !strstr("config: client: offer: ways:", talloc_strndup(play, line, strcspn(line, " "))))
		give_up(play, "no line of a dialogue", "", slice_of(line));
}

/* --- before and after --- */

static const struct {
	const char *name;
	const char *text;
} presets[] = {
	{"hostname", "hostname = \"mx.example.com\""},
	{"listen", "listen \"test\" { address = \"127.0.0.1\" port = 2525 }"},
	{"backend", "backend \"test\" { servers = {\"@SERVER@\"} tls = off probe = 0 }"},
	{"relay", "relay { domains = {\"example.com\"} networks = {\"10.0.0.0/8\"} }"},
	{"tls", "tls { certificate = \"@CERTIFICATE@\" key = \"@KEY@\" }"},
	{"control", "control { socket = \"/nonexistent/control\" }"},
};

static char *replace(void *parent, char *text, const char *what, const char *with)
{
	for (char *found; (found = strstr(text, what));) {
		*found = '\0';
		text = talloc_asprintf(parent, "%s%s%s", text, with, found + strlen(what));
	}
	return text;
}

static bool is_configured(const struct play *play, const char *name)
{
	const char *config;

	for (size_t i = 0; (config = head(play, "config:", i)); i++) {
		if (strncmp(config, name, strlen(name)) == 0)
			return true;
	}
	return false;
}

static const struct configuration *configure(struct play *play)
{
	struct complaints *complaints = complaints_new(play);
	char *text = talloc_strdup(play, "");
	const char *config;

	for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
		if (!is_configured(play, presets[i].name))
			text = talloc_asprintf(play, "%s%s\n", text, presets[i].text);
	}
	for (size_t i = 0; (config = head(play, "config:", i)); i++)
		text = talloc_asprintf(play, "%s%s\n", text, config);
	text = replace(play, text, "@SERVER@", talloc_asprintf(play, "127.0.0.1:%u", play->port));
	text = replace(play, text, "@CERTIFICATE@", certificate_file);
	text = replace(play, text, "@KEY@", key_file);
	const struct configuration *configuration =
		configuration_read_text(play, "postern.conf", text, complaints);
	if (complaints_errors(complaints))
		ck_abort_msg("%s: %s", play->file, complaints_text(play, complaints));
	return configuration;
}

static void on_log(const char *line, void *owner)
{
	struct play *play = owner;

	play->log = talloc_strdup_append(play->log, line);
}

static void read_script(struct play *play)
{
	FILE *in = fopen(play->file, "r");
	char line[8192];

	ck_assert_msg(in != NULL, "%s: %s", play->file, strerror(errno));
	play->script = talloc_array(play, char *, 0);
	while (fgets(line, sizeof line, in)) {
		line[strcspn(line, "\n")] = '\0';
		play->script = talloc_realloc(play, play->script, char *, play->count + 1);
		play->script[play->count++] = talloc_strdup(play, line);
	}
	fclose(in);
}

static struct play *begin(const char *file, enum way way)
{
	struct play *play = talloc_zero(NULL, struct play);

	play->file = file;
	play->way = way;
	play->log = talloc_strdup(play, "");
	play->backend.descriptor = -1;
	play->beside.descriptor = -1;
	read_script(play);
	play->offer = head(play, "offer:", 0);
	if (!play->offer)
		play->offer = "PIPELINING, 8BITMIME, SIZE 52428800";
	log_capture(on_log, play);
	listen_backend(play);
	play->loop = loop_new(play);
	clock_move(play->loop->clock, 0);
	play->table = table_new(play, counter_names);
	play->gateway = gateway_new(play, play->loop, configure(play), play->table, NULL, 1);
	connect_client(play);
	return play;
}

/* When client and time are gone, nothing may be left. */
static void end(struct play *play)
{
	close_end(&play->client);
	close_end(&play->beside);
	for (unsigned patience = 0; patience < PATIENCE && play->gateway->session_count; patience++) {
		turn(play);
		clock_move(play->loop->clock, 60000);
		if (patience > 20)
			poll(NULL, 0, 1);
	}
	ck_assert_msg(play->gateway->session_count == 0, "%s: a session is left", play->file);
	ck_assert_int_eq(table_sum(play->table, COUNT_SESSIONS), 0);
	ck_assert_int_eq(table_sum(play->table, COUNT_SPOOL_BYTES), 0);
	talloc_free(play->gateway);
	ck_assert_int_eq(table_sum(play->table, COUNT_BACKEND_CONNECTIONS), 0);
	talloc_free(play->loop);
	close_end(&play->backend);
	if (play->listener >= 0)
		close(play->listener);
	log_capture(NULL, NULL);
	talloc_free(play);
}

static bool is_played(const char *file, enum way way)
{
	struct play *play = talloc_zero(NULL, struct play);

	play->file = file;
	read_script(play);
	const char *ways = head(play, "ways:", 0);
	bool played = !ways || strstr(ways, way_names[way]) || way == WAY_CUT;
	talloc_free(play);
	return played;
}

static glob_t files;

static void play_whole(const char *file, enum way way)
{
	if (!is_played(file, way))
		return;
	struct play *play = begin(file, way);
	for (size_t i = 0; i < play->count; i++)
		play_line(play, i);
	hear_what_is_due(play);
	end(play);
}

/* Every dialogue broken off behind every line, by an end and by a reset: nothing may be left, whatever was awaited. */
static void play_cut(const char *file)
{
	size_t lines = 1;

	for (size_t cut = 0; cut < lines; cut++) {
		struct play *play = begin(file, WAY_CUT);
		lines = play->count;
		for (size_t i = 0; i < cut; i++)
			play_line(play, i);
		if (cut % 2 && play->client.descriptor >= 0)
			reset_end(&play->client);
		end(play);
	}
}

START_TEST(test_dialogue)
{
	const char *file = files.gl_pathv[_i / WAYS];

	if (_i % WAYS == WAY_CUT)
		play_cut(file);
	else
		play_whole(file, (enum way)(_i % WAYS));
}
END_TEST

static Suite *dialogues(void)
{
	Suite *suite = suite_create("dialogues");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, test_dialogue, 0, (int)files.gl_pathc * WAYS);
	suite_add_tcase(suite, all);
	return suite;
}

int main(int argc, char **argv)
{
	const char *root = getenv("SOURCE_ROOT");
	char pattern[4096], folder[] = "/tmp/postern-dialogues-XXXXXX";

	snprintf(pattern, sizeof pattern, "%s/tests/dialogues/%s.dialogue", root ? root : ".", argc > 1 ? argv[1] : "*");
	if (glob(pattern, 0, NULL, &files) != 0 || !mkdtemp(folder)) {
		fprintf(stderr, "no dialogue is %s\n", pattern);
		return 1;
	}
	snprintf(certificate_file, sizeof certificate_file, "%s/certificate.pem", folder);
	snprintf(key_file, sizeof key_file, "%s/key.pem", folder);
	certificate_make(certificate_file, key_file);
	SRunner *runner = srunner_create(dialogues());
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	globfree(&files);
	unlink(certificate_file);
	unlink(key_file);
	rmdir(folder);
	return failed != 0;
}
