/* SPDX-License-Identifier: Apache-2.0
 *
 * The DNS as the settings want it: libunbound behind base/dns, one for each process that judges.
 */
#pragma once

#include "base/dns.h"
#include "base/loop.h"
#include "proxy/options.h"

/* After the fork, before the sandbox. NULL, after an error in the log, when it cannot be had: then no fact of the DNS can be learnt, and
 * mail goes on. */
struct dns *resolver_new(const void *parent, struct loop *loop, const struct dns_options *options);

/* The learners of facts that a dns can find out, in an array of LEARNERS; none for NULL. */
struct learner;
void resolver_teach(struct dns *dns, struct learner *learners);
