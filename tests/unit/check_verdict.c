/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts, and who wins of two. */
#include "policy/verdict.h"

#include <check.h>
#include <stdlib.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

#define N VERDICT_NONE
#define U VERDICT_UNKNOWN
#define A VERDICT_ACCEPT
#define D VERDICT_DISCARD
#define Q VERDICT_QUARANTINE
#define T VERDICT_TEMPFAIL
#define R VERDICT_REJECT
#define X VERDICT_DISCONNECT

#define KINDS 8

/* Row: the first; column: the second. */
static const enum verdict_kind winners[KINDS][KINDS] = {
	/*       N  U  A  D  Q  T  R  X */
	[N] = {N, U, A, D, Q, T, R, X},
	[U] = {U, U, U, U, U, U, U, U},
	[A] = {A, U, A, D, Q, T, R, X},
	[D] = {D, U, D, D, Q, T, R, X},
	[Q] = {Q, U, Q, Q, Q, T, R, X},
	[T] = {T, U, T, T, T, T, R, X},
	[R] = {R, U, R, R, R, R, R, X},
	[X] = {X, U, X, X, X, X, X, X},
};

START_TEST(combines_all_pairs)
{
	enum verdict_kind a = (enum verdict_kind)(_i / KINDS);
	enum verdict_kind b = (enum verdict_kind)(_i % KINDS);
	struct verdict first = {.kind = a, .score = 1.5, .text = "first"};
	struct verdict second = {.kind = b, .score = 2, .text = "second"};
	struct verdict winner = verdict_combine(first, second);

	ck_assert_int_eq(winner.kind, winners[a][b]);
	if (winner.kind == VERDICT_UNKNOWN)
		return;
	ck_assert_double_eq(winner.score, 3.5);
	ck_assert_str_eq(winner.text, winner.kind == a ? "first" : "second");
}
END_TEST

/* Combining many does not depend on how they are grouped. */
START_TEST(is_associative)
{
	for (int i = 0; i < KINDS * KINDS * KINDS; i++) {
		struct verdict a = {.kind = (enum verdict_kind)(i % KINDS), .text = "a"};
		struct verdict b = {.kind = (enum verdict_kind)(i / KINDS % KINDS), .text = "b"};
		struct verdict c = {.kind = (enum verdict_kind)(i / KINDS / KINDS), .text = "c"};
		struct verdict left = verdict_combine(verdict_combine(a, b), c);
		struct verdict right = verdict_combine(a, verdict_combine(b, c));
		ck_assert_int_eq(left.kind, right.kind);
		ck_assert_pstr_eq(left.text, right.text);
	}
}
END_TEST

static const struct {
	enum verdict_kind kind;
	bool is_final;
	const char *name;
} kinds[] = {
	{N, false, "accept"},
	{U, false, "unknown"},
	{A, true, "accept"},
	{D, true, "discard"},
	{Q, true, "quarantine"},
	{T, true, "tempfail"},
	{R, true, "reject"},
	{X, true, "disconnect"},
};

START_TEST(knows_its_kinds)
{
	struct verdict verdict = {.kind = kinds[_i].kind};

	ck_assert(verdict_is_final(&verdict) == kinds[_i].is_final);
	ck_assert_str_eq(verdict_name(verdict.kind), kinds[_i].name);
}
END_TEST

START_TEST(makes_them)
{
	struct verdict reject = verdict_reject(550, "5.7.1", "no");
	struct verdict tempfail = verdict_tempfail(451, "4.7.1", "later");
	struct verdict score = verdict_score(2.5, "odd", "an odd thing");

	ck_assert_int_eq(reject.kind, R);
	ck_assert_int_eq(reject.code, 550);
	ck_assert_str_eq(reject.status, "5.7.1");
	ck_assert_str_eq(reject.text, "no");
	ck_assert_int_eq(tempfail.kind, T);
	ck_assert_int_eq(score.kind, N);
	ck_assert_double_eq(score.score, 2.5);
	ck_assert_str_eq(score.result, "odd");
	ck_assert_int_eq(verdict_none().kind, N);
	ck_assert_int_eq(verdict_unknown().kind, U);
	ck_assert_int_eq(verdict_accept(NULL).kind, A);
	ck_assert_int_eq(verdict_pass("fine").kind, N);
}
END_TEST

START_TEST(cuts_a_long_status)
{
	ck_assert_uint_lt(
		strlen(verdict_reject(550, "5.1234567.1234567", "x").status), STATUS_SIZE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("verdict");
	TCase *cases = tcase_create("verdict");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, combines_all_pairs, 0, KINDS * KINDS);
	tcase_add_test(cases, is_associative);
	tcase_add_loop_test(cases, knows_its_kinds, 0, COUNT(kinds));
	tcase_add_test(cases, makes_them);
	tcase_add_test(cases, cuts_a_long_status);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
