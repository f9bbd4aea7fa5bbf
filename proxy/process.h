/* SPDX-License-Identifier: Apache-2.0
 *
 * One process below the master, from its first fork to its last death: it starts, says that it is ready, serves, dies, and
 * comes back after a while that doubles with each death (and is forgotten after a quiet time). Kinds of process are rows of
 * a table in process.c; to add one: write its run function, add its row.
 *
 * In the child nothing of the master is left but what struct child names: the master's loop, channels and control socket are
 * given back in the child without the parent's noticing.
 */
#pragma once

#include "base/clock.h"
#include "base/table.h"
#include "proxy/backoff.h"
#include "proxy/channel.h"
#include "proxy/listeners.h"
#include "proxy/scan_ports.h"

#include <sys/types.h>

enum { PROCESS_TURN_SECONDS = 30 }; /* for loop_watch() */

struct loop;
struct plugin_set;
struct process;
struct recipients;

/* What a process gets from the master. Its descriptors and everything else here belong to the process. */
struct child {
	const struct configuration *configuration;
	struct listeners *listeners;
	struct table *table;
	unsigned number; /* among those of its kind, from 0 */
	unsigned column; /* of the table; no other living process has it */
	int channel;     /* to the master */
	bool rehearsal;  /* comes up and ends; asks nobody outside */
	int recipients;  /* the list that counts, compiled; -1: none yet. For those that serve */
	int records;     /* the keeper reads verdict records here; all others write them */
	struct scan_ports *scans; /* NULL: nothing is scanned */
};

struct process_kind {
	const char *name;
	size_t (*count)(const struct configuration *configuration);
	int (*run)(const struct child *child); /* in the process; its exit status */
	bool serves;                           /* the listeners' slots are dealt out over these */
	bool keeps;                            /* reads the records that the others write */
	bool is_expendable;                    /* its death is provided for: it is back at once */
};

/* What the processes of a generation speak over with each other. */
struct wires {
	int records[2];           /* the keeper's end and that of the others; -1: none */
	struct scan_ports *scans; /* NULL: none */
};

/* NULL-ended by name. A kind is told to end when none of a kind further down lives any more. */
extern const struct process_kind process_kinds[];

/* What all processes are forked with. */
struct heritage {
	void *master; /* talloc: all that has no place in a child */
	struct loop *loop;
	struct table *table;
	struct listeners *listeners;
	struct tls_tickets *tickets;
	struct recipients *recipients;
	struct plugin_set *plugins;
	bool columns[TABLE_COLUMNS]; /* which are given to a living process */
	bool rehearsal;              /* see rehearsal.h */
};

enum process_state {
	PROCESS_STARTING,
	PROCESS_READY,
	PROCESS_DRAINING, /* told to end; does not come back */
	PROCESS_WAITING,  /* dead, until its time has come again */
	PROCESS_GONE      /* dead for good */
};

struct process_events {
	void (*on_ready)(void *owner, struct process *process);
	void (*on_death)(void *owner,
		struct process *process); /* the state is still that before the death */
	void *owner;
};

struct process {
	const struct process_kind *kind;
	unsigned number;
	enum process_state state;
	pid_t pid; /* 0: not alive */
	unsigned column;
	unsigned restarts;
	uint64_t ready_since;
	struct backoff backoff; /* before it comes back */
	struct timer timer;     /* it should be ready by then; or comes back */
	struct channel *channel;
	struct heritage *heritage;
	const struct configuration *configuration;
	bool taken_over; /* another program forked it: it ends by itself when nobody needs it */
	const struct wires *wires; /* its generation's */
	struct process_events events;
};

struct process *process_new(const void *parent, struct heritage *heritage,
	const struct process_kind *kind, unsigned number, struct process_events events);

/* fork() in the master: no signal reaches the child, in which all stay blocked, while it still has the master's handlers. */
pid_t process_fork(void);

/* Forks. False, after a word in the log, when there is no place for one more. */
bool process_start(struct process *process, const struct configuration *configuration,
	const struct wires *wires) __attribute__((warn_unused_result));
/* What a program that takes our place needs of it, and taking it over: it is ours as if we had forked it, but can never come back
 * when it has died. */
struct handover_process;
struct handover_process process_hand_over(const struct process *process);
void process_take_over(struct process *process, const struct handover_process *given);

/* NULL for none of that name. */
const struct process_kind *process_kind_named(const char *name);

/* Has it come back after its pause. */
void process_restart(struct process *process);
/* Tells it something; one that does not listen is killed. */
void process_tell(struct process *process, enum channel_message message, uint32_t argument);
/* Gives it a copy of the list of recipients that counts from now on. */
void process_tell_recipients(struct process *process, int descriptor);
/* It is to end (CHANNEL_DRAIN or CHANNEL_END), for good. */
void process_retire(struct process *process, enum channel_message message);
void process_kill(struct process *process);
bool process_is_alive(const struct process *process);

/* The process has died with this status of waitpid(): clears up behind it and raises on_death. */
void process_bury(struct process *process, int status);

const char *process_state_name(enum process_state state);
