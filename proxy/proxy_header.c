/* SPDX-License-Identifier: Apache-2.0 */
/* The PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt, §2.1, §2.2). */
#include "proxy/proxy_header.h"

#include <assert.h>

#define LINE_MAXIMUM 107 /* of version 1, CR LF included */
#define FIXED 16         /* bytes of version 2 before what its length counts */
#define BLOCK_MAXIMUM 4096

static const char signature[] = "\r\n\r\n\0\r\nQUIT\n"; /* 12 bytes and a NUL */
#define SIGNATURE_SIZE (sizeof signature - 1)

enum command { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 };
enum family {
	FAMILY_UNKNOWN = 0x00,
	FAMILY_TCP4 = 0x11,
	FAMILY_UDP4 = 0x12,
	FAMILY_TCP6 = 0x21,
	FAMILY_UDP6 = 0x22,
	FAMILY_UNIX_STREAM = 0x31,
	FAMILY_UNIX_DATAGRAM = 0x32
};

/* How many bytes of addresses and ports a family has. */
static const struct {
	enum family family;
	size_t size;
} families[] = {
	{FAMILY_TCP4, 12},
	{FAMILY_UDP4, 12},
	{FAMILY_TCP6, 36},
	{FAMILY_UDP6, 36},
	{FAMILY_UNIX_STREAM, 216},
	{FAMILY_UNIX_DATAGRAM, 216},
};

/* Whether one of both is the beginning of the other. */
static bool agrees(struct slice bytes, const char *expected, size_t size)
{
	return memcmp(bytes.data, expected, bytes.size < size ? bytes.size : size) == 0;
}

/* --- version 1 --- */

/* Digits without a leading zero. */
static bool take_port(struct slice word, uint16_t *port)
{
	uint64_t number;

	if (word.size == 0 || word.size > 5 || (word.size > 1 && word.data[0] == '0') ||
		!slice_to_number(word, &number) || number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	return true;
}

/* Written as the family has it; an IPv4 address may be written as one of IPv6, and is IPv4 for us. */
static bool take_address(struct slice word, bool is_ipv6, struct ip *ip)
{
	return (slice_find(word, ':') != SIZE_MAX) == is_ipv6 && ip_parse(word, ip);
}

/* "PROXY TCP4 192.0.2.1 198.51.100.1 40000 25" without its end. */
static bool take_line(struct slice line, struct proxy_header *header)
{
	slice_cut(&line, ' ');
	struct slice family = slice_cut(&line, ' ');
	if (slice_equals(family, "UNKNOWN"))
		return true; /* whatever else stands there */
	bool is_ipv6 = slice_equals(family, "TCP6");
	if (!is_ipv6 && !slice_equals(family, "TCP4"))
		return false;
	struct slice client = slice_cut(&line, ' '), server = slice_cut(&line, ' ');
	struct slice client_port = slice_cut(&line, ' ');
	header->announces = true;
	return take_address(client, is_ipv6, &header->client) &&
		take_address(server, is_ipv6, &header->server) &&
		take_port(client_port, &header->client_port) &&
		take_port(line, &header->server_port);
}

static bool is_printable(struct slice text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < ' ' || text.data[i] > '~')
			return false;
	}
	return true;
}

static enum proxy_header_outcome parse_line(struct slice bytes, struct proxy_header *header)
{
	size_t end = slice_find(bytes, '\r');
	struct slice line = slice_make(bytes.data, end == SIZE_MAX ? bytes.size : end);

	if (!agrees(line, "PROXY ", 6) || !is_printable(line) || line.size + 2 > LINE_MAXIMUM)
		return PROXY_HEADER_MALFORMED;
	if (end == SIZE_MAX || end + 1 == bytes.size)
		return end != SIZE_MAX && line.size < 6 ? PROXY_HEADER_MALFORMED
							: PROXY_HEADER_MORE;
	if (line.size < 6 || bytes.data[end + 1] != '\n' || !take_line(line, header))
		return PROXY_HEADER_MALFORMED;
	header->size = end + 2;
	return PROXY_HEADER_COMPLETE;
}

/* --- version 2 --- */

static uint16_t big_endian(const char *at)
{
	return (uint16_t)((unsigned char)at[0] << 8 | (unsigned char)at[1]);
}

/* In IPv6's form an IPv4 address is IPv4 for us. */
static struct ip address_at(const char *at, uint8_t family)
{
	static const char mapped[12] = {[10] = (char)0xff, [11] = (char)0xff};
	bool is_mapped = family == 6 && memcmp(at, mapped, sizeof mapped) == 0;
	struct ip ip = {.family = is_mapped ? 4 : family};

	memcpy(ip.bytes, is_mapped ? at + sizeof mapped : at, ip.family == 4 ? 4 : 16);
	return ip;
}

/* Type, two bytes of length, value; nothing but whole ones. */
static bool are_tlvs(struct slice rest)
{
	while (rest.size >= 3) {
		size_t size = 3 + (size_t)big_endian(rest.data + 1);

		if (size > rest.size)
			return false;
		rest = slice_from(rest, size);
	}
	return rest.size == 0;
}

/* The addresses whole, and whole TLVs behind them. */
static bool is_block(struct slice block, unsigned char family)
{
	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
		if (families[i].family == family)
			return block.size >= families[i].size &&
				are_tlvs(slice_from(block, families[i].size));
	}
	return false;
}

static void take_addresses(struct slice block, uint8_t family, struct proxy_header *header)
{
	size_t size = family == 4 ? 4 : 16;

	header->announces = true;
	header->client = address_at(block.data, family);
	header->server = address_at(block.data + size, family);
	header->client_port = big_endian(block.data + 2 * size);
	header->server_port = big_endian(block.data + 2 * size + 2);
}

/* Of LOCAL the family and the block say nothing. Of UDP and sockets of a file system no client of ours can come: §2.2 wants them
 * to be taken like an unknown one. */
static bool take_binary(struct slice header_bytes, struct proxy_header *header)
{
	unsigned char command = (unsigned char)header_bytes.data[12];
	unsigned char family = (unsigned char)header_bytes.data[13];
	struct slice block = slice_from(header_bytes, FIXED);

	if (command == COMMAND_LOCAL || family == FAMILY_UNKNOWN)
		return true;
	if (!is_block(block, family))
		return false;
	if (family == FAMILY_TCP4 || family == FAMILY_TCP6)
		take_addresses(block, family == FAMILY_TCP4 ? 4 : 6, header);
	return true;
}

static enum proxy_header_outcome parse_binary(struct slice bytes, struct proxy_header *header)
{
	if (!agrees(bytes, signature, SIGNATURE_SIZE))
		return PROXY_HEADER_MALFORMED;
	if (bytes.size > 12 && bytes.data[12] != COMMAND_LOCAL && bytes.data[12] != COMMAND_PROXY)
		return PROXY_HEADER_MALFORMED;
	if (bytes.size < FIXED)
		return PROXY_HEADER_MORE;
	size_t size = big_endian(bytes.data + 14);
	if (size > BLOCK_MAXIMUM)
		return PROXY_HEADER_MALFORMED;
	if (bytes.size < FIXED + size)
		return PROXY_HEADER_MORE;
	header->size = FIXED + size;
	return take_binary(slice_make(bytes.data, header->size), header) ? PROXY_HEADER_COMPLETE
									 : PROXY_HEADER_MALFORMED;
}

enum proxy_header_outcome proxy_header_parse(struct slice bytes, struct proxy_header *header)
{
	*header = (struct proxy_header){0};
	if (bytes.size == 0)
		return PROXY_HEADER_MORE;
	return bytes.data[0] == 'P' ? parse_line(bytes, header) : parse_binary(bytes, header);
}

/* --- printing --- */

static void print_port(char *out, uint16_t port)
{
	out[0] = (char)(port >> 8);
	out[1] = (char)port;
}

size_t proxy_header_print(const struct proxy_header *header, char out[PROXY_HEADER_PRINTED])
{
	bool announces = header->announces && header->client.family;
	size_t size = header->client.family == 4 ? 4 : 16;
	size_t block = announces ? 2 * size + 4 : 0;

	memset(out, 0, PROXY_HEADER_PRINTED);
	memcpy(out, signature, SIGNATURE_SIZE);
	out[12] = announces ? COMMAND_PROXY : COMMAND_LOCAL;
	print_port(out + 14, (uint16_t)block);
	if (!announces)
		return FIXED;
	out[13] = size == 4 ? FAMILY_TCP4 : FAMILY_TCP6;
	memcpy(out + FIXED, header->client.bytes, size);
	print_port(out + FIXED + 2 * size, header->client_port);
	if (header->server.family == header->client.family) {
		memcpy(out + FIXED + size, header->server.bytes, size);
		print_port(out + FIXED + 2 * size + 2, header->server_port);
	}
	assert(FIXED + block <= PROXY_HEADER_PRINTED);
	return FIXED + block;
}
