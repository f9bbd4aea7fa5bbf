/* SPDX-License-Identifier: Apache-2.0 */
/* The header as RFC 5322 §3.6 wants it. Strangers get scores for what is missing, and are refused when it cannot be told who
 * a message says it is from. What our own clients left out is added for them instead (amendment_edit()). */
#include "policy/checks/table.h"

#include <talloc.h>

static const struct fault {
	unsigned anomaly;
	double score;
	const char *result;
	const char *detail;
} faults[] = {
	{HEADER_MISSING_FROM, 3, "missing_from", "no From"},
	{HEADER_MISSING_DATE, 1, "missing_date", "no Date"},
	{HEADER_MISSING_MESSAGE_ID, 1, "missing_message_id", "no Message-ID"},
	{HEADER_MISSING_SENDER, 3, "missing_sender",
		"several addresses in From and no Sender (RFC 5322 section 3.6.2)"},
	{HEADER_MISLEADING_FROM, 2, "misleading_from",
		"another address before the one in < > of From"},
	{HEADER_REPEATED_FIELD, 0, "repeated_field", "a field that may stand once stands twice"},
	{HEADER_SEVERAL_FROM, 0, "several_from", "several addresses in From"},
	{HEADER_NO_FIELD, 0, "no_field", "a line that is no field"},
	{HEADER_TOO_LONG, 0, "too_long", "a very long header"},
	{HEADER_MANY_ADDRESSES, 0, "many_addresses", "thousands of addresses"},
	{HEADER_BLANK_BEFORE_COLON, 0, "blank_before_colon", "a blank before a colon"},
};

/* The scores of all faults together, named by the first. */
static struct verdict judge_faults(struct inquiry *inquiry, unsigned anomalies)
{
	struct verdict verdict = verdict_pass(NULL);
	char *detail = NULL;

	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		if (!(anomalies & faults[i].anomaly))
			continue;
		if (!detail)
			verdict.result = faults[i].result;
		verdict.score += faults[i].score;
		detail = talloc_asprintf(inquiry, "%s%s%s", detail ? detail : "",
			detail ? ", " : "", faults[i].detail);
	}
	verdict.detail = detail;
	return verdict;
}

static const struct refusal {
	unsigned anomaly;
	int code;
	const char *status;
	const char *result;
	const char *text;
} refusals[] = {
	{HEADER_REPEATED_FROM, 550, "5.7.1", "repeated_from",
		"the message has more than one From field (RFC 5322 section 3.6)"},
	{HEADER_UNREADABLE_FROM, 550, "5.7.1", "unreadable_from",
		"no address can be found in the From field (RFC 5322 section 3.6.2)"},
	{HEADER_TOO_LARGE, 552, "5.3.4", "too_large", "the header is larger than 256 KiB"},
};

static struct verdict refuse(const struct refusal *refusal)
{
	struct verdict verdict = verdict_reject(refusal->code, refusal->status, refusal->text);

	verdict.result = refusal->result;
	return verdict;
}

static struct verdict judge_anomalies(struct inquiry *inquiry, unsigned anomalies)
{
	if (!inquiry_is_stranger(inquiry))
		return verdict_pass("of our own");
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		if (anomalies & refusals[i].anomaly)
			return refuse(&refusals[i]);
	}
	return judge_faults(inquiry, anomalies);
}

static struct verdict judge(struct inquiry *inquiry)
{
	struct value anomalies;

	switch (inquiry_ask(inquiry, FACT_HEADER_ANOMALIES, &anomalies)) {
	case FACT_UNKNOWN:
		return verdict_unknown();
	case FACT_KNOWN:
		return judge_anomalies(inquiry, (unsigned)anomalies.number);
	default:
		return verdict_none();
	}
}

const struct check headers_check = {"headers", AT(STAGE_MESSAGE), judge,
	.manual = "scores what a header lacks, refuses a From that cannot be read"};
