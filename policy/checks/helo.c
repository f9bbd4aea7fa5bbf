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

/* address-literal = "[" ( IPv4-address-literal / "IPv6:" IPv6-addr ) "]"
 * Reads an address written in any way; whether it is a literal is another question. */
static bool read_address(struct slice name, struct ip *ip, bool *is_literal)
{
	bool in_brackets = name.size > 2 && name.data[0] == '[' && name.data[name.size - 1] == ']';
	bool is_tagged;

	if (in_brackets)
		name = slice_make(name.data + 1, name.size - 2);
	is_tagged = slice_starts_nocase(name, "IPv6:");
	if (is_tagged)
		name = slice_from(name, strlen("IPv6:"));
	*is_literal = in_brackets && is_tagged == (slice_find(name, ':') != SIZE_MAX);
	return ip_parse(name, ip);
}

static bool is_our_address(struct inquiry *inquiry, const struct ip *ip)
{
	struct value ours;

	return inquiry_ask(inquiry, FACT_SERVER_IP, &ours) == FACT_KNOWN && ip_equals(ip, &ours.ip);
}

/* Whoever connects from the very address it connects to is on this machine. */
static bool is_this_machine(struct inquiry *inquiry)
{
	struct value client;

	return inquiry_ask(inquiry, FACT_CLIENT_IP, &client) == FACT_KNOWN &&
		is_our_address(inquiry, &client.ip);
}

static struct verdict refuse(const char *result, const char *text)
{
	struct verdict verdict = verdict_reject(550, "5.7.1", text);

	verdict.result = result;
	return verdict;
}

static struct verdict judge_address(struct inquiry *inquiry, const struct ip *ip, bool is_literal)
{
	if (is_our_address(inquiry, ip))
		return refuse("our_address", "you are not us: say your own address, not ours");
	if (!is_literal)
		return verdict_score(0, "bad_literal",
			"an address that is not written as [192.0.2.1] or [IPv6:2001:db8::1]");
	return verdict_pass(NULL);
}

static struct verdict judge_name(struct inquiry *inquiry, struct slice name)
{
	if (slice_equals_nocase(without_dot(name), inquiry->policy->site->hostname))
		return refuse("our_name", "you are not us: say your own name, not ours");
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
	struct ip ip;
	bool is_literal;

	if (!inquiry_is_at_border(inquiry) || is_this_machine(inquiry))
		return verdict_pass("of our own");
	if (read_address(name, &ip, &is_literal))
		return judge_address(inquiry, &ip, is_literal);
	return judge_name(inquiry, name);
}

const struct check helo_check = {"helo", AT(STAGE_HELO), judge,
	.manual = "refuses strangers that call themselves by our name or address"};
