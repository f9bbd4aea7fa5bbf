/* SPDX-License-Identifier: Apache-2.0 */
/* From a recipient's domain to a backend. */
#include "proxy/route.h"

#include "policy/mail/domain.h"

const char *route_pattern(const char *domain)
{
	return domain + (domain[0] == '*' && domain[1] == '.');
}

static bool is_on(const struct route_options *route, const struct listen_options *listen)
{
	return !route->listener || strcmp(route->listener, listen->name) == 0;
}

static bool names(const struct route_options *route, const char *domain)
{
	for (size_t i = 0; i < route->domains.count; i++) {
		if (domain_matches(domain, route_pattern(route->domains.items[i])))
			return true;
	}
	return false;
}

const struct route_options *route_find(const struct configuration *configuration,
	const struct listen_options *listen, const char *domain)
{
	for (size_t i = 0; i < configuration->route_count; i++) {
		const struct route_options *route = configuration->routes[i];

		if (is_on(route, listen) && names(route, domain))
			return route;
	}
	return NULL;
}

const struct backend_options *route_backend(const struct configuration *configuration,
	const struct listen_options *listen, const char *domain)
{
	const struct route_options *route = route_find(configuration, listen, domain);

	return route ? configuration_backend_named(configuration, route->backend)
		     : configuration_backend(configuration, listen);
}

bool route_reaches(const struct configuration *configuration, const struct listen_options *listen,
	const struct backend_options *backend)
{
	for (size_t i = 0; i < configuration->route_count; i++) {
		const struct route_options *route = configuration->routes[i];

		if (is_on(route, listen) && strcmp(route->backend, backend->name) == 0)
			return true;
	}
	return configuration_backend(configuration, listen) == backend;
}
