/* SPDX-License-Identifier: Apache-2.0 */
/* SPF (RFC 7208, replies of RFC 7372). Refused at rcpt, so that postmaster can be written to by whoever is caught by it; scored at the
 * message, where the mail behind a trusted relay can be judged too. An error of a name server is no fault of the sender, and nobody is refused for
 * the HELO name that comes with the null sender. */
#include "policy/checks/table.h"

#include "policy/mail/domain.h"
#include "policy/spf.h"

#include <talloc.h>

static bool is_fail_refused(struct inquiry *inquiry)
{
	const struct spf_options *options = inquiry->policy->spf;
	const struct texts *domains = &options->refuse_domains;
	const char *domain = inquiry_text(inquiry, FACT_SPF_DOMAIN, "");

	return domain_is_listed(domain, domains->items, domains->count) ||
		(options->refuse_silent && inquiry_bool(inquiry, FACT_SPF_SENDS_NO_MAIL));
}

static bool is_refused(struct inquiry *inquiry, const char *result)
{
	if (inquiry_bool(inquiry, FACT_SENDER_IS_NULL))
		return false;
	return settings_list_has(&inquiry->policy->spf->refuse, result) ||
		(strcmp(result, "fail") == 0 && is_fail_refused(inquiry));
}

/* RFC 7372 §3.2: 5.7.23 for what SPF does not allow, 5.7.24 for what it could not find out. */
static bool is_error(const char *result)
{
	return strcmp(result, "permerror") == 0 || strcmp(result, "temperror") == 0;
}

static const char *reason(struct inquiry *inquiry, const char *result)
{
	const char *domain = inquiry_text(inquiry, FACT_SPF_DOMAIN, "");
	const char *explanation = inquiry_text(inquiry, FACT_SPF_EXPLANATION, NULL);
	const char *detail = inquiry_text(inquiry, FACT_SPF_DETAIL, "");
	struct value ip;
	char address[IP_TEXT_SIZE] = "";

	if (is_error(result))
		return talloc_asprintf(
			inquiry, "the SPF record of %s cannot be evaluated: %s", domain, detail);
	if (inquiry_ask(inquiry, FACT_ORIGIN_IP, &ip) == FACT_KNOWN)
		ip_print(&ip.ip, address);
	if (explanation)
		return talloc_asprintf(inquiry,
			"SPF of %s does not allow %s to send its mail; %s says: %s", domain,
			address, domain, explanation);
	return talloc_asprintf(
		inquiry, "SPF of %s does not allow %s to send its mail", domain, address);
}

static struct verdict judge_recipient(struct inquiry *inquiry, const char *result)
{
	bool is_put_off = settings_list_has(&inquiry->policy->spf->tempfail, result) &&
		!inquiry_bool(inquiry, FACT_SENDER_IS_NULL);
	struct verdict verdict = verdict_none();

	if (is_refused(inquiry, result))
		verdict = verdict_reject(
			550, is_error(result) ? "5.7.24" : "5.7.23", reason(inquiry, result));
	else if (is_put_off)
		verdict = verdict_tempfail(
			451, is_error(result) ? "4.7.24" : "4.7.23", reason(inquiry, result));
	if (verdict.kind != VERDICT_NONE)
		verdict.result = result;
	return verdict;
}

static double score_of(const struct spf_options *options, const char *result)
{
	const struct {
		const char *result;
		double score;
	} scores[] = {{"fail", options->fail}, {"softfail", options->softfail},
		{"neutral", options->neutral}, {"none", options->none},
		{"permerror", options->permerror}, {"temperror", options->temperror}};

	for (size_t i = 0; i < sizeof scores / sizeof *scores; i++) {
		if (strcmp(scores[i].result, result) == 0)
			return scores[i].score;
	}
	return 0;
}

static struct verdict judge_message(struct inquiry *inquiry, const char *result)
{
	double score = score_of(inquiry->policy->spf, result);

	if (inquiry_bool(inquiry, FACT_SENDER_IS_NULL))
		score = 0;
	return verdict_score(score, result,
		talloc_asprintf(inquiry, "%s: %s", inquiry_text(inquiry, FACT_SPF_DOMAIN, ""),
			inquiry_text(inquiry, FACT_SPF_DETAIL, "no record")));
}

static struct verdict judge(struct inquiry *inquiry)
{
	struct value result;

	switch (inquiry_ask(inquiry, FACT_SPF_RESULT, &result)) {
	case FACT_UNKNOWN:
		return verdict_unknown();
	case FACT_KNOWN:
		return (inquiry->stage == STAGE_RCPT ? judge_recipient : judge_message)(
			inquiry, spf_result_name((enum spf_result)result.number));
	default:
		return verdict_none();
	}
}

const struct check spf_check = {"spf", AT(STAGE_RCPT) | AT(STAGE_MESSAGE), judge,
	.manual = "asks whether the sender's domain allows the client to send its mail"};
