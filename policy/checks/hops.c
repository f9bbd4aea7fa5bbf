/* SPDX-License-Identifier: Apache-2.0 */
/* Loops: a message that was received too often (RFC 5321 §6.3). */
#include "policy/checks/table.h"

#include <inttypes.h>
#include <talloc.h>

static struct verdict judge_hops(struct inquiry *inquiry, int64_t hops)
{
	if (hops <= inquiry->policy->limits->hops)
		return verdict_pass(NULL);
	return verdict_reject(554, "5.4.6",
		talloc_asprintf(inquiry,
			"the message has gone through %" PRId64 " servers, it is in a loop", hops));
}

static struct verdict judge(struct inquiry *inquiry)
{
	struct value hops;

	switch (inquiry_ask(inquiry, FACT_RECEIVED_COUNT, &hops)) {
	case FACT_UNKNOWN:
		return verdict_unknown();
	case FACT_KNOWN:
		return judge_hops(inquiry, hops.number);
	default:
		return verdict_none();
	}
}

const struct check hops_check = {"hops", AT(STAGE_MESSAGE), judge,
	.manual = "refuses messages that go round in circles", .is_limit = true};
