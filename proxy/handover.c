/* SPDX-License-Identifier: Apache-2.0 */
/* The text that one master leaves for the next. */
#include "proxy/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <talloc.h>
#include <unistd.h>

#define HEAD "postern-handover 1\n"
#define VARIABLE "POSTERN_HANDOVER"
#define SIZE_MOST (1 << 20)

/* --- printing --- */

static char *print_listener(char *text, const struct handover_listener *listener)
{
	char ip[IP_TEXT_SIZE];

	text = talloc_asprintf_append_buffer(text, "listener %u %s %u", listener->number,
		listener->path ? "0.0.0.0" : ip_print(&listener->ip, ip), listener->port);
	for (size_t i = 0; i < talloc_array_length(listener->descriptors); i++)
		text = talloc_asprintf_append_buffer(text, " %d", listener->descriptors[i]);
	text = talloc_strdup_append_buffer(text, "\n");
	return listener->path ? talloc_asprintf_append_buffer(text, "path %s\n", listener->path)
			      : text;
}

static char *print_generation(char *text, const struct handover_generation *generation)
{
	text = talloc_asprintf_append_buffer(text, "generation %u %d %d %llu %llu\n",
		generation->number, generation->active, generation->ending,
		(unsigned long long)generation->drain, (unsigned long long)generation->end);
	for (size_t i = 0; i < talloc_array_length(generation->processes); i++) {
		const struct handover_process *process = &generation->processes[i];

		text = talloc_asprintf_append_buffer(text, "process %s %u %d %u %d %u %d\n",
			process->kind, process->number, process->pid, process->column,
			process->draining, process->restarts, process->channel);
	}
	for (size_t i = 0; i < talloc_array_length(generation->servers); i++)
		text = talloc_asprintf_append_buffer(text, "server %d\n", generation->servers[i]);
	return text;
}

static char *print_plugin(char *text, const struct handover_plugin *plugin)
{
	return talloc_asprintf_append_buffer(text, "plugin %u %d %d %d %d %u %u %u %s %s\n",
		plugin->serial, plugin->pid, plugin->socket, plugin->entrance, plugin->output,
		plugin->first, plugin->last, plugin->restarts, plugin->digest, plugin->name);
}

char *handover_print(const void *parent, const struct handover *handover)
{
	char *text = talloc_asprintf(parent,
		HEAD "started %llu\nlast %u %u %u\ntable %d\ncontrol %d %s\nasker %d\n",
		(unsigned long long)handover->started, handover->last_number,
		handover->last_listener, handover->slots, handover->table, handover->control,
		handover->control_path, handover->asker);

	for (size_t i = 0; i < talloc_array_length(handover->listeners); i++)
		text = print_listener(text, &handover->listeners[i]);
	for (size_t i = 0; i < talloc_array_length(handover->generations); i++)
		text = print_generation(text, &handover->generations[i]);
	for (size_t i = 0; i < talloc_array_length(handover->plugins); i++)
		text = print_plugin(text, &handover->plugins[i]);
	return text;
}

/* --- parsing --- */

struct parsing {
	struct handover *handover;
	struct slice rest; /* of the line */
	bool good;
};

static uint64_t take_number(struct parsing *parsing, uint64_t most)
{
	uint64_t number = 0;
	struct slice word = slice_cut(&parsing->rest, ' ');

	parsing->good &= slice_to_number(word, &number) && number <= most;
	return number;
}

/* A number, or HANDOVER_NONE. */
static int take_descriptor(struct parsing *parsing)
{
	if (slice_starts_nocase(parsing->rest, "-1")) {
		slice_cut(&parsing->rest, ' ');
		return HANDOVER_NONE;
	}
	return (int)take_number(parsing, INT32_MAX);
}

static void parse_started(struct parsing *parsing)
{
	parsing->handover->started = take_number(parsing, UINT64_MAX);
}

static void parse_last(struct parsing *parsing)
{
	parsing->handover->last_number = (unsigned)take_number(parsing, UINT32_MAX);
	parsing->handover->last_listener = (uint32_t)take_number(parsing, UINT32_MAX);
	parsing->handover->slots = (uint32_t)take_number(parsing, UINT16_MAX);
}

static void parse_table(struct parsing *parsing)
{
	parsing->handover->table = take_descriptor(parsing);
}

static void parse_control(struct parsing *parsing)
{
	parsing->handover->control = take_descriptor(parsing);
	parsing->handover->control_path = slice_keep(parsing->handover, parsing->rest);
}

static void parse_asker(struct parsing *parsing)
{
	parsing->handover->asker = take_descriptor(parsing);
}

static void parse_listener(struct parsing *parsing)
{
	struct handover *handover = parsing->handover;
	size_t count = talloc_array_length(handover->listeners);
	struct handover_listener listener = {0};

	listener.number = (uint32_t)take_number(parsing, UINT32_MAX);
	parsing->good &= ip_parse(slice_cut(&parsing->rest, ' '), &listener.ip);
	listener.port = (uint16_t)take_number(parsing, UINT16_MAX);
	listener.descriptors = talloc_array(handover, int, 0);
	for (size_t i = 0; parsing->rest.size && parsing->good; i++) {
		listener.descriptors = talloc_realloc(handover, listener.descriptors, int, i + 1);
		listener.descriptors[i] = take_descriptor(parsing);
	}
	handover->listeners =
		talloc_realloc(handover, handover->listeners, struct handover_listener, count + 1);
	handover->listeners[count] = listener;
}

/* Of the listener before it. */
static void parse_path(struct parsing *parsing)
{
	struct handover *handover = parsing->handover;
	size_t count = talloc_array_length(handover->listeners);

	parsing->good &= count > 0 && parsing->rest.size > 0;
	if (count)
		handover->listeners[count - 1].path = slice_keep(handover, parsing->rest);
}

static void parse_generation(struct parsing *parsing)
{
	struct handover *handover = parsing->handover;
	size_t count = talloc_array_length(handover->generations);
	struct handover_generation generation = {0};

	generation.number = (unsigned)take_number(parsing, UINT32_MAX);
	generation.active = take_number(parsing, 1);
	generation.ending = take_number(parsing, 1);
	generation.drain = take_number(parsing, UINT64_MAX);
	generation.end = take_number(parsing, UINT64_MAX);
	generation.processes = talloc_array(handover, struct handover_process, 0);
	generation.servers = talloc_array(handover, int, 0);
	handover->generations = talloc_realloc(
		handover, handover->generations, struct handover_generation, count + 1);
	handover->generations[count] = generation;
}

/* The one that processes and servers belong to: it stands before them. */
static struct handover_generation *last_generation(struct parsing *parsing)
{
	size_t count = talloc_array_length(parsing->handover->generations);

	parsing->good &= count > 0;
	return count ? &parsing->handover->generations[count - 1] : NULL;
}

static void parse_process(struct parsing *parsing)
{
	struct handover_generation *generation = last_generation(parsing);
	struct handover_process process = {0};

	process.kind = slice_keep(parsing->handover, slice_cut(&parsing->rest, ' '));
	process.number = (unsigned)take_number(parsing, UINT16_MAX);
	process.pid = (int)take_number(parsing, INT32_MAX);
	process.column = (unsigned)take_number(parsing, UINT16_MAX);
	process.draining = take_number(parsing, 1);
	process.restarts = (unsigned)take_number(parsing, UINT32_MAX);
	process.channel = take_descriptor(parsing);
	if (!generation)
		return;
	size_t count = talloc_array_length(generation->processes);
	generation->processes = talloc_realloc(
		parsing->handover, generation->processes, struct handover_process, count + 1);
	generation->processes[count] = process;
}

static void parse_server(struct parsing *parsing)
{
	struct handover_generation *generation = last_generation(parsing);
	int server = take_descriptor(parsing);

	if (!generation)
		return;
	size_t count = talloc_array_length(generation->servers);
	generation->servers =
		talloc_realloc(parsing->handover, generation->servers, int, count + 1);
	generation->servers[count] = server;
	parsing->good &= server == HANDOVER_NONE ||
		(size_t)server < talloc_array_length(generation->processes);
}

/* Its name may have blanks in it. */
static void parse_plugin(struct parsing *parsing)
{
	struct handover *handover = parsing->handover;
	size_t count = talloc_array_length(handover->plugins);
	struct handover_plugin plugin = {0};

	plugin.serial = (unsigned)take_number(parsing, UINT32_MAX);
	plugin.pid = (int)take_number(parsing, INT32_MAX);
	plugin.socket = take_descriptor(parsing);
	plugin.entrance = take_descriptor(parsing);
	plugin.output = take_descriptor(parsing);
	plugin.first = (unsigned)take_number(parsing, UINT32_MAX);
	plugin.last = (unsigned)take_number(parsing, UINT32_MAX);
	plugin.restarts = (unsigned)take_number(parsing, UINT32_MAX);
	plugin.digest = slice_keep(handover, slice_cut(&parsing->rest, ' '));
	plugin.name = slice_keep(handover, parsing->rest);
	parsing->good &= *plugin.name != '\0';
	handover->plugins =
		talloc_realloc(handover, handover->plugins, struct handover_plugin, count + 1);
	handover->plugins[count] = plugin;
}

static const struct {
	const char *word;
	void (*parse)(struct parsing *parsing);
} lines[] = {
	{"started", parse_started},
	{"last", parse_last},
	{"table", parse_table},
	{"control", parse_control},
	{"asker", parse_asker},
	{"listener", parse_listener},
	{"path", parse_path},
	{"generation", parse_generation},
	{"process", parse_process},
	{"server", parse_server},
	{"plugin", parse_plugin},
};

static void parse_line(struct parsing *parsing)
{
	struct slice word = slice_cut(&parsing->rest, ' ');

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		if (slice_equals(word, lines[i].word))
			lines[i].parse(parsing);
	}
}

struct handover *handover_parse(const void *parent, const char *text)
{
	struct handover *handover = talloc_zero(parent, struct handover);
	struct parsing parsing = {.handover = handover, .good = true};
	struct slice rest = slice_of(text);

	handover->table = handover->control = handover->asker = HANDOVER_NONE;
	handover->listeners = talloc_array(handover, struct handover_listener, 0);
	handover->generations = talloc_array(handover, struct handover_generation, 0);
	handover->plugins = talloc_array(handover, struct handover_plugin, 0);
	parsing.good = slice_starts_nocase(rest, HEAD);
	slice_cut(&rest, '\n');
	while (rest.size && parsing.good) {
		parsing.rest = slice_cut(&rest, '\n');
		parse_line(&parsing);
	}
	if (parsing.good && handover->control_path)
		return handover;
	talloc_free(handover);
	return NULL;
}

/* --- over exec --- */

static void keep_open(int descriptor, bool open)
{
	if (descriptor != HANDOVER_NONE)
		fcntl(descriptor, F_SETFD, open ? 0 : FD_CLOEXEC);
}

static void keep_plugin_open(const struct handover_plugin *plugin, bool open)
{
	keep_open(plugin->socket, open);
	keep_open(plugin->entrance, open);
	keep_open(plugin->output, open);
}

static void keep_all_open(const struct handover *handover, bool open)
{
	keep_open(handover->table, open);
	keep_open(handover->control, open);
	keep_open(handover->asker, open);
	for (size_t i = 0; i < talloc_array_length(handover->listeners); i++) {
		const int *descriptors = handover->listeners[i].descriptors;

		for (size_t j = 0; j < talloc_array_length(descriptors); j++)
			keep_open(descriptors[j], open);
	}
	for (size_t i = 0; i < talloc_array_length(handover->generations); i++) {
		const struct handover_process *processes = handover->generations[i].processes;

		for (size_t j = 0; j < talloc_array_length(processes); j++)
			keep_open(processes[j].channel, open);
	}
	for (size_t i = 0; i < talloc_array_length(handover->plugins); i++)
		keep_plugin_open(&handover->plugins[i], open);
}

bool handover_leave(const struct handover *handover, int *descriptor)
{
	char *text = handover_print(NULL, handover);
	size_t size = strlen(text);
	char number[16];

	*descriptor = memfd_create("postern-handover", 0);
	bool good = *descriptor >= 0 && write(*descriptor, text, size) == (ssize_t)size;
	talloc_free(text);
	if (!good)
		return false;
	snprintf(number, sizeof number, "%d", *descriptor);
	if (setenv(VARIABLE, number, 1) < 0)
		return false;
	keep_all_open(handover, true);
	return true;
}

void handover_withdraw(const struct handover *handover, int descriptor)
{
	int error = errno;

	keep_all_open(handover, false);
	unsetenv(VARIABLE);
	if (descriptor >= 0)
		close(descriptor);
	errno = error;
}

bool handover_is_there(void)
{
	return getenv(VARIABLE) != NULL;
}

static struct handover *read_from(const void *parent, int descriptor)
{
	char *text = talloc_zero_array(NULL, char, SIZE_MOST);
	ssize_t size = pread(descriptor, text, SIZE_MOST - 1, 0);
	struct handover *handover = size > 0 ? handover_parse(parent, text) : NULL;

	talloc_free(text);
	return handover;
}

struct handover *handover_take(const void *parent)
{
	const char *number = getenv(VARIABLE);
	uint64_t descriptor;
	struct handover *handover = NULL;

	if (number && slice_to_number(slice_of(number), &descriptor) && descriptor < INT32_MAX) {
		handover = read_from(parent, (int)descriptor);
		close((int)descriptor);
	}
	unsetenv(VARIABLE);
	if (handover)
		keep_all_open(handover, false);
	return handover;
}
