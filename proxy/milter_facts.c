/* SPDX-License-Identifier: Apache-2.0 */
/* From packets and macros to facts and commands. */
#include "proxy/milter_facts.h"

#include "proxy/command.h"

#include <talloc.h>

#define LOCAL "127.0.0.1"
#define UNKNOWN "0.0.0.0"
#define TEXT_MOST 512 /* bytes of a macro that becomes a fact */

/* --- the client --- */

static struct slice without_prefix(struct slice address)
{
	return slice_starts_nocase(address, "IPv6:") ? slice_from(address, strlen("IPv6:"))
						     : address;
}

bool milter_facts_client(const struct milter_packet *packet, struct client_view *client)
{
	*client = (struct client_view){0};
	if (packet->kind == 'L')
		return ip_parse(slice_of(LOCAL), &client->ip);
	if (packet->kind == 'U')
		return ip_parse(slice_of(UNKNOWN), &client->ip);
	client->port = (uint16_t)packet->numbers[0];
	return ip_parse(without_prefix(packet->texts[1]), &client->ip);
}

static const char *keep(const void *parent, const char *text)
{
	return text ? talloc_strndup(parent, text, TEXT_MOST) : NULL;
}

/* Sendmail tells names of people and certificates as xtext (RFC 3461), and its version without a name in front. */
static bool speaks_xtext(const struct milter_values *values)
{
	const char *version = milter_values_get(values, "v");

	return version && *version >= '0' && *version <= '9';
}

/* The character that stands as "+" and two digits; 0: none, or none that is to be seen. */
static char code_at(const char *text)
{
	int high = text[0] == '+' ? slice_hex_digit(text[1]) : -1;
	int low = high >= 0 ? slice_hex_digit(text[2]) : -1;
	int character = 16 * high + low;

	return low >= 0 && character >= ' ' && character != 127 ? (char)character : '\0';
}

static const char *keep_plain(
	const void *parent, const struct milter_values *values, const char *name)
{
	const char *value = milter_values_get(values, name);
	char *text, *to;

	if (!value || !speaks_xtext(values))
		return keep(parent, value);
	text = to = talloc_strndup(parent, value, TEXT_MOST);
	for (const char *from = text; *from; from++) {
		char code = code_at(from);
		*to++ = code ? code : *from;
		from += code ? 2 : 0;
	}
	*to = '\0';
	return text;
}

static void tell(struct facts *facts, enum fact fact, const char *text)
{
	facts_forget(facts, fact);
	if (text)
		facts_set_text(facts, fact, text);
}

static const char *first_of(
	const struct milter_values *values, const char *first, const char *second)
{
	const char *value = milter_values_get(values, first);

	return value ? value : milter_values_get(values, second);
}

void milter_facts_tell_server(
	struct session *s, const void *parent, const struct milter_values *values)
{
	const char *name = milter_values_get(values, "daemon_name");
	const char *address = first_of(values, "daemon_addr", "if_addr");

	if (name)
		facts_set_text(s->facts, FACT_LISTENER, keep(parent, name));
	if (address && ip_parse(without_prefix(slice_of(address)), &s->server))
		facts_set_ip(s->facts, FACT_SERVER_IP, &s->server);
}

static void tell_certificate(
	struct session *s, const void *parent, const struct milter_values *values)
{
	const char *verified = milter_values_get(values, "verify");

	tell(s->facts, FACT_CLIENT_CERTIFICATE_SUBJECT, keep_plain(parent, values, "cert_subject"));
	tell(s->facts, FACT_CLIENT_CERTIFICATE_ISSUER, keep_plain(parent, values, "cert_issuer"));
	facts_forget(s->facts, FACT_CLIENT_CERTIFICATE_VERIFIED);
	if (verified)
		facts_set_bool(
			s->facts, FACT_CLIENT_CERTIFICATE_VERIFIED, strcmp(verified, "OK") == 0);
}

void milter_facts_tell_tls(
	struct session *s, const void *parent, const struct milter_values *values)
{
	const char *version = milter_values_get(values, "tls_version");

	facts_set_bool(s->facts, FACT_CLIENT_TLS, version);
	tell(s->facts, FACT_CLIENT_TLS_VERSION, keep(parent, version));
	tell(s->facts, FACT_CLIENT_TLS_CIPHER, keep(parent, milter_values_get(values, "cipher")));
	tell_certificate(s, parent, values);
}

void milter_facts_tell_login(
	struct session *s, const void *parent, const struct milter_values *values)
{
	const char *user = keep_plain(parent, values, "auth_authen");

	s->authenticated = user || milter_values_get(values, "auth_type");
	s->user = user;
	facts_set_bool(s->facts, FACT_CLIENT_AUTHENTICATED, s->authenticated);
	tell(s->facts, FACT_CLIENT_USER, s->user);
}

/* --- commands --- */

/* Servers print addresses between angle brackets; not all of them did so. */
static char *print_path(const void *parent, const char *keyword, struct slice path)
{
	bool is_bracketed = path.size && path.data[0] == '<';

	return talloc_asprintf(
		parent, is_bracketed ? "%s:%.*s" : "%s:<%.*s>", keyword, SLICE_ARGS(path));
}

/* Whether the grammar takes a parameter, by itself. */
static bool is_known(const void *parent, const char *sample, struct slice parameter,
	const struct reply *(*parse)(const void *parent, struct command *command))
{
	char *line = talloc_asprintf(parent, "%s %.*s", sample, SLICE_ARGS(parameter));
	struct command command;

	command_split(&command, slice_of(line));
	return slice_find(parameter, ' ') == SIZE_MAX && !parse(line, &command);
}

static const struct reply *take(struct session *s, const struct milter_packet *packet,
	const char *words[static 3],
	const struct reply *(*parse)(const void *parent, struct command *command))
{
	void *scratch = session_scratch(s);
	char *line = talloc_asprintf(
		scratch, "%s %s", words[0], print_path(scratch, words[1], packet->texts[0]));

	for (size_t i = 1; i < packet->text_count; i++) {
		if (is_known(scratch, words[2], packet->texts[i], parse))
			line = talloc_asprintf_append_buffer(
				line, " %.*s", SLICE_ARGS(packet->texts[i]));
	}
	s->command = talloc(scratch, struct command);
	command_split(s->command, slice_of(line));
	return parse(scratch, s->command);
}

const struct reply *milter_facts_sender(struct session *s, const struct milter_packet *packet)
{
	const char *words[] = {"MAIL", "FROM", "MAIL FROM:<>"};

	return take(s, packet, words, command_parse_mail);
}

const struct reply *milter_facts_recipient(struct session *s, const struct milter_packet *packet)
{
	const char *words[] = {"RCPT", "TO", "RCPT TO:<postmaster>"};

	return take(s, packet, words, command_parse_rcpt);
}

bool milter_facts_refused(
	const void *parent, const struct milter_values *values, struct reply *reply)
{
	const char *mailer = milter_values_get(values, "rcpt_mailer");
	const char *status = milter_values_get(values, "rcpt_host");
	const char *text = milter_values_get(values, "rcpt_addr");

	if (!mailer || strcmp(mailer, "error") != 0)
		return false;
	if (!status || strlen(status) >= STATUS_SIZE || (status[0] != '4' && status[0] != '5'))
		status = "5.1.1";
	*reply = reply_of(parent, status[0] == '4' ? 450 : 550, status, text ? text : "refused");
	return true;
}

void milter_facts_tell_id(struct transaction *transaction, const struct milter_values *values)
{
	const char *id = milter_values_get(values, "i");
	struct client_view *forwarded;

	if (!id || transaction->forwarded)
		return;
	forwarded = talloc_zero(transaction, struct client_view);
	forwarded->ident = keep(forwarded, id);
	transaction->forwarded = forwarded;
	facts_set_text(transaction->facts, FACT_FORWARDED_IDENT, forwarded->ident);
}
