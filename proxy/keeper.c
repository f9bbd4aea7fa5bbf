/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper process, and the workers' link to it. */
#include "proxy/keeper.h"

#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/passing.h"
#include "base/sandbox.h"
#include "base/store_writer.h"
#include "policy/mail/message.h"
#include "proxy/channel.h"
#include "proxy/process.h"
#include "proxy/quarantine.h"
#include "proxy/quarantine_wire.h"
#include "proxy/records.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

enum {
	PACKET_SIZE = 131072,
	PACKETS_A_TURN = 64, /* in one transaction of the store */
	FLUSH_MILLISECONDS = 100,
	SYNC_MILLISECONDS = 5000,
	EXPIRY_MILLISECONDS = 60000
};

/* A packet holds any number of records, each behind this; updates of the memory are a record without an id. A message comes as a descriptor, in a
 * packet of its own that has but this and the id. */
struct frame {
	uint32_t id_size;
	uint32_t json_size;
};

#define IN_DESCRIPTOR UINT32_MAX /* the size of what is not in the packet */
#define MESSAGES "messages"      /* their folder, in the store's */

_Static_assert(KEEPER_RECORD_MOST + sizeof(struct frame) + RECORDS_ID_MOST <= PACKET_SIZE,
	"the largest record fits into a packet");

/* --- the process --- */

struct keeper {
	struct loop *loop;
	struct records *records;
	struct records *messages;      /* NULL: none are kept */
	size_t message_most;           /* bytes */
	struct store_writer *memory;   /* NULL: that is not ours */
	struct quarantine *quarantine; /* NULL: there is no folder of it */
	struct channel *channel;
	int descriptor;
	struct event event;
	struct timer sync;
	struct timer expiry; /* of what is in quarantine */
	char packet[PACKET_SIZE];
};

/* Takes one record off the front; false when the rest is none. */
static bool take_record(struct slice *rest, struct slice *id, struct slice *json)
{
	struct frame frame;

	if (rest->size < sizeof frame)
		return false;
	memcpy(&frame, rest->data, sizeof frame);
	*rest = slice_from(*rest, sizeof frame);
	if (frame.id_size > rest->size || frame.json_size > rest->size - frame.id_size)
		return false;
	*id = slice_make(rest->data, frame.id_size);
	*json = slice_make(rest->data + frame.id_size, frame.json_size);
	*rest = slice_from(*rest, (size_t)frame.id_size + frame.json_size);
	return true;
}

static void put_packet(struct keeper *keeper, size_t size)
{
	struct slice rest = slice_make(keeper->packet, size);
	uint64_t wall = clock_wall(keeper->loop->clock);
	struct slice id, json;

	while (take_record(&rest, &id, &json)) {
		if (id.size)
			records_put(keeper->records, id, json, wall);
		else if (keeper->memory)
			store_writer_apply(keeper->memory, json);
	}
}

/* --- messages --- */

/* The id of the packet; empty when it tells of no message. */
static struct slice message_id(const struct keeper *keeper, size_t size)
{
	struct frame frame;

	if (size < sizeof frame)
		return slice_of("");
	memcpy(&frame, keeper->packet, sizeof frame);
	if (frame.json_size != IN_DESCRIPTOR || frame.id_size != size - sizeof frame)
		return slice_of("");
	return slice_make(keeper->packet + sizeof frame, frame.id_size);
}

/* Nobody can cut it short while it is read: it is read, not mapped. */
static bool read_message(const struct keeper *keeper, int descriptor, struct slice *bytes)
{
	struct stat status;
	char *room;
	size_t size;

	if (fstat(descriptor, &status) < 0 || status.st_size <= 0 ||
		(uint64_t)status.st_size > keeper->message_most)
		return false;
	size = (size_t)status.st_size;
	room = talloc_array(NULL, char, size);
	*bytes = slice_make(room, 0);
	while (bytes->size < size) {
		ssize_t got = pread(
			descriptor, room + bytes->size, size - bytes->size, (off_t)bytes->size);
		if (got <= 0)
			break;
		bytes->size += (size_t)got;
	}
	if (bytes->size == size)
		return true;
	talloc_free(room);
	return false;
}

/* In a transaction of its own: what is too much goes before the next one comes. */
static void put_message(struct keeper *keeper, struct slice id, int descriptor)
{
	uint64_t wall = clock_wall(keeper->loop->clock);
	struct slice bytes;

	if (!keeper->messages || !id.size || !read_message(keeper, descriptor, &bytes))
		return;
	records_begin(keeper->messages);
	records_expire(keeper->messages, wall);
	records_put(keeper->messages, id, bytes, wall);
	records_commit(keeper->messages);
	talloc_free((char *)(uintptr_t)bytes.data);
}

/* --- packets --- */

enum reading { READING_MORE, READING_DRY, READING_OVER };

/* Other numbers of descriptors are none of ours. */
static void take_packet(struct keeper *keeper, const struct passed *came, size_t size)
{
	struct slice packet = slice_make(keeper->packet, size);

	if (came->count == 0)
		put_packet(keeper, size);
	else if (came->count == 1)
		put_message(keeper, message_id(keeper, size), came->items[0]);
	else if (quarantine_wire_is(packet))
		quarantine_wire_serve(keeper->quarantine, packet, came->items[0], came->items[1]);
	passing_close(came);
}

static enum reading read_packet(struct keeper *keeper)
{
	struct passed came;
	ssize_t got = passing_receive(keeper->descriptor, keeper->packet, PACKET_SIZE, &came);

	if (got > 0) {
		take_packet(keeper, &came, (size_t)got);
		return READING_MORE;
	}
	return got < 0 && (errno == EAGAIN || errno == EINTR) ? READING_DRY : READING_OVER;
}

static void begin(struct keeper *keeper)
{
	records_begin(keeper->records);
	if (keeper->memory)
		store_writer_begin(keeper->memory);
}

static void commit(struct keeper *keeper)
{
	uint64_t wall = clock_wall(keeper->loop->clock);

	records_expire(keeper->records, wall);
	records_commit(keeper->records);
	if (!keeper->memory)
		return;
	store_writer_expire(keeper->memory, wall);
	store_writer_commit(keeper->memory);
}

static void expire_messages(struct keeper *keeper)
{
	if (!keeper->messages)
		return;
	records_begin(keeper->messages);
	records_expire(keeper->messages, clock_wall(keeper->loop->clock));
	records_commit(keeper->messages);
}

static void sync_all(struct keeper *keeper)
{
	records_sync(keeper->records);
	if (keeper->messages)
		records_sync(keeper->messages);
	if (keeper->memory)
		store_writer_sync(keeper->memory);
}

/* One transaction of the store. */
static enum reading read_some(struct keeper *keeper)
{
	enum reading reading = READING_MORE;

	begin(keeper);
	for (unsigned i = 0; i < PACKETS_A_TURN && reading == READING_MORE; i++)
		reading = read_packet(keeper);
	commit(keeper);
	return reading;
}

/* The end of input: nobody is left who could write. */
static void on_records(evutil_socket_t descriptor, short what, void *owner)
{
	struct keeper *keeper = owner;

	(void)descriptor;
	(void)what;
	if (read_some(keeper) == READING_OVER)
		loop_stop(keeper->loop);
}

static void on_message(void *owner, enum channel_message message, uint32_t argument)
{
	struct keeper *keeper = owner;

	(void)argument;
	if (message == CHANNEL_DRAIN || message == CHANNEL_END)
		loop_stop(keeper->loop);
}

/* The workers of a dead master finish what they must, and their records are kept: the end of input ends us. */
static void on_master_gone(void *owner)
{
	(void)owner;
	log_event(LEVEL_ERROR, "master_gone", "waiting for the workers");
}

static void on_sync(void *owner)
{
	struct keeper *keeper = owner;

	begin(keeper);
	commit(keeper);
	expire_messages(keeper);
	sync_all(keeper);
	timer_start(&keeper->sync, keeper->loop->clock, SYNC_MILLISECONDS);
}

static void on_expiry(void *owner)
{
	struct keeper *keeper = owner;
	size_t gone = quarantine_expire(
		keeper->quarantine, (int64_t)(clock_wall(keeper->loop->clock) / 1000));

	if (gone)
		log_event(LEVEL_NOTICE, "quarantine_expired",
			"%zu messages were older than quarantine.age, and are gone", gone);
	timer_start(&keeper->expiry, keeper->loop->clock, EXPIRY_MILLISECONDS);
}

static int keeper_close(struct keeper *keeper)
{
	timer_stop(&keeper->expiry);
	timer_stop(&keeper->sync);
	if (event_initialized(&keeper->event))
		event_del(&keeper->event);
	close(keeper->descriptor);
	return 0;
}

static bool enter_sandbox(const struct configuration *configuration)
{
	const char *const write[] = {
		configuration->store->path, configuration->policy->quarantine->path, NULL};
	const char *const read[] = {"/dev", "/etc", "/usr/share/zoneinfo", NULL};

	return sandbox_enter(&(struct sandbox){.profile = SANDBOX_KEEPER,
		.user = configuration->user,
		.read_below = read,
		.write_below = write});
}

static char *messages_path(const void *parent, const struct store_options *options)
{
	return talloc_asprintf(parent, "%s/" MESSAGES, options->path);
}

static bool open_messages(struct keeper *keeper, const struct store_options *options)
{
	char *path = messages_path(keeper, options);

	if (mkdir(path, 0700) < 0 && errno != EEXIST) {
		log_event(LEVEL_ERROR, "store_failed", "%s: %s", path, strerror(errno));
		return false;
	}
	keeper->message_most = (size_t)options->message_size;
	keeper->messages = records_open(
		keeper, path, (uint64_t)options->journal_age, (size_t)options->messages_size);
	return keeper->messages != NULL;
}

/* Nobody would see to it any more that they go in time. */
static void remove_messages(const struct store_options *options)
{
	char *path = messages_path(NULL, options);
	const char *const files[] = {"data.mdb", "lock.mdb", "data.mdb.damaged"};
	bool had_any = false;

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		had_any |= unlink(talloc_asprintf(path, "%s/%s", path, files[i])) == 0;
	if (had_any)
		log_event(LEVEL_NOTICE, "messages_removed",
			"%s: store.messages is off, so those that were kept are gone", path);
	rmdir(path);
	talloc_free(path);
}

static bool open_store(struct keeper *keeper, const struct store_options *options)
{
	keeper->records = records_open(keeper, options->path, (uint64_t)options->journal_age,
		(size_t)options->journal_size);
	if (!keeper->records)
		return false;
	if (!options->record || !options->messages)
		remove_messages(options);
	else if (!open_messages(keeper, options))
		return false;
	if (options->redis)
		return true;
	keeper->memory = store_writer_open(keeper, options->path, (size_t)options->memory_size,
		clock_wall(keeper->loop->clock));
	return keeper->memory != NULL;
}

static bool open_quarantine(struct keeper *keeper, const struct quarantine_options *options)
{
	const char *reason;

	if (!options->path)
		return true;
	keeper->quarantine = quarantine_open(keeper, options, &reason);
	if (keeper->quarantine)
		timer_start(&keeper->expiry, keeper->loop->clock, EXPIRY_MILLISECONDS);
	else
		log_event(LEVEL_ERROR, "quarantine_failed", "%s", reason);
	return keeper->quarantine;
}

static bool keeper_start(
	struct keeper *keeper, const struct configuration *configuration, int channel)
{
	if (!enter_sandbox(configuration))
		return false;
	if (!open_store(keeper, configuration->store) ||
		!open_quarantine(keeper, configuration->policy->quarantine))
		return false;
	event_assign(&keeper->event, keeper->loop->base, keeper->descriptor, EV_READ | EV_PERSIST,
		on_records, keeper);
	event_add(&keeper->event, NULL);
	timer_start(&keeper->sync, keeper->loop->clock, SYNC_MILLISECONDS);
	keeper->channel = channel_new(keeper, keeper->loop, channel,
		(struct channel_events){on_message, on_master_gone, keeper});
	return channel_send(keeper->channel, CHANNEL_READY, 0);
}

static void keep(struct keeper *keeper)
{
	loop_run(keeper->loop);
	while (read_some(keeper) == READING_MORE)
		continue;
	sync_all(keeper);
}

int keeper_run(const struct configuration *configuration, int records, int channel)
{
	struct loop *loop = loop_new(NULL);
	struct keeper *keeper = talloc_zero(NULL, struct keeper);

	keeper->loop = loop;
	keeper->descriptor = records;
	keeper->sync = (struct timer){.on_due = on_sync, .owner = keeper};
	keeper->expiry = (struct timer){.on_due = on_expiry, .owner = keeper};
	talloc_set_destructor(keeper, keeper_close);
	bool good = keeper_start(keeper, configuration, channel);
	if (good) {
		loop_watch(loop, PROCESS_TURN_SECONDS);
		keep(keeper);
	}
	talloc_free(keeper);
	talloc_free(loop);
	return good ? 0 : 1;
}

/* --- a worker's end --- */

struct keeper_link {
	struct loop *loop;
	int descriptor;
	struct timer flush;
	uint64_t dropped;
	uint64_t waiting; /* records in the packet */
	size_t used;
	char packet[PACKET_SIZE];
};

/* What the keeper does not take now it never gets: the next records have their own claim. */
static void link_flush(struct keeper_link *link)
{
	timer_stop(&link->flush);
	if (link->used == 0)
		return;
	ssize_t sent =
		send(link->descriptor, link->packet, link->used, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		link->dropped += link->waiting;
	link->used = 0;
	link->waiting = 0;
}

static void on_flush(void *owner)
{
	link_flush(owner);
}

static int link_close(struct keeper_link *link)
{
	link_flush(link);
	close(link->descriptor);
	return 0;
}

struct keeper_link *keeper_link_new(const void *parent, struct loop *loop, int descriptor)
{
	struct keeper_link *link = talloc_zero(parent, struct keeper_link);

	link->loop = loop;
	link->descriptor = descriptor;
	link->flush = (struct timer){.on_due = on_flush, .owner = link};
	talloc_set_destructor(link, link_close);
	return link;
}

static void link_append(struct keeper_link *link, const void *bytes, size_t size)
{
	memcpy(link->packet + link->used, bytes, size);
	link->used += size;
}

static void link_add(struct keeper_link *link, struct slice id, struct slice bytes)
{
	const struct frame frame = {(uint32_t)id.size, (uint32_t)bytes.size};

	if (bytes.size > PACKET_SIZE || sizeof frame + id.size + bytes.size > PACKET_SIZE) {
		link->dropped++;
		return;
	}
	if (link->used + sizeof frame + id.size + bytes.size > PACKET_SIZE)
		link_flush(link);
	link_append(link, &frame, sizeof frame);
	link_append(link, id.data, id.size);
	link_append(link, bytes.data, bytes.size);
	link->waiting++;
	if (!timer_is_running(&link->flush))
		timer_start(&link->flush, link->loop->clock, FLUSH_MILLISECONDS);
}

void keeper_link_record(struct keeper_link *link, const char *id, const char *json, size_t size)
{
	link_add(link, slice_of(id), slice_make(json, size));
}

void keeper_link_update(struct keeper_link *link, struct slice updates)
{
	link_add(link, slice_of(""), updates);
}

/* What is in memory only gets a descriptor of its own; -1 when there is none to be had. */
static int copy_message(const struct message *message)
{
	struct slice bytes = message_bytes(message);
	int descriptor = memfd_create("message", MFD_CLOEXEC);

	if (descriptor >= 0 && file_write_all(descriptor, bytes))
		return descriptor;
	if (descriptor >= 0)
		close(descriptor);
	return -1;
}

static bool send_descriptor(const struct keeper_link *link, struct slice id, int descriptor)
{
	struct frame frame = {(uint32_t)id.size, IN_DESCRIPTOR};
	const struct iovec parts[] = {
		{&frame, sizeof frame}, {(char *)(uintptr_t)id.data, id.size}};

	return passing_send(link->descriptor, parts, 2, &descriptor, 1) > 0;
}

void keeper_link_message(struct keeper_link *link, const char *id, const struct message *message)
{
	int descriptor = message_descriptor(message);
	int copy = descriptor < 0 ? copy_message(message) : -1;

	if (descriptor < 0)
		descriptor = copy;
	if (descriptor < 0 || !send_descriptor(link, slice_of(id), descriptor))
		link->dropped++;
	if (copy >= 0)
		close(copy);
}

int keeper_link_socket(const struct keeper_link *link)
{
	return link->descriptor;
}

uint64_t keeper_link_dropped(const struct keeper_link *link)
{
	return link->dropped;
}

char *keeper_read_record(
	const void *parent, const struct store_options *store, const char *id, const char **reason)
{
	if (!store->path) {
		*reason = "the configuration names no store: nothing is remembered";
		return NULL;
	}
	return records_read(parent, store->path, id, NULL, reason);
}

char *keeper_read_message(
	const void *parent, const struct store_options *store, const char *id, size_t *size)
{
	const char *reason;
	char *path = store->path ? messages_path(parent, store) : NULL;
	char *bytes = path ? records_read(parent, path, id, size, &reason) : NULL;

	talloc_free(path);
	return bytes;
}
