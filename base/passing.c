/* SPDX-License-Identifier: Apache-2.0 */
/* Packets with descriptors. */
#include "base/passing.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for what goes along, aligned as it must be. */
union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(PASSING_MOST * sizeof(int))];
};

ssize_t passing_send(int socket, const struct iovec *parts, size_t part_count,
	const int *descriptors, size_t count)
{
	union control control = {.header = {CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct msghdr packet = {
		.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = part_count};

	assert(count <= PASSING_MOST);
	if (count) {
		memcpy(CMSG_DATA(&control.header), descriptors, count * sizeof *descriptors);
		packet.msg_control = &control;
		packet.msg_controllen = CMSG_SPACE(count * sizeof *descriptors);
	}
	return sendmsg(socket, &packet, MSG_DONTWAIT | MSG_NOSIGNAL);
}

ssize_t passing_receive(int socket, void *bytes, size_t size, struct passed *passed)
{
	union control control;
	struct iovec part = {bytes, size};
	struct msghdr packet = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control};
	ssize_t got = recvmsg(socket, &packet, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *first = got < 0 ? NULL : CMSG_FIRSTHDR(&packet);

	*passed = (struct passed){.count = 0};
	if (first && first->cmsg_level == SOL_SOCKET && first->cmsg_type == SCM_RIGHTS) {
		passed->count = (first->cmsg_len - CMSG_LEN(0)) / sizeof *passed->items;
		memcpy(passed->items, CMSG_DATA(first), passed->count * sizeof *passed->items);
	}
	return got;
}

void passing_close(const struct passed *passed)
{
	for (size_t i = 0; i < passed->count; i++)
		close(passed->items[i]);
}
