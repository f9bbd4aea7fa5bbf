/* SPDX-License-Identifier: Apache-2.0 */
/* A message that others revise. */
#include "policy/mail/revision.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TRACE "Received: here\r\n"
#define MESSAGE "A: 1\r\nB: 2\r\na:  3\r\n\r\nbody\r\n"

static void *scratch;

static void setup(void)
{
	scratch = talloc_new(NULL);
}

static void teardown(void)
{
	talloc_free(scratch);
}

/* i: insert, h: append, m: change, b: a new body */
struct act {
	char what;
	size_t number;
	const char *name, *value;
};

static const struct {
	const char *message;
	struct act acts[5];
	const char *sent;
} rows[] = {
	{MESSAGE, {{0}}, TRACE MESSAGE},
	{MESSAGE, {{'h', 0, "X", " y"}}, TRACE "A: 1\r\nB: 2\r\na:  3\r\nX: y\r\n\r\nbody\r\n"},
	{MESSAGE, {{'i', 0, "X", " y"}}, "X: y\r\n" TRACE MESSAGE},
	{MESSAGE, {{'i', 1, "X", " y"}}, TRACE "X: y\r\n" MESSAGE},
	{MESSAGE, {{'i', 2, "X", " y"}}, TRACE "A: 1\r\nX: y\r\nB: 2\r\na:  3\r\n\r\nbody\r\n"},
	{MESSAGE, {{'i', 99, "X", " y"}}, TRACE "A: 1\r\nB: 2\r\na:  3\r\nX: y\r\n\r\nbody\r\n"},
	/* What is above counts for what is below. */
	{MESSAGE, {{'i', 0, "X", " 1"}, {'i', 0, "Y", " 2"}, {'i', 3, "Z", " 3"}},
		"Y: 2\r\nX: 1\r\n" TRACE "Z: 3\r\n" MESSAGE},
	{MESSAGE, {{'i', 0, "X", " 1"}, {'i', 1, "Y", " 2"}}, "X: 1\r\nY: 2\r\n" TRACE MESSAGE},
	{MESSAGE, {{'i', 1, "X", " 1"}, {'i', 1, "Y", " 2"}}, TRACE "Y: 2\r\nX: 1\r\n" MESSAGE},
	/* By name, from 1; 0 means 1. */
	{MESSAGE, {{'m', 1, "a", " x"}}, TRACE "A: x\r\nB: 2\r\na:  3\r\n\r\nbody\r\n"},
	{MESSAGE, {{'m', 0, "a", " x"}}, TRACE "A: x\r\nB: 2\r\na:  3\r\n\r\nbody\r\n"},
	{MESSAGE, {{'m', 2, "A", " x"}}, TRACE "A: 1\r\nB: 2\r\na: x\r\n\r\nbody\r\n"},
	{MESSAGE, {{'m', 3, "A", " x"}}, TRACE "A: 1\r\nB: 2\r\na:  3\r\nA: x\r\n\r\nbody\r\n"},
	{MESSAGE, {{'m', 3, "A", ""}}, TRACE MESSAGE},
	{MESSAGE, {{'m', 1, "C", " x"}}, TRACE "A: 1\r\nB: 2\r\na:  3\r\nC: x\r\n\r\nbody\r\n"},
	{MESSAGE, {{'m', 2, "A", ""}}, TRACE "A: 1\r\nB: 2\r\n\r\nbody\r\n"},
	/* Postfix renumbers at once. */
	{MESSAGE, {{'m', 1, "A", ""}, {'m', 1, "A", " x"}}, TRACE "B: 2\r\na: x\r\n\r\nbody\r\n"},
	{MESSAGE, {{'m', 1, "A", ""}, {'m', 1, "A", ""}, {'m', 1, "B", ""}}, TRACE "\r\nbody\r\n"},
	/* What was added counts. */
	{MESSAGE, {{'h', 0, "X", " 1"}, {'m', 1, "X", " 2"}},
		TRACE "A: 1\r\nB: 2\r\na:  3\r\nX: 2\r\n\r\nbody\r\n"},
	{MESSAGE, {{'i', 1, "A", " 0"}, {'m', 2, "A", " x"}},
		TRACE "A: 0\r\nA: x\r\nB: 2\r\na:  3\r\n\r\nbody\r\n"},
	{MESSAGE, {{'h', 0, "X", " 1"}, {'m', 1, "X", ""}}, TRACE MESSAGE},
	/* Places beside fields that are changed or gone. */
	{MESSAGE, {{'m', 1, "B", " x"}, {'i', 2, "X", " y"}, {'i', 4, "Y", " z"}},
		TRACE "A: 1\r\nX: y\r\nB: x\r\nY: z\r\na:  3\r\n\r\nbody\r\n"},
	{MESSAGE, {{'m', 1, "B", ""}, {'i', 2, "X", " y"}},
		TRACE "A: 1\r\nX: y\r\na:  3\r\n\r\nbody\r\n"},
	/* Values that would end their field. */
	{MESSAGE, {{'h', 0, "X", " y\nZ: 1\n\nw"}},
		TRACE "A: 1\r\nB: 2\r\na:  3\r\nX: y\r\n\tZ: 1\r\n\tw\r\n\r\nbody\r\n"},
	{MESSAGE, {{'h', 0, "X", "y"}}, TRACE "A: 1\r\nB: 2\r\na:  3\r\nX: y\r\n\r\nbody\r\n"},
	/* Bodies. */
	{MESSAGE, {{'b', 0, NULL, "new"}}, TRACE "A: 1\r\nB: 2\r\na:  3\r\n\r\nnew"},
	{MESSAGE, {{'b', 0, NULL, ""}}, TRACE "A: 1\r\nB: 2\r\na:  3\r\n\r\n"},
	{MESSAGE, {{'b', 0, NULL, "one"}, {'b', 0, NULL, "two"}},
		TRACE "A: 1\r\nB: 2\r\na:  3\r\n\r\ntwo"},
	{MESSAGE, {{'h', 0, "X", " y"}, {'b', 0, NULL, "new"}},
		TRACE "A: 1\r\nB: 2\r\na:  3\r\nX: y\r\n\r\nnew"},
	{"A: 1\r\n", {{'b', 0, NULL, "new"}}, TRACE "A: 1\r\n\r\nnew"},
	{"A: 1\r\n", {{'h', 0, "X", " y"}}, TRACE "A: 1\r\nX: y\r\n"},
	{"A: 1\r\nno field\r\n", {{'b', 0, NULL, "new"}}, TRACE "A: 1\r\n\r\nnew"},
	{"\r\nbody", {{'h', 0, "X", " y"}}, TRACE "X: y\r\n\r\nbody"},
	{"", {{'h', 0, "X", " y"}, {'b', 0, NULL, "new"}}, TRACE "X: y\r\n\r\nnew"},
};

static void act(struct revision *revision, const struct act *one)
{
	struct slice name = slice_of(one->name), value = slice_of(one->value);
	bool is_done = true;

	if (one->what == 'i')
		is_done = revision_insert(revision, one->number, name, value);
	if (one->what == 'h')
		is_done = revision_append(revision, name, value);
	if (one->what == 'm')
		is_done = revision_change(revision, name, one->number, value);
	if (one->what == 'b')
		revision_replace_body(revision, value);
	ck_assert(is_done);
}

static const char *sent(const struct edits *edits, const char *trace)
{
	struct edit_plan *plan = edit_plan_new(scratch, edits, slice_of(trace));
	char *text = talloc_strdup(scratch, "");

	for (size_t i = 0; i < plan->count; i++)
		text = talloc_asprintf_append(text, "%.*s", SLICE_ARGS(plan->slices[i]));
	return text;
}

static struct edits *edits_of(const char *message)
{
	struct slice bytes = slice_of(message);

	return edits_new(scratch, header_parse(scratch, bytes), bytes);
}

START_TEST(revises)
{
	struct revision *revision = revision_new(scratch, edits_of(rows[_i].message));

	for (size_t i = 0; i < COUNT(rows[_i].acts) && rows[_i].acts[i].what; i++)
		act(revision, &rows[_i].acts[i]);
	ck_assert_str_eq(sent(revision_edits(scratch, revision), TRACE), rows[_i].sent);
}
END_TEST

/* What others see is what is sent, but for what is above the trace field. */
START_TEST(shows_what_will_be_sent)
{
	struct revision *revision = revision_new(scratch, edits_of(rows[_i].message));
	struct slice name, value;
	char *seen = talloc_strdup(scratch, TRACE);
	size_t cursor = 0;

	for (size_t i = 0; i < COUNT(rows[_i].acts) && rows[_i].acts[i].what; i++)
		act(revision, &rows[_i].acts[i]);
	while (revision_field(revision, &cursor, &name, &value))
		seen = talloc_asprintf_append(seen, "%.*s\n", SLICE_ARGS(name));
	for (const char *line = seen + strlen(TRACE); *line; line = strchr(line, '\n') + 1) {
		char *field = talloc_asprintf(scratch, "%.*s:", (int)strcspn(line, "\n"), line);
		ck_assert_ptr_nonnull(strstr(rows[_i].sent, field));
	}
	struct slice body = revision_body(revision);
	size_t size = strlen(rows[_i].sent);
	ck_assert(size >= body.size);
	if (!strstr(rows[_i].message, "no field"))
		ck_assert_mem_eq(rows[_i].sent + size - body.size, body.data, body.size);
}
END_TEST

START_TEST(begins_with_our_own_edits)
{
	struct edits *own = edits_of(MESSAGE);
	struct revision *revision;

	ck_assert(edits_add(own, EDIT_ABOVE_TRACE, "Above", "1", EDIT_TEXT));
	ck_assert(edits_add(own, EDIT_TOP, "Own", "2", EDIT_TEXT));
	ck_assert(edits_remove(own, "B", 0));
	revision = revision_new(scratch, own);
	ck_assert(revision_change(revision, slice_of("own"), 1, slice_of(" 3")));
	ck_assert(revision_insert(revision, 0, slice_of("Top"), slice_of(" 4")));
	ck_assert_str_eq(sent(revision_edits(scratch, revision), TRACE),
		"Top: 4\r\nAbove: 1\r\n" TRACE "Own: 3\r\nA: 1\r\na:  3\r\n\r\nbody\r\n");
}
END_TEST

START_TEST(takes_no_name_that_is_none)
{
	static const char *const names[] = {"", "X:", "X Y", "X\r\nY", "\xff"};
	struct revision *revision = revision_new(scratch, edits_of(MESSAGE));

	for (size_t i = 0; i < COUNT(names); i++) {
		ck_assert(!revision_append(revision, slice_of(names[i]), slice_of("x")));
		ck_assert(!revision_insert(revision, 0, slice_of(names[i]), slice_of("x")));
		ck_assert(!revision_change(revision, slice_of(names[i]), 1, slice_of("x")));
	}
	ck_assert_str_eq(sent(revision_edits(scratch, revision), ""), MESSAGE);
}
END_TEST

START_TEST(keeps_nuls_of_a_body)
{
	struct revision *revision = revision_new(scratch, edits_of(MESSAGE));
	struct edit_plan *plan;

	revision_replace_body(revision, slice_make("\0x", 2));
	plan = edit_plan_new(scratch, revision_edits(scratch, revision), slice_of(""));
	ck_assert_mem_eq(plan->slices[plan->count - 1].data, "\0x", 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("revision");
	TCase *cases = tcase_create("all");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_loop_test(cases, revises, 0, COUNT(rows));
	tcase_add_loop_test(cases, shows_what_will_be_sent, 0, COUNT(rows));
	tcase_add_test(cases, begins_with_our_own_edits);
	tcase_add_test(cases, takes_no_name_that_is_none);
	tcase_add_test(cases, keeps_nuls_of_a_body);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
