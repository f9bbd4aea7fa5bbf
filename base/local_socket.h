/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets with a path (unix(7)): where they are, whether somebody listens there, and taking away what a crash has left.
 */
#pragma once

#include <stdbool.h>
#include <sys/un.h>

/* False, with errno, when the path is too long. */
bool local_socket_address(const char *path, struct sockaddr_un *address)
	__attribute__((warn_unused_result));

/* A blocking connection; -1 with errno. */
int local_socket_connect(const struct sockaddr_un *address);

/* False when somebody listens there. A socket that nobody listens at any more is taken away; any other file is not. */
bool local_socket_vacate(const struct sockaddr_un *address) __attribute__((warn_unused_result));
