/* SPDX-License-Identifier: Apache-2.0 */
/* What a milter has been told, and what comes next. */
#include "plugins/milter_progress.h"

#include "policy/mail/envelope.h"

#include <string.h>
#include <talloc.h>

const struct milter_progress_row milter_progress_rows[] = {
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

struct milter_progress *milter_progress_new(const void *parent)
{
	return talloc_zero(parent, struct milter_progress);
}

/* --- what comes next --- */

static const char *helo_of(const struct inquiry *inquiry)
{
	struct value value;

	return facts_get(inquiry->facts, FACT_HELO_NAME, &value) == FACT_KNOWN ? value.text : NULL;
}

static bool lacks_helo(const struct milter_progress *progress, const struct inquiry *inquiry)
{
	const char *helo = helo_of(inquiry);

	return helo && (!progress->helo || strcmp(helo, progress->helo) != 0);
}

/* The recipient that was in question has become one of the envelope's. */
static void pass_current(struct milter_mail_progress *mail, const struct envelope *envelope)
{
	if (mail->has_current && mail->recipients < envelope->count &&
		envelope->recipients[mail->recipients].address == mail->current) {
		mail->recipients++;
		mail->has_current = false;
	}
}

static enum milter_progress_event next_about_recipients(
	struct milter_mail_progress *mail, const struct inquiry *inquiry)
{
	pass_current(mail, inquiry->mail->envelope);
	if (mail->recipients < inquiry->mail->envelope->count)
		return EVENT_EARLIER;
	if (inquiry->stage == STAGE_RCPT && inquiry->mail->recipient && !mail->has_current)
		return EVENT_RCPT;
	return EVENT_NONE;
}

static enum milter_progress_event next_about_message(const struct milter_mail_progress *mail)
{
	enum milter_progress_event event = EVENT_HEADER;

	while (event < EVENT_NONE && mail->done[event])
		event++;
	return event;
}

static enum milter_progress_event next_about_mail(
	struct milter_progress *progress, const struct inquiry *inquiry)
{
	struct milter_mail_progress *mail = &progress->mail;
	enum milter_progress_event event;

	if (!inquiry->mail || mail->settled.is_settled || mail->is_over)
		return EVENT_NONE;
	if (!mail->done[EVENT_MAIL])
		return EVENT_MAIL;
	if (progress->note_count)
		return EVENT_REFUSED;
	event = inquiry->stage >= STAGE_RCPT ? next_about_recipients(mail, inquiry) : EVENT_NONE;
	if (event != EVENT_NONE || inquiry->stage < STAGE_DATA)
		return event;
	if (!mail->done[EVENT_DATA])
		return EVENT_DATA;
	return inquiry->stage == STAGE_MESSAGE ? next_about_message(mail) : EVENT_NONE;
}

enum milter_progress_event milter_progress_next(
	struct milter_progress *progress, const struct inquiry *inquiry)
{
	if (progress->settled.is_settled)
		return EVENT_NONE;
	if (!progress->connect)
		return EVENT_CONNECT;
	if (lacks_helo(progress, inquiry))
		return EVENT_HELO;
	if (progress->note_count && !progress->notes[0].reply)
		return EVENT_UNKNOWN;
	return next_about_mail(progress, inquiry);
}

/* --- notes --- */

static struct milter_note *add_note(struct milter_progress *progress)
{
	if (progress->settled.is_settled || progress->note_count == MILTER_PROGRESS_NOTES)
		return NULL;
	progress->notes = talloc_realloc(
		progress, progress->notes, struct milter_note, progress->note_count + 1);
	return &progress->notes[progress->note_count++];
}

void milter_progress_note_unknown(struct milter_progress *progress, struct slice line)
{
	struct milter_note *note = add_note(progress);

	if (note)
		*note = (struct milter_note){.text = slice_keep(progress, line)};
}

void milter_progress_note_refused(struct milter_progress *progress,
	const struct recipient *recipient, const struct reply *reply)
{
	const struct milter_mail_progress *mail = &progress->mail;
	bool was_in_question = mail->has_current && mail->current == recipient->address;
	struct milter_note *note =
		mail->done[EVENT_MAIL] && !was_in_question ? add_note(progress) : NULL;

	if (note)
		*note = (struct milter_note){
			.text = talloc_asprintf(progress, "<%s>", recipient->address->text),
			.status = talloc_strdup(progress, reply->status),
			.reply = reply_on_one_line(progress, reply),
		};
}

static void forget_note(struct milter_note *note)
{
	talloc_free(note->text);
	talloc_free(note->status);
	talloc_free(note->reply);
}

static void drop_note(struct milter_progress *progress)
{
	forget_note(&progress->notes[0]);
	memmove(&progress->notes[0], &progress->notes[1],
		--progress->note_count * sizeof *progress->notes);
}

static void forget_refused(struct milter_progress *progress)
{
	size_t kept = 0;

	for (size_t i = 0; i < progress->note_count; i++) {
		if (progress->notes[i].reply)
			forget_note(&progress->notes[i]);
		else
			progress->notes[kept++] = progress->notes[i];
	}
	progress->note_count = kept;
}

/* --- going on --- */

void milter_progress_begin_stage(struct milter_progress *progress, const struct inquiry *inquiry)
{
	progress->answer = ANSWER_CONTINUE;
	progress->reply = NULL;
	if (inquiry->stage == STAGE_HELO)
		TALLOC_FREE(progress->helo);
	if (inquiry->stage == STAGE_RCPT && inquiry->mail) {
		pass_current(&progress->mail, inquiry->mail->envelope);
		progress->mail.has_current = false;
	}
}

void milter_progress_note_told(struct milter_progress *progress, enum milter_progress_event event,
	const struct inquiry *inquiry)
{
	struct milter_mail_progress *mail = &progress->mail;

	switch (event) {
	case EVENT_CONNECT:
		progress->connect = true;
		break;
	case EVENT_HELO:
		talloc_free(progress->helo);
		progress->helo = talloc_strdup(progress, helo_of(inquiry));
		break;
	case EVENT_RCPT:
		mail->current = inquiry->mail->recipient->address;
		mail->has_current = true;
		break;
	case EVENT_EARLIER:
		mail->recipients++;
		break;
	case EVENT_REFUSED:
	case EVENT_UNKNOWN:
		drop_note(progress);
		break;
	case EVENT_HEADER:
	case EVENT_BODY:
		break;
	default:
		mail->done[event] = true;
	}
}

void milter_progress_end_message(struct milter_progress *progress)
{
	struct milter_mail_progress *mail = &progress->mail;
	const char *reason = mail->changes ? milter_changes_quarantine(mail->changes) : NULL;

	mail->is_over = true;
	if (!mail->settled.is_settled && reason)
		mail->settled = (struct milter_settled){true, ANSWER_QUARANTINE, reason};
}

void milter_progress_end_stage(struct milter_progress *progress)
{
	const struct milter_settled *settled =
		progress->settled.is_settled ? &progress->settled : &progress->mail.settled;

	if (settled->is_settled) {
		progress->answer = settled->answer;
		progress->reply = settled->reply;
	}
}

bool milter_progress_is_open(const struct milter_progress *progress)
{
	const struct milter_mail_progress *mail = &progress->mail;

	return mail->done[EVENT_MAIL] && !mail->is_over && !mail->settled.is_settled;
}

const struct milter_changes *milter_progress_changes(const struct milter_progress *progress)
{
	const struct milter_mail_progress *mail = &progress->mail;
	bool stays = mail->settled.is_settled && mail->settled.answer != ANSWER_QUARANTINE;

	return mail->is_over && !stays ? mail->changes : NULL;
}

void milter_progress_end_mail(struct milter_progress *progress)
{
	talloc_free(progress->mail.changes);
	TALLOC_FREE(progress->texts);
	forget_refused(progress);
	progress->mail = (struct milter_mail_progress){0};
}

void milter_progress_disconnect(struct milter_progress *progress)
{
	progress->connect = false;
	TALLOC_FREE(progress->helo);
}
