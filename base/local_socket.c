/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets with a path. */
#include "base/local_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

bool local_socket_address(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address->sun_path) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(address->sun_path, path, strlen(path) + 1);
	return true;
}

int local_socket_connect(const struct sockaddr_un *address)
{
	int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (descriptor >= 0 &&
		connect(descriptor, (const struct sockaddr *)address, sizeof *address) < 0) {
		int error = errno;
		close(descriptor);
		errno = error;
		return -1;
	}
	return descriptor;
}

bool local_socket_vacate(const struct sockaddr_un *address)
{
	int descriptor = local_socket_connect(address);
	struct stat status;

	if (descriptor >= 0) {
		close(descriptor);
		return false;
	}
	/* A file that is no socket refuses connections, too. */
	if (errno == ECONNREFUSED && lstat(address->sun_path, &status) == 0 &&
		S_ISSOCK(status.st_mode))
		unlink(address->sun_path);
	return true;
}
