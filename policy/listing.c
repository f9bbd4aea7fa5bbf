/* SPDX-License-Identifier: Apache-2.0 */
/* What a list in the DNS says. */
#include "policy/listing.h"

#include "policy/action.h"
#include "policy/mail/domain.h"

#include <talloc.h>

static enum fact_state ask(struct inquiry *inquiry, const struct dns_list *list, const char *domain,
	struct value *codes)
{
	enum fact_state state;
	char *ascii, *argument;

	if (list->kind != RHSBL)
		return inquiry_ask_of(inquiry, FACT_DNSBL, list->zone, codes);
	ascii = domain_to_ascii(NULL, domain);
	if (!ascii)
		return FACT_ABSENT;
	argument = talloc_asprintf(ascii, "%s, %s", list->zone, ascii);
	state = inquiry_ask_of(inquiry, FACT_RHSBL, argument, codes);
	talloc_free(ascii);
	return state;
}

enum fact_state listing_ask(struct inquiry *inquiry, const struct dns_list *list,
	const char *domain, struct dns_list_hit *hit)
{
	struct value codes;
	enum fact_state state;

	if (list->options->action == ACTION_OFF)
		return FACT_ABSENT;
	state = ask(inquiry, list, domain, &codes);
	if (state == FACT_UNKNOWN)
		return FACT_UNKNOWN;
	return state == FACT_KNOWN && dns_list_matches(list, &codes.texts, hit) ? FACT_KNOWN
										: FACT_ABSENT;
}

static bool counts(const struct dns_list *list)
{
	return list->kind == DNSBL && list->options->action > ACTION_MONITOR;
}

enum fact_state listing_of_client(struct inquiry *inquiry, const struct dns_list **list)
{
	const struct dns_lists *lists = &inquiry->policy->lists;
	enum fact_state worst = FACT_ABSENT;
	struct dns_list_hit hit;

	for (size_t i = 0; i < lists->count; i++) {
		enum fact_state state = counts(&lists->items[i])
			? listing_ask(inquiry, &lists->items[i], NULL, &hit)
			: FACT_ABSENT;
		if (state == FACT_KNOWN) {
			*list = &lists->items[i];
			return FACT_KNOWN;
		}
		if (state == FACT_UNKNOWN)
			worst = FACT_UNKNOWN;
	}
	return worst;
}

/* --- all of a kind together --- */

/* What all lists together say. */
struct sum {
	bool is_unknown;
	double score;
	const char *noted;               /* those that hit, and count or are noted */
	const struct dns_list *refusing; /* the first that hit and refuses */
	struct dns_list_hit hit;         /* its */
	const char *subject;
};

static const char *join(
	struct inquiry *inquiry, const char *noted, const struct dns_list *list, const char *code)
{
	return talloc_asprintf(inquiry, "%s%s%s (%s%s)", noted ? noted : "", noted ? ", " : "",
		list->zone, code, list->options->action == ACTION_MONITOR ? ", monitored" : "");
}

static void add(
	struct inquiry *inquiry, struct sum *sum, const struct dns_list *list, const char *subject)
{
	struct dns_list_hit hit;

	switch (listing_ask(inquiry, list, subject, &hit)) {
	case FACT_UNKNOWN:
		sum->is_unknown = true;
		return;
	case FACT_KNOWN:
		break;
	default:
		return;
	}
	if (list->options->action == ACTION_REFUSE && !sum->refusing) {
		sum->refusing = list;
		sum->hit = hit;
		sum->subject = subject;
	}
	if (list->options->action == ACTION_SCORE)
		sum->score += hit.weight;
	if (list->options->action != ACTION_REFUSE)
		sum->noted = join(inquiry, sum->noted, list, hit.code);
}

static struct verdict refuse(struct inquiry *inquiry, const struct sum *sum)
{
	char ip[IP_TEXT_SIZE];
	struct value client;
	const char *who = sum->subject;
	struct verdict verdict;

	if (!who)
		who = inquiry_ask(inquiry, FACT_ORIGIN_IP, &client) == FACT_KNOWN
			? ip_print(&client.ip, ip)
			: "your address";
	verdict = verdict_reject(550, "5.7.1",
		talloc_asprintf(inquiry, "%s is listed by %s (%s): ask there why", who,
			sum->refusing->zone, sum->hit.code));
	verdict.result = "listed";
	return verdict;
}

static struct verdict conclude(struct inquiry *inquiry, const struct sum *sum)
{
	if (sum->is_unknown)
		return verdict_unknown();
	if (sum->refusing && inquiry->stage >= STAGE_RCPT)
		return refuse(inquiry, sum);
	if (inquiry->stage == STAGE_RCPT)
		return verdict_none();
	return sum->noted ? verdict_score(sum->score, "listed", sum->noted) : verdict_none();
}

struct verdict listing_judge(struct inquiry *inquiry, unsigned kinds, const char *domain)
{
	const struct dns_lists *lists = &inquiry->policy->lists;
	struct sum sum = {.score = 0};

	for (size_t i = 0; i < lists->count; i++) {
		if (kinds & 1U << lists->items[i].kind)
			add(inquiry, &sum, &lists->items[i], domain);
	}
	return conclude(inquiry, &sum);
}
