/* SPDX-License-Identifier: Apache-2.0 */
/* Where a milter listens. */
#include "plugins/milter_address.h"

#include "base/cidr.h"

#include <stddef.h>
#include <sys/un.h>

#define PORT_MAXIMUM 65535

static bool parse_path(struct slice path, struct milter_address *address, const char **reason)
{
	struct sockaddr_un *local = (struct sockaddr_un *)&address->address;

	*reason = "the path of a socket is absolute, and has at most 107 bytes";
	if (!path.size || path.data[0] != '/' || path.size >= sizeof local->sun_path)
		return false;
	*address = (struct milter_address){
		.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.size + 1)};
	local->sun_family = AF_UNIX;
	memcpy(local->sun_path, path.data, path.size);
	return true;
}

static bool parse_host(struct slice host, uint8_t family, struct ip *ip)
{
	if (host.size > 1 && host.data[0] == '[' && host.data[host.size - 1] == ']')
		host = slice_make(host.data + 1, host.size - 2);
	if (slice_equals_nocase(host, "localhost"))
		host = slice_of(family == 6 ? "::1" : "127.0.0.1");
	return ip_parse(host, ip) && ip->family == family;
}

/* The port stands before an "@", else behind the last colon. */
static void split(struct slice text, struct slice *host, struct slice *port)
{
	size_t at = slice_find(text, '@'), colon = text.size;

	if (at != SIZE_MAX) {
		*port = slice_make(text.data, at);
		*host = slice_from(text, at + 1);
		return;
	}
	while (colon && text.data[colon - 1] != ':')
		colon--;
	*host = slice_make(text.data, colon ? colon - 1 : 0);
	*port = slice_from(text, colon);
}

static bool parse_internet(
	struct slice text, uint8_t family, struct milter_address *address, const char **reason)
{
	struct slice host, port;
	struct ip ip;
	uint64_t number;

	split(text, &host, &port);
	*reason = "it has an IP address and a port: inet:127.0.0.1:8891, inet6:[::1]:8891";
	if (!parse_host(host, family, &ip) || !slice_to_number(port, &number) || number == 0 ||
		number > PORT_MAXIMUM)
		return false;
	address->size = ip_to_sockaddr(&ip, (uint16_t)number, &address->address);
	return true;
}

bool milter_address_parse(const char *text, struct milter_address *address, const char **reason)
{
	struct slice rest = slice_of(text), kind;

	if (*text == '/')
		return parse_path(rest, address, reason);
	kind = slice_cut(&rest, ':');
	if (slice_equals(kind, "unix") || slice_equals(kind, "local"))
		return parse_path(rest, address, reason);
	if (slice_equals(kind, "inet"))
		return parse_internet(rest, 4, address, reason);
	if (slice_equals(kind, "inet6"))
		return parse_internet(rest, 6, address, reason);
	*reason = "it begins with unix:, inet: or inet6:";
	return false;
}
