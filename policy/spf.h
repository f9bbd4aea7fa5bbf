/* SPDX-License-Identifier: Apache-2.0
 *
 * SPF (RFC 7208): check_host() as a pure function. It asks a source for what name servers know; what is not known yet makes the whole
 * run worthless: the outcome says so, and it is run again from its start when the answers are there. Before it gives up a run it asks for all
 * that the record in hand is going to ask for, so few runs are needed.
 *
 * Limits (§4.6.4): 10 terms that look something up, 10 names of one mx or ptr, 2 terms whose look-ups found nothing. A mechanism that looks
 * up several addresses in vain counts as one term, so that a client with IPv6 is not the ruin of a domain with three IPv4 servers.
 *
 * Deviation: none known. Where the RFC leaves a choice: a ptr with over 10 names looks at the first 10.
 */
#pragma once

#include "policy/spf_record.h"
#include "rules/value.h"

#define SPF_NAME_MAXIMUM 253

/* What is asked of name servers, by names of at most that size. The names of SPF_DNS_PTR are addresses in text. */
enum spf_dns { SPF_DNS_A, SPF_DNS_AAAA, SPF_DNS_MX, SPF_DNS_TXT, SPF_DNS_PTR };

/* FACT_ABSENT: no such name; FACT_KNOWN with no texts: nothing of that kind; FACT_FAILED: no answer. An MX is "10 mx.example.com". */
struct spf_source {
	enum fact_state (*ask)(
		void *owner, enum spf_dns kind, const char *name, struct value_texts *answer);
	void *owner;
};

struct spf_query {
	struct ip ip;
	const char *helo;
	const char *local; /* of the sender; "postmaster" when that is the null sender */
	const char *
		domain; /* of the sender, whose record is looked at; the HELO name when that is null */
	const char *receiver; /* our host name */
	int64_t seconds;      /* now, since 1970 */
};

struct spf_outcome {
	enum spf_result result;
	bool is_unknown;         /* an answer was missing: nothing else holds */
	const char *explanation; /* of a fail: what the domain has to say; ASCII; NULL: nothing */
	const char *
		mechanism; /* what matched, as written; "default" when nothing did; NULL without a record */
	const char *problem; /* of the two errors: what is wrong; NULL else */
};

/* The outcome's texts live under the parent. */
struct spf_outcome spf_evaluate(
	const void *parent, const struct spf_query *query, const struct spf_source *source);

/* "none", "neutral" …, in the order of enum spf_result; NULL-ended. */
extern const char *const spf_result_names[];
const char *spf_result_name(enum spf_result result);
