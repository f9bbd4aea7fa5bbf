/* SPDX-License-Identifier: Apache-2.0 */
/* Mail servers wait for the greeting (RFC 5321 §4.3.1); who does not is mostly a program that sends spam. An honest one that is
 * only impatient gets its mail in once it is in the allow-list. */
#include "policy/checks/table.h"
#include "policy/listing.h"

#include <talloc.h>

#define SCORE 2

/* Two reasons: that it is early, and that it is known for worse. RFC 7504 §2. */
static struct verdict judge_listed(struct inquiry *inquiry)
{
	const struct dns_list *list;
	struct verdict verdict;

	switch (listing_of_client(inquiry, &list)) {
	case FACT_UNKNOWN:
		return verdict_unknown();
	case FACT_KNOWN:
		break;
	default:
		return verdict_none();
	}
	verdict = verdict_reject(521, "5.7.1",
		talloc_asprintf(inquiry,
			"you spoke before you were greeted, and your address is listed by %s",
			list->zone));
	verdict.kind = VERDICT_DISCONNECT;
	verdict.result = "early_and_listed";
	return verdict;
}

static struct verdict judge(struct inquiry *inquiry)
{
	struct verdict verdict;

	if (!inquiry_bool(inquiry, FACT_CLIENT_PREGREET))
		return verdict_none();
	if (inquiry->stage == STAGE_CONNECT)
		return judge_listed(inquiry);
	verdict = verdict_tempfail(
		450, "4.7.1", "you spoke before you were greeted, which mail servers do not do");
	verdict.score = SCORE;
	verdict.result = "early";
	return verdict;
}

const struct check pregreet_check = {"pregreet", AT(STAGE_CONNECT) | AT(STAGE_RCPT), judge,
	.manual = "puts off who speaks before the greeting, and closes when a list in the DNS has "
		  "it too"};
