/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSSL on a non-blocking socket, with the answers that a socket would give. Whoever owns the SSL frees it; its app data are ours.
 * A peer that sends 32 messages of TLS itself, as key updates, and nothing else has ended.
 */
#pragma once

#include "base/slice.h"

#include <openssl/types.h>

enum tls_socket_state {
	TLS_OPEN,        /* it went on */
	TLS_WANTS_INPUT, /* nothing until the socket is readable */
	TLS_WANTS_OUTPUT, /* nothing until the socket is writable, also when it was asked to read (a key update) */
	TLS_ENDED, /* the peer has said that it is done */
	TLS_BROKEN /* errno says why: EPROTO for what is no TLS */
};

enum tls_socket_state tls_socket_shake_hands(SSL *ssl);

/* Why the last of these calls broke, in OpenSSL's numbers; 0 when it has nothing to say. */
unsigned long tls_socket_error(void);

/* Reads until into is full or nothing more comes, and says what stopped it; returns the bytes read. */
size_t tls_socket_receive(SSL *ssl, char *into, size_t size, enum tls_socket_state *state);

/* Writes some of it; returns the bytes written, 0 when state is not TLS_OPEN. */
size_t tls_socket_send(SSL *ssl, struct slice bytes, enum tls_socket_state *state);
