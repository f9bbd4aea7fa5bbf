/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the servers behind what they are like. */
#include "proxy/live_check.h"

#include "base/log.h"
#include "base/loop.h"
#include "base/stream.h"
#include "proxy/counters.h"
#include "proxy/login.h"
#include "proxy/pool.h"
#include "proxy/route.h"
#include "proxy/tls_client.h"

#include <assert.h>
#include <talloc.h>
#include <unistd.h>

struct live_check {
	struct gateway *gateway;
	FILE *out;
	size_t backend_number;   /* being asked */
	size_t server_number;    /* of that */
	struct backend *backend; /* NULL: not connected */
	const char **domains;    /* talloc array: those that it is asked about */
	size_t domain_number;
	size_t yes, no; /* answers */
	struct steps steps;
	bool plain_only;
	bool bad;
	bool done;
};

static struct step open_server(void *owner);
static struct step hear_opening(void *owner);
static struct step say_sender(void *owner);
static struct step hear_sender(void *owner);
static struct step say_recipient(void *owner);
static struct step hear_recipient(void *owner);
static struct step say_reset(void *owner);
static struct step hear_reset(void *owner);

static const struct configuration *configuration_of(const struct live_check *check)
{
	return check->gateway->configuration;
}

static const struct backend_options *options_of(const struct live_check *check)
{
	return configuration_of(check)->backends[check->backend_number];
}

static struct server *server_of(const struct live_check *check)
{
	return pool_server(check->gateway->pools[check->backend_number], check->server_number);
}

static void tell(const struct live_check *check, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void tell(const struct live_check *check, const char *format, ...)
{
	va_list arguments;

	fputs("  ", check->out);
	va_start(arguments, format);
	vfprintf(check->out, format, arguments);
	va_end(arguments);
	fputc('\n', check->out);
}

/* --- connecting --- */

static struct step next_server(struct live_check *check)
{
	check->plain_only = false;
	check->server_number++;
	if (check->server_number == options_of(check)->servers.count) {
		check->server_number = 0;
		check->backend_number++;
	}
	return check->backend_number < configuration_of(check)->backend_count ? THEN(open_server)
									      : DONE;
}

static struct step open_server(void *owner)
{
	struct live_check *check = owner;
	struct server *server = server_of(check);

	if (!check->plain_only)
		fprintf(check->out, "backend \"%s\", server %s:\n", options_of(check)->name,
			server->name);
	bool has_place = health_take_place(&server->health, options_of(check)->connections);
	assert(has_place);
	check->backend = backend_begin_open(check, check->gateway, server, options_of(check),
		(struct opening){.plain_only = check->plain_only}, &check->steps.await);
	return THEN(hear_opening);
}

static struct step lose(struct live_check *check, const char *what, const char *why)
{
	tell(check, "%s: %s", what, why);
	check->bad = true;
	TALLOC_FREE(check->backend);
	return next_server(check);
}

static void tell_tls(const struct live_check *check)
{
	static const char *const demands[] = {"off", "opportunistic", "required"};
	const struct backend_options *options = options_of(check);
	const struct tls_client *tls = configuration_tls_client(configuration_of(check), options);
	const struct stream *stream = check->backend->stream;

	if (stream_tls_version(stream))
		tell(check, "tls: %s", tls_client_outcome(check->backend, tls, stream));
	else if (check->plain_only)
		tell(check, "tls: the handshake failed, so mail would go in plain text");
	else
		tell(check, "tls: none (backend.tls is %s%s)", demands[options->tls],
			options->tls == BACKEND_TLS_OFF ? "" : ", and it is not offered");
}

/* --- EHLO --- */

static void tell_keywords(const struct live_check *check)
{
	struct slice lines = slice_of(check->backend->reply.text);

	fputs("  offers:", check->out);
	slice_cut(&lines, '\n');
	for (const char *separator = " "; lines.size; separator = ", ") {
		struct slice line = slice_cut(&lines, '\n');
		fprintf(check->out, "%s%.*s", separator, SLICE_ARGS(line));
	}
	fputc('\n', check->out);
}

/* Whether a client that authenticates may come to this backend. */
static bool is_for_logins(const struct live_check *check)
{
	const struct configuration *configuration = configuration_of(check);

	for (size_t i = 0; i < configuration->listen_count; i++) {
		const struct listen_options *listen = configuration->listens[i];
		if (listen->auth != LISTEN_AUTH_OFF &&
			configuration_backend(configuration, listen) == options_of(check))
			return true;
	}
	return false;
}

static bool binds_to_channel(struct slice mechanism)
{
	static const char *const names[] = {"NTLM", "GSSAPI", "GSS-SPNEGO", "NEGOTIATE"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (slice_equals_nocase(mechanism, names[i]))
			return true;
	}
	return false;
}

static void tell_mechanisms(struct live_check *check)
{
	const struct backend *backend = check->backend;
	const char *offer =
		login_offer(check, backend->mechanisms, stream_tls_version(backend->stream));
	struct slice rest = slice_of(backend->mechanisms);
	bool binding = false;

	if (!is_for_logins(check))
		return;
	if (!rest.size)
		tell(check,
			"auth: it offers none to us, so listeners with auth have none to offer");
	while (rest.size) {
		struct slice mechanism = slice_cut(&rest, ' ');
		binding |= binds_to_channel(mechanism);
		if (mechanism.size && (!offer || !login_is_offered(offer, mechanism)))
			tell(check, "auth: %.*s cannot pass: %s", SLICE_ARGS(mechanism),
				stream_tls_version(backend->stream)
					? "channel binding ends where TLS ends, here"
					: "it shows the password, and there is no TLS to the "
					  "server");
	}
	if (binding)
		tell(check,
			"auth: with Extended Protection set to Require on the server, NTLM and "
			"Kerberos cannot pass a gateway that ends TLS: set it to Allow or None "
			"on that receive connector");
}

/* --- who is asked about --- */

static bool is_its_domain(const struct live_check *check, const char *domain)
{
	const struct configuration *configuration = configuration_of(check);

	for (size_t i = 0; i < configuration->listen_count; i++) {
		if (route_backend(configuration, configuration->listens[i], domain) ==
			options_of(check))
			return true;
	}
	return false;
}

/* What stands for everything below a domain is asked about by a name there. */
static void choose_domains(struct live_check *check)
{
	const struct texts *ours = &configuration_of(check)->policy->relay->domains;
	size_t count = 0;

	talloc_free(check->domains);
	check->domains = talloc_array(check, const char *, ours->count);
	for (size_t i = 0; i < ours->count; i++) {
		const char *domain = ours->items[i];
		if (domain[0] == '.')
			domain = talloc_asprintf(check->domains, "postern-check%s", domain);
		if (is_its_domain(check, domain))
			check->domains[count++] = domain;
	}
	check->domains = talloc_realloc(check, check->domains, const char *, count);
	check->domain_number = check->yes = check->no = 0;
}

static struct step hear_opening(void *owner)
{
	struct live_check *check = owner;

	if (check->steps.await.outcome != OUTCOME_DONE) {
		bool again = check->backend->plain_only && !check->plain_only;
		if (!again)
			return lose(check, "cannot be used", check->backend->failure);
		tell(check, "tls: %s", check->backend->failure);
		TALLOC_FREE(check->backend);
		check->plain_only = true;
		return THEN(open_server);
	}
	tell(check, "reached");
	tell_tls(check);
	tell_keywords(check);
	tell_mechanisms(check);
	choose_domains(check);
	return THEN(say_sender);
}

/* --- RCPT --- */

static struct step await_reply(struct live_check *check, struct step next)
{
	backend_begin_reply(
		check->backend, (uint64_t)options_of(check)->command_timeout, &check->steps.await);
	return next;
}

static const struct reply *heard(const struct live_check *check)
{
	return check->steps.await.outcome == OUTCOME_DONE ? &check->backend->reply : NULL;
}

static struct step say_sender(void *owner)
{
	struct live_check *check = owner;

	if (talloc_array_length(check->domains) == 0) {
		tell(check, "recipients: no domain of relay.domains has its mail here");
		return THEN(say_reset);
	}
	backend_say(check->backend, "MAIL FROM:<>", NULL);
	return await_reply(check, THEN(hear_sender));
}

static struct step hear_sender(void *owner)
{
	struct live_check *check = owner;
	const struct reply *reply = heard(check);

	if (!reply)
		return lose(
			check, "recipients", "it ended the connection, or did not answer, at MAIL");
	if (reply_is_positive(reply))
		return THEN(say_recipient);
	tell(check, "recipients: not known, for it refuses the null sender: %s",
		reply_on_one_line(check, reply));
	return THEN(say_reset);
}

static struct step say_recipient(void *owner)
{
	struct live_check *check = owner;

	char number[9];

	snprintf(number, sizeof number, "%08x",
		(unsigned)clock_microseconds() ^ (unsigned)getpid() << 16);
	backend_say(check->backend, "RCPT TO:<postern-check-", number, "@",
		check->domains[check->domain_number], ">", NULL);
	return await_reply(check, THEN(hear_recipient));
}

static struct step hear_recipient(void *owner)
{
	struct live_check *check = owner;
	const struct reply *reply = heard(check);
	const char *domain = check->domains[check->domain_number];

	if (!reply)
		return lose(
			check, "recipients", "it ended the connection, or did not answer, at RCPT");
	check->yes += reply_is_positive(reply);
	check->no += reply_is_permanent(reply);
	tell(check, "recipients: in %s it %s an address that nobody has: %s", domain,
		reply_is_positive(reply)            ? "takes"
			: reply_is_permanent(reply) ? "refuses, as it should,"
						    : "puts off",
		reply_on_one_line(check, reply));
	if (++check->domain_number < talloc_array_length(check->domains))
		return THEN(say_recipient);
	return THEN(say_reset);
}

static void advise(const struct live_check *check)
{
	bool has_list = configuration_of(check)->policy->recipients->source != RECIPIENTS_BACKEND;

	if (!check->yes)
		return;
	if (has_list)
		tell(check, "recipients: so recipients.source decides, and that is right");
	else
		tell(check,
			"recipients: so it does not say at RCPT who is there. Exchange 2013 and "
			"newer refuses only after the message: set recipients.source to "
			"\"ldap\" or \"file\", or connect to its hub transport (port 2525) "
			"with recipient validation switched on. Or it takes all mail of "
			"the domain (catch-all): then all is well");
}

static struct step say_reset(void *owner)
{
	struct live_check *check = owner;

	advise(check);
	backend_say(check->backend, "RSET", NULL);
	return await_reply(check, THEN(hear_reset));
}

static struct step hear_reset(void *owner)
{
	struct live_check *check = owner;

	if (heard(check))
		backend_quit(check->backend);
	else
		talloc_free(check->backend);
	check->backend = NULL;
	return next_server(check);
}

/* --- life --- */

static void on_done(void *owner)
{
	struct live_check *check = owner;

	check->done = true;
	loop_stop(check->gateway->loop);
}

int live_check_run(const struct configuration *configuration, FILE *out)
{
	void *all = talloc_new(NULL);
	struct loop *loop = loop_new(NULL);
	struct live_check *check = talloc_zero(all, struct live_check);
	bool bad;

	log_open(LOG_TO_STDERR, LOG_AS_KEY_VALUE, LEVEL_ERROR);
	check->gateway = gateway_new(all, loop, configuration, counters_new(all), NULL, 0);
	check->gateway->draining = true; /* so that no server is asked besides */
	check->out = out;
	steps_init(&check->steps, loop->clock, check, THEN(open_server), on_done);
	steps_start(&check->steps, THEN(open_server));
	if (!check->done)
		loop_run(loop);
	bad = check->bad;
	steps_cancel(&check->steps);
	talloc_free(check->backend);
	talloc_free(check->gateway);
	talloc_free(all);
	talloc_free(loop);
	return bad ? 1 : 0;
}
