/* SPDX-License-Identifier: Apache-2.0 */
/* What a mail server tells its milter. */
#include "proxy/milter_events.h"

#include "base/loop.h"
#include "plugins/milter_learner.h"
#include "plugins/milter_agreement.h"
#include "proxy/judgement.h"
#include "proxy/milter_facts.h"
#include "proxy/transaction.h"

#include <talloc.h>

#define REFUSALS_MOST 10000 /* recipients of one mail */

static enum milter_next end_for(struct milter_session *m, const char *reason)
{
	m->fault = reason;
	return MILTER_NEXT_FAREWELL;
}

/* --- the server and its client --- */

static uint32_t needed(const struct milter_session *m)
{
	const struct as_milter_options *options = m->session.gateway->configuration->as_milter;

	return MILTER_ADD_HEADERS | MILTER_CHANGE_HEADERS |
		(options->quarantine == AS_MILTER_QUARANTINE_MAIL_SERVER
				? (uint32_t)MILTER_QUARANTINES
				: 0);
}

/* The answer is sent when the packet is gone. */
static enum milter_next take_offer(struct milter_session *m, const struct milter_packet *packet)
{
	const struct milter_role role = {
		.needed = needed(m), .hears_unknown = m->session.gateway->milters};
	struct milter_packet answer;
	const char *fault = milter_agreement_answer(&role, packet, &answer);

	if (m->has_agreed)
		return end_for(m, "it negotiates twice");
	if (fault)
		return end_for(m, fault);
	m->has_agreed = true;
	m->actions = answer.numbers[1];
	m->protocol = answer.numbers[2];
	m->answer = milter_wire_print(session_scratch(&m->session), MILTER_SIDE_MILTER, &answer);
	return MILTER_NEXT_ANSWER_OFFER;
}

static enum milter_next take_macros(struct milter_session *m, const struct milter_packet *packet)
{
	milter_values_take(m->values, packet);
	return MILTER_NEXT_READ;
}

static enum milter_next take_client(struct milter_session *m, const struct milter_packet *packet)
{
	struct client_view client;

	if (m->has_client)
		return end_for(m, "it tells of a second client");
	if (!milter_facts_client(packet, &client))
		return end_for(m, "it tells of a client whose address is none");
	m->has_client = true;
	session_set_client(&m->session, &client);
	return MILTER_NEXT_MEET;
}

/* Of TLS and login the server may tell with each event. Facts of the session point to what it told before, until they are told anew. */
static void tell_texts(struct milter_session *m)
{
	void *old = m->texts;

	m->texts = talloc_new(m);
	milter_facts_tell_tls(&m->session, m->texts, m->values);
	milter_facts_tell_login(&m->session, m->texts, m->values);
	talloc_free(old);
}

static const struct reply *parse_helo(struct session *s, struct slice name)
{
	void *scratch = session_scratch(s);
	const char *line = talloc_asprintf(scratch, "HELO %.*s", SLICE_ARGS(name));

	s->command = talloc(scratch, struct command);
	command_split(s->command, slice_of(line));
	return command_parse_helo(scratch, s->command);
}

static enum milter_next take_helo(struct milter_session *m, const struct milter_packet *packet)
{
	struct session *s = &m->session;
	const struct reply *bad = parse_helo(s, packet->texts[0]);

	m->mail = NULL;
	transaction_abandon(s);
	milter_values_forget(m->values, MILTER_MAIL);
	if (bad) {
		s->reply = *bad;
		return MILTER_NEXT_REFUSE;
	}
	session_take_helo(s, s->command->argument);
	tell_texts(m);
	return MILTER_NEXT_JUDGE;
}

static void forget_helo(struct milter_session *m)
{
	session_forget_helo(&m->session);
}

/* For those of ours who want to hear of it. */
static enum milter_next take_unknown(struct milter_session *m, const struct milter_packet *packet)
{
	struct session *s = &m->session;

	if (s->gateway->milters)
		milter_learner_note_unknown(s->gateway->milters, s->facts, packet->texts[0]);
	return MILTER_NEXT_ACKNOWLEDGE;
}

/* --- the envelope --- */

static enum milter_next take_sender(struct milter_session *m, const struct milter_packet *packet)
{
	struct session *s = &m->session;
	const struct reply *bad = milter_facts_sender(s, packet);

	m->mail = NULL;
	transaction_abandon(s);
	milter_values_forget(m->values, MILTER_RCPT);
	tell_texts(m);
	if (bad) {
		s->reply = *bad;
		return MILTER_NEXT_REFUSE;
	}
	transaction_begin(s);
	m->mail = milter_mail_new(s);
	milter_facts_tell_id(s->transaction, m->values);
	return MILTER_NEXT_JUDGE;
}

void milter_events_end_mail(struct milter_session *m)
{
	struct session *s = &m->session;

	m->mail = NULL;
	transaction_end(s, s->reply.code ? &s->reply : NULL);
	milter_values_forget(m->values, MILTER_RCPT);
}

static void note_refused(struct session *s, const struct reply *reply)
{
	if (s->gateway->milters && s->command->recipient.address)
		milter_learner_note_refused(
			s->gateway->milters, s->facts, &s->command->recipient, reply);
}

/* What the server has refused itself it tells only when somebody of ours wants to hear of it. */
static enum milter_next take_recipient(struct milter_session *m, const struct milter_packet *packet)
{
	struct session *s = &m->session;
	const struct reply *bad = milter_facts_recipient(s, packet);
	struct reply refused;
	bool is_refused = milter_facts_refused(s->scratch, m->values, &refused);

	milter_facts_tell_id(s->transaction, m->values);
	milter_values_forget(m->values, MILTER_RCPT);
	if (s->transaction->refusals >= REFUSALS_MOST)
		return end_for(m, "it tells of too many recipients that are refused");
	if (is_refused) {
		note_refused(s, &refused);
		return MILTER_NEXT_ACKNOWLEDGE;
	}
	m->mail->told = slice_keep(s->scratch, packet->texts[0]);
	if (bad)
		s->reply = *bad;
	else
		transaction_take_recipient(s);
	return s->reply.code ? MILTER_NEXT_REFUSE : MILTER_NEXT_JUDGE;
}

static void pass_recipient(struct milter_session *m)
{
	milter_mail_pass_recipient(m->mail);
}

static void refuse_recipient(struct milter_session *m)
{
	transaction_note_refusal(&m->session);
	note_refused(&m->session, &m->session.reply);
}

/* --- the message --- */

static enum milter_next take_data(struct milter_session *m, const struct milter_packet *packet)
{
	(void)packet;
	milter_facts_tell_id(m->session.transaction, m->values);
	transaction_tell_recipients(m->session.transaction);
	m->mail->is_data_judged = true;
	return MILTER_NEXT_JUDGE;
}

static void begin_message(struct milter_session *m)
{
	milter_mail_begin_message(m->mail);
}

static enum milter_next take_field(struct milter_session *m, const struct milter_packet *packet)
{
	if (!packet->texts[0].size)
		return end_for(m, "it tells of a field that has no name");
	milter_mail_add_field(
		m->mail, m->protocol & MILTER_LEADING_SPACE, packet->texts[0], packet->texts[1]);
	return MILTER_NEXT_ACKNOWLEDGE;
}

static enum milter_next take_header_end(
	struct milter_session *m, const struct milter_packet *packet)
{
	(void)packet;
	milter_mail_end_header(m->mail);
	return MILTER_NEXT_ACKNOWLEDGE;
}

static enum milter_next take_body(struct milter_session *m, const struct milter_packet *packet)
{
	milter_mail_add_body(m->mail, packet->bytes);
	return MILTER_NEXT_ACKNOWLEDGE;
}

static enum milter_next take_end(struct milter_session *m, const struct milter_packet *packet)
{
	milter_mail_add_body(m->mail, packet->bytes);
	milter_mail_end_message(m->mail);
	milter_facts_tell_id(m->session.transaction, m->values);
	return MILTER_NEXT_MESSAGE;
}

/* --- leaving --- */

static enum milter_next take_abort(struct milter_session *m, const struct milter_packet *packet)
{
	(void)packet;
	milter_events_end_mail(m);
	return MILTER_NEXT_READ;
}

static enum milter_next take_quit(struct milter_session *m, const struct milter_packet *packet)
{
	(void)m;
	(void)packet;
	return MILTER_NEXT_FAREWELL;
}

static enum milter_next take_quit_new(struct milter_session *m, const struct milter_packet *packet)
{
	(void)m;
	(void)packet;
	return MILTER_NEXT_ANEW;
}

/* --- all of them --- */

/* What must be so for an event to come. */
enum requirement {
	NEEDS_AGREEMENT = 1,
	NEEDS_CLIENT = 2,
	NEEDS_MAIL = 4,
	NEEDS_RECIPIENT = 8,
	NEEDS_NO_MESSAGE = 16,
	NEEDS_HEADER = 32 /* still open */
};

#define CLIENT (NEEDS_AGREEMENT | NEEDS_CLIENT)
#define LETTER (CLIENT | NEEDS_MAIL | NEEDS_RECIPIENT)

/* clang-format off */
static const struct milter_event events[] = {
	/* command        requires                                silent                 stage            take             change          undo */
	{MILTER_OFFER,    0,                                      0,                     MILTER_NO_STAGE, take_offer,      NULL,           NULL},
	{MILTER_MACROS,   NEEDS_AGREEMENT,                        0,                     MILTER_NO_STAGE, take_macros,     NULL,           NULL},
	{MILTER_CONNECT,  NEEDS_AGREEMENT,                        0,                     STAGE_CONNECT,   take_client,     NULL,           NULL},
	{MILTER_HELO,     CLIENT,                                 0,                     STAGE_HELO,      take_helo,       NULL,           forget_helo},
	{MILTER_MAIL,     CLIENT,                                 0,                     STAGE_MAIL,      take_sender,     NULL,           milter_events_end_mail},
	{MILTER_RCPT,     CLIENT | NEEDS_MAIL | NEEDS_NO_MESSAGE, 0,                     STAGE_RCPT,      take_recipient,  pass_recipient, refuse_recipient},
	{MILTER_DATA,     LETTER | NEEDS_NO_MESSAGE,              0,                     STAGE_DATA,      take_data,       begin_message,  milter_events_end_mail},
	{MILTER_UNKNOWN,  CLIENT,                                 MILTER_SILENT_UNKNOWN, MILTER_NO_STAGE, take_unknown,    NULL,           NULL},
	{MILTER_HEADER,   LETTER | NEEDS_HEADER,                  MILTER_SILENT_HEADER,  MILTER_NO_STAGE, take_field,      NULL,           NULL},
	{MILTER_EOH,      LETTER | NEEDS_HEADER,                  MILTER_SILENT_EOH,     MILTER_NO_STAGE, take_header_end, NULL,           NULL},
	{MILTER_BODY,     LETTER,                                 MILTER_SILENT_BODY,    MILTER_NO_STAGE, take_body,       NULL,           NULL},
	{MILTER_EOM,      LETTER,                                 0,                     MILTER_NO_STAGE, take_end,        NULL,           NULL},
	{MILTER_ABORT,    NEEDS_AGREEMENT,                        0,                     MILTER_NO_STAGE, take_abort,      NULL,           NULL},
	{MILTER_QUIT,     0,                                      0,                     MILTER_NO_STAGE, take_quit,       NULL,           NULL},
	{MILTER_QUIT_NEW, CLIENT,                                 0,                     MILTER_NO_STAGE, take_quit_new,   NULL,           NULL},
};
/* clang-format on */

/* The parser knows no others. */
static const struct milter_event *event_of(char command)
{
	const struct milter_event *event = events;

	while (event->command != command)
		event++;
	return event;
}

/* NULL, or why the event may not come now. */
static const char *find_disorder(const struct milter_session *m)
{
	const struct transaction *transaction = m->session.transaction;
	const struct milter_mail *mail = m->mail;
	const struct {
		enum requirement requirement;
		bool is_met;
		const char *reason;
	} rows[] = {
		{NEEDS_AGREEMENT, m->has_agreed, "nothing was negotiated"},
		{NEEDS_CLIENT, m->has_client, "there is no client"},
		{NEEDS_MAIL, mail, "there is no sender"},
		{NEEDS_RECIPIENT, mail && transaction->envelope->passed,
			"there is no recipient that was accepted"},
		{NEEDS_NO_MESSAGE, mail && !transaction->message && !mail->is_data_judged,
			"the message has begun"},
		{NEEDS_HEADER, mail && !mail->has_header_end, "the header has ended"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (m->event->requires & rows[i].requirement && !rows[i].is_met)
			return rows[i].reason;
	}
	return NULL;
}

enum milter_next milter_events_take(struct milter_session *m, const struct milter_packet *packet)
{
	const char *disorder;

	m->event = event_of(packet->byte);
	disorder = find_disorder(m);
	if (!disorder)
		return m->event->take(m, packet);
	return end_for(m,
		talloc_asprintf(session_scratch(&m->session), "\"%s\" comes out of its order: %s",
			milter_wire_name(MILTER_SIDE_SERVER, packet->byte), disorder));
}
