/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS towards milters: those that have it prove who they are by a certificate that leads back to an authority and, where a name is
 * set, stands for it.
 */
#pragma once

#include "proxy/configuration.h"

#include <openssl/types.h>

struct milter_tls;

/* Complains about authorities that cannot be used. */
struct milter_tls *milter_tls_new(const void *parent, const struct configuration *configuration,
	struct complaints *complaints);

/* One a milter, in the order of the settings; NULL: it speaks in plain. */
SSL_CTX *const *milter_tls_contexts(const struct milter_tls *tls);
