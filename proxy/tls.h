/* SPDX-License-Identifier: Apache-2.0
 *
 * What is common to TLS on both sides: TLS 1.2 and newer, ciphers with authenticated encryption first, no compression, no renegotiation,
 * buffers given back while idle. Clients: proxy/tls_server.h. Backends: proxy/tls_client.h.
 */
#pragma once

#include "base/stream.h"

struct facts;

/* Freed with the parent. */
SSL_CTX *tls_context_new(const void *parent, enum tls_role role);

/* A file of certificates in PEM to trust, or the system's when NULL; freed with the parent. NULL when the file is no good: tls_reason(). */
X509_STORE *tls_store_new(const void *parent, const char *file);

/* Why OpenSSL's last call failed, in words; forgets it. */
const char *tls_reason(void);

/* Whether a handshake that failed with this stream_tls_error() failed because the two have no version or cipher in common. */
bool tls_is_incompatible(unsigned long error);

/* Tells what is known of the client by the handshake; texts live with the parent. */
void tls_tell_facts(struct facts *facts, const void *parent, const struct stream *client);
