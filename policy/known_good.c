/* SPDX-License-Identifier: Apache-2.0 */
/* Who is known as good. */
#include "policy/known_good.h"

#include "policy/greylist.h"
#include "policy/spf_record.h"

#include <ctype.h>
#include <stdio.h>
#include <talloc.h>

char *known_good_client(const struct ip *ip, char text[static KNOWN_GOOD_CLIENT_SIZE])
{
	struct cidr network = cidr_around(ip);

	return ip->family == 6 ? cidr_print(&network, text) : ip_print(ip, text);
}

struct store_key known_good_key(const char *client_or_domain)
{
	char *small = talloc_strdup(NULL, client_or_domain);
	struct store_key key;

	for (char *c = small; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	key = store_key("known good", slice_of(small));
	talloc_free(small);
	return key;
}

/* --- remembering --- */

static const char *known_text(const struct inquiry *inquiry, enum fact fact)
{
	struct value value;

	return facts_get(inquiry->facts, fact, &value) == FACT_KNOWN ? value.text : "";
}

static bool is_good(struct inquiry *inquiry)
{
	struct value spf;

	return inquiry_is_stranger(inquiry) && inquiry->score < inquiry->policy->thresholds->tag &&
		facts_get(inquiry->facts, FACT_SPF_RESULT, &spf) == FACT_KNOWN &&
		spf.number == SPF_PASS;
}

static struct store_note note_of(const struct inquiry *inquiry, const char *client_or_domain)
{
	return (struct store_note){
		known_good_key(client_or_domain), 1, (uint64_t)inquiry->policy->known_good->memory};
}

size_t known_good_notes(struct inquiry *inquiry, struct store_note notes[KNOWN_GOOD_NOTES])
{
	char client[KNOWN_GOOD_CLIENT_SIZE];
	struct value origin;
	size_t count = 0;

	if (greylist_note(inquiry, &notes[count]))
		count++;
	if (!is_good(inquiry))
		return count;
	if (facts_get(inquiry->facts, FACT_ORIGIN_IP, &origin) == FACT_KNOWN)
		notes[count++] = note_of(inquiry, known_good_client(&origin.ip, client));
	if (strcmp(known_text(inquiry, FACT_SPF_IDENTITY), "mailfrom") == 0)
		notes[count++] = note_of(inquiry, known_text(inquiry, FACT_SENDER_DOMAIN));
	return count;
}

/* --- the fact --- */

/* Anyone can claim to be of a good domain: SPF must say so. */
enum fact_state known_good_derive_sender(struct inquiry *inquiry, const struct question *question,
	const void *parent, struct value *value)
{
	const char *domain = inquiry_text(inquiry, FACT_SENDER_DOMAIN, NULL);
	struct value spf;
	enum fact_state passed, known;

	(void)question;
	(void)parent;
	if (!domain || inquiry_bool(inquiry, FACT_SENDER_IS_NULL))
		return FACT_ABSENT;
	known = inquiry_ask_of(inquiry, FACT_KNOWN_GOOD, domain, value);
	passed = inquiry_ask(inquiry, FACT_SPF_RESULT, &spf);
	if (known == FACT_ABSENT || known == FACT_FAILED)
		return known;
	if (known == FACT_UNKNOWN || passed == FACT_UNKNOWN)
		return FACT_UNKNOWN;
	value->boolean = value->boolean && passed == FACT_KNOWN && spf.number == SPF_PASS;
	return FACT_KNOWN;
}
