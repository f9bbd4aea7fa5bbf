/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers to a dns (base/dns.h) from libunbound on our loop: it asks the name servers given, or those of the system's resolv.conf, over UDP and
 * after a truncated answer over TCP, and remembers their answers, negative ones too, as long as their TTL and in bounded
 * memory. With a trust anchor it validates (DNSSEC).
 *
 * Make it after the fork and before the sandbox: resolv.conf is read here, once. The library's own patience with a dead server is longer
 * than ours; the dns has the deadline.
 */
#pragma once

#include "base/dns.h"
#include "base/loop.h"

struct dns_unbound_setup {
	const char *const *servers; /* ADDRESS:PORT */
	size_t server_count;        /* 0: the system's */
	const char *trust_anchor;   /* file; NULL: nothing is validated */
	size_t in_flight;           /* as of the dns */
};

/* NULL, after an error in the log, when the library does not want to. */
struct dns_unbound *dns_unbound_new(
	const void *parent, struct loop *loop, const struct dns_unbound_setup *setup);

/* What the dns is to be given. It may go with the dns. */
struct dns_resolver dns_unbound_resolver(struct dns_unbound *unbound);
