/* SPDX-License-Identifier: Apache-2.0 */
/* Forking, watching and reviving one process. */
#include "proxy/process.h"

#include "base/bulk.h"
#include "base/log.h"
#include "base/loop.h"
#include "policy/rulebook.h"
#include "proxy/handover.h"
#include "proxy/directory.h"
#include "proxy/keeper.h"
#include "proxy/plugin_set.h"
#include "proxy/recipients.h"
#include "proxy/scanner.h"
#include "proxy/worker.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

enum {
	READY_MILLISECONDS = 30000, /* a process that is not ready by then hangs */
	QUIET_MILLISECONDS = 60000, /* one that lived so long comes back at once */
	LINGER_MILLISECONDS = 5000  /* from its last word to its death */
};

static size_t count_keepers(const struct configuration *configuration)
{
	return configuration->store->path ? 1 : 0;
}

static size_t count_directories(const struct configuration *configuration)
{
	return configuration->policy->recipients->source == RECIPIENTS_LDAP ? 1 : 0;
}

/* Unless a number is set. */
static size_t one_a_core(int64_t set)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (set > 0)
		return (size_t)set;
	return cores < 1 ? 1 : cores > 60 ? 60 : (size_t)cores;
}

static size_t count_workers(const struct configuration *configuration)
{
	return one_a_core(configuration->process->workers);
}

static size_t count_scanners(const struct configuration *configuration)
{
	const struct policy *policy = configuration->policy;

	return rulebook_asks(policy, LEARNER_CONTENT) ? one_a_core(policy->scanner->processes) : 0;
}

static int run_keeper(const struct child *child)
{
	return keeper_run(child->configuration, child->records, child->channel);
}

static int run_directory(const struct child *child)
{
	return directory_run(child->configuration, child->channel, child->rehearsal);
}

const struct process_kind process_kinds[] = {
	{"keeper", count_keepers, run_keeper, .keeps = true},
	{"directory", count_directories, run_directory, .serves = false},
	{"scanner", count_scanners, scanner_run, .is_expendable = true},
	{"worker", count_workers, worker_run, .serves = true},
	{0},
};

const struct process_kind *process_kind_named(const char *name)
{
	for (const struct process_kind *kind = process_kinds; kind->name; kind++) {
		if (strcmp(kind->name, name) == 0)
			return kind;
	}
	return NULL;
}

static const char *const state_names[] = {"starting", "ready", "draining", "waiting", "gone"};

const char *process_state_name(enum process_state state)
{
	return state_names[state];
}

/* --- columns --- */

/* Column 0 is the master's own. */
static bool column_take(struct heritage *heritage, unsigned *column)
{
	for (unsigned i = 1; i < TABLE_COLUMNS; i++) {
		if (!heritage->columns[i]) {
			heritage->columns[i] = true;
			*column = i;
			return true;
		}
	}
	return false;
}

static void column_give_back(struct process *process)
{
	table_clear_column(process->heritage->table, process->column);
	process->heritage->columns[process->column] = false;
	process->column = 0;
}

/* --- in the child --- */

/* The parent's epoll set must not notice that its copy goes: libevent gets one of its own first, and then everything that
 * the master owned is freed, which closes the child's copies of its descriptors. */
static void give_back(
	struct heritage *heritage, void *kept, const struct configuration *configuration)
{
	struct loop *loop = heritage->loop;

	talloc_steal(kept, heritage->listeners);
	talloc_steal(kept, heritage->table);
	talloc_steal(kept, configuration);
	talloc_steal(kept, loop);
	if (event_reinit(loop->base) != 0)
		abort();
	talloc_free(heritage->master);
	talloc_free(loop);
}

/* Ctrl-C, a hang-up of the terminal and a service manager's SIGTERM reach the whole group of processes, but are the master's
 * business: it tells the others what to do. */
static void settle_signals(void)
{
	sigset_t none;

	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The end of the record pair that is this process's, taken from the generation, which closes the other. */
static int records_end(const struct process *process)
{
	int end = process->wires->records[process->kind->keeps ? 0 : 1];

	return end < 0 ? -1 : dup(end);
}

/* The same for the list of recipients, which the master keeps for those that come back. */
static int list_end(const struct process *process)
{
	int list = recipients_descriptor(process->heritage->recipients);

	return list < 0 || !process->kind->serves ? -1 : dup(list);
}

static void open_log(const struct log_options *log)
{
	log_open((enum log_target)log->target, (enum log_format)log->format,
		(enum log_level)log->level);
}

static _Noreturn void live(const struct process *process, int channel)
{
	int (*run)(const struct child *child) = process->kind->run;
	void *kept = talloc_new(NULL);
	struct child child = {
		.configuration = process->configuration,
		.listeners = process->heritage->listeners,
		.table = process->heritage->table,
		.number = process->number,
		.column = process->column,
		.channel = channel,
		.rehearsal = process->heritage->rehearsal,
		.recipients = list_end(process),
		.records = records_end(process),
		.scans = talloc_steal(kept, process->wires->scans),
	};

	if (process->kind->serves) {
		talloc_steal(kept, process->heritage->tickets);
		plugin_set_leave_entrances(process->heritage->plugins, kept);
	} else {
		configuration_forget_keys(child.configuration);
	}
	give_back(process->heritage, kept, child.configuration);
	listeners_retire(child.listeners, child.configuration);
	settle_signals();
	open_log(child.configuration->log);
	table_use_column(child.table, child.column);
	int status = run(&child);
	talloc_free(kept);
	exit(status);
}

/* --- in the master --- */

static void on_message(void *owner, enum channel_message message, uint32_t argument)
{
	struct process *process = owner;

	(void)argument;
	if (message != CHANNEL_READY || process->state != PROCESS_STARTING)
		return;
	timer_stop(&process->timer);
	process->state = PROCESS_READY;
	process->ready_since = clock_now(process->heritage->loop->clock);
	process->events.on_ready(process->events.owner, process);
}

static void on_lingering(void *owner)
{
	process_kill(owner);
}

/* The death itself is told by SIGCHLD; a process that has closed its channel and lives on is not ours any more. */
static void on_closed(void *owner)
{
	struct process *process = owner;

	process->timer.on_due = on_lingering;
	timer_start(&process->timer, process->heritage->loop->clock, LINGER_MILLISECONDS);
}

static void on_not_ready(void *owner)
{
	struct process *process = owner;

	log_event(LEVEL_ERROR, "process_hangs", "%s %u is not ready after %d s",
		process->kind->name, process->number, READY_MILLISECONDS / 1000);
	process_kill(process);
}

static int process_forget(struct process *process)
{
	timer_stop(&process->timer);
	return 0;
}

struct process *process_new(const void *parent, struct heritage *heritage,
	const struct process_kind *kind, unsigned number, struct process_events events)
{
	struct process *process = talloc_zero(parent, struct process);

	process->heritage = heritage;
	process->kind = kind;
	process->number = number;
	process->events = events;
	process->state = PROCESS_GONE;
	process->timer.owner = process;
	talloc_set_destructor(process, process_forget);
	return process;
}

pid_t process_fork(void)
{
	sigset_t all, before;

	fflush(NULL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid != 0)
		sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

static void adopt(struct process *process, pid_t pid, int channel)
{
	struct loop *loop = process->heritage->loop;

	process->pid = pid;
	process->state = PROCESS_STARTING;
	process->channel = channel_new(
		process, loop, channel, (struct channel_events){on_message, on_closed, process});
	process->timer.on_due = on_not_ready;
	timer_start(&process->timer, loop->clock, READY_MILLISECONDS);
}

static bool spawn(struct process *process)
{
	int ends[2];

	if (!channel_pair(ends))
		return false;
	pid_t pid = process_fork();
	if (pid == 0) {
		close(ends[0]);
		live(process, ends[1]);
	}
	close(ends[1]);
	if (pid < 0) {
		int error = errno;
		close(ends[0]);
		errno = error;
		return false;
	}
	adopt(process, pid, ends[0]);
	return true;
}

bool process_start(struct process *process, const struct configuration *configuration,
	const struct wires *wires)
{
	assert(process->pid == 0);
	process->configuration = configuration;
	process->wires = wires;
	if (!column_take(process->heritage, &process->column)) {
		log_event(LEVEL_ERROR, "process_failed",
			"too many processes: wait until earlier ones have drained");
		return false;
	}
	if (spawn(process))
		return true;
	log_event(LEVEL_ERROR, "process_failed", "%s %u: %s", process->kind->name, process->number,
		strerror(errno));
	column_give_back(process);
	return false;
}

/* --- from one master to the next --- */

struct handover_process process_hand_over(const struct process *process)
{
	return (struct handover_process){.kind = process->kind->name,
		.number = process->number,
		.pid = process->pid,
		.column = process->column,
		.draining = process->state == PROCESS_DRAINING,
		.restarts = process->restarts,
		.channel = process->channel ? channel_descriptor(process->channel) : HANDOVER_NONE};
}

/* What had no channel any more was about to die. */
void process_take_over(struct process *process, const struct handover_process *given)
{
	if (given->pid == 0)
		return;
	process->taken_over = true;
	process->pid = given->pid;
	process->restarts = given->restarts;
	process->state = given->draining ? PROCESS_DRAINING : PROCESS_READY;
	process->ready_since = clock_now(process->heritage->loop->clock);
	if (given->column < TABLE_COLUMNS) {
		process->column = given->column;
		process->heritage->columns[given->column] = true;
	}
	if (given->channel != HANDOVER_NONE)
		process->channel = channel_new(process, process->heritage->loop, given->channel,
			(struct channel_events){on_message, on_closed, process});
}

/* --- coming back --- */

static void on_pause_over(void *owner)
{
	struct process *process = owner;

	process->restarts++;
	if (process_start(process, process->configuration, process->wires))
		return;
	process_restart(process);
}

void process_restart(struct process *process)
{
	struct clock *clock = process->heritage->loop->clock;

	process->state = PROCESS_WAITING;
	process->timer.on_due = on_pause_over;
	timer_start(&process->timer, clock, backoff_take(&process->backoff));
}

/* --- talking, ending --- */

bool process_is_alive(const struct process *process)
{
	return process->pid != 0;
}

void process_kill(struct process *process)
{
	if (process->pid != 0)
		kill(process->pid, SIGKILL);
}

/* It has died, and SIGCHLD is on its way, or it hangs. */
static void note_deaf(struct process *process)
{
	if (errno == EPIPE || errno == ECONNRESET)
		return;
	log_event(LEVEL_ERROR, "process_hangs", "%s %u does not listen to its master",
		process->kind->name, process->number);
	process_kill(process);
}

void process_tell(struct process *process, enum channel_message message, uint32_t argument)
{
	if (process->channel && !channel_send(process->channel, message, argument))
		note_deaf(process);
}

/* One that another program forked may not know what this is. */
void process_tell_recipients(struct process *process, int descriptor)
{
	if (process->channel && !process->taken_over &&
		!channel_send_descriptor(process->channel, CHANNEL_RECIPIENTS, descriptor))
		note_deaf(process);
}

void process_retire(struct process *process, enum channel_message message)
{
	timer_stop(&process->timer);
	process->state = process_is_alive(process) ? PROCESS_DRAINING : PROCESS_GONE;
	process_tell(process, message, 0);
}

static void log_death(const struct process *process, int status)
{
	bool expected = (process->state == PROCESS_DRAINING || process->taken_over) && status == 0;
	struct log_line line;

	log_begin(&line, expected ? LEVEL_DEBUG : LEVEL_ERROR, "process_ended");
	log_text(&line, "kind", process->kind->name);
	log_number(&line, "number", process->number);
	log_number(&line, "pid", process->pid);
	if (WIFSIGNALED(status))
		log_number(&line, "signal", WTERMSIG(status));
	else
		log_number(&line, "status", WEXITSTATUS(status));
	if (WIFEXITED(status) && WEXITSTATUS(status) == BULK_STATUS)
		log_text(&line, "reason", "it needed more memory than its limit allows");
	log_end(&line);
}

void process_bury(struct process *process, int status)
{
	log_death(process, status);
	timer_stop(&process->timer);
	if (process->state == PROCESS_READY &&
		(process->kind->is_expendable ||
			clock_now(process->heritage->loop->clock) - process->ready_since >
				QUIET_MILLISECONDS))
		backoff_forget(&process->backoff);
	process->pid = 0;
	talloc_free(process->channel);
	process->channel = NULL;
	column_give_back(process);
	process->events.on_death(process->events.owner, process);
}
