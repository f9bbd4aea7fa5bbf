/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of workers, one after the other. */
#include "config.h"

#include "proxy/scan_desk.h"

#include "base/log.h"
#include "base/loop.h"
#include "base/passing.h"
#include "base/table.h"
#include "policy/scan.h"
#include "proxy/counters.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <talloc.h>
#include <unistd.h>

#define ANSWER_PATIENCE 1000 /* ms until a worker that reads nothing is given up */

struct scan_desk {
	struct scan_ports *ports;
	struct scan_note *note;
	struct scan_tools *tools;
	struct table *table;
	unsigned number;
	int64_t time; /* ms of the processor, for one message */
	struct event event;
	_Alignas(struct scan_request) char packet[SCAN_PACKET_MAXIMUM];
};

/* A request as it came. */
struct errand {
	struct scan_request head;
	struct slice parcel;
	struct slice message;
	void *map;
};

/* --- time --- */

void scan_desk_set_alarm(int64_t milliseconds)
{
	const struct itimerval limit = {
		.it_value = {milliseconds / 1000, milliseconds % 1000 * 1000}};

	setitimer(ITIMER_PROF, &limit, NULL);
}

/* --- answering --- */

static void answer(const struct scan_desk *desk, uint32_t worker, uint64_t serial,
	enum scan_outcome outcome, struct slice parcel)
{
	struct scan_answer head = {serial, outcome, desk->number};
	const struct iovec parts[] = {{&head, sizeof head}, {(char *)parcel.data, parcel.size}};
	struct pollfd end = {desk->ports->answers[worker].writing, POLLOUT, 0};

	while (passing_send(end.fd, parts, 2, NULL, 0) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || poll(&end, 1, ANSWER_PATIENCE) <= 0)
			break;
	}
}

static void take_note(struct scan_desk *desk, const struct scan_request *head)
{
	desk->note->serial = head->serial;
	desk->note->worker = head->worker + 1;
}

/* The one before us died over it. */
static void tell_of_death(struct scan_desk *desk)
{
	uint32_t worker = desk->note->worker;

	desk->note->worker = 0;
	if (worker && worker <= desk->ports->workers)
		answer(desk, worker - 1, desk->note->serial, SCAN_DIED, slice_of(""));
}

/* --- one request --- */

static bool map_message(struct errand *errand, int descriptor)
{
	errand->map = mmap(NULL, errand->head.message_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
	if (errand->map == MAP_FAILED)
		return false;
	errand->message = slice_make(errand->map, errand->head.message_size);
	return true;
}

static bool open_errand(const struct scan_desk *desk, struct errand *errand, size_t size,
	const struct passed *passed)
{
	struct slice rest = slice_make(desk->packet, size);

	*errand = (struct errand){.map = MAP_FAILED};
	if (size < sizeof errand->head)
		return false;
	memcpy(&errand->head, desk->packet, sizeof errand->head);
	rest = slice_from(rest, sizeof errand->head);
	if (errand->head.worker >= desk->ports->workers || errand->head.parcel_size > rest.size)
		return false;
	errand->parcel = slice_make(rest.data, errand->head.parcel_size);
	errand->message = slice_from(rest, errand->head.parcel_size);
	return passed->count ? map_message(errand, passed->items[0])
			     : errand->message.size == errand->head.message_size;
}

static void serve(struct scan_desk *desk, const struct errand *errand)
{
	void *scratch = talloc_new(NULL);

	take_note(desk, &errand->head);
	scan_desk_set_alarm(desk->time);
	answer(desk, errand->head.worker, errand->head.serial, SCAN_ANSWERED,
		scan_answer(scratch, desk->tools, errand->parcel, errand->message,
			errand->head.anomalies));
	talloc_free(scratch);
	scan_desk_set_alarm(0);
	desk->note->worker = 0;
	table_add(desk->table, COUNT_SCANS, 1);
}

static void on_request(evutil_socket_t end, short what, void *owner)
{
	struct scan_desk *desk = owner;
	struct errand errand;
	struct passed passed;
	ssize_t size = passing_receive(end, desk->packet, sizeof desk->packet, &passed);

	(void)what;
	if (size < 0)
		return;
	if (size == 0) { /* nobody is left who could ask */
		event_del(&desk->event);
		return;
	}
	if (open_errand(desk, &errand, (size_t)size, &passed))
		serve(desk, &errand);
	else
		log_event(LEVEL_ERROR, "scan_request_refused", "it is not as it should be");
	if (errand.map != MAP_FAILED)
		munmap(errand.map, errand.head.message_size);
	passing_close(&passed);
}

/* --- limits --- */

static bool limit(int resource, uint64_t most)
{
	const struct rlimit value = {most, most};

	return setrlimit(resource, &value) == 0;
}

/* A message that wants more memory than this ends the process. Sanitizers map far more than they use. Nothing limits the size of files: the
 * sandbox opens none, and the only one that may be there is the log, which must hear of what ends the process. */
bool scan_desk_limit(const struct scanner_options *options)
{
	bool good = limit(RLIMIT_CORE, 0);

#ifndef SANITIZED
	good = good && limit(RLIMIT_DATA, (uint64_t)options->memory);
#else
	(void)options;
#endif
	if (!good)
		log_event(LEVEL_ERROR, "scanner_failed", "its limits: %s", strerror(errno));
	return good;
}

/* --- life --- */

static int close_desk(struct scan_desk *desk)
{
	event_del(&desk->event);
	return 0;
}

struct scan_desk *scan_desk_new(const void *parent, struct loop *loop, struct table *table,
	struct scan_ports *ports, unsigned number, const struct policy *policy)
{
	struct scan_desk *desk = talloc_zero(parent, struct scan_desk);

	desk->ports = ports;
	desk->note = &ports->notes[number];
	desk->tools = scan_prepare(desk, policy);
	desk->table = table;
	desk->number = number;
	desk->time = policy->scanner->time;
	event_assign(&desk->event, loop->base, ports->requests[number].reading,
		EV_READ | EV_PERSIST, on_request, desk);
	talloc_set_destructor(desk, close_desk);
	return desk;
}

void scan_desk_open(struct scan_desk *desk)
{
	tell_of_death(desk);
	event_add(&desk->event, NULL);
}
