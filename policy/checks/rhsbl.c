/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of domains in the DNS (RFC 5782 §2.2), asked for the sender's. */
#include "policy/checks/table.h"
#include "policy/listing.h"

static struct verdict judge(struct inquiry *inquiry)
{
	const char *domain = inquiry_text(inquiry, FACT_SENDER_DOMAIN, "");

	if (!inquiry_is_stranger(inquiry) || !strchr(domain, '.') || domain[0] == '[')
		return verdict_none();
	return listing_judge(inquiry, 1U << RHSBL, domain);
}

static bool is_needed(const struct policy *policy)
{
	return policy->lists.count > 0;
}

const struct check rhsbl_check = {"rhsbl", AT(STAGE_MAIL) | AT(STAGE_RCPT), judge,
	.manual = "asks the lists of sections rhsbl for the sender's domain",
	.is_needed = is_needed};
