/* SPDX-License-Identifier: Apache-2.0 */
/* Complaints: their order, their look, and what was meant. */
#include "base/complaint.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

START_TEST(prints_in_the_order_of_places)
{
	struct complaints *complaints = complaints_new(NULL);
	char file[] = "b.conf";

	complaint_error(
		complaints, (struct place){file, 7, 2}, "seventh line, %s", "second column");
	complaint_error(complaints, (struct place){"a.conf", 1, 1}, "the other file");
	complaint_warning(complaints, (struct place){file, 7, 1}, "seventh line");
	complaint_error(complaints, (struct place){file, 0, 0}, "the whole file");
	complaint_error(complaints, (struct place){file, 7, 2}, "the same place, later");
	complaint_error(complaints, (struct place){file, 10, 1}, "line %d", 10);
	memset(file, 'x', sizeof file - 1); /* names are copied */

	ck_assert_uint_eq(complaints_errors(complaints), 5);
	ck_assert_uint_eq(complaints_warnings(complaints), 1);
	ck_assert_str_eq(complaints_text(complaints, complaints),
		"b.conf: error: the whole file\n"
		"b.conf:7:1: warning: seventh line\n"
		"b.conf:7:2: error: seventh line, second column\n"
		"b.conf:7:2: error: the same place, later\n"
		"b.conf:10:1: error: line 10\n"
		"a.conf:1:1: error: the other file\n");
	talloc_free(complaints);
}
END_TEST

START_TEST(has_nothing_to_say)
{
	struct complaints *complaints = complaints_new(NULL);

	ck_assert_str_eq(complaints_text(complaints, complaints), "");
	ck_assert_uint_eq(complaints_errors(complaints), 0);
	ck_assert_uint_eq(complaints_warnings(complaints), 0);
	talloc_free(complaints);
}
END_TEST

START_TEST(sorts_many)
{
	struct complaints *complaints = complaints_new(NULL);
	char *expected = talloc_strdup(complaints, "");

	for (unsigned line = 100; line; line--)
		complaint_warning(complaints, (struct place){"f", line, 1}, "%u", line);
	for (unsigned line = 1; line <= 100; line++)
		expected = talloc_asprintf_append(expected, "f:%u:1: warning: %u\n", line, line);
	ck_assert_str_eq(complaints_text(complaints, complaints), expected);
	talloc_free(complaints);
}
END_TEST

START_TEST(disarms_control_characters)
{
	struct complaints *complaints = complaints_new(NULL);

	complaint_error(complaints, (struct place){"f", 1, 1}, "%s", "a\033[2J\nb\x7f \xc3\xa4");
	ck_assert_str_eq(
		complaints_text(complaints, complaints), "f:1:1: error: a?[2J?b? \xc3\xa4\n");
	talloc_free(complaints);
}
END_TEST

START_TEST(shows_the_line)
{
	struct complaints *complaints = complaints_new(NULL);

	complaints_show(complaints, "f", slice_of("one\n\ttw\x01o \xc3\xa4 x\r\n\nlast"));
	complaint_error(complaints, (struct place){"f", 1, 3}, "a");
	complaint_error(complaints, (struct place){"f", 2, 9}, "b");
	complaint_error(complaints, (struct place){"f", 3, 1}, "c");
	complaint_error(complaints, (struct place){"f", 4, 5}, "behind the line");
	complaint_error(complaints, (struct place){"f", 4, 6}, "beyond the line");
	complaint_error(complaints, (struct place){"f", 9, 1}, "beyond the file");
	complaint_error(complaints, (struct place){"g", 1, 1}, "not shown");
	ck_assert_str_eq(complaints_text(complaints, complaints),
		"f:1:3: error: a\n    one\n      ^\n"
		"f:2:9: error: b\n    \ttw?o \xc3\xa4 x\n    \t      ^\n"
		"f:3:1: error: c\n    \n    ^\n"
		"f:4:5: error: behind the line\n    last\n        ^\n"
		"f:4:6: error: beyond the line\n"
		"f:9:1: error: beyond the file\n"
		"g:1:1: error: not shown\n");
	talloc_free(complaints);
}
END_TEST

START_TEST(cuts_long_lines)
{
	struct complaints *complaints = complaints_new(NULL);
	char *wide = talloc_asprintf(complaints, "%0500d", 0);

	complaints_show(complaints, "f", slice_of(wide));
	complaint_error(complaints, (struct place){"f", 1, 250}, "in the midst");
	ck_assert_str_eq(complaints_text(complaints, complaints),
		talloc_asprintf(complaints, "f:1:250: error: in the midst\n    %0140d\n    %81s\n",
			0, "^"));
	talloc_free(complaints);
}
END_TEST

static const char *const names[] = {"hostname", "recipients", "recipient", "mode", "tls", "size"};

static const struct {
	const char *name, *meant;
} suggestions[] = {
	{"hostnam", "hostname"},
	{"hsotname", "hostname"}, /* neighbours swapped count as one */
	{"hsotnaem", "hostname"}, /* two are within reach */
	{"hsotnmae1", NULL},      /* three are not */
	{"recipiants", "recipients"},
	{"recipiens", "recipients"}, /* the nearest, and of those the first */
	{"recipient", "recipient"},
	{"mdoe", "mode"},
	{"made", "mode"},
	{"maze", NULL}, /* two of four is more than a third */
	{"tsl", "tls"},
	{"ts", NULL}, /* too short to be told */
	{"", NULL},
	{"sizesize", NULL},
	{"elephant", NULL},
	{"hostnamehostnamehostnamehostnamehostnamehostnamehostnamehostnamehostname", NULL},
};

START_TEST(suggests_what_was_meant)
{
	const char *meant =
		complaint_suggestion(suggestions[_i].name, names, sizeof names / sizeof *names);

	ck_assert_pstr_eq(meant, suggestions[_i].meant);
}
END_TEST

START_TEST(suggests_nothing_from_nothing)
{
	ck_assert_ptr_null(complaint_suggestion("hostname", NULL, 0));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("complaint");
	TCase *cases = tcase_create("complaint");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(cases, prints_in_the_order_of_places);
	tcase_add_test(cases, has_nothing_to_say);
	tcase_add_test(cases, sorts_many);
	tcase_add_test(cases, disarms_control_characters);
	tcase_add_test(cases, shows_the_line);
	tcase_add_test(cases, cuts_long_lines);
	tcase_add_loop_test(cases, suggests_what_was_meant, 0, COUNT(suggestions));
	tcase_add_test(cases, suggests_nothing_from_nothing);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
