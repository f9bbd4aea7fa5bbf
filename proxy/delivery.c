/* SPDX-License-Identifier: Apache-2.0 */
/* A transaction towards the backend: RFC 5321 §3.3, §4.1.1; RFC 2920; RFC 3030. */
#include "proxy/delivery.h"

#include "base/log.h"
#include "base/loop.h"
#include "base/stream.h"
#include "proxy/attributes.h"

#include <talloc.h>

static struct step obtain(void *owner);
static struct step begin_play(void *owner);
static struct step hear_reset(void *owner);
static struct step hear_forwarded(void *owner);
static struct step say_line(void *owner);
static struct step hear_line(void *owner);
static struct step end_play(void *owner);
static struct step announce_message(void *owner);
static struct step hear_go_ahead(void *owner);
static struct step send_message(void *owner);
static struct step go_on_sending(void *owner);
static struct step flush_message(void *owner);
static struct step end_sending(void *owner);
static struct step send_tail(void *owner);
static struct step hear_refusal(void *owner);
static struct step pass_commit(void *owner);
static struct step hear_backend(void *owner);
static struct step start_anew(void *owner);
static struct step rest(void *owner);

/* --- replies --- */

static struct step conclude(struct delivery *delivery, struct reply reply)
{
	delivery->reply = reply;
	return THEN(rest);
}

static struct reply cannot_reach(struct delivery *delivery)
{
	if (delivery->own)
		return reply_of(delivery, 421, "4.3.2",
			"the mail server behind this gateway is gone, please connect again");
	return reply_of(delivery, 451, "4.4.1",
		"the mail server behind this gateway cannot be reached, try again later");
}

static struct reply is_too_busy(struct delivery *delivery)
{
	return reply_of(delivery, 451, "4.3.2",
		"the mail server behind this gateway is busy, try again later");
}

static void alarm_protocol(const struct delivery *delivery, const struct reply *reply)
{
	struct log_line line;

	log_begin(&line, LEVEL_ERROR, "backend_refuses_our_command");
	log_text(&line, "server", delivery->server);
	log_number(&line, "code", reply->code);
	log_text(&line, "text", reply->text);
	log_end(&line);
}

static bool is_busy(const struct reply *reply)
{
	return reply->code == 421 || strcmp(reply->status, "4.3.2") == 0 ||
		(reply->code == 452 && strcmp(reply->status, "4.3.1") == 0);
}

/* Nobody knows what the next one would be an answer to. */
static struct reply unexpected(struct delivery *delivery)
{
	if (delivery->backend)
		delivery->backend->lost = true;
	return reply_of(
		delivery, 451, "4.3.5", "unexpected reply of the mail server behind this gateway");
}

/* What the client hears for what the backend said. */
static struct reply classed(struct delivery *delivery, const struct reply *reply)
{
	if (is_busy(reply))
		return is_too_busy(delivery);
	if (reply->code >= 500 && reply->code <= 504) {
		alarm_protocol(delivery, reply);
		return reply_of(delivery, 451, "4.3.5",
			"the mail server behind this gateway does not understand us, try again "
			"later");
	}
	if (reply->code < 400 && !reply_is_positive(reply))
		return unexpected(delivery);
	delivery->told_by_backend = true;
	return reply_of(delivery, reply->code, reply->status, reply->text);
}

/* --- a connection --- */

static void let_go(struct delivery *delivery)
{
	if (!delivery->own)
		talloc_free(delivery->backend);
	else if (delivery->backend)
		backend_break_off(delivery->own);
	delivery->backend = NULL;
	delivery->open = false;
	delivery->sender_stands = false;
	delivery->played = 0;
}

/* The server has ended the connection within a transaction, or was silent for too long. */
static void note_break(struct delivery *delivery)
{
	bool is_late = delivery->steps.await.outcome == OUTCOME_TIMED_OUT;

	if (!delivery->met_busy)
		pool_note_break(delivery->pool, delivery->backend,
			is_late ? "no answer within a transaction"
				: "the connection was lost within a transaction");
}

/* The connection proved dead before the commit. If it may have died while nobody used it, there is one more try, on a
 * fresh one. */
static struct step lose_backend(struct delivery *delivery)
{
	bool is_late = delivery->steps.await.outcome == OUTCOME_TIMED_OUT;
	bool may_have_died_idle = delivery->backend->kept || delivery->held;
	bool again = may_have_died_idle && !delivery->tried_fresh && !delivery->own;

	if (is_late || !may_have_died_idle)
		note_break(delivery);
	let_go(delivery);
	if (!again && delivery->met_busy && !delivery->own)
		return conclude(delivery, is_too_busy(delivery));
	if (!again)
		return conclude(delivery, cannot_reach(delivery));
	delivery->fresh = true;
	delivery->tried_fresh = true;
	return THEN(start_anew);
}

/* The pool says RSET where something of the transaction stands. */
static void give_back(struct delivery *delivery)
{
	struct backend *backend = delivery->backend;
	bool open = delivery->open;

	delivery->backend = NULL;
	let_go(delivery);
	if (delivery->own)
		backend->used = open;
	else
		pool_give_back(delivery->pool, backend, open);
}

/* The server is busy. True when there is another one, which the envelope will be played to. */
static bool leave_busy(struct delivery *delivery)
{
	uint64_t avoided = delivery->avoided | pool_bit(delivery->backend);

	delivery->met_busy = true;
	if (delivery->own || !pool_has_others(delivery->pool, avoided))
		return false;
	delivery->avoided = avoided;
	give_back(delivery);
	return true;
}

/* What the transaction uses of the end-to-end keywords, the candidate included. */
static unsigned keywords_used(const struct delivery *delivery)
{
	const struct envelope *envelope = delivery->envelope;
	const struct recipient *candidate = delivery->candidate;
	bool has_dsn = envelope_has_dsn(envelope) || (candidate && envelope_asks_dsn(candidate));

	return (envelope->utf8 ? CAPABILITY_SMTPUTF8 : 0) | (has_dsn ? CAPABILITY_DSN : 0) |
		(envelope->require_tls ? CAPABILITY_REQUIRETLS : 0);
}

/* It is played anew on the same connection. */
static void forget_play(struct delivery *delivery)
{
	delivery->backend->used |= delivery->open;
	delivery->sender_stands = false;
	delivery->played = 0;
}

static struct step start_anew(void *owner)
{
	struct delivery *delivery = owner;

	bool differs = delivery->sending && delivery->sender_stands && !delivery->differs &&
		delivery->played != delivery->envelope->passed;
	bool lacks = delivery->backend &&
		keywords_used(delivery) & ~delivery->backend->capabilities.keywords;

	if (delivery->differs && delivery->backend)
		forget_play(delivery);
	if (differs || lacks)
		give_back(delivery);
	delivery->differs = false;
	return delivery->backend && !delivery->backend->lost ? THEN(begin_play) : THEN(obtain);
}

static struct step obtain(void *owner)
{
	struct delivery *delivery = owner;
	struct wanted wanted = {.keywords = keywords_used(delivery),
		.fresh = delivery->fresh,
		.avoided = delivery->avoided,
		.busy = &delivery->met_busy,
		.client = delivery->client};

	if (delivery->backend)
		let_go(delivery);
	delivery->held = false;
	if (delivery->own) {
		delivery->backend = delivery->own->lost ? NULL : delivery->own;
		return THEN(begin_play);
	}
	pool_begin_take(delivery->pool, wanted, &delivery->backend, &delivery->steps.await);
	return THEN(begin_play);
}

/* --- the envelope --- */

static const struct recipient *passed_recipient(const struct envelope *envelope, size_t number)
{
	for (size_t i = 0; i < envelope->count; i++) {
		if (envelope->recipients[i].passed && number-- == 0)
			return &envelope->recipients[i];
	}
	return NULL;
}

/* The lines of the play: 0 is MAIL, then the recipients that passed, then the candidate. */
static const struct recipient *line_recipient(const struct delivery *delivery, size_t line)
{
	const struct recipient *recipient = passed_recipient(delivery->envelope, line - 1);

	return recipient ? recipient : delivery->candidate;
}

static size_t lines_in_play(const struct delivery *delivery)
{
	return 1 + delivery->envelope->passed + (delivery->candidate != NULL);
}

static bool is_to_be_forwarded(const struct delivery *delivery)
{
	return delivery->options->client == BACKEND_CLIENT_XFORWARD && delivery->client &&
		delivery->backend->xforward;
}

/* All that the server lists, also what is not known: nothing of the last transaction's client may stay. */
static struct step forward_client(struct delivery *delivery)
{
	char *line = attributes_print(
		delivery, "XFORWARD", delivery->backend->xforward, delivery->client);

	backend_say(delivery->backend, line, NULL);
	talloc_free(line);
	backend_begin_reply(delivery->backend, (uint64_t)delivery->options->command_timeout,
		&delivery->steps.await);
	return THEN(hear_forwarded);
}

/* It serves the server's log: no mail is held up when it is refused. */
static struct step hear_forwarded(void *owner)
{
	struct delivery *delivery = owner;
	const struct reply *reply = &delivery->backend->reply;

	delivery->met_busy |= reply->code == 421;
	if (delivery->steps.await.outcome != OUTCOME_DONE || reply->code == 421)
		return lose_backend(delivery);
	if (!reply_is_positive(reply))
		alarm_protocol(delivery, reply);
	return THEN(say_line);
}

static struct step begin_play(void *owner)
{
	struct delivery *delivery = owner;

	if (!delivery->backend)
		return conclude(delivery,
			delivery->met_busy ? is_too_busy(delivery) : cannot_reach(delivery));
	delivery->server = delivery->backend->server->name;
	if (delivery->backend->used) {
		backend_say(delivery->backend, "RSET", NULL);
		backend_begin_reply(delivery->backend, (uint64_t)delivery->options->command_timeout,
			&delivery->steps.await);
		return THEN(hear_reset);
	}
	delivery->fresh = false;
	delivery->said = delivery->sender_stands ? 1 + delivery->played : 0;
	delivery->heard = delivery->said;
	return delivery->said == 0 && is_to_be_forwarded(delivery) ? forward_client(delivery)
								   : THEN(say_line);
}

static struct step hear_reset(void *owner)
{
	struct delivery *delivery = owner;

	if (delivery->steps.await.outcome != OUTCOME_DONE ||
		!reply_is_positive(&delivery->backend->reply)) {
		delivery->met_busy |= delivery->backend->reply.code == 421;
		return lose_backend(delivery);
	}
	delivery->backend->used = false;
	return THEN(begin_play);
}

static void say_sender(struct delivery *delivery)
{
	const struct envelope *envelope = delivery->envelope;
	unsigned keywords = delivery->backend->capabilities.keywords;
	static const char *const returns[] = {"", " RET=FULL", " RET=HDRS"};
	char size[32] = "";
	const char *body = "";

	if (envelope->declared_size >= 0 && keywords & CAPABILITY_SIZE)
		snprintf(size, sizeof size, " SIZE=%lld", (long long)envelope->declared_size);
	if (envelope->body == BODY_8BITMIME && keywords & CAPABILITY_8BITMIME)
		body = " BODY=8BITMIME";
	else if (envelope->body == BODY_8BITMIME)
		table_add(delivery->gateway->table, COUNT_EIGHT_BIT_TO_SEVEN, 1);
	backend_say(delivery->backend, "MAIL FROM:<", envelope->sender->text, ">", size, body,
		envelope->utf8 ? " SMTPUTF8" : "", envelope->require_tls ? " REQUIRETLS" : "",
		returns[envelope->dsn_return], envelope->dsn_id ? " ENVID=" : "",
		envelope->dsn_id ? envelope->dsn_id : "", NULL);
}

/* " NOTIFY=..." or nothing. */
static const char *print_notify(const void *parent, unsigned notify)
{
	char *text;

	if (!notify)
		return "";
	text = talloc_strdup(parent, "");
	for (unsigned i = 0; envelope_notify_names[i]; i++) {
		if (notify & 1u << i)
			text = talloc_asprintf_append(
				text, "%s%s", *text ? "," : " NOTIFY=", envelope_notify_names[i]);
	}
	return text;
}

static void say_recipient(struct delivery *delivery, const struct recipient *recipient)
{
	backend_say(delivery->backend, "RCPT TO:<", recipient->address->text, ">",
		print_notify(delivery->backend->memory, recipient->notify),
		recipient->original ? " ORCPT=" : "",
		recipient->original ? recipient->original : "", NULL);
}

static struct step say_line(void *owner)
{
	struct delivery *delivery = owner;
	bool pipelining = delivery->backend->capabilities.keywords & CAPABILITY_PIPELINING;

	while (delivery->said < lines_in_play(delivery) &&
		(pipelining || delivery->said == delivery->heard)) {
		if (delivery->said == 0)
			say_sender(delivery);
		else
			say_recipient(delivery, line_recipient(delivery, delivery->said));
		delivery->open = true;
		delivery->said++;
	}
	if (delivery->heard == delivery->said)
		return THEN(end_play);
	backend_begin_reply(delivery->backend, (uint64_t)delivery->options->command_timeout,
		&delivery->steps.await);
	return THEN(hear_line);
}

static void note_edited(struct delivery *delivery, const struct reply *reply)
{
	const struct recipient *recipient = line_recipient(delivery, delivery->heard);
	struct log_line line;

	log_begin(&line, LEVEL_ERROR, "edited_recipient_refused");
	log_text(&line, "recipient", recipient->address->text);
	log_text(&line, "server", delivery->server);
	log_number(&line, "code", reply->code);
	log_text(&line, "text", reply->text);
	log_end(&line);
}

static void hear_recipient(struct delivery *delivery, const struct reply *reply)
{
	bool is_candidate = delivery->heard == 1 + delivery->envelope->passed;

	if (!is_candidate && delivery->sender_stands && delivery->on_recipient)
		delivery->on_recipient(
			delivery->owner, line_recipient(delivery, delivery->heard), reply);
	if (is_candidate) {
		delivery->reply = classed(delivery,
			delivery->refused_sender.code ? &delivery->refused_sender : reply);
		if (!reply_is_positive(&delivery->reply))
			return;
	} else if (!reply_is_positive(reply)) {
		delivery->spoilt = true;
		if (delivery->edited)
			note_edited(delivery, reply);
		return;
	}
	delivery->played++;
}

static struct step hear_line(void *owner)
{
	struct delivery *delivery = owner;
	const struct reply *reply = &delivery->backend->reply;

	if (delivery->steps.await.outcome == OUTCOME_TIMED_OUT) {
		note_break(delivery);
		let_go(delivery);
		return conclude(delivery, cannot_reach(delivery));
	}
	if (delivery->steps.await.outcome != OUTCOME_DONE)
		return lose_backend(delivery);
	if (is_busy(reply) && leave_busy(delivery))
		return THEN(obtain);
	if (delivery->heard == 0) {
		delivery->sender_stands = reply_is_positive(reply);
		if (!delivery->sender_stands)
			delivery->refused_sender =
				reply_of(delivery, reply->code, reply->status, reply->text);
	} else {
		hear_recipient(delivery, reply);
	}
	delivery->heard++;
	return THEN(say_line);
}

static struct step end_play(void *owner)
{
	struct delivery *delivery = owner;

	if (delivery->refused_sender.code && !delivery->reply.code)
		delivery->reply = classed(delivery, &delivery->refused_sender);
	if (delivery->reply.code || !delivery->sending)
		return THEN(rest);
	if (delivery->spoilt || delivery->played != delivery->envelope->passed)
		return conclude(delivery,
			reply_of(delivery, 451, "4.3.0",
				delivery->edited
					? "a recipient that our policy wants was refused behind "
					  "us, "
					  "try again later"
					: "a recipient was accepted first and refused later, try "
					  "again"));
	return THEN(announce_message);
}

/* --- the message --- */

static struct step announce_message(void *owner)
{
	struct delivery *delivery = owner;

	if (delivery->backend->capabilities.keywords & CAPABILITY_CHUNKING) {
		char size[32];
		snprintf(size, sizeof size, "%lld", (long long)delivery->shipment.plan->size);
		backend_say(delivery->backend, "BDAT ", size, " LAST", NULL);
		return THEN(send_message);
	}
	backend_say(delivery->backend, "DATA", NULL);
	backend_begin_reply(delivery->backend, (uint64_t)delivery->options->command_timeout,
		&delivery->steps.await);
	return THEN(hear_go_ahead);
}

static struct step hear_go_ahead(void *owner)
{
	struct delivery *delivery = owner;
	const struct reply *reply = &delivery->backend->reply;

	if (delivery->steps.await.outcome != OUTCOME_DONE)
		return lose_backend(delivery);
	if (reply->code < 400 && reply->code != 354) {
		alarm_protocol(delivery, reply);
		return conclude(delivery, unexpected(delivery));
	}
	if (is_busy(reply) && leave_busy(delivery))
		return THEN(obtain);
	if (reply->code != 354)
		return conclude(delivery, classed(delivery, reply));
	delivery->backend->owed++;
	return THEN(send_message);
}

static void await_flush(struct delivery *delivery)
{
	stream_begin_flush(delivery->backend->stream, 0, (uint64_t)delivery->options->data_timeout,
		&delivery->steps.await);
}

static struct step send_more(struct delivery *delivery, bool is_more)
{
	if (!is_more)
		return THEN(flush_message);
	await_flush(delivery);
	return THEN(go_on_sending);
}

static struct step send_message(void *owner)
{
	struct delivery *delivery = owner;
	const struct backend *backend = delivery->backend;

	return send_more(delivery,
		shipment_begin(&delivery->shipment, backend->stream,
			backend->capabilities.keywords & CAPABILITY_CHUNKING));
}

static struct step go_on_sending(void *owner)
{
	struct delivery *delivery = owner;

	if (delivery->steps.await.outcome != OUTCOME_DONE)
		return lose_backend(delivery);
	return send_more(delivery, shipment_go_on(&delivery->shipment, delivery->backend->stream));
}

/* A small message leaves together with its end, in one call. */
static struct step flush_message(void *owner)
{
	struct delivery *delivery = owner;

	if (stream_unsent(delivery->backend->stream) > SPOOL_MEMORY * 2)
		await_flush(delivery);
	else
		await_skip(&delivery->steps.await, OUTCOME_DONE);
	return THEN(end_sending);
}

static struct step end_sending(void *owner)
{
	struct delivery *delivery = owner;

	if (delivery->steps.await.outcome != OUTCOME_DONE)
		return lose_backend(delivery);
	return THEN(rest);
}

/* An answer before the message has ended can only be a refusal; whatever else it says, nobody knows what it is an answer to. */
static struct step hear_before_end(struct delivery *delivery)
{
	backend_begin_reply(delivery->backend, (uint64_t)delivery->options->command_timeout,
		&delivery->steps.await);
	return THEN(hear_refusal);
}

static struct step hear_refusal(void *owner)
{
	struct delivery *delivery = owner;
	struct reply reply = delivery->backend->reply;

	if (delivery->steps.await.outcome != OUTCOME_DONE || reply.code < 400)
		return lose_backend(delivery);
	delivery->backend->lost = true;
	return conclude(delivery, classed(delivery, &reply));
}

static struct step send_tail(void *owner)
{
	struct delivery *delivery = owner;
	struct stream *stream = delivery->backend->stream;

	if (delivery->backend->lost)
		return lose_backend(delivery);
	if (stream_has_news(stream))
		return stream_bytes(stream).size ? hear_before_end(delivery)
						 : lose_backend(delivery);
	stream_lend(stream, delivery->shipment.tail);
	await_flush(delivery);
	return THEN(pass_commit);
}

static struct step pass_commit(void *owner)
{
	struct delivery *delivery = owner;

	if (delivery->steps.await.outcome != OUTCOME_DONE)
		return lose_backend(delivery);
	delivery->committed = true;
	delivery->await->committed = true;
	delivery->backend->committed = true;
	backend_begin_reply(delivery->backend, (uint64_t)delivery->options->final_timeout,
		&delivery->steps.await);
	return THEN(hear_backend);
}

static struct step hear_backend(void *owner)
{
	struct delivery *delivery = owner;

	delivery->backend->committed = false;
	delivery->open = false;
	delivery->sender_stands = false;
	delivery->played = 0;
	if (delivery->steps.await.outcome == OUTCOME_DONE) {
		pool_note_answer(delivery->backend);
		return conclude(delivery, classed(delivery, &delivery->backend->reply));
	}
	note_break(delivery);
	let_go(delivery);
	return conclude(delivery,
		reply_of(delivery, 451, "4.4.2",
			"the mail server behind this gateway did not answer to the message, try "
			"again later"));
}

/* --- being held, and the end --- */

/* The next connection may be a kept one again. */
static void on_held_too_long(void *owner)
{
	struct delivery *delivery = owner;

	delivery->tried_fresh = false;
	give_back(delivery);
}

static struct step rest(void *owner)
{
	struct delivery *delivery = owner;

	if (delivery->backend && delivery->backend->lost)
		let_go(delivery);
	return DONE;
}

static void on_rest(void *owner)
{
	struct delivery *delivery = owner;
	bool between_message_and_commit = delivery->sending && !delivery->reply.code;

	if (delivery->backend && !delivery->own && !between_message_and_commit)
		timer_start(&delivery->hold, delivery->gateway->loop->clock,
			(uint64_t)delivery->options->hold);
	await_end(delivery->await, OUTCOME_DONE);
}

/* Whatever was under way cannot be taken back: the connection goes. */
static void cancel_delivery(void *operation)
{
	struct delivery *delivery = operation;

	steps_cancel(&delivery->steps);
	let_go(delivery);
}

static void begin(struct delivery *delivery, struct step first, struct await *await)
{
	timer_stop(&delivery->hold);
	delivery->await = await;
	delivery->held = delivery->backend != NULL;
	delivery->reply = (struct reply){0};
	delivery->told_by_backend = false;
	delivery->avoided = 0;
	delivery->met_busy = false;
	await_begin(await, AWAIT_FOR_EVER, cancel_delivery, delivery);
	steps_start(&delivery->steps, first);
}

void delivery_begin_recipient(
	struct delivery *delivery, const struct recipient *recipient, struct await *await)
{
	delivery->candidate = recipient;
	if (delivery->refused_sender.code) {
		delivery->reply = classed(delivery, &delivery->refused_sender);
		await_skip(await, OUTCOME_DONE);
		return;
	}
	begin(delivery, THEN(start_anew), await);
}

void delivery_set_final(struct delivery *delivery, const struct envelope *final)
{
	if (final == delivery->envelope)
		return;
	delivery->envelope = final;
	delivery->differs = true;
	delivery->edited = true;
}

void delivery_begin_message(struct delivery *delivery, const struct edit_plan *plan,
	const struct message *message, struct await *await)
{
	delivery->candidate = NULL;
	delivery->sending = true;
	delivery->shipment = (struct shipment){.plan = plan, .message = message};
	begin(delivery, THEN(start_anew), await);
}

void delivery_begin_commit(struct delivery *delivery, struct await *await)
{
	begin(delivery, THEN(send_tail), await);
}

static int close_delivery(struct delivery *delivery)
{
	timer_stop(&delivery->hold);
	steps_cancel(&delivery->steps);
	let_go(delivery);
	return 0;
}

struct delivery *delivery_new(const void *parent, struct gateway *gateway, struct pool *pool,
	struct backend *own, const struct envelope *envelope)
{
	struct delivery *delivery = talloc_zero(parent, struct delivery);

	delivery->gateway = gateway;
	delivery->pool = pool;
	delivery->own = own;
	delivery->options = pool_options(pool);
	delivery->envelope = envelope;
	delivery->hold.on_due = on_held_too_long;
	delivery->hold.owner = delivery;
	steps_init(&delivery->steps, gateway->loop->clock, delivery, THEN(rest), on_rest);
	talloc_set_destructor(delivery, close_delivery);
	return delivery;
}

void delivery_end(struct delivery *delivery)
{
	if (delivery->backend && delivery->backend->owed == 0 && !delivery->steps.await.pending)
		give_back(delivery);
	talloc_free(delivery);
}
