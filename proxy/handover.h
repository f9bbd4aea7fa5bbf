/* SPDX-License-Identifier: Apache-2.0
 *
 * What a master hands to the program that takes its place in the same process (exec): which descriptors are what, and which
 * processes are its children. A text of lines in a file without a name; the program finds its descriptor's number in the environment.
 *
 * A program of another version may read it: lines and words may be added at the end, never changed; what is not known is passed
 * over. A text that says another format at its front is refused.
 */
#pragma once

#include "base/cidr.h"

#define HANDOVER_NONE (-1)

struct handover_listener {
	uint32_t number;
	struct ip ip;
	uint16_t port;
	const char *path; /* of a local socket; NULL: none */
	int *descriptors; /* talloc array: one a slot */
};

struct handover_process {
	const char *kind; /* its name */
	unsigned number;
	int pid;
	unsigned column;
	bool draining; /* was told to end */
	unsigned restarts;
	int channel;
};

struct handover_plugin {
	unsigned serial;
	int pid; /* 0: it is dead */
	int socket, entrance, output;
	unsigned first, last; /* generations that want it */
	unsigned restarts;
	const char *digest, *name;
};

struct handover_generation {
	unsigned number;
	bool active;
	bool ending;
	uint64_t drain,
		end; /* milliseconds: how long its sessions may go on, and what must not be cut off */
	struct handover_process *processes; /* talloc array */
	int *servers; /* talloc array: the index of the process that serves each slot, or HANDOVER_NONE */
};

struct handover {
	uint64_t started; /* clock_now() of the first start */
	unsigned last_number;
	uint32_t last_listener;
	uint32_t slots;
	int table;
	int control;
	int asker; /* who asked for all this and waits for the answer, or HANDOVER_NONE */
	const char *control_path;
	struct handover_listener *listeners;     /* talloc array */
	struct handover_generation *generations; /* talloc array, the oldest first */
	struct handover_plugin *plugins;         /* talloc array */
};

/* As text, and back; NULL when it is none. What was read lives under the parent. */
char *handover_print(const void *parent, const struct handover *handover);
struct handover *handover_parse(const void *parent, const char *text);

/* Writes it to a new descriptor, which stays open over exec and is named in the environment; all descriptors in it stay open too. False, with
 * errno, when there is none to be had. handover_withdraw() undoes all that. */
bool handover_leave(const struct handover *handover, int *descriptor)
	__attribute__((warn_unused_result));
void handover_withdraw(const struct handover *handover, int descriptor);

/* Whether something was left for us. */
bool handover_is_there(void);
/* Takes it, once; NULL when it cannot be read. No descriptor in it stays open over the next exec. */
struct handover *handover_take(const void *parent);
