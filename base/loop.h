/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop of a process: libevent's base, the clock, and one scratch buffer into which streams read before anything
 * is known about what they read. One a process, made after the fork; from then on the process ignores SIGPIPE.
 */
#pragma once

#include "base/clock.h"

#define LOOP_SCRATCH_SIZE 131072

struct stream;

struct loop {
	struct event_base *base;
	struct clock *clock;
	struct timer alive; /* loop_watch() */
	unsigned turn_seconds;
	char *scratch;
	struct stream *scratch_owner; /* whose unread bytes lie in it, or NULL */
};

/* Freed with talloc_free, after everything that waits on it. */
struct loop *loop_new(const void *parent);
/* From now on SIGPROF ends the process when one turn, or what it does outside of turns, takes so many seconds of processor time: who goes
 * round in circles would serve nobody and hear nothing, not even that it is to end. No children inherit it. */
void loop_watch(struct loop *loop, unsigned seconds);
/* Runs until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* One turn: waits for the next thing to happen if wait is true, and handles what is ready. */
void loop_turn(struct loop *loop, bool wait);
