/* SPDX-License-Identifier: Apache-2.0 */
/* Mail servers wait for the greeting (RFC 5321 §4.3.1); who does not is mostly a program that sends spam. An honest one that is
 * only impatient gets its mail in once it is in the allow-list. */
#include "policy/checks/table.h"

#define SCORE 2

static struct verdict judge(struct inquiry *inquiry)
{
	struct verdict verdict;

	if (!inquiry_bool(inquiry, FACT_CLIENT_PREGREET))
		return verdict_none();
	verdict = verdict_tempfail(
		450, "4.7.1", "you spoke before you were greeted, which mail servers do not do");
	verdict.score = SCORE;
	verdict.result = "early";
	return verdict;
}

const struct check pregreet_check = {
	"pregreet", AT(STAGE_RCPT), judge, "puts off who speaks before the greeting", false};
