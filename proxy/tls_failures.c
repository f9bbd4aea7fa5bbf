/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that cannot do TLS: a ring of failures, counted by address in the table. */
#include "proxy/tls_failures.h"

#include "proxy/counters.h"

#include <talloc.h>

enum { ENOUGH = 2, DAY_MILLISECONDS = 86400000 };

struct failure {
	struct ip client;
	uint64_t time;
};

struct tls_failures {
	struct clock *clock;
	struct table *table;
	size_t first, count;
	struct failure *ring; /* made with the first failure */
};

static void forget_first(struct tls_failures *failures)
{
	const struct ip *client = &failures->ring[failures->first].client;

	table_count_key(failures->table, KEY_TLS_FAILURE, client->bytes, sizeof client->bytes, -1);
	failures->first = (failures->first + 1) % TLS_FAILURES_MOST;
	failures->count--;
}

static void forget_old(struct tls_failures *failures)
{
	uint64_t now = clock_now(failures->clock);

	while (failures->count && now - failures->ring[failures->first].time >= DAY_MILLISECONDS)
		forget_first(failures);
}

static int forget_all(struct tls_failures *failures)
{
	while (failures->count)
		forget_first(failures);
	return 0;
}

struct tls_failures *tls_failures_new(const void *parent, struct clock *clock, struct table *table)
{
	struct tls_failures *failures = talloc_zero(parent, struct tls_failures);

	failures->clock = clock;
	failures->table = table;
	talloc_set_destructor(failures, forget_all);
	return failures;
}

void tls_failures_note(struct tls_failures *failures, const struct ip *client)
{
	forget_old(failures);
	if (failures->count == TLS_FAILURES_MOST)
		forget_first(failures);
	if (table_count_key(
		    failures->table, KEY_TLS_FAILURE, client->bytes, sizeof client->bytes, 1) == 0)
		return; /* no room there */
	if (!failures->ring)
		failures->ring = talloc_array(failures, struct failure, TLS_FAILURES_MOST);
	failures->ring[(failures->first + failures->count++) % TLS_FAILURES_MOST] =
		(struct failure){*client, clock_now(failures->clock)};
}

bool tls_failures_has(struct tls_failures *failures, const struct ip *client)
{
	forget_old(failures);
	return table_key_sum(failures->table, KEY_TLS_FAILURE, client->bytes,
		       sizeof client->bytes) >= ENOUGH;
}
