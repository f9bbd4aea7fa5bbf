/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let past the chain. */
#include "policy/exemption.h"

#include "policy/mail/address.h"
#include "policy/spf_record.h"

#include <talloc.h>

static bool lists_client(struct inquiry *inquiry, const struct allow_options *allow)
{
	struct value value;

	return inquiry_ask(inquiry, FACT_CLIENT_IP, &value) == FACT_KNOWN &&
		cidrs_contain(&allow->networks, &value.ip);
}

static bool lists_sender(struct inquiry *inquiry, const struct allow_options *allow)
{
	const char *sender = inquiry_text(inquiry, FACT_SENDER, "");

	for (size_t i = 0; i < allow->senders.count; i++) {
		if (address_matches(sender, allow->senders.items[i]))
			return true;
	}
	return false;
}

/* What our own clients say they are is believed, as far as SPF is concerned. */
static bool is_verified(
	struct inquiry *inquiry, const struct allow_options *allow, struct exemption *exemption)
{
	struct value result;
	enum fact_state state;

	if (allow->unverified || !inquiry_is_stranger(inquiry))
		return true;
	state = inquiry_ask(inquiry, FACT_SPF_RESULT, &result);
	exemption->is_unknown = exemption->is_unknown || state == FACT_UNKNOWN;
	return state == FACT_KNOWN && result.number == SPF_PASS;
}

static const char *describe(
	struct inquiry *inquiry, const struct allow_options *allow, const char *who)
{
	return talloc_asprintf(inquiry, "%s%s%s%s%s%s%s", who, allow->owner ? ", wanted by " : "",
		allow->owner ? allow->owner : "", allow->reason ? ": " : "",
		allow->reason ? allow->reason : "", allow->until ? ", until " : "",
		allow->until ? allow->until : "");
}

/* What one entry says of the inquiry; not exempt when nothing. */
static void apply_entry(
	struct inquiry *inquiry, const struct allow_entry *entry, struct exemption *exemption)
{
	const struct allow_options *allow = entry->options;
	const char *who = NULL;

	if (inquiry_number(inquiry, FACT_NOW, 0) >= entry->end)
		return;
	if (lists_client(inquiry, allow))
		who = "its networks have the client";
	else if (lists_sender(inquiry, allow) && is_verified(inquiry, allow, exemption))
		who = allow->unverified ? "its senders have the sender, unverified"
					: "its senders have the sender";
	if (!who)
		return;
	exemption->by = talloc_asprintf(inquiry, "allow %s", allow->name);
	exemption->detail = describe(inquiry, allow, who);
}

static struct exemption look_into_list(struct inquiry *inquiry)
{
	const struct policy *policy = inquiry->policy;
	struct exemption exemption = {0};

	for (size_t i = 0; i < policy->allow_count && !exemption.by; i++)
		apply_entry(inquiry, &policy->allows[i], &exemption);
	return exemption;
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
	struct exemption exemption;

	if (inquiry->accepted_session)
		return (struct exemption){.by = "session", .detail = "accepted as a whole"};
	exemption = look_into_list(inquiry);
	if (!exemption.by && is_for_postmaster(inquiry))
		return (struct exemption){
			.by = "postmaster", .detail = "mail for postmaster or abuse"};
	return exemption;
}
