/* SPDX-License-Identifier: Apache-2.0 */
/* The limit on recipients: those beyond it are to come with another message (RFC 5321 §4.5.3.1.10). */
#include "policy/checks/table.h"

#include <inttypes.h>
#include <talloc.h>

static struct verdict judge(struct inquiry *inquiry)
{
	int64_t limit = inquiry->policy->limits->recipients;

	if (inquiry_number(inquiry, FACT_RECIPIENT_COUNT, 0) < limit)
		return verdict_none();
	return verdict_tempfail(452, "4.5.3",
		talloc_asprintf(inquiry,
			"a message has at most %" PRId64 " recipients here, send it to the others "
			"again",
			limit));
}

const struct check recipients_check = {"recipients", AT(STAGE_RCPT), judge,
	.manual = "takes no more than limits.recipients in one transaction", .is_limit = true};
