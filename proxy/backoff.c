/* SPDX-License-Identifier: Apache-2.0 */
/* Pauses that double. */
#include "proxy/backoff.h"

enum { PAUSE_LEAST = 100, PAUSE_MOST = 30000 };

static uint64_t next(uint64_t pause)
{
	if (pause == 0)
		return PAUSE_LEAST;
	return pause * 2 > PAUSE_MOST ? PAUSE_MOST : pause * 2;
}

uint64_t backoff_take(struct backoff *backoff)
{
	uint64_t pause = backoff->pause;

	backoff->pause = next(pause);
	return pause;
}

void backoff_forget(struct backoff *backoff)
{
	backoff->pause = 0;
}
