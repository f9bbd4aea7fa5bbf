/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and networks. */
#include "base/cidr.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/un.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

/* What is read, and how it is printed; NULL: refused. The IPv6 rows are RFC 5952's examples. */
static const struct {
	const char *text, *printed;
} addresses[] = {
	{"192.0.2.1", "192.0.2.1"},
	{"0.0.0.0", "0.0.0.0"},
	{"255.255.255.255", "255.255.255.255"},
	{"2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"},
	{"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
	{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
	{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
	{"2001:DB8::AAAA", "2001:db8::aaaa"},
	{"::", "::"},
	{"::1", "::1"},
	{"fe80::", "fe80::"},
	{"::ffff:192.0.2.1", "192.0.2.1"},
	{"::FFFF:c000:0201", "192.0.2.1"},
	{"::fffe:192.0.2.1", "::fffe:c000:201"},
	{"1111:2222:3333:4444:5555:6666:7777:8888", "1111:2222:3333:4444:5555:6666:7777:8888"},
	{"", NULL},
	{"192.0.2", NULL},
	{"192.0.2.256", NULL},
	{"192.0.2.01", NULL},
	{"0xc0.0.2.1", NULL},
	{"192.0.2.1 ", NULL},
	{" 192.0.2.1", NULL},
	{"192.0.2.1.5", NULL},
	{"3221225985", NULL},
	{":::", NULL},
	{"1::2::3", NULL},
	{"fe80::1%eth0", NULL},
	{"[::1]", NULL},
	{"2001:db8::12345", NULL},
	{"0000:0000:0000:0000:0000:0000:255.255.255.2555", NULL},
	{"mx.example.com", NULL},
};

START_TEST(reads_and_prints_addresses)
{
	struct ip ip, again;
	char text[IP_TEXT_SIZE];

	ck_assert(ip_parse(slice_of(addresses[_i].text), &ip) == !!addresses[_i].printed);
	if (!addresses[_i].printed)
		return;
	ck_assert_str_eq(ip_print(&ip, text), addresses[_i].printed);
	ck_assert(ip_parse(slice_of(text), &again));
	ck_assert(ip_equals(&ip, &again));
}
END_TEST

START_TEST(refuses_a_nul_inside)
{
	struct ip ip;

	ck_assert(!ip_parse(slice_make("192.0.2.1\0", 10), &ip));
	ck_assert(!ip_parse(slice_make("::1\0::2", 7), &ip));
}
END_TEST

START_TEST(prints_none_as_nothing)
{
	struct ip none = {0};
	char text[IP_TEXT_SIZE];

	ck_assert_str_eq(ip_print(&none, text), "");
}
END_TEST

static const struct {
	const char *a, *b;
	bool equal;
} pairs[] = {
	{"192.0.2.1", "192.0.2.1", true}, {"192.0.2.1", "::ffff:192.0.2.1", true},
	{"192.0.2.1", "192.0.2.2", false}, {"::1", "0:0::1", true}, {"::1", "::2", false},
	{"1.0.0.0", "100::", false}, /* the same bytes, another family */
};

START_TEST(compares_addresses)
{
	struct ip a, b;

	ck_assert(ip_parse(slice_of(pairs[_i].a), &a) && ip_parse(slice_of(pairs[_i].b), &b));
	ck_assert(ip_equals(&a, &b) == pairs[_i].equal);
}
END_TEST

static const struct {
	const char *text, *ip;
	uint16_t port;
} with_ports[] = {
	{"127.0.0.1:2525", "127.0.0.1", 2525},
	{"[::1]:25", "::1", 25},
	{"[2001:db8::1]:65535", "2001:db8::1", 65535},
	{"[::ffff:127.0.0.1]:1", "127.0.0.1", 1},
	{"127.0.0.1:0", "127.0.0.1", 0},
	{"127.0.0.1:65536", NULL, 0},
	{"127.0.0.1:-1", NULL, 0},
	{"127.0.0.1:", NULL, 0},
	{"127.0.0.1", NULL, 0},
	{":25", NULL, 0},
	{"::1:25", NULL, 0},
	{"[::1]", NULL, 0},
	{"[::1:25", NULL, 0},
	{"[:25", NULL, 0},
	{"[]:25", NULL, 0},
	{"[127.0.0.1]:25", NULL, 0},
	{"localhost:25", NULL, 0},
	{"", NULL, 0},
};

START_TEST(reads_addresses_with_ports)
{
	struct ip ip;
	uint16_t port;
	char text[IP_TEXT_SIZE];

	ck_assert(ip_parse_with_port(slice_of(with_ports[_i].text), &ip, &port) ==
		!!with_ports[_i].ip);
	if (!with_ports[_i].ip)
		return;
	ck_assert_str_eq(ip_print(&ip, text), with_ports[_i].ip);
	ck_assert_uint_eq(port, with_ports[_i].port);
}
END_TEST

static const struct {
	const char *text;
	int family;
	socklen_t size;
} sockets[] = {
	{"192.0.2.1", AF_INET, sizeof(struct sockaddr_in)},
	{"2001:db8::1", AF_INET6, sizeof(struct sockaddr_in6)},
};

START_TEST(becomes_a_sockaddr_and_back)
{
	struct sockaddr_storage address;
	struct ip ip, again;
	uint16_t port;

	ck_assert(ip_parse(slice_of(sockets[_i].text), &ip));
	ck_assert_uint_eq(ip_to_sockaddr(&ip, 2525, &address), sockets[_i].size);
	ck_assert_int_eq(address.ss_family, sockets[_i].family);
	again = ip_of_sockaddr((struct sockaddr *)&address, &port);
	ck_assert(ip_equals(&ip, &again));
	ck_assert_uint_eq(port, 2525);
}
END_TEST

START_TEST(folds_mapped_sockaddrs)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(25)};
	struct ip ip;
	uint16_t port;
	char text[IP_TEXT_SIZE];

	ck_assert_int_eq(inet_pton(AF_INET6, "::ffff:192.0.2.7", &address.sin6_addr), 1);
	ip = ip_of_sockaddr((struct sockaddr *)&address, &port);
	ck_assert_uint_eq(ip.family, 4);
	ck_assert_str_eq(ip_print(&ip, text), "192.0.2.7");
}
END_TEST

START_TEST(knows_no_other_sockets)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	uint16_t port = 1;
	struct ip ip = ip_of_sockaddr((struct sockaddr *)&address, &port);

	ck_assert_uint_eq(ip.family, 0);
	ck_assert_uint_eq(port, 0);
}
END_TEST

static const struct {
	const char *text;
	bool good;
	unsigned bits;
} networks[] = {
	{"192.0.2.0/24", true, 24},
	{"192.0.2.1", true, 32},
	{"0.0.0.0/0", true, 0},
	{"192.0.2.128/25", true, 25},
	{"2001:db8::/32", true, 32},
	{"2001:db8::1", true, 128},
	{"::/0", true, 0},
	{"::ffff:192.0.2.0/120", true, 24},
	{"::ffff:0.0.0.0/96", true, 0},
	{"::ffff:192.0.2.1", true, 32},
	{"::ffff:192.0.2.0/24", false, 0},
	{"::ffff:192.0.2.0/129", false, 0},
	{"192.0.2.1/24", false, 0},
	{"192.0.2.64/25", false, 0},
	{"128.0.0.0/0", false, 0},
	{"2001:db8::1/32", false, 0},
	{"192.0.2.0/33", false, 0},
	{"2001:db8::/129", false, 0},
	{"192.0.2.0/", false, 0},
	{"192.0.2.0/-1", false, 0},
	{"192.0.2.0/24/24", false, 0},
	{"192.0.2.0/255.255.255.0", false, 0},
	{"/24", false, 0},
	{"", false, 0},
	{"192.0.2.0/18446744073709551640", false, 0},
};

START_TEST(reads_networks)
{
	struct cidr cidr;

	ck_assert(cidr_parse(slice_of(networks[_i].text), &cidr) == networks[_i].good);
	if (networks[_i].good)
		ck_assert_uint_eq(cidr.bits, networks[_i].bits);
}
END_TEST

static const struct {
	const char *network, *ip;
	bool contained;
} members[] = {
	{"192.0.2.0/24", "192.0.2.0", true},
	{"192.0.2.0/24", "192.0.2.255", true},
	{"192.0.2.0/24", "192.0.3.0", false},
	{"192.0.2.128/25", "192.0.2.127", false},
	{"192.0.2.128/25", "192.0.2.200", true},
	{"192.0.2.0/24", "::ffff:192.0.2.9", true},
	{"::ffff:192.0.2.0/120", "192.0.2.9", true},
	{"0.0.0.0/0", "203.0.113.1", true},
	{"0.0.0.0/0", "2001:db8::1", false},
	{"::/0", "203.0.113.1", false},
	{"::/0", "2001:db8::1", true},
	{"2001:db8::/33", "2001:db8:7fff::1", true},
	{"2001:db8::/33", "2001:db8:8000::1", false},
	{"192.0.2.1", "192.0.2.1", true},
	{"192.0.2.1", "192.0.2.0", false},
	{"2001:db8::1", "2001:db8::1", true},
	{"2001:db8::1", "2001:db8::", false},
};

START_TEST(contains_its_addresses)
{
	struct cidr cidr;
	struct ip ip;

	ck_assert(cidr_parse(slice_of(members[_i].network), &cidr));
	ck_assert(ip_parse(slice_of(members[_i].ip), &ip));
	ck_assert(cidr_contains(&cidr, &ip) == members[_i].contained);
}
END_TEST

START_TEST(finds_an_address_in_many)
{
	struct cidr items[2];
	struct cidrs cidrs = {items, 2}, nothing = {NULL, 0};
	struct ip ip;

	ck_assert(cidr_parse(slice_of("10.0.0.0/8"), &items[0]));
	ck_assert(cidr_parse(slice_of("fc00::/7"), &items[1]));
	ck_assert(ip_parse(slice_of("fd00::1"), &ip));
	ck_assert(cidrs_contain(&cidrs, &ip));
	ck_assert(!cidrs_contain(&nothing, &ip));
	ck_assert(ip_parse(slice_of("11.0.0.1"), &ip));
	ck_assert(!cidrs_contain(&cidrs, &ip));
}
END_TEST

static const struct {
	const char *ip, *network;
} around[] = {
	{"192.0.2.77", "192.0.2.0/24"},
	{"255.255.255.255", "255.255.255.0/24"},
	{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
	{"::1", "::/64"},
	{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff::/64"},
};

START_TEST(knows_the_network_around)
{
	char text[CIDR_TEXT_SIZE];
	struct cidr network, again;
	struct ip ip;

	ck_assert(ip_parse(slice_of(around[_i].ip), &ip));
	network = cidr_around(&ip);
	ck_assert_str_eq(cidr_print(&network, text), around[_i].network);
	ck_assert(cidr_contains(&network, &ip));
	ck_assert(cidr_parse(slice_of(text), &again));
	ck_assert(ip_equals(&again.ip, &network.ip) && again.bits == network.bits);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cidr");
	TCase *cases = tcase_create("cidr");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, reads_and_prints_addresses, 0, COUNT(addresses));
	tcase_add_test(cases, refuses_a_nul_inside);
	tcase_add_test(cases, prints_none_as_nothing);
	tcase_add_loop_test(cases, compares_addresses, 0, COUNT(pairs));
	tcase_add_loop_test(cases, reads_addresses_with_ports, 0, COUNT(with_ports));
	tcase_add_loop_test(cases, becomes_a_sockaddr_and_back, 0, COUNT(sockets));
	tcase_add_test(cases, folds_mapped_sockaddrs);
	tcase_add_test(cases, knows_no_other_sockets);
	tcase_add_loop_test(cases, reads_networks, 0, COUNT(networks));
	tcase_add_loop_test(cases, contains_its_addresses, 0, COUNT(members));
	tcase_add_test(cases, finds_an_address_in_many);
	tcase_add_loop_test(cases, knows_the_network_around, 0, COUNT(around));
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
