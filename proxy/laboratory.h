/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes messages apart where there are no scanners: for explain, test, replay, and the tests of rules before a reload. Each message gets a process of its own,
 * as shut off and as limited as a scanner, that hands back all it found, texts too; the rules are run here. Whoever asks waits.
 */
#pragma once

#include "policy/inquiry.h"

/* The row for LEARNER_CONTENT; user: whom the process becomes when we are root. Lives under the parent. */
const struct learner *laboratory_new(
	const void *parent, const struct policy *policy, const char *user);
