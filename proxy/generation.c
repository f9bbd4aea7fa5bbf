/* SPDX-License-Identifier: Apache-2.0 */
/* A set of processes that start, serve and end together. */
#include "proxy/generation.h"

#include "base/log.h"
#include "base/loop.h"
#include "proxy/handover.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <talloc.h>
#include <unistd.h>

enum { RECORDS_BUFFER = 4 << 20, END_MARGIN = 10000 };

static void on_process_ready(void *owner, struct process *process);
static void on_process_death(void *owner, struct process *process);

/* --- making --- */

static int generation_close(struct generation *generation)
{
	timer_stop(&generation->timer);
	for (size_t i = 0; i < 2; i++) {
		if (generation->wires.records[i] >= 0)
			close(generation->wires.records[i]);
	}
	return 0;
}

/* A pair that outlives the keeper: what workers write while it comes back waits here. */
static void open_records(struct generation *generation)
{
	const int size = RECORDS_BUFFER;
	const int flags = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;

	generation->wires.records[0] = generation->wires.records[1] = -1;
	if (!generation->configuration->store->path)
		return;
	if (socketpair(AF_UNIX, flags, 0, generation->wires.records) < 0)
		return;
	if (setsockopt(generation->wires.records[1], SOL_SOCKET, SO_SNDBUFFORCE, &size,
		    sizeof size) < 0)
		setsockopt(generation->wires.records[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

static size_t count_kind(const struct generation *generation, const char *name)
{
	return process_kind_named(name)->count(generation->configuration);
}

/* Without it, what rules want to look into is put off. */
static void open_scans(struct generation *generation)
{
	size_t scanners = count_kind(generation, "scanner");

	if (!scanners)
		return;
	generation->wires.scans =
		scan_ports_new(generation, scanners, count_kind(generation, "worker"));
	if (!generation->wires.scans)
		log_event(LEVEL_ERROR, "scanners_failed", "%s", strerror(errno));
}

static void add_processes(struct generation *generation, const struct process_kind *kind)
{
	size_t count = kind->count(generation->configuration);
	size_t before = talloc_array_length(generation->processes);
	const struct process_events events = {on_process_ready, on_process_death, generation};

	generation->processes =
		talloc_realloc(generation, generation->processes, struct process *, before + count);
	for (size_t i = 0; i < count; i++) {
		generation->processes[before + i] =
			process_new(generation, generation->heritage, kind, (unsigned)i, events);
	}
}

/* What must not be cut off is done by now: the backend had its time to answer. */
static uint64_t longest_end(const struct configuration *configuration)
{
	int64_t longest = 0;

	for (size_t i = 0; i < configuration->backend_count; i++) {
		if (configuration->backends[i]->final_timeout > longest)
			longest = configuration->backends[i]->final_timeout;
	}
	return (uint64_t)longest + END_MARGIN;
}

struct generation *generation_new(const void *parent, struct heritage *heritage,
	struct configuration *configuration, unsigned number, struct generation_events events)
{
	struct generation *generation = talloc_zero(parent, struct generation);

	generation->heritage = heritage;
	generation->configuration = talloc_steal(generation, configuration);
	generation->number = number;
	generation->events = events;
	generation->drain = (uint64_t)configuration->process->drain;
	generation->end = longest_end(configuration);
	generation->timer.owner = generation;
	open_records(generation);
	open_scans(generation);
	generation->processes = talloc_array(generation, struct process *, 0);
	for (const struct process_kind *kind = process_kinds; kind->name; kind++)
		add_processes(generation, kind);
	talloc_set_destructor(generation, generation_close);
	return generation;
}

size_t generation_servers(const struct configuration *configuration)
{
	size_t count = 0;

	for (const struct process_kind *kind = process_kinds; kind->name; kind++) {
		if (kind->serves)
			count += kind->count(configuration);
	}
	return count;
}

bool generation_start(struct generation *generation)
{
	for (size_t i = 0; i < talloc_array_length(generation->processes); i++) {
		if (!process_start(generation->processes[i], generation->configuration,
			    &generation->wires))
			return false;
	}
	return true;
}

/* --- who serves what --- */

static size_t count_servers(const struct generation *generation)
{
	size_t count = 0;

	for (size_t i = 0; i < talloc_array_length(generation->processes); i++)
		count += generation->processes[i]->kind->serves;
	return count;
}

/* The n-th of those that serve, counted in a circle. */
static struct process *serving_process(const struct generation *generation, size_t n)
{
	size_t servers = count_servers(generation);
	size_t seen = 0;

	for (size_t i = 0; i < talloc_array_length(generation->processes); i++) {
		struct process *process = generation->processes[i];

		if (process->kind->serves && seen++ == n % servers)
			return process;
	}
	return NULL;
}

static struct process *choose_server(const struct generation *generation, size_t slot)
{
	size_t servers = count_servers(generation);

	for (size_t i = 0; i < servers; i++) {
		struct process *process = serving_process(generation, slot + i);

		if (process->state == PROCESS_READY)
			return process;
	}
	return NULL;
}

static void deal_slots(struct generation *generation)
{
	for (size_t slot = 0; slot < generation->slots; slot++) {
		struct process *before = generation->servers[slot];
		struct process *now = choose_server(generation, slot);

		if (now == before)
			continue;
		generation->servers[slot] = now;
		if (now)
			process_tell(now, CHANNEL_SERVE, (uint32_t)slot);
		if (before)
			process_tell(before, CHANNEL_LEAVE, (uint32_t)slot);
	}
}

void generation_serve(struct generation *generation)
{
	generation->state = GENERATION_ACTIVE;
	generation->slots = generation->heritage->listeners->slots;
	generation->servers = talloc_zero_array(generation, struct process *, generation->slots);
	deal_slots(generation);
}

static void sweep(struct generation *generation, uint32_t listener)
{
	for (size_t i = 0; i < talloc_array_length(generation->processes); i++) {
		struct process *process = generation->processes[i];

		if (process->kind->serves && process->state == PROCESS_READY)
			process_tell(process, CHANNEL_SWEEP, listener);
	}
}

void generation_sweep(struct generation *generation, const struct configuration *next)
{
	const struct listeners *listeners = generation->heritage->listeners;

	for (size_t i = 0; i < listeners->count; i++) {
		const struct listener *listener = listeners->items[i];

		if (!listeners_section(listener, next))
			sweep(generation, listener->number);
	}
}

/* --- ready, dead, gone --- */

static bool all_are(const struct generation *generation, enum process_state state)
{
	for (size_t i = 0; i < talloc_array_length(generation->processes); i++) {
		if (generation->processes[i]->state != state)
			return false;
	}
	return true;
}

static void on_process_ready(void *owner, struct process *process)
{
	struct generation *generation = owner;

	(void)process;
	if (generation->state == GENERATION_ACTIVE)
		deal_slots(generation);
	else if (generation->state == GENERATION_STARTING && all_are(generation, PROCESS_READY))
		generation->events.on_ready(generation->events.owner, generation);
}

static bool lives_after(const struct generation *generation, const struct process_kind *kind)
{
	for (size_t i = 0; i < talloc_array_length(generation->processes); i++) {
		if (generation->processes[i]->kind > kind &&
			process_is_alive(generation->processes[i]))
			return true;
	}
	return false;
}

/* Those that nobody alive depends on are told to end. */
static void retire_some(struct generation *generation, enum channel_message message)
{
	for (size_t i = 0; i < talloc_array_length(generation->processes); i++) {
		struct process *process = generation->processes[i];

		if (!lives_after(generation, process->kind) && process->state != PROCESS_GONE)
			process_retire(process, message);
	}
}

static void on_gone(void *owner)
{
	struct generation *generation = owner;

	generation->events.on_gone(generation->events.owner, generation);
}

static void go_on_draining(struct generation *generation)
{
	retire_some(generation, generation->ending ? CHANNEL_END : CHANNEL_DRAIN);
	if (!all_are(generation, PROCESS_GONE))
		return;
	generation->timer.on_due = on_gone;
	timer_start(&generation->timer, generation->heritage->loop->clock, 0);
}

static void on_process_death(void *owner, struct process *process)
{
	struct generation *generation = owner;

	if (generation->state == GENERATION_ACTIVE && !generation->taken_over)
		process_restart(process);
	else
		process->state = PROCESS_GONE;
	if (generation->state == GENERATION_ACTIVE) {
		deal_slots(generation);
		return;
	}
	if (generation->state == GENERATION_DRAINING)
		go_on_draining(generation);
	else
		generation->events.on_failed(generation->events.owner, generation);
}

/* --- the end --- */

static void on_end_over(void *owner)
{
	generation_kill(owner);
}

static void on_drain_over(void *owner)
{
	generation_drain(owner, true);
}

static void start_timer(struct generation *generation)
{
	generation->timer.on_due = generation->ending ? on_end_over : on_drain_over;
	timer_start(&generation->timer, generation->heritage->loop->clock,
		generation->ending ? generation->end : generation->drain);
}

void generation_drain(struct generation *generation, bool now)
{
	bool hastened = now && !generation->ending;

	if (generation->state == GENERATION_DRAINING && !hastened)
		return;
	generation->state = GENERATION_DRAINING;
	generation->ending = now;
	start_timer(generation);
	go_on_draining(generation);
}

void generation_abandon(struct generation *generation)
{
	generation->state = GENERATION_DRAINING;
	generation->ending = true;
	generation_kill(generation);
	go_on_draining(generation);
}

void generation_tell_recipients(struct generation *generation, int descriptor)
{
	for (size_t i = 0; i < talloc_array_length(generation->processes); i++) {
		if (generation->processes[i]->kind->serves)
			process_tell_recipients(generation->processes[i], descriptor);
	}
}

void generation_kill(struct generation *generation)
{
	for (size_t i = 0; i < talloc_array_length(generation->processes); i++)
		process_kill(generation->processes[i]);
}

struct process *generation_process(const struct generation *generation, pid_t pid)
{
	for (size_t i = 0; i < talloc_array_length(generation->processes); i++) {
		if (generation->processes[i]->pid == pid)
			return generation->processes[i];
	}
	return NULL;
}

/* --- from one master to the next --- */

static int index_of(const struct generation *generation, const struct process *process)
{
	for (size_t i = 0; i < talloc_array_length(generation->processes); i++) {
		if (generation->processes[i] == process)
			return (int)i;
	}
	return HANDOVER_NONE;
}

struct handover_generation generation_hand_over(
	const void *parent, const struct generation *generation)
{
	size_t count = talloc_array_length(generation->processes);
	struct handover_generation given = {
		.number = generation->number,
		.active = generation->state == GENERATION_ACTIVE,
		.ending = generation->ending,
		.drain = generation->drain,
		.end = generation->end,
		.processes = talloc_array(parent, struct handover_process, count),
		.servers = talloc_array(parent, int, generation->slots),
	};

	for (size_t i = 0; i < count; i++)
		given.processes[i] = process_hand_over(generation->processes[i]);
	for (size_t i = 0; i < generation->slots; i++)
		given.servers[i] = index_of(generation, generation->servers[i]);
	return given;
}

/* A kind that this program does not know is not its own to end: its channel closes, and it ends by itself. */
static void take_over_process(
	struct generation *generation, size_t index, const struct handover_process *given)
{
	const struct process_kind *kind = process_kind_named(given->kind);
	const struct process_events events = {on_process_ready, on_process_death, generation};

	generation->processes[index] = process_new(generation, generation->heritage,
		kind ? kind : &process_kinds[0], given->number, events);
	if (kind)
		process_take_over(generation->processes[index], given);
	else if (given->channel != HANDOVER_NONE)
		close(given->channel);
}

struct generation *generation_take_over(const void *parent, struct heritage *heritage,
	const struct handover_generation *given, struct generation_events events)
{
	struct generation *generation = talloc_zero(parent, struct generation);
	size_t count = talloc_array_length(given->processes);

	generation->heritage = heritage;
	generation->number = given->number;
	generation->state = given->active ? GENERATION_ACTIVE : GENERATION_DRAINING;
	generation->ending = given->ending;
	generation->taken_over = true;
	generation->drain = given->drain;
	generation->end = given->end;
	generation->events = events;
	generation->timer.owner = generation;
	generation->wires.records[0] = generation->wires.records[1] = -1;
	generation->processes = talloc_array(generation, struct process *, count);
	for (size_t i = 0; i < count; i++)
		take_over_process(generation, i, &given->processes[i]);
	generation->slots = talloc_array_length(given->servers);
	generation->servers = talloc_zero_array(generation, struct process *, generation->slots);
	for (size_t i = 0; i < generation->slots; i++) {
		if (given->servers[i] != HANDOVER_NONE)
			generation->servers[i] = generation->processes[given->servers[i]];
	}
	talloc_set_destructor(generation, generation_close);
	if (generation->state == GENERATION_DRAINING)
		start_timer(generation);
	return generation;
}
