/* SPDX-License-Identifier: Apache-2.0 */
/* Timers in a binary heap; the nearest one is libevent's. */
#include "base/clock.h"

#include <assert.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <talloc.h>
#include <time.h>

struct clock {
	struct timer **heap; /* from index 1 */
	size_t count;
	size_t room;
	struct event event;
	uint64_t armed;    /* when the event will come; UINT64_MAX: never */
	bool still;        /* time moves by hand */
	uint64_t now;      /* while it stands still */
	uint64_t calendar; /* what the calendar is ahead of it then */
};

static uint64_t read_clock(clockid_t id, unsigned per_second)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * per_second + (uint64_t)t.tv_nsec / (1000000000U / per_second);
}

/* The time of the system's last tick, which costs a fifth of the exact one, and is asked for thirty times a message. */
uint64_t clock_now(const struct clock *clock)
{
	return clock->still ? clock->now : read_clock(CLOCK_MONOTONIC_COARSE, 1000);
}

/* For timers that come due: a tick ago they might not have. */
static uint64_t exact_now(const struct clock *clock)
{
	return clock->still ? clock->now : read_clock(CLOCK_MONOTONIC, 1000);
}

uint64_t clock_wall(const struct clock *clock)
{
	return clock->still ? clock->now + clock->calendar
			    : read_clock(CLOCK_REALTIME_COARSE, 1000);
}

uint64_t clock_microseconds(void)
{
	return read_clock(CLOCK_MONOTONIC, 1000000);
}

/* Arms the event for the nearest timer unless it comes early enough anyway. */
static void arm(struct clock *clock)
{
	if (clock->still || clock->count == 0 || clock->heap[1]->due >= clock->armed)
		return;
	uint64_t now = exact_now(clock);
	uint64_t wait = clock->heap[1]->due > now ? clock->heap[1]->due - now : 0;
	struct timeval after = {(time_t)(wait / 1000), (suseconds_t)(wait % 1000) * 1000};

	clock->armed = clock->heap[1]->due;
	event_add(&clock->event, &after);
}

static void put(struct clock *clock, size_t position, struct timer *timer)
{
	clock->heap[position] = timer;
	timer->position = position;
}

static void move_up(struct clock *clock, size_t position)
{
	struct timer *timer = clock->heap[position];

	while (position > 1 && clock->heap[position / 2]->due > timer->due) {
		put(clock, position, clock->heap[position / 2]);
		position /= 2;
	}
	put(clock, position, timer);
}

static void move_down(struct clock *clock, size_t position)
{
	struct timer *timer = clock->heap[position];

	for (;;) {
		size_t child = position * 2;
		if (child > clock->count)
			break;
		if (child < clock->count && clock->heap[child + 1]->due < clock->heap[child]->due)
			child++;
		if (clock->heap[child]->due >= timer->due)
			break;
		put(clock, position, clock->heap[child]);
		position = child;
	}
	put(clock, position, timer);
}

void timer_stop(struct timer *timer)
{
	struct clock *clock = timer->clock;
	size_t position = timer->position;

	if (position == 0)
		return;
	struct timer *filler = clock->heap[clock->count--];
	timer->position = 0;
	if (filler == timer)
		return;
	put(clock, position, filler);
	move_up(clock, position);
	move_down(clock, filler->position);
}

void timer_start(struct timer *timer, struct clock *clock, uint64_t milliseconds)
{
	timer_stop(timer);
	timer->clock = clock;
	timer->due = clock_now(clock) + milliseconds;
	if (clock->count + 1 >= clock->room) {
		clock->room = clock->room * 2;
		clock->heap = talloc_realloc(clock, clock->heap, struct timer *, clock->room);
	}
	put(clock, ++clock->count, timer);
	move_up(clock, clock->count);
	arm(clock);
}

bool timer_is_running(const struct timer *timer)
{
	return timer->position != 0;
}

static void run_due(struct clock *clock, uint64_t now)
{
	while (clock->count && clock->heap[1]->due <= now) {
		struct timer *timer = clock->heap[1];
		timer_stop(timer);
		if (clock->still)
			clock->now = timer->due > clock->now ? timer->due : clock->now;
		timer->on_due(timer->owner);
	}
}

static void on_event(evutil_socket_t descriptor, short what, void *owner)
{
	struct clock *clock = owner;

	(void)descriptor;
	(void)what;
	clock->armed = UINT64_MAX;
	run_due(clock, exact_now(clock));
	arm(clock);
}

void clock_move(struct clock *clock, uint64_t milliseconds)
{
	uint64_t target = clock_now(clock) + milliseconds;

	if (!clock->still) {
		clock->now = target - milliseconds;
		clock->calendar = clock_wall(clock) - clock->now;
		clock->still = true;
		event_del(&clock->event);
		clock->armed = UINT64_MAX;
	}
	run_due(clock, target);
	clock->now = target;
}

static int close_clock(struct clock *clock)
{
	event_del(&clock->event);
	return 0;
}

struct clock *clock_new(const void *parent, struct event_base *base)
{
	struct clock *clock = talloc_zero(parent, struct clock);

	clock->room = 64;
	clock->heap = talloc_array(clock, struct timer *, clock->room);
	clock->armed = UINT64_MAX;
	int failed = evtimer_assign(&clock->event, base, on_event, clock);
	assert(failed == 0);
	talloc_set_destructor(clock, close_clock);
	return clock;
}
