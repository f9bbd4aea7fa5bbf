/* SPDX-License-Identifier: Apache-2.0
 *
 * How many of the known-good clients a list in the DNS has. A list that has too many lists the wrong ones. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* How many were asked about, and how many of them were listed. */
struct list_share {
	uint32_t seen, listed;
};

#define LIST_SHARE_LEAST 20  /* known-good clients, before their share means anything */
#define LIST_SHARE_MOST 1000 /* from then on what was long ago counts half */

void list_share_note(struct list_share *share, bool is_listed);
bool list_share_is_beyond(const struct list_share *share, int64_t percent);
