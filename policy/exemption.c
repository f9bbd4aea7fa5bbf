/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let past the chain. */
#include "policy/exemption.h"

#include <talloc.h>

static bool sender_matches(struct inquiry *inquiry, const char *pattern)
{
	const char *sender = inquiry_text(inquiry, FACT_SENDER, "");
	const char *domain = inquiry_text(inquiry, FACT_SENDER_DOMAIN, "");

	if (strchr(pattern, '@'))
		return slice_equals_nocase(slice_of(sender), pattern);
	return domain_matches(domain, pattern);
}

static bool is_allowed_client(struct inquiry *inquiry)
{
	struct value value;

	return inquiry_ask(inquiry, FACT_CLIENT_IP, &value) == FACT_KNOWN &&
		cidrs_contain(&inquiry->policy->allow->networks, &value.ip);
}

static bool is_allowed_sender(struct inquiry *inquiry)
{
	const struct texts *senders = &inquiry->policy->allow->senders;

	for (size_t i = 0; i < senders->count; i++) {
		if (sender_matches(inquiry, senders->items[i]))
			return true;
	}
	return false;
}

/* local@domain of "postmaster" or "abuse", of ours; "postmaster" alone too. */
static bool is_postmaster(const struct policy *policy, const char *recipient)
{
	const char *at = strrchr(recipient, '@');
	struct slice local =
		slice_make(recipient, at ? (size_t)(at - recipient) : strlen(recipient));

	if (!at)
		return slice_equals_nocase(local, "postmaster");
	if (!slice_equals_nocase(local, "postmaster") && !slice_equals_nocase(local, "abuse"))
		return false;
	return policy_is_our_domain(policy, at + 1);
}

static bool are_all_postmasters(struct inquiry *inquiry)
{
	struct value value;

	if (inquiry_ask(inquiry, FACT_RECIPIENTS, &value) != FACT_KNOWN || !value.texts.count)
		return false;
	for (size_t i = 0; i < value.texts.count; i++) {
		if (!is_postmaster(inquiry->policy, value.texts.items[i]))
			return false;
	}
	return true;
}

static bool is_for_postmaster(struct inquiry *inquiry)
{
	if (inquiry->stage == STAGE_RCPT)
		return is_postmaster(inquiry->policy, inquiry_text(inquiry, FACT_RECIPIENT, ""));
	return inquiry->stage > STAGE_RCPT && are_all_postmasters(inquiry);
}

struct exemption exemption_of(struct inquiry *inquiry)
{
	if (inquiry->accepted_session)
		return (struct exemption){"session", "accepted as a whole"};
	if (is_allowed_client(inquiry))
		return (struct exemption){"allow", "client in allow.networks"};
	if (is_allowed_sender(inquiry))
		return (struct exemption){"allow", "sender in allow.senders"};
	if (is_for_postmaster(inquiry))
		return (struct exemption){"postmaster", "mail for postmaster or abuse"};
	return (struct exemption){NULL, NULL};
}
