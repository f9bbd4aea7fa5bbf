/* SPDX-License-Identifier: Apache-2.0
 *
 * How a message comes from a worker into the quarantine. The worker sends the keeper one packet with two descriptors: a memfd with the
 * ticket and behind it the message as it would have been sent on, and the writing end of a pipe. The keeper answers into that pipe, "kept" or
 * why not, and closes it. So there is nothing to be numbered or remembered on either side: a keeper that dies closes the pipe, which is
 * an answer, too; one that comes back finds the packet where it was; and a worker that has given up has closed its end, which the keeper looks
 * at last of all, so that what the client was told 451 for is not kept.
 */
#pragma once

#include "base/await.h"
#include "base/slice.h"

struct edit_plan;
struct loop;
struct quarantine;

/* --- the worker's side --- */

/* A message on its way, and what became of it. */
struct custody {
	bool is_kept;
	char reason[256]; /* why not, for the log */
	struct custody_wait *wait;
};

/* Sends it on the keeper's socket; when the await has ended, custody tells. Cancelling gives up. The custody is a talloc object and must
 * outlive the await. */
void quarantine_wire_begin(struct custody *custody, struct loop *loop, int socket, const char *id,
	struct slice ticket, const struct edit_plan *plan, uint64_t milliseconds,
	struct await *await);

/* --- the keeper's --- */

/* Whether a packet is one of these. */
bool quarantine_wire_is(struct slice packet);

/* Keeps what it brings, and answers. quarantine may be NULL: there is none. The descriptors stay the caller's. */
void quarantine_wire_serve(
	struct quarantine *quarantine, struct slice packet, int content, int answer);
