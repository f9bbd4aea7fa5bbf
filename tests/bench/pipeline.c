/* SPDX-License-Identifier: Apache-2.0 */
/* A client that pipelines (RFC 2920): pipeline PORT CONNECTIONS MESSAGES SIZE sends so many messages over so many connections. MAIL, RCPT
 * and DATA go in one packet, and behind the first message in the same one as the end of the message before. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ENVELOPE "MAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"

enum phase { CONNECTED, GREETED, READY, IN_DATA };

struct client {
	int socket; /* -1: done */
	enum phase phase;
	unsigned wanted; /* replies until it may go on */
	unsigned left;   /* messages not sent yet */
	char line[4];    /* the beginning of a reply's line */
	size_t line_size;
	const char *output;
	size_t output_size;
};

static char *message, *message_and_next; /* with the dot, and with the next envelope */

static void fail(const char *what)
{
	fprintf(stderr, "pipeline: %s: %s\n", what,
		errno ? strerror(errno) : "not what was expected");
	exit(1);
}

static void make_messages(size_t size)
{
	static const char header[] =
		"From: <a@example.net>\r\nDate: Sun, 22 Nov 2026 02:28:42 +0000\r\n"
		"Message-ID: <1@example.net>\r\nSubject: pipelined\r\n\r\n";
	size_t used = strlen(header);

	message = malloc(size + 256);
	message_and_next = malloc(size + 512);
	if (!message || !message_and_next)
		fail("memory");
	memcpy(message, header, used);
	while (used < size) {
		memset(message + used, 'x', 70);
		memcpy(message + used + 70, "\r\n", 2);
		used += 72;
	}
	memcpy(message + used, ".\r\n", 4);
	sprintf(message_and_next, "%s%s", message, ENVELOPE);
}

static void queue(struct client *client, enum phase phase, const char *text, unsigned replies)
{
	client->phase = phase;
	client->output = text;
	client->output_size = strlen(text);
	client->wanted = replies;
}

static void finish(struct client *client)
{
	close(client->socket);
	client->socket = -1;
}

/* All replies that were due have come. */
static void go_on(struct client *client)
{
	switch (client->phase) {
	case CONNECTED:
		queue(client, GREETED, "EHLO client.example.net\r\n", 1);
		break;
	case GREETED:
		queue(client, IN_DATA, ENVELOPE, 3);
		break;
	case IN_DATA:
		if (--client->left)
			queue(client, IN_DATA, message_and_next, 4);
		else
			queue(client, READY, message, 1);
		break;
	case READY:
		finish(client);
		break;
	}
}

static void take_line(struct client *client)
{
	if (client->line_size < 4 || client->line[0] > '3')
		fail(client->line_size < 4 ? "a short reply" : "a refusal");
	if (client->line[3] != '-' && --client->wanted == 0)
		go_on(client);
	client->line_size = 0;
}

static void hear(struct client *client)
{
	char bytes[4096];
	ssize_t n = recv(client->socket, bytes, sizeof bytes, 0);

	if (n <= 0)
		fail("the connection ended");
	for (ssize_t i = 0; i < n && client->socket >= 0; i++) {
		if (bytes[i] == '\n')
			take_line(client);
		else if (client->line_size < sizeof client->line)
			client->line[client->line_size++] = bytes[i];
	}
}

static void say(struct client *client)
{
	ssize_t n = send(
		client->socket, client->output, client->output_size, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN)
		fail("send");
	if (n > 0) {
		client->output += n;
		client->output_size -= (size_t)n;
	}
}

static void connect_client(struct client *client, uint16_t port, unsigned messages)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int one = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	client->socket = socket(AF_INET, SOCK_STREAM, 0);
	if (client->socket < 0 ||
		connect(client->socket, (struct sockaddr *)&address, sizeof address) != 0)
		fail("connect");
	setsockopt(client->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	client->left = messages;
	client->phase = CONNECTED;
	client->wanted = 1;
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: pipeline PORT CONNECTIONS MESSAGES SIZE\n");
		return 2;
	}
	size_t count = strtoul(argv[2], NULL, 10), open = count;
	unsigned long messages = strtoul(argv[3], NULL, 10);
	struct client *clients = calloc(count, sizeof *clients);
	struct pollfd *polls = calloc(count, sizeof *polls);

	make_messages(strtoul(argv[4], NULL, 10));
	for (size_t i = 0; i < count; i++)
		connect_client(&clients[i], (uint16_t)strtoul(argv[1], NULL, 10),
			(unsigned)((messages + i) / count));
	while (open) {
		for (size_t i = 0; i < count; i++)
			polls[i] = (struct pollfd){clients[i].socket,
				clients[i].output_size ? POLLIN | POLLOUT : POLLIN, 0};
		if (poll(polls, count, 60000) <= 0)
			fail("nothing came for a minute");
		for (size_t i = 0; i < count; i++) {
			if (polls[i].revents & POLLOUT)
				say(&clients[i]);
			if (polls[i].revents & ~POLLOUT)
				hear(&clients[i]);
			open -= polls[i].fd >= 0 && clients[i].socket < 0;
		}
	}
	return 0;
}
