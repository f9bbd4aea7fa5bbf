/* SPDX-License-Identifier: Apache-2.0
 *
 * Packets over a connected pair of sockets that keeps them apart (SOCK_SEQPACKET), with descriptors that go along (SCM_RIGHTS). Nothing here
 * waits; outcomes are those of sendmsg(2) and recvmsg(2), errno with them.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#define PASSING_MOST 2

/* Sends the parts as one packet, with copies of at most PASSING_MOST descriptors, which stay the caller's. */
ssize_t passing_send(int socket, const struct iovec *parts, size_t part_count,
	const int *descriptors, size_t count);

/* What came with a packet; whoever received it closes them. More than PASSING_MOST are closed by the kernel. */
struct passed {
	int items[PASSING_MOST];
	size_t count;
};

ssize_t passing_receive(int socket, void *bytes, size_t size, struct passed *passed);
void passing_close(const struct passed *passed);
