/* SPDX-License-Identifier: Apache-2.0 */
/* Where milters listen. */
#include "plugins/milter_address.h"

#include "base/cidr.h"

#include <check.h>
#include <stdlib.h>
#include <sys/un.h>

#define LONG                                                                                       \
	"unix:/"                                                                                   \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaa"

/* family 0: it is none */
static const struct {
	const char *text;
	int family;
	const char *where; /* path or address */
	uint16_t port;
} rows[] = {
	{"unix:/run/milter", AF_UNIX, "/run/milter", 0},
	{"local:/run/milter", AF_UNIX, "/run/milter", 0},
	{"/run/milter", AF_UNIX, "/run/milter", 0},
	{LONG, AF_UNIX, LONG + 5, 0},
	{LONG "a", 0, NULL, 0},
	{"unix:run/milter", 0, NULL, 0},
	{"unix:", 0, NULL, 0},
	{"inet:127.0.0.1:8891", AF_INET, "127.0.0.1", 8891},
	{"inet:8891@127.0.0.1", AF_INET, "127.0.0.1", 8891},
	{"inet:localhost:8891", AF_INET, "127.0.0.1", 8891},
	{"inet:8891@localhost", AF_INET, "127.0.0.1", 8891},
	{"inet6:[::1]:8891", AF_INET6, "::1", 8891},
	{"inet6:localhost:8891", AF_INET6, "::1", 8891},
	{"inet6:8891@2001:db8::1", AF_INET6, "2001:db8::1", 8891},
	{"inet:[::1]:8891", 0, NULL, 0},
	{"inet6:127.0.0.1:8891", 0, NULL, 0},
	{"inet:127.0.0.1", 0, NULL, 0},
	{"inet:127.0.0.1:", 0, NULL, 0},
	{"inet:127.0.0.1:0", 0, NULL, 0},
	{"inet:127.0.0.1:65536", 0, NULL, 0},
	{"inet:mail.example:25", 0, NULL, 0},
	{"inet:", 0, NULL, 0},
	{"tcp:127.0.0.1:1", 0, NULL, 0},
	{"", 0, NULL, 0},
};

START_TEST(parses_addresses)
{
	struct milter_address address;
	const char *reason = NULL;
	bool is_one = milter_address_parse(rows[_i].text, &address, &reason);
	char text[IP_TEXT_SIZE];
	uint16_t port;

	ck_assert_int_eq(is_one, rows[_i].family != 0);
	if (!is_one) {
		ck_assert_ptr_nonnull(reason);
		return;
	}
	ck_assert_int_eq(address.address.ss_family, rows[_i].family);
	if (rows[_i].family == AF_UNIX) {
		ck_assert_str_eq(
			((const struct sockaddr_un *)&address.address)->sun_path, rows[_i].where);
		return;
	}
	struct ip ip = ip_of_sockaddr((const struct sockaddr *)&address.address, &port);
	ck_assert_str_eq(ip_print(&ip, text), rows[_i].where);
	ck_assert_uint_eq(port, rows[_i].port);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("milter_address");
	TCase *cases = tcase_create("all");
	SRunner *runner = srunner_create(suite);

	tcase_add_loop_test(cases, parses_addresses, 0, sizeof rows / sizeof rows[0]);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
