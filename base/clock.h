/* SPDX-License-Identifier: Apache-2.0
 *
 * The clock owns all timers of a process, in one heap; libevent hears only of the nearest. So a test can move time
 * by hand. Times are milliseconds: clock_now() is monotonic, clock_wall() is the calendar's; both are as exact as
 * the system's tick, some milliseconds. A timer is embedded in what waits, started as often as wanted and must be stopped before
 * its memory goes (await does so by itself).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct clock;

struct timer {
	uint64_t due;
	void (*on_due)(void *owner);
	void *owner;
	struct clock *clock; /* set while running */
	size_t position;     /* in the heap, from 1; 0 when not running */
};

struct clock *clock_new(const void *parent, struct event_base *base);

/* Milliseconds of the monotonic clock. */
uint64_t clock_now(const struct clock *clock);
/* Milliseconds since 1970, UTC; moves with clock_move() too. */
uint64_t clock_wall(const struct clock *clock);
/* Microseconds for measuring how long something took; never moved by hand. */
uint64_t clock_microseconds(void);

/* Starts or restarts: on_due(owner) runs once after so many milliseconds, from the loop. */
void timer_start(struct timer *timer, struct clock *clock, uint64_t milliseconds);
void timer_stop(struct timer *timer);
bool timer_is_running(const struct timer *timer);

/* For tests: from now on time stands still and moves only here. Due timers run, in order, each at its own time. */
void clock_move(struct clock *clock, uint64_t milliseconds);
