/* SPDX-License-Identifier: Apache-2.0 */
/* The limit on a message's size: as declared at MAIL (RFC 1870 §6.1), and as it came. */
#include "policy/checks/table.h"

#include <inttypes.h>
#include <talloc.h>

static struct verdict judge(struct inquiry *inquiry)
{
	bool has_come = inquiry->stage == STAGE_MESSAGE;
	int64_t size = inquiry_number(inquiry, has_come ? FACT_MESSAGE_SIZE : FACT_SIZE, 0);
	int64_t limit = inquiry->policy->limits->message_size;

	if (size <= limit)
		return has_come ? verdict_pass(NULL) : verdict_none();
	return verdict_reject(552, "5.3.4",
		talloc_asprintf(inquiry,
			"the message has %" PRId64 " bytes, we take no more than %" PRId64, size,
			limit));
}

const struct check size_check = {"size", AT(STAGE_MAIL) | AT(STAGE_MESSAGE), judge,
	.manual = "refuses messages larger than limits.message_size", .is_limit = true};
