/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of XCLIENT and XFORWARD: what is read, what is refused, and that what is printed cannot be anything but values. */
#include "proxy/attributes.h"

#include <check.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static void *all;

static void set_up(void)
{
	all = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(all);
}

static const struct {
	const char *argument;
	bool good;
} arguments[] = {
	{"ADDR=192.0.2.1", true},
	{"addr=192.0.2.1  PORT=1", true},
	{"ADDR=IPV6:2001:db8::1 DESTADDR=ipv6:::1 DESTPORT=25", true},
	{"NAME=host.example REVERSE_NAME=other.example", true},
	{"NAME=[UNAVAILABLE] ADDR=[TEMPUNAVAIL] LOGIN=[unavailable]", true},
	{"LOGIN=a+40b+20c HELO=[192.0.2.1] PROTO=esmtp", true},
	{"", false},
	{"ADDR", false},
	{"ADDR=", false},
	{"=192.0.2.1", false},
	{"IDENT=1", false},
	{"ADDR=192.0.2.1 ADDR=192.0.2.1", false},
	{"ADDR=192.0.2.256", false},
	{"ADDR=2001:db8::1", false},
	{"ADDR=IPV6:192.0.2.1", false},
	{"PORT=0", false},
	{"PORT=00025", false},
	{"PORT=65536", false},
	{"PORT=-1", false},
	{"PROTO=HTTP", false},
	{"NAME=a+0D+0Ab", false},
	{"NAME=a(b", false},
	{"HELO=a+20b", false},
	{"LOGIN=+0A", false},
	{"LOGIN=+00", false},
	{"LOGIN=+7F", false},
	{"LOGIN=+C2+80", false},
	{"LOGIN=+FF", false},
	{"LOGIN=+", false},
	{"LOGIN=+4", false},
	{"LOGIN=+4g", false},
	{"LOGIN=+0a", false},
};

START_TEST(reads)
{
	struct client_view view = {0};
	unsigned given;
	const char *wrong = attributes_parse(
		all, slice_of(arguments[_i].argument), ATTRIBUTES_OF_XCLIENT, &view, &given);

	ck_assert_msg(!wrong == arguments[_i].good, "%s: %s", arguments[_i].argument, wrong);
}
END_TEST

/* 255 bytes are the most, however they are written. */
START_TEST(length_of_texts)
{
	for (size_t size = 250; size < 260; size++) {
		char *text = talloc_strdup(all, "LOGIN=");
		struct client_view view = {0};
		unsigned given;

		for (size_t i = 0; i < size; i++)
			text = talloc_strdup_append(text, i % 2 ? "+41" : "b");
		const char *wrong =
			attributes_parse(all, slice_of(text), ATTRIBUTES_OF_XCLIENT, &view, &given);
		ck_assert_int_eq(wrong == NULL, size <= 255);
	}
}
END_TEST

/* Whatever byte a name has: one line, of at most so many bytes, and the same when it is read again. */
START_TEST(prints_what_is_read_again)
{
	char text[] = {'a', (char)_i, 'b', '\0'};
	struct client_view again = {0},
			   view = {.ip = {4, {192, 0, 2, 1}}, .helo = text, .login = text};
	unsigned given;
	char *line = attributes_print(
		all, "XCLIENT", ATTRIBUTE_ADDR | ATTRIBUTE_HELO | ATTRIBUTE_LOGIN, &view);
	const char *wrong =
		attributes_parse(all, slice_of(line + 8), ATTRIBUTES_OF_XCLIENT, &again, &given);

	for (const char *at = line; *at; at++)
		ck_assert(*at >= ' ' && *at < 0x7f);
	ck_assert_int_eq(wrong == NULL, _i > ' ' && _i < 0x7f);
	if (!wrong)
		ck_assert_str_eq(again.login, text);
}
END_TEST

START_TEST(long_texts_are_unavailable)
{
	for (size_t size = 0; size <= 255; size += 5) {
		char *text = talloc_zero_array(all, char, size + 1);
		struct client_view view = {
			.ip = {6, {0x20, 1}}, .port = 65535, .server_port = 65535};

		memset(text, '+', size);
		view.server = view.ip;
		view.name = view.helo = view.login = text;
		char *line = attributes_print(all, "XCLIENT", ATTRIBUTES_OF_XCLIENT, &view);
		ck_assert_uint_le(strlen(line), ATTRIBUTES_LINE);
		ck_assert_ptr_nonnull(strstr(line, " HELO="));
		ck_assert_ptr_nonnull(strstr(line, " ADDR=IPV6:2001::"));
	}
}
END_TEST

START_TEST(lists)
{
	ck_assert_uint_eq(attributes_listed(slice_of("XCLIENT NAME addr COLOUR"), "XCLIENT"),
		ATTRIBUTE_NAME | ATTRIBUTE_ADDR);
	ck_assert_uint_eq(attributes_listed(slice_of("XCLIENTS NAME"), "XCLIENT"), 0);
	ck_assert_uint_eq(attributes_listed(slice_of("XCLIENT"), "XCLIENT"), 0);
	const char *offer = attributes_offer(all, "XFORWARD", ATTRIBUTES_OF_XFORWARD);
	ck_assert_uint_eq(attributes_listed(slice_of(offer), "XFORWARD"), ATTRIBUTES_OF_XFORWARD);
}
END_TEST

static Suite *attributes(void)
{
	Suite *suite = suite_create("attributes");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, reads, 0, COUNT(arguments));
	tcase_add_test(tests, length_of_texts);
	tcase_add_loop_test(tests, prints_what_is_read_again, 1, 128);
	tcase_add_test(tests, long_texts_are_unavailable);
	tcase_add_test(tests, lists);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(attributes());

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
