/* SPDX-License-Identifier: Apache-2.0 */
/* Searching for many patterns at once: the sieve loses nothing, and limits hold. */
#include "rules/match.h"

#include "rules/automaton.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static const char *const literals[] = {
	"he", "she", "his", "hers", "e", "a much longer literal", "\xc3\xa4", "aa", "aaa", "he"};
static const char *const texts[] = {"", "ushers", "his", "xx", "aaaa", "\xc3\xa4",
	"a much longer text", "a much longer literal", "hehehe", "sh"};

/* Against looking for each by itself. The automaton counts the first bytes only. */
START_TEST(sees_all_literals)
{
	struct automaton *automaton = automaton_new(NULL);
	uint64_t bits = 0;
	uint32_t *marks;

	for (uint32_t i = 0; i < COUNT(literals); i++)
		automaton_add(automaton, slice_of(literals[i]), i);
	automaton_finish(automaton);
	marks = talloc_zero_array(automaton, uint32_t, automaton_states(automaton));
	automaton_scan(automaton, slice_of(texts[_i]), &bits, marks, 1);
	for (int i = 0; i < COUNT(literals); i++) {
		char *front = talloc_strndup(automaton, literals[i], AUTOMATON_BYTES);

		ck_assert_msg((bits >> i & 1) == (strstr(texts[_i], front) != NULL), "%s in %s",
			literals[i], texts[_i]);
	}
	talloc_free(automaton);
}
END_TEST

/* Also with every byte that there is. */
START_TEST(knows_all_bytes)
{
	struct automaton *automaton = automaton_new(NULL);
	uint64_t bits[4] = {0};
	uint32_t *marks;

	for (uint32_t i = 0; i < 256; i++) {
		char byte = (char)i;
		automaton_add(automaton, slice_make(&byte, 1), i);
	}
	automaton_finish(automaton);
	marks = talloc_zero_array(automaton, uint32_t, automaton_states(automaton));
	automaton_scan(automaton, slice_make("\0\xff\x80", 3), bits, marks, 1);
	ck_assert_uint_eq(bits[0], 1);
	ck_assert_uint_eq(bits[2], 1);
	ck_assert_uint_eq(bits[3], UINT64_C(1) << 63);
	talloc_free(automaton);
}
END_TEST

static const char *const regexes[] = {"foo", "fo+", "(foo|bar)baz?", "^x", "\\d\\d", "k", "s.s",
	".", "[^a-z ]", "ba(r|z)$", "(?i)QUX", "qu?x"};
static const char *const subjects[] = {"", "foo", "a foo bar", "FOO", "barbaz", "x12", "quX",
	"\xe2\x84\xaa", "\xc5\xbf-s", "\xff\xfe", "foo\xff", "baz"};

/* A regex in a set of many says the same as alone, where nothing is sieved out beside it. */
START_TEST(sieves_nothing_out)
{
	void *scratch = talloc_new(NULL);
	struct match_set *all = match_set_new(scratch);
	struct matcher *matcher = match_matcher_new(scratch);
	const char *reason;
	size_t offset;

	for (int i = 0; i < COUNT(regexes); i++)
		ck_assert_uint_eq(
			match_set_add_regex(all, slice_of(regexes[i]), "i", &reason, &offset), i);
	match_set_finish(all);
	ck_assert(match_set_has_jit(all));
	for (int i = 0; i < COUNT(regexes); i++) {
		/* An alternative that nothing is known of switches the sieve off. */
		char *open = talloc_asprintf(scratch, "(?:%s)|[^\\s\\S]*+(?!)", regexes[i]);
		struct match_set *one = match_set_new(scratch);
		struct match_subject in_all, in_one;

		match_set_add_regex(one, slice_of(open), "i", &reason, &offset);
		match_set_finish(one);
		match_subject_init(&in_all, slice_of(subjects[_i]), 1000);
		match_subject_init(&in_one, slice_of(subjects[_i]), 1000);
		matcher->budget = 1000000;
		ck_assert_msg(match_set_test(all, (size_t)i, scratch, &in_all, matcher) ==
				match_set_test(one, 0, scratch, &in_one, matcher),
			"%s on %s", regexes[i], subjects[_i]);
	}
	talloc_free(scratch);
}
END_TEST

/* A match that begins in a later window, with what stands before it in sight. */
START_TEST(finds_far_away)
{
	void *scratch = talloc_new(NULL);
	struct match_set *set = match_set_new(scratch);
	struct matcher *matcher = match_matcher_new(scratch);
	char *text = talloc_zero_array(scratch, char, 100001);
	const char *reason;
	size_t offset;

	match_set_add_regex(set, slice_of("(?<=xy)needle$"), "", &reason, &offset);
	match_set_add_regex(set, slice_of("^needle"), "", &reason, &offset);
	match_set_finish(set);
	for (size_t i = 0; i < 100000; i++)
		text[i] = i % 2 ? '\xa4' : '\xc3'; /* ä, so that windows end within characters */
	memcpy(text + 100000 - 8, "xyneedle", 8);
	for (size_t skip = 0; skip < 6; skip++) {
		struct match_subject subject;

		match_subject_init(&subject, slice_of(text + skip), 200000);
		matcher->budget = 1000000;
		ck_assert_int_eq(match_set_test(set, 0, scratch, &subject, matcher), MATCH_YES);
		ck_assert_int_eq(match_set_test(set, 1, scratch, &subject, matcher), MATCH_NO);
	}
	talloc_free(scratch);
}
END_TEST

START_TEST(refuses_what_is_no_regex)
{
	struct match_set *set = match_set_new(NULL);
	const char *reason = NULL;
	size_t offset = 0;

	ck_assert_uint_eq(
		match_set_add_regex(set, slice_of("a(b"), "", &reason, &offset), SIZE_MAX);
	ck_assert_str_eq(reason, "missing closing parenthesis");
	ck_assert_uint_eq(offset, 3);
	ck_assert_uint_eq(match_set_count(set), 0);
	talloc_free(set);
}
END_TEST

START_TEST(tells_what_was_not_searched)
{
	void *scratch = talloc_new(NULL);
	struct match_set *set = match_set_new(scratch);
	struct matcher *matcher = match_matcher_new(scratch);
	struct match_subject subject;

	match_set_add_literal(set, slice_of("abc"));
	match_set_add_literal(set, slice_of("xyz"));
	match_set_finish(set);
	match_subject_init(&subject, slice_of("abcxyz"), 5);
	matcher->budget = 1000;
	ck_assert_int_eq(match_set_test(set, 0, scratch, &subject, matcher), MATCH_YES);
	ck_assert_int_eq(match_set_test(set, 1, scratch, &subject, matcher), MATCH_FAILED);
	ck_assert_uint_eq(matcher->limits_hit, 1);
	ck_assert_int_eq(match_set_any(set, scratch, &subject, matcher), MATCH_YES);
	talloc_free(scratch);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("match");
	TCase *cases = tcase_create("match");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, sees_all_literals, 0, COUNT(texts));
	tcase_add_test(cases, knows_all_bytes);
	tcase_add_loop_test(cases, sieves_nothing_out, 0, COUNT(subjects));
	tcase_add_test(cases, finds_far_away);
	tcase_add_test(cases, refuses_what_is_no_regex);
	tcase_add_test(cases, tells_what_was_not_searched);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
