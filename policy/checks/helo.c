/* SPDX-License-Identifier: Apache-2.0 */
/* What a client calls itself (RFC 5321 §4.1.1.1, §4.1.2, §4.1.3). From outside nobody has our name or our address; who says so lies. Anything
 * else that is wrong with the name is noted, no more: a client is never refused because its name does not match (§4.1.4). */
#include "policy/checks/table.h"

#include "policy/mail/domain.h"

static struct slice without_dot(struct slice name)
{
	if (name.size && name.data[name.size - 1] == '.')
		name.size--;
	return name;
}

/* address-literal = "[" ( IPv4-address-literal / IPv6-address-literal ) "]" */
static bool is_literal(struct slice name, struct ip *ip)
{
	if (name.size < 2 || name.data[0] != '[' || name.data[name.size - 1] != ']')
		return false;
	name = slice_make(name.data + 1, name.size - 2);
	if (slice_starts_nocase(name, "IPv6:"))
		return ip_parse(slice_from(name, strlen("IPv6:")), ip) &&
			slice_find(name, ':') != SIZE_MAX;
	return ip_parse(name, ip) && slice_find(name, ':') == SIZE_MAX;
}

static bool is_our_address(struct inquiry *inquiry, const struct ip *ip)
{
	struct value ours;

	return inquiry_ask(inquiry, FACT_SERVER_IP, &ours) == FACT_KNOWN && ip_equals(ip, &ours.ip);
}

static struct verdict refuse(const char *result, const char *text)
{
	struct verdict verdict = verdict_reject(550, "5.7.1", text);

	verdict.result = result;
	return verdict;
}

static struct verdict judge_name(struct slice name)
{
	if (!domain_is_valid(name, false))
		return verdict_score(
			0, "bad_name", "neither a host name nor an address in brackets");
	if (slice_find(name, '.') == SIZE_MAX)
		return verdict_score(0, "dotless", "a name without a domain");
	return verdict_pass(NULL);
}

static struct verdict judge(struct inquiry *inquiry)
{
	struct slice name = slice_of(inquiry_text(inquiry, FACT_HELO_NAME, ""));
	const char *ours = inquiry->policy->site->hostname;
	struct ip ip;
	bool is_address, is_bare;

	if (!inquiry_is_at_border(inquiry))
		return verdict_pass("of our own");
	if (slice_equals_nocase(without_dot(name), ours))
		return refuse("our_name", "you are not us: say your own name, not ours");
	is_bare = ip_parse(name, &ip);
	is_address = is_bare || is_literal(name, &ip);
	if (is_address && is_our_address(inquiry, &ip))
		return refuse("our_address", "you are not us: say your own address, not ours");
	if (is_bare)
		return verdict_score(0, "bare_address", "an address without brackets");
	return is_address ? verdict_pass(NULL) : judge_name(name);
}

const struct check helo_check = {"helo", AT(STAGE_HELO), judge,
	"refuses strangers that call themselves by our name or address", false};
