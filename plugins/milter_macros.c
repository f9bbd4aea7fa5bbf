/* SPDX-License-Identifier: Apache-2.0 */
/* Macros for milters. */
#include "config.h"

#include "plugins/milter_macros.h"

#include "policy/mail/trace.h"

#include <talloc.h>

/* The text of a fact, if it is known now; nothing is asked. */
static const char *text_of(const struct milter_subject *subject, enum fact fact)
{
	struct value value;

	if (facts_get(subject->inquiry->facts, fact, &value) != FACT_KNOWN)
		return NULL;
	return value.type == VALUE_TEXTS ? (value.texts.count ? value.texts.items[0] : NULL)
					 : value.text;
}

static const char *printed(const void *parent, const struct milter_subject *subject, enum fact fact)
{
	struct value value;

	if (facts_get(subject->inquiry->facts, fact, &value) != FACT_KNOWN)
		return NULL;
	return facts_print(parent, subject->inquiry->facts, fact);
}

static const char *hostname(const void *parent, const struct milter_subject *subject)
{
	(void)parent;
	return subject->inquiry->policy->site->hostname;
}

static const char *version(const void *parent, const struct milter_subject *subject)
{
	(void)parent;
	(void)subject;
	return PACKAGE_NAME " " PACKAGE_VERSION;
}

static const char *id(const void *parent, const struct milter_subject *subject)
{
	(void)parent;
	return subject->inquiry->mail ? subject->inquiry->mail->id : NULL;
}

static const char *date(const void *parent, const struct milter_subject *subject)
{
	struct value value;

	if (facts_get(subject->inquiry->facts, FACT_NOW, &value) != FACT_KNOWN)
		return NULL;
	return trace_date(parent, value.number);
}

static const char *client_address(const void *parent, const struct milter_subject *subject)
{
	return printed(parent, subject, FACT_CLIENT_IP);
}

/* As Sendmail and Postfix call who has no name. */
static const char *client_name(const void *parent, const struct milter_subject *subject)
{
	const char *name = text_of(subject, FACT_CLIENT_NAME);
	const char *address = client_address(parent, subject);

	if (name || !address)
		return name;
	return talloc_asprintf(parent, "[%s]", address);
}

static const char *client_ptr(const void *parent, const struct milter_subject *subject)
{
	const char *name = text_of(subject, FACT_CLIENT_PTR);

	return name ? name : client_name(parent, subject);
}

static const char *client_port(const void *parent, const struct milter_subject *subject)
{
	return printed(parent, subject, FACT_CLIENT_PORT);
}

static const char *client_resolve(const void *parent, const struct milter_subject *subject)
{
	struct value value;

	(void)parent;
	switch (facts_get(subject->inquiry->facts, FACT_CLIENT_NAME, &value)) {
	case FACT_KNOWN:
		return "OK";
	case FACT_FAILED:
		return "TEMP";
	case FACT_ABSENT:
	case FACT_UNKNOWN:
		break;
	}
	return text_of(subject, FACT_CLIENT_PTR) ? "FORGED" : "FAIL";
}

/* "name [address]", and whether the name is confirmed. */
static const char *client(const void *parent, const struct milter_subject *subject)
{
	const char *name = text_of(subject, FACT_CLIENT_NAME);
	const char *pointer = text_of(subject, FACT_CLIENT_PTR);
	const char *address = client_address(parent, subject);

	if (!address)
		return NULL;
	if (!name && !pointer)
		return talloc_asprintf(parent, "[%s]", address);
	return talloc_asprintf(parent, "%s [%s]%s", name ? name : pointer, address,
		name ? "" : " (may be forged)");
}

static const char *listener(const void *parent, const struct milter_subject *subject)
{
	(void)parent;
	return text_of(subject, FACT_LISTENER);
}

static const char *server_address(const void *parent, const struct milter_subject *subject)
{
	return printed(parent, subject, FACT_SERVER_IP);
}

static const char *tls_version(const void *parent, const struct milter_subject *subject)
{
	(void)parent;
	return text_of(subject, FACT_CLIENT_TLS_VERSION);
}

static const char *cipher(const void *parent, const struct milter_subject *subject)
{
	(void)parent;
	return text_of(subject, FACT_CLIENT_TLS_CIPHER);
}

static const char *subject_name(const void *parent, const struct milter_subject *subject)
{
	(void)parent;
	return text_of(subject, FACT_CLIENT_CERTIFICATE_SUBJECT);
}

static const char *issuer(const void *parent, const struct milter_subject *subject)
{
	(void)parent;
	return text_of(subject, FACT_CLIENT_CERTIFICATE_ISSUER);
}

/* OK, FAIL, or NO: there was no certificate. */
static const char *verify(const void *parent, const struct milter_subject *subject)
{
	struct value value;

	(void)parent;
	if (!text_of(subject, FACT_CLIENT_TLS_VERSION))
		return NULL;
	if (!text_of(subject, FACT_CLIENT_CERTIFICATE_SUBJECT))
		return "NO";
	return facts_get(subject->inquiry->facts, FACT_CLIENT_CERTIFICATE_VERIFIED, &value) ==
				FACT_KNOWN &&
			value.boolean
		? "OK"
		: "FAIL";
}

static bool is_authenticated(const struct milter_subject *subject)
{
	struct value value;

	return facts_get(subject->inquiry->facts, FACT_CLIENT_AUTHENTICATED, &value) ==
		FACT_KNOWN &&
		value.boolean;
}

/* Milters take who has it for authenticated. */
static const char *auth_type(const void *parent, const struct milter_subject *subject)
{
	(void)parent;
	return is_authenticated(subject) ? "PLAIN" : NULL;
}

static const char *auth_user(const void *parent, const struct milter_subject *subject)
{
	const char *user = text_of(subject, FACT_CLIENT_USER);

	(void)parent;
	if (!is_authenticated(subject))
		return NULL;
	return user ? user : "unknown";
}

static const char *mailer(const void *parent, const struct milter_subject *subject)
{
	(void)parent;
	return subject->inquiry->mail ? "smtp" : NULL;
}

static const char *sender(const void *parent, const struct milter_subject *subject)
{
	(void)parent;
	return subject->inquiry->mail ? subject->inquiry->mail->envelope->sender->text : NULL;
}

static const char *sender_domain(const void *parent, const struct milter_subject *subject)
{
	(void)parent;
	return subject->inquiry->mail && *subject->inquiry->mail->envelope->sender->domain
		? subject->inquiry->mail->envelope->sender->domain
		: NULL;
}

static const char *recipient_mailer(const void *parent, const struct milter_subject *subject)
{
	(void)parent;
	if (subject->refused_text)
		return "error";
	return subject->recipient ? "smtp" : NULL;
}

static const char *recipient_host(const void *parent, const struct milter_subject *subject)
{
	(void)parent;
	if (subject->refused_text)
		return subject->refused_status;
	return subject->recipient ? subject->recipient->address->domain : NULL;
}

static const char *recipient_address(const void *parent, const struct milter_subject *subject)
{
	(void)parent;
	if (subject->refused_text)
		return subject->refused_text;
	return subject->recipient ? subject->recipient->address->text : NULL;
}

static const char *message_id(const void *parent, const struct milter_subject *subject)
{
	(void)parent;
	return text_of(subject, FACT_MESSAGE_ID);
}

static const struct {
	const char *name;
	const char *(*value)(const void *parent, const struct milter_subject *subject);
} macros[] = {
	{"i", id},
	{"j", hostname},
	{"_", client},
	{"v", version},
	{"Z", version},
	{"b", date},
	{"daemon_name", listener},
	{"daemon_addr", server_address},
	{"if_name", hostname},
	{"if_addr", server_address},
	{"client_addr", client_address},
	{"client_name", client_name},
	{"client_port", client_port},
	{"client_ptr", client_ptr},
	{"client_resolve", client_resolve},
	{"tls_version", tls_version},
	{"cipher", cipher},
	{"cert_subject", subject_name},
	{"cert_issuer", issuer},
	{"verify", verify},
	{"auth_type", auth_type},
	{"auth_authen", auth_user},
	{"auth_author", auth_user},
	{"mail_mailer", mailer},
	{"mail_host", sender_domain},
	{"mail_addr", sender},
	{"rcpt_mailer", recipient_mailer},
	{"rcpt_host", recipient_host},
	{"rcpt_addr", recipient_address},
	{"msg_id", message_id},
};

static const char *const presets[MACROS_STAGES] = {
	// NOLINTNEXTLINE(bugprone-suspicious-missing-comma)
	[MACROS_CONNECT] = "j _ v {daemon_name} {daemon_addr} {if_name} {if_addr} "
			   "{client_addr} {client_name} {client_port} {client_ptr} "
			   "{client_resolve}",
	[MACROS_HELO] = "{tls_version} {cipher} {cert_subject} {cert_issuer} {verify}",
	[MACROS_MAIL] = "i {auth_type} {auth_authen} {mail_mailer} {mail_host} {mail_addr}",
	[MACROS_RCPT] = "i {rcpt_mailer} {rcpt_host} {rcpt_addr}",
	[MACROS_DATA] = "i",
	[MACROS_EOM] = "i {msg_id}",
	[MACROS_EOH] = "i",
};

static struct slice without_braces(struct slice name)
{
	bool is_braced = name.size > 2 && name.data[0] == '{' && name.data[name.size - 1] == '}';

	return is_braced ? slice_make(name.data + 1, name.size - 2) : name;
}

const char *milter_macros_value(
	const void *parent, struct slice name, const struct milter_subject *subject)
{
	for (size_t i = 0; i < sizeof macros / sizeof macros[0]; i++) {
		if (slice_equals(name, macros[i].name))
			return macros[i].value(parent, subject);
	}
	return NULL;
}

/* Names of one letter are sent bare, others in braces. */
static void add(const void *parent, struct milter_packet *packet, struct slice name,
	const struct milter_subject *subject)
{
	struct slice bare = without_braces(name);
	const char *value = milter_macros_value(parent, bare, subject);

	if (!value || packet->text_count + 2 > MILTER_WIRE_TEXTS)
		return;
	packet->texts[packet->text_count++] = bare.size == 1
		? bare
		: slice_of(talloc_asprintf(parent, "{%.*s}", SLICE_ARGS(bare)));
	packet->texts[packet->text_count++] = slice_of(value);
}

struct slice milter_macros_print(const void *parent, enum milter_macro_stage stage, char command,
	const char *names, const struct milter_subject *subject)
{
	struct milter_packet packet = {.byte = MILTER_MACROS, .kind = command};
	void *scratch = talloc_new(parent);
	char *list = talloc_strdup(scratch, names ? names : presets[stage]), *rest = NULL;
	struct slice printed_packet = slice_of("");

	for (char *name = strtok_r(list, " ,\t", &rest); name; name = strtok_r(NULL, " ,\t", &rest))
		add(scratch, &packet, slice_of(name), subject);
	if (packet.text_count)
		printed_packet = milter_wire_print(parent, MILTER_SIDE_SERVER, &packet);
	talloc_free(scratch);
	return printed_packet;
}
