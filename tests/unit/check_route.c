/* SPDX-License-Identifier: Apache-2.0 */
/* Which backend a recipient's mail goes to. */
#include "proxy/route.h"

#include <check.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static const char text[] =
	"hostname = mx.example.com\n"
	"listen inbound { address = 127.0.0.1 }\n"
	"listen outbound { address = 127.0.0.2 backend = smarthost }\n"
	"listen spare { address = 127.0.0.3 }\n"
	"backend exchange { servers = 127.0.0.1:26 }\n"
	"backend smarthost { servers = 127.0.0.1:27 }\n"
	"backend lab { servers = 127.0.0.1:28 }\n"
	"backend old { servers = 127.0.0.1:29 }\n"
	"backend unused { servers = 127.0.0.1:30 }\n"
	"relay { domains = {example.com .example.com \"b\xc3\xbc"
	"cher.example\"} }\n"
	"route one { domains = {lab.example.com \"*.lab.example.com\"} backend = lab }\n"
	"route two { domains = {.example.com} backend = old listener = inbound }\n"
	"route three { domains = {x.example.com \"b\xc3\xbc"
	"cher.example\"} backend = lab }\n";

static void *all;
static const struct configuration *configuration;

static void set_up(void)
{
	all = talloc_new(NULL);
	struct complaints *complaints = complaints_new(all);
	configuration = configuration_read_text(all, "f", text, complaints);
	ck_assert_msg(complaints_errors(complaints) == 0, "%s", complaints_text(all, complaints));
}

static void tear_down(void)
{
	talloc_free(all);
}

static const struct {
	size_t listen;
	const char *domain;
	const char *route; /* NULL: none */
	const char *backend;
} ways[] = {
	{0, "example.com", NULL, "exchange"},
	{0, "LAB.example.COM", "one", "lab"},
	{0, "a.b.lab.example.com", "one", "lab"},
	{0, "notlab.example.com", "two", "old"},
	{0, "x.example.com", "two", "old"},
	{0, "", NULL, "exchange"},
	{0, "[192.0.2.1]", NULL, "exchange"},
	{1, "example.com", NULL, "smarthost"},
	{1, "lab.example.com", "one", "lab"},
	{1, "y.example.com", NULL, "smarthost"},
	{1, "x.example.com", "three", "lab"},
	{1, "xn--bcher-kva.example", "three", "lab"},
	{2, "y.example.com", NULL, "exchange"},
};

START_TEST(finds_the_way)
{
	const struct listen_options *listen = configuration->listens[ways[_i].listen];
	const struct route_options *route = route_find(configuration, listen, ways[_i].domain);

	ck_assert_int_eq(route != NULL, ways[_i].route != NULL);
	if (route)
		ck_assert_str_eq(route->name, ways[_i].route);
	ck_assert_str_eq(
		route_backend(configuration, listen, ways[_i].domain)->name, ways[_i].backend);
}
END_TEST

/* A letter a listener: whether it reaches the backend. */
static const char *const reaches[] = {"+-+", "-+-", "+++", "+--", "---"};

START_TEST(knows_what_is_behind_a_listener)
{
	for (size_t i = 0; i < configuration->listen_count; i++) {
		bool is_reached = route_reaches(
			configuration, configuration->listens[i], configuration->backends[_i]);
		ck_assert_int_eq(is_reached ? '+' : '-', reaches[_i][i]);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("route");
	TCase *cases = tcase_create("route");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, finds_the_way, 0, COUNT(ways));
	tcase_add_loop_test(cases, knows_what_is_behind_a_listener, 0, COUNT(reaches));
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
