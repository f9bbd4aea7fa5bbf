/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, sizes and durations. */
#include "base/quantity.h"

#include <check.h>
#include <stdlib.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static const struct {
	enum quantity kind;
	const char *text;
	bool good;
	int64_t value;
	const char *hint;
} quantities[] = {
	{QUANTITY_NUMBER, "0", true, 0, NULL},
	{QUANTITY_NUMBER, "-5", true, -5, NULL},
	{QUANTITY_NUMBER, "+5", true, 5, NULL},
	{QUANTITY_NUMBER, "9223372036854775807", true, INT64_MAX, NULL},
	{QUANTITY_NUMBER, "9223372036854775808", false, 0, NULL},
	{QUANTITY_NUMBER, "--5", false, 0, NULL},
	{QUANTITY_NUMBER, "5k", false, 0, NULL},
	{QUANTITY_NUMBER, "1.5", false, 0, NULL},
	{QUANTITY_NUMBER, "", false, 0, NULL},
	{QUANTITY_NUMBER, "-", false, 0, NULL},
	{QUANTITY_SIZE, "0", true, 0, NULL},
	{QUANTITY_SIZE, "500", true, 500, NULL},
	{QUANTITY_SIZE, "64k", true, 65536, NULL},
	{QUANTITY_SIZE, "36M", true, 37748736, NULL},
	{QUANTITY_SIZE, "2G", true, 2147483648, NULL},
	{QUANTITY_SIZE, "8589934591G", true, 9223372035781033984, NULL},
	{QUANTITY_SIZE, "8589934592G", false, 0, NULL},
	{QUANTITY_SIZE, "-1k", false, 0, NULL},
	{QUANTITY_SIZE, "36m", false, 0, "m is minutes, mebibytes are M"},
	{QUANTITY_SIZE, "36MB", false, 0, "mebibytes are M"},
	{QUANTITY_SIZE, "64K", false, 0, "kibibytes are k"},
	{QUANTITY_SIZE, "5s", false, 0, NULL},
	{QUANTITY_SIZE, "M", false, 0, NULL},
	{QUANTITY_SIZE, "", false, 0, NULL},
	{QUANTITY_DURATION, "0", true, 0, NULL},
	{QUANTITY_DURATION, "250ms", true, 250, NULL},
	{QUANTITY_DURATION, "30s", true, 30000, NULL},
	{QUANTITY_DURATION, "5m", true, 300000, NULL},
	{QUANTITY_DURATION, "1h", true, 3600000, NULL},
	{QUANTITY_DURATION, "7d", true, 604800000, NULL},
	{QUANTITY_DURATION, "5", false, 0, "a unit is missing: ms, s, m, h or d"},
	{QUANTITY_DURATION, "5M", false, 0, "M is mebibytes, minutes are m"},
	{QUANTITY_DURATION, "5min", false, 0, "minutes are m"},
	{QUANTITY_DURATION, "2w", false, 0, "there are no weeks: 1w is 7d"},
	{QUANTITY_DURATION, "9223372036854775807d", false, 0, NULL},
	{QUANTITY_DURATION, "5 s", false, 0, NULL},
	{QUANTITY_DURATION, "s", false, 0, NULL},
};

START_TEST(reads_quantities)
{
	struct slice text = slice_of(quantities[_i].text);
	int64_t value = -1;

	ck_assert_msg(quantity_parse(quantities[_i].kind, text, &value) == quantities[_i].good,
		"%s", quantities[_i].text);
	if (quantities[_i].good)
		ck_assert_int_eq(value, quantities[_i].value);
	else
		ck_assert_pstr_eq(quantity_hint(quantities[_i].kind, text), quantities[_i].hint);
}
END_TEST

static const struct {
	enum quantity kind;
	int64_t value;
	const char *text;
} printed[] = {
	{QUANTITY_NUMBER, -65536, "-65536"},
	{QUANTITY_SIZE, 0, "0"},
	{QUANTITY_SIZE, 1023, "1023"},
	{QUANTITY_SIZE, 1024, "1k"},
	{QUANTITY_SIZE, 37748736, "36M"},
	{QUANTITY_SIZE, 37748737, "37748737"},
	{QUANTITY_SIZE, INT64_MAX, "9223372036854775807"},
	{QUANTITY_DURATION, 0, "0"},
	{QUANTITY_DURATION, 1, "1ms"},
	{QUANTITY_DURATION, 90000, "90s"},
	{QUANTITY_DURATION, 86400000, "1d"},
};

START_TEST(prints_what_it_reads)
{
	char text[QUANTITY_TEXT_SIZE];
	int64_t value;

	quantity_print(printed[_i].kind, printed[_i].value, text);
	ck_assert_str_eq(text, printed[_i].text);
	ck_assert(quantity_parse(printed[_i].kind, slice_of(text), &value));
	ck_assert_int_eq(value, printed[_i].value);
}
END_TEST

static const struct {
	const char *text;
	bool good;
	double value;
} decimals[] = {
	{"0", true, 0},
	{"5.0", true, 5},
	{"-1.5", true, -1.5},
	{"+0.25", true, 0.25},
	{"4.1", true, 4.1},
	{"0.000000000001", true, 1e-12},
	{"123456789012345", true, 123456789012345},
	{"1234567890123456", false, 0},
	{"5.", false, 0},
	{".5", false, 0},
	{"1e3", false, 0},
	{"nan", false, 0},
	{"inf", false, 0},
	{"0x10", false, 0},
	{"1,5", false, 0},
	{"1.2.3", false, 0},
	{"", false, 0},
	{"-", false, 0},
};

START_TEST(reads_decimals)
{
	double value = -1;

	ck_assert_msg(
		quantity_parse_decimal(slice_of(decimals[_i].text), &value) == decimals[_i].good,
		"%s", decimals[_i].text);
	if (decimals[_i].good)
		ck_assert_double_eq(value, decimals[_i].value);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("quantity");
	TCase *cases = tcase_create("quantity");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, reads_quantities, 0, COUNT(quantities));
	tcase_add_loop_test(cases, prints_what_it_reads, 0, COUNT(printed));
	tcase_add_loop_test(cases, reads_decimals, 0, COUNT(decimals));
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
