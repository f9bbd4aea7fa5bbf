/* SPDX-License-Identifier: Apache-2.0 */
/* The master process: generations, signals, the control socket. */
#include "proxy/master.h"

#include "base/log.h"
#include "base/loop.h"
#include "proxy/control.h"
#include "proxy/counters.h"
#include "proxy/file_watch.h"
#include "proxy/generation.h"
#include "proxy/status.h"
#include "proxy/tls_tickets.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <pwd.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <talloc.h>
#include <unistd.h>
#include <utlist.h>

enum { SIGNALS = 4, LAST_MILLISECONDS = 600000 };

struct master {
	struct heritage heritage;
	const char *file;
	struct generation *generations; /* all that have a process left, the newest last */
	struct generation *active; /* serves; NULL: before the first is ready, and when stopping */
	struct generation *next;   /* starts */
	unsigned last_number;
	struct control *control;
	struct control_request *reloader; /* awaits what becomes of next; may be NULL */
	struct event signals[SIGNALS];
	struct timer last;    /* after the second stop */
	struct timer watch;   /* of certificates and the like */
	struct timer tickets; /* the next key of TLS tickets */
	uint64_t started;
	unsigned stops;    /* how often we were told to */
	bool reload_again; /* was asked for while one was under way */
	bool failed;
};

static void reload(struct master *master, struct control_request *request);

/* --- telling --- */

static void answer(struct control_request *request, bool well, const char *text)
{
	if (request)
		control_answer(request, well, text);
}

static void answer_reload(struct master *master, bool well, const char *text)
{
	struct control_request *request = master->reloader;

	master->reloader = NULL;
	answer(request, well, text);
}

static void log_complaints(struct complaints *complaints, const char *event)
{
	char *text = complaints_text(NULL, complaints);
	struct slice rest = slice_of(text);

	while (rest.size > 0) {
		struct slice line = slice_cut(&rest, '\n');
		log_event(complaints_errors(complaints) ? LEVEL_ERROR : LEVEL_WARNING, event,
			"%.*s", SLICE_ARGS(line));
	}
	talloc_free(text);
}

static void notify(const struct master *master, const char *state)
{
	unsigned number = master->active ? master->active->number : 0;

	sd_notifyf(0, "%s\nMONOTONIC_USEC=%llu\nSTATUS=generation %u", state,
		(unsigned long long)clock_microseconds(), number);
}

/* --- generations --- */

static void on_ready(void *owner, struct generation *generation);
static void on_failed(void *owner, struct generation *generation);
static void on_gone(void *owner, struct generation *generation);

/* A directory of ours that is not there yet is made, for those who will write there. */
static void make_directory(const char *path, const char *user)
{
	const struct passwd *entry = user ? getpwnam(user) : NULL;

	if (!path || mkdir(path, 0700) < 0 || !entry)
		return;
	if (chown(path, entry->pw_uid, entry->pw_gid) < 0)
		log_event(LEVEL_WARNING, "directory", "%s: %s", path, strerror(errno));
}

static void drop_next(struct master *master)
{
	struct generation *failed = master->next;

	master->next = NULL;
	if (master->active)
		listeners_retire(master->heritage.listeners, master->active->configuration);
	generation_abandon(failed);
}

static bool start_next(struct master *master, struct configuration *configuration)
{
	const struct generation_events events = {on_ready, on_failed, on_gone, master};

	tls_setup_use_tickets(configuration->tls_setup, configuration, master->heritage.tickets);
	make_directory(configuration->store->path, configuration->user);
	make_directory(configuration->process->spool, configuration->user);
	master->next = generation_new(
		master, &master->heritage, configuration, ++master->last_number, events);
	DL_APPEND(master->generations, master->next);
	if (generation_start(master->next))
		return true;
	drop_next(master);
	return false;
}

/* Reads the configuration and opens its listeners; NULL when something is wrong with either. */
static struct configuration *prepare(struct master *master, struct complaints *complaints)
{
	struct configuration *configuration = configuration_read(master, master->file, complaints);

	if (complaints_errors(complaints) == 0 &&
		listeners_open(master->heritage.listeners, configuration,
			generation_servers(configuration), complaints))
		return configuration;
	talloc_free(configuration);
	if (master->active)
		listeners_retire(master->heritage.listeners, master->active->configuration);
	return NULL;
}

static void open_log(const struct log_options *log)
{
	log_open((enum log_target)log->target, (enum log_format)log->format,
		(enum log_level)log->level);
}

/* A reload that was asked for while one was under way. */
static void catch_up(struct master *master)
{
	if (!master->reload_again)
		return;
	master->reload_again = false;
	reload(master, NULL);
}

/* --- certificates --- */

static void watch(struct master *master)
{
	int64_t period = master->active->configuration->tls->watch;

	timer_stop(&master->watch);
	if (period > 0)
		timer_start(&master->watch, master->heritage.loop->clock, (uint64_t)period);
}

/* A file that is no good keeps the generation that has the old one; it is tried again when it has changed again. */
static void on_watch(void *owner)
{
	struct master *master = owner;

	if (!master->active)
		return;
	const char *changed = file_watch_changed(master->active->configuration->tls_setup->files);
	if (changed) {
		log_event(LEVEL_NOTICE, "certificate_changed", "%s: reloading", changed);
		reload(master, NULL);
	}
	watch(master);
}

static void on_tickets(void *owner)
{
	struct master *master = owner;

	tls_tickets_rotate(master->heritage.tickets);
	timer_start(&master->tickets, master->heritage.loop->clock, TLS_TICKETS_SECONDS * 1000);
}

static void note_control(const struct generation *old, const struct generation *new)
{
	if (strcmp(old->configuration->control->socket, new->configuration->control->socket) != 0) {
		log_event(LEVEL_WARNING, "configuration",
			"control.socket: a new path counts from the next start");
	}
}

/* The new one serves before the old one leaves. */
static void on_ready(void *owner, struct generation *generation)
{
	struct master *master = owner;
	struct listeners *listeners = master->heritage.listeners;
	struct generation *old = master->active;

	master->active = generation;
	master->next = NULL;
	open_log(generation->configuration->log);
	listeners_listen(listeners, generation->configuration);
	generation_serve(generation);
	if (old) {
		note_control(old, generation);
		generation_sweep(old, generation->configuration);
		generation_drain(old, false);
		listeners_retire(listeners, generation->configuration);
	}
	watch(master);
	log_event(LEVEL_NOTICE, "ready", "generation %u", generation->number);
	notify(master, "READY=1");
	answer_reload(master, true, "reloaded\n");
	catch_up(master);
}

static void on_failed(void *owner, struct generation *generation)
{
	struct master *master = owner;

	log_event(LEVEL_ERROR, "start_failed", "generation %u: a process ended before it was ready",
		generation->number);
	drop_next(master);
	if (master->active) {
		notify(master, "READY=1");
		answer_reload(master, false,
			"a process of the new generation ended before it was ready (see the log); "
			"the old one goes on\n");
		catch_up(master);
	} else {
		master->failed = true;
	}
}

static void on_gone(void *owner, struct generation *generation)
{
	struct master *master = owner;

	DL_DELETE(master->generations, generation);
	talloc_free(generation);
	if (!master->generations && (master->stops > 0 || master->failed))
		loop_stop(master->heritage.loop);
}

/* --- reload --- */

static void refuse_reload(struct master *master, struct complaints *complaints)
{
	char *text = complaints_text(NULL, complaints);

	log_complaints(complaints, "reload_refused");
	answer_reload(master, false, text);
	notify(master, "READY=1");
	talloc_free(text);
}

static void reload_now(struct master *master)
{
	struct complaints *complaints = complaints_new(master);
	struct configuration *configuration;

	notify(master, "RELOADING=1");
	configuration = prepare(master, complaints);
	if (!configuration)
		refuse_reload(master, complaints);
	else if (!start_next(master, configuration))
		answer_reload(master, false, "cannot start the new processes (see the log)\n");
	else
		log_complaints(complaints, "configuration");
	talloc_free(complaints);
}

static void reload(struct master *master, struct control_request *request)
{
	if (master->stops > 0) {
		answer(request, false, "stopping\n");
	} else if (master->next && request) {
		answer(request, false, "starting processes is under way already: try again\n");
	} else if (master->next) {
		master->reload_again = true;
	} else {
		master->reloader = request;
		reload_now(master);
	}
}

/* --- stop --- */

static void on_last(void *owner)
{
	struct master *master = owner;
	struct generation *generation;

	DL_FOREACH(master->generations, generation)
	generation_kill(generation);
}

static void drain_all(struct master *master, bool now)
{
	struct generation *generation;

	DL_FOREACH(master->generations, generation)
	generation_drain(generation, now);
}

static void stop(struct master *master)
{
	master->stops++;
	log_event(LEVEL_NOTICE, "stopping", "%s",
		master->stops == 1 ? "sessions may finish" : "at once");
	notify(master, "STOPPING=1");
	if (master->next)
		drop_next(master);
	master->active = NULL;
	answer_reload(master, false, "stopping\n");
	drain_all(master, master->stops > 1);
	if (master->stops > 1)
		timer_start(&master->last, master->heritage.loop->clock, LAST_MILLISECONDS);
	if (master->stops > 2)
		on_last(master);
	if (!master->generations)
		loop_stop(master->heritage.loop);
}

/* --- the control socket --- */

static struct status status_of(const struct master *master)
{
	const char *state = master->stops > 0 ? "stopping" : "running";

	if (master->next)
		state = master->active ? "reloading" : "starting";
	return (struct status){
		.state = state,
		.uptime = clock_now(master->heritage.loop->clock) - master->started,
		.active = master->active,
		.generations = master->generations,
		.table = master->heritage.table,
	};
}

static void tell_status(struct master *master, struct control_request *request)
{
	const struct status status = status_of(master);
	char *text = status_text(NULL, &status);

	control_answer(request, true, text);
	talloc_free(text);
}

static void tell_status_json(struct master *master, struct control_request *request)
{
	const struct status status = status_of(master);
	char *text = status_json(NULL, &status);

	control_answer(request, true, text);
	talloc_free(text);
}

static void stop_asked(struct master *master, struct control_request *request)
{
	control_answer(request, true, "stopping\n");
	stop(master);
}

static const struct {
	const char *line;
	void (*run)(struct master *master, struct control_request *request);
} requests[] = {
	{"status", tell_status},
	{"status --json", tell_status_json},
	{"reload", reload},
	{"stop", stop_asked},
};

static void on_request(void *owner, struct control_request *request, const char *line)
{
	for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
		if (strcmp(requests[i].line, line) == 0) {
			requests[i].run(owner, request);
			return;
		}
	}
	control_answer(
		request, false, "unknown request; known: status, status --json, reload, stop\n");
}

/* --- signals --- */

static void on_child(evutil_socket_t number, short what, void *owner)
{
	struct master *master = owner;
	int status;
	pid_t pid;

	(void)number;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct generation *generation;
		struct process *process = NULL;

		DL_FOREACH(master->generations, generation)
		{
			process = generation_process(generation, pid);
			if (process)
				break;
		}
		if (process)
			process_bury(process, status);
	}
}

static void on_stop(evutil_socket_t number, short what, void *owner)
{
	(void)number;
	(void)what;
	stop(owner);
}

static void on_hangup(evutil_socket_t number, short what, void *owner)
{
	(void)number;
	(void)what;
	reload(owner, NULL);
}

static const struct {
	int number;
	event_callback_fn run;
} signal_rows[SIGNALS] = {
	{SIGCHLD, on_child}, {SIGTERM, on_stop}, {SIGINT, on_stop}, {SIGHUP, on_hangup}};

static void catch_signals(struct master *master)
{
	for (size_t i = 0; i < SIGNALS; i++) {
		event_assign(&master->signals[i], master->heritage.loop->base,
			signal_rows[i].number, EV_SIGNAL | EV_PERSIST, signal_rows[i].run, master);
		event_add(&master->signals[i], NULL);
	}
}

/* --- life --- */

static int master_close(struct master *master)
{
	timer_stop(&master->last);
	timer_stop(&master->watch);
	timer_stop(&master->tickets);
	for (size_t i = 0; i < SIGNALS; i++)
		event_del(&master->signals[i]);
	return 0;
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static bool open_control(struct master *master, const struct configuration *configuration)
{
	const char *path = configuration->control->socket;
	const char *reason = NULL;

	master->control =
		control_new(master, master->heritage.loop, path, on_request, master, &reason);
	if (!master->control)
		log_event(LEVEL_ERROR, "start_failed", "control socket %s: %s", path, reason);
	return master->control != NULL;
}

static struct master *master_new(const char *file)
{
	struct master *master = talloc_zero(NULL, struct master);
	struct heritage *heritage = &master->heritage;

	master->file = file;
	heritage->master = master;
	heritage->loop = loop_new(NULL);
	heritage->table = counters_new(master);
	heritage->listeners = listeners_new(master);
	master->started = clock_now(heritage->loop->clock);
	heritage->tickets = tls_tickets_new(master);
	master->last = (struct timer){.on_due = on_last, .owner = master};
	master->watch = (struct timer){.on_due = on_watch, .owner = master};
	master->tickets = (struct timer){.on_due = on_tickets, .owner = master};
	catch_signals(master);
	talloc_set_destructor(master, master_close);
	return master;
}

/* The control socket comes before the listeners: it is what keeps a second postern from starting. */
static bool master_start(struct master *master)
{
	struct complaints *complaints = complaints_new(master);
	struct configuration *configuration = configuration_read(master, master->file, complaints);
	bool good = complaints_errors(complaints) == 0 && master->heritage.table &&
		master->heritage.tickets && open_control(master, configuration) &&
		listeners_open(master->heritage.listeners, configuration,
			generation_servers(configuration), complaints);

	complaints_print(complaints, stderr);
	talloc_free(complaints);
	if (good) {
		open_log(configuration->log);
		timer_start(
			&master->tickets, master->heritage.loop->clock, TLS_TICKETS_SECONDS * 1000);
		good = start_next(master, configuration);
	}
	return good;
}

int master_run(const char *file)
{
	struct master *master = master_new(file);
	struct loop *loop = master->heritage.loop;
	bool good;

	raise_descriptor_limit();
	good = master_start(master);
	if (good || master->generations) {
		loop_run(loop);
		good = good && !master->failed;
	}
	log_event(LEVEL_NOTICE, "stopped", "%s", good ? "well" : "could not start");
	talloc_free(master);
	talloc_free(loop);
	return good ? 0 : 1;
}
