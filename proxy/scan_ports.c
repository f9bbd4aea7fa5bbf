/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets between workers and scanners. */
#include "proxy/scan_ports.h"

#include <stdbool.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <talloc.h>
#include <unistd.h>

#define ROOM (8 << 20) /* bytes that may wait in a pair */

static void close_end(int *end)
{
	if (*end >= 0)
		close(*end);
	*end = -1;
}

static int close_all(struct scan_ports *ports)
{
	for (size_t i = 0; i < ports->scanners; i++) {
		close_end(&ports->requests[i].reading);
		close_end(&ports->requests[i].writing);
	}
	for (size_t i = 0; i < ports->workers; i++) {
		close_end(&ports->answers[i].reading);
		close_end(&ports->answers[i].writing);
	}
	if (ports->notes)
		munmap(ports->notes, ports->scanners * sizeof *ports->notes);
	return 0;
}

/* Who is not root has to be content with what the system allows. */
static void make_room(int end)
{
	const int size = ROOM;

	if (setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
		setsockopt(end, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

static bool open_pairs(struct scan_pair *pairs, size_t count)
{
	int ends[2];

	for (size_t i = 0; i < count; i++) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
			return false;
		pairs[i] = (struct scan_pair){ends[0], ends[1]};
		make_room(ends[1]);
	}
	return true;
}

static struct scan_pair *closed_pairs(const void *parent, size_t count)
{
	struct scan_pair *pairs = talloc_array(parent, struct scan_pair, count);

	for (size_t i = 0; i < count; i++)
		pairs[i] = (struct scan_pair){-1, -1};
	return pairs;
}

struct scan_ports *scan_ports_new(const void *parent, size_t scanners, size_t workers)
{
	struct scan_ports *ports = talloc_zero(parent, struct scan_ports);
	void *notes = mmap(NULL, scanners * sizeof *ports->notes, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ports->scanners = scanners;
	ports->workers = workers;
	ports->requests = closed_pairs(ports, scanners);
	ports->answers = closed_pairs(ports, workers);
	talloc_set_destructor(ports, close_all);
	if (notes != MAP_FAILED)
		ports->notes = notes;
	if (notes == MAP_FAILED || !open_pairs(ports->requests, scanners) ||
		!open_pairs(ports->answers, workers))
		TALLOC_FREE(ports);
	return ports;
}

void scan_ports_keep_worker(struct scan_ports *ports, unsigned worker)
{
	for (size_t i = 0; i < ports->scanners; i++)
		close_end(&ports->requests[i].reading);
	for (size_t i = 0; i < ports->workers; i++) {
		close_end(&ports->answers[i].writing);
		if (i != worker)
			close_end(&ports->answers[i].reading);
	}
}

void scan_ports_keep_scanner(struct scan_ports *ports, unsigned scanner)
{
	for (size_t i = 0; i < ports->scanners; i++) {
		close_end(&ports->requests[i].writing);
		if (i != scanner)
			close_end(&ports->requests[i].reading);
	}
	for (size_t i = 0; i < ports->workers; i++)
		close_end(&ports->answers[i].reading);
}
