/* SPDX-License-Identifier: Apache-2.0 */
/* libunbound on our loop, asking a name server of the test's own over the loopback interface. */
#include "base/dns_unbound.h"

#include "tests/fakes/nameserver.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define TIMEOUT                                                                                    \
	20000 /* of real time: what is asked for here is answered, or our clock is moved by hand */
#define SLOW 1000

static const char zone_text[] = "example.net     MX 10 mx.example.net\n"
				"mx.example.net  A 192.0.2.1\n"
				"alias.example   CNAME mx.example.net\n"
				"fleeting.example 0 A 192.0.2.3\n"
				"broken.example  does servfail\n"
				"closed.example  does refused\n"
				"long.example    does truncate\n"
				"long.example    TXT long\n"
				"cut.example     does truncate always\n"
				"cut.example     TXT cut\n"
				"slow.example    does delay 300\n"
				"slow.example    A 192.0.2.4\n"
				"*.dead.example  does silence\n"
				"liar.example    does wrong-id\n"
				"liar.example    A 192.0.2.66\n"
				"liar2.example   does wrong-question\n"
				"liar2.example   A 192.0.2.66\n"
				"liar3.example   does garbage\n"
				"liar3.example   A 192.0.2.66\n"
				"liar4.example   does wrong-name\n"
				"another.example A 192.0.2.66\n"
				"1.0.0.10.in-addr.arpa PTR inside.example\n"
				"2.0.0.10.in-addr.arpa PTR evil\\013\\010RSET\\013\\010.example\n";

static void *scratch;
static struct loop *loop;
static struct zone *zone;
static struct dns_unbound *unbound;
static struct dns *dns;
static struct await await;
static struct dns_answer *answer;

static void on_woken(void *owner)
{
	(void)owner;
}

static void open_dns(size_t in_flight)
{
	struct nameserver *server = nameserver_new(scratch, loop, zone, 0);
	const char *address = talloc_asprintf(scratch, "127.0.0.1:%u", nameserver_port(server));

	unbound = dns_unbound_new(scratch, loop,
		&(struct dns_unbound_setup){
			.servers = &address, .server_count = 1, .in_flight = in_flight});
	ck_assert_ptr_nonnull(unbound);
	dns = dns_new(scratch, loop->clock, dns_unbound_resolver(unbound),
		(struct dns_limits){TIMEOUT, in_flight});
}

static void set_up(void)
{
	scratch = talloc_new(NULL);
	loop = loop_new(NULL);
	zone = zone_new(scratch);
	const char *bad = zone_add(zone, zone_text);
	ck_assert_msg(!bad, "%s", bad);
	await_init(&await, loop->clock, on_woken, NULL);
}

static void tear_down(void)
{
	talloc_free(unbound);
	talloc_free(dns);
	talloc_free(scratch);
	talloc_free(loop);
}

static void ask(const char *name, enum dns_type type)
{
	dns_begin_asking(dns, name, type, &answer, &await);
	while (await.pending)
		loop_turn(loop, true);
}

static const struct {
	const char *name;
	enum dns_type type;
	enum dns_outcome outcome;
	enum dns_failure failure;
	size_t count;
	unsigned dropped;
} answers[] = {
	{"example.net", DNS_MX, DNS_FOUND, DNS_WELL, 1, 0},
	{"alias.example", DNS_A, DNS_FOUND, DNS_WELL, 1, 0},
	{"example.net", DNS_A, DNS_NO_DATA, DNS_WELL, 0, 0},
	{"nobody.example", DNS_A, DNS_NO_NAME, DNS_WELL, 0, 0},
	{"slow.example", DNS_A, DNS_FOUND, DNS_WELL, 1, 0},
	{"long.example", DNS_TXT, DNS_FOUND, DNS_WELL, 1, 0},
	{"broken.example", DNS_A, DNS_FAILED, DNS_SERVFAIL, 0, 0},
	{"closed.example", DNS_A, DNS_FAILED, DNS_SERVFAIL, 0, 0},
	{"1.0.0.10.in-addr.arpa", DNS_PTR, DNS_FOUND, DNS_WELL, 1, 0},
	{"2.0.0.10.in-addr.arpa", DNS_PTR, DNS_FOUND, DNS_WELL, 0, 1},
	{"a\r\nb.example", DNS_A, DNS_NO_NAME, DNS_WELL, 0, 0},
	{"a\\b.example", DNS_A, DNS_NO_NAME, DNS_WELL, 0, 0},
	{"localhost", DNS_A, DNS_FOUND, DNS_WELL, 1, 0},
};

START_TEST(hears_answers)
{
	open_dns(100);
	for (int again = 0; again < 2; again++) { /* the second time, from memory */
		ask(answers[_i].name, answers[_i].type);
		ck_assert_int_eq(answer->outcome, answers[_i].outcome);
		ck_assert_int_eq(answer->failure, answers[_i].failure);
		ck_assert_uint_eq(answer->count, answers[_i].count);
		ck_assert_uint_eq(answer->dropped, answers[_i].dropped);
		ck_assert(!answer->secure);
	}
}
END_TEST

static const struct {
	const char *name;
	enum dns_type type;
	unsigned asked; /* when it is asked for twice */
} remembered[] = {
	{"mx.example.net", DNS_A, 1},
	{"nobody.example", DNS_A, 1},
	{"mx.example.net", DNS_MX, 1},
	{"fleeting.example", DNS_A, 2},
};

START_TEST(remembers_as_long_as_it_may)
{
	open_dns(100);
	ask(remembered[_i].name, remembered[_i].type);
	ask(remembered[_i].name, remembered[_i].type);
	ck_assert_uint_eq(zone_asked(zone), remembered[_i].asked);
}
END_TEST

START_TEST(asks_again_over_tcp)
{
	open_dns(100);
	ask("long.example", DNS_TXT);
	ck_assert_uint_eq(zone_asked_over_tcp(zone), 1);
	ck_assert_str_eq(answer->records[0].text, "long");
}
END_TEST

/* --- lies and silence --- */

static const char *const liars[] = {"liar.example", "liar2.example", "liar3.example",
	"liar4.example", "cut.example", "a.dead.example"};

/* Whatever is made of it, it is no answer; and it costs no more than our timeout. */
START_TEST(believes_no_lies)
{
	open_dns(100);
	dns_begin_asking(dns, liars[_i], DNS_A, &answer, &await);
	for (int i = 0; i < 2000 && await.pending && !zone_asked(zone); i++)
		loop_turn(loop, true);
	for (int i = 0; i < 100 && await.pending; i++)
		loop_turn(loop, false);
	if (await.pending)
		clock_move(loop->clock, TIMEOUT);
	ck_assert(!await.pending);
	ck_assert_uint_eq(answer->count, 0);
	ck_assert_int_ne(answer->outcome, DNS_FOUND);
	ck_assert_int_ne(answer->outcome, DNS_NO_NAME);
}
END_TEST

/* --- many --- */

struct crowd {
	struct await await;
	struct dns_answer *answer;
};

static struct crowd *ask_many(unsigned count, const char *below)
{
	struct crowd *crowd = talloc_zero_array(scratch, struct crowd, count);

	for (unsigned i = 0; i < count; i++) {
		await_init(&crowd[i].await, loop->clock, on_woken, NULL);
		dns_begin_asking(dns, talloc_asprintf(crowd, "%u.%s", i, below), DNS_A,
			&crowd[i].answer, &crowd[i].await);
	}
	return crowd;
}

/* A thousand that never get an answer, and one that gets it while all of them wait. */
START_TEST(the_slow_do_not_delay_the_fast)
{
	open_dns(1500);
	ask_many(SLOW, "dead.example");
	for (int i = 0; i < 1000 && zone_asked(zone) < SLOW; i++)
		loop_turn(loop, true);
	ask("mx.example.net", DNS_A);
	ck_assert_int_eq(answer->outcome, DNS_FOUND);
	ck_assert_uint_eq(dns_in_flight(dns), SLOW);
}
END_TEST

START_TEST(going_ends_all_that_is_under_way)
{
	open_dns(100);
	ask_many(150, "dead.example");
	loop_turn(loop, true);
	ck_assert_uint_eq(dns_in_flight(dns), 100);
	ck_assert_uint_eq(dns_queued(dns), 50);
} /* tear_down frees it: nobody is woken, nothing is left */
END_TEST

/* --- settings --- */

static const char *const bad_servers[] = {"example.net:53", "127.0.0.1", "127.0.0.1:0x35", ""};

START_TEST(takes_no_server_without_address_and_port)
{
	const char *server = bad_servers[_i];

	ck_assert_ptr_null(dns_unbound_new(scratch, loop,
		&(struct dns_unbound_setup){
			.servers = &server, .server_count = 1, .in_flight = 10}));
	dns = NULL;
	unbound = NULL;
}
END_TEST

START_TEST(takes_the_servers_of_the_system)
{
	unbound = dns_unbound_new(scratch, loop, &(struct dns_unbound_setup){.in_flight = 10});
	ck_assert_ptr_nonnull(unbound);
	dns = NULL;
}
END_TEST

START_TEST(takes_no_anchor_that_is_not_there)
{
	ck_assert_ptr_null(dns_unbound_new(scratch, loop,
		&(struct dns_unbound_setup){
			.in_flight = 10, .trust_anchor = "/nonexistent/root.key"}));
	dns = NULL;
	unbound = NULL;
}
END_TEST

static Suite *unbound_suite(void)
{
	Suite *suite = suite_create("dns_unbound");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_loop_test(all, hears_answers, 0, COUNT(answers));
	tcase_add_loop_test(all, remembers_as_long_as_it_may, 0, COUNT(remembered));
	tcase_add_test(all, asks_again_over_tcp);
	tcase_add_loop_test(all, believes_no_lies, 0, COUNT(liars));
	tcase_add_test(all, the_slow_do_not_delay_the_fast);
	tcase_add_test(all, going_ends_all_that_is_under_way);
	tcase_add_loop_test(all, takes_no_server_without_address_and_port, 0, COUNT(bad_servers));
	tcase_add_test(all, takes_the_servers_of_the_system);
	tcase_add_test(all, takes_no_anchor_that_is_not_there);
	suite_add_tcase(suite, all);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(unbound_suite());

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
