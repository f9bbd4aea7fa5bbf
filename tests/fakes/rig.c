/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway, a client's end, a socket for a backend. */
#include "tests/fakes/rig.h"

#include "base/log.h"
#include "base/loop.h"
#include "policy/recipient_list.h"
#include "policy/rulebook.h"
#include "proxy/resolver.h"
#include "proxy/scan_desk.h"
#include "proxy/scan_link.h"
#include "tests/fakes/milter.h"
#include "tests/fakes/nameserver.h"
#include "tests/fakes/shelf.h"

#include <assert.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <talloc.h>
#include <unistd.h>

/* --- bytes --- */

void rig_turn(struct rig *rig)
{
	for (int i = 0; i < 4; i++)
		loop_turn(rig->loop, false);
	if (rig->on_turn)
		rig->on_turn(rig->owner);
}

void rig_await(struct rig *rig, int descriptor, unsigned *patience)
{
	struct pollfd poll_for = {descriptor, POLLIN, 0};

	rig_turn(rig);
	*patience += poll(&poll_for, 1, 0) > 0 ? 0 : (poll(&poll_for, 1, 1) >= 0);
}

void rig_send(struct rig *rig, struct end *end, const char *bytes, size_t size)
{
	size_t piece = end == &rig->client && rig->piece ? rig->piece : size;
	unsigned patience = 0;

	while (size && patience < RIG_PATIENCE) {
		long n = end_write(end, bytes, size < piece ? size : piece);
		if (n < 0)
			return; /* what it heard is for the test to ask */
		bytes += n;
		size -= (size_t)n;
		patience += n == 0 && poll(NULL, 0, 1) == 0;
		rig_turn(rig);
		if (n == 0)
			end_read(end, rig);
	}
}

bool rig_hear_line(struct rig *rig, struct end *end, char line[END_LINE])
{
	for (unsigned patience = 0; patience < RIG_PATIENCE;) {
		if (end_take_line(end, line))
			return true;
		if (!end_read(end, rig) && end->ended)
			return false;
		rig_await(rig, end->descriptor, &patience);
	}
	return false;
}

bool rig_hear_end(struct rig *rig, struct end *end)
{
	for (unsigned patience = 0; patience < RIG_PATIENCE && !end->ended;) {
		if (!end_read(end, rig))
			rig_await(rig, end->descriptor, &patience);
	}
	return end->ended;
}

const char *rig_shake_hands(struct rig *rig, struct end *end, bool as_client)
{
	SSL_CTX *context = SSL_CTX_new(as_client ? TLS_client_method() : TLS_server_method());
	int done = 0;

	if (!as_client) {
		SSL_CTX_use_certificate_chain_file(context, rig->certificate->file);
		SSL_CTX_use_PrivateKey_file(context, rig->certificate->key, SSL_FILETYPE_PEM);
	}
	end->tls = SSL_new(context);
	SSL_CTX_free(context);
	SSL_set_fd(end->tls, end->descriptor);
	SSL_set_mode(end->tls, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	fcntl(end->descriptor, F_SETFL, O_NONBLOCK);
	for (unsigned patience = 0; patience < RIG_PATIENCE;) {
		done = as_client ? SSL_connect(end->tls) : SSL_accept(end->tls);
		if (done == 1)
			return NULL;
		if (SSL_get_error(end->tls, done) != SSL_ERROR_WANT_READ)
			break;
		rig_await(rig, end->descriptor, &patience);
	}
	const char *reason = ERR_reason_error_string(ERR_get_error());
	return reason ? reason : "nothing came";
}

/* --- the backend's socket --- */

/* At its port; the first time at one below those that the kernel gives to clients: nobody takes it while nobody listens. */
static bool bind_listener(struct rig *rig)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	bool is_first = rig->port == 0;
	bool bound = false;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int attempt = 0; !bound && attempt < (is_first ? 1000 : 1); attempt++) {
		if (is_first)
			rig->port = (uint16_t)(10000 + arc4random_uniform(22000));
		address.sin_port = htons(rig->port);
		bound = bind(rig->listener, (struct sockaddr *)&address, sizeof address) == 0 &&
			listen(rig->listener, 16) == 0;
	}
	return bound;
}

void rig_listen(struct rig *rig)
{
	int one = 1;

	rig->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(rig->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	bool listening = bind_listener(rig);
	assert(listening);
}

void rig_unlisten(struct rig *rig)
{
	if (rig->listener >= 0)
		close(rig->listener);
	rig->listener = -1;
}

bool rig_accept(struct rig *rig, struct end *end)
{
	end_close(end);
	for (unsigned patience = 0; patience < RIG_PATIENCE;) {
		int descriptor = accept4(rig->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (descriptor >= 0) {
			*end = (struct end){.descriptor = descriptor};
			return true;
		}
		rig_await(rig, rig->listener, &patience);
	}
	return false;
}

/* --- the configuration --- */

static const struct {
	const char *name;
	const char *text;
} presets[] = {
	{"hostname", "hostname = \"mx.example.com\""},
	{"listen", "listen \"test\" { address = \"127.0.0.1\" port = 2525 }"},
	{"backend", "backend \"test\" { servers = {\"@SERVER@\"} tls = off probe = 0 }"},
	{"relay", "relay { domains = {\"example.com\"} networks = {\"10.0.0.0/8\"} }"},
	{"tls", "tls { certificate = \"@CERTIFICATE@\" key = \"@KEY@\" }"},
	{"smtp", "smtp { greeting_wait = 0s strict_pipelining = no }"},
	{"spf", "spf { add_received = no }"},
	{"rules", "rules { files = {\"@RULES@\"} }"},
	{"shadow", "shadow { rules = {\"@SHADOW@\"} }"},
	{"milter", "milter \"one\" { socket = \"unix:@MILTER@\" }"},
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

void rig_configure(struct rig *rig, const char *line)
{
	rig->configuration = talloc_asprintf_append(rig->configuration, "\n%s", line);
}

static void add_line(struct rig *rig, struct rig_rules *rules, const char *line)
{
	if (!rules->text)
		rules->text = talloc_strdup(rig, "version 1\n");
	rules->text = talloc_asprintf_append(rules->text, "%s\n", line);
}

void rig_rule(struct rig *rig, const char *line)
{
	add_line(rig, &rig->rules, line);
}

void rig_shadow_rule(struct rig *rig, const char *line)
{
	add_line(rig, &rig->shadow, line);
}

static bool lacks_its_own(const struct rig *rig, const char *section)
{
	if (strcmp(section, "milter") == 0)
		return !rig->milter_scripts[0];
	return (strcmp(section, "rules") == 0 && !rig->rules.text) ||
		(strcmp(section, "shadow") == 0 && !rig->shadow.text);
}

static void add_presets(struct rig *rig)
{
	for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
		if (lacks_its_own(rig, presets[i].name))
			continue;
		if (!strstr(rig->configuration, talloc_asprintf(rig, "\n%s", presets[i].name)))
			rig_configure(rig, presets[i].text);
	}
}

/* Puts the file's name into the configuration. */
static char *write_rules(struct rig *rig, struct rig_rules *rules, char *text, const char *what)
{
	int descriptor;

	if (!rules->text)
		return text;
	size_t size = strlen(rules->text);
	rules->file = talloc_strdup(rig, "/tmp/postern-rules-XXXXXX");
	descriptor = mkstemp(rules->file);
	assert(descriptor >= 0);
	bool written = write(descriptor, rules->text, size) == (ssize_t)size;
	assert(written);
	close(descriptor);
	return replace(rig, text, what, rules->file);
}

static void remove_rules(const struct rig_rules *rules)
{
	if (rules->text)
		unlink(rules->file);
}

static const char *read_configuration(
	struct rig *rig, char *text, const struct configuration **configuration)
{
	struct complaints *complaints = complaints_new(rig);

	text = replace(rig, text, "@SERVER@", talloc_asprintf(rig, "127.0.0.1:%u", rig->port));
	text = replace(rig, text, "@CERTIFICATE@", rig->certificate->file);
	text = write_rules(rig, &rig->rules, text, "@RULES@");
	text = write_rules(rig, &rig->shadow, text, "@SHADOW@");
	for (size_t i = 0; i < RIG_MILTERS; i++) {
		if (rig->milters[i])
			text = replace(rig, text, i ? "@MILTER2@" : "@MILTER@",
				milter_path(rig->milters[i]));
	}
	text = replace(rig, text, "@KEY@", rig->certificate->key);
	text = replace(rig, text, "@FINGERPRINT@", rig->certificate->fingerprint);
	*configuration = configuration_read_text(rig, "postern.conf", text, complaints);
	remove_rules(&rig->rules);
	remove_rules(&rig->shadow);
	return complaints_errors(complaints) ? complaints_text(rig, complaints) : NULL;
}

/* --- a second gateway as the milter of the first --- */

/* From the one to the other: the first connects here. */
struct bridge {
	struct rig *rig;
	struct table *table;
	struct gateway *judge;
	struct listen_options listen;
	char *path;
	int listener;
	struct event *accepting;
};

/* Settings of who speaks with clients and backends. */
static bool is_front(const char *line)
{
	static const char *const words[] = {"hostname", "listen", "backend", "route", "relay",
		"tls", "smtp", "limits", "trusted_relays", "process", "control"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		size_t size = strlen(words[i]);
		if (strncmp(line, words[i], size) == 0 && strchr(" =", line[size]))
			return true;
	}
	return false;
}

/* Those that only the first has: the second serves nobody else. */
static bool is_of_first_alone(const char *line)
{
	return strncmp(line, "backend ", 8) == 0 || strncmp(line, "listen ", 7) == 0 ||
		strncmp(line, "route ", 6) == 0;
}

static char *choose_lines(struct rig *rig, bool front)
{
	char *all = talloc_strdup(rig, rig->configuration), *rest = NULL;
	char *text = talloc_strdup(rig, "");

	for (char *line = strtok_r(all, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (front ? is_front(line) : !is_of_first_alone(line))
			text = talloc_asprintf_append(text, "%s\n", line);
	}
	return text;
}

static char *configuration_in_front(struct rig *rig)
{
	return talloc_asprintf(rig,
		"%schecks { chain = {milter} }\nspf { add_received = no }\n"
		"hygiene { enabled = no }\n"
		"milter \"postern\" { socket = \"unix:%s\" command_timeout = 5m "
		"message_timeout = 10m }\n",
		choose_lines(rig, true), rig->bridge->path);
}

static char *configuration_behind(struct rig *rig)
{
	return talloc_asprintf(rig,
		"%slisten \"test\" { address = \"127.0.0.1\" port = 2525 }\n"
		"backend \"test\" { servers = {\"127.0.0.1:9\"} probe = 0 }\n",
		choose_lines(rig, false));
}

static void on_connection(evutil_socket_t listener, short what, void *owner)
{
	struct bridge *bridge = owner;
	int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (descriptor >= 0)
		gateway_take(bridge->judge, &bridge->listen, descriptor, &(struct ip){0}, 0);
}

static int close_bridge(struct bridge *bridge)
{
	if (bridge->accepting)
		event_free(bridge->accepting);
	close(bridge->listener);
	unlink(bridge->path);
	return 0;
}

void rig_judge_as_milter(struct rig *rig)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct bridge *bridge = talloc_zero(rig, struct bridge);
	static unsigned number;

	bridge->rig = rig;
	bridge->listen = (struct listen_options){.name = "milter", .is_milter = true};
	bridge->path =
		talloc_asprintf(bridge, "/tmp/postern-as-milter-%d-%u", (int)getpid(), number++);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", bridge->path);
	unlink(bridge->path);
	bridge->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool good = bind(bridge->listener, (struct sockaddr *)&address, sizeof address) == 0 &&
		listen(bridge->listener, 128) == 0;
	assert(good);
	talloc_set_destructor(bridge, close_bridge);
	rig->bridge = bridge;
}

/* Who judges. */
static struct gateway *judge_of(const struct rig *rig)
{
	return rig->bridge ? rig->bridge->judge : rig->gateway;
}

static void open_bridge(struct rig *rig, const struct configuration *configuration)
{
	struct bridge *bridge = rig->bridge;

	bridge->table = table_new(rig, counter_names);
	bridge->judge = gateway_new(rig, rig->loop, configuration, bridge->table, NULL, 2);
	bridge->accepting = event_new(
		rig->loop->base, bridge->listener, EV_READ | EV_PERSIST, on_connection, bridge);
	event_add(bridge->accepting, NULL);
}

static size_t sessions_of(const struct rig *rig)
{
	return rig->gateway->session_count + (rig->bridge ? rig->bridge->judge->session_count : 0);
}

/* --- milters --- */

void rig_milter(struct rig *rig, size_t number, const char *line)
{
	const char *before = rig->milter_scripts[number];

	rig->milter_scripts[number] = talloc_asprintf(rig, "%s%s\n", before ? before : "", line);
}

static void begin_milters(struct rig *rig)
{
	for (size_t i = 0; i < RIG_MILTERS; i++) {
		char *script = rig->milter_scripts[i], *rest = NULL;
		if (!script)
			continue;
		rig->milters[i] = milter_new(rig, rig->loop);
		for (char *line = strtok_r(script, "\n", &rest); line;
			line = strtok_r(NULL, "\n", &rest))
			milter_script(rig->milters[i], line);
	}
}

/* --- names --- */

const char *rig_name(struct rig *rig, const char *line)
{
	if (!rig->zone)
		rig->zone = zone_new(rig);
	return zone_add(rig->zone, line);
}

static struct dns *begin_names(struct rig *rig, const struct configuration *configuration)
{
	struct dns_options options = *configuration->dns;
	const char *address;

	rig->nameserver = nameserver_new(rig, rig->loop, rig->zone, 0);
	assert(rig->nameserver);
	address = talloc_asprintf(rig, "127.0.0.1:%u", nameserver_port(rig->nameserver));
	options.servers = (struct texts){&address, 1};
	return resolver_new(rig, rig->loop, &options);
}

void rig_settle_names(struct rig *rig)
{
	if (!rig->zone)
		return;
	for (unsigned patience = 0; patience < RIG_PATIENCE; patience++) {
		rig_turn(rig);
		if (dns_in_flight(judge_of(rig)->dns) <= zone_unanswered(rig->zone))
			return;
		poll(NULL, 0, 1);
	}
}

void rig_use_store(struct rig *rig)
{
	rig->shelf = shelf_new(rig, rig->loop->clock);
	gateway_use_store(judge_of(rig), rig->shelf->store);
}

/* --- recipients --- */

void rig_recipient(struct rig *rig, const char *line)
{
	rig->recipients =
		talloc_asprintf(rig, "%s%s\n", rig->recipients ? rig->recipients : "", line);
}

static const char *load_recipients(struct rig *rig)
{
	struct recipient_list_fault fault;
	size_t size;
	char *table = recipient_list_compile(rig, slice_of(rig->recipients), &size, &fault);
	int descriptor = memfd_create("recipients", MFD_CLOEXEC);

	if (!table)
		return fault.reason;
	bool good = write(descriptor, table, size) == (ssize_t)size &&
		gateway_use_recipients(judge_of(rig), descriptor);
	close(descriptor);
	return good ? NULL : "the list of recipients cannot be loaded";
}

/* --- life --- */

static void on_log(const char *line, void *owner)
{
	struct rig *rig = owner;

	rig->log = talloc_strdup_append(rig->log, line);
}

struct rig *rig_new(const void *parent, const struct certificate *certificate)
{
	struct rig *rig = talloc_zero(parent, struct rig);

	rig->certificate = certificate;
	rig->configuration = talloc_strdup(rig, "");
	rig->log = talloc_strdup(rig, "");
	rig->client = END_NONE;
	return rig;
}

/* A scanner on the same loop. */
static void begin_scans(struct rig *rig, const struct configuration *configuration)
{
	struct gateway *judge = judge_of(rig);
	struct scan_ports *ports = scan_ports_new(judge, 1, 1);

	gateway_use_scans(judge, scan_link_new(judge, rig->loop, judge->table, ports, 0));
	scan_desk_open(
		scan_desk_new(judge, rig->loop, judge->table, ports, 0, configuration->policy));
}

/* Both configurations are the one when there is no bridge. */
static const char *read_configurations(
	struct rig *rig, const struct configuration **front, const struct configuration **judge)
{
	const char *bad;

	add_presets(rig);
	if (!rig->bridge) {
		bad = read_configuration(rig, rig->configuration, front);
		*judge = *front;
		return bad;
	}
	bad = read_configuration(rig, configuration_in_front(rig), front);
	return bad ? bad : read_configuration(rig, configuration_behind(rig), judge);
}

const char *rig_begin(struct rig *rig)
{
	const struct configuration *front, *judge;
	const char *bad;

	log_capture(on_log, rig);
	rig_listen(rig);
	rig->loop = loop_new(rig);
	begin_milters(rig);
	bad = read_configurations(rig, &front, &judge);
	if (bad)
		return bad;
	clock_move(rig->loop->clock, 0);
	rig->table = table_new(rig, counter_names);
	rig->gateway = gateway_new(rig, rig->loop, front, rig->table, NULL, 1);
	if (rig->bridge)
		open_bridge(rig, judge);
	if (rig->zone)
		gateway_use_dns(judge_of(rig), begin_names(rig, judge));
	if (rulebook_asks(judge->policy, LEARNER_CONTENT))
		begin_scans(rig, judge);
	return rig->recipients ? load_recipients(rig) : NULL;
}

void rig_connect(struct rig *rig, const char *client)
{
	struct ip ip;
	int pair[2];
	bool good = ip_parse(slice_of(client), &ip) &&
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0;

	assert(good);
	rig->client = (struct end){.descriptor = pair[0]};
	gateway_take(rig->gateway, rig->gateway->configuration->listens[0], pair[1], &ip, 40000);
}

static const char *left_behind(const struct rig *rig)
{
	const struct bridge *bridge = rig->bridge;

	if (bridge && table_sum(bridge->table, COUNT_SESSIONS))
		return "a session of a mail server is still counted";
	if (bridge && table_sum(bridge->table, COUNT_SPOOL_BYTES))
		return "a message of a mail server is still counted";
	return NULL;
}

static const char *left_over(struct rig *rig)
{
	const char *behind = left_behind(rig);

	if (behind)
		return behind;
	if (sessions_of(rig))
		return "a session is left";
	if (table_sum(rig->table, COUNT_SESSIONS))
		return "a session is still counted";
	if (table_sum(rig->table, COUNT_SPOOL_BYTES))
		return "a message is still counted";
	talloc_free(rig->nameserver);
	talloc_free(rig->gateway); /* before the loop: its streams are watched there */
	if (rig->bridge)
		talloc_free(rig->bridge->judge);
	talloc_free(rig->bridge);
	for (size_t i = 0; i < RIG_MILTERS; i++)
		talloc_free(rig->milters[i]);
	talloc_free(rig->loop);
	return table_sum(rig->table, COUNT_BACKEND_CONNECTIONS)
		? "a backend connection is still counted"
		: NULL;
}

const char *rig_end(struct rig *rig)
{
	end_close(&rig->client);
	for (unsigned patience = 0; patience < RIG_PATIENCE && sessions_of(rig); patience++) {
		rig_turn(rig);
		clock_move(rig->loop->clock, 60000);
		if (patience > 20)
			poll(NULL, 0, 1);
	}
	const char *left = left_over(rig);
	rig_unlisten(rig);
	log_capture(NULL, NULL);
	talloc_free(rig);
	return left;
}
