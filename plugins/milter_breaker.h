/* SPDX-License-Identifier: Apache-2.0
 *
 * What all workers know together of one milter: whether it may be asked. It lives in words of the shared table.
 *
 *     up     asked by all. After MILTER_FAILURES failures running: down. What fails in the same moment is one failure: a milter that
 *            crashes takes all its connections along
 *     down   asked by nobody, for MILTER_PAUSE; then one worker takes it upon itself to probe it: it connects and negotiates.
 *            Up again, or down for another pause. One that does not come back loses its turn after MILTER_TURN
 *
 * Each change is told to the one worker that made it. When the table has no room for one more, each worker knows what it has seen
 * itself. All times are clock_now().
 */
#pragma once

#include "base/table.h"

#define MILTER_FAILURES 3
#define MILTER_MOMENT 100
#define MILTER_PAUSE 5000
#define MILTER_TURN 300000

struct milter_breaker {
	_Atomic uint64_t *words; /* in the table, or own */
	_Atomic uint64_t own[TABLE_WORDS];
};

/* The kind is the caller's for words of milters; name and socket together are its key. The struct is not to be moved afterwards. */
void milter_breaker_init(struct milter_breaker *breaker, struct table *table, uint8_t kind,
	const char *name, const char *socket);

bool milter_breaker_is_down(const struct milter_breaker *breaker);

/* True when that has changed whether it is down. */
bool milter_breaker_fail(struct milter_breaker *breaker, uint64_t now);
bool milter_breaker_succeed(struct milter_breaker *breaker);

/* The right to probe one that is down: true for one worker only. */
bool milter_breaker_begin_probe(struct milter_breaker *breaker, uint64_t now);
