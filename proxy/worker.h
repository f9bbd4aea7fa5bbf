/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker process: takes the connections of the slots that the master has it serve and hands them to its gateway. It
 * ends when the master says so and its last session is over, or when the master is gone: then at once, but for what is past
 * the commit point.
 *
 * It gives up root and most system calls after the gateway has been made and before the first byte from
 * the network.
 */
#pragma once

struct child;

int worker_run(const struct child *child);
