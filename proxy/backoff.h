/* SPDX-License-Identifier: Apache-2.0
 *
 * How long to wait before what has died is started again: not at all the first time, then a while that doubles with each death, up to
 * half a minute. Whoever owns it knows when all is forgotten.
 */
#pragma once

#include <stdint.h>

struct backoff {
	uint64_t pause; /* the next, milliseconds */
};

/* The pause before the next start. */
uint64_t backoff_take(struct backoff *backoff);

/* The next death is a first one. */
void backoff_forget(struct backoff *backoff);
