/* SPDX-License-Identifier: Apache-2.0 */
/* Whole sessions of the milter protocol with a peer that says anything: a mail server that speaks to us as its milter, and a milter that we ask.
 * The first byte says which, and how large the pieces are that the rest comes in. What we say is well-formed whatever comes, and nothing is left
 * when the peer has gone. */
#include "base/log.h"
#include "base/loop.h"
#include "plugins/milter_wire.h"
#include "proxy/gateway.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <talloc.h>
#include <unistd.h>

#define TURNS_MOST 400
#define PIECES_MOST 300
#define MINUTE 60000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char settings[] = "hostname = \"mx.example.com\"\n"
			       "listen \"l\" { address = \"127.0.0.1\" port = 2525 }\n"
			       "backend \"b\" { servers = {\"127.0.0.1:9\"} probe = 0 tls = off }\n"
			       "relay { domains = {\"example.com\"} networks = {\"10.0.0.0/8\"} }\n"
			       "smtp { greeting_wait = 0s }\n"
			       "control { socket = \"/nonexistent/control\" }\n"
			       "as_milter { quarantine = mail_server }\n"
			       "hygiene { enabled = yes }\n";

static const char mail[] =
	"EHLO client.example\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n";

/* One for each side; they stay from input to input. */
struct scene {
	struct loop *loop;
	struct table *table;
	struct gateway *gateway;
	struct listen_options door;          /* of mail servers */
	const struct listen_options *listen; /* that one, or the configuration's */
	char *path;
	int listener; /* where the milter is looked for; -1: nowhere */
};

static struct scene scenes[2];

static void ignore(const char *line, void *owner)
{
	(void)line;
	(void)owner;
}

static void listen_somewhere(struct scene *scene)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof address.sun_path, "/tmp/postern-fuzz-%d", (int)getpid());
	unlink(address.sun_path);
	scene->path = talloc_strdup(NULL, address.sun_path);
	scene->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int bad = bind(scene->listener, (struct sockaddr *)&address, sizeof address);
	assert(!bad);
	bad = listen(scene->listener, 16);
	assert(!bad);
}

static void open_scene(struct scene *scene, bool is_asking)
{
	struct complaints *complaints = complaints_new(NULL);
	char *text = talloc_strdup(NULL, settings);

	scene->listener = -1;
	if (is_asking) {
		listen_somewhere(scene);
		text = talloc_asprintf_append(text,
			"milter \"m\" { socket = \"unix:%s\" }\nchecks { chain = {milter} }\n",
			scene->path);
	}
	const struct configuration *configuration =
		configuration_read_text(NULL, "postern.conf", text, complaints);
	assert(!complaints_errors(complaints));
	talloc_free(complaints);
	talloc_free(text);
	scene->loop = loop_new(NULL);
	clock_move(scene->loop->clock, 0);
	scene->table = table_new(NULL, counter_names);
	scene->gateway =
		gateway_new(NULL, scene->loop, configuration, scene->table, NULL, is_asking);
	scene->door = (struct listen_options){.name = "milter", .is_milter = true};
	scene->listen = is_asking ? configuration->listens[0] : &scene->door;
}

static void turn(struct scene *scene)
{
	for (int i = 0; i < 3; i++)
		loop_turn(scene->loop, false);
}

static int begin_session(struct scene *scene)
{
	struct ip ip;
	int pair[2];
	bool good = ip_parse(slice_of("192.0.2.10"), &ip) &&
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0;

	assert(good);
	gateway_take(scene->gateway, scene->listen, pair[1], &ip, 40000);
	return pair[0];
}

/* What we say, packet by packet. */
struct listener {
	struct milter_reader reader;
	void *scratch;
	enum milter_side side; /* who we are */
};

static void hear(struct listener *listener, int descriptor)
{
	static struct milter_packet packet;
	static char bytes[65536];
	struct slice payload;
	ssize_t n;

	while ((n = recv(descriptor, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
		struct slice input = slice_make(bytes, (size_t)n);
		while (input.size) {
			enum milter_reading reading = milter_reader_take(
				&listener->reader, listener->scratch, &input, &payload);
			assert(reading != MILTER_TOO_LARGE);
			if (reading == MILTER_WHOLE) {
				const char *fault =
					milter_wire_parse(listener->side, payload, &packet);
				assert(!fault);
			}
		}
	}
}

static void say(struct scene *scene, int descriptor, struct slice bytes, size_t piece,
	struct listener *listener)
{
	for (unsigned i = 0; bytes.size && i < PIECES_MOST; i++) {
		size_t some = bytes.size < piece ? bytes.size : piece;
		ssize_t sent = send(descriptor, bytes.data, some, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0)
			return;
		bytes = slice_from(bytes, (size_t)sent);
		turn(scene);
		hear(listener, descriptor);
	}
}

/* The peer is gone: with time, so is the session. */
static void end_sessions(struct scene *scene)
{
	for (unsigned i = 0; i < TURNS_MOST && scene->gateway->session_count; i++) {
		turn(scene);
		clock_move(scene->loop->clock, MINUTE);
	}
	assert(!scene->gateway->session_count);
	assert(!table_sum(scene->table, COUNT_SPOOL_BYTES));
}

static void play_server(struct scene *scene, struct slice bytes, size_t piece)
{
	struct listener listener = {.reader.maximum = MILTER_WIRE_HEARD_MAXIMUM,
		.scratch = talloc_new(NULL),
		.side = MILTER_SIDE_MILTER};
	int descriptor = begin_session(scene);

	say(scene, descriptor, bytes, piece, &listener);
	for (int i = 0; i < 3; i++) {
		turn(scene);
		hear(&listener, descriptor);
	}
	close(descriptor);
	end_sessions(scene);
	talloc_free(listener.scratch);
}

static void play_milter(struct scene *scene, struct slice bytes, size_t piece)
{
	struct listener listener = {.reader.maximum = MILTER_WIRE_HEARD_MAXIMUM,
		.scratch = talloc_new(NULL),
		.side = MILTER_SIDE_SERVER};
	int client = begin_session(scene), milter = -1;

	for (int i = 0; i < 5 && milter < 0; i++) {
		turn(scene);
		milter = accept4(scene->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	}
	if (send(client, mail, sizeof mail - 1, MSG_NOSIGNAL) > 0 && milter >= 0)
		say(scene, milter, bytes, piece, &listener);
	if (milter >= 0)
		close(milter);
	close(client);
	end_sessions(scene);
	while ((milter = accept4(scene->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		close(milter); /* a probe's */
	talloc_free(listener.scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool is_asking = size && data[0] & 1;
	size_t piece = size ? (size_t)(data[0] >> 1) * 8 + 1 : 1;
	struct scene *scene = &scenes[is_asking];

	log_capture(ignore, NULL);
	if (!scene->loop)
		open_scene(scene, is_asking);
	if (size > 1)
		(is_asking ? play_milter : play_server)(
			scene, slice_make((const char *)data + 1, size - 1), piece);
	return 0;
}
