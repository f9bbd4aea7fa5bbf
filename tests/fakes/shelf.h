/* SPDX-License-Identifier: Apache-2.0
 *
 * A store in the memory of the test. It answers at once, or not before it is told to, or fails.
 */
#pragma once

#include "base/store.h"

enum shelf_mood { SHELF_WELL, SHELF_SLOW, SHELF_GONE };

struct shelf {
	struct store *store;
	enum shelf_mood mood;
	size_t gets, adds; /* how often it was asked */
	struct clock *clock;
	struct shelf_item *items;
	struct await *waiting; /* the last that was asked of a slow one */
};

struct shelf *shelf_new(const void *parent, struct clock *clock);
