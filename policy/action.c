/* SPDX-License-Identifier: Apache-2.0 */
/* What is done about a finding. */
#include "policy/action.h"

const char *const action_choices[] = {"off", "monitor", "score", "refuse", NULL};

struct verdict action_verdict(const struct inquiry *inquiry, int action, double score,
	const char *result, const char *detail, struct verdict refusal)
{
	bool is_early = inquiry->stage == STAGE_MAIL;

	if (action == ACTION_OFF || is_early == (action == ACTION_REFUSE))
		return verdict_none();
	if (action != ACTION_REFUSE)
		return verdict_score(action == ACTION_SCORE ? score : 0, result, detail);
	refusal.result = result;
	refusal.detail = detail;
	return refusal;
}
