/* SPDX-License-Identifier: Apache-2.0
 *
 * For checks: what a list in the DNS says of the client or of a domain, from the facts dnsbl(zone) and rhsbl(zone, domain).
 */
#pragma once

#include "policy/dns_list.h"
#include "policy/inquiry.h"

/* FACT_KNOWN: listed, with a code that counts, and *hit says which; FACT_ABSENT: not listed; FACT_UNKNOWN: ask again. A list that is
 * off, or does not answer, or is suspended, lists nobody. domain is for lists of domains. */
enum fact_state listing_ask(struct inquiry *inquiry, const struct dns_list *list,
	const char *domain, struct dns_list_hit *hit);

/* Whether the client is on any list of bad ones that counts: FACT_KNOWN, and *list is the first. */
enum fact_state listing_of_client(struct inquiry *inquiry, const struct dns_list **list);

/* What the lists of these kinds (bits, 1U << DNSBL | …) say together, for a check that is asked at mail and rcpt: scored and noted at mail, refused at
 * rcpt. domain is for lists of domains. */
struct verdict listing_judge(struct inquiry *inquiry, unsigned kinds, const char *domain);
