/* SPDX-License-Identifier: Apache-2.0 */
/* How many of the known-good clients a list has. */
#include "policy/list_share.h"

void list_share_note(struct list_share *share, bool is_listed)
{
	share->seen++;
	share->listed += is_listed;
	if (share->seen >= LIST_SHARE_MOST) {
		share->seen /= 2;
		share->listed /= 2;
	}
}

bool list_share_is_beyond(const struct list_share *share, int64_t percent)
{
	return share->seen >= LIST_SHARE_LEAST &&
		(int64_t)share->listed * 100 > percent * (int64_t)share->seen;
}
