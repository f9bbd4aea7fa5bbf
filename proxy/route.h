/* SPDX-License-Identifier: Apache-2.0
 *
 * Routes: which backend a recipient's mail goes to.
 *
 *     route "lab" { domains = {"lab.example.com", ".lab.example.com"}  listener = "inbound"  backend = "lab" }
 *
 * Routes are looked at in the order of the file, the first that names the recipient's domain (and the listener, if it names one)
 * counts; so the particular stands before the general. Whom no route names, and recipients without a domain, go to the listener's
 * backend; so does all mail of a client that has a connection there of its own. Domains are written as in relay.domains; "*.example.com" is another spelling of ".example.com".
 */
#pragma once

#include "proxy/configuration.h"

/* NULL when none counts. The domain may be "". */
const struct route_options *route_find(const struct configuration *configuration,
	const struct listen_options *listen, const char *domain);

/* The backend of a recipient's domain. Never NULL. */
const struct backend_options *route_backend(const struct configuration *configuration,
	const struct listen_options *listen, const char *domain);

/* Whether mail from the listener may come to the backend at all. */
bool route_reaches(const struct configuration *configuration, const struct listen_options *listen,
	const struct backend_options *backend);

/* A domain as a route has it, in the spelling that domain_matches() takes. */
const char *route_pattern(const char *domain);
