/* SPDX-License-Identifier: Apache-2.0 */
/* Names that look the same, and what is strange about them. */
#include "policy/content/skeleton.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

static const struct {
	const char *text, *same;
	unsigned flags;
} rows[] = {
	{"Paypal", "paypal", 0},
	{"P\xd0\xb0ypal", "paypal", SKELETON_MIXED},
	{"\xd1\x81\xd0\xb0\xd1\x80", "cap", SKELETON_LOOK_ALIKE},
	{"\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", NULL, 0},
	{"pay\xe2\x80\x8bpal", "paypal", SKELETON_ZERO_WIDTH},
	{"pay\xe2\x80\xaepal", "paypal", SKELETON_BIDI},
	{"\xef\xbc\xb0\xef\xbd\x81ypal", "paypal", 0},
	{"Erika M\xc3\xbcller", "erika muller", 0},
	{"a\x01", NULL, SKELETON_CONTROL},
	{"\xe6\x97\xa5\xe6\x9c\xac Tokyo", NULL, 0},
	{"\xff\xfe", NULL, 0},
	{"", "", 0},
};

START_TEST(folds)
{
	void *scratch = talloc_new(NULL);
	struct slice text = slice_of(rows[_i].text);

	ck_assert_uint_eq(skeleton_flags(text), rows[_i].flags);
	if (rows[_i].same)
		ck_assert_str_eq(skeleton_fold(scratch, text).data,
			skeleton_fold(scratch, slice_of(rows[_i].same)).data);
	talloc_free(scratch);
}
END_TEST

START_TEST(removes_what_turns)
{
	void *scratch = talloc_new(NULL);
	struct slice plain = skeleton_plain(scratch,
		slice_of("invoice\xe2\x80\xae"
			 "fdp.e\xe2\x80\x8bxe"));

	ck_assert(slice_equals(plain, "invoicefdp.exe"));
	talloc_free(scratch);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("skeleton");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(all, folds, 0, (int)(sizeof rows / sizeof *rows));
	tcase_add_test(all, removes_what_turns);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
