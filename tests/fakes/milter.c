/* SPDX-License-Identifier: Apache-2.0 */
/* A milter for tests. */
#include "tests/fakes/milter.h"

#include "plugins/milter_wire.h"

#include <assert.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <talloc.h>
#include <unistd.h>
#include <utlist.h>

#define PIECE 65536
#define SHOWN 200 /* bytes of a body, as text */

struct answer {
	const char *event;
	const char *words;
	bool is_used;
};

struct fake_milter {
	struct loop *loop;
	char *path;
	int listener;
	struct event *accepting;
	struct connection *open;
	struct answer *answers;
	size_t answer_count;
	const char **heard;
	size_t heard_count, told;
	unsigned connections;
};

struct connection {
	struct connection *prev, *next;
	struct fake_milter *milter;
	int descriptor;
	struct event *reading;
	struct milter_reader reader;
	uint32_t protocol;
};

static const struct {
	char byte;
	const char *event;
	uint32_t silent;
	bool is_answered;
} events[] = {
	{MILTER_OFFER, "offer", 0, true},
	{MILTER_MACROS, "macros", 0, false},
	{MILTER_CONNECT, "connect", MILTER_SILENT_CONNECT, true},
	{MILTER_HELO, "helo", MILTER_SILENT_HELO, true},
	{MILTER_MAIL, "mail", MILTER_SILENT_MAIL, true},
	{MILTER_RCPT, "rcpt", MILTER_SILENT_RCPT, true},
	{MILTER_DATA, "data", MILTER_SILENT_DATA, true},
	{MILTER_UNKNOWN, "unknown", MILTER_SILENT_UNKNOWN, true},
	{MILTER_HEADER, "header", MILTER_SILENT_HEADER, true},
	{MILTER_EOH, "eoh", MILTER_SILENT_EOH, true},
	{MILTER_BODY, "body", MILTER_SILENT_BODY, true},
	{MILTER_EOM, "eom", 0, true},
	{MILTER_ABORT, "abort", 0, false},
	{MILTER_QUIT, "quit", 0, false},
};

#define EVENTS (sizeof events / sizeof events[0])

/* --- what it hears --- */

static void keep(struct fake_milter *milter, const char *line)
{
	milter->heard =
		talloc_realloc(milter, milter->heard, const char *, milter->heard_count + 1);
	milter->heard[milter->heard_count++] = line;
}

static char *escaped(void *parent, struct slice bytes)
{
	char *text = talloc_strdup(parent, "");

	for (size_t i = 0; i < bytes.size && i < SHOWN; i++) {
		unsigned char c = (unsigned char)bytes.data[i];
		if (c == '\r' || c == '\n')
			text = talloc_asprintf_append(text, "\\%c", c == '\r' ? 'r' : 'n');
		else if (c == '\\' || c < ' ' || c > '~')
			text = talloc_asprintf_append(text, "\\x%02x", c);
		else
			text = talloc_asprintf_append(text, "%c", c);
	}
	return text;
}

static char *joined(void *parent, const struct milter_packet *packet, const char *separators)
{
	char *text = talloc_strdup(parent, "");

	for (size_t i = 0; i < packet->text_count; i++)
		text = talloc_asprintf_append(text, "%c%s", i ? separators[i % 2 == 0] : ' ',
			escaped(text, packet->texts[i]));
	return text;
}

static char *print(struct fake_milter *milter, size_t event, const struct milter_packet *packet)
{
	const char *name = events[event].event;

	switch (packet->byte) {
	case MILTER_CONNECT:
		return talloc_asprintf(milter, "connect %s %c %u %s",
			escaped(milter, packet->texts[0]), packet->kind, packet->numbers[0],
			packet->text_count > 1 ? escaped(milter, packet->texts[1]) : "");
	case MILTER_MACROS:
		return talloc_asprintf(
			milter, "macros %c%s", packet->kind, joined(milter, packet, "= "));
	case MILTER_HEADER:
		return talloc_asprintf(milter, "header %s:%s", escaped(milter, packet->texts[0]),
			escaped(milter, packet->texts[1]));
	case MILTER_BODY:
		if (packet->bytes.size > SHOWN)
			return talloc_asprintf(milter, "body %zu bytes", packet->bytes.size);
		return talloc_asprintf(milter, "body %s", escaped(milter, packet->bytes));
	default:
		return talloc_asprintf(milter, "%s%s", name, joined(milter, packet, "  "));
	}
}

/* --- what it says --- */

static size_t unescape(char *text)
{
	static const char letters[] = "rnt\\", bytes[] = "\r\n\t\\";
	char *out = text, *begin = text;

	for (; *text; text++) {
		const char *letter = *text == '\\' && text[1] ? strchr(letters, text[1]) : NULL;
		if (*text == '\\' && text[1] == 'x') {
			char digits[3] = {text[2], text[3], '\0'};
			*out++ = (char)strtol(digits, NULL, 16);
			text += 3;
		} else if (letter) {
			*out++ = bytes[letter - letters];
			text++;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
	return (size_t)(out - begin);
}

static void send_bytes(const struct connection *connection, struct slice bytes)
{
	while (bytes.size) {
		ssize_t sent = send(connection->descriptor, bytes.data, bytes.size, MSG_NOSIGNAL);
		if (sent <= 0)
			return;
		bytes = slice_from(bytes, (size_t)sent);
	}
}

static void send_packet(struct connection *connection, const struct milter_packet *packet)
{
	struct slice bytes = milter_wire_print(connection, MILTER_SIDE_MILTER, packet);

	send_bytes(connection, bytes);
	talloc_free((char *)bytes.data);
}

/* "[number ]Name: value" */
static void split_field(struct milter_packet *packet, char *rest, bool is_numbered)
{
	char *colon;

	if (is_numbered)
		packet->numbers[0] = (uint32_t)strtoul(rest, &rest, 10);
	rest += strspn(rest, " ");
	colon = rest + strcspn(rest, ":");
	packet->texts[0] = slice_make(rest, (size_t)(colon - rest));
	colon += *colon == ':';
	packet->texts[1] = slice_of(colon + (*colon == ' '));
	packet->text_count = 2;
}

static const struct {
	const char *word;
	char byte;
	char form; /* '-' nothing, 't' a text, 'f' a field, 'n' a numbered one, 'b' bytes */
} words[] = {
	{"continue", MILTER_CONTINUE, '-'},
	{"accept", MILTER_ACCEPT, '-'},
	{"reject", MILTER_REJECT, '-'},
	{"tempfail", MILTER_TEMPFAIL, '-'},
	{"discard", MILTER_DISCARD, '-'},
	{"skip", MILTER_SKIP, '-'},
	{"progress", MILTER_PROGRESS, '-'},
	{"shutdown", MILTER_SHUTDOWN, '-'},
	{"reply", MILTER_REPLY_CODE, 't'},
	{"quarantine", MILTER_QUARANTINE, 't'},
	{"change_sender", MILTER_NEW_SENDER, 't'},
	{"add_recipient", MILTER_NEW_RECIPIENT, 't'},
	{"add_recipient_parameters", MILTER_NEW_RECIPIENT_PARAMETERS, 't'},
	{"remove_recipient", MILTER_REMOVE_RECIPIENT, 't'},
	{"add_header", MILTER_ADD_HEADER, 'f'},
	{"insert_header", MILTER_INSERT_HEADER, 'n'},
	{"change_header", MILTER_CHANGE_HEADER, 'n'},
	{"delete_header", MILTER_CHANGE_HEADER, 'n'},
	{"replace_body", MILTER_REPLACE_BODY, 'b'},
};

static void say(struct connection *connection, const char *word, char *rest)
{
	struct milter_packet packet = {0};
	size_t i = 0, size = unescape(rest);

	while (i < sizeof words / sizeof words[0] && strcmp(words[i].word, word) != 0)
		i++;
	if (i == sizeof words / sizeof words[0]) {
		fprintf(stderr, "no answer of a milter: %s\n", word);
		abort();
	}
	packet.byte = words[i].byte;
	if (words[i].form == 'b')
		packet.bytes = slice_make(rest, size);
	if (words[i].form == 't') {
		packet.texts[0] = slice_of(rest);
		packet.text_count = 1;
	}
	if (words[i].form == 'f' || words[i].form == 'n')
		split_field(&packet, rest, words[i].form == 'n');
	send_packet(connection, &packet);
}

/* --- negotiation --- */

static void add_list(struct milter_packet *packet, char *text)
{
	struct milter_macro_list *list = &packet->lists[packet->list_count++];
	char *rest;

	list->stage = (uint32_t)strtoul(text, &rest, 10);
	list->names = slice_of(rest + strspn(rest, " "));
}

static void say_offer(struct connection *connection, char *text)
{
	struct milter_packet packet = {
		.byte = MILTER_OFFER, .numbers = {MILTER_WIRE_VERSION, MILTER_ALL_ACTIONS, 0}};
	char *rest = NULL, *numbers = text ? strtok_r(text, ";", &rest) : NULL;

	if (numbers) {
		packet.numbers[1] = (uint32_t)strtoul(numbers, &numbers, 16);
		packet.numbers[2] = (uint32_t)strtoul(numbers, &numbers, 16);
		if (strtoul(numbers, NULL, 10))
			packet.numbers[0] = (uint32_t)strtoul(numbers, NULL, 10);
	}
	for (char *list; numbers && (list = strtok_r(NULL, ";", &rest));)
		add_list(&packet, strstr(list, "list") + strlen("list"));
	connection->protocol = packet.numbers[2];
	send_packet(connection, &packet);
}

/* --- connections --- */

static int close_connection(struct connection *connection)
{
	event_free(connection->reading);
	close(connection->descriptor);
	DL_DELETE(connection->milter->open, connection);
	return 0;
}

/* One that was used is used up, unless it is the last for the event. */
static char *next_answer(struct fake_milter *milter, const char *event)
{
	struct answer *last = NULL;

	for (size_t i = 0; i < milter->answer_count; i++) {
		struct answer *answer = &milter->answers[i];
		if (strcmp(answer->event, event) != 0)
			continue;
		last = answer;
		if (!answer->is_used)
			break;
	}
	if (!last)
		return NULL;
	last->is_used = true;
	return talloc_strdup(milter, last->words);
}

/* False when it has closed the connection. */
static bool say_one(struct connection *connection, char *answer)
{
	char *word = answer + strspn(answer, " "), *rest = word + strcspn(word, " ");
	size_t end = strlen(word);

	while (end && word[end - 1] == ' ')
		word[--end] = '\0';
	if (rest > word + end)
		rest = word + end;
	if (*rest)
		*rest++ = '\0';
	if (strcmp(word, "nothing") == 0)
		return true;
	if (strcmp(word, "raw") == 0) {
		size_t size = unescape(rest);
		send_bytes(connection, slice_make(rest, size));
		return true;
	}
	if (strcmp(word, "close") != 0) {
		say(connection, word, rest);
		return true;
	}
	talloc_free(connection);
	return false;
}

static bool answer(struct connection *connection, size_t event)
{
	char *all = next_answer(connection->milter, events[event].event), *rest = NULL;
	static const struct milter_packet go_on = {.byte = MILTER_CONTINUE};

	if (events[event].byte == MILTER_OFFER && (!all || strchr("0123456789", *all))) {
		say_offer(connection, all);
		return true;
	}
	if (!all) {
		if (!(connection->protocol & events[event].silent))
			send_packet(connection, &go_on);
		return true;
	}
	for (char *one = strtok_r(all, ";", &rest); one; one = strtok_r(NULL, ";", &rest)) {
		if (!say_one(connection, one))
			return false;
	}
	return true;
}

static bool hear(struct connection *connection, struct slice payload)
{
	struct milter_packet packet;
	const char *fault = milter_wire_parse(MILTER_SIDE_SERVER, payload, &packet);
	size_t event = 0;

	if (fault) {
		fprintf(stderr, "no command to a milter: %s\n", fault);
		abort();
	}
	while (event < EVENTS && events[event].byte != packet.byte)
		event++;
	assert(event < EVENTS);
	if (packet.byte != MILTER_OFFER)
		keep(connection->milter, print(connection->milter, event, &packet));
	return events[event].is_answered ? answer(connection, event) : true;
}

static void on_bytes(evutil_socket_t descriptor, short what, void *owner)
{
	struct connection *connection = owner;
	char bytes[PIECE];
	ssize_t size = recv(descriptor, bytes, sizeof bytes, MSG_DONTWAIT);
	struct slice input = slice_make(bytes, size > 0 ? (size_t)size : 0), payload;

	(void)what;
	if (size == 0) {
		keep(connection->milter, "closed");
		talloc_free(connection);
		return;
	}
	while (input.size) {
		if (milter_reader_take(&connection->reader, connection, &input, &payload) ==
				MILTER_WHOLE &&
			!hear(connection, payload))
			return;
	}
}

static void on_connection(evutil_socket_t listener, short what, void *owner)
{
	struct fake_milter *milter = owner;
	struct connection *connection = talloc_zero(milter, struct connection);

	(void)what;
	connection->milter = milter;
	connection->descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert(connection->descriptor >= 0);
	connection->reader.maximum = MILTER_WIRE_MAXIMUM + 1;
	connection->reading = event_new(milter->loop->base, connection->descriptor,
		EV_READ | EV_PERSIST, on_bytes, connection);
	event_add(connection->reading, NULL);
	DL_APPEND(milter->open, connection);
	talloc_set_destructor(connection, close_connection);
	milter->connections++;
}

/* --- for tests --- */

static int close_milter(struct fake_milter *milter)
{
	while (milter->open)
		talloc_free(milter->open);
	event_free(milter->accepting);
	close(milter->listener);
	unlink(milter->path);
	return 0;
}

static int listen_somewhere(char *path, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	static unsigned number;

	snprintf(path, size, "/tmp/postern-milter-%d-%u", (int)getpid(), number++);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	unlink(path);
	bool good = bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
		listen(listener, 128) == 0;
	assert(good);
	return listener;
}

struct fake_milter *milter_new(const void *parent, struct loop *loop)
{
	struct fake_milter *milter = talloc_zero(parent, struct fake_milter);
	char path[64];

	milter->loop = loop;
	milter->listener = listen_somewhere(path, sizeof path);
	milter->path = talloc_strdup(milter, path);
	milter->accepting = event_new(
		loop->base, milter->listener, EV_READ | EV_PERSIST, on_connection, milter);
	event_add(milter->accepting, NULL);
	talloc_set_destructor(milter, close_milter);
	return milter;
}

const char *milter_path(const struct fake_milter *milter)
{
	return milter->path;
}

void milter_script(struct fake_milter *milter, const char *line)
{
	size_t size = strcspn(line, " ");

	milter->answers =
		talloc_realloc(milter, milter->answers, struct answer, milter->answer_count + 1);
	milter->answers[milter->answer_count++] =
		(struct answer){talloc_strndup(milter, line, size),
			talloc_strdup(milter, line + size + (line[size] == ' ')), false};
}

const char *milter_heard(struct fake_milter *milter, bool with_macros)
{
	while (milter->told < milter->heard_count) {
		const char *line = milter->heard[milter->told++];
		if (with_macros || strncmp(line, "macros", 6) != 0)
			return line;
	}
	return NULL;
}

unsigned milter_open(const struct fake_milter *milter)
{
	const struct connection *connection;
	unsigned count = 0;

	DL_COUNT(milter->open, connection, count);
	return count;
}

unsigned milter_connections(const struct fake_milter *milter)
{
	return milter->connections;
}
