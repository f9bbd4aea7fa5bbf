/* SPDX-License-Identifier: Apache-2.0 */
/* From a worker to the scanners and back. */
#include "proxy/scan_link.h"

#include "base/loop.h"
#include "base/passing.h"
#include "policy/amendment.h"
#include "policy/mail/message.h"
#include "policy/scan.h"
#include "proxy/counters.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <string.h>
#include <sys/socket.h>
#include <talloc.h>
#include <utlist.h>

#define SCAN_WORKERS 1024    /* more there are not */
#define DEATHS_MOST 2        /* of scanners over one message */
#define DAY_SECONDS 86400    /* that they are remembered */
#define RETRY_MILLISECONDS 2 /* when all queues are full */

/* A message on its way to a scanner and back. */
struct errand {
	struct scan_link *link;
	struct inquiry *inquiry;
	const struct message *message; /* as others have made it; NULL: there is none */
	struct await *caller;
	struct slice parcel;
	uint64_t serial;
	bool is_sent;
	struct errand *prev, *next;
};

struct scan_link {
	struct loop *loop;
	struct table *table;
	struct scan_ports *ports;
	unsigned worker;
	uint64_t serial; /* of the last errand; no worker before us has used it */
	struct errand *errands;
	struct event event;
	struct timer retry;
	_Alignas(struct scan_answer) char packet[sizeof(struct scan_answer) + SCAN_PARCEL_MAXIMUM];
};

/* --- messages that scanners die over --- */

static uint64_t second(const struct scan_link *link)
{
	return clock_wall(link->loop->clock) / 1000;
}

static uint64_t digest(const struct errand *errand)
{
	return table_digest(errand->link->table, message_bytes(errand->message));
}

static uint32_t deaths_over(const struct errand *errand)
{
	const struct scan_link *link = errand->link;
	uint64_t key;

	if (!table_sum(link->table, COUNT_SCANNER_DEATHS))
		return 0;
	key = digest(errand);
	return table_recent(link->table, KEY_POISON, &key, sizeof key, second(link), DAY_SECONDS);
}

static void note_death(const struct errand *errand)
{
	struct scan_link *link = errand->link;
	uint64_t key = digest(errand);
	uint32_t deaths = table_note_recent(
		link->table, KEY_POISON, &key, sizeof key, second(link), DAY_SECONDS);

	table_add(link->table, COUNT_SCANNER_DEATHS, 1);
	facts_set_number(errand->inquiry->facts, FACT_SCANNER_DEATHS, deaths);
}

/* --- the end of an errand --- */

static int forget(struct errand *errand)
{
	DL_DELETE(errand->link->errands, errand);
	return 0;
}

static void end(struct errand *errand, const char *failure)
{
	struct await *caller = errand->caller;

	if (failure)
		facts_set_text(errand->inquiry->facts, FACT_SCANNER_FAILED, failure);
	talloc_free(errand);
	if (caller->pending)
		await_end(caller, failure ? OUTCOME_FAILED : OUTCOME_DONE);
	else
		await_skip(caller, failure ? OUTCOME_FAILED : OUTCOME_DONE);
}

/* --- sending --- */

/* The scanner that is tried first: one that has nothing in hand, if there is one; and best the one that has seen the message. */
static size_t choose(const struct scan_link *link, const struct inquiry *inquiry)
{
	const struct scan_ports *ports = link->ports;

	if (inquiry->scans > 1 && !ports->notes[inquiry->scanner].worker)
		return inquiry->scanner;
	for (size_t i = 0; i < ports->scanners; i++) {
		size_t scanner = (link->worker + i) % ports->scanners;
		if (!ports->notes[scanner].worker)
			return scanner;
	}
	return link->worker % ports->scanners;
}

static bool send_to(const struct errand *errand, size_t scanner)
{
	const struct message *message = errand->message;
	int descriptor = message_descriptor(message);
	struct slice bytes = message_bytes(message);
	struct scan_request head = {
		.serial = errand->serial,
		.worker = errand->link->worker,
		.parcel_size = (uint32_t)errand->parcel.size,
		.message_size = bytes.size,
		.anomalies = message_anomalies(message),
	};
	struct iovec parts[] = {{&head, sizeof head},
		{(char *)errand->parcel.data, errand->parcel.size},
		{(char *)bytes.data, descriptor < 0 ? bytes.size : 0}};

	return passing_send(errand->link->ports->requests[scanner].writing, parts, 3, &descriptor,
		       descriptor >= 0) >= 0;
}

/* EAGAIN when all queues are full; another error when nobody can be asked. */
static int send_somewhere(const struct errand *errand)
{
	const struct scan_link *link = errand->link;
	size_t first = choose(link, errand->inquiry);
	int error = ESRCH;

	for (size_t i = 0; i < link->ports->scanners; i++) {
		if (send_to(errand, (first + i) % link->ports->scanners))
			return 0;
		if (error != EAGAIN)
			error = errno;
	}
	return error;
}

static void send_all(struct scan_link *link)
{
	struct errand *errand, *next;

	DL_FOREACH_SAFE(link->errands, errand, next)
	{
		if (errand->is_sent)
			continue;
		int error = send_somewhere(errand);
		if (error == EAGAIN) {
			timer_start(&link->retry, link->loop->clock, RETRY_MILLISECONDS);
			return;
		}
		errand->is_sent = true;
		if (error)
			end(errand, "no scanner can be asked");
	}
}

static void on_retry(void *owner)
{
	send_all(owner);
}

/* --- answers --- */

static struct errand *errand_of(const struct scan_link *link, uint64_t serial)
{
	struct errand *errand;

	DL_FOREACH(link->errands, errand)
	{
		if (errand->serial == serial)
			return errand;
	}
	return NULL;
}

static void hear(struct errand *errand, uint32_t outcome, struct slice parcel)
{
	if (outcome == SCAN_DIED) {
		note_death(errand);
		end(errand, "the scanner died over it");
	} else if (!scan_hear(errand->inquiry, parcel)) {
		end(errand, "what the scanner said is too much, or cannot be read");
	} else {
		end(errand, NULL);
	}
}

static void on_answer(evutil_socket_t descriptor, short what, void *owner)
{
	struct scan_link *link = owner;
	struct scan_answer head;
	ssize_t size = recv(descriptor, link->packet, sizeof link->packet, MSG_DONTWAIT);
	struct errand *errand;

	(void)what;
	if (size == 0)
		event_del(&link->event);
	if (size < (ssize_t)sizeof head)
		return;
	memcpy(&head, link->packet, sizeof head);
	errand = errand_of(link, head.serial);
	if (errand && head.scanner < link->ports->scanners)
		errand->inquiry->scanner = head.scanner;
	if (errand)
		hear(errand, head.outcome,
			slice_from(slice_make(link->packet, (size_t)size), sizeof head));
}

/* --- the learner --- */

static void cancel(void *operation)
{
	talloc_free(operation);
}

static struct errand *errand_new(
	struct scan_link *link, struct inquiry *inquiry, struct await *await)
{
	struct errand *errand = talloc_zero(inquiry, struct errand);

	errand->link = link;
	errand->inquiry = inquiry;
	errand->message = amendment_message(inquiry);
	errand->caller = await;
	errand->serial = ++link->serial;
	if (!inquiry->scan_id)
		inquiry->scan_id = (int64_t)(errand->serial * SCAN_WORKERS + link->worker);
	errand->parcel = scan_ask(errand, inquiry);
	DL_APPEND(link->errands, errand);
	talloc_set_destructor(errand, forget);
	return errand;
}

static const char *why_not(const struct errand *errand)
{
	if (!errand->link->ports)
		return "there is no scanner";
	return errand->message ? "there is too much to tell the scanner"
			       : "there is no room for the message as milters have made it";
}

static void begin(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	struct scan_link *link = owner;
	struct errand *errand = errand_new(link, inquiry, await);
	uint32_t deaths = errand->message ? deaths_over(errand) : 0;

	(void)question;
	if (deaths)
		facts_set_number(inquiry->facts, FACT_SCANNER_DEATHS, deaths);
	if (deaths >= DEATHS_MOST) {
		end(errand, "scanners died over it before");
	} else if (!link->ports || !errand->message || !errand->parcel.size) {
		end(errand, why_not(errand));
	} else {
		await_begin(await, AWAIT_FOR_EVER, cancel, errand);
		send_all(link);
	}
}

struct learner scan_link_learner(struct scan_link *link)
{
	return (struct learner){begin, link};
}

/* --- life --- */

static int close_link(struct scan_link *link)
{
	timer_stop(&link->retry);
	if (link->ports)
		event_del(&link->event);
	return 0;
}

struct scan_link *scan_link_new(const void *parent, struct loop *loop, struct table *table,
	struct scan_ports *ports, unsigned worker)
{
	struct scan_link *link = talloc_zero(parent, struct scan_link);

	link->loop = loop;
	link->table = table;
	link->ports = ports;
	link->worker = worker;
	link->serial = clock_microseconds();
	link->retry = (struct timer){.on_due = on_retry, .owner = link};
	if (ports) {
		event_assign(&link->event, loop->base, ports->answers[worker].reading,
			EV_READ | EV_PERSIST, on_answer, link);
		event_add(&link->event, NULL);
	}
	talloc_set_destructor(link, close_link);
	return link;
}
