/* SPDX-License-Identifier: Apache-2.0 */
/* The DNS as the settings want it. */
#include "proxy/resolver.h"

#include "base/dns_unbound.h"
#include "policy/dns_learner.h"

#include <talloc.h>

struct dns *resolver_new(const void *parent, struct loop *loop, const struct dns_options *options)
{
	const struct dns_unbound_setup setup = {
		.servers = options->servers.items,
		.server_count = options->servers.count,
		.trust_anchor = options->trust_anchor,
		.in_flight = (size_t)options->in_flight,
	};
	struct dns_unbound *unbound = dns_unbound_new(parent, loop, &setup);
	struct dns *dns;

	if (!unbound)
		return NULL;
	dns = dns_new(parent, loop->clock, dns_unbound_resolver(unbound),
		(struct dns_limits){(uint64_t)options->timeout, (size_t)options->in_flight});
	talloc_steal(dns, unbound);
	return dns;
}

void resolver_teach(struct dns *dns, struct learner *learners)
{
	if (dns)
		learners[LEARNER_DNS] = dns_learner(dns);
}
