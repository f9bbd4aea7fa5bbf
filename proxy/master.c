/* SPDX-License-Identifier: Apache-2.0 */
/* The master process: generations, signals, the control socket. */
#include "proxy/master.h"

#include "base/log.h"
#include "base/loop.h"
#include "policy/breaker.h"
#include "policy/rulebook.h"
#include "proxy/control.h"
#include "proxy/counters.h"
#include "proxy/file_watch.h"
#include "proxy/generation.h"
#include "proxy/handover.h"
#include "proxy/plugin_set.h"
#include "proxy/recipient_memory.h"
#include "proxy/recipients.h"
#include "proxy/rehearsal.h"
#include "proxy/rule_ages.h"
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

enum { SIGNALS = 5, LAST_MILLISECONDS = 600000 };

struct master {
	struct heritage heritage;
	const struct master_task *task;
	struct generation *generations; /* all that have a process left, the newest last */
	struct generation *active; /* serves; NULL: before the first is ready, and when stopping */
	struct generation *next;   /* starts */
	unsigned last_number;
	struct control *control;
	struct control_request *reloader; /* awaits what becomes of next; may be NULL */
	const char *done;                 /* what he hears when all is well */
	const char *program;              /* which takes our place in an upgrade */
	struct rehearsal *rehearsal;      /* of it; NULL when none is under way */
	struct control_request *upgrader; /* awaits what becomes of that; may be NULL */
	struct event signals[SIGNALS];
	struct rule_ages *rule_ages; /* since when rules are what they are */
	struct timer last;           /* after the second stop */
	struct timer watch;          /* of certificates and the like */
	struct timer lists;          /* the same of lists of rules */
	struct timer tickets;        /* the next key of TLS tickets */
	uint64_t started;
	unsigned stops;    /* how often we were told to */
	bool held;         /* next is ready, and waits for its list of recipients */
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
		if (line.data[0] == ' ')
			continue; /* the line that is complained about, and the caret */
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

/* Closes what was opened for a configuration that does not come to serve. */
static void retire_listeners(const struct master *master)
{
	if (master->active && master->active->configuration)
		listeners_retire(master->heritage.listeners, master->active->configuration);
}

static void drop_next(struct master *master)
{
	struct generation *failed = master->next;

	master->next = NULL;
	master->held = false;
	retire_listeners(master);
	if (master->active && master->active->configuration)
		recipients_use(master->heritage.recipients, master->active->configuration);
	generation_abandon(failed);
}

/* The breaker is told how old the rules are, and where harm is counted. */
static void watch_rules(struct master *master, const struct configuration *configuration)
{
	const struct rulebook *rulebook = configuration->policy->rulebook;
	uint64_t seconds = clock_wall(master->heritage.loop->clock) / 1000;

	rule_ages_use(master->rule_ages, configuration, seconds);
	if (rulebook)
		breaker_use_table(
			rulebook->breaker, master->heritage.table, KEY_RULE, COUNT_KNOWN_GOOD);
}

/* In a rehearsal nobody is asked. */
static bool start_plugins(struct master *master, const struct generation *generation)
{
	return master->heritage.rehearsal ||
		plugin_set_use(
			master->heritage.plugins, generation->configuration, generation->number);
}

static bool start_next(struct master *master, struct configuration *configuration)
{
	const struct generation_events events = {on_ready, on_failed, on_gone, master};

	tls_setup_use_tickets(configuration->tls_setup, configuration, master->heritage.tickets);
	make_directory(configuration->store->path, configuration->user);
	make_directory(configuration->policy->quarantine->path, configuration->user);
	make_directory(configuration->process->spool, configuration->user);
	if (!master->heritage.rehearsal) {
		recipients_use(master->heritage.recipients, configuration);
		watch_rules(master, configuration);
	}
	master->next = generation_new(
		master, &master->heritage, configuration, ++master->last_number, events);
	DL_APPEND(master->generations, master->next);
	if (start_plugins(master, master->next) && generation_start(master->next))
		return true;
	drop_next(master);
	master->failed = !master->active;
	return false;
}

/* Reads the configuration and opens its listeners; NULL when something is wrong with either. */
static struct configuration *prepare(struct master *master, struct complaints *complaints)
{
	struct configuration *configuration = configuration_read_for(
		master, master->task->file, master->task->socket, complaints);

	if (complaints_errors(complaints) == 0)
		configuration_try(configuration, complaints);
	if (complaints_errors(complaints) == 0 &&
		listeners_open(master->heritage.listeners, configuration,
			generation_servers(configuration), complaints))
		return configuration;
	talloc_steal(complaints, configuration); /* lines of its files are shown */
	retire_listeners(master);
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

static void watch_lists(struct master *master)
{
	int64_t period = master->active->configuration->policy->rules->watch;

	timer_stop(&master->lists);
	if (period > 0)
		timer_start(&master->lists, master->heritage.loop->clock, (uint64_t)period);
}

/* As with certificates: a list with errors leaves all as it was. */
static void on_lists(void *owner)
{
	struct master *master = owner;

	if (!master->active)
		return;
	const char *changed = file_watch_changed(master->active->configuration->list_files);
	if (changed) {
		log_event(LEVEL_NOTICE, "list_changed", "%s: reloading", changed);
		reload(master, NULL);
	}
	watch_lists(master);
}

static void on_tickets(void *owner)
{
	struct master *master = owner;

	tls_tickets_rotate(master->heritage.tickets);
	timer_start(&master->tickets, master->heritage.loop->clock, TLS_TICKETS_SECONDS * 1000);
}

static void note_control(const struct master *master, const struct generation *new)
{
	if (strcmp(control_path(master->control), new->configuration->control->socket) != 0) {
		log_event(LEVEL_WARNING, "configuration",
			"control.socket: a new path counts from the next start");
	}
}

/* --- recipients --- */

/* The list has been compiled, or cannot be; then the one before counts, if there was one. */
static void on_recipients(void *owner, bool is_new)
{
	struct master *master = owner;
	int list = recipients_descriptor(master->heritage.recipients);

	if (is_new && master->active)
		generation_tell_recipients(master->active, list);
	if (is_new && master->next)
		generation_tell_recipients(master->next, list);
	if (master->held)
		on_ready(master, master->next);
}

/* The new one serves before the old one leaves. */
static void on_ready(void *owner, struct generation *generation)
{
	struct master *master = owner;
	struct listeners *listeners = master->heritage.listeners;
	struct generation *old = master->active;

	if (master->heritage.rehearsal) {
		generation_drain(generation, true);
		return;
	}
	master->held = recipients_are_awaited(master->heritage.recipients);
	if (master->held)
		return;
	master->active = generation;
	master->next = NULL;
	open_log(generation->configuration->log);
	listeners_listen(listeners, generation->configuration);
	generation_serve(generation);
	if (old) {
		note_control(master, generation);
		generation_sweep(old, generation->configuration);
		generation_drain(old, false);
		listeners_retire(listeners, generation->configuration);
	}
	watch(master);
	watch_lists(master);
	log_event(LEVEL_NOTICE, "ready", "generation %u", generation->number);
	notify(master, "READY=1");
	answer_reload(master, true, master->done);
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

/* All generations have gone, and then the plugins, which were there for them. */
static void stop_when_alone(struct master *master)
{
	bool is_last_wanted = master->stops > 0 || master->failed || master->heritage.rehearsal;

	if (!master->generations && is_last_wanted && plugin_set_is_empty(master->heritage.plugins))
		loop_stop(master->heritage.loop);
}

static void on_no_plugins(void *owner)
{
	stop_when_alone(owner);
}

static void on_gone(void *owner, struct generation *generation)
{
	struct master *master = owner;

	DL_DELETE(master->generations, generation);
	talloc_free(generation);
	plugin_set_retire(master->heritage.plugins, master->generations);
	stop_when_alone(master);
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

static bool is_under_way(const struct master *master)
{
	return master->next || master->rehearsal || !master->active;
}

static void reload(struct master *master, struct control_request *request)
{
	if (master->stops > 0) {
		answer(request, false, "stopping\n");
	} else if (is_under_way(master) && request) {
		answer(request, false, "starting processes is under way already: try again\n");
	} else if (is_under_way(master)) {
		master->reload_again = true;
	} else {
		master->reloader = request;
		master->done = "reloaded\n";
		reload_now(master);
	}
}

/* --- upgrade --- */

static void answer_upgrade(struct master *master, const char *why)
{
	struct control_request *request = master->upgrader;

	master->upgrader = NULL;
	answer(request, false, why);
}

/* What the rehearsal needs: copies of the listeners. */
static struct handover *describe_listeners(const struct master *master)
{
	struct handover *handover = talloc_zero(master, struct handover);

	handover->table = handover->control = handover->asker = HANDOVER_NONE;
	handover->control_path = control_path(master->control);
	listeners_hand_over(master->heritage.listeners, handover);
	handover->generations = talloc_array(handover, struct handover_generation, 0);
	return handover;
}

static struct handover *describe(const struct master *master)
{
	struct handover *handover = describe_listeners(master);
	const struct generation *generation;
	size_t count = 0;

	handover->started = master->started;
	handover->last_number = master->last_number;
	handover->table = table_descriptor(master->heritage.table);
	handover->control = control_descriptor(master->control);
	handover->asker = master->upgrader ? control_asker(master->upgrader) : HANDOVER_NONE;
	DL_FOREACH(master->generations, generation)
	{
		handover->generations = talloc_realloc(
			handover, handover->generations, struct handover_generation, count + 1);
		handover->generations[count++] = generation_hand_over(handover, generation);
	}
	plugin_set_hand_over(master->heritage.plugins, handover);
	return handover;
}

/* The program takes our place: nothing that was done here is undone, and no signal may end it before it can take one. Comes
 * back only when that is impossible. */
static void give_place(struct master *master)
{
	struct handover *handover = describe(master);
	int descriptor = -1;
	sigset_t all, before;

	log_event(LEVEL_NOTICE, "upgrading", "%s", master->program);
	notify(master, "RELOADING=1");
	fflush(NULL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	if (handover_leave(handover, &descriptor)) {
		listeners_keep_activated(false);
		execl(master->program, master->program, master->task->socket ? "milter" : "run",
			"-c", master->task->file, master->task->socket, (char *)NULL);
	}
	handover_withdraw(handover, descriptor);
	sigprocmask(SIG_SETMASK, &before, NULL);
	talloc_free(handover);
	notify(master, "READY=1");
}

static void refuse_upgrade(struct master *master, const char *why)
{
	log_event(LEVEL_ERROR, "upgrade_refused", "%s", why);
	answer_upgrade(master, why);
	catch_up(master);
}

static void on_rehearsed(void *owner, const char *why)
{
	struct master *master = owner;
	struct rehearsal *rehearsal = master->rehearsal;

	master->rehearsal = NULL;
	if (!why) {
		give_place(master);
		why = talloc_asprintf(rehearsal, "%s: %s\n", master->program, strerror(errno));
	}
	refuse_upgrade(master, why);
	talloc_free(rehearsal);
}

static void upgrade(struct master *master, struct control_request *request)
{
	struct handover *handover;

	if (master->stops > 0 || is_under_way(master) || !master->program) {
		answer(request, false,
			master->stops > 0 ? "stopping\n"
					  : "starting processes is under way already: try "
					    "again\n");
		return;
	}
	master->upgrader = request;
	handover = describe_listeners(master);
	master->rehearsal = rehearsal_begin(master, master->heritage.loop, master->program,
		master->task, handover, on_rehearsed, master);
	talloc_free(handover);
	if (!master->rehearsal)
		refuse_upgrade(master, strerror(errno));
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
	talloc_free(master->rehearsal);
	master->rehearsal = NULL;
	answer_upgrade(master, "stopping\n");
	master->active = NULL;
	answer_reload(master, false, "stopping\n");
	drain_all(master, master->stops > 1);
	if (master->stops > 1)
		timer_start(&master->last, master->heritage.loop->clock, LAST_MILLISECONDS);
	if (master->stops > 2)
		on_last(master);
	stop_when_alone(master);
}

/* --- the control socket --- */

static struct status status_of(const struct master *master)
{
	const char *state = master->stops > 0 ? "stopping" : "running";

	if (master->rehearsal)
		state = "upgrading";
	if (master->next)
		state = master->active ? "reloading" : "starting";
	return (struct status){
		.state = state,
		.uptime = clock_now(master->heritage.loop->clock) - master->started,
		.active = master->active,
		.generations = master->generations,
		.plugins = plugin_set_first(master->heritage.plugins),
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

static void forget(struct master *master, struct control_request *request, const char *text)
{
	struct address *address = address_parse(NULL, slice_of(text));

	if (!address || !address->domain[0])
		control_answer(request, false, "that is no address: it is written user@domain\n");
	else if (recipient_memory_forget(master->heritage.table, address))
		control_answer(request, true, "forgotten: the backend will be asked\n");
	else
		control_answer(request, true, "nothing is remembered of it\n");
	talloc_free(address);
}

static const struct {
	const char *line;
	void (*run)(struct master *master, struct control_request *request);
} requests[] = {
	{"status", tell_status},
	{"status --json", tell_status_json},
	{"reload", reload},
	{"upgrade", upgrade},
	{"stop", stop_asked},
};

static void on_request(void *owner, struct control_request *request, const char *line)
{
	if (strncmp(line, "forget ", strlen("forget ")) == 0) {
		forget(owner, request, line + strlen("forget "));
		return;
	}
	for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
		if (strcmp(requests[i].line, line) == 0) {
			requests[i].run(owner, request);
			return;
		}
	}
	control_answer(request, false,
		"unknown request; known: status, status --json, reload, upgrade, stop, forget "
		"ADDRESS\n");
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
		else if (!plugin_set_bury(master->heritage.plugins, pid, status) &&
			!recipients_bury(master->heritage.recipients, pid, status))
			rehearsal_bury(master->rehearsal, pid, status);
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

static void on_upgrade(evutil_socket_t number, short what, void *owner)
{
	(void)number;
	(void)what;
	upgrade(owner, NULL);
}

static const struct {
	int number;
	event_callback_fn run;
} signal_rows[SIGNALS] = {{SIGCHLD, on_child}, {SIGTERM, on_stop}, {SIGINT, on_stop},
	{SIGHUP, on_hangup}, {SIGUSR2, on_upgrade}};

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
	timer_stop(&master->lists);
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

static struct master *master_new(const struct master_task *task)
{
	struct master *master = talloc_zero(NULL, struct master);
	struct heritage *heritage = &master->heritage;

	master->task = task;
	master->program = rehearsal_program(master);
	master->done = "reloaded\n";
	master->rule_ages = rule_ages_new(master);
	heritage->master = master;
	heritage->loop = loop_new(NULL);
	heritage->listeners = listeners_new(master);
	master->started = clock_now(heritage->loop->clock);
	heritage->tickets = tls_tickets_new(master);
	heritage->plugins = plugin_set_new(master, heritage->loop, on_no_plugins, master);
	heritage->recipients = recipients_new(
		master, heritage->loop, (struct recipients_events){on_recipients, master});
	master->last = (struct timer){.on_due = on_last, .owner = master};
	master->watch = (struct timer){.on_due = on_watch, .owner = master};
	master->lists = (struct timer){.on_due = on_lists, .owner = master};
	master->tickets = (struct timer){.on_due = on_tickets, .owner = master};
	catch_signals(master);
	talloc_set_destructor(master, master_close);
	return master;
}

/* The control socket comes before the listeners: it is what keeps a second postern from starting. */
static bool master_start(struct master *master)
{
	struct complaints *complaints = complaints_new(master);
	struct configuration *configuration = configuration_read_for(
		master, master->task->file, master->task->socket, complaints);

	if (complaints_errors(complaints) == 0)
		configuration_try(configuration, complaints);
	master->heritage.table = counters_new(master);
	bool good = complaints_errors(complaints) == 0 && master->heritage.table &&
		master->heritage.tickets &&
		(master->heritage.rehearsal || open_control(master, configuration)) &&
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

/* --- in the place of another --- */

static void take_over_table(struct master *master, int descriptor)
{
	master->heritage.table = counters_take_over(master, descriptor);
	if (master->heritage.table)
		return;
	if (descriptor != HANDOVER_NONE)
		close(descriptor);
	log_event(LEVEL_NOTICE, "upgrading", "counters begin anew: this program has others");
	master->heritage.table = counters_new(master);
}

static void take_over_generations(struct master *master, const struct handover *handover)
{
	const struct generation_events events = {on_ready, on_failed, on_gone, master};

	for (size_t i = 0; i < talloc_array_length(handover->generations); i++) {
		struct generation *generation = generation_take_over(
			master, &master->heritage, &handover->generations[i], events);

		DL_APPEND(master->generations, generation);
		if (generation->state == GENERATION_ACTIVE)
			master->active = generation;
	}
}

/* What serves goes on to serve; from here on it is a reload. Signals were blocked until there is someone to take them. */
static bool master_take_over(struct master *master)
{
	struct handover *handover = handover_take(master);
	sigset_t none;

	if (!handover)
		return false;
	master->started = handover->started;
	master->last_number = handover->last_number;
	take_over_table(master, handover->table);
	listeners_take_over(master->heritage.listeners, handover);
	master->control = control_take_over(master, master->heritage.loop, handover->control_path,
		handover->control, on_request, master);
	take_over_generations(master, handover);
	plugin_set_take_over(master->heritage.plugins, handover);
	if (handover->asker != HANDOVER_NONE)
		master->reloader = control_take_request(master->control, handover->asker);
	talloc_free(handover);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	on_child(0, 0, master);
	master->done = "upgraded\n";
	reload_now(master);
	return true;
}

static int run(struct master *master, bool good)
{
	struct loop *loop = master->heritage.loop;

	if (good || master->generations) {
		loop_run(loop);
		good = good && !master->failed;
	}
	if (!master->heritage.rehearsal)
		listeners_remove(master->heritage.listeners);
	if (!good || !master->heritage.rehearsal)
		log_event(LEVEL_NOTICE, "stopped", "%s", good ? "well" : "could not start");
	talloc_free(master);
	talloc_free(loop);
	return good ? 0 : 1;
}

int master_run(const struct master_task *task)
{
	struct master *master = master_new(task);

	raise_descriptor_limit();
	return run(master, handover_is_there() ? master_take_over(master) : master_start(master));
}

int master_rehearse(const struct master_task *task)
{
	struct master *master = master_new(task);
	struct handover *handover = handover_take(master);

	if (!handover) {
		fprintf(stderr, "postern: nothing that I understand is handed over to me\n");
		return 1;
	}
	raise_descriptor_limit();
	master->heritage.rehearsal = true;
	listeners_take_over(master->heritage.listeners, handover);
	talloc_free(handover);
	return run(master, master_start(master));
}
