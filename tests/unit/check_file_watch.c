/* SPDX-License-Identifier: Apache-2.0 */
/* Which of some files have changed, in all the ways in which files do. */
#include "proxy/file_watch.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <talloc.h>
#include <unistd.h>

static void *root;
static char folder[] = "/tmp/check_file_watch.XXXXXX";
static const char *one, *two, *link_path;

static void write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	fclose(out);
}

static void append(void)
{
	write_file(one, "longer than before");
}

static void replace(void)
{
	const char *fresh = talloc_asprintf(root, "%s.new", one);

	write_file(fresh, "1");
	ck_assert_int_eq(rename(fresh, one), 0);
}

static void take_away(void)
{
	unlink(one);
}

static void point_elsewhere(void)
{
	unlink(link_path);
	ck_assert_int_eq(symlink(two, link_path), 0);
}

static const struct {
	void (*change)(void);
	int watched; /* 0: one, 1: the link */
} changes[] = {{append, 0}, {replace, 0}, {take_away, 0}, {append, 1}, {point_elsewhere, 1}};

static void set_up(void)
{
	root = talloc_new(NULL);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	one = talloc_asprintf(root, "%s/one", folder);
	two = talloc_asprintf(root, "%s/two", folder);
	link_path = talloc_asprintf(root, "%s/link", folder);
	write_file(one, "1");
	write_file(two, "2");
	ck_assert_int_eq(symlink(one, link_path), 0);
}

static void tear_down(void)
{
	unlink(one);
	unlink(two);
	unlink(link_path);
	rmdir(folder);
	talloc_free(root);
}

START_TEST(sees_a_change_once)
{
	struct file_watch *watch = file_watch_new(root);
	const char *watched = changes[_i].watched ? link_path : one;

	file_watch_add(watch, two);
	file_watch_add(watch, watched);
	file_watch_add(watch, watched);
	file_watch_add(watch, NULL);
	ck_assert_ptr_null(file_watch_changed(watch));
	changes[_i].change();
	ck_assert_str_eq(file_watch_changed(watch), watched);
	ck_assert_ptr_null(file_watch_changed(watch));
}
END_TEST

START_TEST(sees_a_file_come)
{
	struct file_watch *watch = file_watch_new(root);

	unlink(one);
	file_watch_add(watch, one);
	ck_assert_ptr_null(file_watch_changed(watch));
	write_file(one, "");
	ck_assert_str_eq(file_watch_changed(watch), one);
	ck_assert_ptr_null(file_watch_changed(watch));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("file_watch");
	TCase *cases = tcase_create("file_watch");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(
		cases, sees_a_change_once, 0, (int)(sizeof changes / sizeof changes[0]));
	tcase_add_test(cases, sees_a_file_come);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
