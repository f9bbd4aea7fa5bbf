/* SPDX-License-Identifier: Apache-2.0
 *
 * All that the settings say about TLS, read and tried: what listeners and backends need for their handshakes, and the files that it came
 * from. Part of the configuration, so that all processes of a generation use the same, whatever becomes of the files.
 */
#pragma once

#include "base/complaint.h"

struct configuration;
struct file_watch;
struct tls_tickets;

struct tls_setup {
	struct tls_server **
		servers; /* one a listener, in the order of configuration->listens; NULL: no TLS there */
	struct tls_client **clients; /* one a backend; NULL: no TLS there */
	struct file_watch *files;
};

/* Never NULL, but good only if there was no complaint of an error: a certificate, key or authority that cannot be used, certificates and
 * keys that are not as many, a listener that needs a certificate where there is none, a fingerprint that is none. */
struct tls_setup *tls_setup_new(const void *parent, const struct configuration *configuration,
	struct complaints *complaints);

/* Has all listeners resume sessions under these keys. */
void tls_setup_use_tickets(const struct tls_setup *setup, const struct configuration *configuration,
	const struct tls_tickets *tickets);
