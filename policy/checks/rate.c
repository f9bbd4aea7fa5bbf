/* SPDX-License-Identifier: Apache-2.0 */
/* The sections rate: who has had more than a limit within a period. Mail that one of trusted_relays hands on is counted when the message
 * has come, and tells where it is from; errors and connections of trusted relays are their own. */
#include "policy/checks/table.h"
#include "policy/rates.h"

#include <talloc.h>

static bool is_behind_relay(struct inquiry *inquiry, const struct rate_options *rate)
{
	return rate->by <= RATE_BY_CLIENT_NETWORK && inquiry_is_stranger(inquiry) &&
		!inquiry_is_at_border(inquiry);
}

/* A score for recipients counts once a message, however many there are. */
static bool is_scored_later(const struct rate_options *rate)
{
	return rate->of == RATE_OF_RECIPIENTS && rate->action == RATE_SCORE;
}

/* At which stage something is counted. */
static bool is_due(struct inquiry *inquiry, const struct rate_options *rate)
{
	static const enum stage stages[] = {[RATE_OF_CONNECTIONS] = STAGE_CONNECT,
		[RATE_OF_MESSAGES] = STAGE_MAIL,
		[RATE_OF_RECIPIENTS] = STAGE_RCPT};
	bool is_of_mail = rate->of == RATE_OF_MESSAGES || rate->of == RATE_OF_RECIPIENTS;

	if (is_behind_relay(inquiry, rate))
		return is_of_mail && inquiry->stage == STAGE_MESSAGE;
	if (rate->of == RATE_OF_ERRORS)
		return inquiry->stage == STAGE_CONNECT || inquiry->stage == STAGE_MAIL;
	if (is_scored_later(rate) && inquiry->stage == STAGE_MESSAGE)
		return true;
	return inquiry->stage == stages[rate->of];
}

static bool is_concerned(struct inquiry *inquiry, const struct rate_options *rate)
{
	return rate->networks || rate->by == RATE_BY_USER ||
		!inquiry_bool(inquiry, FACT_CLIENT_TRUSTED);
}

/* Errors have been counted as they happened; recipients as they came, unless they are known only now. */
static uint64_t amount_of(struct inquiry *inquiry, const struct rate_options *rate)
{
	if (rate->of == RATE_OF_ERRORS)
		return 0;
	if (rate->of == RATE_OF_RECIPIENTS && inquiry->stage == STAGE_MESSAGE)
		return is_behind_relay(inquiry, rate)
			? (uint64_t)inquiry_number(inquiry, FACT_RECIPIENT_COUNT, 1)
			: 0;
	return 1;
}

static const char *const nouns[] = {"connections", "messages", "recipients", "errors"};

static const char *reply_text(const struct rate_options *rate)
{
	static const char *const texts[] = {
		"too many connections, try again later",
		"too many messages, try again later",
		"too many recipients, try again later",
		"too many errors, try again later",
	};

	return texts[rate->of];
}

static struct verdict act(struct inquiry *inquiry, const struct rate_options *rate)
{
	bool is_greeting = inquiry->stage == STAGE_CONNECT;

	switch ((enum rate_action)rate->action) {
	case RATE_SCORE:
		return verdict_score(inquiry->stage == STAGE_RCPT ? 0 : rate->score, NULL, NULL);
	case RATE_TEMPFAIL:
		return verdict_tempfail(
			is_greeting ? 421 : 451, is_greeting ? "4.7.0" : "4.7.1", reply_text(rate));
	case RATE_REJECT:
		return verdict_reject(
			550, "5.7.1", talloc_asprintf(inquiry, "too many %s", nouns[rate->of]));
	case RATE_MONITOR:
		break;
	}
	return verdict_score(0, NULL, NULL);
}

static struct verdict exceed(
	struct inquiry *inquiry, const struct rate_options *rate, const char *key, int64_t used)
{
	struct verdict verdict = act(inquiry, rate);

	verdict.result = "exceeded";
	verdict.detail = talloc_asprintf(inquiry, "%s: %lld %s of %s, %lld are allowed", rate->name,
		(long long)used, nouns[rate->of], key, (long long)rate->limit);
	return verdict;
}

static struct verdict judge_one(struct inquiry *inquiry, const struct rate_options *rate)
{
	enum fact_state state;
	struct value used;
	const char *key;

	if (!is_due(inquiry, rate) || !is_concerned(inquiry, rate))
		return verdict_none();
	key = rates_key(inquiry, inquiry, rate, &state);
	if (key)
		state = inquiry_ask_of(inquiry, FACT_USAGE,
			rates_usage_argument(inquiry, rate, key, amount_of(inquiry, rate)), &used);
	if (state == FACT_UNKNOWN)
		return verdict_unknown();
	return state == FACT_KNOWN && used.number > rate->limit
		? exceed(inquiry, rate, key, used.number)
		: verdict_none();
}

/* What says nothing leaves what was said before as it is. */
static struct verdict join(struct verdict before, struct verdict next)
{
	if (next.kind == VERDICT_NONE && !next.result)
		return before;
	if (before.kind == VERDICT_NONE && !before.result)
		return next;
	return verdict_combine(before, next);
}

/* All are asked, so that all count. */
static struct verdict judge(struct inquiry *inquiry)
{
	const struct policy *policy = inquiry->policy;
	struct verdict verdict = verdict_none();
	bool is_unknown = false;

	for (size_t i = 0; i < policy->rate_count; i++) {
		struct verdict one = judge_one(inquiry, policy->rates[i]);
		is_unknown |= one.kind == VERDICT_UNKNOWN;
		if (one.kind != VERDICT_UNKNOWN)
			verdict = join(verdict, one);
	}
	return is_unknown ? verdict_unknown() : verdict;
}

static bool is_needed(const struct policy *policy)
{
	return policy->rate_count > 0;
}

const struct check rate_check = {"rate",
	AT(STAGE_CONNECT) | AT(STAGE_MAIL) | AT(STAGE_RCPT) | AT(STAGE_MESSAGE), judge,
	.manual = "counts what the sections rate limit", .is_needed = is_needed};
