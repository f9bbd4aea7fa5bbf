/* SPDX-License-Identifier: Apache-2.0 */
/* Reads, prints and compares addresses and networks; the printed form of IPv6 is RFC 5952's. */
#include "base/cidr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static uint8_t address_bits(const struct ip *ip)
{
	return ip->family == 4 ? 32 : 128;
}

static struct ip ip_of_bytes4(const void *bytes)
{
	struct ip ip = {.family = 4};

	memcpy(ip.bytes, bytes, 4);
	return ip;
}

static struct ip ip_of_bytes6(const void *bytes)
{
	struct ip ip = {.family = 6};

	if (memcmp(bytes, mapped_prefix, sizeof mapped_prefix) == 0)
		return ip_of_bytes4((const uint8_t *)bytes + sizeof mapped_prefix);
	memcpy(ip.bytes, bytes, 16);
	return ip;
}

/* inet_pton() wants a NUL-ended text. */
static bool parse_bytes(int family, struct slice text, void *bytes)
{
	char copy[IP_TEXT_SIZE];

	if (text.size >= sizeof copy || slice_find(text, '\0') != SIZE_MAX)
		return false;
	memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	return inet_pton(family, copy, bytes) == 1;
}

static bool is_ipv6(struct slice text)
{
	return slice_find(text, ':') != SIZE_MAX;
}

bool ip_parse(struct slice text, struct ip *ip)
{
	uint8_t bytes[16];

	if (!parse_bytes(is_ipv6(text) ? AF_INET6 : AF_INET, text, bytes))
		return false;
	*ip = is_ipv6(text) ? ip_of_bytes6(bytes) : ip_of_bytes4(bytes);
	return true;
}

static char *print_byte(char *at, uint8_t byte)
{
	if (byte >= 100)
		*at++ = (char)('0' + byte / 100);
	if (byte >= 10)
		*at++ = (char)('0' + byte / 10 % 10);
	*at++ = (char)('0' + byte % 10);
	return at;
}

char *ip_print(const struct ip *ip, char text[static IP_TEXT_SIZE])
{
	char *at = text;

	for (size_t i = 0; ip->family == 4 && i < 4; i++)
		at = print_byte(i ? stpcpy(at, ".") : at, ip->bytes[i]);
	*at = '\0';
	if (ip->family == 6)
		inet_ntop(AF_INET6, ip->bytes, text, IP_TEXT_SIZE);
	return text;
}

bool ip_equals(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

struct ip ip_of_sockaddr(const struct sockaddr *address, uint16_t *port)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	*port = 0;
	switch (address->sa_family) {
	case AF_INET:
		memcpy(&in, address, sizeof in);
		*port = ntohs(in.sin_port);
		return ip_of_bytes4(&in.sin_addr);
	case AF_INET6:
		memcpy(&in6, address, sizeof in6);
		*port = ntohs(in6.sin6_port);
		return ip_of_bytes6(&in6.sin6_addr);
	default:
		return (struct ip){0};
	}
}

socklen_t ip_to_sockaddr(const struct ip *ip, uint16_t port, struct sockaddr_storage *address)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	assert(ip->family);
	memset(address, 0, sizeof *address);
	if (ip->family == 4) {
		memcpy(&in.sin_addr, ip->bytes, sizeof in.sin_addr);
		memcpy(address, &in, sizeof in);
		return sizeof in;
	}
	memcpy(&in6.sin6_addr, ip->bytes, sizeof in6.sin6_addr);
	memcpy(address, &in6, sizeof in6);
	return sizeof in6;
}

/* Takes the brackets off "[V6]"; an IPv6 address without them is refused, for where would its port begin? */
static bool unbracket(struct slice *host)
{
	if (!host->size || host->data[0] != '[')
		return !is_ipv6(*host);
	if (host->data[host->size - 1] != ']')
		return false;
	*host = slice_make(host->data + 1, host->size - 2);
	return is_ipv6(*host);
}

bool ip_parse_with_port(struct slice text, struct ip *ip, uint16_t *port)
{
	size_t colon = text.size;
	struct slice host;
	uint64_t number;

	while (colon && text.data[colon - 1] != ':')
		colon--;
	if (!colon)
		return false;
	host = slice_make(text.data, colon - 1);
	if (!slice_to_number(slice_from(text, colon), &number) || number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	return unbracket(&host) && ip_parse(host, ip);
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, left = bits % 8;

	return memcmp(a, b, whole) == 0 && (!left || (a[whole] ^ b[whole]) >> (8 - left) == 0);
}

static bool has_host_bits(const struct cidr *cidr)
{
	for (unsigned bit = cidr->bits; bit < address_bits(&cidr->ip); bit++) {
		if (cidr->ip.bytes[bit / 8] & (0x80 >> bit % 8))
			return true;
	}
	return false;
}

/* The prefix of an IPv4-mapped network counts from the IPv6 address's first bit. */
static bool parse_bits(struct slice text, bool mapped, struct cidr *cidr)
{
	unsigned skipped = mapped ? 96 : 0;
	uint64_t bits;

	if (!slice_to_number(text, &bits) || bits < skipped)
		return false;
	if (bits - skipped > address_bits(&cidr->ip))
		return false;
	cidr->bits = (uint8_t)(bits - skipped);
	return true;
}

bool cidr_parse(struct slice text, struct cidr *cidr)
{
	bool has_bits = slice_find(text, '/') != SIZE_MAX;
	struct slice address = slice_cut(&text, '/');

	if (!ip_parse(address, &cidr->ip))
		return false;
	cidr->bits = address_bits(&cidr->ip);
	if (!has_bits)
		return true;
	return parse_bits(text, is_ipv6(address) && cidr->ip.family == 4, cidr) &&
		!has_host_bits(cidr);
}

char *cidr_print(const struct cidr *cidr, char text[static CIDR_TEXT_SIZE])
{
	ip_print(&cidr->ip, text);
	snprintf(text + strlen(text), sizeof "/128", "/%u", cidr->bits);
	return text;
}

struct cidr cidr_around(const struct ip *ip)
{
	struct cidr network = {*ip, ip->family == 4 ? 24 : 64};
	size_t kept = network.bits / 8;

	memset(network.ip.bytes + kept, 0, sizeof network.ip.bytes - kept);
	return network;
}

bool cidr_contains(const struct cidr *cidr, const struct ip *ip)
{
	return cidr->ip.family == ip->family && same_bits(cidr->ip.bytes, ip->bytes, cidr->bits);
}

bool cidrs_contain(const struct cidrs *cidrs, const struct ip *ip)
{
	for (size_t i = 0; i < cidrs->count; i++) {
		if (cidr_contains(&cidrs->items[i], ip))
			return true;
	}
	return false;
}
