/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation with one milter. */
#include "plugins/milter_talk.h"

#include "base/log.h"
#include "base/steps.h"
#include "base/stream.h"
#include "plugins/milter_macros.h"
#include "plugins/milter_offer.h"
#include "policy/amendment.h"
#include "policy/mail/revision.h"

#include <ctype.h>
#include <talloc.h>

#define NOTES_MOST 16  /* that wait to be told */
#define LENT 4096      /* bytes of a body that are not copied */
#define NO_MACROS (-1) /* with an event */
#define SLOW_SHARE 2 /* of command_timeout: who was given up on after this part of it has failed */

enum event {
	EVENT_CONNECT,
	EVENT_HELO,
	EVENT_MAIL,
	EVENT_RCPT,    /* the one in question */
	EVENT_EARLIER, /* one that was let through without asking */
	EVENT_REFUSED, /* one that was refused by others */
	EVENT_DATA,
	EVENT_UNKNOWN,
	EVENT_HEADER,
	EVENT_EOH,
	EVENT_BODY,
	EVENT_EOM,
	EVENT_NONE
};

/* What a milter says about whom. */
enum scope { SCOPE_SESSION, SCOPE_MAIL, SCOPE_RCPT, SCOPE_NOBODY };

static const struct event_row {
	char command;
	uint32_t unwanted, silent; /* bits of the protocol */
	int macros;                /* enum milter_macro_stage, or NO_MACROS */
	enum scope scope;
	const char *name;
} events[] = {
	[EVENT_CONNECT] = {MILTER_CONNECT, MILTER_NO_CONNECT, MILTER_SILENT_CONNECT, MACROS_CONNECT,
		SCOPE_SESSION, "connect"},
	[EVENT_HELO] = {MILTER_HELO, MILTER_NO_HELO, MILTER_SILENT_HELO, MACROS_HELO, SCOPE_SESSION,
		"helo"},
	[EVENT_MAIL] = {MILTER_MAIL, MILTER_NO_MAIL, MILTER_SILENT_MAIL, MACROS_MAIL, SCOPE_MAIL,
		"mail"},
	[EVENT_RCPT] = {MILTER_RCPT, MILTER_NO_RCPT, MILTER_SILENT_RCPT, MACROS_RCPT, SCOPE_RCPT,
		"rcpt"},
	[EVENT_EARLIER] = {MILTER_RCPT, MILTER_NO_RCPT, MILTER_SILENT_RCPT, MACROS_RCPT,
		SCOPE_NOBODY, "rcpt"},
	[EVENT_REFUSED] = {MILTER_RCPT, MILTER_NO_RCPT, MILTER_SILENT_RCPT, MACROS_RCPT,
		SCOPE_NOBODY, "rcpt"},
	[EVENT_DATA] = {MILTER_DATA, MILTER_NO_DATA, MILTER_SILENT_DATA, MACROS_DATA, SCOPE_MAIL,
		"data"},
	[EVENT_UNKNOWN] = {MILTER_UNKNOWN, MILTER_NO_UNKNOWN, MILTER_SILENT_UNKNOWN, NO_MACROS,
		SCOPE_NOBODY, "unknown"},
	[EVENT_HEADER] = {MILTER_HEADER, MILTER_NO_HEADERS, MILTER_SILENT_HEADER, NO_MACROS,
		SCOPE_MAIL, "header"},
	[EVENT_EOH] = {MILTER_EOH, MILTER_NO_EOH, MILTER_SILENT_EOH, MACROS_EOH, SCOPE_MAIL, "eoh"},
	[EVENT_BODY] = {MILTER_BODY, MILTER_NO_BODY, MILTER_SILENT_BODY, NO_MACROS, SCOPE_MAIL,
		"body"},
	[EVENT_EOM] = {MILTER_EOM, 0, 0, MACROS_EOM, SCOPE_MAIL, "end of message"},
};

/* What it said about session or message, when that was not to go on. */
struct settled {
	bool is_settled;
	enum milter_answer answer;
	const char *reply;
};

/* What waits to be told. */
struct note {
	char *text;           /* the line, or the address with its brackets */
	char *status, *reply; /* of a recipient that was refused; NULL: it is a command */
};

/* How far it has been told of the mail in hand. */
struct progress {
	const struct inquiry_mail *of; /* NULL: there is none */
	struct settled settled;
	bool is_told;                  /* MAIL */
	bool is_over;                  /* it has said its last word, or hears no more */
	size_t recipients;             /* of the envelope's, told or to be passed over */
	const struct address *current; /* told when it was in question */
	bool has_current;
	bool data;
	size_t field; /* the next */
	bool fields_end, eoh, body_end, eom;
	size_t body; /* bytes told */
	struct milter_changes *changes;
};

struct milter_talk {
	struct loop *loop;
	const struct milter_peer *peer;
	struct steps steps;
	struct stream *stream; /* NULL: there is no connection */
	struct milter_reader reader;
	struct inquiry *inquiry; /* while it is asked */
	struct await *caller;    /* the same */
	bool is_probe;
	bool is_ready; /* negotiated */
	bool was_slow;
	bool has_lied; /* that was logged */
	uint32_t version, actions, protocol;
	char *macros[MACROS_STAGES];                /* lists of its own; NULL: ours */
	enum event event;                           /* whose answer is awaited */
	uint64_t asked, deadline, message_deadline; /* clock_now() */
	bool connect;                               /* told */
	char *helo;                                 /* the one that was told; NULL: none */
	struct settled settled;
	struct progress mail;
	struct note *notes;
	size_t note_count;
	const char *failure;
	void *texts;               /* of answers about the mail in hand; NULL: there are none */
	enum milter_answer answer; /* to the stage it was asked about */
	const char *reply;
};

static struct step open_connection(void *owner);
static struct step hear_connected(void *owner);
static struct step hear_handshake(void *owner);
static struct step hear_offer(void *owner);
static struct step go_on(void *owner);
static struct step hear(void *owner);
static struct step end(void *owner);

static uint64_t now(const struct milter_talk *talk)
{
	return clock_now(talk->loop->clock);
}

/* --- failure --- */

static void hang_up(struct milter_talk *talk)
{
	TALLOC_FREE(talk->stream); /* before what it may have been lent */
	talloc_free(talk->reader.held);
	talk->reader = (struct milter_reader){.maximum = MILTER_WIRE_HEARD_MAXIMUM};
	talk->is_ready = talk->connect = false;
	TALLOC_FREE(talk->helo);
	for (size_t i = 0; i < MACROS_STAGES; i++)
		TALLOC_FREE(talk->macros[i]);
}

static struct step fail(struct milter_talk *talk, const char *reason)
{
	talk->failure = talloc_strdup(talk, reason);
	hang_up(talk);
	return DONE;
}

static struct step fail_at_event(struct milter_talk *talk, const char *what)
{
	char *reason = talloc_asprintf(talk, "%s at %s", what, events[talk->event].name);
	struct step step = fail(talk, reason);

	talloc_free(reason);
	return step;
}

/* --- connecting --- */

static struct step open_connection(void *owner)
{
	struct milter_talk *talk = owner;
	const struct milter_address *address = &talk->peer->address;

	talk->deadline = now(talk) + (uint64_t)talk->peer->options->connect_timeout;
	talk->stream = stream_begin_connect(talk, talk->loop,
		(const struct sockaddr *)&address->address, address->size,
		(uint64_t)talk->peer->options->connect_timeout, &talk->steps.await);
	return THEN(hear_connected);
}

/* Until the deadline; one that has passed is over in a moment. */
static uint64_t time_left(const struct milter_talk *talk)
{
	uint64_t at = now(talk);

	return talk->deadline > at ? talk->deadline - at : 1;
}

static struct step offer(struct milter_talk *talk)
{
	const struct milter_packet packet = {.byte = MILTER_OFFER,
		.numbers = {MILTER_WIRE_VERSION, MILTER_ALL_ACTIONS, MILTER_ALL_PROTOCOL}};
	struct slice bytes = milter_wire_print(talk, MILTER_SIDE_SERVER, &packet);

	stream_write(talk->stream, bytes);
	talloc_free((char *)bytes.data);
	stream_begin_bytes(talk->stream, time_left(talk), &talk->steps.await);
	return THEN(hear_offer);
}

static struct step hear_connected(void *owner)
{
	struct milter_talk *talk = owner;

	if (talk->steps.await.outcome == OUTCOME_TIMED_OUT)
		return fail(talk, "no connection could be had in time");
	if (talk->steps.await.outcome != OUTCOME_DONE)
		return fail(talk,
			talloc_asprintf(talk, "no connection: %s", stream_error(talk->stream)));
	if (!talk->peer->tls)
		return offer(talk);
	stream_begin_tls(talk->stream, talk->peer->tls, TLS_CLIENT, talk->peer->options->tls_name,
		time_left(talk), &talk->steps.await);
	return THEN(hear_handshake);
}

static struct step hear_handshake(void *owner)
{
	struct milter_talk *talk = owner;

	if (talk->steps.await.outcome != OUTCOME_DONE)
		return fail(talk,
			talloc_asprintf(
				talk, "TLS handshake failed: %s", stream_error(talk->stream)));
	return offer(talk);
}

/* --- negotiating --- */

/* Milters of old versions know neither. */
static uint32_t unknown_to(uint32_t version)
{
	return (version <= 2 ? MILTER_NO_UNKNOWN : 0) | (version <= 3 ? MILTER_NO_DATA : 0);
}

/* NULL, or what is wrong with the answer. Bits of the protocol that were not offered are honoured, as Postfix does: there are milters
 * that set them whatever is offered. */
static const char *take_offer(struct milter_talk *talk, const struct milter_packet *packet)
{
	if (packet->byte != MILTER_OFFER)
		return "it does not negotiate";
	if (packet->numbers[0] < 2 || packet->numbers[0] > MILTER_WIRE_VERSION)
		return "it speaks another version of the protocol";
	if (packet->numbers[1] & ~(uint32_t)MILTER_ALL_ACTIONS)
		return "it wants actions that do not exist";
	talk->version = packet->numbers[0];
	talk->actions = packet->numbers[1];
	talk->protocol = packet->numbers[2] | unknown_to(packet->numbers[0]);
	for (size_t i = 0; i < packet->list_count; i++) {
		const struct milter_macro_list *list = &packet->lists[i];
		if (list->stage >= MACROS_STAGES)
			continue;
		talloc_free(talk->macros[list->stage]);
		talk->macros[list->stage] = slice_keep(talk, list->names);
	}
	return NULL;
}

static struct step hear_more_of_offer(struct milter_talk *talk)
{
	stream_begin_bytes(talk->stream, time_left(talk), &talk->steps.await);
	return THEN(hear_offer);
}

static struct step hear_offer(void *owner)
{
	struct milter_talk *talk = owner;
	struct milter_packet packet;
	struct slice input, payload;
	const char *fault;
	size_t size;

	if (talk->steps.await.outcome == OUTCOME_TIMED_OUT)
		return fail(talk, "it does not negotiate in time");
	if (talk->steps.await.outcome != OUTCOME_DONE)
		return fail(talk, "it closed the connection when it was to negotiate");
	input = stream_bytes(talk->stream);
	size = input.size;
	switch (milter_reader_take(&talk->reader, talk, &input, &payload)) {
	case MILTER_TOO_LARGE:
		return fail(talk, "what it sends is no milter protocol");
	case MILTER_PARTIAL:
		stream_take(talk->stream, size);
		return hear_more_of_offer(talk);
	case MILTER_WHOLE:
		break;
	}
	fault = milter_wire_parse(MILTER_SIDE_MILTER, payload, &packet);
	if (!fault)
		fault = take_offer(talk, &packet);
	if (!fault && input.size)
		fault = "it says more than it was asked";
	if (fault)
		return fail(talk, fault);
	stream_take(talk->stream, size);
	talk->is_ready = true;
	return talk->is_probe ? THEN(end) : THEN(go_on);
}

/* --- what to tell next --- */

static bool is_wanted(const struct milter_talk *talk, enum event event)
{
	return !(talk->protocol & events[event].unwanted);
}

static const char *helo_of(const struct milter_talk *talk)
{
	struct value value;

	return facts_get(talk->inquiry->facts, FACT_HELO_NAME, &value) == FACT_KNOWN ? value.text
										     : NULL;
}

static bool lacks_helo(const struct milter_talk *talk)
{
	const char *helo = helo_of(talk);

	return helo && (!talk->helo || strcmp(helo, talk->helo) != 0);
}

/* The recipient that was in question has become one of the envelope's. */
static void pass_current(struct progress *mail, const struct envelope *envelope)
{
	if (mail->has_current && mail->recipients < envelope->count &&
		envelope->recipients[mail->recipients].address == mail->current) {
		mail->recipients++;
		mail->has_current = false;
	}
}

static enum event next_about_recipients(struct milter_talk *talk)
{
	struct progress *mail = &talk->mail;

	pass_current(mail, mail->of->envelope);
	if (mail->recipients < mail->of->envelope->count)
		return EVENT_EARLIER;
	if (talk->inquiry->stage == STAGE_RCPT && mail->of->recipient && !mail->has_current)
		return EVENT_RCPT;
	return EVENT_NONE;
}

static enum event next_about_message(const struct progress *mail)
{
	if (!mail->fields_end)
		return EVENT_HEADER;
	if (!mail->eoh)
		return EVENT_EOH;
	if (!mail->body_end)
		return EVENT_BODY;
	return mail->eom ? EVENT_NONE : EVENT_EOM;
}

static enum event next_about_mail(struct milter_talk *talk)
{
	struct progress *mail = &talk->mail;
	enum event event;

	if (!mail->of || mail->settled.is_settled || mail->is_over)
		return EVENT_NONE;
	if (!mail->is_told)
		return EVENT_MAIL;
	if (talk->note_count)
		return EVENT_REFUSED;
	event = talk->inquiry->stage >= STAGE_RCPT ? next_about_recipients(talk) : EVENT_NONE;
	if (event != EVENT_NONE || talk->inquiry->stage < STAGE_DATA)
		return event;
	if (!mail->data)
		return EVENT_DATA;
	return talk->inquiry->stage == STAGE_MESSAGE ? next_about_message(mail) : EVENT_NONE;
}

static enum event next_event(struct milter_talk *talk)
{
	if (talk->settled.is_settled)
		return EVENT_NONE;
	if (!talk->connect)
		return EVENT_CONNECT;
	if (lacks_helo(talk))
		return EVENT_HELO;
	if (talk->note_count && !talk->notes[0].reply)
		return EVENT_UNKNOWN;
	return next_about_mail(talk);
}

/* --- telling it --- */

static void say(struct milter_talk *talk, const struct milter_packet *packet)
{
	struct slice bytes = milter_wire_print(talk, MILTER_SIDE_SERVER, packet);

	if (bytes.size)
		stream_write(talk->stream, bytes);
	talloc_free((char *)bytes.data);
}

static void say_macros(
	struct milter_talk *talk, enum event event, const struct milter_subject *subject)
{
	const struct event_row *row = &events[event];
	struct slice bytes;

	if (row->macros == NO_MACROS)
		return;
	bytes = milter_macros_print(talk, (enum milter_macro_stage)row->macros, row->command,
		talk->macros[row->macros], subject);
	if (!bytes.size)
		return;
	stream_write(talk->stream, bytes);
	talloc_free((char *)bytes.data);
}

static void put_text(struct milter_packet *packet, const char *text)
{
	if (packet->text_count < MILTER_WIRE_TEXTS)
		packet->texts[packet->text_count++] = slice_of(text);
}

static void put_connect(struct milter_talk *talk, struct milter_packet *packet, void *scratch)
{
	const struct milter_subject subject = {.inquiry = talk->inquiry};
	const char *name = milter_macros_value(scratch, slice_of("client_name"), &subject);
	struct value ip, port;
	char *text = talloc_array(scratch, char, IP_TEXT_SIZE);

	put_text(packet, name ? name : "unknown");
	packet->kind = 'U';
	if (facts_get(talk->inquiry->facts, FACT_CLIENT_IP, &ip) != FACT_KNOWN)
		return;
	packet->kind = ip.ip.family == 4 ? '4' : '6';
	if (facts_get(talk->inquiry->facts, FACT_CLIENT_PORT, &port) == FACT_KNOWN)
		packet->numbers[0] = (uint32_t)port.number;
	put_text(packet, ip_print(&ip.ip, text));
}

static void put_mail(struct milter_talk *talk, struct milter_packet *packet, void *scratch)
{
	static const char *const returns[] = {
		[RETURN_UNSAID] = NULL, [RETURN_FULL] = "RET=FULL", [RETURN_HEADERS] = "RET=HDRS"};
	const struct envelope *envelope = talk->mail.of->envelope;

	put_text(packet, talloc_asprintf(scratch, "<%s>", envelope->sender->text));
	if (envelope->declared_size >= 0)
		put_text(packet,
			talloc_asprintf(scratch, "SIZE=%lld", (long long)envelope->declared_size));
	if (envelope->body == BODY_8BITMIME)
		put_text(packet, "BODY=8BITMIME");
	if (envelope->utf8)
		put_text(packet, "SMTPUTF8");
	if (envelope->require_tls)
		put_text(packet, "REQUIRETLS");
	if (returns[envelope->dsn_return])
		put_text(packet, returns[envelope->dsn_return]);
	if (envelope->dsn_id)
		put_text(packet, talloc_asprintf(scratch, "ENVID=%s", envelope->dsn_id));
}

static void put_recipient(
	const struct recipient *recipient, struct milter_packet *packet, void *scratch)
{
	char *notify = talloc_strdup(scratch, "");

	put_text(packet, talloc_asprintf(scratch, "<%s>", recipient->address->text));
	for (unsigned i = 0; envelope_notify_names[i]; i++) {
		if (recipient->notify & 1u << i)
			notify = talloc_asprintf_append(notify, "%s%s",
				*notify ? "," : "NOTIFY=", envelope_notify_names[i]);
	}
	if (*notify)
		put_text(packet, notify);
	if (recipient->original)
		put_text(packet, talloc_asprintf(scratch, "ORCPT=%s", recipient->original));
}

static struct note take_note(struct milter_talk *talk)
{
	struct note note = talk->notes[0];

	memmove(&talk->notes[0], &talk->notes[1], --talk->note_count * sizeof *talk->notes);
	return note;
}

static void forget_note(struct note *note)
{
	talloc_free(note->text);
	talloc_free(note->status);
	talloc_free(note->reply);
}

/* Line ends are LF there. Without HDR_LEADSPC one blank behind the colon is not told. */
static struct slice told_value(const struct milter_talk *talk, struct slice value, void *scratch)
{
	char *text = talloc_array(scratch, char, value.size + 1);
	size_t used = 0;

	if (!(talk->protocol & MILTER_LEADING_SPACE) && value.size && value.data[0] == ' ')
		value = slice_from(value, 1);
	for (size_t i = 0; i < value.size; i++) {
		bool is_line_end =
			value.data[i] == '\r' && i + 1 < value.size && value.data[i + 1] == '\n';
		if (!is_line_end && value.data[i])
			text[used++] = value.data[i];
	}
	return slice_make(text, used);
}

/* More than a milter takes is cut: it would close the connection. False when there are no more. */
static bool put_field(struct milter_talk *talk, struct milter_packet *packet, void *scratch)
{
	struct slice name, value;

	if (!revision_field(amendment_revision(talk->inquiry), &talk->mail.field, &name, &value))
		return false;
	if (name.size > MILTER_WIRE_MAXIMUM / 2)
		name.size = MILTER_WIRE_MAXIMUM / 2;
	value = told_value(talk, value, scratch);
	if (value.size > MILTER_WIRE_MAXIMUM - 2 - name.size)
		value.size = MILTER_WIRE_MAXIMUM - 2 - name.size;
	packet->texts[packet->text_count++] = name;
	packet->texts[packet->text_count++] = value;
	return true;
}

/* A piece of the body; false when there are no more. */
static bool say_body(struct milter_talk *talk)
{
	struct slice rest =
		slice_from(revision_body(amendment_revision(talk->inquiry)), talk->mail.body);
	char head[MILTER_WIRE_HEAD];

	if (!rest.size)
		return false;
	if (rest.size > MILTER_WIRE_MAXIMUM)
		rest.size = MILTER_WIRE_MAXIMUM;
	talk->mail.body += rest.size;
	milter_wire_head(MILTER_BODY, rest.size, head);
	stream_write(talk->stream, slice_make(head, sizeof head));
	if (rest.size > LENT)
		stream_lend(talk->stream, rest);
	else
		stream_write(talk->stream, rest);
	return true;
}

/* Whether something was said that is answered. */
static bool tell_plainly(struct milter_talk *talk, enum event event, struct milter_packet *packet,
	const struct milter_subject *subject)
{
	say_macros(talk, event, subject);
	if (!is_wanted(talk, event))
		return false;
	say(talk, packet);
	return !(talk->protocol & events[event].silent);
}

static bool tell_session(
	struct milter_talk *talk, enum event event, struct milter_packet *packet, void *scratch)
{
	const struct milter_subject subject = {.inquiry = talk->inquiry};

	if (event == EVENT_CONNECT) {
		talk->connect = true;
		put_connect(talk, packet, scratch);
	} else {
		talloc_free(talk->helo);
		talk->helo = talloc_strdup(talk, helo_of(talk));
		put_text(packet, talk->helo);
	}
	return tell_plainly(talk, event, packet, &subject);
}

static bool tell_mail(
	struct milter_talk *talk, enum event event, struct milter_packet *packet, void *scratch)
{
	const struct milter_subject subject = {.inquiry = talk->inquiry};

	(void)event;
	talk->mail.is_told = true;
	put_mail(talk, packet, scratch);
	return tell_plainly(talk, event, packet, &subject);
}

static bool tell_recipient(
	struct milter_talk *talk, enum event event, struct milter_packet *packet, void *scratch)
{
	struct progress *mail = &talk->mail;
	struct milter_subject subject = {.inquiry = talk->inquiry};

	if (event == EVENT_EARLIER) {
		subject.recipient = &mail->of->envelope->recipients[mail->recipients++];
	} else {
		subject.recipient = mail->of->recipient;
		mail->current = subject.recipient->address;
		mail->has_current = true;
	}
	put_recipient(subject.recipient, packet, scratch);
	return tell_plainly(talk, event, packet, &subject);
}

static bool tell_note(
	struct milter_talk *talk, enum event event, struct milter_packet *packet, void *scratch)
{
	struct note note = take_note(talk);
	struct milter_subject subject = {.inquiry = talk->inquiry,
		.refused_status = note.status,
		.refused_text = note.reply};
	bool is_answered = false;

	(void)scratch;
	put_text(packet, note.text);
	if (event == EVENT_UNKNOWN || talk->protocol & MILTER_REFUSED_RCPT)
		is_answered = tell_plainly(talk, event, packet, &subject);
	forget_note(&note);
	return is_answered;
}

static bool tell_data(
	struct milter_talk *talk, enum event event, struct milter_packet *packet, void *scratch)
{
	const struct milter_subject subject = {.inquiry = talk->inquiry};

	(void)scratch;
	talk->mail.data |= event == EVENT_DATA;
	talk->mail.eoh |= event == EVENT_EOH;
	talk->mail.eom |= event == EVENT_EOM;
	return tell_plainly(talk, event, packet, &subject);
}

static bool tell_field(
	struct milter_talk *talk, enum event event, struct milter_packet *packet, void *scratch)
{
	if (!is_wanted(talk, event) || !put_field(talk, packet, scratch)) {
		talk->mail.fields_end = true;
		return false;
	}
	say(talk, packet);
	return !(talk->protocol & MILTER_SILENT_HEADER);
}

static bool tell_body(
	struct milter_talk *talk, enum event event, struct milter_packet *packet, void *scratch)
{
	(void)packet;
	(void)scratch;
	if (!is_wanted(talk, event) || !say_body(talk)) {
		talk->mail.body_end = true;
		return false;
	}
	return !(talk->protocol & MILTER_SILENT_BODY);
}

static bool (*const tellers[])(
	struct milter_talk *talk, enum event event, struct milter_packet *packet, void *scratch) = {
	[EVENT_CONNECT] = tell_session,
	[EVENT_HELO] = tell_session,
	[EVENT_MAIL] = tell_mail,
	[EVENT_RCPT] = tell_recipient,
	[EVENT_EARLIER] = tell_recipient,
	[EVENT_REFUSED] = tell_note,
	[EVENT_DATA] = tell_data,
	[EVENT_UNKNOWN] = tell_note,
	[EVENT_HEADER] = tell_field,
	[EVENT_EOH] = tell_data,
	[EVENT_BODY] = tell_body,
	[EVENT_EOM] = tell_data,
};

/* Whether an answer is to be awaited. */
static bool tell(struct milter_talk *talk, enum event event)
{
	struct milter_packet packet;
	void *scratch = talloc_new(talk);
	bool is_answered;

	milter_wire_begin(&packet, events[event].command);
	is_answered = tellers[event](talk, event, &packet, scratch);
	talloc_free(scratch);
	return is_answered;
}

/* --- waiting for the answer --- */

static uint64_t patience(struct milter_talk *talk)
{
	const struct milter_options *options = talk->peer->options;
	uint64_t until = now(talk) + (uint64_t)options->command_timeout;

	if (talk->event == EVENT_EOM || until > talk->message_deadline)
		until = talk->message_deadline;
	return until;
}

static struct step wait(struct milter_talk *talk)
{
	stream_begin_bytes(talk->stream, time_left(talk), &talk->steps.await);
	return THEN(hear);
}

/* Only where an answer is awaited is it given time; the message as a whole has a time, too. */
static struct step await_answer(struct milter_talk *talk, enum event event)
{
	uint64_t message = (uint64_t)talk->peer->options->message_timeout;

	talk->event = event;
	talk->asked = now(talk);
	if (event < EVENT_HEADER || !talk->message_deadline)
		talk->message_deadline = talk->asked + message;
	talk->deadline = patience(talk);
	return wait(talk);
}

/* What it said of the message, or of the session, counts for this stage. What it was told and does not answer leaves with what comes next. */
static struct step end(void *owner)
{
	struct milter_talk *talk = owner;
	const struct settled *settled =
		talk->settled.is_settled ? &talk->settled : &talk->mail.settled;

	if (talk->is_probe)
		return DONE;
	if (settled->is_settled) {
		talk->answer = settled->answer;
		talk->reply = settled->reply;
	}
	return DONE;
}

static struct step go_on(void *owner)
{
	struct milter_talk *talk = owner;
	enum event event;

	while ((event = next_event(talk)) != EVENT_NONE) {
		if (tell(talk, event))
			return await_answer(talk, event);
	}
	return THEN(end);
}

/* --- answers --- */

/* What a packet means for what comes next. */
enum heard { HEARD_ALL, HEARD_MORE_COMES, HEARD_FAULT };

struct hearing {
	struct milter_talk *talk;
	const char *fault;
};

static enum heard find_fault(struct hearing *hearing, const char *fault)
{
	hearing->fault = fault;
	return HEARD_FAULT;
}

static void settle(struct settled *settled, enum milter_answer answer, const char *reply)
{
	*settled = (struct settled){true, answer, reply};
}

/* Refusals of the stage it was asked about, or of what was told on the way there. */
static void take_refusal(struct milter_talk *talk, enum milter_answer answer, const char *reply)
{
	switch (events[talk->event].scope) {
	case SCOPE_SESSION:
		settle(&talk->settled, answer, reply);
		break;
	case SCOPE_MAIL:
		settle(&talk->mail.settled, answer, reply);
		break;
	case SCOPE_RCPT:
		talk->answer = answer;
		talk->reply = reply;
		break;
	case SCOPE_NOBODY:
		break;
	}
}

/* Authors are told to write "%%" for "%". */
static char *plain_text(const void *parent, struct slice text)
{
	char *plain = talloc_array(parent, char, text.size + 1);
	size_t used = 0;

	for (size_t i = 0; i < text.size; i++) {
		bool is_doubled =
			text.data[i] == '%' && i + 1 < text.size && text.data[i + 1] == '%';
		if (text.data[i] != '\r')
			plain[used++] = text.data[i];
		i += is_doubled;
	}
	plain[used] = '\0';
	return plain;
}

/* What is said of the session is kept as long. */
static const void *texts_of(struct milter_talk *talk)
{
	if (events[talk->event].scope == SCOPE_SESSION)
		return talk;
	if (!talk->texts)
		talk->texts = talloc_new(talk);
	return talk->texts;
}

static enum heard hear_reply(struct hearing *hearing, const struct milter_packet *packet)
{
	struct slice text = packet->texts[0];
	enum milter_answer answer =
		text.size && text.data[0] == '4' ? ANSWER_TEMPFAIL : ANSWER_REJECT;
	struct reply reply;
	char *plain;
	bool is_reply;

	if (text.size < 3 || (text.data[0] != '4' && text.data[0] != '5') ||
		!isdigit((unsigned char)text.data[1]) || !isdigit((unsigned char)text.data[2]))
		return find_fault(hearing, "its reply has no code");
	plain = plain_text(texts_of(hearing->talk), text);
	is_reply = milter_answer_reply(plain, plain, &reply);
	take_refusal(hearing->talk, answer, is_reply ? plain : NULL);
	return HEARD_ALL;
}

static enum heard hear_refusal(struct hearing *hearing, const struct milter_packet *packet)
{
	take_refusal(hearing->talk,
		packet->byte == MILTER_TEMPFAIL ? ANSWER_TEMPFAIL : ANSWER_REJECT, NULL);
	return HEARD_ALL;
}

static enum heard hear_shutdown(struct hearing *hearing, const struct milter_packet *packet)
{
	(void)packet;
	take_refusal(hearing->talk, ANSWER_TEMPFAIL, "421 4.7.0 closing, please try again later");
	return HEARD_ALL;
}

static enum heard hear_accept(struct hearing *hearing, const struct milter_packet *packet)
{
	struct milter_talk *talk = hearing->talk;
	enum scope scope = events[talk->event].scope;

	(void)packet;
	if (scope == SCOPE_SESSION)
		settle(&talk->settled, ANSWER_ACCEPT, NULL);
	else if (talk->event != EVENT_EOM && talk->event != EVENT_UNKNOWN)
		settle(&talk->mail.settled, ANSWER_ACCEPT, NULL);
	return HEARD_ALL;
}

static enum heard hear_discard(struct hearing *hearing, const struct milter_packet *packet)
{
	struct milter_talk *talk = hearing->talk;

	(void)packet;
	if (events[talk->event].scope == SCOPE_SESSION || talk->event == EVENT_UNKNOWN)
		return find_fault(hearing, "it discards where there is no message");
	settle(&talk->mail.settled, ANSWER_DISCARD, NULL);
	return HEARD_ALL;
}

static enum heard hear_continue(struct hearing *hearing, const struct milter_packet *packet)
{
	(void)hearing;
	(void)packet;
	return HEARD_ALL;
}

static enum heard hear_skip(struct hearing *hearing, const struct milter_packet *packet)
{
	struct progress *mail = &hearing->talk->mail;

	(void)packet;
	mail->body_end |= hearing->talk->event == EVENT_BODY;
	mail->fields_end |= hearing->talk->event == EVENT_HEADER;
	return HEARD_ALL;
}

static enum heard hear_progress(struct hearing *hearing, const struct milter_packet *packet)
{
	struct milter_talk *talk = hearing->talk;

	(void)packet;
	talk->deadline = patience(talk);
	return HEARD_MORE_COMES;
}

static void note_lie(struct milter_talk *talk, char byte)
{
	if (!talk->has_lied)
		log_event(LEVEL_WARNING, "milter_lied",
			"milter \"%s\" does what it has not announced: %s",
			talk->peer->options->name, milter_wire_name(MILTER_SIDE_MILTER, byte));
	talk->has_lied = true;
}

static enum heard hear_change(struct hearing *hearing, const struct milter_packet *packet)
{
	struct milter_talk *talk = hearing->talk;
	bool has_announced = talk->actions & milter_changes_action(packet->byte);
	const char *fault;

	if (talk->event != EVENT_EOM && packet->byte != MILTER_QUARANTINE)
		return find_fault(hearing, "it changes a message that it has not heard all of");
	if (!has_announced && packet->byte == MILTER_REPLACE_BODY)
		return find_fault(hearing, "it replaces a body and has not announced that it does");
	if (!has_announced)
		note_lie(talk, packet->byte);
	if (!talk->mail.changes)
		talk->mail.changes = milter_changes_new(talk, talk->peer->body_most);
	fault = milter_changes_add(
		talk->mail.changes, packet, talk->protocol & MILTER_LEADING_SPACE);
	return fault ? find_fault(hearing, fault) : HEARD_MORE_COMES;
}

static const struct {
	char byte;
	enum heard (*hear)(struct hearing *hearing, const struct milter_packet *packet);
} hearers[] = {
	{MILTER_CONTINUE, hear_continue},
	{MILTER_ACCEPT, hear_accept},
	{MILTER_REJECT, hear_refusal},
	{MILTER_TEMPFAIL, hear_refusal},
	{MILTER_REPLY_CODE, hear_reply},
	{MILTER_DISCARD, hear_discard},
	{MILTER_SKIP, hear_skip},
	{MILTER_PROGRESS, hear_progress},
	{MILTER_SHUTDOWN, hear_shutdown},
};

static enum heard hear_packet(struct hearing *hearing, struct slice payload)
{
	struct milter_packet packet;
	const char *fault = milter_wire_parse(MILTER_SIDE_MILTER, payload, &packet);

	if (fault)
		return find_fault(hearing, fault);
	if (milter_changes_is_one(packet.byte))
		return hear_change(hearing, &packet);
	for (size_t i = 0; i < sizeof hearers / sizeof hearers[0]; i++) {
		if (hearers[i].byte == packet.byte)
			return hearers[i].hear(hearing, &packet);
	}
	return find_fault(hearing, "it answers what is no answer to this");
}

/* All packets that have come. */
static enum heard hear_packets(struct hearing *hearing, struct slice *input)
{
	enum heard heard = HEARD_MORE_COMES;
	struct slice payload;

	while (heard == HEARD_MORE_COMES) {
		switch (milter_reader_take(
			&hearing->talk->reader, hearing->talk, input, &payload)) {
		case MILTER_PARTIAL:
			return HEARD_MORE_COMES;
		case MILTER_TOO_LARGE:
			return find_fault(hearing, "what it says is too large");
		case MILTER_WHOLE:
			heard = hear_packet(hearing, payload);
			break;
		}
	}
	if (heard == HEARD_ALL && input->size)
		return find_fault(hearing, "it answers more than it was asked");
	return heard;
}

/* After an answer that settles the message it hears nothing more of it. */
static void finish_message(struct milter_talk *talk)
{
	struct progress *mail = &talk->mail;
	const struct milter_changes *changes = mail->changes;
	const char *reason = changes ? milter_changes_quarantine(changes) : NULL;

	mail->is_over = true;
	if (!mail->settled.is_settled && reason)
		settle(&mail->settled, ANSWER_QUARANTINE, reason);
}

/* It will hear nothing of the session any more. */
static void take_leave(struct milter_talk *talk)
{
	const struct milter_packet quit = {.byte = MILTER_QUIT};

	if (!talk->stream)
		return;
	if (talk->is_ready) {
		say(talk, &quit);
		stream_flush(talk->stream);
	}
	hang_up(talk);
}

static struct step hear_all(struct milter_talk *talk)
{
	stream_flush(talk->stream);
	if (stream_unsent(talk->stream))
		return fail_at_event(talk, "it answers before it has heard all");
	if (talk->event == EVENT_EOM)
		finish_message(talk);
	if (talk->settled.is_settled)
		take_leave(talk);
	return THEN(go_on);
}

static struct step hear(void *owner)
{
	struct milter_talk *talk = owner;
	struct hearing hearing = {.talk = talk};
	struct slice input;
	size_t size;

	if (talk->steps.await.outcome == OUTCOME_TIMED_OUT)
		return fail_at_event(talk, "it does not answer in time");
	if (talk->steps.await.outcome != OUTCOME_DONE)
		return fail_at_event(talk, "it closed the connection");
	input = stream_bytes(talk->stream);
	size = input.size;
	switch (hear_packets(&hearing, &input)) {
	case HEARD_FAULT:
		return fail_at_event(talk, hearing.fault);
	case HEARD_MORE_COMES:
		stream_take(talk->stream, size);
		return talk->deadline > now(talk)
			? wait(talk)
			: fail_at_event(talk, "it does not answer in time");
	case HEARD_ALL:
		break;
	}
	stream_take(talk->stream, size);
	return hear_all(talk);
}

/* --- for others --- */

static void on_finished(void *owner)
{
	struct milter_talk *talk = owner;
	struct await *caller = talk->caller;

	talk->caller = NULL;
	talk->inquiry = NULL;
	await_end(caller, talk->failure ? OUTCOME_FAILED : OUTCOME_DONE);
}

/* Its answer would be taken for one to something else. */
static void cancel(void *operation)
{
	struct milter_talk *talk = operation;
	uint64_t slow = (uint64_t)talk->peer->options->command_timeout / SLOW_SHARE;

	steps_cancel(&talk->steps);
	talk->was_slow = now(talk) - talk->asked >= slow;
	talk->caller = NULL;
	talk->inquiry = NULL;
	(void)fail(talk, "it was given up on before it had answered");
}

/* Settles whether the connection is still one. NULL, or what is wrong with it. */
static const char *look_at_connection(struct milter_talk *talk)
{
	if (!talk->stream || !stream_has_news(talk->stream))
		return NULL;
	if (stream_bytes(talk->stream).size)
		return "it speaks without being asked";
	if (talk->mail.is_told)
		return "it closed the connection in the middle of a message";
	hang_up(talk);
	return NULL;
}

static void begin(struct milter_talk *talk, struct await *await)
{
	const char *fault = talk->failure ? NULL : look_at_connection(talk);
	struct step first =
		talk->stream || talk->settled.is_settled ? THEN(go_on) : THEN(open_connection);

	talk->caller = await;
	talk->asked = now(talk);
	await_begin(await, AWAIT_FOR_EVER, cancel, talk);
	if (fault)
		first = fail(talk, fault);
	if (talk->failure)
		first = THEN(end);
	steps_start(&talk->steps, first);
}

void milter_talk_begin(struct milter_talk *talk, struct inquiry *inquiry, struct await *await)
{
	talk->inquiry = inquiry;
	talk->answer = ANSWER_CONTINUE;
	talk->reply = NULL;
	talk->message_deadline = 0;
	if (inquiry->stage == STAGE_HELO)
		TALLOC_FREE(talk->helo);
	talk->mail.of = inquiry->mail;
	if (inquiry->stage == STAGE_RCPT && inquiry->mail) {
		pass_current(&talk->mail, inquiry->mail->envelope);
		talk->mail.has_current = false;
	}
	begin(talk, await);
}

void milter_talk_begin_probe(struct milter_talk *talk, struct await *await)
{
	talk->is_probe = true;
	begin(talk, await);
}

enum milter_answer milter_talk_answer(const struct milter_talk *talk)
{
	return talk->answer;
}

const char *milter_talk_reply(const struct milter_talk *talk)
{
	return talk->reply;
}

const struct milter_changes *milter_talk_changes(const struct milter_talk *talk)
{
	bool stays =
		talk->mail.settled.is_settled && talk->mail.settled.answer != ANSWER_QUARANTINE;

	return talk->mail.is_over && !stays ? talk->mail.changes : NULL;
}

char *milter_talk_offer(const void *parent, const struct milter_talk *talk)
{
	return milter_offer_print(parent, talk->version, talk->actions, talk->protocol);
}

const char *milter_talk_failure(const struct milter_talk *talk)
{
	return talk->failure;
}

bool milter_talk_was_slow(const struct milter_talk *talk)
{
	return talk->was_slow;
}

static void forget_refused(struct milter_talk *talk)
{
	size_t kept = 0;

	for (size_t i = 0; i < talk->note_count; i++) {
		if (talk->notes[i].reply)
			forget_note(&talk->notes[i]);
		else
			talk->notes[kept++] = talk->notes[i];
	}
	talk->note_count = kept;
}

void milter_talk_end_mail(struct milter_talk *talk)
{
	static const struct milter_packet abort_mail = {.byte = MILTER_ABORT};
	const struct progress *mail = &talk->mail;
	bool is_open = mail->is_told && !mail->is_over && !mail->settled.is_settled;

	if (talk->stream && is_open) {
		say(talk, &abort_mail);
		stream_flush(talk->stream);
	}
	talloc_free(mail->changes);
	TALLOC_FREE(talk->texts);
	forget_refused(talk);
	talk->mail = (struct progress){0};
}

static struct note *add_note(struct milter_talk *talk)
{
	if (talk->failure || talk->settled.is_settled || talk->note_count == NOTES_MOST)
		return NULL;
	talk->notes = talloc_realloc(talk, talk->notes, struct note, talk->note_count + 1);
	return &talk->notes[talk->note_count++];
}

void milter_talk_note_unknown(struct milter_talk *talk, struct slice line)
{
	struct note *note = add_note(talk);

	if (note)
		*note = (struct note){.text = slice_keep(talk, line)};
}

void milter_talk_note_refused(
	struct milter_talk *talk, const struct recipient *recipient, const struct reply *reply)
{
	bool was_in_question = talk->mail.has_current && talk->mail.current == recipient->address;
	struct note *note = talk->mail.is_told && !was_in_question ? add_note(talk) : NULL;

	if (note)
		*note = (struct note){
			.text = talloc_asprintf(talk, "<%s>", recipient->address->text),
			.status = talloc_strdup(talk, reply->status),
			.reply = reply_on_one_line(talk, reply),
		};
}

static int quit(struct milter_talk *talk)
{
	steps_cancel(&talk->steps);
	if (talk->caller)
		await_cancel(talk->caller);
	take_leave(talk);
	return 0;
}

struct milter_talk *milter_talk_new(
	const void *parent, struct loop *loop, const struct milter_peer *peer)
{
	struct milter_talk *talk = talloc_zero(parent, struct milter_talk);

	talk->loop = loop;
	talk->peer = peer;
	talk->reader.maximum = MILTER_WIRE_HEARD_MAXIMUM;
	steps_init(&talk->steps, loop->clock, talk, THEN(end), on_finished);
	talloc_set_destructor(talk, quit);
	return talk;
}
