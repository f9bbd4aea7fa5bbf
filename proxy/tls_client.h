/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS towards the servers of one backend. Where it is required the server proves who it is: by a certificate that leads back to an
 * authority (tls_ca, else the system's) and stands for the name (tls_name, else the server's address), or by the fingerprint of
 * its certificate alone. Else any certificate will do, and the log says which it was.
 */
#pragma once

#include "proxy/options.h"

#include <openssl/types.h>

struct stream;
struct tls_client;

/* NULL when an option is no good: then *option says which, *reason why. */
struct tls_client *tls_client_new(const void *parent, const struct backend_options *options,
	const char **option, const char **reason);

/* For stream_begin_tls() with the server of this number in backend.servers. */
SSL_CTX *tls_client_context(const struct tls_client *client, size_t server);
/* The name to ask for, or NULL. */
const char *tls_client_name(const struct tls_client *client);

/* Why the handshake on this stream failed, for the log. */
char *tls_client_failure(
	const void *parent, const struct tls_client *client, const struct stream *stream);

/* What the handshake on this stream agreed on and showed, for the log. */
char *tls_client_outcome(
	const void *parent, const struct tls_client *client, const struct stream *stream);
