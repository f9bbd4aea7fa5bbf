/* SPDX-License-Identifier: Apache-2.0 */
/* What sessions have in common around the judge. */
#include "proxy/judgement.h"

#include "base/loop.h"
#include "base/store.h"
#include "policy/ruling.h"
#include "policy/shadow.h"
#include "proxy/journal.h"
#include "proxy/memory.h"
#include "proxy/rule_log.h"

#include <talloc.h>

/* --- the client --- */

void judgement_begin_recalling(struct session *s)
{
	s->recalled = talloc(session_scratch(s), struct store_entry);
	memory_begin_recalling(s, s->recalled, &s->steps.await);
}

void judgement_hear_recalled(struct session *s)
{
	bool has_failed = s->steps.await.outcome != OUTCOME_DONE;

	s->known_good = !has_failed && s->recalled->count > 0;
	s->recalled = NULL;
	facts_forget(s->facts, FACT_CLIENT_KNOWN_GOOD);
	if (has_failed)
		facts_set_failed(s->facts, FACT_CLIENT_KNOWN_GOOD, "the store does not answer");
	else if (s->known_good)
		facts_set_bool(s->facts, FACT_CLIENT_KNOWN_GOOD, true);
}

/* --- a stage --- */

struct inquiry *judgement_inquiry(const struct session *s)
{
	return s->transaction ? s->transaction->inquiry : s->inquiry;
}

void judgement_begin(struct session *s, enum stage stage, uint64_t milliseconds)
{
	inquiry_begin_judging(judgement_inquiry(s), stage, s->gateway->loop->clock, milliseconds,
		&s->steps.await);
}

static void forget_pause(void *operation)
{
	(void)operation;
}

struct step judgement_pause(struct session *s, int64_t milliseconds, struct step next)
{
	if (milliseconds > 0)
		await_begin(&s->steps.await, (uint64_t)milliseconds, forget_pause, s);
	return next;
}

struct step judgement_note(struct session *s, struct step next)
{
	struct inquiry *judged = judgement_inquiry(s);

	rule_log_note(s->gateway->rule_log, session_id_in_hand(s), judged);
	if (judged->stage != STAGE_MESSAGE)
		ruling_forget(judged);
	return judgement_pause(s, judged->delay, next);
}

/* Outside a transaction, of which its end tells: once a session. */
static void note_judged(struct session *s)
{
	if (s->noted)
		return;
	s->noted = true;
	rule_log_note_end(s->gateway->rule_log, s->id, s->inquiry);
	journal_write_session(s);
}

bool judgement_refuses(struct session *s)
{
	const struct verdict *verdict = &judgement_inquiry(s)->verdict;

	s->inquiry->accepted_session |= judgement_inquiry(s)->accepted_session;
	if (verdict->kind < VERDICT_TEMPFAIL)
		return false;
	session_say(s, verdict->code, verdict->status, verdict->text);
	s->policy_refusal = true;
	s->closing |= verdict->kind == VERDICT_DISCONNECT || verdict->code == 421;
	if (s->transaction)
		s->transaction->verdict = *verdict;
	else
		note_judged(s);
	return true;
}

static bool has_something_to_tell(const struct session *s)
{
	size_t count;

	shadow_differences(s->inquiry, &count);
	return s->inquiry->observed || count > 0;
}

void judgement_note_farewell(struct session *s)
{
	if (!s->transactions && has_something_to_tell(s))
		note_judged(s);
}
