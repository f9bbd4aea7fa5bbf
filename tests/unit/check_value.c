/* SPDX-License-Identifier: Apache-2.0 */
/* Values: days of the calendar, and the printed forms. */
#include "rules/value.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static const struct {
	const char *text;
	int64_t days; /* -1: no such day */
} dates[] = {
	{"1970-01-01", 0},
	{"1970-03-01", 59},
	{"1999-12-31", 10956},
	{"2000-02-29", 11016},
	{"2000-03-01", 11017},
	{"2024-10-04", 20000},
	{"2100-02-28", 47540},
	{"2100-03-01", 47541},
	{"9999-12-31", 2932896},
	{"2100-02-29", -1},
	{"2023-02-29", -1},
	{"1969-12-31", -1},
	{"2027-13-01", -1},
	{"2027-00-01", -1},
	{"2027-01-00", -1},
	{"2027-04-31", -1},
	{"2027-1-1", -1},
	{"2027/01/01", -1},
	{"20270101", -1},
	{"2027-01-0a", -1},
	{"", -1},
};

START_TEST(reads_dates)
{
	int64_t days = -1;
	char text[VALUE_DATE_SIZE];
	bool is_date = value_parse_date(slice_of(dates[_i].text), &days);

	ck_assert_msg(is_date == (dates[_i].days >= 0), "%s", dates[_i].text);
	if (!is_date)
		return;
	ck_assert_int_eq(days, dates[_i].days);
	ck_assert_str_eq(value_print_date(days, text), dates[_i].text);
}
END_TEST

START_TEST(prints_every_day)
{
	for (int64_t days = 0; days < 200000; days++) {
		char text[VALUE_DATE_SIZE];
		int64_t again = -1;

		ck_assert(value_parse_date(slice_of(value_print_date(days, text)), &again));
		ck_assert_int_eq(again, days);
	}
}
END_TEST

static const char *const items[] = {"a", "b"};
static const char *const names[] = {"first", "second", "third", NULL};

static const struct {
	struct value value;
	const char *text;
} values[] = {
	{{.type = VALUE_BOOL, .boolean = true}, "true"},
	{{.type = VALUE_INT, .number = -5}, "-5"},
	{{.type = VALUE_SIZE, .number = 2048}, "2048"},
	{{.type = VALUE_DURATION, .number = 90000}, "90s"},
	{{.type = VALUE_SCORE, .score = 2.5}, "2.5"},
	{{.type = VALUE_IP, .ip = {.family = 4, .bytes = {192, 0, 2, 1}}}, "192.0.2.1"},
	{{.type = VALUE_CIDR, .cidr = {.ip = {.family = 4, .bytes = {10}}, .bits = 8}},
		"10.0.0.0/8"},
	{{.type = VALUE_TEXT, .text = "text"}, "text"},
	{{.type = VALUE_FLAGS, .number = 5}, "first third"},
	{{.type = VALUE_FLAGS}, ""},
	{{.type = VALUE_ENUM, .number = 1}, "second"},
	{{.type = VALUE_DATE, .number = 20000}, "2024-10-04"},
	{{.type = VALUE_TEXTS, .texts = {items, 2}}, "a, b"},
	{{.type = VALUE_RECORDS, .records = {.count = 3}}, "3 records"},
};

START_TEST(prints_values)
{
	char *text = value_print(NULL, &values[_i].value, names);

	ck_assert_str_eq(text, values[_i].text);
	talloc_free(text);
}
END_TEST

START_TEST(compares_values)
{
	for (int i = 0; i < COUNT(values); i++) {
		enum value_type type = values[i].value.type;

		ck_assert(value_equals(&values[_i].value, &values[i].value) ==
			(i == _i && type != VALUE_TEXTS && type != VALUE_RECORDS));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("value");
	TCase *cases = tcase_create("value");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, reads_dates, 0, COUNT(dates));
	tcase_add_test(cases, prints_every_day);
	tcase_add_loop_test(cases, prints_values, 0, COUNT(values));
	tcase_add_loop_test(cases, compares_values, 0, COUNT(values));
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
