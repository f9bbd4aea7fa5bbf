/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys under which clients keep their TLS sessions for us (tickets), in memory shared by all processes of all generations: made by the
 * master, changed by it, used by the workers, and never written to a disk (nor to swap or a core file, where the system can
 * prevent that). A ticket is good until the key behind it has been replaced twice.
 */
#pragma once

#include <openssl/types.h>

struct tls_tickets;

/* How long one key makes tickets, and how long a session may be resumed. */
#define TLS_TICKETS_SECONDS 21600

/* Before the fork. NULL when there is no memory to share, or no randomness. */
struct tls_tickets *tls_tickets_new(const void *parent);

/* A new key; the one before it still opens tickets. For the master alone. */
void tls_tickets_rotate(struct tls_tickets *tickets);

/* Has a context give and take tickets under these keys, which must outlive it. */
void tls_tickets_serve(const struct tls_tickets *tickets, SSL_CTX *context);
