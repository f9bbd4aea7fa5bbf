/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of clients in the DNS (RFC 5782), bad ones and good ones. Weights add up over the lists. Mail that one of trusted_relays hands on is
 * judged when the message has come, and tells where it is from. */
#include "policy/checks/table.h"
#include "policy/listing.h"

static struct verdict judge(struct inquiry *inquiry)
{
	bool is_behind_relay = inquiry_is_stranger(inquiry) && !inquiry_is_at_border(inquiry);

	if (!inquiry_is_stranger(inquiry) || is_behind_relay != (inquiry->stage == STAGE_MESSAGE))
		return verdict_none();
	return listing_judge(inquiry, 1U << DNSBL | 1U << DNSWL, NULL);
}

static bool is_needed(const struct policy *policy)
{
	return policy->lists.count > 0;
}

const struct check dnsbl_check = {"dnsbl", AT(STAGE_MAIL) | AT(STAGE_RCPT) | AT(STAGE_MESSAGE),
	judge, .manual = "asks the lists of sections dnsbl and dnswl for where the mail came from",
	.is_needed = is_needed};
