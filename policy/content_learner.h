/* SPDX-License-Identifier: Apache-2.0
 *
 * The learner of what stands in a message: takes it apart with policy/content and sets all facts of LEARNER_CONTENT at once. It is called in a
 * scanner only (policy/scan.h), or in a process that has given up as much for it.
 */
#pragma once

#include "policy/inquiry.h"

/* What must be ready before the sandbox is closed: charsets, libraries, limits. */
struct content_tools;
struct content_tools *content_tools_new(const void *parent, const struct scanner_options *options);

/* Facts that are known already, as told by a facts file, are left alone. Without a message all are absent. */
void content_learner_learn(struct inquiry *inquiry, const struct content_tools *tools);
