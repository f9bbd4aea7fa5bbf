/* SPDX-License-Identifier: Apache-2.0
 *
 * The learner of what stands in a message's header: parses the header once, sets all facts that come from it, and has never
 * anything to wait for. Facts that are known already (told by a facts file) are left alone. Without a message all are absent.
 */
#pragma once

#include "policy/inquiry.h"

/* The row for LEARNER_HEADER. */
struct learner header_learner(void);

/* Learns them all now; inquiry->header is set when there is a message. */
void header_learner_learn(struct inquiry *inquiry);

/* The same for header(Name). */
void header_learner_learn_fields(struct inquiry *inquiry, const struct question *question);
