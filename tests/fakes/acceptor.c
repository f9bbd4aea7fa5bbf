/* SPDX-License-Identifier: Apache-2.0 */
/* A backend that takes everything. */
#include "tests/fakes/acceptor.h"

#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <talloc.h>

static void say(struct acceptor *acceptor, const char *text)
{
	long sent = end_write(&acceptor->end, text, strlen(text));

	(void)sent; /* replies are small; who does not read them is gone */
}

static void keep(struct acceptor *acceptor, char ***list, size_t *count, const char *line)
{
	*list = talloc_realloc(acceptor, *list, char *, *count + 1);
	(*list)[(*count)++] = talloc_strdup(acceptor, line);
	say(acceptor, "250 2.0.0 ok\r\n");
}

static void answer(struct acceptor *acceptor, const char *line)
{
	if (strncasecmp(line, "EHLO ", 5) == 0) {
		say(acceptor, "250-backend.example\r\n");
		say(acceptor, acceptor->offer);
		say(acceptor, "250 SIZE 52428800\r\n");
	} else if (strncasecmp(line, "MAIL FROM:", 10) == 0) {
		keep(acceptor, &acceptor->senders, &acceptor->sender_count, line + 10);
	} else if (strncasecmp(line, "RCPT TO:", 8) == 0) {
		keep(acceptor, &acceptor->recipients, &acceptor->recipient_count, line + 8);
	} else if (strcasecmp(line, "DATA") == 0) {
		acceptor->in_message = true;
		say(acceptor, "354 go ahead\r\n");
	} else if (strcasecmp(line, "QUIT") == 0) {
		say(acceptor, "221 2.0.0 goodbye\r\n");
		end_close(&acceptor->end);
	} else {
		say(acceptor, "250 2.0.0 ok\r\n");
	}
}

/* The message up to its end, or false when that has not come. */
static bool take_message(struct acceptor *acceptor)
{
	struct end *end = &acceptor->end;
	const char *stop = end->size >= 5 ? memmem(end->input, end->size, "\r\n.\r\n", 5) : NULL;

	if (!stop)
		return false;
	size_t size = (size_t)(stop - end->input) + 2;
	acceptor->messages = talloc_realloc(
		acceptor, acceptor->messages, struct slice, acceptor->message_count + 1);
	acceptor->messages[acceptor->message_count++] =
		slice_make(talloc_memdup(acceptor, end->input, size), size);
	end_drop(end, size + 3);
	acceptor->in_message = false;
	say(acceptor, "250 2.0.0 taken\r\n");
	return true;
}

static void accept_next(struct acceptor *acceptor)
{
	int descriptor = accept4(acceptor->rig->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (descriptor < 0)
		return;
	end_close(&acceptor->end);
	acceptor->end = (struct end){.descriptor = descriptor};
	acceptor->in_message = false;
	say(acceptor, "220 backend.example ESMTP\r\n");
}

static void on_turn(void *owner)
{
	struct acceptor *acceptor = owner;
	char line[END_LINE] = "";

	if (acceptor->is_deaf && acceptor->in_message)
		return;
	if (acceptor->end.ended)
		accept_next(acceptor);
	while (end_read(&acceptor->end, acceptor))
		;
	while (acceptor->in_message ? take_message(acceptor)
				    : end_take_line(&acceptor->end, line)) {
		if (!acceptor->in_message && line[0])
			answer(acceptor, line);
		line[0] = '\0';
	}
}

struct acceptor *acceptor_new(struct rig *rig, const char *offer)
{
	struct acceptor *acceptor = talloc_zero(rig, struct acceptor);

	acceptor->rig = rig;
	acceptor->offer = offer;
	acceptor->end = END_NONE;
	rig->on_turn = on_turn;
	rig->owner = acceptor;
	return acceptor;
}

void acceptor_close(struct acceptor *acceptor)
{
	acceptor->rig->on_turn = NULL;
	end_close(&acceptor->end);
}
