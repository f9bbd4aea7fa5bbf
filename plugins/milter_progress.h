/* SPDX-License-Identifier: Apache-2.0
 *
 * How far one milter has been told of a session and of the mail in hand, what else waits to be told, and what it has said that settles
 * either. From this and from what is asked about it follows which event comes next, so it makes no difference at which stages it was asked.
 *
 * A conversation (plugins/milter_talk.h) has one, begins and ends stages, messages and connections, and lends it to two others: who tells
 * (plugins/milter_telling.h) says what was told, and who hears (plugins/milter_hearing.h) writes down what that settles. The struct says
 * who writes what; all may read.
 */
#pragma once

#include "plugins/milter_changes.h"
#include "policy/milter_answer.h"

#define MILTER_PROGRESS_NOTES 16 /* that wait to be told; more are forgotten */

/* What of a message is told stands in the order in which it is. */
enum milter_progress_event {
	EVENT_CONNECT,
	EVENT_HELO,
	EVENT_MAIL,
	EVENT_RCPT,    /* the one in question */
	EVENT_EARLIER, /* one that was let through without asking */
	EVENT_REFUSED, /* one that was refused by others */
	EVENT_DATA,
	EVENT_UNKNOWN,
	EVENT_HEADER, /* one field */
	EVENT_EOH,
	EVENT_BODY, /* a piece of it */
	EVENT_EOM,
	EVENT_NONE
};

/* What a milter says about whom. */
enum milter_progress_scope { SCOPE_SESSION, SCOPE_MAIL, SCOPE_RCPT, SCOPE_NOBODY };

#define NO_MACROS (-1) /* with an event */

struct milter_progress_row {
	char command;
	uint32_t unwanted, silent; /* bits of the protocol */
	int macros;                /* enum milter_macro_stage, or NO_MACROS */
	enum milter_progress_scope scope;
	const char *name;
};

extern const struct milter_progress_row milter_progress_rows[];

/* What it said about session or message, when that was not to go on. */
struct milter_settled {
	bool is_settled;
	enum milter_answer answer;
	const char *reply;
};

/* What waits to be told. */
struct milter_note {
	char *text;           /* the line, or the address with its brackets */
	char *status, *reply; /* of a recipient that was refused; NULL: it is a command */
};

/* Of the mail in hand. */
struct milter_mail_progress {
	bool done
		[EVENT_NONE]; /* told, or no more of it is to be told; of fields and body: telling and hearing */
	size_t recipients;             /* of the envelope's, told or to be passed over */
	const struct address *current; /* told when it was in question */
	bool has_current;
	size_t field;                   /* the next: telling */
	size_t body;                    /* bytes told: telling */
	struct milter_settled settled;  /* hearing */
	struct milter_changes *changes; /* hearing; NULL: none */
	bool is_over;                   /* it has said its last word */
};

struct milter_progress {
	bool connect; /* told */
	char *helo;   /* the one that was told; NULL: none */
	struct milter_note *notes;
	size_t note_count;
	struct milter_settled settled; /* the session: hearing */
	struct milter_mail_progress mail;
	void *texts; /* of answers about the mail in hand: hearing; NULL: there are none */
	enum milter_answer answer; /* to the stage it was asked about: hearing */
	const char *reply;
	bool has_lied; /* that was logged: hearing */
};

struct milter_progress *milter_progress_new(const void *parent);

/* It is asked at the inquiry's stage. */
void milter_progress_begin_stage(struct milter_progress *progress, const struct inquiry *inquiry);

/* What it is to be told next for that; EVENT_NONE: it knows all. */
enum milter_progress_event milter_progress_next(
	struct milter_progress *progress, const struct inquiry *inquiry);

/* That was told, or is to be passed over. Of fields and the body: a piece, and who tells says when there are no more (mail.done). */
void milter_progress_note_told(struct milter_progress *progress, enum milter_progress_event event,
	const struct inquiry *inquiry);

/* It has answered the end of the message. */
void milter_progress_end_message(struct milter_progress *progress);

/* What it said of the message, or of the session, counts for this stage. */
void milter_progress_end_stage(struct milter_progress *progress);

/* Whether it has been told of a mail and waits for more of it. */
bool milter_progress_is_open(const struct milter_progress *progress);

/* What it wants to be changed; NULL: nothing, or it has not said its last word about the message. */
const struct milter_changes *milter_progress_changes(const struct milter_progress *progress);

/* The transaction has ended: nothing is known of a mail. */
void milter_progress_end_mail(struct milter_progress *progress);

/* The connection has: over the next one the session is told from its start. */
void milter_progress_disconnect(struct milter_progress *progress);

/* To be told with what comes next: a command that is none; a recipient that was refused by others. */
void milter_progress_note_unknown(struct milter_progress *progress, struct slice line);
void milter_progress_note_refused(struct milter_progress *progress,
	const struct recipient *recipient, const struct reply *reply);
