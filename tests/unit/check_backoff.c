/* SPDX-License-Identifier: Apache-2.0 */
/* Pauses before what has died comes back. */
#include "proxy/backoff.h"

#include <check.h>

START_TEST(doubles_up_to_half_a_minute)
{
	static const uint64_t pauses[] = {
		0, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000};
	struct backoff backoff = {0};

	for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++)
		ck_assert_uint_eq(backoff_take(&backoff), pauses[i]);
	backoff_forget(&backoff);
	ck_assert_uint_eq(backoff_take(&backoff), 0);
	ck_assert_uint_eq(backoff_take(&backoff), 100);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backoff");
	TCase *cases = tcase_create("backoff");
	SRunner *runner = srunner_create(suite);

	tcase_add_test(cases, doubles_up_to_half_a_minute);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
