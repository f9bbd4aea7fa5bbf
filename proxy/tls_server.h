/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS towards clients. A client that asks for a name (SNI) is served the certificates that stand for it; one that asks for none, or for one
 * that is not ours, those of the first certificate's name: an unknown name never ends a handshake. Of several certificates for a
 * name the first of each kind of key counts, and the client's abilities choose between the kinds.
 *
 * What offers protocols by ALPN and not "smtp" among them is refused: it was meant for another service (ALPACA).
 *
 * Sessions are resumed by tickets alone; nothing is kept. With tickets from tls_tickets.h that works over all processes, without for this
 * server only.
 */
#pragma once

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

struct credential;
struct tls_server;
struct tls_tickets;

#define TLS_SERVER_CREDENTIALS_MOST 64

/* Borrows the credentials; there is at least one. */
struct tls_server *tls_server_new(
	const void *parent, const struct credential *const *credentials, size_t count);

/* Asks clients for a certificate and takes whatever they show; it is verified when it can be led back to one in the file (NULL: never). False
 * when the file is no good: tls_reason(). */
bool tls_server_ask(struct tls_server *server, const char *authorities)
	__attribute__((warn_unused_result));

/* The tickets must live as long as the server. */
void tls_server_use_tickets(struct tls_server *server, const struct tls_tickets *tickets);

/* For stream_begin_tls(). */
SSL_CTX *tls_server_context(const struct tls_server *server);
