/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions to name servers, asked without waiting. One question (a name and a type) gets one answer: records as plain data, or no such
 * name, or no such records, or a failure with its reason. Whoever asks hands in an await; it always ends with OUTCOME_DONE and an
 * answer, at the latest when the timeout of this dns is over: a slow or dead server costs one failed answer. Cancelling the await
 * gives the question up.
 *
 * Those who ask the same at the same time share one question. No more than in_flight are with the name servers at a time; a question
 * that everybody has given up counts until the servers have answered it. The others wait in a queue, and beyond
 * DNS_QUEUE_MAXIMUM a question fails at once.
 *
 * Who answers is handed in: libunbound (base/dns_unbound.h), which remembers answers as long as their TTL, or a table in tests.
 *
 * What leaves here is safe to be put into headers and commands: a name in an answer (PTR, MX, CNAME) that is no host name is left out
 * and counted in dropped; a host name is letters, digits, hyphens, underscores and dots and nothing else. The bytes of a TXT are kept, strings joined
 * without a space, but that each NUL becomes DEL (0x7F), which no grammar knows; they are a stranger's bytes all the same,
 * with line ends in them where he likes.
 *
 * When DNS_ALARM_FAILURES questions in a row had no answer, and the last good one is half a minute ago, the log says so at level error, once; and
 * again when there are answers.
 *
 * Limits: of an answer no more than DNS_RECORDS_MAXIMUM records are kept; is_cut tells of more.
 */
#pragma once

#include "base/await.h"
#include "base/cidr.h"

#define DNS_NAME_MAXIMUM 253 /* octets of a name as text, without a dot at its end */
#define DNS_RECORDS_MAXIMUM 100
#define DNS_QUEUE_MAXIMUM 10000
#define DNS_ALARM_FAILURES 10

/* As in RFC 1035 §3.2.2 and RFC 3596. */
enum dns_type { DNS_A = 1, DNS_CNAME = 5, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28 };

enum dns_outcome { DNS_FOUND, DNS_NO_NAME, DNS_NO_DATA, DNS_FAILED };

enum dns_failure {
	DNS_WELL,
	DNS_TIMED_OUT,
	DNS_SERVFAIL,  /* also: no server answers */
	DNS_REFUSED,   /* or another code of the server */
	DNS_BOGUS,     /* DNSSEC says that it is forged */
	DNS_MALFORMED, /* no answer that can be read */
	DNS_OVERLOADED /* too many questions are waiting here */
};

struct dns_record {
	struct ip ip;        /* A, AAAA */
	uint16_t preference; /* MX */
	const char *text; /* a host name (MX also "."), or the bytes of a TXT; NULL for addresses */
};

struct dns_answer {
	enum dns_outcome outcome;
	enum dns_failure failure;
	bool secure;      /* DNSSEC vouches for it */
	bool is_cut;      /* there were more records */
	unsigned dropped; /* records whose name is no host name: they are not among these */
	struct dns_record *records;
	size_t count;
};

/* A question that was not answered yet, as who answers sees it. */
struct dns_question {
	const char *name; /* small letters, without a dot at its end */
	enum dns_type type;
	struct dns *dns;
};

/* Who answers. begin() is told of a question and calls dns_hear() once, now or later; the question stays until then, or until the
 * dns is freed: from then on dns_hear() must not be called. */
struct dns_resolver {
	void (*begin)(void *owner, struct dns_question *question);
	void *owner;
};

struct dns_limits {
	uint64_t timeout; /* ms */
	size_t in_flight;
};

/* The resolver's owner goes with the dns, or before it. */
struct dns *dns_new(const void *parent, struct clock *clock, struct dns_resolver resolver,
	struct dns_limits limits);

/* Asks. *answer is set before the await ends; it belongs to the dns until its asker has stolen it. A name that cannot be one
 * (empty labels, too long) does not exist. */
void dns_begin_asking(struct dns *dns, const char *name, enum dns_type type,
	struct dns_answer **answer, struct await *await);

/* For who answers: what has become of a question. It is copied; the question is gone. */
void dns_hear(struct dns_question *question, const struct dns_answer *answer);

/* How many questions are with the servers, and how many wait for their turn. */
size_t dns_in_flight(const struct dns *dns);
size_t dns_queued(const struct dns *dns);

/* "timed out" … for people. */
const char *dns_failure_text(enum dns_failure failure);

/* "A" … ; NULL for a type that is not ours. */
const char *dns_type_name(enum dns_type type);

/* Whether it is a host name: what may leave here. */
bool dns_is_host_name(struct slice name);

/* The name under which an address stands in a zone, "1.2.0.192.list.example"; without a suffix, where its PTR is (RFC 1035 §3.5,
 * RFC 3596 §2.5). */
char *dns_reverse(const void *parent, const struct ip *ip, const char *suffix);
