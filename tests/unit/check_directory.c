/* SPDX-License-Identifier: Apache-2.0 */
/* What a directory says, value by value, and when a list is too short to be true. */
#include "proxy/directory.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static const struct {
	const char *value;
	size_t size;         /* 0: the value's */
	const char *address; /* NULL: none */
} values[] = {
	{"SMTP:Alice@Example.com", 0, "Alice@example.com"},
	{"smtp:alias@example.com", 0, "alias@example.com"},
	{"Smtp:alias@example.com", 0, "alias@example.com"},
	{"plain@example.com", 0, "plain@example.com"},
	{"x500:/o=First/cn=alice@example.com", 0, NULL},
	{"sip:alice@example.com", 0, NULL},
	{"SPO:SPO_1@SPO_2", 0, NULL},
	{"smtp:", 0, NULL},
	{"smtp:nobody", 0, NULL},
	{"smtp:@example.com", 0, NULL},
	{"smtp:#a@example.com", 0, NULL},
	{"smtp:<a@example.com>", 0, NULL},
	{"smtp:a@example.com\n@example.com", 0, NULL},
	{"smtp:a@example.com\r", 0, NULL},
	{"smtp:a@exa\0mple.com", 20, NULL},
	{"", 0, NULL},
	{":", 0, NULL},
	{"@", 0, NULL},
};

START_TEST(reads_values)
{
	void *all = talloc_new(NULL);
	struct slice value = slice_make(
		values[_i].value, values[_i].size ? values[_i].size : strlen(values[_i].value));

	ck_assert_pstr_eq(directory_address(all, value), values[_i].address);
	talloc_free(all);
}
END_TEST

static const struct {
	size_t before, now;
	int64_t percent;
	bool may;
} lists[] = {
	{0, 1, 10, true},
	{0, 0, 10, false},
	{0, 0, 100, false},
	{100, 100, 10, true},
	{100, 90, 10, true},
	{100, 89, 10, false},
	{100, 200, 0, true},
	{100, 99, 0, false},
	{100, 1, 100, true},
	{100, 0, 100, false},
	{9, 8, 10, false},
	{10, 9, 10, true},
};

START_TEST(does_not_believe_short_lists)
{
	ck_assert(directory_may_shrink(lists[_i].before, lists[_i].now, lists[_i].percent) ==
		lists[_i].may);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("directory");
	TCase *cases = tcase_create("directory");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, reads_values, 0, COUNT(values));
	tcase_add_loop_test(cases, does_not_believe_short_lists, 0, COUNT(lists));
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
