/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker's end of the wires to the scanners: the learner of what stands in messages. It sends each message to a scanner that has nothing in
 * hand, or waits in its queue, and hands the answer to policy/scan.h.
 *
 * A scanner that dies over a message fails that message alone; how often that happened is remembered for a day by what the message says, and
 * from the second time on (fact scanner.deaths) it is not sent again.
 */
#pragma once

#include "policy/inquiry.h"
#include "proxy/scan_ports.h"

struct loop;
struct table;
struct scan_link;

/* ports may be NULL: then everything fails, which puts the mail off. They must outlive it. */
struct scan_link *scan_link_new(const void *parent, struct loop *loop, struct table *table,
	struct scan_ports *ports, unsigned worker);

/* The row for LEARNER_CONTENT. */
struct learner scan_link_learner(struct scan_link *link);
