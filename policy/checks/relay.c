/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: whose mail may go where. Our own networks and those who have authenticated may send anywhere; everybody else
 * only to relay.domains, and to postmaster without a domain (RFC 5321 §4.5.1).
 *
 * Whatever a stranger's address says besides local part and domain is refused with 550 5.7.1 even in a domain of ours, since
 * the server behind us might follow it somewhere else: %, !, an @ inside quotation marks, a source route. An address
 * without a domain, with a domain of one label that is not listed, or with an address literal is nobody's we know of, so it is
 * the same refusal. 553 is left to what is no address at all, which the parser of commands answers. */
#include "policy/checks/table.h"

#include "policy/mail/address.h"

#include <talloc.h>

/* In the order in which they are named to the client. */
static const struct trick {
	unsigned form;
	const char *result;
	const char *text;
} tricks[] = {
	{ADDRESS_SOURCE_ROUTE, "source_route",
		"we do not relay: give the address without a source route (RFC 5321 appendix C)"},
	{ADDRESS_PERCENT, "percent",
		"we do not relay: an address with % before the @ might lead elsewhere"},
	{ADDRESS_BANG, "bang",
		"we do not relay: an address with ! before the @ might lead elsewhere"},
	{ADDRESS_AT_INSIDE, "at_inside",
		"we do not relay: an address with two @ might lead elsewhere"},
	{ADDRESS_LITERAL, "literal",
		"we do not relay: mail for an IP address is not accepted here"},
};

static struct verdict refuse(const char *result, const char *text)
{
	struct verdict verdict = verdict_reject(550, "5.7.1", text);

	verdict.result = result;
	return verdict;
}

static struct verdict judge_bare(struct inquiry *inquiry)
{
	struct slice local = slice_of(inquiry_text(inquiry, FACT_RECIPIENT_LOCAL, ""));

	if (slice_equals_nocase(local, "postmaster"))
		return verdict_pass("postmaster");
	return refuse("no_domain", "we do not relay: the address has no domain");
}

static struct verdict judge_domain(struct inquiry *inquiry)
{
	const char *domain = inquiry_text(inquiry, FACT_RECIPIENT_DOMAIN, "");

	if (policy_is_our_domain(inquiry->policy, domain))
		return verdict_pass("a domain of ours");
	return refuse(
		"foreign_domain", talloc_asprintf(inquiry, "we do not relay mail for %s", domain));
}

static struct verdict judge(struct inquiry *inquiry)
{
	unsigned form = (unsigned)inquiry_number(inquiry, FACT_RECIPIENT_FORM, 0);

	if (inquiry_bool(inquiry, FACT_CLIENT_TRUSTED))
		return verdict_pass("client in relay.networks");
	if (inquiry_bool(inquiry, FACT_CLIENT_AUTHENTICATED))
		return verdict_pass("client has authenticated");
	for (size_t i = 0; i < sizeof tricks / sizeof *tricks; i++) {
		if (form & tricks[i].form)
			return refuse(tricks[i].result, tricks[i].text);
	}
	if (inquiry_text(inquiry, FACT_RECIPIENT_DOMAIN, "")[0] == '\0')
		return judge_bare(inquiry);
	return judge_domain(inquiry);
}

const struct check relay_check = {"relay", AT(STAGE_RCPT), judge,
	.manual = "lets strangers send to relay.domains only, and our own networks anywhere"};
