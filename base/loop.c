/* SPDX-License-Identifier: Apache-2.0 */
/* libevent's base, the clock and the scratch buffer of a process. */
#include "base/loop.h"

#include <assert.h>
#include <event2/event.h>
#include <signal.h>
#include <sys/time.h>
#include <talloc.h>

static void put_end_off(unsigned seconds)
{
	const struct itimerval end = {.it_value = {.tv_sec = seconds}};

	setitimer(ITIMER_PROF, &end, NULL);
}

static void on_alive(void *owner)
{
	struct loop *loop = owner;

	put_end_off(loop->turn_seconds);
	timer_start(&loop->alive, loop->clock, loop->turn_seconds * 1000 / 4);
}

static int close_loop(struct loop *loop)
{
	if (loop->turn_seconds)
		put_end_off(0);
	timer_stop(&loop->alive);
	talloc_free(loop->clock);
	event_base_free(loop->base);
	return 0;
}

struct loop *loop_new(const void *parent)
{
	struct loop *loop = talloc_zero(parent, struct loop);
	struct event_config *config = event_config_new();

	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
	loop->base = event_base_new_with_config(config);
	event_config_free(config);
	assert(loop->base);
	signal(SIGPIPE, SIG_IGN);
	loop->clock = clock_new(loop, loop->base);
	loop->scratch = talloc_array(loop, char, LOOP_SCRATCH_SIZE);
	talloc_set_destructor(loop, close_loop);
	return loop;
}

void loop_watch(struct loop *loop, unsigned seconds)
{
	loop->turn_seconds = seconds;
	loop->alive = (struct timer){.on_due = on_alive, .owner = loop};
	on_alive(loop);
}

void loop_run(struct loop *loop)
{
	event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void loop_stop(struct loop *loop)
{
	event_base_loopbreak(loop->base);
}

void loop_turn(struct loop *loop, bool wait)
{
	event_base_loop(loop->base, EVLOOP_ONCE | (wait ? 0 : EVLOOP_NONBLOCK));
}
