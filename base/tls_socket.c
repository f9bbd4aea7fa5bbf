/* SPDX-License-Identifier: Apache-2.0 */
/* What OpenSSL's return values mean. */
#include "base/tls_socket.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

/* Key updates and tickets with nothing of the application in between: OpenSSL would read on as long as they come. */
#define MESSAGES_MOST 32

static void count_messages(SSL *ssl, uintptr_t count)
{
	SSL_set_app_data(ssl, (void *)count); // NOLINT(performance-no-int-to-ptr)
}

/* Who sends nothing but key updates keeps us from all others: for us he has ended. */
static void on_message(
	int is_ours, int version, int type, const void *bytes, size_t size, SSL *ssl, void *unused)
{
	uintptr_t count = (uintptr_t)SSL_get_app_data(ssl) + 1;
	char kind = type == SSL3_RT_HANDSHAKE && size ? *(const char *)bytes : 0;

	(void)version;
	(void)unused;
	if (is_ours || (kind != SSL3_MT_KEY_UPDATE && kind != SSL3_MT_NEWSESSION_TICKET))
		return;
	count_messages(ssl, count);
	if (count > MESSAGES_MOST)
		SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) | SSL_RECEIVED_SHUTDOWN);
}

static enum tls_socket_state state_of(SSL *ssl, int returned)
{
	int saved = errno;

	switch (SSL_get_error(ssl, returned)) {
	case SSL_ERROR_NONE:
		return TLS_OPEN;
	case SSL_ERROR_WANT_READ:
		return TLS_WANTS_INPUT;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANTS_OUTPUT;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_ENDED;
	case SSL_ERROR_SYSCALL:
		errno = saved ? saved : EPROTO;
		return TLS_BROKEN;
	default:
		errno = EPROTO;
		return TLS_BROKEN;
	}
}

enum tls_socket_state tls_socket_shake_hands(SSL *ssl)
{
	SSL_set_msg_callback(ssl, on_message);
	ERR_clear_error();
	errno = 0;
	return state_of(ssl, SSL_do_handshake(ssl));
}

unsigned long tls_socket_error(void)
{
	return ERR_peek_error();
}

size_t tls_socket_receive(SSL *ssl, char *into, size_t size, enum tls_socket_state *state)
{
	size_t got = 0;

	*state = TLS_OPEN;
	ERR_clear_error();
	while (got < size && *state == TLS_OPEN) {
		size_t n = 0;
		errno = 0;
		*state = state_of(ssl, SSL_read_ex(ssl, into + got, size - got, &n));
		got += n;
	}
	if (got)
		count_messages(ssl, 0);
	return got;
}

size_t tls_socket_send(SSL *ssl, struct slice bytes, enum tls_socket_state *state)
{
	size_t n = 0;

	ERR_clear_error();
	errno = 0;
	*state = state_of(ssl, SSL_write_ex(ssl, bytes.data, bytes.size, &n));
	return n;
}
