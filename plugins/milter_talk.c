/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation with one milter. */
#include "plugins/milter_talk.h"

#include "base/steps.h"
#include "plugins/milter_hearing.h"
#include "plugins/milter_telling.h"

#include <talloc.h>

#define SLOW_SHARE 2 /* of command_timeout: who was given up on after this part of it has failed */

struct milter_talk {
	struct loop *loop;
	const struct milter_peer *peer;
	struct steps steps;
	struct stream *stream; /* NULL: there is no connection */
	struct milter_reader reader;
	struct inquiry *inquiry; /* while it is asked */
	struct await *caller;    /* the same */
	bool is_probe;
	bool was_slow;
	struct milter_offer *offer; /* NULL: it has not negotiated */
	struct milter_progress *progress;
	enum milter_progress_event event;           /* whose answer is awaited */
	uint64_t asked, deadline, message_deadline; /* clock_now() */
	const char *failure;
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
	TALLOC_FREE(talk->offer);
	milter_progress_disconnect(talk->progress);
}

static struct step fail(struct milter_talk *talk, const char *reason)
{
	talk->failure = talloc_strdup(talk, reason);
	hang_up(talk);
	return DONE;
}

static struct step fail_at_event(struct milter_talk *talk, const char *what)
{
	char *reason =
		talloc_asprintf(talk, "%s at %s", what, milter_progress_rows[talk->event].name);
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

static struct step make_offer(struct milter_talk *talk)
{
	const struct milter_packet packet = {.byte = MILTER_OFFER,
		.numbers = {MILTER_WIRE_VERSION, MILTER_ALL_ACTIONS, MILTER_ALL_PROTOCOL}};

	milter_telling_say(talk->stream, &packet);
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
		return make_offer(talk);
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
	return make_offer(talk);
}

/* --- negotiating --- */

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
		talk->offer = milter_offer_take(talk, &packet, &fault);
	if (!fault && input.size)
		fault = "it says more than it was asked";
	if (fault)
		return fail(talk, fault);
	stream_take(talk->stream, size);
	return talk->is_probe ? THEN(end) : THEN(go_on);
}

/* --- telling, and waiting for the answer --- */

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
static struct step await_answer(struct milter_talk *talk, enum milter_progress_event event)
{
	uint64_t message = (uint64_t)talk->peer->options->message_timeout;

	talk->event = event;
	talk->asked = now(talk);
	if (event < EVENT_HEADER || !talk->message_deadline)
		talk->message_deadline = talk->asked + message;
	talk->deadline = patience(talk);
	return wait(talk);
}

/* What it was told and does not answer leaves with what comes next. */
static struct step end(void *owner)
{
	struct milter_talk *talk = owner;

	milter_progress_end_stage(talk->progress);
	return DONE;
}

static struct step go_on(void *owner)
{
	struct milter_talk *talk = owner;
	const struct milter_telling telling = {
		talk->stream, talk->offer, talk->inquiry, talk->progress};
	enum milter_progress_event event;

	while ((event = milter_progress_next(talk->progress, talk->inquiry)) != EVENT_NONE) {
		if (milter_telling_tell(&telling, event))
			return await_answer(talk, event);
	}
	return THEN(end);
}

/* --- answers --- */

/* It will hear nothing of the session any more. */
static void take_leave(struct milter_talk *talk)
{
	const struct milter_packet quit = {.byte = MILTER_QUIT};

	if (!talk->stream)
		return;
	if (talk->offer) {
		milter_telling_say(talk->stream, &quit);
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
		milter_progress_end_message(talk->progress);
	if (talk->progress->settled.is_settled)
		take_leave(talk);
	return THEN(go_on);
}

static struct step hear(void *owner)
{
	struct milter_talk *talk = owner;
	struct milter_hearing hearing = {.progress = talk->progress,
		.offer = talk->offer,
		.event = talk->event,
		.milter = talk->peer->options->name,
		.body_most = talk->peer->body_most};
	struct slice input;
	enum milter_heard heard;

	if (talk->steps.await.outcome == OUTCOME_TIMED_OUT)
		return fail_at_event(talk, "it does not answer in time");
	if (talk->steps.await.outcome != OUTCOME_DONE)
		return fail_at_event(talk, "it closed the connection");
	input = stream_bytes(talk->stream);
	heard = milter_hearing_take(&hearing, &talk->reader, input);
	if (heard == HEARD_FAULT)
		return fail_at_event(talk, hearing.fault);
	stream_take(talk->stream, input.size);
	if (heard == HEARD_ALL)
		return hear_all(talk);
	if (hearing.wants_time)
		talk->deadline = patience(talk);
	return talk->deadline > now(talk) ? wait(talk)
					  : fail_at_event(talk, "it does not answer in time");
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
	if (talk->progress->mail.done[EVENT_MAIL])
		return "it closed the connection in the middle of a message";
	hang_up(talk);
	return NULL;
}

static void begin(struct milter_talk *talk, struct await *await)
{
	const char *fault = talk->failure ? NULL : look_at_connection(talk);
	struct step first = talk->stream || talk->progress->settled.is_settled
		? THEN(go_on)
		: THEN(open_connection);

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
	talk->message_deadline = 0;
	milter_progress_begin_stage(talk->progress, inquiry);
	begin(talk, await);
}

void milter_talk_begin_probe(struct milter_talk *talk, struct await *await)
{
	talk->is_probe = true;
	begin(talk, await);
}

enum milter_answer milter_talk_answer(const struct milter_talk *talk)
{
	return talk->progress->answer;
}

const char *milter_talk_reply(const struct milter_talk *talk)
{
	return talk->progress->reply;
}

const struct milter_changes *milter_talk_changes(const struct milter_talk *talk)
{
	return milter_progress_changes(talk->progress);
}

char *milter_talk_offer(const void *parent, const struct milter_talk *talk)
{
	return milter_offer_print(parent, talk->offer);
}

const char *milter_talk_failure(const struct milter_talk *talk)
{
	return talk->failure;
}

bool milter_talk_was_slow(const struct milter_talk *talk)
{
	return talk->was_slow;
}

void milter_talk_end_mail(struct milter_talk *talk)
{
	static const struct milter_packet abort_mail = {.byte = MILTER_ABORT};

	if (talk->stream && milter_progress_is_open(talk->progress)) {
		milter_telling_say(talk->stream, &abort_mail);
		stream_flush(talk->stream);
	}
	milter_progress_end_mail(talk->progress);
}

void milter_talk_note_unknown(struct milter_talk *talk, struct slice line)
{
	if (!talk->failure)
		milter_progress_note_unknown(talk->progress, line);
}

void milter_talk_note_refused(
	struct milter_talk *talk, const struct recipient *recipient, const struct reply *reply)
{
	if (!talk->failure)
		milter_progress_note_refused(talk->progress, recipient, reply);
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
	talk->progress = milter_progress_new(talk);
	steps_init(&talk->steps, loop->clock, talk, THEN(end), on_finished);
	talloc_set_destructor(talk, quit);
	return talk;
}
