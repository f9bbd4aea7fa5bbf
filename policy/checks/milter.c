/* SPDX-License-Identifier: Apache-2.0 */
/* What milters say, each in its turn. */
#include "policy/checks/table.h"
#include "policy/milter_answer.h"

#include <talloc.h>

static struct verdict refuse(enum verdict_kind kind, const char *name, const struct reply *reply)
{
	struct verdict verdict =
		verdict_reject(reply->code, *reply->status ? reply->status : NULL, reply->text);

	verdict.kind = reply->code == 421 ? VERDICT_DISCONNECT : kind;
	verdict.detail = name;
	return verdict;
}

/* With what the milter wants the client to hear, else with words of our own. */
static struct verdict refuse_as(
	struct inquiry *inquiry, const char *name, enum milter_answer answer, const char *text)
{
	bool is_for_good = answer == ANSWER_REJECT;
	struct reply reply;

	if (!text || !milter_answer_reply(inquiry, text, &reply))
		reply = is_for_good ? reply_of(inquiry, 550, "5.7.1",
					      "the policy of this site does not allow this")
				    : reply_of(inquiry, 451, "4.7.1", "please try again later");
	return refuse(reply_is_permanent(&reply) ? VERDICT_REJECT : VERDICT_TEMPFAIL,
		talloc_asprintf(inquiry, "%s: %s", name, reply.text), &reply);
}

static struct verdict discard(const char *name)
{
	return (struct verdict){.kind = VERDICT_DISCARD, .detail = name};
}

/* Where there is no quarantine, the client is not told what the milter thinks. */
static struct verdict keep(struct inquiry *inquiry, const char *name, const char *reason)
{
	const char *said = talloc_asprintf(
		inquiry, "%s: %s", name, reason && *reason ? reason : "no reason was given");
	struct verdict verdict = inquiry_quarantine(inquiry,
		policy_has_quarantine(inquiry->policy) ? said : "it is to be looked at first");

	verdict.detail = said;
	return verdict;
}

static struct verdict hear(struct inquiry *inquiry, const char *name, int64_t answer)
{
	const char *question = talloc_asprintf(inquiry, "%s, %s", name, stage_name(inquiry->stage));
	struct value value;
	bool has_text = inquiry_ask_of(inquiry, FACT_MILTER_REPLY, question, &value) == FACT_KNOWN;
	const char *text = has_text ? value.text : NULL;

	switch ((enum milter_answer)answer) {
	case ANSWER_REJECT:
	case ANSWER_TEMPFAIL:
		return refuse_as(inquiry, name, (enum milter_answer)answer, text);
	case ANSWER_DISCARD:
		return inquiry->stage == STAGE_MESSAGE ? discard(name) : verdict_none();
	case ANSWER_QUARANTINE:
		return keep(inquiry, name, text);
	case ANSWER_CONTINUE:
	case ANSWER_ACCEPT:
		break;
	}
	return verdict_none();
}

static struct verdict do_without(
	struct inquiry *inquiry, const struct milter_policy *milter, const char *reason)
{
	struct verdict verdict = verdict_none();

	if (milter->on_failure == ON_FAILURE_REJECT)
		verdict = verdict_reject(550, "5.7.1", "this could not be examined");
	if (milter->on_failure == ON_FAILURE_TEMPFAIL)
		verdict = verdict_tempfail(
			451, "4.7.1", "this could not be examined, please try again later");
	verdict.result = "failed";
	verdict.detail = talloc_asprintf(inquiry, "%s: %s", milter->name, reason);
	return verdict;
}

static struct verdict ask(struct inquiry *inquiry, const struct milter_policy *milter)
{
	struct value value;

	switch (inquiry_ask_of(inquiry, FACT_MILTER, milter->name, &value)) {
	case FACT_UNKNOWN:
		return verdict_unknown();
	case FACT_FAILED:
		return do_without(inquiry, milter, value.text);
	case FACT_KNOWN:
		return hear(inquiry, milter->name, value.number);
	case FACT_ABSENT:
		break;
	}
	return verdict_none();
}

/* The name of the client's host is told to them. */
static bool lacks_name(struct inquiry *inquiry)
{
	struct value name;

	return inquiry->stage == STAGE_CONNECT &&
		inquiry_ask(inquiry, FACT_CLIENT_NAME, &name) == FACT_UNKNOWN;
}

static struct verdict judge(struct inquiry *inquiry)
{
	const struct policy *policy = inquiry->policy;
	struct verdict all = verdict_none();

	if (lacks_name(inquiry))
		return verdict_unknown();
	for (size_t i = 0; i < policy->milter_count; i++) {
		struct verdict verdict = ask(inquiry, &policy->milters[i]);
		if (verdict.kind == VERDICT_UNKNOWN || verdict_is_final(&verdict))
			return verdict;
		if (verdict.result)
			all = verdict;
	}
	return all;
}

static bool is_needed(const struct policy *policy)
{
	return policy->milter_count > 0;
}

const struct check milter_check = {"milter",
	AT(STAGE_CONNECT) | AT(STAGE_HELO) | AT(STAGE_MAIL) | AT(STAGE_RCPT) | AT(STAGE_DATA) |
		AT(STAGE_MESSAGE),
	judge, .manual = "does what the milters say, one after the other", .is_needed = is_needed};
