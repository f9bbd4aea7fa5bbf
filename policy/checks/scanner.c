/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps back mail that should have been looked into and could not be. */
#include "policy/checks/table.h"

#include <talloc.h>

#define DEATHS_OF_POISON 2

static struct verdict judge(struct inquiry *inquiry)
{
	const char *reason = inquiry_text(inquiry, FACT_SCANNER_FAILED, NULL);
	bool is_poison = inquiry_number(inquiry, FACT_SCANNER_DEATHS, 0) >= DEATHS_OF_POISON;
	struct verdict verdict;

	if (!reason)
		return verdict_none();
	if (is_poison && inquiry->policy->scanner->poison == POISON_QUARANTINE) {
		return inquiry_quarantine(inquiry, "it cannot be examined");
	}
	verdict = is_poison && inquiry->policy->scanner->poison == POISON_REFUSE
		? verdict_reject(554, "5.7.1", "this message cannot be examined")
		: verdict_tempfail(451, "4.7.1",
			  "this message could not be examined, please try again later");
	verdict.detail = reason;
	return verdict;
}

const struct check scanner_check = {"scanner", AT(STAGE_MESSAGE), judge,
	.manual = "puts off what rules wanted to look into and could not"};
