/* SPDX-License-Identifier: Apache-2.0 */
/* What name servers know of the sender's domain (RFC 5321 §5.1, RFC 7505). Nobody can answer to mail of a domain that has neither MX nor address; one
 * that says it takes no mail sends none that is honest; one whose mail servers all stand in networks that nobody can reach is a
 * mistake or a lie. What could not be found out is held against nobody. */
#include "policy/action.h"
#include "policy/checks/table.h"

#include "policy/mail/address.h"

#include <talloc.h>

#define SERVERS_LOOKED_AT 5

static struct verdict find_nonexistent(struct inquiry *inquiry, const char *what)
{
	const struct sender_options *options = inquiry->policy->sender;
	const char *domain = inquiry_text(inquiry, FACT_SENDER_DOMAIN, "");
	const char *detail = talloc_asprintf(inquiry, "%s %s", domain, what);

	return action_verdict(inquiry, options->nonexistent, options->nonexistent_score,
		"nonexistent", detail,
		verdict_reject(550, "5.1.8",
			talloc_asprintf(inquiry,
				"the sender's domain %s, so that nobody could answer: use an "
				"address that exists",
				detail)));
}

static struct verdict find_null_mx(struct inquiry *inquiry)
{
	const struct sender_options *options = inquiry->policy->sender;
	const char *domain = inquiry_text(inquiry, FACT_SENDER_DOMAIN, "");

	return action_verdict(inquiry, options->null_mx, options->null_mx_score, "null_mx",
		"the domain says that it takes no mail",
		verdict_reject(550, "5.7.27",
			talloc_asprintf(inquiry,
				"the sender's domain %s says in the DNS that it takes no mail "
				"(null MX), so we take none from it",
				domain)));
}

static struct verdict find_bogus_mx(struct inquiry *inquiry)
{
	const struct sender_options *options = inquiry->policy->sender;
	const char *domain = inquiry_text(inquiry, FACT_SENDER_DOMAIN, "");

	return action_verdict(inquiry, options->bogus_mx, options->bogus_mx_score, "bogus_mx",
		"its mail servers stand where nobody can reach them",
		verdict_reject(550, "5.7.1",
			talloc_asprintf(inquiry,
				"the mail servers of the sender's domain %s have addresses that "
				"nobody can reach, so that nobody could answer",
				domain)));
}

/* --- no MX: the domain's own address stands for one --- */

static bool has_none(enum fact_state state, const struct value *value)
{
	return state == FACT_ABSENT || (state == FACT_KNOWN && value->texts.count == 0);
}

static struct verdict judge_address(struct inquiry *inquiry, const char *domain)
{
	struct value v4, v6;
	enum fact_state state4 = inquiry_ask_of(inquiry, FACT_DNS_A, domain, &v4);
	enum fact_state state6 = inquiry_ask_of(inquiry, FACT_DNS_AAAA, domain, &v6);

	if (state4 == FACT_UNKNOWN || state6 == FACT_UNKNOWN)
		return verdict_unknown();
	if (has_none(state4, &v4) && has_none(state6, &v6))
		return find_nonexistent(inquiry, "has neither mail server nor address");
	return verdict_none();
}

/* --- MX --- */

/* "10 mx.example.net" */
static const char *host_of(const char *item)
{
	const char *space = strchr(item, ' ');

	return space ? space + 1 : item;
}

static bool is_null_mx(const struct value *mx)
{
	return mx->texts.count == 1 && strcmp(host_of(mx->texts.items[0]), ".") == 0;
}

/* Adds up the addresses of a host: how many there are, and how many nobody can reach. */
static enum fact_state count_addresses(
	struct inquiry *inquiry, enum fact fact, const char *host, size_t *all, size_t *bogus)
{
	struct value value;
	enum fact_state state = inquiry_ask_of(inquiry, fact, host, &value);
	struct ip ip;

	for (size_t i = 0; state == FACT_KNOWN && i < value.texts.count; i++) {
		if (!ip_parse(slice_of(value.texts.items[i]), &ip))
			continue;
		++*all;
		*bogus += cidrs_contain(&inquiry->policy->sender->bogus_networks, &ip);
	}
	return state;
}

static struct verdict judge_servers(struct inquiry *inquiry, const struct value_texts *mx)
{
	bool is_unknown = false, has_failed = mx->count > SERVERS_LOOKED_AT;
	size_t all = 0, bogus = 0;

	if (inquiry->policy->sender->bogus_mx == ACTION_OFF)
		return verdict_none();
	for (size_t i = 0; i < mx->count && i < SERVERS_LOOKED_AT; i++) {
		const char *host = host_of(mx->items[i]);
		enum fact_state states[2] = {
			count_addresses(inquiry, FACT_DNS_A, host, &all, &bogus),
			count_addresses(inquiry, FACT_DNS_AAAA, host, &all, &bogus)};
		for (size_t family = 0; family < 2; family++) {
			is_unknown |= states[family] == FACT_UNKNOWN;
			has_failed |= states[family] == FACT_FAILED;
		}
	}
	if (is_unknown)
		return verdict_unknown();
	return all && all == bogus && !has_failed ? find_bogus_mx(inquiry) : verdict_none();
}

static struct verdict judge_domain(struct inquiry *inquiry, const char *domain)
{
	struct value mx;

	switch (inquiry_ask_of(inquiry, FACT_DNS_MX, domain, &mx)) {
	case FACT_UNKNOWN:
		return verdict_unknown();
	case FACT_ABSENT:
		return find_nonexistent(inquiry, "does not exist");
	case FACT_FAILED:
		return verdict_none();
	case FACT_KNOWN:
		break;
	}
	if (mx.texts.count == 0)
		return judge_address(inquiry, domain);
	return is_null_mx(&mx) ? find_null_mx(inquiry) : judge_servers(inquiry, &mx.texts);
}

static struct verdict judge(struct inquiry *inquiry)
{
	const char *domain = inquiry_text(inquiry, FACT_SENDER_DOMAIN, "");
	int64_t form = inquiry_number(inquiry, FACT_SENDER_FORM, 0);
	char *name;
	struct verdict verdict;

	if (!inquiry_is_stranger(inquiry) || inquiry_bool(inquiry, FACT_SENDER_IS_NULL) ||
		(form & (ADDRESS_WITHOUT_DOMAIN | ADDRESS_DOTLESS | ADDRESS_LITERAL)) ||
		policy_is_our_domain(inquiry->policy, domain))
		return verdict_none();
	name = domain_to_ascii(NULL, domain);
	verdict = name ? judge_domain(inquiry, name) : verdict_none();
	talloc_free(name);
	return verdict;
}

const struct check sender_domain_check = {"sender_domain", AT(STAGE_MAIL) | AT(STAGE_RCPT), judge,
	.manual = "scores senders whose domain cannot be answered, refuses those of domains that "
		  "take no "
		  "mail"};
