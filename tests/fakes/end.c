/* SPDX-License-Identifier: Apache-2.0 */
/* One end of a connection. */
#include "tests/fakes/end.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <talloc.h>
#include <unistd.h>

bool end_read(struct end *end, const void *parent)
{
	char bytes[65536];
	ssize_t n;

	if (end->descriptor < 0 || end->ended)
		return false;
	if (end->tls)
		n = SSL_read(end->tls, bytes, sizeof bytes);
	else
		n = recv(end->descriptor, bytes, sizeof bytes, MSG_DONTWAIT);
	if (n <= 0) {
		bool again = end->tls ? SSL_get_error(end->tls, (int)n) == SSL_ERROR_WANT_READ
				      : n < 0 && errno == EAGAIN;
		ERR_clear_error();
		end->ended |= !again;
		return false;
	}
	end->input = talloc_realloc(parent, end->input, char, end->size + (size_t)n);
	memcpy(end->input + end->size, bytes, (size_t)n);
	end->size += (size_t)n;
	return true;
}

long end_write(struct end *end, const char *bytes, size_t size)
{
	ssize_t n = end->tls ? SSL_write(end->tls, bytes, (int)size)
			     : send(end->descriptor, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n > 0)
		return n;
	return errno == EAGAIN ? 0 : -1;
}

void end_drop(struct end *end, size_t size)
{
	end->size -= size;
	memmove(end->input, end->input + size, end->size);
}

bool end_take_line(struct end *end, char line[END_LINE])
{
	char *lf = end->size ? memchr(end->input, '\n', end->size) : NULL;

	if (!lf)
		return false;
	size_t size = (size_t)(lf - end->input);
	size_t kept = size && end->input[size - 1] == '\r' ? size - 1 : size;
	if (kept > END_LINE - 1)
		kept = END_LINE - 1;
	memcpy(line, end->input, kept);
	line[kept] = '\0';
	end_drop(end, size + 1);
	return true;
}

void end_close(struct end *end)
{
	SSL_free(end->tls);
	if (end->descriptor >= 0)
		close(end->descriptor);
	talloc_free(end->input);
	*end = END_NONE;
}

void end_reset(struct end *end)
{
	struct linger at_once = {1, 0};

	setsockopt(end->descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	end_close(end);
}
