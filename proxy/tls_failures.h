/* SPDX-License-Identifier: Apache-2.0
 *
 * Clients that cannot do TLS with us: those whose handshake failed twice within a day because there was no common version or cipher. They
 * are not offered it for a day after that, so that their mail comes at all. Known to all workers (by the table), as long as the
 * worker lives that saw it; each remembers TLS_FAILURES_MOST failures, beyond which the oldest is forgotten.
 */
#pragma once

#include "base/cidr.h"
#include "base/clock.h"
#include "base/table.h"

#define TLS_FAILURES_MOST 1024

struct tls_failures;

struct tls_failures *tls_failures_new(const void *parent, struct clock *clock, struct table *table);

void tls_failures_note(struct tls_failures *failures, const struct ip *client);

/* Whether it has failed twice. */
bool tls_failures_has(struct tls_failures *failures, const struct ip *client);
