/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of SMTP: RFC 5321 §4.1.1, §4.1.4 (order), RFC 3207 (STARTTLS). */
#include "proxy/verbs.h"

#include "base/stream.h"
#include "proxy/announcement.h"
#include "proxy/handshake.h"
#include "proxy/login.h"
#include "proxy/transaction.h"

#include <ctype.h>
#include <talloc.h>

/* --- HELO, EHLO --- */

static const char *hostname(const struct session *s)
{
	return s->gateway->configuration->policy->site->hostname;
}

/* Either of them is also a RSET (RFC 5321 §4.1.4). */
static void prepare_helo(struct session *s)
{
	session_take_helo(s, s->command->argument);
}

static void change_helo(struct session *s)
{
	session_say(s, 250, NULL, hostname(s));
}

static void change_ehlo(struct session *s)
{
	s->extended = true;
	s->offered = gateway_offered(s->gateway, s);
	s->reply = reply_new(s->scratch, 250, NULL, "%s\n%s", hostname(s),
		gateway_offer(s->gateway, s->scratch, s));
}

/* --- MAIL --- */

/* RFC 3461 §4: the parameters are none where DSN was not offered. */
static bool lacks_dsn_offer(struct session *s)
{
	if (s->offered & CAPABILITY_DSN)
		return false;
	session_say(
		s, 555, "5.5.4", "DSN was not offered: not every mail server behind can take it");
	return true;
}

static void prepare_mail(struct session *s)
{
	if (s->messages >= s->gateway->configuration->policy->limits->messages) {
		s->closing = true;
		session_say(
			s, 421, "4.5.3", "enough messages for one session, please connect again");
		return;
	}
	if (s->command->utf8 && !(s->offered & CAPABILITY_SMTPUTF8)) {
		session_say(s, 555, "5.6.7",
			"SMTPUTF8 was not offered: not every mail server behind can take it");
		return;
	}
	if (s->command->require_tls && !(s->offered & CAPABILITY_REQUIRETLS)) {
		session_say(s, 555, "5.7.30",
			"REQUIRETLS was not offered: not every hop behind can promise TLS");
		return;
	}
	if ((s->command->dsn_id || s->command->dsn_return) && lacks_dsn_offer(s))
		return;
	s->spoilt = false;
	transaction_begin(s);
}

static void change_mail(struct session *s)
{
	session_say(s, 250, "2.1.0", "sender ok");
}

/* What stands behind it in the pipeline will find no transaction. */
static void end_transaction(struct session *s)
{
	s->spoilt = true;
	transaction_end(s, &s->reply);
}

/* --- RCPT --- */

static void prepare_rcpt(struct session *s)
{
	if (!envelope_asks_dsn(&s->command->recipient) || !lacks_dsn_offer(s))
		transaction_take_recipient(s);
}

static void change_rcpt(struct session *s)
{
	transaction_pass_recipient(s);
	session_say(s, 250, "2.1.5", "recipient ok");
}

/* --- DATA, BDAT --- */

static void prepare_data(struct session *s)
{
	transaction_tell_recipients(s->transaction);
}

static void change_data(struct session *s)
{
	transaction_begin_message(s);
	s->command->received = 0;
	s->command->since = clock_now(s->gateway->loop->clock);
	session_say(s, 354, NULL, "go ahead, end with a dot on a line of its own");
}

static void prepare_bdat(struct session *s)
{
	if (!s->transaction->message)
		transaction_tell_recipients(s->transaction);
}

static void change_bdat(struct session *s)
{
	if (!s->transaction->message)
		transaction_begin_message(s);
	s->command->since = clock_now(s->gateway->loop->clock);
}

/* --- the rest --- */

static void change_rset(struct session *s)
{
	transaction_abandon(s);
	TALLOC_FREE(s->forwarded);
	session_say(s, 250, "2.0.0", "ok");
}

static void change_noop(struct session *s)
{
	session_say(s, 250, "2.0.0", "ok");
}

static void change_help(struct session *s)
{
	session_say(
		s, 214, "2.0.0", "HELO EHLO MAIL RCPT DATA BDAT RSET NOOP QUIT HELP VRFY STARTTLS");
}

static void change_quit(struct session *s)
{
	session_say(s, 221, "2.0.0", "goodbye");
}

/* RFC 5321 §7.3: the answer is the same for all, and nobody is looked up. */
static void change_vrfy(struct session *s)
{
	if (s->gateway->configuration->smtp->vrfy)
		session_say(
			s, 252, "2.0.0", "cannot say, but will take mail and try to deliver it");
	else
		session_say(s, 502, "5.5.1", "VRFY is switched off here");
}

static void change_unimplemented(struct session *s)
{
	session_say(s, 502, "5.5.1", "this command is not implemented here");
}

static void change_starttls(struct session *s)
{
	if (stream_bytes(s->client).size) {
		s->closing = true;
		session_say(s, 554, "5.5.0", "commands may not be sent together with STARTTLS");
		return;
	}
	transaction_abandon(s);
	session_say(s, 220, "2.0.0", "go ahead");
}

/* --- AUTH --- */

static void prepare_auth(struct session *s)
{
	if (!login_is_offered(s->mechanisms, s->command->mechanism))
		session_say(s, 504, "5.5.4",
			"this mechanism is not offered; EHLO lists those that are");
}

static void change_auth(struct session *s)
{
	s->authenticated = true;
	facts_set_bool(s->facts, FACT_CLIENT_AUTHENTICATED, true);
	s->user = s->login->user ? talloc_strdup(s, s->login->user) : NULL;
	if (s->user)
		facts_set_text(s->facts, FACT_CLIENT_USER, s->user);
	s->reply = s->login->reply;
}

/* --- XCLIENT, XFORWARD --- */

/* The reply is the greeting. */
static void change_xclient(struct session *s)
{
	announcement_become(s);
}

static void change_xforward(struct session *s)
{
	announcement_forward(s);
	session_say(s, 250, "2.0.0", "ok");
}

static const struct reply *parse_anything(const void *parent, struct command *command)
{
	(void)parent;
	(void)command;
	return NULL;
}

/* clang-format off */
static const struct verb verbs[] = {
	/* name      requires                                                                                                                        parse                    prepare       undo                 stage       relay            is_idle change                after */
	{"MAIL",     NEEDS_TLS | NEEDS_HELO | NEEDS_LOGIN | NEEDS_NO_TRANSACTION,                                                                    command_parse_mail,      prepare_mail, end_transaction,     STAGE_MAIL, RELAY_NOTHING,   false, change_mail,          AFTER_READ_COMMAND},
	{"RCPT",     NEEDS_TLS | NEEDS_HELO | NEEDS_TRANSACTION | NEEDS_NO_CHUNK,                                                                    command_parse_rcpt,      prepare_rcpt, NULL,                STAGE_RCPT, RELAY_RECIPIENT, false, change_rcpt,          AFTER_READ_COMMAND},
	{"DATA",     NEEDS_TLS | NEEDS_ITS_TURN | NEEDS_TRANSACTION | NEEDS_NO_CHUNK | NEEDS_RECIPIENT,                                              command_parse_nothing,   prepare_data, NULL,                STAGE_DATA, RELAY_NOTHING,   false, change_data,          AFTER_RECEIVE_BODY},
	{"BDAT",     NEEDS_TLS | NEEDS_TRANSACTION | NEEDS_RECIPIENT_OF_CHUNKS,                                                                      command_parse_bdat,      prepare_bdat, end_transaction,     STAGE_DATA, RELAY_NOTHING,   false, change_bdat,          AFTER_RECEIVE_CHUNK},
	{"EHLO",     NEEDS_ITS_TURN,                                                                                                                 command_parse_helo,      prepare_helo, session_forget_helo, STAGE_HELO, RELAY_OFFER,     true,  change_ehlo,          AFTER_READ_COMMAND},
	{"HELO",     NEEDS_TLS | NEEDS_ITS_TURN,                                                                                                     command_parse_helo,      prepare_helo, session_forget_helo, STAGE_HELO, RELAY_NOTHING,   true,  change_helo,          AFTER_READ_COMMAND},
	{"QUIT",     0,                                                                                                                              command_parse_nothing,   NULL,         NULL,                NO_STAGE,   RELAY_NOTHING,   false, change_quit,          AFTER_FAREWELL},
	{"RSET",     NEEDS_TLS,                                                                                                                      command_parse_nothing,   NULL,         NULL,                NO_STAGE,   RELAY_NOTHING,   true,  change_rset,          AFTER_READ_COMMAND},
	{"NOOP",     0,                                                                                                                              parse_anything,          NULL,         NULL,                NO_STAGE,   RELAY_NOTHING,   true,  change_noop,          AFTER_READ_COMMAND},
	{"STARTTLS", NEEDS_HELO | NEEDS_TLS_OFFER,                                                                                                   command_parse_nothing,   NULL,         NULL,                NO_STAGE,   RELAY_NOTHING,   false, change_starttls,      AFTER_START_TLS},
	{"HELP",     NEEDS_TLS,                                                                                                                      parse_anything,          NULL,         NULL,                NO_STAGE,   RELAY_NOTHING,   true,  change_help,          AFTER_READ_COMMAND},
	{"VRFY",     NEEDS_TLS | NEEDS_ITS_TURN,                                                                                                     command_parse_something, NULL,         NULL,                NO_STAGE,   RELAY_NOTHING,   true,  change_vrfy,          AFTER_READ_COMMAND},
	{"EXPN",     NEEDS_TLS | NEEDS_ITS_TURN,                                                                                                     command_parse_something, NULL,         NULL,                NO_STAGE,   RELAY_NOTHING,   true,  change_unimplemented, AFTER_READ_COMMAND},
	{"ETRN",     NEEDS_TLS,                                                                                                                      parse_anything,          NULL,         NULL,                NO_STAGE,   RELAY_NOTHING,   true,  change_unimplemented, AFTER_READ_COMMAND},
	{"ATRN",     NEEDS_TLS,                                                                                                                      parse_anything,          NULL,         NULL,                NO_STAGE,   RELAY_NOTHING,   true,  change_unimplemented, AFTER_READ_COMMAND},
	{"TURN",     NEEDS_TLS,                                                                                                                      parse_anything,          NULL,         NULL,                NO_STAGE,   RELAY_NOTHING,   true,  change_unimplemented, AFTER_READ_COMMAND},
	{"AUTH",     NEEDS_TLS | NEEDS_ITS_TURN | NEEDS_HELO | NEEDS_AUTH_OFFER | NEEDS_ENCRYPTION_FOR_AUTH | NEEDS_NO_LOGIN | NEEDS_NO_TRANSACTION, command_parse_auth,      prepare_auth, NULL,                STAGE_AUTH, RELAY_LOGIN,     true,  change_auth,          AFTER_READ_COMMAND},
	{"XCLIENT",  NEEDS_TLS | NEEDS_XCLIENT | NEEDS_NO_TRANSACTION,                                                                               command_parse_xclient,   NULL,         NULL,                NO_STAGE,   RELAY_NOTHING,   true,  change_xclient,       AFTER_BEGIN_ANEW},
	{"XFORWARD", NEEDS_TLS | NEEDS_XFORWARD | NEEDS_NO_TRANSACTION,                                                                              command_parse_xforward,  NULL,         NULL,                NO_STAGE,   RELAY_NOTHING,   false, change_xforward,      AFTER_READ_COMMAND},
	{"DEBUG",    NEEDS_TLS,                                                                                                                      parse_anything,          NULL,         NULL,                NO_STAGE,   RELAY_NOTHING,   true,  change_unimplemented, AFTER_READ_COMMAND},
	{"WIZ",      NEEDS_TLS,                                                                                                                      parse_anything,          NULL,         NULL,                NO_STAGE,   RELAY_NOTHING,   true,  change_unimplemented, AFTER_READ_COMMAND},
};
/* clang-format on */

const struct verb *verb_find(struct slice name)
{
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		if (slice_equals_nocase(name, verbs[i].name))
			return &verbs[i];
	}
	return NULL;
}

bool verb_is_there(const struct verb *verb, const struct session *s)
{
	return (s->may_announce || !(verb->requires & NEEDS_XCLIENT)) &&
		(s->may_forward || !(verb->requires & NEEDS_XFORWARD));
}

/* --- what is none --- */

static const struct {
	const char *name;
	bool is_family; /* and all that begin with it */
} hostile[] = {
	{"XEXCH50", false},
	{"X-LINK2STATE", false},
	{"X-ANONYMOUSTLS", false},
	{"X-EXPS", false},
	{"XOORG", false},
	{"XPROXY", true},
	{"XSESSIONPARAMS", false},
	{"XSHADOW", true},
	{"XRDST", false},
	{"XMESSAGECONTEXT", false},
	{"XLONGADDR", false},
};

bool verb_is_hostile(struct slice name)
{
	for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
		if (hostile[i].is_family ? slice_starts_nocase(name, hostile[i].name)
					 : slice_equals_nocase(name, hostile[i].name))
			return true;
	}
	return false;
}

bool verb_is_foreign(struct slice line)
{
	static const char *const others[] = {
		"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "PROXY"};
	struct slice word = slice_cut(&line, ' ');
	bool is_field = word.size > 1 && word.data[word.size - 1] == ':';

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		if (slice_equals_nocase(word, others[i]))
			return true;
	}
	return is_field || (word.size && !isalpha((unsigned char)word.data[0]));
}

/* --- what is allowed when --- */

static bool lacks_helo(const struct session *s)
{
	return !s->helo;
}

static bool has_transaction(const struct session *s)
{
	return s->transaction != NULL;
}

static bool lacks_transaction(const struct session *s)
{
	return !s->transaction;
}

static bool lacks_recipient(const struct session *s)
{
	return s->transaction->envelope->passed == 0;
}

static bool has_chunk(const struct session *s)
{
	return s->transaction && s->transaction->message;
}

static bool lacks_tls_offer(const struct session *s)
{
	return !handshake_is_offered(s);
}

static bool lacks_tls(const struct session *s)
{
	return s->listen->tls == LISTEN_TLS_REQUIRED && !stream_tls_version(s->client);
}

static bool lacks_auth_offer(const struct session *s)
{
	return s->listen->auth == LISTEN_AUTH_OFF;
}

static bool lacks_encryption(const struct session *s)
{
	return !stream_tls_version(s->client);
}

static bool has_login(const struct session *s)
{
	return s->authenticated;
}

static bool lacks_login(const struct session *s)
{
	return s->listen->auth == LISTEN_AUTH_REQUIRED && !s->authenticated;
}

static const struct {
	enum requirement requirement;
	bool (*is_missing)(const struct session *s);
	int code;
	const char *status;
	const char *text;
} requirements[] = {
	{NEEDS_TLS, lacks_tls, 530, "5.7.0",
		"say STARTTLS first: without TLS nothing is possible here"},
	{NEEDS_HELO, lacks_helo, 503, "5.5.1", "say EHLO or HELO first"},
	{NEEDS_NO_TRANSACTION, has_transaction, 503, "5.5.1",
		"a sender was given already; say RSET to begin anew"},
	{NEEDS_TRANSACTION, lacks_transaction, 503, "5.5.1", "say MAIL first"},
	{NEEDS_NO_CHUNK, has_chunk, 503, "5.5.1",
		"a message has begun: BDAT goes on with it, RSET begins anew"},
	{NEEDS_RECIPIENT, lacks_recipient, 554, "5.5.1", "no valid recipients"},
	{NEEDS_AUTH_OFFER, lacks_auth_offer, 502, "5.5.1", "AUTH is not offered here"},
	{NEEDS_ENCRYPTION_FOR_AUTH, lacks_encryption, 530, "5.7.0", "say STARTTLS first"},
	{NEEDS_NO_LOGIN, has_login, 503, "5.5.1", "you have authenticated already"},
	{NEEDS_LOGIN, lacks_login, 530, "5.7.0", "authentication is required here"},
	{NEEDS_RECIPIENT_OF_CHUNKS, lacks_recipient, 503, "5.5.1", "no valid recipients"},
	{NEEDS_TLS_OFFER, lacks_tls_offer, 503, "5.5.1", "STARTTLS is not possible here"},
};

const struct reply *verb_forbidden(
	const void *parent, const struct verb *verb, const struct session *s)
{
	for (size_t i = 0; i < sizeof requirements / sizeof requirements[0]; i++) {
		if (!(verb->requires & requirements[i].requirement) ||
			!requirements[i].is_missing(s))
			continue;
		struct reply *reply = talloc(parent, struct reply);
		*reply = reply_of(
			reply, requirements[i].code, requirements[i].status, requirements[i].text);
		return reply;
	}
	return NULL;
}
