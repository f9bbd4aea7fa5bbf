/* SPDX-License-Identifier: Apache-2.0
 *
 * Hearing what a milter answers to an event: packets are cut out of its bytes, and what they say is written down in the progress: an answer to one
 * recipient is the answer to the stage, another that is not "go on" settles the message or the session; changes are gathered. Whatever is
 * not the protocol is a fault. Neither I/O nor waiting is done here.
 */
#pragma once

#include "plugins/milter_offer.h"
#include "plugins/milter_progress.h"

/* Who is heard, and about what; and what else was found. */
struct milter_hearing {
	struct milter_progress *progress;
	const struct milter_offer *offer;
	enum milter_progress_event event; /* that was told last */
	const char *milter;               /* its name, for the log */
	uint64_t body_most;               /* of milter_changes_new() */
	const char *fault;                /* what is wrong, for people */
	bool wants_time;                  /* it has said that it is at work */
};

enum milter_heard { HEARD_ALL, HEARD_MORE_COMES, HEARD_FAULT };

/* Takes all that has come. The reader keeps what is no whole packet yet. */
enum milter_heard milter_hearing_take(
	struct milter_hearing *hearing, struct milter_reader *reader, struct slice input);
