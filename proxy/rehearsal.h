/* SPDX-License-Identifier: Apache-2.0
 *
 * The rehearsal of an upgrade: the program that is to take the master's place is started beside it once, with copies of the
 * listeners, and tries whether it comes up here: reads what is handed over and the configuration, opens what is missing, starts a
 * generation until all of its processes are ready, and ends. It serves nobody, asks no backend, and touches neither the
 * control socket nor the service manager. What it writes to stdout and stderr is kept for whoever wants to know why it failed.
 *
 * It has REHEARSAL_MILLISECONDS; then it is killed.
 */
#pragma once

#include "proxy/handover.h"

#include <sys/types.h>

#define REHEARSAL_MILLISECONDS 60000

struct loop;
struct master_task;
struct rehearsal;

/* The path of the program that is to be started: the one this process was started by, whatever lies there now. Called once, while the
 * working directory is still that of the start. */
char *rehearsal_program(const void *parent);

/* Starts it. on_end is called when rehearsal_bury() was told of its death and its last word is heard: why is NULL when it went well.
 * NULL, with errno, when it cannot be started. Freed by whoever began it; then it is killed if it still lives. */
struct rehearsal *rehearsal_begin(const void *parent, struct loop *loop, const char *program,
	const struct master_task *task, const struct handover *handover,
	void (*on_end)(void *owner, const char *why), void *owner);

/* True when the process that died with that status of waitpid() was the rehearsal: on_end comes from the loop. */
bool rehearsal_bury(struct rehearsal *rehearsal, pid_t pid, int status);
