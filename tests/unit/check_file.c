/* SPDX-License-Identifier: Apache-2.0 */
/* Files read as a whole, and those that are refused. */
#include "base/file.h"

#include <check.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

static char path[] = "/tmp/postern-check-file-XXXXXX";

static void make_file(void)
{
	int descriptor;

	strcpy(path + sizeof path - 7, "XXXXXX");
	descriptor = mkstemp(path);
	ck_assert_int_eq(write(descriptor, "a\0bc", 4), 4);
	close(descriptor);
}

static void remove_file(void)
{
	unlink(path);
}

START_TEST(reads_all)
{
	struct slice text;

	ck_assert_ptr_null(file_read(NULL, path, 4, &text));
	ck_assert_uint_eq(text.size, 4);
	ck_assert_mem_eq(text.data, "a\0bc", 5); /* a NUL behind it */
	talloc_free((char *)text.data);
}
END_TEST

START_TEST(reads_nothing)
{
	struct slice text;

	ck_assert_int_eq(truncate(path, 0), 0);
	ck_assert_ptr_null(file_read(NULL, path, 0, &text));
	ck_assert_str_eq(text.data, "");
	talloc_free((char *)text.data);
}
END_TEST

START_TEST(refuses)
{
	void *scratch = talloc_new(NULL);
	struct slice text;

	ck_assert_str_eq(file_read(scratch, path, 3, &text), "it is too large");
	ck_assert_str_eq(file_read(scratch, "/tmp", 3, &text), "it is no plain file");
	ck_assert_str_eq(
		file_read(scratch, "/tmp/none/none", 3, &text), "No such file or directory");
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0); /* nobody writes to it, and nobody waits */
	ck_assert_str_eq(file_read(scratch, path, 3, &text), "it is no plain file");
	talloc_free(scratch);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("file");
	TCase *cases = tcase_create("file");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, make_file, remove_file);
	tcase_add_test(cases, reads_all);
	tcase_add_test(cases, reads_nothing);
	tcase_add_test(cases, refuses);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
