/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a mail server's connection to us as its milter, in the order of its events. */
#include "proxy/milter_session.h"

#include "base/log.h"
#include "base/loop.h"
#include "base/stream.h"
#include "proxy/announcement.h"
#include "proxy/judgement.h"
#include "proxy/limits.h"
#include "proxy/milter_events.h"
#include "proxy/milter_facts.h"
#include "proxy/quarantine_entry.h"
#include "proxy/transaction.h"

#include <stddef.h>
#include <talloc.h>

#define INTRODUCTION 60000 /* ms for offer and client */
#define PROGRESS 5000      /* ms: Sendmail expects a word every ten seconds */
#define PATIENCE 60000     /* ms without progress, with a server that does not take our answers */
#define UNHEARD 32768      /* bytes of answers; who does not take them is not read from */

static struct step read_packet(void *owner);
static struct step catch_up(void *owner);
static struct step hear_packet(void *owner);
static struct step acknowledge(void *owner);
static struct step answer_offer(void *owner);
static struct step recall(void *owner);
static struct step meet(void *owner);
static struct step judge_event(void *owner);
static struct step weigh_event(void *owner);
static struct step heed_event(void *owner);
static struct step refuse(void *owner);
static struct step end_data(void *owner);
static struct step weigh_data(void *owner);
static struct step heed_data(void *owner);
static struct step judge_message(void *owner);
static struct step weigh_message(void *owner);
static struct step heed_judgement(void *owner);
static struct step put_away(void *owner);
static struct step hear_keeper(void *owner);
static struct step hand_back(void *owner);
static struct step answer_message(void *owner);
static struct step hear_answered(void *owner);
static struct step begin_anew(void *owner);
static struct step farewell(void *owner);

static const struct as_milter_options *options(const struct milter_session *m)
{
	return m->session.gateway->configuration->as_milter;
}

/* --- saying --- */

static void say(struct milter_session *m, const struct milter_packet *packet)
{
	struct slice bytes = milter_wire_print(m, MILTER_SIDE_MILTER, packet);

	stream_write(m->session.client, bytes);
	talloc_free((char *)bytes.data);
}

static void say_byte(struct milter_session *m, char byte)
{
	struct milter_packet packet;

	milter_wire_begin(&packet, byte);
	say(m, &packet);
}

/* As SMTP has it, but that servers take the text for a format, and the last line has no end. */
static char *print_reply(const void *parent, const struct reply *reply)
{
	char *lines = reply_print(parent, reply), *text, *at;

	text = at = talloc_array(parent, char, 2 * strlen(lines) + 1);
	for (const char *c = lines; *c; c++) {
		if (*c == '%')
			*at++ = '%';
		*at++ = *c;
	}
	*at = '\0';
	if (at - text > 2)
		at[-2] = '\0';
	return text;
}

/* The session's reply, which is a refusal. */
static void say_refusal(struct milter_session *m)
{
	struct session *s = &m->session;
	struct reply reply = session_told_reply(s);
	struct milter_packet packet;

	milter_wire_begin(&packet, MILTER_REPLY_CODE);
	packet.texts[packet.text_count++] = slice_of(print_reply(session_scratch(s), &reply));
	say(m, &packet);
}

/* --- packets --- */

static struct step end_badly(struct milter_session *m, const char *reason)
{
	m->fault = reason;
	return THEN(farewell);
}

static uint64_t patience(const struct milter_session *m)
{
	return m->has_client ? (uint64_t)options(m)->idle : INTRODUCTION;
}

static struct step read_packet(void *owner)
{
	struct milter_session *m = owner;
	struct session *s = &m->session;

	TALLOC_FREE(s->scratch);
	s->command = NULL;
	s->reply = (struct reply){0};
	s->policy_refusal = false;
	if (stream_unsent(s->client) > UNHEARD) {
		stream_begin_flush(s->client, 0, PATIENCE, &s->steps.await);
		return THEN(catch_up);
	}
	stream_begin_bytes(s->client, patience(m), &s->steps.await);
	return THEN(hear_packet);
}

static struct step catch_up(void *owner)
{
	struct milter_session *m = owner;

	return m->session.steps.await.outcome == OUTCOME_DONE
		? THEN(read_packet)
		: end_badly(m, "it does not take our answers");
}

static struct step next_step(enum milter_next next)
{
	static const struct step steps[MILTER_NEXTS] = {
		[MILTER_NEXT_READ] = {read_packet, "read_packet"},
		[MILTER_NEXT_ACKNOWLEDGE] = {acknowledge, "acknowledge"},
		[MILTER_NEXT_ANSWER_OFFER] = {answer_offer, "answer_offer"},
		[MILTER_NEXT_MEET] = {recall, "recall"},
		[MILTER_NEXT_JUDGE] = {judge_event, "judge_event"},
		[MILTER_NEXT_REFUSE] = {refuse, "refuse"},
		[MILTER_NEXT_MESSAGE] = {end_data, "end_data"},
		[MILTER_NEXT_ANEW] = {begin_anew, "begin_anew"},
		[MILTER_NEXT_FAREWELL] = {farewell, "farewell"},
	};

	return steps[next];
}

/* What stands in the packet is taken before anything else is done: it lies in the stream's buffer. */
static struct step take_packet(struct milter_session *m, struct slice payload)
{
	struct milter_packet packet;
	const char *fault = milter_wire_parse(MILTER_SIDE_SERVER, payload, &packet);

	if (!fault)
		return next_step(milter_events_take(m, &packet));
	return end_badly(m,
		talloc_asprintf(session_scratch(&m->session),
			"what it sends is no milter protocol: %s", fault));
}

/* Between mails a server may leave as it likes. */
static struct step lose_server(struct milter_session *m)
{
	if (m->session.steps.await.outcome == OUTCOME_TIMED_OUT)
		return end_badly(m, "nothing came for too long");
	return m->mail || m->reader.size
		? end_badly(m, "it closed the connection in the middle of a mail")
		: THEN(farewell);
}

static struct step hear_packet(void *owner)
{
	struct milter_session *m = owner;
	struct stream *server = m->session.client;
	struct slice input, payload;
	struct step next = THEN(read_packet);
	size_t size;

	if (m->session.steps.await.outcome != OUTCOME_DONE)
		return lose_server(m);
	input = stream_bytes(server);
	size = input.size;
	switch (milter_reader_take(&m->reader, m, &input, &payload)) {
	case MILTER_TOO_LARGE:
		return end_badly(m, "what it sends is larger than a packet may be");
	case MILTER_PARTIAL:
		break;
	case MILTER_WHOLE:
		next = take_packet(m, payload);
		break;
	}
	stream_take(server, size - input.size);
	return next;
}

/* What was told and is not judged. */
static struct step acknowledge(void *owner)
{
	struct milter_session *m = owner;

	if (!(m->protocol & m->event->silent))
		say_byte(m, MILTER_CONTINUE);
	return THEN(read_packet);
}

/* --- an event --- */

static struct step answer_offer(void *owner)
{
	struct milter_session *m = owner;

	stream_write(m->session.client, m->answer);
	return THEN(read_packet);
}

static struct step recall(void *owner)
{
	judgement_begin_recalling(owner);
	return THEN(meet);
}

static struct step meet(void *owner)
{
	struct milter_session *m = owner;
	struct session *s = &m->session;

	judgement_hear_recalled(s);
	announcement_tell_client(s);
	milter_facts_tell_server(s, m, m->values);
	if (limits_admit(s))
		return THEN(judge_event);
	session_say(s, 421, "4.7.0", LIMITS_REFUSAL);
	return THEN(refuse);
}

static struct step judge_event(void *owner)
{
	struct milter_session *m = owner;

	judgement_begin(
		&m->session, (enum stage)m->event->stage, (uint64_t)options(m)->answer_timeout);
	return THEN(weigh_event);
}

static struct step weigh_event(void *owner)
{
	struct milter_session *m = owner;

	if (m->event->stage == STAGE_RCPT)
		transaction_redirect(&m->session);
	return judgement_note(&m->session, THEN(heed_event));
}

/* Mail servers end a session for 421 alone. */
static bool is_refused(struct milter_session *m)
{
	struct session *s = &m->session;
	bool is_end = judgement_inquiry(s)->verdict.kind == VERDICT_DISCONNECT;

	if (!judgement_refuses(s))
		return false;
	if (is_end && s->reply.code != 421)
		session_say(s, 421, "4.7.0", s->reply.text);
	return true;
}

static struct step heed_event(void *owner)
{
	struct milter_session *m = owner;

	if (is_refused(m))
		return THEN(refuse);
	if (m->event->change)
		m->event->change(m);
	say_byte(m, MILTER_CONTINUE);
	return THEN(read_packet);
}

static struct step refuse(void *owner)
{
	struct milter_session *m = owner;

	say_refusal(m);
	if (m->event->undo)
		m->event->undo(m);
	return THEN(read_packet);
}

/* --- the end of a message --- */

static void on_progress(void *owner)
{
	struct milter_session *m = owner;

	say_byte(m, MILTER_PROGRESS);
	stream_flush(m->session.client);
	timer_start(&m->progress, m->session.gateway->loop->clock, PROGRESS);
}

/* A server of an old version has not told of DATA. */
static struct step end_data(void *owner)
{
	struct milter_session *m = owner;

	timer_start(&m->progress, m->session.gateway->loop->clock, PROGRESS);
	if (m->mail->is_data_judged)
		return THEN(judge_message);
	transaction_tell_recipients(m->session.transaction);
	judgement_begin(&m->session, STAGE_DATA, (uint64_t)options(m)->answer_timeout);
	return THEN(weigh_data);
}

static struct step weigh_data(void *owner)
{
	struct milter_session *m = owner;

	return judgement_note(&m->session, THEN(heed_data));
}

static struct step heed_data(void *owner)
{
	struct milter_session *m = owner;

	return is_refused(m) ? THEN(answer_message) : THEN(judge_message);
}

static struct step judge_message(void *owner)
{
	struct milter_session *m = owner;
	struct session *s = &m->session;
	struct transaction *transaction = s->transaction;

	if (!transaction_finish_message(s))
		return THEN(answer_message);
	m->mail->letter.message = message_bytes(transaction->message);
	transaction_tell_message(transaction);
	judgement_begin(s, STAGE_MESSAGE, (uint64_t)s->gateway->configuration->smtp->judge_timeout);
	return THEN(weigh_message);
}

static struct step weigh_message(void *owner)
{
	struct milter_session *m = owner;

	m->session.transaction->judged = clock_microseconds();
	return judgement_note(&m->session, THEN(heed_judgement));
}

static bool has_quarantine(const struct milter_session *m)
{
	return m->session.gateway->configuration->policy->quarantine->path;
}

static struct step heed_judgement(void *owner)
{
	struct milter_session *m = owner;
	struct transaction *transaction = m->session.transaction;

	if (is_refused(m))
		return THEN(answer_message);
	transaction->verdict = transaction->inquiry->verdict;
	if (transaction->verdict.kind == VERDICT_DISCARD) {
		session_say(&m->session, 250, "2.0.0", "ok");
		return THEN(answer_message);
	}
	transaction_plan(transaction);
	if (transaction->verdict.kind == VERDICT_QUARANTINE && has_quarantine(m))
		return THEN(put_away);
	return THEN(hand_back);
}

/* --- quarantine --- */

/* Kept for a server that has given up it would be kept twice. */
static struct step put_away(void *owner)
{
	struct milter_session *m = owner;

	if (!stream_has_peer(m->session.client))
		return THEN(farewell);
	quarantine_entry_begin(&m->session, &m->session.steps.await);
	return THEN(hear_keeper);
}

static struct step hear_keeper(void *owner)
{
	struct milter_session *m = owner;

	quarantine_entry_answer(&m->session);
	return THEN(answer_message);
}

/* --- back to the server, with what it is to change --- */

static void order_quarantine(struct milter_session *m, struct milter_orders *orders)
{
	const struct verdict *verdict = &m->session.transaction->verdict;
	struct milter_packet packet;

	if (verdict->kind != VERDICT_QUARANTINE ||
		options(m)->quarantine != AS_MILTER_QUARANTINE_MAIL_SERVER)
		return;
	milter_wire_begin(&packet, MILTER_QUARANTINE);
	packet.texts[packet.text_count++] = slice_of(verdict->detail ? verdict->detail : "policy");
	milter_orders_add(orders, &packet);
}

static struct step put_off(struct milter_session *m, const char *why)
{
	struct session *s = &m->session;

	log_event(LEVEL_ERROR, "edits_impossible", "%s: %s", s->transaction->id, why);
	s->policy_refusal = true;
	session_say(
		s, 451, "4.7.1", "this message cannot be edited as it should be, try again later");
	return THEN(answer_message);
}

static struct step hand_back(void *owner)
{
	struct milter_session *m = owner;
	struct session *s = &m->session;
	struct transaction *transaction = s->transaction;
	const struct edits *edits = transaction->inquiry->edits;
	struct milter_orders *orders;

	if (transaction_lacks_recipients(s))
		return THEN(answer_message);
	if (m->mail->is_header_long && milter_orders_are_needed(&m->mail->letter, edits)) {
		s->policy_refusal = true;
		session_say(s, 552, "5.3.4", "the header of this message is too large");
		return THEN(answer_message);
	}
	orders = milter_orders_new(m->mail, &m->mail->letter, edits, transaction->final,
		m->protocol & MILTER_LEADING_SPACE);
	order_quarantine(m, orders);
	if (orders->actions & ~m->actions)
		return put_off(m, "the mail server has not agreed to edits that are needed");
	for (size_t i = 0; i < orders->count; i++)
		stream_lend(s->client, orders->pieces[i]);
	transaction->delivered = true;
	session_say(s, 250, "2.0.0", "ok");
	return THEN(answer_message);
}

/* Says the last word of the message. */
static struct step answer_message(void *owner)
{
	struct milter_session *m = owner;
	struct session *s = &m->session;

	timer_stop(&m->progress);
	if (!reply_is_positive(&s->reply))
		say_refusal(m);
	else
		say_byte(m, s->transaction->delivered ? MILTER_CONTINUE : MILTER_DISCARD);
	stream_begin_flush(s->client, 0, PATIENCE, &s->steps.await);
	return THEN(hear_answered);
}

/* What the server has not heard it will not do. */
static struct step hear_answered(void *owner)
{
	struct milter_session *m = owner;
	struct session *s = &m->session;
	bool was_heard = s->steps.await.outcome == OUTCOME_DONE;

	if (!was_heard) {
		TALLOC_FREE(s->client); /* before what it was lent */
		s->transaction->delivered = false;
		session_say(s, 451, "4.4.2", "the mail server does not take our answer");
	}
	s->messages += reply_is_positive(&s->reply);
	milter_events_end_mail(m);
	return was_heard ? THEN(read_packet) : THEN(farewell);
}

/* --- leaving --- */

/* The next client comes over the same connection, and nothing is negotiated again. */
static struct step begin_anew(void *owner)
{
	struct milter_session *m = owner;
	struct session *s = &m->session;

	m->mail = NULL;
	transaction_abandon(s);
	judgement_note_farewell(s);
	session_forget_client(s);
	TALLOC_FREE(m->texts);
	milter_values_forget(m->values, MILTER_CONNECT);
	limits_release(s);
	session_take_id(s);
	m->has_client = false;
	s->known_good = s->noted = s->closing = false;
	s->transactions = s->messages = s->good_recipients = 0;
	return THEN(read_packet);
}

static void log_fault(const struct milter_session *m)
{
	struct log_line line;

	log_begin(&line, LEVEL_WARNING, "mail_server_fault");
	log_text(&line, "id", m->session.id);
	log_text(&line, "reason", m->fault);
	log_end(&line);
}

static struct step farewell(void *owner)
{
	struct milter_session *m = owner;

	timer_stop(&m->progress);
	if (m->fault)
		log_fault(m);
	if (m->session.client)
		stream_flush(m->session.client);
	TALLOC_FREE(m->session.client); /* before what it was lent */
	m->mail = NULL;
	transaction_abandon(&m->session);
	judgement_note_farewell(&m->session);
	return DONE;
}

static void on_server_gone(void *owner)
{
	struct milter_session *m = owner;

	steps_interrupt(&m->session.steps, INTERRUPT_CLIENT_GONE);
}

static void on_finished(void *owner)
{
	struct milter_session *m = owner;

	timer_stop(&m->progress);
	talloc_free(m);
}

/* A server that loses its milter between two mails would put off all that its client still brings: so the others stay. */
static void drain(struct session *s, bool now)
{
	if (now)
		steps_interrupt(&s->steps, INTERRUPT_SHUTTING_DOWN);
}

void milter_session_begin(
	struct gateway *gateway, const struct listen_options *listen, int descriptor)
{
	struct milter_session *m = talloc_zero(gateway, struct milter_session);
	struct session *s = &m->session;
	const struct client_view nobody = {0};

	_Static_assert(offsetof(struct milter_session, session) == 0, "it is a session");
	session_join(s, gateway, listen, descriptor, &nobody);
	s->drain = drain;
	s->extended = true;
	m->values = milter_values_new(m);
	m->reader.maximum = MILTER_WIRE_HEARD_MAXIMUM;
	m->progress = (struct timer){.on_due = on_progress, .owner = m};
	steps_init(&s->steps, gateway->loop->clock, m, THEN(farewell), on_finished);
	stream_watch(s->client, on_server_gone, m);
	steps_start(&s->steps, THEN(read_packet));
}
