/* SPDX-License-Identifier: Apache-2.0 */
/* The process in which messages are taken apart. */
#include "config.h"

#include "proxy/scanner.h"

#include "base/log.h"
#include "base/loop.h"
#include "base/sandbox.h"
#include "policy/mail/message.h"
#include "policy/scan.h"
#include "proxy/channel.h"
#include "proxy/configuration.h"
#include "proxy/counters.h"
#include "proxy/scan_ports.h"

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

struct scanner {
	const struct child *child;
	struct loop *loop;
	struct channel *channel;
	struct scan_tools *tools;
	struct scan_note *note;
	struct event event;
	bool ended;
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

/* From now on the message has so much of the processor, then the kernel ends us; 0: nothing is under way. */
static void set_alarm(int64_t milliseconds)
{
	const struct itimerval limit = {
		.it_value = {milliseconds / 1000, milliseconds % 1000 * 1000}};

	setitimer(ITIMER_PROF, &limit, NULL);
}

/* --- answering --- */

static void answer(const struct scanner *scanner, uint32_t worker, uint64_t serial,
	enum scan_outcome outcome, struct slice parcel)
{
	struct scan_answer head = {serial, outcome, scanner->child->number};
	struct iovec parts[] = {{&head, sizeof head}, {(char *)parcel.data, parcel.size}};
	const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	struct pollfd end = {scanner->child->scans->answers[worker].writing, POLLOUT, 0};

	while (sendmsg(end.fd, &message, MSG_NOSIGNAL) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || poll(&end, 1, ANSWER_PATIENCE) <= 0)
			break;
	}
}

static void take_note(struct scanner *scanner, const struct scan_request *head)
{
	scanner->note->serial = head->serial;
	scanner->note->worker = head->worker + 1;
}

/* The one before us died over it. */
static void tell_of_death(struct scanner *scanner)
{
	uint32_t worker = scanner->note->worker;

	scanner->note->worker = 0;
	if (worker && worker <= scanner->child->scans->workers)
		answer(scanner, worker - 1, scanner->note->serial, SCAN_DIED, slice_of(""));
}

/* --- one request --- */

static int descriptor_of(const struct msghdr *message)
{
	const struct cmsghdr *control = CMSG_FIRSTHDR(message);
	int descriptor = -1;

	if (control && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS)
		memcpy(&descriptor, CMSG_DATA(control), sizeof descriptor);
	return descriptor;
}

/* The size of the packet, or -1; *descriptor is what came with it. */
static ssize_t receive(struct scanner *scanner, int *descriptor)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec part = {scanner->packet, sizeof scanner->packet};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control};
	ssize_t size = recvmsg(scanner->child->scans->requests[scanner->child->number].reading,
		&message, MSG_CMSG_CLOEXEC);

	*descriptor = size < 0 ? -1 : descriptor_of(&message);
	return size;
}

static bool map_message(struct errand *errand, int descriptor)
{
	errand->map = mmap(NULL, errand->head.message_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
	if (errand->map == MAP_FAILED)
		return false;
	errand->message = slice_make(errand->map, errand->head.message_size);
	return true;
}

static bool open_errand(
	const struct scanner *scanner, struct errand *errand, size_t size, int descriptor)
{
	struct slice rest = slice_make(scanner->packet, size);

	*errand = (struct errand){.map = MAP_FAILED};
	if (size < sizeof errand->head)
		return false;
	memcpy(&errand->head, scanner->packet, sizeof errand->head);
	rest = slice_from(rest, sizeof errand->head);
	if (errand->head.worker >= scanner->child->scans->workers ||
		errand->head.parcel_size > rest.size)
		return false;
	errand->parcel = slice_make(rest.data, errand->head.parcel_size);
	errand->message = slice_from(rest, errand->head.parcel_size);
	return descriptor < 0 ? errand->message.size == errand->head.message_size
			      : map_message(errand, descriptor);
}

static void serve(struct scanner *scanner, const struct errand *errand)
{
	const struct configuration *configuration = scanner->child->configuration;
	void *scratch = talloc_new(NULL);

	take_note(scanner, &errand->head);
	set_alarm(configuration->policy->scanner->time);
	answer(scanner, errand->head.worker, errand->head.serial, SCAN_ANSWERED,
		scan_answer(scratch, scanner->tools, errand->parcel, errand->message,
			errand->head.anomalies));
	talloc_free(scratch);
	set_alarm(0);
	scanner->note->worker = 0;
	table_add(scanner->child->table, COUNT_SCANS, 1);
}

static void on_request(evutil_socket_t end, short what, void *owner)
{
	struct scanner *scanner = owner;
	struct errand errand;
	int descriptor;
	ssize_t size = receive(scanner, &descriptor);

	(void)end;
	(void)what;
	if (size < 0)
		return;
	if (size == 0) { /* nobody is left who could ask */
		event_del(&scanner->event);
		return;
	}
	if (open_errand(scanner, &errand, (size_t)size, descriptor))
		serve(scanner, &errand);
	else
		log_event(LEVEL_ERROR, "scan_request_refused", "it is not as it should be");
	if (errand.map != MAP_FAILED)
		munmap(errand.map, errand.head.message_size);
	if (descriptor >= 0)
		close(descriptor);
}

/* --- life --- */

static void on_message(void *owner, enum channel_message message, uint32_t argument)
{
	struct scanner *scanner = owner;

	(void)argument;
	if (message != CHANNEL_DRAIN && message != CHANNEL_END)
		return;
	scanner->ended = true;
	loop_stop(scanner->loop);
}

static void on_master_gone(void *owner)
{
	on_message(owner, CHANNEL_END, 0);
}

static bool limit(int resource, uint64_t most)
{
	const struct rlimit value = {most, most};

	return setrlimit(resource, &value) == 0;
}

/* A message that wants more memory than this ends the process. Sanitizers map far more than they use. */
static bool set_limits(const struct scanner_options *options)
{
	bool good = limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0);

#ifndef SANITIZED
	good = good && limit(RLIMIT_DATA, (uint64_t)options->memory);
#else
	(void)options;
#endif
	if (!good)
		log_event(LEVEL_ERROR, "scanner_failed", "its limits: %s", strerror(errno));
	return good;
}

static bool scanner_start(struct scanner *scanner)
{
	const struct child *child = scanner->child;
	const struct configuration *configuration = child->configuration;
	int reading;

	if (!child->scans)
		return false;
	scan_ports_keep_scanner(child->scans, child->number);
	reading = child->scans->requests[child->number].reading;
	scanner->note = &child->scans->notes[child->number];
	scanner->tools = scan_prepare(scanner, configuration->policy);
	scanner->channel = channel_new(scanner, scanner->loop, child->channel,
		(struct channel_events){on_message, on_master_gone, scanner});
	event_assign(&scanner->event, scanner->loop->base, reading, EV_READ | EV_PERSIST,
		on_request, scanner);
	event_add(&scanner->event, NULL);
	if (!set_limits(configuration->policy->scanner) || !sandbox_seal_code() ||
		!sandbox_enter(
			&(struct sandbox){.profile = SANDBOX_SCANNER, .user = configuration->user}))
		return false;
	tell_of_death(scanner);
	return channel_send(scanner->channel, CHANNEL_READY, 0);
}

/* It ends without tidying up: code that was sealed cannot be freed. */
int scanner_run(const struct child *child)
{
	struct scanner *scanner = talloc_zero(NULL, struct scanner);

	scanner->child = child;
	scanner->loop = loop_new(NULL);
	if (scanner_start(scanner))
		loop_run(scanner->loop);
	_exit(scanner->ended ? 0 : 1);
}
