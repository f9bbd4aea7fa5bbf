/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists in the DNS (RFC 5782), as the settings name them: of bad clients (dnsbl), of good clients (dnswl), of bad domains (rhsbl). Each is a zone,
 * the answer codes that count, with their weights, and what a hit leads to. Pure: what the zones answer are the facts dnsbl(zone) and
 * rhsbl(zone, domain).
 *
 * A code is an address of 127.0.0.0/8; 127.255.255.0/24 is how lists say that they do not answer us, and is never a listing. Of
 * the codes of one answer the weightiest counts.
 */
#pragma once

#include "base/complaint.h"
#include "base/settings.h"
#include "rules/value.h"

enum dns_list_kind { DNSBL, DNSWL, RHSBL, DNS_LIST_KINDS };

/* One section dnsbl, dnswl or rhsbl. */
struct dns_list_options {
	const char *name; /* the zone */
	double weight;    /* of a code that has none of its own */
	struct texts
		codes; /* "127.0.0.2", "127.0.0.4-127.0.0.7", "127.0.0.10-127.0.0.11=1.5"; none: all */
	int action;    /* enum action */
	bool canaries; /* they are looked at */
	int64_t share; /* percent of known-good clients that it may list */
};

struct dns_list_code {
	uint32_t first, last;
	double weight;
};

struct dns_list {
	enum dns_list_kind kind;
	const struct dns_list_options *options;
	const char *zone; /* in small letters */
	struct dns_list_code *codes;
	size_t count;
};

struct dns_lists {
	struct dns_list *items;
	size_t count;
};

/* Of all sections of the three kinds, in the order of the file. Complains about zones and codes that are none. */
struct dns_lists dns_lists_read(
	const void *parent, const struct settings *settings, struct complaints *complaints);

/* The section's name: "dnsbl" … */
const char *dns_list_kind_name(enum dns_list_kind kind);

/* Whether the codes that a zone answered are a hit; its weight, below 0 for good clients, and the code that counts. */
struct dns_list_hit {
	double weight;
	const char *code;
};
bool dns_list_matches(
	const struct dns_list *list, const struct value_texts *codes, struct dns_list_hit *hit);

/* Whether the address that a zone answered is a code at all; and whether it says that the list does not answer us. */
bool dns_list_is_code(const char *address);
bool dns_list_is_refusal(const char *address);
