/* SPDX-License-Identifier: Apache-2.0 */
/* The sender as MAIL gives it. Nobody can answer to a domain that does not exist; a domain of ours from outside is what forgers do, and
 * forwarders of our own mail too, so it is noted, and refused where the settings say so: at rcpt, so that postmaster can be written to
 * by whoever is caught by it. What comes of names alone is said here; what name servers know is not. */
#include "policy/checks/table.h"

#include "policy/mail/address.h"

#include <talloc.h>

static const struct fault {
	unsigned form;
	double score;
	const char *result;
	const char *detail;
} faults[] = {
	{ADDRESS_WITHOUT_DOMAIN, 3, "no_domain", "a sender without a domain"},
	{ADDRESS_DOTLESS, 3, "dotless", "a sender whose domain has no dot"},
	{ADDRESS_LITERAL, 1, "literal", "a sender at an IP address"},
	{ADDRESS_SOURCE_ROUTE, 0, "source_route", "a sender with a source route"},
	{ADDRESS_LONG, 0, "long", "a sender with a very long local part"},
};

static struct verdict judge_form(struct inquiry *inquiry)
{
	unsigned form = (unsigned)inquiry_number(inquiry, FACT_SENDER_FORM, 0);

	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		if (form & faults[i].form)
			return verdict_score(faults[i].score, faults[i].result, faults[i].detail);
	}
	return verdict_pass(NULL);
}

static struct verdict judge_our_domain(struct inquiry *inquiry, const char *domain)
{
	struct verdict verdict;

	if (inquiry->policy->sender->own_domain == OWN_DOMAIN_MONITOR)
		return verdict_score(0, "own_domain", "a sender of ours, from outside");
	if (inquiry->stage == STAGE_MAIL)
		return verdict_none();
	verdict = verdict_reject(550, "5.7.1",
		talloc_asprintf(inquiry,
			"mail of %s does not come from outside: send it through our own servers, "
			"or "
			"log in",
			domain));
	verdict.result = "own_domain";
	return verdict;
}

static struct verdict judge(struct inquiry *inquiry)
{
	const char *domain = inquiry_text(inquiry, FACT_SENDER_DOMAIN, "");

	if (inquiry->stage != STAGE_MAIL &&
		inquiry->policy->sender->own_domain == OWN_DOMAIN_MONITOR)
		return verdict_none();
	if (inquiry_is_stranger(inquiry) && policy_is_our_domain(inquiry->policy, domain))
		return inquiry_is_at_border(inquiry) ? judge_our_domain(inquiry, domain)
						     : verdict_none();
	if (inquiry->stage != STAGE_MAIL)
		return verdict_none();
	if (!inquiry_is_stranger(inquiry))
		return verdict_pass("of our own");
	return inquiry_bool(inquiry, FACT_SENDER_IS_NULL) ? verdict_pass("the null sender")
							  : judge_form(inquiry);
}

const struct check sender_check = {"sender", AT(STAGE_MAIL) | AT(STAGE_RCPT), judge,
	.manual =
		"scores senders that cannot exist, notes or refuses our own domains from outside"};
