/* SPDX-License-Identifier: Apache-2.0
 *
 * A generation is a set of processes with one configuration: what a reload makes. It is starting until all of its processes
 * have said that they are ready, active while it serves, then drains and is gone.
 *
 * While active, it deals the listeners' slots out over its serving processes: a slot is served by the process of its number
 * (slots beyond them are spread), or, while that one is dead, by the next living one; and whoever died comes back. While it
 * starts, a death is the failure of the whole generation.
 */
#pragma once

#include "proxy/process.h"

struct generation;

struct generation_events {
	void (*on_ready)(void *owner, struct generation *generation);
	void (*on_failed)(
		void *owner, struct generation *generation); /* a process died while starting */
	void (*on_gone)(void *owner,
		struct generation *generation); /* the last process has ended; may free it */
	void *owner;
};

enum generation_state { GENERATION_STARTING, GENERATION_ACTIVE, GENERATION_DRAINING };

struct generation {
	struct generation *prev, *next; /* the master's list */
	unsigned number;
	enum generation_state state;
	const struct configuration *configuration; /* NULL when taken over */
	struct process **processes;                /* talloc array */
	size_t slots;                              /* dealt out */
	struct process **servers;                  /* who serves each slot; NULL: nobody */
	struct wires wires;
	struct heritage *heritage;
	struct timer timer; /* the end of draining */
	bool ending;        /* told to end at once */
	bool taken_over;    /* another program forked it: who dies does not come back */
	uint64_t drain;     /* milliseconds that sessions may go on */
	uint64_t end;       /* and those that must not be cut off */
	struct generation_events events;
};

/* Takes the configuration under itself. No process is forked yet. */
struct generation *generation_new(const void *parent, struct heritage *heritage,
	struct configuration *configuration, unsigned number, struct generation_events events);

/* What a program that takes our place needs of it, arrays under the parent; and taking it over. */
struct handover_generation;
struct handover_generation generation_hand_over(
	const void *parent, const struct generation *generation);
struct generation *generation_take_over(const void *parent, struct heritage *heritage,
	const struct handover_generation *given, struct generation_events events);

/* How many processes serve under this configuration. */
size_t generation_servers(const struct configuration *configuration);

/* Forks all. False when one could not be: then abandon it. */
bool generation_start(struct generation *generation) __attribute__((warn_unused_result));

/* Serves all slots there are now. */
void generation_serve(struct generation *generation);

/* Ends it: sessions may finish within process.drain; with now, only what must not be cut off. Calling it again with now
 * hastens. What lives on beyond the longest wait for a backend is killed. on_gone is raised from the loop. */
void generation_drain(struct generation *generation, bool now);

/* Has the serving processes take what waits at listeners that another configuration does not name. */
void generation_sweep(struct generation *generation, const struct configuration *next);

/* Gives all that serve a copy of the list of recipients. */
void generation_tell_recipients(struct generation *generation, int descriptor);

void generation_kill(struct generation *generation);
/* Ends one that has never served. on_gone is raised from the loop. */
void generation_abandon(struct generation *generation);

/* The process with this pid, or NULL. */
struct process *generation_process(const struct generation *generation, pid_t pid);
