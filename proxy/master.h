/* SPDX-License-Identifier: Apache-2.0
 *
 * The master: opens the listeners, reads the configuration, starts a generation of processes and restarts what dies; on
 * reload starts the next generation and lets the old one drain; never reads a byte from the network.
 *
 *     SIGHUP, reload    the configuration is read; if it is good a new generation starts; when all of its processes
 *                       are ready it takes the listeners over and the old one drains. Otherwise nothing has changed, and
 *                       all complaints are in the log and in the answer.
 *     SIGUSR2, upgrade  the program that lies where this one was started from is rehearsed (rehearsal.h); if it comes up there it
 *                       takes this one's place, in the same process: it inherits listeners, children, counters and the
 *                       control socket (handover.h), and goes on as after a reload. Otherwise nothing has changed, and why is
 *                       in the log and in the answer.
 *     SIGTERM, SIGINT,  sessions may finish within process.drain, then the master ends; the second one ends at once: what
 *     stop              is past the commit point has five seconds.
 *
 * A master that is killed takes its processes along: their channel closes, they end at once but for sessions past the
 * commit point.
 */
#pragma once

/* What a master is there for. */
struct master_task {
	const char *file;   /* configuration */
	const char *socket; /* as a milter (`postern milter`), and where; NULL: as a gateway */
};

/* Runs it in the foreground; the exit status. */
int master_run(const struct master_task *task);

/* Tries whether it would come up here in the place of another; the exit status. */
int master_rehearse(const struct master_task *task);
