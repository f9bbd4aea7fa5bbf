/* SPDX-License-Identifier: Apache-2.0
 *
 * The scanner process: takes messages apart and searches them, for the workers. It has no network, no files, no system call it can do without, and
 * a limit on memory and on the processor time of one message: whoever is over it dies, which costs that one transaction a 451; the
 * next scanner is there at once. It never waits, and keeps nothing from one message to the next but what it found in the last one.
 *
 * What a request and its answer say is policy/scan.h's; how they come is proxy/scan_ports.h's.
 */
#pragma once

#include "proxy/process.h"

int scanner_run(const struct child *child);
