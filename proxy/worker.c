/* SPDX-License-Identifier: Apache-2.0 */
/* The worker process: from listening sockets to the gateway. */
#include "proxy/worker.h"

#include "base/log.h"
#include "base/loop.h"
#include "base/sandbox.h"
#include "base/store.h"
#include "proxy/channel.h"
#include "proxy/gateway.h"
#include "proxy/keeper.h"
#include "proxy/memory.h"
#include "proxy/process.h"
#include "proxy/resolver.h"
#include "proxy/scan_link.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/socket.h>
#include <talloc.h>
#include <unistd.h>

enum {
	ACCEPTS_A_TURN = 64,
	FULL_MILLISECONDS =
		100, /* out of descriptors: how long connections are left to the kernel */
	COUNT_MILLISECONDS = 1000
};

/* One listening socket: a slot of a listener. */
struct door {
	struct worker *worker;
	const struct listen_options *listen;
	uint32_t listener;
	size_t slot;
	struct event event;
	int descriptor;
	bool serving; /* the master wants us to */
};

struct worker {
	const struct child *child;
	struct loop *loop;
	struct channel *channel;
	struct keeper_link *keeper;
	struct gateway *gateway;
	struct door *doors;
	size_t door_count;
	struct timer full; /* running: no doors are open */
	struct timer count;
	uint64_t log_lost;
	uint64_t records_lost;
	uint64_t store_failures;
	bool drained;
};

/* --- accepting --- */

static void set_door(struct door *door)
{
	if (door->serving && !timer_is_running(&door->worker->full))
		event_add(&door->event, NULL);
	else
		event_del(&door->event);
}

static void set_doors(struct worker *worker)
{
	for (size_t i = 0; i < worker->door_count; i++)
		set_door(&worker->doors[i]);
}

/* Out of descriptors or memory. The kernel keeps the connections that wait; trying on would only burn the processor. */
static void pause_accepting(struct worker *worker, int error)
{
	log_event(LEVEL_ERROR, "accept_paused", "%s", strerror(error));
	timer_start(&worker->full, worker->loop->clock, FULL_MILLISECONDS);
	set_doors(worker);
}

static void on_pause_over(void *owner)
{
	set_doors(owner);
}

static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* False when there is nothing more to accept just now. */
static bool accept_one(struct door *door)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof address;
	uint16_t port;
	int descriptor = accept4(
		door->descriptor, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (descriptor >= 0) {
		struct ip client = ip_of_sockaddr((struct sockaddr *)&address, &port);
		gateway_take(door->worker->gateway, door->listen, descriptor, &client, port);
		return true;
	}
	if (is_shortage(errno))
		pause_accepting(door->worker, errno);
	return errno == ECONNABORTED || errno == EINTR;
}

static void on_connection(evutil_socket_t descriptor, short what, void *owner)
{
	struct door *door = owner;

	(void)descriptor;
	(void)what;
	for (unsigned i = 0; i < ACCEPTS_A_TURN && accept_one(door); i++)
		continue;
}

/* --- doors --- */

static size_t add_doors(struct worker *worker, const struct listener *listener, size_t used)
{
	const struct listen_options *listen =
		listeners_section(listener, worker->child->configuration);

	for (size_t slot = 0; slot < talloc_array_length(listener->descriptors); slot++) {
		struct door *door = &worker->doors[used++];

		*door = (struct door){.worker = worker,
			.listen = listen,
			.listener = listener->number,
			.slot = slot,
			.descriptor = listener->descriptors[slot]};
		event_assign(&door->event, worker->loop->base, door->descriptor,
			EV_READ | EV_PERSIST, on_connection, door);
	}
	return used;
}

static void make_doors(struct worker *worker)
{
	const struct listeners *listeners = worker->child->listeners;
	size_t count = 0;

	for (size_t i = 0; i < listeners->count; i++)
		count += talloc_array_length(listeners->items[i]->descriptors);
	worker->doors = talloc_zero_array(worker, struct door, count);
	for (size_t i = 0; i < listeners->count; i++)
		worker->door_count = add_doors(worker, listeners->items[i], worker->door_count);
}

static void serve(struct worker *worker, uint32_t slot, bool serving)
{
	for (size_t i = 0; i < worker->door_count; i++) {
		if (worker->doors[i].slot == slot) {
			worker->doors[i].serving = serving;
			set_door(&worker->doors[i]);
		}
	}
}

/* An old generation that kept its copy of a listener open would keep it listening, with nobody there. */
static void close_doors(struct worker *worker)
{
	for (size_t i = 0; i < worker->door_count; i++)
		event_del(&worker->doors[i].event);
	worker->door_count = 0;
	listeners_close(worker->child->listeners);
}

static void sweep(struct worker *worker, uint32_t listener)
{
	for (size_t i = 0; i < worker->door_count; i++) {
		while (worker->doors[i].listener == listener && accept_one(&worker->doors[i]))
			continue;
	}
}

/* --- what the master says --- */

static void on_drained(void *owner)
{
	struct worker *worker = owner;

	worker->drained = true;
	loop_stop(worker->loop);
}

static void on_serve(struct worker *worker, uint32_t slot)
{
	serve(worker, slot, true);
}

static void on_leave(struct worker *worker, uint32_t slot)
{
	serve(worker, slot, false);
}

static void on_drain(struct worker *worker, uint32_t unused)
{
	(void)unused;
	close_doors(worker);
	gateway_drain(worker->gateway, false, on_drained, worker);
}

static void on_end(struct worker *worker, uint32_t unused)
{
	(void)unused;
	close_doors(worker);
	gateway_drain(worker->gateway, true, on_drained, worker);
}

static void take_recipients(struct worker *worker, uint32_t descriptor)
{
	if (!gateway_use_recipients(worker->gateway, (int)descriptor))
		log_event(LEVEL_ERROR, "recipients_refused",
			"what the master handed over is no list: the one before counts");
	close((int)descriptor);
}

static void (*const orders[CHANNEL_MESSAGES])(struct worker *worker, uint32_t argument) = {
	[CHANNEL_SERVE] = on_serve,
	[CHANNEL_LEAVE] = on_leave,
	[CHANNEL_SWEEP] = sweep,
	[CHANNEL_DRAIN] = on_drain,
	[CHANNEL_END] = on_end,
	[CHANNEL_RECIPIENTS] = take_recipients,
};

static void on_message(void *owner, enum channel_message message, uint32_t argument)
{
	if (orders[message])
		orders[message](owner, argument);
}

static void on_master_gone(void *owner)
{
	log_event(LEVEL_ERROR, "master_gone", "ending");
	on_end(owner, 0);
}

/* --- life --- */

static void count_lost(struct worker *worker)
{
	uint64_t log = log_lost();
	struct store *store = worker->gateway ? worker->gateway->store : NULL;
	uint64_t failures = store ? store_failures(store) : 0;
	uint64_t records = worker->keeper ? keeper_link_dropped(worker->keeper) : 0;

	table_add(worker->child->table, COUNT_LOG_LOST, (int64_t)(log - worker->log_lost));
	table_add(worker->child->table, COUNT_RECORDS_LOST,
		(int64_t)(records - worker->records_lost));
	table_add(worker->child->table, COUNT_STORE_FAILURES,
		(int64_t)(failures - worker->store_failures));
	if (records > worker->records_lost)
		log_event(LEVEL_WARNING, "records_lost",
			"the keeper did not take %llu records: it lags behind",
			(unsigned long long)(records - worker->records_lost));
	worker->store_failures = failures;
	worker->log_lost = log;
	worker->records_lost = records;
}

static void on_count(void *owner)
{
	struct worker *worker = owner;

	count_lost(worker);
	timer_start(&worker->count, worker->loop->clock, COUNT_MILLISECONDS);
}

static bool enter_sandbox(const struct configuration *configuration)
{
	static const char *const read[] = {
		"/etc", "/usr/share", "/usr/lib", "/dev", "/proc/self", NULL};
	const char *write[3] = {NULL};
	size_t used = 0;

	if (configuration->store->path)
		write[used++] = configuration->store->path;
	if (configuration->process->spool)
		write[used++] = configuration->process->spool;
	return sandbox_enter(&(struct sandbox){.profile = SANDBOX_WORKER,
		.user = configuration->user,
		.read_below = read,
		.write_below = write});
}

static bool worker_start(struct worker *worker)
{
	const struct child *child = worker->child;

	if (child->records >= 0)
		worker->keeper = keeper_link_new(worker, worker->loop, child->records);
	worker->gateway = gateway_new(worker, worker->loop, child->configuration, child->table,
		worker->keeper, child->column);
	gateway_use_dns(
		worker->gateway, resolver_new(worker, worker->loop, child->configuration->dns));
	gateway_use_store(worker->gateway,
		memory_new(worker, worker->loop, child->configuration->store, worker->keeper));
	if (child->scans)
		scan_ports_keep_worker(child->scans, child->number);
	if (process_kind_named("scanner")->count(child->configuration))
		gateway_use_scans(worker->gateway,
			scan_link_new(
				worker, worker->loop, child->table, child->scans, child->number));
	worker->gateway->draining = child->rehearsal; /* so that no server is asked */
	if (!enter_sandbox(child->configuration))
		return false;
	if (child->recipients >= 0)
		take_recipients(worker, (uint32_t)child->recipients);
	make_doors(worker);
	worker->full = (struct timer){.on_due = on_pause_over, .owner = worker};
	worker->count = (struct timer){.on_due = on_count, .owner = worker};
	timer_start(&worker->count, worker->loop->clock, COUNT_MILLISECONDS);
	worker->channel = channel_new(worker, worker->loop, child->channel,
		(struct channel_events){on_message, on_master_gone, worker});
	return channel_send(worker->channel, CHANNEL_READY, 0);
}

int worker_run(const struct child *child)
{
	struct worker *worker = talloc_zero(NULL, struct worker);
	bool good;

	worker->child = child;
	worker->loop = loop_new(NULL);
	good = worker_start(worker);
	if (good) {
		loop_watch(worker->loop, PROCESS_TURN_SECONDS);
		loop_run(worker->loop);
	}
	count_lost(worker);
	timer_stop(&worker->full);
	timer_stop(&worker->count);
	close_doors(worker);
	struct loop *loop = worker->loop;
	good = good && worker->drained;
	talloc_free(worker);
	talloc_free(loop);
	return good ? 0 : 1;
}
