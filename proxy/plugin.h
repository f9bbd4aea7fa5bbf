/* SPDX-License-Identifier: Apache-2.0
 *
 * One plugin: a process of the master's that outlives its own deaths, and the generations that want it.
 *
 * The listening socket is the master's, and has no name in the file system: workers connect by a descriptor, the entrance, that
 * they inherit. So connections wait in its queue while the plugin starts, and nobody else can come in. A program may
 * listen by itself instead; then there is neither socket nor entrance.
 *
 *     running    it has been started, and lives
 *     waiting    dead; it comes back at once when it had lived PLUGIN_QUIET, else after a while that doubles. While that is long, who connects is
 *                turned away, lest every session wait in vain
 *     dead       it was begun by the program whose place we have taken, and no configuration since has named it: it cannot come back
 *     ending     nobody wants it any more: it was told to end, and is killed after PLUGIN_PATIENCE. An object has PLUGIN_PATIENCE_OBJECT alone: its host would
 *                notice only seconds later, and there is nobody whom it serves
 */
#pragma once

#include "base/clock.h"
#include "proxy/backoff.h"
#include "proxy/plugin_command.h"

#include <event2/event_struct.h>

#define PLUGIN_QUIET 1000
#define PLUGIN_PATIENCE 5000
#define PLUGIN_PATIENCE_OBJECT 500

struct handover_plugin;
struct loop;
struct plugin;
struct plugin_output;

enum plugin_state { PLUGIN_RUNNING, PLUGIN_WAITING, PLUGIN_DEAD, PLUGIN_ENDING };

struct plugin_events {
	void (*on_gone)(
		void *owner, struct plugin *plugin); /* the end of an ending one; frees it */
	void *owner;
};

struct plugin {
	struct plugin *prev, *next; /* of the set */
	struct loop *loop;
	const char *name;
	char digest[PLUGIN_COMMAND_DIGEST];
	unsigned serial;      /* no other has had it */
	unsigned first, last; /* the generations that want it */
	enum plugin_state state;
	pid_t pid; /* 0: not alive */
	unsigned restarts;
	uint64_t started; /* clock_now() */
	struct backoff backoff;
	struct timer timer;             /* it comes back, or is killed */
	int socket;                     /* -1: none */
	int *entrance;                  /* an object of its own, which closes it; NULL: none */
	struct event visitor;           /* added while who comes is turned away */
	struct plugin_command *command; /* NULL: unknown */
	struct plugin_output *output;   /* NULL: nobody to hear */
	pid_t maker;
	struct plugin_events events;
};

/* Takes the command and opens the socket; nothing runs yet. The entrance lives under `entrances`. NULL, with a word in the log, when there is no socket to be
 * had. */
struct plugin *plugin_new(const void *parent, void *entrances, struct loop *loop,
	struct plugin_command *command, unsigned serial, struct plugin_events events);

void plugin_start(struct plugin *plugin);

/* What another generation wants is the same: it comes back from this. */
void plugin_keep(struct plugin *plugin, struct plugin_command *command);

/* It is to end, for good. */
void plugin_end(struct plugin *plugin);

/* Its process has died with this status of waitpid(). */
void plugin_bury(struct plugin *plugin, int status);

const char *plugin_state_name(enum plugin_state state);

/* What a program that takes our place needs of it; and taking it over. */
struct handover_plugin plugin_hand_over(const struct plugin *plugin);
struct plugin *plugin_take_over(const void *parent, void *entrances, struct loop *loop,
	const struct handover_plugin *given, struct plugin_events events);
