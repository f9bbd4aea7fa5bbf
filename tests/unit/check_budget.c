/* SPDX-License-Identifier: Apache-2.0 */
/* What a message may cost. */
#include "policy/content/output.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

static uint64_t now_of(const void *context)
{
	return *(const uint64_t *)context;
}

static const struct {
	struct budget_limits limits;
	uint64_t size;
	uint64_t allowance;
} rows[] = {
	{{.bytes = 10}, 1, 10},
	{{.bytes = 10, .ratio = 2}, 1, 10},
	/* Small ones may grow to the floor. */
	{{.bytes = 64 << 20, .ratio = 100}, 1, BUDGET_FLOOR},
	{{.bytes = 64 << 20, .ratio = 100}, 100000, 10000000},
	{{.bytes = 64 << 20, .ratio = 100}, 10 << 20, 64 << 20},
	{{.bytes = 64 << 20, .ratio = 100}, UINT64_MAX, 64 << 20},
};

START_TEST(allows)
{
	struct budget budget;

	budget_begin(&budget, &rows[_i].limits, rows[_i].size, NULL, NULL);
	ck_assert_uint_eq(budget.allowance, rows[_i].allowance);
	ck_assert_uint_eq(budget_bytes(&budget, rows[_i].allowance - 1), rows[_i].allowance - 1);
	ck_assert_int_eq(budget.hit, BUDGET_NONE);
	ck_assert_uint_eq(budget_bytes(&budget, 2), 1);
	ck_assert_uint_eq(budget_bytes(&budget, 1), 0);
	ck_assert_int_eq(budget.hit,
		rows[_i].allowance < rows[_i].limits.bytes ? BUDGET_RATIO : BUDGET_BYTES);
	ck_assert_uint_eq(budget.bytes, budget.allowance);
}
END_TEST

START_TEST(remembers_the_first_limit)
{
	struct budget_limits limits = {.bytes = 1, .entries = 1, .depth = 1, .milliseconds = 10};
	uint64_t now = 5;
	struct budget budget;

	budget_begin(&budget, &limits, 0, now_of, &now);
	ck_assert(budget_entry(&budget));
	ck_assert(budget_descend(&budget));
	ck_assert(budget_has_time(&budget));
	ck_assert_int_eq(budget.hit, BUDGET_NONE);
	now = 14;
	ck_assert(budget_has_time(&budget));
	now = 15;
	ck_assert(!budget_has_time(&budget));
	ck_assert(!budget_entry(&budget));
	ck_assert(!budget_descend(&budget));
	ck_assert_int_eq(budget.hit, BUDGET_TIME);
	ck_assert_str_eq(budget_limit_names[budget.hit], "time");
	budget_ascend(&budget);
	ck_assert(budget_descend(&budget));
	ck_assert_uint_eq(budget.entries, 1);
}
END_TEST

START_TEST(cuts_what_comes_out)
{
	struct budget_limits limits = {.bytes = 10};
	void *scratch = talloc_new(NULL);
	struct budget budget;
	struct output output;

	budget_begin(&budget, &limits, 0, NULL, NULL);
	output = output_begin(scratch, &budget);
	ck_assert(output_add(&output, "abc", 3));
	ck_assert(output_repeat(&output, 2, 3));
	ck_assert(output_add_zeros(&output, 1));
	ck_assert(!output.is_cut);
	ck_assert(!output_add(&output, "defg", 4));
	ck_assert(output.is_cut);
	ck_assert(!output_add_zeros(&output, UINT64_MAX));
	ck_assert_mem_eq(output_slice(&output).data, "abcbcb\0def", 10);
	ck_assert_uint_eq(output.size, 10);
	output_drop(&output);
	ck_assert_uint_eq(output_slice(&output).size, 0);
	talloc_free(scratch);
}
END_TEST

/* However much the budget has: no file is larger than memory that can be had in one piece. */
START_TEST(bounds_one_file)
{
	static const struct budget_limits limits = {.bytes = 1 << 30};
	struct budget budget;
	struct output output = output_begin(NULL, &budget);

	budget_begin(&budget, &limits, 1, NULL, NULL);
	ck_assert(output_add_zeros(&output, 200 << 20));
	ck_assert(!output_add_zeros(&output, 200 << 20));
	ck_assert(output.is_cut);
	ck_assert_uint_eq(output.size, OUTPUT_MAXIMUM);
	ck_assert(!output_add(&output, "x", 1));
	ck_assert_uint_eq(output.size, OUTPUT_MAXIMUM);
	output_drop(&output);
}
END_TEST

START_TEST(tells_seconds)
{
	static const struct budget_limits limits = {.bytes = 1, .milliseconds = 2500};
	uint64_t now = 0;
	struct budget budget;

	budget_begin(&budget, &limits, 1, now_of, &now);
	ck_assert_uint_eq(budget_seconds(&budget), 3);
	now = 1500;
	ck_assert_uint_eq(budget_seconds(&budget), 1);
	now = 4000;
	ck_assert_uint_eq(budget_seconds(&budget), 1);
	budget_begin(&budget, &(struct budget_limits){.bytes = 1}, 1, now_of, &now);
	ck_assert_uint_eq(budget_seconds(&budget), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("budget");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(all, tells_seconds);
	tcase_add_test(all, bounds_one_file);
	tcase_add_loop_test(all, allows, 0, (int)(sizeof rows / sizeof *rows));
	tcase_add_test(all, remembers_the_first_limit);
	tcase_add_test(all, cuts_what_comes_out);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
