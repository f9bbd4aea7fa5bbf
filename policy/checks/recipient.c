/* SPDX-License-Identifier: Apache-2.0 */
/* Whether there is such a recipient: as the list has it (recipients.source), and for clients that try many that do not exist, as the
 * backend has just said of this one. A yes is never remembered, so it is always the backend's own. */
#include "policy/checks/table.h"

#include "policy/mail/domain.h"

static bool tries_too_many(struct inquiry *inquiry)
{
	return !inquiry_bool(inquiry, FACT_CLIENT_TRUSTED) &&
		inquiry_number(inquiry, FACT_CLIENT_UNKNOWN_RECIPIENTS, 0) >
		inquiry->policy->recipients->unknown_rate;
}

static struct verdict refuse(const char *result, const char *text)
{
	struct verdict verdict = verdict_reject(550, "5.1.1", text);

	verdict.result = result;
	return verdict;
}

static struct verdict judge_list(struct inquiry *inquiry)
{
	struct value known;

	switch (inquiry_ask(inquiry, FACT_RECIPIENT_KNOWN, &known)) {
	case FACT_UNKNOWN:
		return verdict_unknown();
	case FACT_KNOWN:
		return known.boolean ? verdict_pass("it is in the list")
				     : refuse("unknown", "there is no such mailbox here");
	case FACT_ABSENT:
	case FACT_FAILED:
		break;
	}
	return verdict_pass("no list is loaded");
}

static struct verdict judge(struct inquiry *inquiry)
{
	const struct recipients_options *recipients = inquiry->policy->recipients;
	const struct texts *domains = &recipients->domains;
	const char *domain = inquiry_text(inquiry, FACT_RECIPIENT_DOMAIN, "");

	if (!policy_is_our_domain(inquiry->policy, domain))
		return verdict_none();
	if (tries_too_many(inquiry) && inquiry_bool(inquiry, FACT_RECIPIENT_REFUSED_BEFORE))
		return refuse("refused_before",
			"there is no such mailbox here, the mail server behind has just said so");
	if (recipients->source == RECIPIENTS_BACKEND ||
		(domains->count && !domain_is_listed(domain, domains->items, domains->count)))
		return verdict_none();
	return judge_list(inquiry);
}

const struct check recipient_check = {"recipient", AT(STAGE_RCPT), judge,
	.manual = "refuses recipients that do not exist, as recipients.source says"};
