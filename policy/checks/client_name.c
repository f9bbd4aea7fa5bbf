/* SPDX-License-Identifier: Apache-2.0 */
/* The client's name: its address has one in the DNS, and that has the address in turn (RFC 1912 §2.1). Many honest servers have none, so by default it is
 * noted for rules and for the report. */
#include "policy/action.h"
#include "policy/checks/table.h"

#include <talloc.h>

static struct verdict find_missing(struct inquiry *inquiry)
{
	const struct client_name_options *options = inquiry->policy->client_name;

	return action_verdict(inquiry, options->missing, options->missing_score, "missing",
		"its address has no name in the DNS",
		verdict_reject(550, "5.7.25",
			"your address has no name in the DNS: give it a PTR record"));
}

static struct verdict find_unconfirmed(struct inquiry *inquiry)
{
	const struct client_name_options *options = inquiry->policy->client_name;

	return action_verdict(inquiry, options->unconfirmed, options->unconfirmed_score,
		"unconfirmed", "the name of its address has other addresses",
		verdict_reject(550, "5.7.25",
			"the name that your address has in the DNS does not lead back to it"));
}

static struct verdict judge(struct inquiry *inquiry)
{
	struct value value;
	enum fact_state name, ptr;

	if (!inquiry_is_at_border(inquiry))
		return verdict_none();
	name = inquiry_ask(inquiry, FACT_CLIENT_NAME, &value);
	ptr = inquiry_ask(inquiry, FACT_CLIENT_PTR, &value);
	if (name == FACT_UNKNOWN || ptr == FACT_UNKNOWN)
		return verdict_unknown();
	if (ptr == FACT_ABSENT)
		return find_missing(inquiry);
	return name == FACT_ABSENT && ptr == FACT_KNOWN ? find_unconfirmed(inquiry)
							: verdict_none();
}

const struct check client_name_check = {"client_name", AT(STAGE_MAIL) | AT(STAGE_RCPT), judge,
	.manual = "notes strangers whose address has no name that leads back to it"};
