/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a scanner takes requests (proxy/scan_ports.h), one at a time, and answers them; what they say is policy/scan.h's. While one is in hand the
 * desk's note says so; a note that is there when a desk is opened is of one who died over it, and is told to the worker.
 */
#pragma once

#include "policy/options.h"
#include "proxy/scan_ports.h"

struct loop;
struct scan_desk;
struct table;

/* Prepares all that needs files. Serves nobody yet. The ports must outlive it. */
struct scan_desk *scan_desk_new(const void *parent, struct loop *loop, struct table *table,
	struct scan_ports *ports, unsigned number, const struct policy *policy);

/* Serves from now on, from the loop. */
void scan_desk_open(struct scan_desk *desk);

/* Of a process that takes messages apart: memory, core files and the like. False after an error in the log. */
bool scan_desk_limit(const struct scanner_options *options) __attribute__((warn_unused_result));
/* From now on it has so many milliseconds of the processor, then the kernel ends it; 0: any. */
void scan_desk_set_alarm(int64_t milliseconds);
