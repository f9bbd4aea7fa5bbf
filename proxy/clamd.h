/* SPDX-License-Identifier: Apache-2.0
 *
 * The learner of viruses: sends a message to ClamAV's daemon by INSTREAM, on a connection of its own, and hears what it says. It keeps nobody
 * waiting but the one transaction.
 *
 * Of several daemons the one that answered last is asked first, and the others, in their order, when it cannot be: refused, silent, gone in
 * mid-stream, or answering with an error, as while it is reloading or has too much to do. When none can, all are tried again, a second apart, until virus.hold
 * is over; then the fact has failed, and virus.on_failure says what that means. An answer that is none of INSTREAM's is a failure, too:
 * only "OK" is clean.
 */
#pragma once

#include "policy/inquiry.h"

struct clamd;
struct loop;

/* The policy has at least one section clamd. Must outlive whoever learns by it. */
struct clamd *clamd_new(const void *parent, struct loop *loop, const struct policy *policy);

struct learner clamd_learner(struct clamd *clamd);
