/* SPDX-License-Identifier: Apache-2.0
 *
 * The wires between the workers and the scanners of one generation, made before the first of them is forked; they outlive both, so what
 * was sent to a scanner that died is read by the one that takes its place.
 *
 * Each scanner reads from a pair of sockets of its own, into which every worker writes; each worker reads answers from a pair of its own, into which
 * every scanner writes. A packet is a head, a parcel (policy/scan.h) and, of a request, the message: within the packet up to
 * SPOOL_MEMORY, beyond that as a descriptor that goes with it.
 *
 * In memory that all share, each scanner notes whose request it has in hand. When it dies over it, its successor finds the note and tells the
 * worker.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define SCAN_PACKET_MAXIMUM 262144

struct scan_request {
	uint64_t serial; /* the worker's own number for it */
	uint32_t worker;
	uint32_t parcel_size;
	uint64_t message_size; /* of the packet's rest; or of what the descriptor has */
	uint32_t anomalies;    /* of the message, bits of enum anomaly */
};

enum scan_outcome { SCAN_ANSWERED, SCAN_DIED };

struct scan_answer {
	uint64_t serial;
	uint32_t outcome; /* enum scan_outcome */
	uint32_t scanner;
};

/* What a scanner has in hand; worker is one more than its number, 0: nothing. */
struct scan_note {
	_Atomic uint32_t worker;
	_Atomic uint64_t serial;
};

/* Both ends of a pair; -1: closed. */
struct scan_pair {
	int reading, writing;
};

struct scan_ports {
	struct scan_pair *requests; /* by scanner */
	struct scan_pair *answers;  /* by worker */
	struct scan_note *notes;    /* by scanner; shared */
	size_t scanners, workers;
};

/* NULL, with errno, when the system refuses. Freeing closes what is open. */
struct scan_ports *scan_ports_new(const void *parent, size_t scanners, size_t workers);

/* In the process: closes all ends but its own. */
void scan_ports_keep_worker(struct scan_ports *ports, unsigned worker);
void scan_ports_keep_scanner(struct scan_ports *ports, unsigned scanner);
