/* SPDX-License-Identifier: Apache-2.0 */
/* A store for tests. */
#include "tests/fakes/shelf.h"

#include <talloc.h>
#include <utlist.h>

#define SLOW_MILLISECONDS 500 /* and then it has failed */

struct shelf_item {
	struct store_key key;
	struct store_entry entry;
	uint64_t expires;
	struct shelf_item *prev, *next;
};

static struct shelf_item *find(struct shelf *shelf, const struct store_key *key)
{
	struct shelf_item *item;

	DL_FOREACH(shelf->items, item)
	{
		if (memcmp(&item->key, key, sizeof *key) == 0)
			return item;
	}
	return NULL;
}

static void forget(void *operation)
{
	struct shelf *shelf = operation;

	shelf->waiting = NULL;
}

static bool is_well(struct shelf *shelf, struct await *await)
{
	if (shelf->mood == SHELF_WELL) {
		store_report(shelf->store, NULL);
		if (await)
			await_skip(await, OUTCOME_DONE);
		return true;
	}
	store_report(shelf->store, "the shelf is gone");
	if (await && shelf->mood == SHELF_GONE)
		await_skip(await, OUTCOME_FAILED);
	else if (await)
		await_begin(await, SLOW_MILLISECONDS, forget, shelf);
	shelf->waiting = await;
	return false;
}

static bool is_alive(const struct shelf *shelf, const struct shelf_item *item)
{
	return item && item->expires > clock_wall(shelf->clock);
}

static void get(
	void *owner, const struct store_key *key, struct store_entry *entry, struct await *await)
{
	struct shelf *shelf = owner;
	const struct shelf_item *item = find(shelf, key);

	shelf->gets++;
	if (is_well(shelf, await) && is_alive(shelf, item))
		*entry = item->entry;
}

static struct shelf_item *item_for(struct shelf *shelf, const struct store_key *key)
{
	struct shelf_item *item = find(shelf, key);

	if (!item) {
		item = talloc_zero(shelf, struct shelf_item);
		item->key = *key;
		DL_APPEND(shelf->items, item);
	}
	if (!is_alive(shelf, item))
		item->entry = (struct store_entry){.first = clock_wall(shelf->clock)};
	return item;
}

static void add(
	void *owner, const struct store_note *note, struct store_entry *entry, struct await *await)
{
	struct shelf *shelf = owner;
	uint64_t wall = clock_wall(shelf->clock);
	struct shelf_item *item;

	shelf->adds++;
	if (!is_well(shelf, await))
		return;
	item = item_for(shelf, &note->key);
	item->entry.count += note->amount;
	item->entry.last = wall;
	if (wall + note->lifetime > item->expires)
		item->expires = wall + note->lifetime;
	if (entry)
		*entry = item->entry;
}

struct shelf *shelf_new(const void *parent, struct clock *clock)
{
	struct shelf *shelf = talloc_zero(NULL, struct shelf);

	shelf->clock = clock;
	shelf->store = store_new(parent, clock, (struct store_way){get, add, shelf});
	talloc_steal(shelf->store, shelf);
	return shelf;
}
