/* SPDX-License-Identifier: Apache-2.0
 *
 * The TLS contexts of a worker: TLS 1.2 and newer, buffers given back while idle.
 */
#pragma once

#include "proxy/options.h"

#include <openssl/types.h>

/* For clients, with our certificate; freed with the parent. NULL when no certificate is set. */
SSL_CTX *tls_for_clients(const void *parent, const struct tls_options *options);

/* For servers of the backend. */
SSL_CTX *tls_for_backends(const void *parent);
