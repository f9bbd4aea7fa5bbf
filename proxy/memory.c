/* SPDX-License-Identifier: Apache-2.0 */
/* What a gateway remembers of clients and senders. */
#include "proxy/memory.h"

#include "base/loop.h"
#include "base/store_reader.h"
#include "base/store_redis.h"
#include "policy/known_good.h"
#include "policy/rates.h"
#include "proxy/keeper.h"

#include <assert.h>

/* --- where --- */

static void send_update(void *owner, struct slice updates)
{
	keeper_link_update(owner, updates);
}

static struct store *open_redis(
	const void *parent, struct loop *loop, const struct store_options *options)
{
	struct store_redis_setup setup = {
		.password = options->redis_password, .timeout = (uint64_t)options->redis_timeout};
	bool good = ip_parse_with_port(slice_of(options->redis), &setup.ip, &setup.port);

	assert(good);
	return store_redis_new(parent, loop, &setup);
}

struct store *memory_new(const void *parent, struct loop *loop, const struct store_options *options,
	struct keeper_link *keeper)
{
	if (options->redis)
		return open_redis(parent, loop, options);
	if (!options->path || !keeper)
		return NULL;
	return store_reader_new(
		parent, loop->clock, options->path, (struct store_sender){send_update, keeper});
}

/* --- what --- */

void memory_begin_recalling(struct session *s, struct store_entry *entry, struct await *await)
{
	char client[KNOWN_GOOD_CLIENT_SIZE];

	*entry = (struct store_entry){0};
	if (!s->gateway->store || s->trusted || s->trusted_relay) {
		await_skip(await, OUTCOME_DONE);
		return;
	}
	struct store_key key = known_good_key(known_good_client(&s->ip, client));
	store_begin_getting(s->gateway->store, &key, entry, await);
}

void memory_note_accepted(struct transaction *transaction)
{
	struct store *store = transaction->session->gateway->store;
	struct store_note notes[KNOWN_GOOD_NOTES];
	size_t count = store ? known_good_notes(transaction->inquiry, notes) : 0;

	for (size_t i = 0; i < count; i++)
		store_add(store, &notes[i]);
}

void memory_note_error(struct session *s)
{
	const struct policy *policy = s->gateway->configuration->policy;
	struct store *store = s->gateway->store;
	struct store_note note;

	for (size_t i = 0; store && i < policy->rate_count; i++) {
		if (rates_note_error(s->inquiry, i, store_wall(store), &note))
			store_add(store, &note);
	}
}
