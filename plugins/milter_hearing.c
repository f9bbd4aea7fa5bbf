/* SPDX-License-Identifier: Apache-2.0 */
/* What a milter answers. */
#include "plugins/milter_hearing.h"

#include "base/log.h"

#include <ctype.h>
#include <talloc.h>

static enum milter_heard find_fault(struct milter_hearing *hearing, const char *fault)
{
	hearing->fault = fault;
	return HEARD_FAULT;
}

static enum milter_progress_scope scope_of(const struct milter_hearing *hearing)
{
	return milter_progress_rows[hearing->event].scope;
}

static void settle(struct milter_settled *settled, enum milter_answer answer, const char *reply)
{
	*settled = (struct milter_settled){true, answer, reply};
}

/* Refusals of the stage it was asked about, or of what was told on the way there. */
static void take_refusal(
	struct milter_hearing *hearing, enum milter_answer answer, const char *reply)
{
	struct milter_progress *progress = hearing->progress;

	switch (scope_of(hearing)) {
	case SCOPE_SESSION:
		settle(&progress->settled, answer, reply);
		break;
	case SCOPE_MAIL:
		settle(&progress->mail.settled, answer, reply);
		break;
	case SCOPE_RCPT:
		progress->answer = answer;
		progress->reply = reply;
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
static const void *texts_of(struct milter_hearing *hearing)
{
	struct milter_progress *progress = hearing->progress;

	if (scope_of(hearing) == SCOPE_SESSION)
		return progress;
	if (!progress->texts)
		progress->texts = talloc_new(progress);
	return progress->texts;
}

static enum milter_heard hear_reply(
	struct milter_hearing *hearing, const struct milter_packet *packet)
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
	plain = plain_text(texts_of(hearing), text);
	is_reply = milter_answer_reply(plain, plain, &reply);
	take_refusal(hearing, answer, is_reply ? plain : NULL);
	return HEARD_ALL;
}

static enum milter_heard hear_refusal(
	struct milter_hearing *hearing, const struct milter_packet *packet)
{
	take_refusal(
		hearing, packet->byte == MILTER_TEMPFAIL ? ANSWER_TEMPFAIL : ANSWER_REJECT, NULL);
	return HEARD_ALL;
}

static enum milter_heard hear_shutdown(
	struct milter_hearing *hearing, const struct milter_packet *packet)
{
	(void)packet;
	take_refusal(hearing, ANSWER_TEMPFAIL, "421 4.7.0 closing, please try again later");
	return HEARD_ALL;
}

static enum milter_heard hear_accept(
	struct milter_hearing *hearing, const struct milter_packet *packet)
{
	struct milter_progress *progress = hearing->progress;

	(void)packet;
	if (scope_of(hearing) == SCOPE_SESSION)
		settle(&progress->settled, ANSWER_ACCEPT, NULL);
	else if (hearing->event != EVENT_EOM && hearing->event != EVENT_UNKNOWN)
		settle(&progress->mail.settled, ANSWER_ACCEPT, NULL);
	return HEARD_ALL;
}

static enum milter_heard hear_discard(
	struct milter_hearing *hearing, const struct milter_packet *packet)
{
	(void)packet;
	if (scope_of(hearing) == SCOPE_SESSION || hearing->event == EVENT_UNKNOWN)
		return find_fault(hearing, "it discards where there is no message");
	settle(&hearing->progress->mail.settled, ANSWER_DISCARD, NULL);
	return HEARD_ALL;
}

static enum milter_heard hear_continue(
	struct milter_hearing *hearing, const struct milter_packet *packet)
{
	(void)hearing;
	(void)packet;
	return HEARD_ALL;
}

static enum milter_heard hear_skip(
	struct milter_hearing *hearing, const struct milter_packet *packet)
{
	(void)packet;
	if (hearing->event == EVENT_HEADER || hearing->event == EVENT_BODY)
		hearing->progress->mail.done[hearing->event] = true;
	return HEARD_ALL;
}

static enum milter_heard hear_progress(
	struct milter_hearing *hearing, const struct milter_packet *packet)
{
	(void)packet;
	hearing->wants_time = true;
	return HEARD_MORE_COMES;
}

static void note_lie(struct milter_hearing *hearing, char byte)
{
	if (!hearing->progress->has_lied)
		log_event(LEVEL_WARNING, "milter_lied",
			"milter \"%s\" does what it has not announced: %s", hearing->milter,
			milter_wire_name(MILTER_SIDE_MILTER, byte));
	hearing->progress->has_lied = true;
}

static enum milter_heard hear_change(
	struct milter_hearing *hearing, const struct milter_packet *packet)
{
	struct milter_mail_progress *mail = &hearing->progress->mail;
	bool has_announced = hearing->offer->actions & milter_changes_action(packet->byte);
	const char *fault;

	if (hearing->event != EVENT_EOM && packet->byte != MILTER_QUARANTINE)
		return find_fault(hearing, "it changes a message that it has not heard all of");
	if (!has_announced && packet->byte == MILTER_REPLACE_BODY)
		return find_fault(hearing, "it replaces a body and has not announced that it does");
	if (!has_announced)
		note_lie(hearing, packet->byte);
	if (!mail->changes)
		mail->changes = milter_changes_new(hearing->progress, hearing->body_most);
	fault = milter_changes_add(
		mail->changes, packet, hearing->offer->protocol & MILTER_LEADING_SPACE);
	return fault ? find_fault(hearing, fault) : HEARD_MORE_COMES;
}

static const struct {
	char byte;
	enum milter_heard (*hear)(
		struct milter_hearing *hearing, const struct milter_packet *packet);
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

static enum milter_heard hear_packet(struct milter_hearing *hearing, struct slice payload)
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

enum milter_heard milter_hearing_take(
	struct milter_hearing *hearing, struct milter_reader *reader, struct slice input)
{
	enum milter_heard heard = HEARD_MORE_COMES;
	struct slice payload;

	while (heard == HEARD_MORE_COMES) {
		switch (milter_reader_take(reader, hearing->progress, &input, &payload)) {
		case MILTER_PARTIAL:
			return HEARD_MORE_COMES;
		case MILTER_TOO_LARGE:
			return find_fault(hearing, "what it says is too large");
		case MILTER_WHOLE:
			heard = hear_packet(hearing, payload);
			break;
		}
	}
	if (heard == HEARD_ALL && input.size)
		return find_fault(hearing, "it answers more than it was asked");
	return heard;
}
