/* SPDX-License-Identifier: Apache-2.0 */
/* Messages on their way into the quarantine. */
#include "proxy/quarantine_wire.h"

#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/passing.h"
#include "policy/mail/edit.h"
#include "proxy/quarantine.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <talloc.h>
#include <unistd.h>

#define MARK 0x71756172u /* no record is so large: it tells this packet from theirs */
#define KEPT "kept"

/* The first two are where a frame of records has its sizes. */
struct head {
	uint32_t id_size;
	uint32_t mark;
	uint64_t ticket_size;
};

/* --- the worker's side --- */

struct custody_wait {
	struct custody *custody;
	struct await *await;
	int answer; /* the reading end */
	struct event event;
};

static int close_wait(struct custody_wait *wait)
{
	event_del(&wait->event);
	close(wait->answer);
	return 0;
}

static void give_up(void *operation)
{
	struct custody *custody = operation;

	TALLOC_FREE(custody->wait);
	snprintf(custody->reason, sizeof custody->reason, "the keeper did not answer in time");
}

static void on_answer(evutil_socket_t descriptor, short what, void *owner)
{
	struct custody_wait *wait = owner;
	struct custody *custody = wait->custody;
	struct await *await = wait->await;
	char *reason = custody->reason;
	ssize_t got = read(descriptor, reason, sizeof custody->reason - 1);

	(void)what;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	reason[got > 0 ? got : 0] = '\0';
	custody->is_kept = strcmp(reason, KEPT) == 0;
	if (got <= 0)
		snprintf(reason, sizeof custody->reason, "the keeper died over it");
	TALLOC_FREE(custody->wait);
	await_end(await, OUTCOME_DONE);
}

/* -1 when there is no memory for it. */
static int make_content(struct slice ticket, const struct edit_plan *plan)
{
	int content = memfd_create("quarantine", MFD_CLOEXEC);
	bool good = content >= 0 && file_write_all(content, ticket);

	for (size_t i = 0; i < plan->count && good; i++)
		good = file_write_all(content, plan->slices[i]);
	if (good || content < 0)
		return content;
	close(content);
	return -1;
}

static bool send_packet(int socket, const char *id, size_t ticket_size, const int descriptors[2])
{
	struct head head = {(uint32_t)strlen(id), MARK, ticket_size};
	const struct iovec parts[] = {{&head, sizeof head}, {(char *)(uintptr_t)id, head.id_size}};

	return passing_send(socket, parts, 2, descriptors, 2) > 0;
}

/* The reading end of the pipe that the answer comes by; -1 when it could not be sent. */
static int send_off(int socket, const char *id, struct slice ticket, const struct edit_plan *plan)
{
	int ends[2] = {-1, -1}, content = make_content(ticket, plan);
	bool good = content >= 0 && pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0 &&
		send_packet(socket, id, ticket.size, (const int[2]){content, ends[1]});
	int error = errno;

	if (content >= 0)
		close(content);
	if (ends[1] >= 0)
		close(ends[1]);
	if (!good && ends[0] >= 0)
		close(ends[0]);
	errno = error;
	return good ? ends[0] : -1;
}

void quarantine_wire_begin(struct custody *custody, struct loop *loop, int socket, const char *id,
	struct slice ticket, const struct edit_plan *plan, uint64_t milliseconds,
	struct await *await)
{
	int answer = send_off(socket, id, ticket, plan);
	struct custody_wait *wait;

	custody->is_kept = false;
	if (answer < 0) {
		snprintf(custody->reason, sizeof custody->reason, "the keeper cannot be told: %s",
			strerror(errno));
		await_skip(await, OUTCOME_FAILED);
		return;
	}
	wait = talloc_zero(custody, struct custody_wait);
	*wait = (struct custody_wait){.custody = custody, .await = await, .answer = answer};
	event_assign(&wait->event, loop->base, answer, EV_READ | EV_PERSIST, on_answer, wait);
	event_add(&wait->event, NULL);
	talloc_set_destructor(wait, close_wait);
	custody->wait = wait;
	await_begin(await, milliseconds, give_up, custody);
}

/* --- the keeper's --- */

static bool take_head(struct slice packet, struct head *head)
{
	if (packet.size < sizeof *head)
		return false;
	memcpy(head, packet.data, sizeof *head);
	return head->mark == MARK && head->id_size == packet.size - sizeof *head;
}

bool quarantine_wire_is(struct slice packet)
{
	struct head head;

	return take_head(packet, &head);
}

/* Who has closed the reading end waits no more. */
static bool is_awaited(void *owner)
{
	struct pollfd end = {.fd = *(int *)owner, .events = POLLOUT};

	return poll(&end, 1, 0) >= 0 && !(end.revents & (POLLERR | POLLNVAL));
}

void quarantine_wire_serve(
	struct quarantine *quarantine, struct slice packet, int content, int answer)
{
	struct quarantine_item item = {
		.descriptor = content, .is_wanted = is_awaited, .owner = &answer};
	const char *reason = "there is no quarantine";
	struct head head;

	if (!take_head(packet, &head))
		return;
	item.id = slice_from(packet, sizeof head);
	item.ticket_size = head.ticket_size;
	if (quarantine)
		reason = quarantine_put(quarantine, &item);
	if (reason)
		log_event(
			LEVEL_ERROR, "quarantine_failed", "%.*s: %s", SLICE_ARGS(item.id), reason);
	/* If it is not heard, it is there once more, later: never less than once. */
	if (write(answer, reason ? reason : KEPT, strlen(reason ? reason : KEPT)) < 0 && !reason)
		log_event(LEVEL_NOTICE, "quarantine_unheard", "%.*s: kept, and nobody waits for it",
			SLICE_ARGS(item.id));
}
