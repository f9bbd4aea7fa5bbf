/* SPDX-License-Identifier: Apache-2.0 */
/* Greylisting (RFC 6647): mail of a stranger that also looks bad is put off until it has been tried again after a while. The null sender is judged at
 * data, when all recipients are known: who asks whether an address exists goes before that. What the store does not know
 * puts nobody off. */
#include "policy/checks/table.h"
#include "policy/dynamic_name.h"
#include "policy/greylist.h"
#include "policy/known_good.h"

#include <talloc.h>

/* Why the client looks bad; NULL: it does not, or *is_unknown. */
static const char *look_at_name(struct inquiry *inquiry, bool *is_unknown)
{
	struct value name, ip;
	enum fact_state state = inquiry_ask(inquiry, FACT_CLIENT_NAME, &name);

	*is_unknown |= state == FACT_UNKNOWN;
	if (state == FACT_ABSENT)
		return "the client has no name that leads back to it";
	if (state == FACT_KNOWN && inquiry_ask(inquiry, FACT_CLIENT_IP, &ip) == FACT_KNOWN &&
		dynamic_name(name.text, &ip.ip))
		return "the client's name looks given to a range";
	return NULL;
}

static const char *look_at_lists(struct inquiry *inquiry, bool *is_unknown)
{
	const struct dns_lists *lists = &inquiry->policy->lists;
	const char *reason = NULL;
	struct dns_list_hit hit;
	struct value codes;

	for (size_t i = 0; i < lists->count; i++) {
		if (lists->items[i].kind != DNSBL)
			continue;
		enum fact_state state =
			inquiry_ask_of(inquiry, FACT_DNSBL, lists->items[i].zone, &codes);
		*is_unknown |= state == FACT_UNKNOWN;
		if (state == FACT_KNOWN && dns_list_matches(&lists->items[i], &codes.texts, &hit))
			reason = "the client is on a list";
	}
	return reason;
}

/* Everything is asked for together. */
static const char *suspicion(struct inquiry *inquiry, bool *is_unknown)
{
	const char *by_name, *by_list;

	if (inquiry->policy->greylist->who == GREYLIST_STRANGERS)
		return "the client is a stranger";
	by_name = look_at_name(inquiry, is_unknown);
	by_list = look_at_lists(inquiry, is_unknown);
	return by_name ? by_name : by_list;
}

static bool is_known_good(struct inquiry *inquiry, bool *is_unknown)
{
	struct value value;
	enum fact_state state = inquiry_ask(inquiry, FACT_SENDER_KNOWN_GOOD, &value);

	*is_unknown |= state == FACT_UNKNOWN;
	return inquiry_bool(inquiry, FACT_CLIENT_KNOWN_GOOD) ||
		(state == FACT_KNOWN && value.boolean);
}

static struct verdict put_off(struct inquiry *inquiry, const char *reason)
{
	struct verdict verdict = verdict_tempfail(451, "4.7.1",
		talloc_asprintf(inquiry, "we do not know you yet: please try again in %lld seconds",
			(long long)(inquiry->policy->greylist->delay + 999) / 1000));

	verdict.result = "put_off";
	verdict.detail = reason;
	return verdict;
}

/* Asked last, for it counts. */
static struct verdict weigh_age(struct inquiry *inquiry, const char *client, const char *reason)
{
	char *argument =
		greylist_age_argument(inquiry, inquiry, client, greylist_recipient(inquiry));
	struct value age;

	switch (inquiry_ask_of(inquiry, FACT_GREYLIST_AGE, argument, &age)) {
	case FACT_UNKNOWN:
		return verdict_unknown();
	case FACT_KNOWN:
		break;
	default:
		return verdict_score(0, "not_known", "the store does not say");
	}
	return age.number < inquiry->policy->greylist->delay
		? put_off(inquiry, reason)
		: verdict_score(0, "came_again", reason);
}

static struct verdict weigh(struct inquiry *inquiry, const char *reason)
{
	const char *client = "";
	struct value passed;
	enum fact_state state = greylist_client(inquiry, inquiry, &client);
	char *argument;

	if (state != FACT_KNOWN)
		return state == FACT_UNKNOWN ? verdict_unknown() : verdict_none();
	argument = greylist_passed_argument(inquiry, inquiry, client);
	state = inquiry_ask_of(inquiry, FACT_GREYLIST_PASSED, argument, &passed);
	if (state == FACT_UNKNOWN)
		return verdict_unknown();
	if (state == FACT_KNOWN && passed.boolean)
		return verdict_score(0, "passed", "its mail was accepted before");
	return weigh_age(inquiry, client, reason);
}

static struct verdict judge(struct inquiry *inquiry)
{
	bool is_null = inquiry_bool(inquiry, FACT_SENDER_IS_NULL), is_unknown = false;
	const char *reason;

	if (!inquiry_is_at_border(inquiry) || is_null != (inquiry->stage == STAGE_DATA))
		return verdict_none();
	if (is_known_good(inquiry, &is_unknown))
		return verdict_none();
	reason = suspicion(inquiry, &is_unknown);
	if (is_unknown)
		return verdict_unknown();
	return reason ? weigh(inquiry, reason) : verdict_none();
}

static bool is_needed(const struct policy *policy)
{
	return policy->greylist->enabled;
}

const struct check greylist_check = {"greylist", AT(STAGE_RCPT) | AT(STAGE_DATA), judge,
	.manual = "puts mail of suspicious strangers off until they come again (section greylist)",
	.is_needed = is_needed};
