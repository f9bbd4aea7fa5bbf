/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket, answering side and asking side. */
#include "proxy/control.h"

#include "base/local_socket.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/slice.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <talloc.h>
#include <unistd.h>

enum {
	PATIENCE_MILLISECONDS = 5000,
	ASK_MILLISECONDS = 120000, /* a reload waits for its new processes */
	BACKLOG = 32
};

struct control {
	struct loop *loop;
	char *path;
	pid_t maker;
	int descriptor;
	struct event event;
	void *clients; /* talloc: parent of all of them */
	unsigned count;
	control_fn handle;
	void *owner;
};

/* Who has asked, or is about to. */
struct client {
	struct control *control;
	struct control_request *request; /* handed out, not answered yet */
	int descriptor;
	struct event event;
	struct timer patience;
	size_t used;
	char line[CONTROL_LINE];
	const char *answer;
	size_t left; /* of the answer */
};

struct control_request {
	struct client *client; /* NULL: has left */
	struct control *control;
};

/* --- a client's way: read a line, wait for the answer, write it, close --- */

static int client_close(struct client *client)
{
	timer_stop(&client->patience);
	event_del(&client->event);
	close(client->descriptor);
	if (client->request)
		client->request->client = NULL;
	if (client->control->count-- == CONTROL_CLIENTS)
		event_add(&client->control->event, NULL);
	return 0;
}

static void on_impatient(void *owner)
{
	talloc_free(owner);
}

static void on_writable(evutil_socket_t descriptor, short what, void *owner)
{
	struct client *client = owner;
	ssize_t sent = send(descriptor, client->answer, client->left, MSG_NOSIGNAL | MSG_DONTWAIT);

	(void)what;
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (sent <= 0 || (size_t)sent == client->left) {
		talloc_free(client);
		return;
	}
	client->answer += sent;
	client->left -= (size_t)sent;
}

static void client_answer(struct client *client, bool well, const char *text)
{
	struct control *control = client->control;

	client->answer = talloc_asprintf(client, "%s\n%s", well ? "ok" : "error", text);
	client->left = strlen(client->answer);
	event_del(&client->event);
	event_assign(&client->event, control->loop->base, client->descriptor, EV_WRITE | EV_PERSIST,
		on_writable, client);
	event_add(&client->event, NULL);
	timer_start(&client->patience, control->loop->clock, PATIENCE_MILLISECONDS);
}

void control_answer(struct control_request *request, bool well, const char *text)
{
	struct client *client = request->client;

	if (client) {
		client->request = NULL;
		client_answer(client, well, text);
	}
	talloc_free(request);
}

static bool is_printable(struct slice line)
{
	for (size_t i = 0; i < line.size; i++) {
		if (line.data[i] < ' ' || line.data[i] > '~')
			return false;
	}
	return true;
}

static void client_wait(struct client *client)
{
	event_del(&client->event);
	timer_stop(&client->patience);
	client->request = talloc_zero(client->control, struct control_request);
	client->request->client = client;
}

/* While the answer is made nothing more is read, and the client's leaving is found out when it is written. */
static void client_ask(struct client *client, size_t size)
{
	struct control *control = client->control;

	if (size > 0 && client->line[size - 1] == '\r')
		size--;
	if (!is_printable(slice_make(client->line, size))) {
		client_answer(client, false, "a request is a line of printable ASCII\n");
		return;
	}
	client_wait(client);
	client->line[size] = 0;
	control->handle(control->owner, client->request, client->line);
}

static void on_readable(evutil_socket_t descriptor, short what, void *owner)
{
	struct client *client = owner;
	ssize_t got = recv(
		descriptor, client->line + client->used, CONTROL_LINE - client->used, MSG_DONTWAIT);

	(void)what;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		talloc_free(client);
		return;
	}
	client->used += (size_t)got;
	size_t end = slice_find(slice_make(client->line, client->used), '\n');
	if (end != SIZE_MAX)
		client_ask(client, end);
	else if (client->used == CONTROL_LINE)
		client_answer(client, false, "the request is too long\n");
}

static struct client *client_new(struct control *control, int descriptor)
{
	struct client *client = talloc_zero(control->clients, struct client);

	client->control = control;
	client->descriptor = descriptor;
	event_assign(&client->event, control->loop->base, descriptor, EV_READ | EV_PERSIST,
		on_readable, client);
	event_add(&client->event, NULL);
	client->patience = (struct timer){.on_due = on_impatient, .owner = client};
	timer_start(&client->patience, control->loop->clock, PATIENCE_MILLISECONDS);
	talloc_set_destructor(client, client_close);
	if (++control->count == CONTROL_CLIENTS)
		event_del(&control->event);
	return client;
}

static void on_client(evutil_socket_t listener, short what, void *owner)
{
	struct control *control = owner;
	int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (descriptor < 0)
		return;
	client_new(control, descriptor);
}

/* --- the socket --- */

/* Also run in each process that was forked with a copy: only the maker takes the file away. */
static int control_close(struct control *control)
{
	talloc_free_children(control->clients);
	event_del(&control->event);
	close(control->descriptor);
	if (control->maker == getpid())
		unlink(control->path);
	return 0;
}

static void make_directory(const char *path)
{
	char *directory = talloc_strdup(NULL, path);
	char *slash = strrchr(directory, '/');

	if (slash && slash != directory) {
		*slash = 0;
		mkdir(directory, 0755);
	}
	talloc_free(directory);
}

static int listen_at(const struct sockaddr_un *address)
{
	int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t before = umask(0177);
	bool good = descriptor >= 0 &&
		bind(descriptor, (const struct sockaddr *)address, sizeof *address) == 0 &&
		listen(descriptor, BACKLOG) == 0;
	int error = errno;

	umask(before);
	if (!good && descriptor >= 0)
		close(descriptor);
	errno = error;
	return good ? descriptor : -1;
}

static int open_socket(const char *path, const char **reason)
{
	struct sockaddr_un address;

	if (!local_socket_address(path, &address)) {
		*reason = "the path is too long";
		return -1;
	}
	make_directory(path);
	if (!local_socket_vacate(&address)) {
		*reason = "another postern is running there";
		return -1;
	}
	int descriptor = listen_at(&address);
	if (descriptor < 0)
		*reason = strerror(errno);
	return descriptor;
}

struct control *control_take_over(const void *parent, struct loop *loop, const char *path,
	int descriptor, control_fn handle, void *owner)
{
	struct control *control = talloc_zero(parent, struct control);

	control->loop = loop;
	control->maker = getpid();
	control->descriptor = descriptor;
	control->handle = handle;
	control->owner = owner;
	control->clients = talloc_new(control);
	control->path = talloc_strdup(control, path);
	event_assign(
		&control->event, loop->base, descriptor, EV_READ | EV_PERSIST, on_client, control);
	event_add(&control->event, NULL);
	talloc_set_destructor(control, control_close);
	return control;
}

struct control *control_new(const void *parent, struct loop *loop, const char *path,
	control_fn handle, void *owner, const char **reason)
{
	int descriptor = open_socket(path, reason);

	return descriptor < 0 ? NULL
			      : control_take_over(parent, loop, path, descriptor, handle, owner);
}

int control_descriptor(const struct control *control)
{
	return control->descriptor;
}

const char *control_path(const struct control *control)
{
	return control->path;
}

int control_asker(const struct control_request *request)
{
	return request->client ? request->client->descriptor : -1;
}

struct control_request *control_take_request(struct control *control, int descriptor)
{
	struct client *client = client_new(control, descriptor);

	client_wait(client);
	return client->request;
}

/* --- asking --- */

static bool send_line(int descriptor, const char *line)
{
	char *request = talloc_asprintf(NULL, "%s\n", line);
	size_t size = strlen(request);
	bool sent = send(descriptor, request, size, MSG_NOSIGNAL) == (ssize_t)size;

	talloc_free(request);
	return sent;
}

/* The whole answer, NUL-ended, or NULL when its end did not come. */
static char *receive_all(int descriptor)
{
	char *answer = talloc_array(NULL, char, 1);
	size_t used = 0;
	struct pollfd wait = {.fd = descriptor, .events = POLLIN};

	for (;;) {
		answer = talloc_realloc(NULL, answer, char, used + 4096 + 1);
		ssize_t got = poll(&wait, 1, ASK_MILLISECONDS) == 1
			? recv(descriptor, answer + used, 4096, 0)
			: -1;
		if (got <= 0) {
			answer[used] = 0;
			if (got == 0 || errno == ECONNRESET)
				return answer;
			talloc_free(answer);
			return NULL;
		}
		used += (size_t)got;
	}
}

static int print_answer(const char *answer, FILE *out)
{
	struct slice rest = slice_of(answer ? answer : "");
	struct slice first = slice_cut(&rest, '\n');

	if (slice_equals(first, "ok")) {
		fprintf(out, "%.*s", SLICE_ARGS(rest));
		return 0;
	}
	if (slice_equals(first, "error")) {
		fprintf(stderr, "%.*s", SLICE_ARGS(rest));
		return 1;
	}
	fprintf(stderr, "postern: the gateway went away without an answer\n");
	return 2;
}

int control_ask(const char *path, const char *line, FILE *out)
{
	struct sockaddr_un address;
	int descriptor = local_socket_address(path, &address) ? local_socket_connect(&address) : -1;

	if (descriptor < 0) {
		fprintf(stderr, "postern: nobody answers at %s: %s\n", path, strerror(errno));
		return 2;
	}
	char *answer = send_line(descriptor, line) ? receive_all(descriptor) : NULL;
	int status = print_answer(answer, out);
	talloc_free(answer);
	close(descriptor);
	return status;
}
