/* SPDX-License-Identifier: Apache-2.0 */
/* Macros that mail servers tell. */
#include "plugins/milter_values.h"

#include <check.h>
#include <talloc.h>

static struct milter_values *values;

static void setup(void)
{
	values = milter_values_new(NULL);
}

static void teardown(void)
{
	talloc_free(values);
}

static void tell(char command, const char *name, const char *value)
{
	struct milter_packet packet = {.byte = MILTER_MACROS, .kind = command, .text_count = 2};

	packet.texts[0] = slice_of(name);
	packet.texts[1] = slice_of(value);
	milter_values_take(values, &packet);
}

START_TEST(finds_names_with_and_without_braces)
{
	tell(MILTER_CONNECT, "{daemon_name}", "smtpd");
	tell(MILTER_HELO, "cipher", "A");
	ck_assert_str_eq(milter_values_get(values, "daemon_name"), "smtpd");
	ck_assert_str_eq(milter_values_get(values, "cipher"), "A");
	ck_assert_ptr_null(milter_values_get(values, "daemon"));
}
END_TEST

START_TEST(the_latest_stage_counts)
{
	tell(MILTER_MAIL, "i", "first");
	tell(MILTER_RCPT, "i", "second");
	ck_assert_str_eq(milter_values_get(values, "i"), "second");
	milter_values_forget(values, MILTER_RCPT);
	ck_assert_str_eq(milter_values_get(values, "i"), "first");
	milter_values_forget(values, MILTER_CONNECT);
	ck_assert_ptr_null(milter_values_get(values, "i"));
}
END_TEST

START_TEST(a_packet_takes_the_place_of_the_last)
{
	tell(MILTER_MAIL, "{auth_type}", "PLAIN");
	tell(MILTER_MAIL, "i", "one");
	ck_assert_ptr_null(milter_values_get(values, "auth_type"));
}
END_TEST

START_TEST(what_is_empty_was_not_told)
{
	tell(MILTER_MAIL, "{auth_type}", "");
	ck_assert_ptr_null(milter_values_get(values, "auth_type"));
	tell('?', "i", "x");
	ck_assert_ptr_null(milter_values_get(values, "i"));
}
END_TEST

START_TEST(keeps_to_a_size)
{
	char *large = talloc_size(values, MILTER_VALUES_SIZE + 1);

	memset(large, 'a', MILTER_VALUES_SIZE);
	large[MILTER_VALUES_SIZE] = '\0';
	tell(MILTER_MAIL, "i", large);
	ck_assert_ptr_null(milter_values_get(values, "i"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("milter_values");
	TCase *cases = tcase_create("all");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, finds_names_with_and_without_braces);
	tcase_add_test(cases, the_latest_stage_counts);
	tcase_add_test(cases, a_packet_takes_the_place_of_the_last);
	tcase_add_test(cases, what_is_empty_was_not_told);
	tcase_add_test(cases, keeps_to_a_size);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
