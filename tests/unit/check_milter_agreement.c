/* SPDX-License-Identifier: Apache-2.0 */
/* What mail servers offer, and what of it we take. */
#include "plugins/milter_agreement.h"

#include <check.h>

#define EDITS 0x5fU     /* all but quarantine */
#define QUIET 0x1c0080U /* fields, their end and the body are not answered; blanks come along */

/* version 0: we cannot serve */
static const struct {
	uint32_t version, actions, protocol;
	uint32_t needed;
	bool hears_unknown;
	uint32_t taken_version, taken_actions, taken_protocol;
} rows[] = {
	{6, 0x1ff, 0x1fffff, 0x11, false, 6, EDITS | 0x100, QUIET | 0x100},
	{6, 0x1ff, 0x1fffff, 0x31, false, 6, EDITS | 0x120, QUIET | 0x100},
	{6, 0x1ff, 0x1fffff, 0x11, true, 6, EDITS | 0x100, QUIET | 0x20800},
	{7, 0x1ff, 0x1fffff, 0x11, false, 6, EDITS | 0x100, QUIET | 0x100},
	{6, 0x1ff, 0, 0x11, false, 6, EDITS | 0x100, 0},
	{6, 0xff, 0x1fffff, 0x11, false, 6, EDITS, QUIET | 0x100},
	{4, 0x3f, 0x3ff, 0x11, false, 4, 0x1f, 0x180},
	{2, 0x3f, 0x7f, 0x11, false, 2, 0x1f, 0},
	{6, 0x11, 0x1fffff, 0x11, false, 6, 0x11, QUIET | 0x100},
	{6, 0x10, 0x1fffff, 0x11, false, 0, 0, 0},
	{6, 0x1f, 0x1fffff, 0x31, false, 0, 0, 0},
	{1, 0x1ff, 0x1fffff, 0x11, false, 0, 0, 0},
	{0, 0, 0, 0x11, false, 0, 0, 0},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

START_TEST(takes_what_it_needs)
{
	struct milter_packet offer = {.byte = MILTER_OFFER,
		.numbers = {rows[_i].version, rows[_i].actions, rows[_i].protocol}};
	const struct milter_role role = {rows[_i].needed, rows[_i].hears_unknown};
	struct milter_packet answer;
	const char *fault = milter_agreement_answer(&role, &offer, &answer);

	ck_assert_int_eq(fault == NULL, rows[_i].taken_version != 0);
	if (fault)
		return;
	ck_assert_uint_eq(answer.numbers[0], rows[_i].taken_version);
	ck_assert_uint_eq(answer.numbers[1], rows[_i].taken_actions);
	ck_assert_uint_eq(answer.numbers[2], rows[_i].taken_protocol);
	ck_assert_int_eq(answer.list_count > 0, (rows[_i].taken_actions & MILTER_SET_MACROS) != 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("milter_agreement");
	TCase *cases = tcase_create("all");
	SRunner *runner = srunner_create(suite);

	tcase_add_loop_test(cases, takes_what_it_needs, 0, COUNT(rows));
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
