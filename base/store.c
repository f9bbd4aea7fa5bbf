/* SPDX-License-Identifier: Apache-2.0 */
/* A memory with expiry: keys, and the alarm when it fails. */
#include "base/store.h"

#include "base/log.h"

#include <assert.h>
#include <openssl/evp.h>
#include <talloc.h>

#define QUIET_MILLISECONDS 60000 /* between two alarms */

struct store {
	struct clock *clock;
	struct store_way way;
	uint64_t failures;
	uint64_t alarmed; /* when the last alarm was; 0: never */
	bool alarm;       /* the log says that it fails */
};

struct store *store_new(const void *parent, struct clock *clock, struct store_way way)
{
	struct store *store = talloc_zero(parent, struct store);

	store->clock = clock;
	store->way = way;
	return store;
}

struct store_key store_key(const char *kind, struct slice text)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct store_key key;
	bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) &&
		EVP_DigestUpdate(context, kind, strlen(kind) + 1) &&
		EVP_DigestUpdate(context, text.data, text.size) &&
		EVP_DigestFinal_ex(context, digest, NULL);

	assert(good);
	EVP_MD_CTX_free(context);
	memcpy(key.bytes, digest, sizeof key.bytes);
	return key;
}

void store_begin_getting(struct store *store, const struct store_key *key,
	struct store_entry *entry, struct await *await)
{
	*entry = (struct store_entry){0};
	store->way.get(store->way.owner, key, entry, await);
}

void store_begin_adding(struct store *store, const struct store_note *note,
	struct store_entry *entry, struct await *await)
{
	*entry = (struct store_entry){0};
	store->way.add(store->way.owner, note, entry, await);
}

void store_add(struct store *store, const struct store_note *note)
{
	store->way.add(store->way.owner, note, NULL, NULL);
}

uint64_t store_wall(const struct store *store)
{
	return clock_wall(store->clock);
}

static void raise_alarm(struct store *store, const char *trouble)
{
	uint64_t now = clock_now(store->clock);

	if (store->alarm || (store->alarmed && now - store->alarmed < QUIET_MILLISECONDS))
		return;
	store->alarm = true;
	store->alarmed = now;
	log_event(LEVEL_ERROR, "store_failed",
		"%s; mail goes on, but what the store would know counts as not known", trouble);
}

void store_report(struct store *store, const char *trouble)
{
	if (trouble) {
		store->failures++;
		raise_alarm(store, trouble);
	} else if (store->alarm) {
		store->alarm = false;
		log_event(LEVEL_NOTICE, "store_works", "the store answers again");
	}
}

uint64_t store_failures(const struct store *store)
{
	return store->failures;
}
