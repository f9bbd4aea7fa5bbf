/* SPDX-License-Identifier: Apache-2.0
 *
 * The learner of what stands in a message: takes it apart (policy/content/content.h) and finds all facts of LEARNER_CONTENT at once. It is called
 * in a scanner only (policy/scan.h), or in a process that has given up as much for it.
 *
 * What the limits of section scanner kept from being looked at fails whoever asks for it, unless what was seen decides: a limit hit is
 * never "no match".
 */
#pragma once

#include "policy/content/content.h"
#include "policy/inquiry.h"

/* The limits that the settings set. */
struct budget_limits content_learner_limits(const struct scanner_options *options);

/* What costs more than taking the message apart, and is done where somebody asks for it. */
struct content_wishes {
	bool digests; /* of attachments */
	bool yara;    /* matches of the policy's rules of YARA */
};

/* All that was found in the inquiry's message, as a set of its own under the parent, with all that it needs; the message may go. Without a
 * message all facts are absent. */
struct facts *content_learner_find(const void *parent, const struct inquiry *inquiry,
	struct content_tools *tools, const struct content_wishes *wishes);

/* Tells the inquiry, for as long as the set lives. Facts that are known already, as told by a facts file, are left alone. */
void content_learner_tell(struct inquiry *inquiry, const struct facts *found);
