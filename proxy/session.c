/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a session, in the order a client meets it: RFC 5321 §3.1 to §3.8, §4.1.4. */
#include "proxy/session.h"

#include "base/log.h"
#include "base/loop.h"
#include "base/stream.h"
#include "plugins/milter_learner.h"
#include "proxy/announcement.h"
#include "proxy/handshake.h"
#include "proxy/judgement.h"
#include "proxy/limits.h"
#include "proxy/login.h"
#include "proxy/memory.h"
#include "proxy/quarantine_entry.h"
#include "proxy/recipient_memory.h"
#include "proxy/transaction.h"
#include "proxy/verbs.h"

#include <talloc.h>
#include <utlist.h>

#define LINGER 2000        /* ms: RFC 5321 §3.8 with a close that does not swallow the reply */
#define FORGIVEN_MOST 1000 /* commands pipelined behind one that was refused */
#define UNHEARD 32768      /* bytes of replies; who does not read them is not read from */

/* What most commands allocate comes and goes in one piece; sanitizers watch the pieces of others better. */
#ifdef SANITIZED
#define COMMAND_ROOM 0
#else
#define COMMAND_ROOM 800
#endif

static struct step greet(void *owner);
static struct step meet(void *owner);
static struct step begin_inside(void *owner);
static struct step end_wait(void *owner);
static struct step hesitate(void *owner);
static struct step welcome(void *owner);
static struct step read_command(void *owner);
static struct step catch_up(void *owner);
static struct step hear_command(void *owner);
static struct step judge_command(void *owner);
static struct step weigh_command(void *owner);
static struct step heed_verdict(void *owner);
static struct step relay_command(void *owner);
static struct step attach_backend(void *owner);
static struct step hear_attached(void *owner);
static struct step log_in(void *owner);
static struct step hear_login(void *owner);
static struct step hear_backend(void *owner);
static struct step carry_out(void *owner);
static struct step greet_anew(void *owner);
static struct step meet_anew(void *owner);
static struct step refuse(void *owner);
static struct step tell_refusal(void *owner);
static struct step answer(void *owner);
static struct step start_tls(void *owner);
static struct step shake_hands(void *owner);
static struct step begin_again(void *owner);
static struct step receive_body(void *owner);
static struct step take_body(void *owner);
static struct step receive_chunk(void *owner);
static struct step take_chunk(void *owner);
static struct step drop_chunk(void *owner);
static struct step take_useless_chunk(void *owner);
static struct step judge_message(void *owner);
static struct step weigh_message(void *owner);
static struct step heed_judgement(void *owner);
static struct step put_away(void *owner);
static struct step hear_keeper(void *owner);
static struct step deliver(void *owner);
static struct step commit(void *owner);
static struct step hear_delivery(void *owner);
static struct step answer_message(void *owner);
static struct step farewell(void *owner);
static struct step close_client(void *owner);

static const struct smtp_options *smtp(const struct session *s)
{
	return s->gateway->configuration->smtp;
}

static uint64_t now(const struct session *s)
{
	return clock_now(s->gateway->loop->clock);
}

void *session_scratch(struct session *s)
{
	if (!s->scratch)
		s->scratch = talloc_pool(s, COMMAND_ROOM);
	return s->scratch;
}

void session_say(struct session *s, int code, const char *status, const char *text)
{
	s->reply = reply_of(session_scratch(s), code, status, text);
}

const char *session_id_in_hand(const struct session *s)
{
	return s->transaction ? s->transaction->id : s->id;
}

/* In its last line. */
static bool has_room_behind(const char *text, size_t size)
{
	const char *end = strrchr(text, '\n');

	return strlen(end ? end + 1 : text) + size <= REPLY_TEXT_MAXIMUM;
}

struct reply session_told_reply(struct session *s)
{
	const char *id = session_id_in_hand(s);

	if (!s->policy_refusal || reply_is_positive(&s->reply))
		return s->reply;
	return reply_new(session_scratch(s), s->reply.code, s->reply.status, "%s%s(%s)",
		s->reply.text, has_room_behind(s->reply.text, strlen(id) + 3) ? " " : "\n", id);
}

/* Queues a reply; it leaves when the client's input has run dry. */
static void speak(struct session *s)
{
	struct reply reply = session_told_reply(s);

	stream_write(s->client, slice_of(reply_print(session_scratch(s), &reply)));
}

/* --- connecting --- */

static void judge(struct session *s, enum stage stage)
{
	judgement_begin(s, stage, (uint64_t)smtp(s)->judge_timeout);
}

/* False when it is one connection too many; then the reply is set. */
static bool admit(struct session *s)
{
	if (limits_admit(s))
		return true;
	s->closing = true;
	session_say(s, 421, "4.7.0", LIMITS_REFUSAL);
	return false;
}

static struct step greet(void *owner)
{
	judgement_begin_recalling(owner);
	return THEN(meet);
}

static struct step meet(void *owner)
{
	struct session *s = owner;
	bool implicit = s->listen->tls == LISTEN_TLS_IMPLICIT;

	judgement_hear_recalled(s);
	if (!admit(s))
		return implicit ? THEN(farewell) : THEN(answer);
	announcement_tell_client(s);
	if (implicit) {
		handshake_begin(s);
		return THEN(begin_inside);
	}
	uint64_t wait = limits_greeting_wait(s);
	if (wait) {
		stream_begin_bytes(s->client, wait, &s->steps.await);
		return THEN(end_wait);
	}
	judge(s, STAGE_CONNECT);
	return THEN(hesitate);
}

/* Mail servers wait until they are greeted. Who does is known as one for a month. */
static struct step end_wait(void *owner)
{
	struct session *s = owner;
	bool early = s->steps.await.outcome == OUTCOME_DONE;

	if (s->steps.await.outcome == OUTCOME_FAILED)
		return THEN(farewell);
	if (early)
		table_add(s->gateway->table, COUNT_PREGREET, 1);
	else
		limits_note_patience(s);
	facts_set_bool(s->facts, FACT_CLIENT_PREGREET, early);
	judge(s, STAGE_CONNECT);
	return THEN(hesitate);
}

/* RFC 8314 §3.3: the greeting is the first that is said inside. */
static struct step begin_inside(void *owner)
{
	struct session *s = owner;

	if (!handshake_has_succeeded(s))
		return THEN(close_client);
	judge(s, STAGE_CONNECT);
	return THEN(hesitate);
}

static struct step hesitate(void *owner)
{
	return judgement_note(owner, THEN(welcome));
}

static struct step welcome(void *owner)
{
	struct session *s = owner;

	if (judgement_refuses(s)) {
		s->closing = true;
		s->reply.code = s->reply.code == 550 ? 554 : s->reply.code; /* RFC 5321 §4.2.4.2 */
	} else {
		s->reply = reply_new(session_scratch(s), 220, NULL, "%s ESMTP",
			s->gateway->configuration->policy->site->hostname);
	}
	return THEN(answer);
}

/* --- a command --- */

/* Draining. Who has just connected may send the mail that he came with. */
static bool is_to_end(const struct session *s)
{
	return s->gateway->draining && !s->transaction &&
		(s->gateway->impatient || s->transactions > 0);
}

/* AUTH may bring a long response. */
static size_t line_maximum(const struct session *s)
{
	size_t maximum = (size_t)limits_of(s)->command_line;

	return s->mechanisms && maximum < LOGIN_LINE_MAXIMUM ? LOGIN_LINE_MAXIMUM : maximum;
}

static struct step read_command(void *owner)
{
	struct session *s = owner;
	uint64_t patience = limits_patience_for_command(s);

	TALLOC_FREE(s->scratch);
	s->command = NULL;
	s->verb = NULL;
	s->reply = (struct reply){0};
	s->policy_refusal = false;
	if (is_to_end(s)) {
		s->closing = true;
		session_say(s, 421, "4.3.2", "closing for maintenance, please connect again");
		return THEN(answer);
	}
	if (patience == 0) {
		s->closing = true;
		session_say(s, 421, "4.4.2", "nothing was sent for too long, please connect again");
		return THEN(answer);
	}
	if (stream_unsent(s->client) > UNHEARD) {
		stream_begin_flush(s->client, 0, patience, &s->steps.await);
		return THEN(catch_up);
	}
	stream_begin_line(s->client, line_maximum(s), patience, &s->steps.await);
	return THEN(hear_command);
}

static struct step catch_up(void *owner)
{
	struct session *s = owner;

	return s->steps.await.outcome == OUTCOME_DONE ? THEN(read_command) : THEN(farewell);
}

/* An answer to a chunk comes when it has come, also when nobody wants it (RFC 3030 §2). */
static struct step when_chunk_is_in(const struct session *s, struct step then)
{
	return s->command && s->command->chunk && !s->closing ? THEN(drop_chunk) : then;
}

/* Commands that are none, and lines that cannot be one. */
static struct step answer_error(struct session *s)
{
	if (!limits_allow_error(s)) {
		s->closing = true;
		session_say(s, 421, "4.7.0", "too many errors, closing");
	}
	return when_chunk_is_in(s, THEN(answer));
}

static struct step refuse_foreign(struct session *s)
{
	table_add(s->gateway->table, COUNT_FOREIGN, 1);
	s->closing = true;
	session_say(s, 500, "5.5.1", "this is a mail server, and that is no SMTP");
	return answer_error(s);
}

/* RFC 4954 §4: AUTH has a status of its own, and not only for the lines behind the command. */
static void say_too_long(struct session *s, struct slice line)
{
	if (s->mechanisms && slice_starts_nocase(line, "AUTH "))
		session_say(s, 500, "5.5.6", LOGIN_TOO_LONG);
	else
		session_say(s, 500, "5.5.2", "the line is too long");
}

static struct step hear_faulty_line(struct session *s, struct line line)
{
	bool is_chunk = slice_starts_nocase(line.text, "BDAT ");

	if (verb_is_foreign(line.text))
		return refuse_foreign(s);
	if (is_chunk) {
		s->closing = true;
		session_say(s, 500, "5.5.2", "how large the chunk is cannot be read, closing");
	} else if (line.fault == LINE_LONG) {
		s->closing |= ++s->long_lines > 1;
		say_too_long(s, line.text);
	} else {
		session_say(s, 500, "5.5.2",
			"a line must end with CR LF and have no other CR, LF or NUL in it");
	}
	return answer_error(s);
}

/* Out of order, or malformed. If it is the size of a chunk that cannot be read, nobody knows where the next command begins. */
static struct step refuse_command(struct session *s, const struct reply *reply, bool malformed)
{
	bool is_chunk = s->verb->after == AFTER_RECEIVE_CHUNK;

	s->reply = *reply;
	s->verb = NULL;
	if (is_chunk && malformed) {
		s->closing = true;
		return THEN(answer);
	}
	if (s->spoilt && !malformed && ++s->forgiven < FORGIVEN_MOST)
		return when_chunk_is_in(s, THEN(answer));
	return answer_error(s);
}

static struct step lose_own_backend(struct session *s, const char *status, const char *text)
{
	s->closing = true;
	session_say(s, 421, status, text);
	return THEN(answer);
}

/* It has closed, or spoken without being asked: either way it is good for nothing any more. */
static bool has_lost_own_backend(const struct session *s)
{
	return s->own &&
		(s->own->lost ||
			(s->own->owed == 0 &&
				(!stream_has_peer(s->own->stream) ||
					stream_bytes(s->own->stream).size)));
}

static struct step hear_unknown_verb(struct session *s, struct slice line)
{
	bool hostile = verb_is_hostile(s->command->verb);

	table_add(s->gateway->table, COUNT_HOSTILE, hostile);
	if (s->gateway->milters)
		milter_learner_note_unknown(s->gateway->milters, s->facts, line);
	s->unknown_verbs++;
	if (verb_is_foreign(line))
		return refuse_foreign(s);
	session_say(s, 500, "5.5.1", "this is no command that we know; HELP lists them");
	return answer_error(s);
}

/* More has come behind a command that must wait for its reply; behind HELO nothing may be sent together (RFC 2920 §3.1). */
static bool is_out_of_step(const struct session *s)
{
	bool must_wait = s->verb->requires & NEEDS_ITS_TURN || (s->helo && !s->extended);

	return must_wait && smtp(s)->strict_pipelining && !s->trusted &&
		stream_bytes(s->client).size > 0;
}

static struct step end_out_of_step(struct session *s)
{
	table_add(s->gateway->table, COUNT_OUT_OF_STEP, 1);
	s->closing = true;
	s->verb = NULL;
	session_say(s, 554, "5.5.0", "commands were sent together that must wait for a reply");
	return THEN(answer);
}

static struct step hear_command(void *owner)
{
	struct session *s = owner;

	if (s->steps.await.outcome == OUTCOME_TIMED_OUT) {
		s->closing = true;
		session_say(s, 421, "4.4.2", "no command came for too long, closing");
		return THEN(answer);
	}
	if (s->steps.await.outcome != OUTCOME_DONE)
		return THEN(farewell);
	if (has_lost_own_backend(s))
		return lose_own_backend(s, "4.3.2",
			"the mail server behind this gateway is gone, please connect again");
	struct line line = stream_take_line(s->client);
	if (line.fault != LINE_GOOD)
		return hear_faulty_line(s, line);
	s->command = talloc(session_scratch(s), struct command);
	command_split(s->command, line.text);
	s->command->since = now(s);
	if (line.text.size + 2 > (size_t)limits_of(s)->command_line &&
		!slice_equals_nocase(s->command->verb, "AUTH"))
		return hear_faulty_line(s, (struct line){line.text, LINE_LONG});
	s->verb = verb_find(s->command->verb);
	if (s->verb && !verb_is_there(s->verb, s))
		s->verb = NULL;
	if (!s->verb)
		return hear_unknown_verb(s, line.text);
	if (is_out_of_step(s))
		return end_out_of_step(s);
	const struct reply *malformed = s->verb->parse(session_scratch(s), s->command);
	const struct reply *forbidden = verb_forbidden(session_scratch(s), s->verb, s);
	if (forbidden || malformed)
		return refuse_command(s, forbidden ? forbidden : malformed, malformed);
	return THEN(judge_command);
}

/* The data stage is judged once, with the first chunk. */
static bool is_further_chunk(const struct session *s)
{
	return s->verb->stage == STAGE_DATA && s->transaction->message;
}

static struct step judge_command(void *owner)
{
	struct session *s = owner;

	if (s->verb->is_idle && !limits_allow_idle_verb(s)) {
		s->closing = true;
		session_say(s, 421, "4.7.0", "too many commands without mail, closing");
		return THEN(answer);
	}
	if (s->verb->prepare)
		s->verb->prepare(s);
	if (s->reply.code)
		return when_chunk_is_in(s, THEN(refuse));
	if (s->verb->stage == NO_STAGE || is_further_chunk(s))
		return THEN(carry_out);
	judge(s, (enum stage)s->verb->stage);
	return THEN(weigh_command);
}

static struct step weigh_command(void *owner)
{
	struct session *s = owner;

	if (s->verb->relay == RELAY_RECIPIENT)
		transaction_redirect(s);
	return judgement_note(s, THEN(heed_verdict));
}

static struct step heed_verdict(void *owner)
{
	struct session *s = owner;

	if (judgement_refuses(s))
		return when_chunk_is_in(s, THEN(refuse));
	switch (s->verb->relay) {
	case RELAY_OFFER:
		return THEN(attach_backend);
	case RELAY_LOGIN:
		return THEN(log_in);
	case RELAY_RECIPIENT:
		return THEN(relay_command);
	case RELAY_NOTHING:
		break;
	}
	return THEN(carry_out);
}

/* A transaction goes to one backend: that of the first recipient that it took. False: this recipient's is another. */
static bool is_on_the_same_way(struct transaction *transaction, const struct pool *pool)
{
	struct delivery *delivery = transaction->delivery;

	if (!delivery || delivery->pool == pool)
		return true;
	delivery->told_by_backend = false;
	if (transaction->envelope->passed)
		return false;
	transaction->delivery = NULL;
	delivery_end(delivery);
	return true;
}

/* --- AUTH: the client gets a backend connection of its own, from EHLO on --- */

static bool may_log_in(const struct session *s)
{
	return s->listen->auth != LISTEN_AUTH_OFF && stream_tls_version(s->client);
}

static struct step attach_backend(void *owner)
{
	struct session *s = owner;
	struct pool *pool = gateway_pool(s->gateway, s->listen, "");
	struct wanted wanted = {.fresh = true};

	if (!may_log_in(s) || s->own || s->authenticated)
		return THEN(carry_out);
	wanted.client = announcement_view(s, pool_options(pool));
	pool_begin_take(pool, wanted, &s->own, &s->steps.await);
	return THEN(hear_attached);
}

static struct step hear_attached(void *owner)
{
	struct session *s = owner;

	if (!s->own)
		return lose_own_backend(s, "4.4.1",
			"the mail server behind this gateway cannot be reached, try again later");
	talloc_steal(s, s->own);
	s->mechanisms = login_offer(s, s->own->mechanisms, stream_tls_version(s->own->stream));
	return THEN(carry_out);
}

static struct step log_in(void *owner)
{
	struct session *s = owner;

	talloc_free(s->login);
	s->login = login_begin(s, s->gateway, s->client, s->own, s->command->mechanism,
		s->command->initial, &s->steps.await);
	return THEN(hear_login);
}

static void log_login(const struct session *s)
{
	char client[IP_TEXT_SIZE];
	struct log_line line;

	log_begin(&line, s->login->succeeded ? LEVEL_INFO : LEVEL_NOTICE,
		s->login->succeeded ? "login" : "login_refused");
	log_text(&line, "id", s->id);
	log_text(&line, "client", ip_print(&s->ip, client));
	log_text(&line, "mechanism", s->login->mechanism);
	log_text(&line, "user", s->login->user);
	log_text(&line, "server", s->own->server->name);
	log_number(&line, "code", s->login->reply.code);
	log_end(&line);
}

static struct step hear_login(void *owner)
{
	struct session *s = owner;
	const struct reply *reply = &s->login->reply;

	if (!reply->code)
		return THEN(farewell);
	log_login(s);
	table_add(s->gateway->table, s->login->succeeded ? COUNT_LOGINS : COUNT_LOGINS_REFUSED, 1);
	if (s->login->succeeded && reply_is_positive(reply))
		return THEN(carry_out);
	memory_note_error(s);
	s->reply = *reply;
	s->closing |= reply->code == 421;
	if (!s->closing && ++s->logins_refused >= limits_of(s)->logins) {
		s->closing = true;
		session_say(s, 421, "4.7.0", "too many failed logins, closing");
	}
	return judgement_pause(s, limits_of(s)->login_delay, THEN(answer));
}

/* --- RCPT: the backend has the last word on who is a recipient --- */

static struct step relay_command(void *owner)
{
	struct session *s = owner;
	struct transaction *transaction = s->transaction;
	const char *domain = s->own ? "" : s->command->recipient.address->domain;
	struct pool *pool = gateway_pool(s->gateway, s->listen, domain);

	if (!is_on_the_same_way(transaction, pool)) {
		session_say(s, 452, "4.5.3",
			"mail for this recipient goes another way than for those before: send it "
			"separately");
		return THEN(refuse);
	}
	if (!transaction->delivery)
		transaction->delivery =
			delivery_new(transaction, s->gateway, pool, s->own, transaction->envelope);
	transaction->delivery->client = announcement_view(s, pool_options(pool));
	delivery_begin_recipient(transaction->delivery, &s->command->recipient, &s->steps.await);
	return THEN(hear_backend);
}

static struct step hear_backend(void *owner)
{
	struct session *s = owner;
	const struct reply *reply = &s->transaction->delivery->reply;

	recipient_memory_note(s, s->command->recipient.address);
	if (reply_is_positive(reply))
		return THEN(carry_out);
	s->reply = reply_of(session_scratch(s), reply->code, reply->status, reply->text);
	s->policy_refusal = true;
	s->closing |= reply->code == 421;
	return THEN(refuse);
}

static struct step carry_out(void *owner)
{
	struct session *s = owner;

	s->verb->change(s);
	if (s->verb->after == AFTER_BEGIN_ANEW)
		return THEN(greet_anew);
	return s->verb->after == AFTER_RECEIVE_CHUNK ? THEN(receive_chunk) : THEN(answer);
}

/* Another client has been announced: from here on it is as if he had just connected. */
static struct step greet_anew(void *owner)
{
	judgement_begin_recalling(owner);
	return THEN(meet_anew);
}

static struct step meet_anew(void *owner)
{
	struct session *s = owner;

	judgement_hear_recalled(s);
	if (!admit(s))
		return THEN(answer);
	judge(s, STAGE_CONNECT);
	return THEN(hesitate);
}

static bool is_backends_word(const struct session *s)
{
	return s->transaction->inquiry->verdict.kind < VERDICT_TEMPFAIL &&
		s->transaction->delivery && s->transaction->delivery->told_by_backend;
}

/* Who guesses addresses is slowed, and sent away when none was right. What the backend says is never held back. */
static struct step refuse_recipient(struct session *s)
{
	bool go_on = true;
	uint64_t pause = 0;

	s->spoilt = true;
	transaction_note_refusal(s);
	if (s->gateway->milters)
		milter_learner_note_refused(
			s->gateway->milters, s->facts, &s->command->recipient, &s->reply);
	if (reply_is_permanent(&s->reply))
		pause = limits_tarpit(s, !is_backends_word(s), &go_on);
	if (!go_on && !s->closing) {
		s->closing = true;
		session_say(s, 421, "4.7.0", "too many recipients that are none, closing");
	}
	return judgement_pause(s, (int64_t)pause, THEN(tell_refusal));
}

static struct step refuse(void *owner)
{
	struct session *s = owner;

	return s->verb->stage == STAGE_RCPT ? refuse_recipient(s) : THEN(tell_refusal);
}

static struct step tell_refusal(void *owner)
{
	struct session *s = owner;

	speak(s);
	if (s->verb->undo)
		s->verb->undo(s);
	return s->closing ? THEN(farewell) : THEN(read_command);
}

static struct step answer(void *owner)
{
	struct session *s = owner;
	enum after after = s->verb && s->reply.code < 400 ? s->verb->after : AFTER_READ_COMMAND;

	speak(s);
	if (s->closing)
		return THEN(farewell);
	switch (after) {
	case AFTER_RECEIVE_BODY:
		return THEN(receive_body);
	case AFTER_START_TLS:
		return THEN(start_tls);
	case AFTER_FAREWELL:
		return THEN(farewell);
	case AFTER_RECEIVE_CHUNK:
	case AFTER_BEGIN_ANEW:
	case AFTER_READ_COMMAND:
		break;
	}
	return THEN(read_command);
}

/* --- STARTTLS (RFC 3207 §4.2: what was known before the handshake is forgotten) --- */

static struct step start_tls(void *owner)
{
	struct session *s = owner;

	stream_begin_flush(s->client, 0, HANDSHAKE_PATIENCE, &s->steps.await);
	return THEN(shake_hands);
}

static struct step shake_hands(void *owner)
{
	struct session *s = owner;

	if (s->steps.await.outcome != OUTCOME_DONE)
		return THEN(farewell);
	handshake_begin(s);
	return THEN(begin_again);
}

void session_forget_helo(struct session *s)
{
	facts_forget(s->facts, FACT_HELO_NAME);
	talloc_free((void *)s->helo);
	s->helo = NULL;
	s->extended = false;
	s->offered = 0;
	TALLOC_FREE(s->forwarded);
}

void session_take_helo(struct session *s, struct slice name)
{
	transaction_abandon(s);
	session_forget_helo(s);
	s->helo = slice_keep(s, name);
	facts_set_text(s->facts, FACT_HELO_NAME, s->helo);
	facts_forget(s->facts, FACT_MILTER);
	facts_forget(s->facts, FACT_MILTER_REPLY);
}

void session_forget_own_backend(struct session *s)
{
	if (s->own)
		backend_quit(s->own);
	s->own = NULL;
	TALLOC_FREE(s->login);
	talloc_free((void *)s->mechanisms);
	s->mechanisms = NULL;
}

static struct step begin_again(void *owner)
{
	struct session *s = owner;

	if (!handshake_has_succeeded(s))
		return THEN(close_client);
	session_forget_helo(s);
	return THEN(read_command);
}

/* --- the message --- */

static struct step receive_body(void *owner)
{
	struct session *s = owner;

	stream_begin_bytes(s->client, limits_patience_for_body(s), &s->steps.await);
	return THEN(take_body);
}

static struct step end_body_badly(struct session *s, int code, const char *status, const char *text)
{
	s->closing = true;
	session_say(s, code, status, text);
	return THEN(answer_message);
}

static bool is_far_too_large(const struct session *s, int64_t size)
{
	return size > 2 * limits_of(s)->message_size;
}

static struct step end_far_too_large(struct session *s)
{
	return end_body_badly(s, 552, "5.3.4", "the message is far too large, closing");
}

static struct step take_body(void *owner)
{
	struct session *s = owner;
	struct body *body = &s->transaction->body;
	size_t taken;

	if (s->steps.await.outcome == OUTCOME_TIMED_OUT)
		return end_body_badly(s, 421, "4.4.2", "the message came too slowly, closing");
	if (s->steps.await.outcome != OUTCOME_DONE)
		return THEN(farewell);
	enum body_outcome outcome = body_take(body, stream_bytes(s->client), &taken);
	stream_take(s->client, taken);
	s->command->received += (int64_t)taken;
	if (outcome == BODY_WOULD_BE_END) {
		table_add(s->gateway->table, COUNT_SMUGGLING, 1);
		s->policy_refusal = true;
		return end_body_badly(s, 550, "5.5.2",
			"a line end before or behind a lone dot is not CR LF, closing");
	}
	if (outcome == BODY_COMPLETE)
		return THEN(judge_message);
	if (body->too_large && is_far_too_large(s, body->size))
		return end_far_too_large(s);
	return THEN(receive_body);
}

/* --- a chunk (RFC 3030) --- */

/* What has come of it. */
static struct slice chunk_bytes(const struct session *s)
{
	struct slice bytes = stream_bytes(s->client);

	if ((int64_t)bytes.size > s->command->chunk)
		bytes.size = (size_t)s->command->chunk;
	return bytes;
}

static void count_chunk_bytes(struct session *s, size_t size)
{
	stream_take(s->client, size);
	s->command->chunk -= (int64_t)size;
	s->command->received += (int64_t)size;
}

/* While bytes come fast enough the session's clock stands still. */
static void excuse_time(struct session *s)
{
	s->quiet_since += limits_time_of_body(s);
}

static struct step receive_chunk(void *owner)
{
	struct session *s = owner;

	if (s->command->chunk > 0)
		stream_begin_bytes(s->client, limits_patience_for_body(s), &s->steps.await);
	else
		await_skip(&s->steps.await, OUTCOME_DONE);
	return THEN(take_chunk);
}

static struct step end_chunk(struct session *s)
{
	struct body *body = &s->transaction->body;

	excuse_time(s);
	if (s->command->last)
		body_end_chunks(body);
	if (s->command->last || body->too_large || body->spool_full)
		return THEN(judge_message);
	s->reply = reply_new(session_scratch(s), 250, "2.0.0", "%lld octets received",
		(long long)s->command->received);
	return THEN(answer);
}

static struct step take_chunk(void *owner)
{
	struct session *s = owner;
	struct body *body = &s->transaction->body;

	if (s->steps.await.outcome == OUTCOME_TIMED_OUT)
		return end_body_badly(s, 421, "4.4.2", "the message came too slowly, closing");
	if (s->steps.await.outcome != OUTCOME_DONE)
		return THEN(farewell);
	struct slice bytes = chunk_bytes(s);
	body_take_chunk(body, bytes);
	count_chunk_bytes(s, bytes.size);
	if (body->too_large && is_far_too_large(s, body->size))
		return end_far_too_large(s);
	return s->command->chunk > 0 ? THEN(receive_chunk) : end_chunk(s);
}

static struct step drop_chunk(void *owner)
{
	struct session *s = owner;

	stream_begin_bytes(s->client, limits_patience_for_body(s), &s->steps.await);
	return THEN(take_useless_chunk);
}

/* What was to be answered to it has become of no account. */
static struct step end_useless_chunk(struct session *s)
{
	s->policy_refusal = false;
	s->closing = true;
	session_say(s, 421, "4.4.2", "the chunk came too slowly, closing");
	return THEN(answer);
}

static struct step take_useless_chunk(void *owner)
{
	struct session *s = owner;

	if (s->steps.await.outcome == OUTCOME_TIMED_OUT)
		return end_useless_chunk(s);
	if (s->steps.await.outcome != OUTCOME_DONE)
		return THEN(farewell);
	count_chunk_bytes(s, chunk_bytes(s).size);
	s->closing |= is_far_too_large(s, s->command->received);
	if (s->command->chunk > 0 && !s->closing)
		return THEN(drop_chunk);
	return s->verb ? THEN(refuse) : THEN(answer);
}

static struct step judge_message(void *owner)
{
	struct session *s = owner;

	if (!transaction_finish_message(s))
		return THEN(answer_message);
	transaction_tell_message(s->transaction);
	judge(s, STAGE_MESSAGE);
	return THEN(weigh_message);
}

static struct step weigh_message(void *owner)
{
	struct session *s = owner;

	s->transaction->judged = clock_microseconds();
	return judgement_note(s, THEN(heed_judgement));
}

static struct step heed_judgement(void *owner)
{
	struct session *s = owner;

	if (judgement_refuses(s))
		return THEN(answer_message);
	s->transaction->verdict = judgement_inquiry(s)->verdict;
	if (judgement_inquiry(s)->verdict.kind == VERDICT_DISCARD) {
		session_say(s, 250, "2.0.0", "ok");
		return THEN(answer_message);
	}
	if (judgement_inquiry(s)->verdict.kind == VERDICT_QUARANTINE &&
		s->gateway->configuration->policy->quarantine->path)
		return THEN(put_away);
	return THEN(deliver);
}

/* --- quarantine --- */

static struct step put_away(void *owner)
{
	struct session *s = owner;

	transaction_plan(s->transaction);
	quarantine_entry_begin(s, &s->steps.await);
	return THEN(hear_keeper);
}

static struct step hear_keeper(void *owner)
{
	quarantine_entry_answer(owner);
	return THEN(answer_message);
}

/* --- the backend --- */

static struct step deliver(void *owner)
{
	struct session *s = owner;
	struct transaction *transaction = s->transaction;

	transaction_plan(transaction);
	if (transaction_lacks_recipients(s))
		return THEN(answer_message);
	delivery_set_final(transaction->delivery, transaction->final);
	delivery_begin_message(
		transaction->delivery, transaction->plan, transaction->message, &s->steps.await);
	return THEN(commit);
}

/* The point of no return: behind it the message is the backend's. */
static struct step commit(void *owner)
{
	struct session *s = owner;
	struct delivery *delivery = s->transaction->delivery;

	if (delivery->reply.code)
		return THEN(hear_delivery);
	if (!stream_has_peer(s->client))
		return THEN(farewell);
	delivery_begin_commit(delivery, &s->steps.await);
	return THEN(hear_delivery);
}

static struct step hear_delivery(void *owner)
{
	struct session *s = owner;
	struct delivery *delivery = s->transaction->delivery;
	const struct reply *reply = &delivery->reply;

	if (!reply->code)
		return THEN(commit); /* played again on another connection, and not committed yet */
	s->transaction->committed = delivery->committed;
	s->transaction->delivered = delivery->committed && reply_is_positive(reply);
	s->policy_refusal = !s->transaction->delivered;
	s->closing |= reply->code == 421;
	if (s->transaction->delivered)
		s->reply = reply_of(session_scratch(s), 250, "2.0.0", reply->text);
	else if (
		reply_is_positive(
			reply)) /* to what was no commit: the message is nobody's but the client's */
		session_say(
			s, 451, "4.3.5", "unexpected reply of the mail server behind this gateway");
	else
		s->reply = reply_of(session_scratch(s), reply->code, reply->status, reply->text);
	return THEN(answer_message);
}

static struct step answer_message(void *owner)
{
	struct session *s = owner;
	bool gone = s->steps.interrupts & INTERRUPT_CLIENT_GONE;

	s->steps.await.committed = false;
	speak(s);
	if (!stream_bytes(s->client).size)
		stream_flush(s->client);
	gone |= *stream_error(s->client) != '\0';
	s->transaction->untold = s->transaction->delivered && gone;
	if (reply_is_positive(&s->reply)) {
		s->messages++;
		s->idle_verbs = 0;
		s->quiet_since = now(s);
	}
	s->spoilt = !reply_is_positive(&s->reply);
	transaction_end(s, &s->reply);
	return s->closing ? THEN(farewell) : THEN(read_command);
}

/* --- the only way out --- */

static struct step farewell(void *owner)
{
	struct session *s = owner;

	s->closing = true;
	transaction_abandon(s);
	judgement_note_farewell(s);
	if (s->steps.interrupts & INTERRUPT_CLIENT_GONE)
		return DONE;
	if (s->steps.interrupts & INTERRUPT_SHUTTING_DOWN) {
		s->policy_refusal = false;
		session_say(s, 421, "4.3.2", "closing for maintenance, please connect again");
		speak(s);
	}
	stream_begin_linger(s->client, LINGER, &s->steps.await);
	return THEN(close_client);
}

static struct step close_client(void *owner)
{
	(void)owner;
	return DONE;
}

static void on_client_gone(void *owner)
{
	struct session *s = owner;

	steps_interrupt(&s->steps, INTERRUPT_CLIENT_GONE);
}

static void on_finished(void *owner)
{
	talloc_free(owner);
}

/* --- life --- */

static int end_session(struct session *s)
{
	struct gateway *gateway = s->gateway;

	steps_cancel(&s->steps);
	if (s->own)
		backend_quit(s->own);
	limits_release(s);
	DL_DELETE(gateway->sessions, s);
	gateway_forget(gateway);
	return 0;
}

/* Unique over workers and restarts: time, worker, number. */
void session_take_id(struct session *s)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint64_t wall = clock_wall(s->gateway->loop->clock) / 1000;
	uint64_t value = wall << 26 | (uint64_t)(s->gateway->worker_number % 64) << 20 |
		(s->gateway->session_number++ & 0xfffff);

	for (size_t i = 12; i-- > 0; value >>= 5)
		s->id[i] = digits[value % 32];
	s->id[12] = '\0';
}

/* Where the client has connected to: of the socket, or what the listener was told when that does not say. */
static struct ip address_of_ours(
	const struct listen_options *listen, int descriptor, uint16_t *port)
{
	struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
	socklen_t size = sizeof address;
	struct ip ip = {0};

	*port = (uint16_t)listen->port;
	if (getsockname(descriptor, (struct sockaddr *)&address, &size) == 0)
		ip = ip_of_sockaddr((struct sockaddr *)&address, port);
	if (!ip.family && !ip_parse(slice_of(listen->address), &ip))
		return (struct ip){0};
	return ip;
}

void session_set_client(struct session *s, const struct client_view *client)
{
	const struct policy *policy = s->gateway->configuration->policy;
	const char *name = client->name ? talloc_strdup(s, client->name) : NULL;

	limits_release(s);
	s->ip = client->ip;
	s->port = client->port;
	s->server = client->server;
	s->server_port = client->server_port;
	s->proxy = client->proxy;
	talloc_free((void *)s->name);
	s->name = name;
	s->trusted = cidrs_contain(&policy->relay->networks, &s->ip);
	s->trusted_relay = cidrs_contain(&policy->site->trusted_relays, &s->ip);
	s->errors = s->unknown_verbs = s->idle_verbs = s->long_lines = s->forgiven = 0;
	s->logins_refused = s->bad_recipients = 0;
	s->good_recipients = 0;
}

void session_forget_client(struct session *s)
{
	session_forget_helo(s);
	session_forget_own_backend(s);
	TALLOC_FREE(s->view); /* it borrows from the facts */
	talloc_free(s->inquiry);
	talloc_free(s->facts);
	s->facts = facts_new(s, NULL);
	s->inquiry = inquiry_new(s, s->gateway->chain, s->facts);
	talloc_free((void *)s->user);
	s->user = NULL;
	s->authenticated = false;
}

static void drain(struct session *s, bool at_once)
{
	bool idle = s->steps.next.run == hear_command;

	if (at_once || (idle && is_to_end(s)))
		steps_interrupt(&s->steps, INTERRUPT_SHUTTING_DOWN);
}

void session_join(struct session *s, struct gateway *gateway, const struct listen_options *listen,
	int descriptor, const struct client_view *client)
{
	s->gateway = gateway;
	s->listen = listen;
	session_set_client(s, client);
	if (!s->server.family)
		s->server = address_of_ours(listen, descriptor, &s->server_port);
	s->client = stream_new(s, gateway->loop, descriptor);
	s->facts = facts_new(s, NULL);
	s->inquiry = inquiry_new(s, gateway->chain, s->facts);
	s->quiet_since = now(s);
	session_take_id(s);
	DL_APPEND(gateway->sessions, s);
	talloc_set_destructor(s, end_session);
}

void session_begin(struct gateway *gateway, const struct listen_options *listen, int descriptor,
	const struct client_view *client)
{
	struct session *s = talloc_zero(gateway, struct session);

	session_join(s, gateway, listen, descriptor, client);
	s->tls = configuration_tls_server(gateway->configuration, listen);
	s->drain = drain;
	announcement_allow(s);
	steps_init(&s->steps, gateway->loop->clock, s, THEN(farewell), on_finished);
	stream_watch(s->client, on_client_gone, s);
	steps_start(&s->steps, THEN(greet));
}
