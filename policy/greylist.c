/* SPDX-License-Identifier: Apache-2.0 */
/* Greylisting: under what is remembered who was put off. */
#include "policy/greylist.h"

#include "policy/spf_record.h"

#include <ctype.h>
#include <talloc.h>

static const char *print_network(const void *parent, const struct ip *ip)
{
	struct cidr network = cidr_around(ip);
	char text[CIDR_TEXT_SIZE];

	return talloc_strdup(parent, cidr_print(&network, text));
}

static bool is_passed_by_spf(struct inquiry *inquiry, const struct value *result)
{
	return result->number == SPF_PASS &&
		strcmp(inquiry_text(inquiry, FACT_SPF_IDENTITY, ""), "mailfrom") == 0;
}

enum fact_state greylist_client(struct inquiry *inquiry, const void *parent, const char **client)
{
	struct value ip, result;
	enum fact_state spf = inquiry_ask(inquiry, FACT_SPF_RESULT, &result);

	if (spf == FACT_UNKNOWN)
		return FACT_UNKNOWN;
	if (inquiry_ask(inquiry, FACT_CLIENT_IP, &ip) != FACT_KNOWN)
		return FACT_ABSENT;
	*client = spf == FACT_KNOWN && is_passed_by_spf(inquiry, &result)
		? inquiry_text(inquiry, FACT_SENDER_DOMAIN, "")
		: print_network(parent, &ip.ip);
	return FACT_KNOWN;
}

const char *greylist_recipient(struct inquiry *inquiry)
{
	struct value value;

	if (inquiry->stage == STAGE_RCPT)
		return inquiry_text(inquiry, FACT_RECIPIENT, "");
	if (inquiry_ask(inquiry, FACT_RECIPIENTS, &value) != FACT_KNOWN || !value.texts.count)
		return "";
	return value.texts.items[0];
}

static char *in_small_letters(char *text)
{
	for (char *c = text; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return text;
}

char *greylist_passed_argument(const void *parent, struct inquiry *inquiry, const char *client)
{
	return in_small_letters(talloc_asprintf(
		parent, "%s, %s", client, inquiry_text(inquiry, FACT_SENDER_DOMAIN, "")));
}

char *greylist_age_argument(
	const void *parent, struct inquiry *inquiry, const char *client, const char *recipient)
{
	return in_small_letters(talloc_asprintf(
		parent, "%s, %s, %s", client, inquiry_text(inquiry, FACT_SENDER, ""), recipient));
}

struct store_key greylist_key(enum fact fact, const char *argument)
{
	return store_key(fact_row(fact)->name, slice_of(argument));
}

bool greylist_note(struct inquiry *inquiry, struct store_note *note)
{
	const struct greylist_options *options = inquiry->policy->greylist;
	const char *client;
	struct value value;
	char *argument;

	if (!options->enabled || !inquiry_is_at_border(inquiry) ||
		facts_get(inquiry->facts, FACT_SPF_RESULT, &value) == FACT_UNKNOWN)
		return false;
	if (greylist_client(inquiry, inquiry, &client) != FACT_KNOWN)
		return false;
	argument = greylist_passed_argument(inquiry, inquiry, client);
	*note = (struct store_note){
		greylist_key(FACT_GREYLIST_PASSED, argument), 1, (uint64_t)options->memory};
	return true;
}
