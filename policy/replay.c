/* SPDX-License-Identifier: Apache-2.0 */
/* Plays a transaction of the past through all stages. */
#include "policy/replay.h"

#include "policy/origin.h"

#include <talloc.h>

#define NOT_RECORDED "not recorded"

/* --- playing --- */

struct play {
	const struct replay_case *the_case;
	const struct policy *policy;
	struct replay_outcome *outcome;
	struct facts *facts;
	struct inquiry *inquiry;
	size_t passed;
	bool lacks_message;
};

/* These may come from the header, behind a trusted relay; then no earlier stage knew them. */
static bool is_from_header(const struct fact_row *row)
{
	const enum fact facts[] = {FACT_ORIGIN_IP, FACT_ORIGIN_HELO, FACT_SPF_RESULT,
		FACT_SPF_DOMAIN, FACT_SPF_IDENTITY, FACT_SPF_EXPLANATION, FACT_SPF_DETAIL,
		FACT_SPF_SENDS_NO_MAIL, FACT_DNSBL};

	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
		if (row == fact_row(facts[i]))
			return true;
	}
	return false;
}

/* What is told about a recipient is told with him. */
static bool exists_at(const struct fact_row *row, enum stage stage)
{
	bool is_of_one =
		row->period == PER_RECIPIENT && (row->stage == STAGE_RCPT || stage == STAGE_RCPT);

	return row->stage <= stage && !is_of_one;
}

/* The message is looked at again. */
static bool exists_without_message_at(const struct fact_row *row, enum stage stage)
{
	return exists_at(row, stage) && row->learner != LEARNER_HEADER &&
		row->learner != LEARNER_CONTENT;
}

static bool exists_behind_relay_at(const struct fact_row *row, enum stage stage)
{
	return exists_at(row, stage) && !is_from_header(row);
}

/* A relay's mail came with XFORWARD, perhaps: then its origin was known early. */
static bool is_origin_late(const struct play *play, const struct ip *client)
{
	struct value value;

	return cidrs_contain(&play->policy->site->trusted_relays, client) &&
		facts_get(play->the_case->told, FACT_FORWARDED_IP, &value) != FACT_KNOWN;
}

/* Nobody has authenticated when he connects. */
static void tell_login(struct play *play, enum stage stage)
{
	if (stage > STAGE_AUTH)
		return;
	facts_set_bool(play->facts, FACT_CLIENT_AUTHENTICATED, false);
	facts_forget(play->facts, FACT_CLIENT_USER);
}

static void tell(struct play *play, enum stage stage)
{
	const struct replay_case *the_case = play->the_case;
	struct value value = {0};
	bool has_client = facts_get(the_case->told, FACT_CLIENT_IP, &value) == FACT_KNOWN;
	bool is_late = has_client && is_origin_late(play, &value.ip);

	if (is_late && stage < STAGE_MESSAGE)
		replay_case_copy_facts(play->facts, the_case->told, exists_behind_relay_at, stage);
	else
		replay_case_copy_facts(play->facts, the_case->told,
			the_case->message ? exists_without_message_at : exists_at, stage);
	tell_login(play, stage);
	if (stage == STAGE_MAIL && the_case->of_mail)
		facts_take_over(play->facts, the_case->of_mail);
	facts_set_bool(play->facts, FACT_CLIENT_TRUSTED,
		has_client && cidrs_contain(&play->policy->relay->networks, &value.ip));
	facts_set_bool(play->facts, FACT_CLIENT_TRUSTED_RELAY,
		has_client && cidrs_contain(&play->policy->site->trusted_relays, &value.ip));
	facts_set_number(play->facts, FACT_RECIPIENT_COUNT, (int64_t)play->passed);
}

/* Nobody answers later than at once: there is nothing to wait for. */
static bool judge(struct play *play, enum stage stage)
{
	struct await await;

	await_init(&await, NULL, NULL, NULL);
	inquiry_begin_judging(play->inquiry, stage, NULL, AWAIT_FOR_EVER, &await);
	play->outcome->verdict = play->inquiry->verdict;
	return play->inquiry->verdict.kind <= VERDICT_ACCEPT;
}

/* A stage that the case knows nothing of is passed over. */
static bool play_stage(struct play *play, enum stage stage, enum fact needed)
{
	struct value value;

	tell(play, stage);
	return facts_get(play->facts, needed, &value) != FACT_KNOWN || judge(play, stage);
}

static bool play_login(struct play *play)
{
	struct value value;
	bool has_logged_in =
		facts_get(play->the_case->told, FACT_CLIENT_AUTHENTICATED, &value) == FACT_KNOWN &&
		value.boolean;

	tell(play, STAGE_AUTH);
	return !has_logged_in || judge(play, STAGE_AUTH);
}

/* What a session would have done that would not be refused any more, nobody knows. */
static bool has_transaction(struct play *play)
{
	play->lacks_message |= play->the_case->is_session;
	return !play->the_case->is_session;
}

static bool play_recipients(struct play *play)
{
	const struct replay_case *the_case = play->the_case;

	for (size_t i = 0; i < the_case->recipient_count; i++) {
		facts_forget_recipient(play->facts);
		tell(play, STAGE_RCPT);
		facts_take_over(play->facts, the_case->recipients[i]);
		play->passed += judge(play, STAGE_RCPT);
		play->outcome->recipients[i] = play->inquiry->verdict;
	}
	return play->passed || !the_case->recipient_count;
}

static void tell_recipients(struct play *play)
{
	const struct replay_case *the_case = play->the_case;
	const char **passed =
		talloc_array(play->outcome, const char *, the_case->recipient_count + 1);
	size_t count = 0;
	struct value value;

	for (size_t i = 0; i < the_case->recipient_count; i++) {
		if (play->outcome->recipients[i].kind <= VERDICT_ACCEPT &&
			facts_get(the_case->recipients[i], FACT_RECIPIENT, &value) == FACT_KNOWN)
			passed[count++] = value.text;
	}
	facts_forget_recipient(play->facts);
	facts_set_texts(play->facts, FACT_RECIPIENTS, passed, count);
}

static void play_message(struct play *play)
{
	tell(play, STAGE_DATA);
	tell_recipients(play);
	if (!judge(play, STAGE_DATA))
		return;
	if (!play->the_case->has_message) {
		play->lacks_message = true;
		return;
	}
	tell(play, STAGE_MESSAGE);
	tell_recipients(play);
	play->inquiry->message = play->the_case->message;
	judge(play, STAGE_MESSAGE);
}

static void play_all(struct play *play)
{
	if (play_stage(play, STAGE_CONNECT, FACT_CLIENT_IP) &&
		play_stage(play, STAGE_HELO, FACT_HELO_NAME) && play_login(play) &&
		has_transaction(play) && play_stage(play, STAGE_MAIL, FACT_SENDER) &&
		play_recipients(play))
		play_message(play);
}

static void miss(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	struct play *play = owner;

	if (play->outcome->missing == FACT_COUNT)
		play->outcome->missing = question->fact;
	facts_answer(inquiry->facts, question, FACT_FAILED, (struct value){.text = NOT_RECORDED});
	await_skip(await, OUTCOME_DONE);
}

/* Scanners know other viruses today than then: what was not recorded has none. */
static void find_nothing(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	(void)owner;
	facts_answer(inquiry->facts, question, FACT_ABSENT, (struct value){0});
	await_skip(await, OUTCOME_DONE);
}

static const struct chain *without_teachers(struct play *play, const struct chain *chain)
{
	struct learner learners[LEARNERS] = {{NULL, NULL}};

	for (size_t i = 0; i < LEARNERS; i++)
		learners[i] = (struct learner){miss, play};
	learners[LEARNER_VIRUS] = (struct learner){find_nothing, NULL};
	if (play->the_case->message) {
		learners[LEARNER_HEADER] = *chain_learner(chain, LEARNER_HEADER);
		learners[LEARNER_CONTENT] = *chain_learner(chain, LEARNER_CONTENT);
	}
	return chain_with_learners(play->outcome, chain, learners);
}

static bool is_of_score(const struct verdict *verdict)
{
	return strncmp(verdict->decided_by, "threshold ", strlen("threshold ")) == 0;
}

/* A rule whose facts had failed may decide for that alone. */
static bool has_failed(const struct inquiry *inquiry, const char *decided_by)
{
	for (size_t i = 0; i < inquiry->trace_count; i++) {
		const struct trace_entry *entry = &inquiry->trace[i];
		if (strcmp(entry->check, decided_by) == 0 && strcmp(entry->result, "failed") == 0)
			return true;
	}
	return false;
}

/* Who let it pass without a word, or by the sum of all words, lacked one. A refusal stands by itself, unless the sender may be in the
 * allow-list and nobody can say whether it was he. */
static bool is_undecided(const struct play *play)
{
	const struct verdict *verdict = &play->outcome->verdict;
	struct value value;

	if (play->lacks_message)
		return true;
	if (play->outcome->missing == FACT_COUNT)
		return false;
	if (!verdict->decided_by || is_of_score(verdict) ||
		has_failed(play->inquiry, verdict->decided_by))
		return true;
	return verdict->kind > VERDICT_ACCEPT && play->policy->allows_senders &&
		facts_get(play->the_case->told, FACT_SPF_RESULT, &value) == FACT_UNKNOWN;
}

struct replay_outcome *replay_judge(
	const void *parent, const struct chain *chain, const struct replay_case *the_case)
{
	struct replay_outcome *outcome = talloc_zero(parent, struct replay_outcome);
	struct play play = {
		.the_case = the_case, .policy = chain_policy(chain), .outcome = outcome};

	outcome->missing = FACT_COUNT;
	outcome->recipients = talloc_zero_array(outcome, struct verdict, the_case->recipient_count);
	play.facts = facts_new(outcome, NULL);
	play.inquiry = outcome->inquiry =
		inquiry_new(outcome, without_teachers(&play, chain), play.facts);
	play.inquiry->without_shadow = true;
	play_all(&play);
	outcome->is_undecided = is_undecided(&play);
	return outcome;
}

/* --- comparing --- */

static bool are_verdicts_different(const struct verdict *a, const struct verdict *b)
{
	bool is_passed = a->kind <= VERDICT_ACCEPT && b->kind <= VERDICT_ACCEPT;

	return !is_passed && (a->kind != b->kind || a->code != b->code);
}

/* The first recipient whose verdict has changed, else the transaction's own. */
static void find_change(const struct replay_outcome *before, const struct replay_outcome *after,
	const struct verdict **was, const struct verdict **is)
{
	size_t count = talloc_array_length(before->recipients);

	*was = &before->verdict;
	*is = &after->verdict;
	for (size_t i = 0; i < count && !are_verdicts_different(*was, *is); i++) {
		*was = &before->recipients[i];
		*is = &after->recipients[i];
	}
}

bool replay_differs(const struct replay_outcome *before, const struct replay_outcome *after)
{
	const struct verdict *was, *is;

	find_change(before, after, &was, &is);
	return are_verdicts_different(was, is) || before->inquiry->tagged != after->inquiry->tagged;
}

static double score_of(const struct inquiry *inquiry, const char *check)
{
	double score = 0;

	for (size_t i = 0; i < inquiry->trace_count; i++) {
		const struct trace_entry *entry = &inquiry->trace[i];
		if (entry->counted && strcmp(entry->check, check) == 0)
			score += entry->score;
	}
	return score;
}

/* Who has scored in one of them otherwise than in the other; NULL: nobody. */
static const char *find_scorer(const struct inquiry *in, const struct inquiry *other)
{
	for (size_t i = 0; i < in->trace_count; i++) {
		const struct trace_entry *entry = &in->trace[i];
		if (entry->counted && score_of(in, entry->check) != score_of(other, entry->check))
			return entry->check;
	}
	return NULL;
}

static char *name_scorer(const void *parent, const struct replay_outcome *before,
	const struct replay_outcome *after, const char *threshold)
{
	const char *scorer = find_scorer(after->inquiry, before->inquiry);

	if (!scorer)
		scorer = find_scorer(before->inquiry, after->inquiry);
	const char *kind = scorer && strncmp(scorer, "rule ", strlen("rule ")) == 0 ? "" : "check ";
	return scorer ? talloc_asprintf(parent, "%s%s (score %.1f, was %.1f)", kind, scorer,
				score_of(after->inquiry, scorer), score_of(before->inquiry, scorer))
		      : talloc_strdup(parent, threshold);
}

char *replay_culprit(
	const void *parent, const struct replay_outcome *before, const struct replay_outcome *after)
{
	const struct verdict *was, *is, *refusal;

	find_change(before, after, &was, &is);
	if (!are_verdicts_different(was, is))
		return name_scorer(parent, before, after, "threshold tag");
	/* Who exempts it now has changed it, not who would still refuse it. */
	bool is_exempted = is->kind == VERDICT_ACCEPT && is->decided_by;
	refusal = is->kind > VERDICT_ACCEPT || is_exempted ? is : was;
	if (!refusal->decided_by)
		return talloc_strdup(parent, "nobody");
	if (is_of_score(refusal))
		return name_scorer(parent, before, after, refusal->decided_by);
	return talloc_strdup(parent, refusal->decided_by);
}
