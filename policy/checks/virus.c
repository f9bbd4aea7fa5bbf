/* SPDX-License-Identifier: Apache-2.0 */
/* What virus scanners say of a message. It is a limit: nobody is exempt but by a setting of its own. */
#include "policy/checks/table.h"

#include <talloc.h>

static bool is_excepted(struct inquiry *inquiry)
{
	struct value ip;

	return inquiry_ask(inquiry, FACT_CLIENT_IP, &ip) == FACT_KNOWN &&
		cidrs_contain(&inquiry->policy->virus->except, &ip.ip);
}

static struct verdict refuse(struct inquiry *inquiry, const char *reason)
{
	return verdict_reject(550, "5.7.1",
		talloc_asprintf(inquiry, "we do not accept this message, %s", reason));
}

static struct verdict discard(struct inquiry *inquiry, const char *reason)
{
	(void)inquiry;
	return (struct verdict){.kind = VERDICT_DISCARD, .text = reason};
}

static struct verdict put_off(struct inquiry *inquiry, const char *reason)
{
	(void)inquiry;
	(void)reason;
	return verdict_tempfail(451, "4.7.1",
		"this message cannot be checked for viruses at the moment, please try again later");
}

static struct verdict pass(struct inquiry *inquiry, const char *reason)
{
	(void)inquiry;
	(void)reason;
	return verdict_none();
}

typedef struct verdict act_fn(struct inquiry *inquiry, const char *reason);

/* What a stranger has named is not let into a reply. */
static const char *describe(struct inquiry *inquiry, const char *name)
{
	char *safe = talloc_asprintf(inquiry, "it has a virus: %.100s", name);

	for (char *c = safe; *c; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	return safe;
}

static struct verdict judge_found(struct inquiry *inquiry, const char *name)
{
	static act_fn *const acts[] = {[VIRUS_REFUSE] = refuse,
		[VIRUS_QUARANTINE] = inquiry_quarantine,
		[VIRUS_DISCARD] = discard};
	struct verdict verdict =
		acts[inquiry->policy->virus->found](inquiry, describe(inquiry, name));

	verdict.result = "found";
	verdict.detail = name;
	return verdict;
}

static struct verdict judge_failure(struct inquiry *inquiry, const char *reason)
{
	static act_fn *const acts[] = {[VIRUS_FAILURE_PUT_OFF] = put_off,
		[VIRUS_FAILURE_QUARANTINE] = inquiry_quarantine,
		[VIRUS_FAILURE_PASS] = pass};
	struct verdict verdict = acts[inquiry->policy->virus->on_failure](
		inquiry, "it could not be checked for viruses");

	verdict.result = "failed";
	verdict.detail = reason ? reason : "";
	return verdict;
}

static struct verdict judge(struct inquiry *inquiry)
{
	struct value name;

	if (is_excepted(inquiry))
		return verdict_none();
	switch (inquiry_ask(inquiry, FACT_VIRUS_NAME, &name)) {
	case FACT_UNKNOWN:
		return verdict_unknown();
	case FACT_KNOWN:
		return judge_found(inquiry, name.text);
	case FACT_FAILED:
		return judge_failure(inquiry, name.text);
	case FACT_ABSENT:
		break;
	}
	return verdict_pass(NULL);
}

static bool is_needed(const struct policy *policy)
{
	return policy->clamd_count > 0;
}

const struct check virus_check = {"virus", AT(STAGE_MESSAGE), judge,
	.manual = "refuses messages that a virus scanner has found something in", .is_limit = true,
	.is_needed = is_needed};
