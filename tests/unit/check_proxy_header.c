/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of the PROXY protocol: every cut of good ones, every length of version 2, and bad ones. */
#include "proxy/proxy_header.h"

#include <check.h>
#include <stdlib.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define A4 "\xc0\x00\x02\x01\xc6\x33\x64\x01\x9c\x40\x00\x19" /* 192.0.2.1 198.51.100.1 40000 25 */
#define A6                                                                                         \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\x9c\x40" \
	"\0\x19"
#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01"
#define UNIX                                                                                       \
	"/run/balancer.socket/run/balancer.socket/run/balancer.socket/run/balancer.socket/run"     \
	"/balancer.socket/run/balancer.socket/run/balancer.socket/run/balancer.socket/run/bal"     \
	"ancer.socket/run/balancer.socket/run/balancer.so"
#define TEXT(literal) literal, sizeof(literal) - 1

/* Parses from memory that is just as large, so that a byte looked at beyond it is found. */
static enum proxy_header_outcome parse(const char *bytes, size_t size, struct proxy_header *header)
{
	char *exact = malloc(size ? size : 1);

	memcpy(exact, bytes, size);
	enum proxy_header_outcome outcome = proxy_header_parse(slice_make(exact, size), header);
	free(exact);
	return outcome;
}

static const struct {
	const char *bytes;
	size_t size;
	const char *client, *server; /* NULL: it announces nobody */
	unsigned client_port, server_port;
} good[] = {
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 40000 25\r\n"), "192.0.2.1", "198.51.100.1", 40000,
		25},
	{TEXT("PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n"), "255.255.255.255", "0.0.0.0",
		65535, 0},
	{TEXT("PROXY TCP6 2001:db8::1 ::1 1 2\r\n"), "2001:db8::1", "::1", 1, 2},
	{TEXT("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535, 65535},
	{TEXT("PROXY TCP6 ::ffff:192.0.2.1 2001:db8::1 1 2\r\n"), "192.0.2.1", "2001:db8::1", 1, 2},
	{TEXT("PROXY UNKNOWN\r\n"), NULL, NULL, 0, 0},
	{TEXT("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
		NULL, NULL, 0, 0},
	{TEXT(SIGNATURE "\x21\x11\x00\x0c" A4), "192.0.2.1", "198.51.100.1", 40000, 25},
	{TEXT(SIGNATURE "\x21\x21\x00\x24" A6), "2001:db8::1", "2001:db8::2", 40000, 25},
	{TEXT(SIGNATURE "\x21\x21\x00\x24" MAPPED MAPPED "\0\1\0\2"), "192.0.2.1", "192.0.2.1", 1,
		2},
	{TEXT(SIGNATURE "\x21\x11\x00\x15" A4 "\x04\x00\x00\xee\x00\x03\r\n\0"), "192.0.2.1",
		"198.51.100.1", 40000, 25},
	{TEXT(SIGNATURE "\x20\x00\x00\x00"), NULL, NULL, 0, 0},
	{TEXT(SIGNATURE "\x20\x11\x00\x0c" A4), NULL, NULL, 0, 0},
	{TEXT(SIGNATURE "\x20\x11\x00\x02xy"), NULL, NULL, 0, 0},
	{TEXT(SIGNATURE "\x21\x00\x00\x03xyz"), NULL, NULL, 0, 0},
	{TEXT(SIGNATURE "\x21\x12\x00\x0c" A4), NULL, NULL, 0, 0},
	{TEXT(SIGNATURE "\x21\x12\x00\x0f" A4 "\x04\x00\x00"), NULL, NULL, 0, 0},
	{TEXT(SIGNATURE "\x21\x22\x00\x24" A6), NULL, NULL, 0, 0},
	{TEXT(SIGNATURE "\x21\x31\x00\xd8" UNIX), NULL, NULL, 0, 0},
	{TEXT(SIGNATURE "\x21\x32\x00\xd8" UNIX), NULL, NULL, 0, 0},
	{TEXT(SIGNATURE "\x21\x31\x00\xdc" UNIX "\x04\x00\x01x"), NULL, NULL, 0, 0},
};

static void check_address(const struct ip *ip, const char *expected)
{
	char text[IP_TEXT_SIZE];

	if (expected)
		ck_assert_str_eq(ip_print(ip, text), expected);
	else
		ck_assert_uint_eq(ip->family, 0);
}

static void check_header(const struct proxy_header *header, int row)
{
	ck_assert_uint_eq(header->size, good[row].size);
	ck_assert_int_eq(header->announces, good[row].client != NULL);
	check_address(&header->client, good[row].client);
	check_address(&header->server, good[row].server);
	ck_assert_uint_eq(header->client_port, good[row].client_port);
	ck_assert_uint_eq(header->server_port, good[row].server_port);
}

/* Cut anywhere it asks for more; whatever stands behind is not looked at. */
START_TEST(good_ones)
{
	struct proxy_header header;
	char longer[512];

	for (size_t cut = 0; cut < good[_i].size; cut++)
		ck_assert_int_eq(parse(good[_i].bytes, cut, &header), PROXY_HEADER_MORE);
	ck_assert_int_eq(parse(good[_i].bytes, good[_i].size, &header), PROXY_HEADER_COMPLETE);
	check_header(&header, _i);
	for (size_t more = 1; more <= 64; more++) {
		memcpy(longer, good[_i].bytes, good[_i].size);
		memset(longer + good[_i].size, (int)(more * 7), more);
		ck_assert_int_eq(
			parse(longer, good[_i].size + more, &header), PROXY_HEADER_COMPLETE);
		check_header(&header, _i);
	}
}
END_TEST

static const struct {
	const char *bytes;
	size_t size;
} bad[] = {
	{TEXT("EHLO client.example\r\n")},
	{TEXT("X")},
	{TEXT("\n")},
	{TEXT("\0")},
	{TEXT("PROXX")},
	{TEXT("proxy TCP4 192.0.2.1 198.51.100.1 1 2\r\n")},
	{TEXT("P\r")},
	{TEXT("PROXY\r\n")},
	{TEXT("PROXY \r\n")},
	{TEXT("PROXY TCP4\r\n")},
	{TEXT("PROXY TCP5 192.0.2.1 198.51.100.1 1 2\r\n")},
	{TEXT("PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n")},
	{TEXT("PROXY UNKNOWN\n")},
	{TEXT("PROXY UNKNOWN \0\r\n")},
	{TEXT("PROXY UNKNOWN \t\r\n")},
	{TEXT("PROXY UNKNOWN\rX")},
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 1 2\n")},
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 1 2\r\r\n")},
	{TEXT("PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n")},
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 1 2 \r\n")},
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n")},
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n")},
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 1 \r\n")},
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 01 2\r\n")},
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 1 00\r\n")},
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 65536 2\r\n")},
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 1 100000\r\n")},
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 +1 2\r\n")},
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 -1 2\r\n")},
	{TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 0x1 2\r\n")},
	{TEXT("PROXY TCP4 192.0.2.01 198.51.100.1 1 2\r\n")},
	{TEXT("PROXY TCP4 192.0.2 198.51.100.1 1 2\r\n")},
	{TEXT("PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n")},
	{TEXT("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n")},
	{TEXT("PROXY TCP6 192.0.2.1 198.51.100.1 1 2\r\n")},
	{TEXT("PROXY TCP6 2001:db8::1 198.51.100.1 1 2\r\n")},
	{TEXT("PROXY TCP6 fe80::1%lo 2001:db8::2 1 2\r\n")},
	{TEXT("PROXY TCP6 [::1] ::1 1 2\r\n")},
	{TEXT(SIGNATURE "\x11\x11\x00\x0c" A4)},
	{TEXT(SIGNATURE "\x31\x11\x00\x0c" A4)},
	{TEXT(SIGNATURE "\x22\x11\x00\x0c" A4)},
	{TEXT(SIGNATURE "\x21\x12\x00\x04\xc0\x00\x02\x01")},
	{TEXT(SIGNATURE "\x21\x12\x00\x0d" A4 "\x04")},
	{TEXT(SIGNATURE "\x21\x22\x00\x0c" A4)},
	{TEXT(SIGNATURE "\x21\x31\x00\x0c" A4)},
	{TEXT(SIGNATURE "\x21\x32\x00\x0c" A4)},
	{TEXT(SIGNATURE "\x21\x13\x00\x0c" A4)},
	{TEXT(SIGNATURE "\x21\x20\x00\x24" A6)},
	{TEXT(SIGNATURE "\x21\x30\x00\xd8" UNIX)},
	{TEXT(SIGNATURE "\x21\x41\x00\xd8" UNIX)},
	{TEXT(SIGNATURE "\x21\x10\x00\x0c" A4)},
	{TEXT(SIGNATURE "\x21\x01\x00\x0c" A4)},
	{TEXT(SIGNATURE "\x21\xff\x00\x0c" A4)},
	{TEXT(SIGNATURE "\x21\x21\x00\x0c" A4)},
	{TEXT(SIGNATURE "\x21\x11\x00\x00")},
	{TEXT(SIGNATURE "\x21\x11\x10\x01")},
	{TEXT(SIGNATURE "\x20\x00\xff\xff")},
	{TEXT(SIGNATURE "\x21\x11\x00\x0d" A4 "\x04")},
	{TEXT(SIGNATURE "\x21\x11\x00\x0e" A4 "\x04\x00")},
	{TEXT(SIGNATURE "\x21\x11\x00\x0f" A4 "\x04\x00\x01")},
	{TEXT(SIGNATURE "\x21\x11\x00\x13" A4 "\x04\xff\xff\x01\x02\x03\x04")},
	{TEXT("\r\n\r\n\1")},
	{TEXT("\r\n\r\n\0\r\nQUIT\r")},
};

START_TEST(bad_ones)
{
	struct proxy_header header;

	ck_assert_int_eq(parse(bad[_i].bytes, bad[_i].size, &header), PROXY_HEADER_MALFORMED);
}
END_TEST

/* Whatever is written as the family: what the protocol does not know is refused, with room enough for any. */
START_TEST(every_family)
{
	static char bytes[16 + 216];
	struct proxy_header header;
	unsigned high = (unsigned)_i >> 4, low = (unsigned)_i & 15;
	bool is_known = _i == 0 || (high >= 1 && high <= 3 && low >= 1 && low <= 2);

	memcpy(bytes, SIGNATURE "\x21", 13);
	bytes[13] = (char)_i;
	bytes[15] = (char)216; /* zeros are TLVs of no length, three bytes each */
	ck_assert_int_eq(parse(bytes, sizeof bytes, &header),
		is_known ? PROXY_HEADER_COMPLETE : PROXY_HEADER_MALFORMED);
	if (is_known)
		ck_assert_int_eq(header.announces, _i == 0x11 || _i == 0x21);
}
END_TEST

/* 107 bytes are the most; one more is too many as soon as it is seen, whether there is an end or not. */
START_TEST(length_of_version_1)
{
	char line[128];
	struct proxy_header header;

	for (size_t size = 15; size < sizeof line; size++) {
		memset(line, 'x', sizeof line);
		memcpy(line, "PROXY UNKNOWN ", 14);
		memcpy(line + size - 2, "\r\n", 2);
		if (size == 15)
			memcpy(line, "PROXY UNKNOWN\r\n", 15);
		ck_assert_int_eq(parse(line, size, &header),
			size <= 107 ? PROXY_HEADER_COMPLETE : PROXY_HEADER_MALFORMED);
		ck_assert_int_eq(parse(line, size - 2, &header),
			size <= 107 ? PROXY_HEADER_MORE : PROXY_HEADER_MALFORMED);
	}
}
END_TEST

/* Whatever length is written and however little has come: never beyond what came, never with less than the family needs. */
START_TEST(every_length_of_version_2)
{
	static const struct {
		const char *head;
		size_t least;
	} families[] = {{"\x21\x11", 12}, {"\x21\x21", 36}, {"\x21\x12", 12}, {"\x21\x22", 36},
		{"\x21\x31", 216}, {"\x21\x32", 216}, {"\x21\x00", 0}, {"\x20\x11", 0}};
	static char bytes[16 + 4096 + 1];
	struct proxy_header header;
	size_t least = families[_i].least;

	memcpy(bytes, SIGNATURE, 12);
	memcpy(bytes + 12, families[_i].head, 2);
	for (size_t size = 0; size <= 4097; size++) {
		bytes[14] = (char)(size >> 8);
		bytes[15] = (char)size;
		memset(bytes + 16, 0, sizeof bytes - 16);
		if (size >= least + 3 && least) { /* one TLV for the rest */
			bytes[16 + least + 1] = (char)((size - least - 3) >> 8);
			bytes[16 + least + 2] = (char)(size - least - 3);
		}
		bool fits = size <= 4096 && (least == 0 || size == least || size >= least + 3);
		enum proxy_header_outcome before =
			size <= 4096 ? PROXY_HEADER_MORE : PROXY_HEADER_MALFORMED;
		ck_assert_int_eq(parse(bytes, 16 + size, &header),
			fits ? PROXY_HEADER_COMPLETE : PROXY_HEADER_MALFORMED);
		ck_assert_int_eq(parse(bytes, 15, &header), PROXY_HEADER_MORE);
		if (size)
			ck_assert_int_eq(parse(bytes, 16, &header), before);
		if (size)
			ck_assert_int_eq(parse(bytes, 16 + size - 1, &header), before);
	}
}
END_TEST

START_TEST(printed_ones_are_read_again)
{
	char printed[PROXY_HEADER_PRINTED];
	struct proxy_header header, again;

	ck_assert_int_eq(parse(good[_i].bytes, good[_i].size, &header), PROXY_HEADER_COMPLETE);
	size_t size = proxy_header_print(&header, printed);
	ck_assert_int_eq(parse(printed, size, &again), PROXY_HEADER_COMPLETE);
	ck_assert_uint_eq(again.size, size);
	ck_assert_int_eq(again.announces, header.announces);
	ck_assert(ip_equals(&again.client, &header.client));
	ck_assert_uint_eq(again.client_port, header.client_port);
	if (header.client.family == header.server.family)
		ck_assert(ip_equals(&again.server, &header.server));
}
END_TEST

static Suite *proxy_headers(void)
{
	Suite *suite = suite_create("proxy_header");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, good_ones, 0, COUNT(good));
	tcase_add_loop_test(all, bad_ones, 0, COUNT(bad));
	tcase_add_loop_test(all, every_family, 0, 256);
	tcase_add_test(all, length_of_version_1);
	tcase_add_loop_test(all, every_length_of_version_2, 0, 8);
	tcase_add_loop_test(all, printed_ones_are_read_again, 0, COUNT(good));
	suite_add_tcase(suite, all);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(proxy_headers());

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
