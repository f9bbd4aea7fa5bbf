/* SPDX-License-Identifier: Apache-2.0
 *
 * Telling a milter of events: each is put into packets, its macros first, as the milter has agreed to hear it, and written to its stream.
 * What it does not want to hear is passed over. A large piece of the body is lent, not copied: the inquiry's message must stay until it
 * has been sent.
 */
#pragma once

#include "base/stream.h"
#include "plugins/milter_offer.h"
#include "plugins/milter_progress.h"

/* Who is told, and of what. */
struct milter_telling {
	struct stream *stream;
	const struct milter_offer *offer;
	struct inquiry *inquiry;
	struct milter_progress *progress;
};

/* Whether an answer is to be awaited. */
bool milter_telling_tell(const struct milter_telling *telling, enum milter_progress_event event);

/* Writes one packet, if it is not larger than a milter takes. */
void milter_telling_say(struct stream *stream, const struct milter_packet *packet);
