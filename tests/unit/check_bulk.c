/* SPDX-License-Identifier: Apache-2.0 */
/* Large memory that is not to be had ends a process in a way that can be told from others. */
#include "base/bulk.h"

#include <check.h>
#include <string.h>
#include <talloc.h>

#define TOO_MUCH ((size_t)1 << 40) /* more than talloc ever gives */

START_TEST(gives_and_resizes)
{
	void *scratch = talloc_new(NULL);
	char *bytes = bulk_new(scratch, 4);

	memcpy(bytes, "abc", 4);
	bytes = bulk_resize(scratch, bytes, 1 << 20);
	ck_assert_str_eq(bytes, "abc");
	ck_assert_ptr_eq(talloc_parent(bytes), scratch);
	talloc_free(scratch);
}
END_TEST

START_TEST(ends_without)
{
	char *bytes = bulk_new(NULL, TOO_MUCH);

	talloc_free(bytes);
}
END_TEST

START_TEST(ends_without_more)
{
	char *bytes = bulk_resize(NULL, bulk_new(NULL, 4), TOO_MUCH);

	talloc_free(bytes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bulk");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(all, gives_and_resizes);
	tcase_add_exit_test(all, ends_without, BULK_STATUS);
	tcase_add_exit_test(all, ends_without_more, BULK_STATUS);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
