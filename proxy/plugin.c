/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, watching and ending one plugin. */
#include "proxy/plugin.h"

#include "base/log.h"
#include "base/loop.h"
#include "proxy/handover.h"
#include "proxy/plugin_output.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#define BACKLOG 4096
#define LONG_PAUSE 1000 /* longer than anyone should wait for nothing */
#define VISITORS_A_TURN 64

static const char *const state_names[] = {"running", "waiting", "dead", "ending"};

const char *plugin_state_name(enum plugin_state state)
{
	return state_names[state];
}

static void begin_line(
	struct log_line *line, const struct plugin *plugin, enum log_level level, const char *event)
{
	log_begin(line, level, event);
	log_text(line, "plugin", plugin->name);
}

static void log_failure(const struct plugin *plugin, const char *what)
{
	struct log_line line;

	begin_line(&line, plugin, LEVEL_ERROR, "plugin_failed");
	log_text(&line, "reason", what);
	log_text(&line, "error", strerror(errno));
	log_end(&line);
}

/* --- the socket --- */

static int close_entrance(int *entrance)
{
	close(*entrance);
	return 0;
}

static int *entrance_new(void *entrances, int descriptor)
{
	int *entrance = talloc(entrances, int);

	*entrance = descriptor;
	talloc_set_destructor(entrance, close_entrance);
	return entrance;
}

/* Once it is open, nobody needs its name. Whoever gets at the entrance may connect. */
static int bind_without_name(int descriptor)
{
	char folder[] = "/tmp/postern-plugin-XXXXXX";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int entrance = -1;

	if (!mkdtemp(folder))
		return -1;
	snprintf(address.sun_path, sizeof address.sun_path, "%s/s", folder);
	if (bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0 &&
		chmod(address.sun_path, 0666) == 0)
		entrance = open(address.sun_path, O_PATH | O_CLOEXEC);
	int error = errno;
	unlink(address.sun_path);
	rmdir(folder);
	errno = error;
	return entrance;
}

static bool open_socket(struct plugin *plugin, void *entrances)
{
	int entrance = -1;

	plugin->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (plugin->socket >= 0)
		entrance = bind_without_name(plugin->socket);
	if (entrance < 0)
		return false;
	plugin->entrance = entrance_new(entrances, entrance);
	return listen(plugin->socket, BACKLOG) == 0;
}

static void on_visitor(evutil_socket_t descriptor, short what, void *owner)
{
	(void)what;
	(void)owner;
	for (unsigned i = 0; i < VISITORS_A_TURN; i++) {
		int visitor = accept4(descriptor, NULL, NULL, SOCK_CLOEXEC);
		if (visitor < 0)
			return;
		close(visitor);
	}
}

static void turn_away(struct plugin *plugin, bool whether)
{
	if (plugin->socket < 0)
		return;
	if (whether)
		event_add(&plugin->visitor, NULL);
	else
		event_del(&plugin->visitor);
}

/* --- starting --- */

static void on_pause_over(void *owner);

static void come_back(struct plugin *plugin)
{
	uint64_t pause = backoff_take(&plugin->backoff);

	plugin->state = PLUGIN_WAITING;
	turn_away(plugin, pause >= LONG_PAUSE);
	plugin->timer.on_due = on_pause_over;
	timer_start(&plugin->timer, plugin->loop->clock, pause);
}

static void adopt(struct plugin *plugin, pid_t pid, int output)
{
	struct log_line line;

	plugin->pid = pid;
	plugin->state = PLUGIN_RUNNING;
	plugin->started = clock_now(plugin->loop->clock);
	plugin->output = plugin_output_new(plugin, plugin->loop, plugin->name, output);
	begin_line(&line, plugin, LEVEL_NOTICE, "plugin_started");
	log_number(&line, "pid", pid);
	log_end(&line);
}

void plugin_start(struct plugin *plugin)
{
	int ends[2];
	pid_t pid = -1;

	turn_away(plugin, false);
	if (pipe2(ends, O_CLOEXEC) == 0) {
		pid = plugin_command_start(plugin->command, plugin->socket, ends[1]);
		int error = errno;
		close(ends[1]);
		if (pid < 0)
			close(ends[0]);
		errno = error;
	}
	if (pid > 0) {
		adopt(plugin, pid, ends[0]);
		return;
	}
	log_failure(plugin, "it cannot be started");
	come_back(plugin);
}

static void on_pause_over(void *owner)
{
	struct plugin *plugin = owner;

	plugin->restarts++;
	plugin_start(plugin);
}

void plugin_keep(struct plugin *plugin, struct plugin_command *command)
{
	talloc_free(plugin->command);
	plugin->command = talloc_steal(plugin, command);
	if (plugin->state == PLUGIN_DEAD)
		plugin_start(plugin);
}

/* --- ending --- */

static void on_gone(void *owner)
{
	struct plugin *plugin = owner;

	plugin->events.on_gone(plugin->events.owner, plugin);
}

static void kill_all(pid_t pid)
{
	kill(pid, SIGKILL);
	kill(-pid, SIGKILL);
}

static void on_impatient(void *owner)
{
	struct plugin *plugin = owner;

	kill_all(plugin->pid);
}

static uint64_t patience(const struct plugin *plugin)
{
	if (!plugin->pid)
		return 0;
	return plugin->command && plugin->command->is_object ? PLUGIN_PATIENCE_OBJECT
							     : PLUGIN_PATIENCE;
}

void plugin_end(struct plugin *plugin)
{
	if (plugin->state == PLUGIN_ENDING)
		return;
	plugin->state = PLUGIN_ENDING;
	turn_away(plugin, false);
	plugin->timer.on_due = plugin->pid ? on_impatient : on_gone;
	if (plugin->pid)
		kill(plugin->pid, SIGTERM);
	timer_start(&plugin->timer, plugin->loop->clock, patience(plugin));
}

/* --- dying --- */

static void log_death(const struct plugin *plugin, pid_t pid, int status, uint64_t lived)
{
	bool is_wanted = plugin->state == PLUGIN_ENDING;
	struct log_line line;

	begin_line(&line, plugin, is_wanted ? LEVEL_INFO : LEVEL_ERROR, "plugin_ended");
	log_number(&line, "pid", pid);
	if (WIFSIGNALED(status))
		log_number(&line, "signal", WTERMSIG(status));
	else
		log_number(&line, "status", WEXITSTATUS(status));
	log_decimal(&line, "lived_s", (double)lived / 1000);
	if (plugin->state == PLUGIN_RUNNING)
		log_decimal(&line, "again_in_s", (double)plugin->backoff.pause / 1000);
	log_end(&line);
}

/* One that was never named here stays dead, and is not waited for. */
static void after_death(struct plugin *plugin)
{
	if (plugin->state == PLUGIN_ENDING) {
		plugin->timer.on_due = on_gone;
		timer_start(&plugin->timer, plugin->loop->clock, 0);
	} else if (plugin->command) {
		come_back(plugin);
	} else {
		plugin->state = PLUGIN_DEAD;
		turn_away(plugin, true);
	}
}

/* What it may have started itself goes, too: it would hold the socket. */
void plugin_bury(struct plugin *plugin, int status)
{
	uint64_t lived = clock_now(plugin->loop->clock) - plugin->started;

	kill(-plugin->pid, SIGKILL);
	timer_stop(&plugin->timer);
	if (plugin->output)
		plugin_output_finish(plugin->output);
	TALLOC_FREE(plugin->output);
	if (lived >= PLUGIN_QUIET)
		backoff_forget(&plugin->backoff);
	log_death(plugin, plugin->pid, status, lived);
	plugin->pid = 0;
	after_death(plugin);
}

/* --- life --- */

/* Also run in processes that were forked with a copy. The entrance is not touched: a worker goes on to use it. */
static int plugin_close(struct plugin *plugin)
{
	timer_stop(&plugin->timer);
	if (plugin->socket >= 0) {
		event_del(&plugin->visitor);
		close(plugin->socket);
	}
	if (plugin->pid && plugin->maker == getpid())
		kill_all(plugin->pid);
	return 0;
}

static struct plugin *plugin_make(const void *parent, struct loop *loop, const char *name,
	const char *digest, struct plugin_events events)
{
	struct plugin *plugin = talloc_zero(parent, struct plugin);

	plugin->loop = loop;
	plugin->name = talloc_strdup(plugin, name);
	snprintf(plugin->digest, sizeof plugin->digest, "%s", digest);
	plugin->events = events;
	plugin->maker = getpid();
	plugin->timer.owner = plugin;
	plugin->socket = -1;
	talloc_set_destructor(plugin, plugin_close);
	return plugin;
}

static void watch_visitors(struct plugin *plugin)
{
	event_assign(&plugin->visitor, plugin->loop->base, plugin->socket, EV_READ | EV_PERSIST,
		on_visitor, plugin);
}

struct plugin *plugin_new(const void *parent, void *entrances, struct loop *loop,
	struct plugin_command *command, unsigned serial, struct plugin_events events)
{
	struct plugin *plugin = plugin_make(parent, loop, command->name, command->digest, events);

	plugin->serial = serial;
	plugin->command = talloc_steal(plugin, command);
	if (!command->is_given_socket)
		return plugin;
	bool good = open_socket(plugin, entrances);
	if (plugin->socket >= 0)
		watch_visitors(plugin);
	if (good)
		return plugin;
	log_failure(plugin, "there is no socket for it");
	talloc_free(plugin->entrance);
	talloc_free(plugin);
	return NULL;
}

/* --- from one master to the next --- */

struct handover_plugin plugin_hand_over(const struct plugin *plugin)
{
	return (struct handover_plugin){.serial = plugin->serial,
		.pid = plugin->pid,
		.socket = plugin->socket >= 0 ? plugin->socket : HANDOVER_NONE,
		.entrance = plugin->entrance ? *plugin->entrance : HANDOVER_NONE,
		.output = plugin->output ? plugin_output_descriptor(plugin->output) : HANDOVER_NONE,
		.first = plugin->first,
		.last = plugin->last,
		.restarts = plugin->restarts,
		.digest = plugin->digest,
		.name = plugin->name};
}

struct plugin *plugin_take_over(const void *parent, void *entrances, struct loop *loop,
	const struct handover_plugin *given, struct plugin_events events)
{
	struct plugin *plugin = plugin_make(parent, loop, given->name, given->digest, events);

	plugin->serial = given->serial;
	plugin->first = given->first;
	plugin->last = given->last;
	plugin->restarts = given->restarts;
	plugin->pid = given->pid;
	plugin->state = given->pid ? PLUGIN_RUNNING : PLUGIN_DEAD;
	plugin->started = clock_now(loop->clock);
	if (given->socket != HANDOVER_NONE) {
		plugin->socket = given->socket;
		watch_visitors(plugin);
	}
	if (given->entrance != HANDOVER_NONE)
		plugin->entrance = entrance_new(entrances, given->entrance);
	if (given->output != HANDOVER_NONE)
		plugin->output = plugin_output_new(plugin, loop, plugin->name, given->output);
	return plugin;
}
