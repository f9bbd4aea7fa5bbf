/* SPDX-License-Identifier: Apache-2.0 */
/* The Received field. */
#include "policy/mail/header.h"
#include "policy/mail/trace.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static void *scratch;
static struct ip client;
static struct trace_facts facts;

static void set_up(void)
{
	scratch = talloc_new(NULL);
	client = (struct ip){4, {192, 0, 2, 1}};
	facts = (struct trace_facts){
		.helo = "client.example",
		.client = &client,
		.hostname = "mx.example.com",
		.transmission = TRACE_EXTENDED,
		.id = "abc.1",
		.seconds = 1795314522,
	};
}

static void tear_down(void)
{
	talloc_free(scratch);
}

START_TEST(tells_what_there_is)
{
	ck_assert_str_eq(trace_received(scratch, &facts),
		"Received: from client.example ([192.0.2.1]) by mx.example.com with ESMTP\r\n"
		"\tid abc.1;\r\n"
		"\tSun, 22 Nov 2026 02:28:42 +0000\r\n");
}
END_TEST

START_TEST(tells_all)
{
	facts.client_name = "client.example";
	facts.tls = "TLSv1.3 TLS_AES_256_GCM_SHA384";
	facts.transmission |= TRACE_TLS;
	facts.recipient = "user@example.com";
	ck_assert_str_eq(trace_received(scratch, &facts),
		"Received: from client.example (client.example [192.0.2.1]) by mx.example.com\r\n"
		"\twith ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384) id abc.1\r\n"
		"\tfor <user@example.com>;\r\n"
		"\tSun, 22 Nov 2026 02:28:42 +0000\r\n");
}
END_TEST

START_TEST(tells_ipv6)
{
	ck_assert(ip_parse(slice_of("2001:db8::1"), &client));
	ck_assert_ptr_nonnull(strstr(trace_received(scratch, &facts), "([IPv6:2001:db8::1])"));
}
END_TEST

/* A field is begun once, folded before blanks only, and its comments are closed. */
static void is_one_field(const char *field)
{
	struct header *header =
		header_parse(scratch, slice_of(talloc_asprintf(scratch, "%s\r\nbody", field)));
	int depth = 0;

	ck_assert_uint_eq(header->count, 1);
	ck_assert_uint_eq(header->received, 1);
	ck_assert_uint_eq(header->size, strlen(field));
	for (const char *at = field; *at; at++) {
		ck_assert((*at >= ' ' && *at < 0x7f) || *at == '\r' || *at == '\n' || *at == '\t');
		depth += (*at == '(') - (*at == ')');
		ck_assert_int_ge(depth, 0);
		ck_assert_int_le(depth, 1);
	}
	ck_assert_int_eq(depth, 0);
}

/* CVE-2026-28753: whatever strangers bring, a name from the DNS too, begins no line. */
static const char *const strangers[] = {
	"x\r\nSubject: forged",
	"x)\r\n\r\nbody",
	") by evil.example (",
	"x\\",
	"x; Sun, 1 Jan 2000 00:00:00 +0000",
	"\x1b[2J",
	"caf\xc3\xa9.example",
	"(((((((",
	"\"quoted",
	"",
};

START_TEST(lets_nobody_break_out)
{
	facts.helo = strangers[_i];
	is_one_field(trace_received(scratch, &facts));
	facts.client_name = strangers[_i];
	is_one_field(trace_received(scratch, &facts));
	facts.recipient = strangers[_i];
	facts.tls = strangers[_i];
	facts.id = strangers[_i];
	is_one_field(trace_received(scratch, &facts));
}
END_TEST

START_TEST(bounds_what_strangers_say)
{
	char *name = talloc_zero_size(scratch, 100000);

	memset(name, 'x', 99999);
	facts.helo = facts.client_name = facts.recipient = facts.tls = name;
	is_one_field(trace_received(scratch, &facts));
	ck_assert_uint_lt(strlen(trace_received(scratch, &facts)), 1200);
}
END_TEST

START_TEST(leaves_out_odd_recipients)
{
	facts.recipient = "\"a b\"@example.com";
	ck_assert_ptr_null(strstr(trace_received(scratch, &facts), "for"));
}
END_TEST

static const struct {
	unsigned transmission;
	const char *protocol;
} protocols[] = {
	{0, "SMTP"},
	{TRACE_TLS, "SMTP"},
	{TRACE_EXTENDED, "ESMTP"},
	{TRACE_EXTENDED | TRACE_TLS, "ESMTPS"},
	{TRACE_EXTENDED | TRACE_AUTHENTICATED, "ESMTPA"},
	{TRACE_EXTENDED | TRACE_TLS | TRACE_AUTHENTICATED, "ESMTPSA"},
	{TRACE_EXTENDED | TRACE_UTF8, "UTF8SMTP"},
	{TRACE_EXTENDED | TRACE_UTF8 | TRACE_TLS, "UTF8SMTPS"},
	{TRACE_EXTENDED | TRACE_UTF8 | TRACE_AUTHENTICATED, "UTF8SMTPA"},
	{TRACE_EXTENDED | TRACE_UTF8 | TRACE_TLS | TRACE_AUTHENTICATED, "UTF8SMTPSA"},
};

START_TEST(names_the_protocol)
{
	ck_assert_str_eq(trace_protocol(protocols[_i].transmission), protocols[_i].protocol);
}
END_TEST

static const struct {
	int64_t seconds;
	const char *date;
} dates[] = {
	{0, "Thu, 01 Jan 1970 00:00:00 +0000"},
	{951782400, "Tue, 29 Feb 2000 00:00:00 +0000"},
	{1795314522, "Sun, 22 Nov 2026 02:28:42 +0000"},
	{4102444799, "Thu, 31 Dec 2099 23:59:59 +0000"},
};

START_TEST(tells_dates)
{
	ck_assert_str_eq(trace_date(scratch, dates[_i].seconds), dates[_i].date);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace");
	TCase *cases = tcase_create("trace");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, tells_what_there_is);
	tcase_add_test(cases, tells_all);
	tcase_add_test(cases, tells_ipv6);
	tcase_add_loop_test(cases, lets_nobody_break_out, 0, COUNT(strangers));
	tcase_add_test(cases, bounds_what_strangers_say);
	tcase_add_test(cases, leaves_out_odd_recipients);
	tcase_add_loop_test(cases, names_the_protocol, 0, COUNT(protocols));
	tcase_add_loop_test(cases, tells_dates, 0, COUNT(dates));
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
