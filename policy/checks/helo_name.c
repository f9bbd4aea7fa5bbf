/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the name that the client calls itself is in the DNS at all. It need not be its own: RFC 5321 §4.1.4 forbids to refuse a client
 * because the name does not match its address. */
#include "policy/action.h"
#include "policy/checks/table.h"

#include "policy/mail/domain.h"

#include <talloc.h>

static bool is_there(enum fact_state state, const struct value *value)
{
	return state == FACT_FAILED || (state == FACT_KNOWN && value->texts.count > 0);
}

static struct verdict judge_name(struct inquiry *inquiry, const char *name)
{
	const struct helo_options *options = inquiry->policy->helo;
	struct value v4, v6;
	enum fact_state state4 = inquiry_ask_of(inquiry, FACT_DNS_A, name, &v4);
	enum fact_state state6 = inquiry_ask_of(inquiry, FACT_DNS_AAAA, name, &v6);

	if (state4 == FACT_UNKNOWN || state6 == FACT_UNKNOWN)
		return verdict_unknown();
	if (is_there(state4, &v4) || is_there(state6, &v6))
		return verdict_none();
	return action_verdict(inquiry, options->unresolved, options->unresolved_score, "unresolved",
		"a name that has no address",
		verdict_reject(
			550, "5.7.1", "the name that you call yourself has no address in the DNS"));
}

static struct verdict judge(struct inquiry *inquiry)
{
	struct slice name = slice_of(inquiry_text(inquiry, FACT_HELO_NAME, ""));
	struct verdict verdict;
	struct ip ip;
	char *ascii;

	if (!inquiry_is_at_border(inquiry) || ip_parse(name, &ip) ||
		!domain_is_valid(name, false) || slice_find(name, '.') == SIZE_MAX)
		return verdict_none(); /* the check "helo" has said what there is to say */
	ascii = domain_to_ascii(NULL, name.data);
	verdict = judge_name(inquiry, ascii);
	talloc_free(ascii);
	return verdict;
}

const struct check helo_name_check = {"helo_name", AT(STAGE_MAIL) | AT(STAGE_RCPT), judge,
	.manual = "notes strangers that call themselves by a name that has no address"};
