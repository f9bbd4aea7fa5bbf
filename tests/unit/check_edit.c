/* SPDX-License-Identifier: Apache-2.0 */
/* Edits of a message, and what is sent then. */
#include "policy/mail/edit.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define A "A: 1\r\n"
#define B "B: 1\r\n 2\r\n"
#define C "a: 3\r\n"
#define BODY "\r\n.body\r\nA: no field\r\n"
#define MESSAGE A B C BODY
#define TRACE "Received: x\r\n"

static void *scratch;
static struct slice message;
static struct edits *edits;

static void use(const char *text)
{
	message = slice_of(text);
	edits = edits_new(scratch, header_parse(scratch, message), message);
}

static void set_up(void)
{
	scratch = talloc_new(NULL);
	use(MESSAGE);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

/* What is sent, below a trace; its size is what the plan says. */
static char *sent(const char *trace)
{
	struct edit_plan *plan = edit_plan_new(scratch, edits, slice_of(trace));
	char *text = talloc_strdup(scratch, "");
	int64_t size = 0;

	for (size_t i = 0; i < plan->count; i++) {
		ck_assert_uint_gt(plan->slices[i].size, 0);
		text = talloc_asprintf_append(text, "%.*s", SLICE_ARGS(plan->slices[i]));
		size += (int64_t)plan->slices[i].size;
	}
	ck_assert_int_eq(size, plan->size);
	return text;
}

/* --- no edits --- */

static const char whole[] = MESSAGE;
static const char *const messages[] = {
	whole,
	"",
	"\r\n",
	"\r\nbody",
	"body without header",
	" begins with a blank\r\nA: b\r\n",
	"A: without end",
	"A: 1\nB: bare\n\nbody\n",
	"A: 1\rB: 2\r\n\r\n",
	"no field\r\nA: 1\r\n\r\n",
};

START_TEST(leaves_all_as_it_is)
{
	use(messages[_i]);
	ck_assert_str_eq(sent(""), messages[_i]);
	ck_assert_uint_le(edit_plan_new(scratch, edits, slice_of(""))->count, 1);
}
END_TEST

START_TEST(lends_the_message)
{
	struct edit_plan *plan = edit_plan_new(scratch, edits, slice_of(""));

	ck_assert_uint_eq(plan->count, 1);
	ck_assert_ptr_eq(plan->slices[0].data, message.data);
}
END_TEST

START_TEST(puts_the_trace_on_top)
{
	ck_assert_str_eq(sent(TRACE), TRACE MESSAGE);
	use("");
	ck_assert_str_eq(sent(TRACE), TRACE);
}
END_TEST

/* --- adding --- */

static const struct {
	size_t place;
	const char *sent;
} places[] = {
	{EDIT_ABOVE_TRACE, "X: y\r\n" TRACE MESSAGE},
	{EDIT_TOP, TRACE "X: y\r\n" MESSAGE},
	{2, TRACE A "X: y\r\n" B C BODY},
	{3, TRACE A B "X: y\r\n" C BODY},
	{4, TRACE A B C "X: y\r\n" BODY},
	{5, TRACE A B C "X: y\r\n" BODY},
	{EDIT_END, TRACE A B C "X: y\r\n" BODY},
};

START_TEST(adds)
{
	ck_assert(edits_add(edits, places[_i].place, "X", "y", EDIT_TEXT));
	ck_assert_str_eq(sent(TRACE), places[_i].sent);
}
END_TEST

START_TEST(adds_in_order)
{
	ck_assert(edits_add(edits, EDIT_TOP, "X", "1", EDIT_TEXT));
	ck_assert(edits_add(edits, EDIT_END, "X", "4", EDIT_TEXT));
	ck_assert(edits_add(edits, EDIT_TOP, "X", "2", EDIT_TEXT));
	ck_assert(edits_add(edits, EDIT_END, "X", "5", EDIT_TEXT));
	ck_assert(edits_remove(edits, "A", 0));
	ck_assert(edits_add(edits, EDIT_TOP, "X", "3", EDIT_TEXT));
	ck_assert_str_eq(sent(TRACE), TRACE "X: 1\r\nX: 2\r\nX: 3\r\n" B C "X: 4\r\nX: 5\r\n" BODY);
}
END_TEST

/* What the message is, and what it is with a field at its top and one at its end. */
static const struct {
	const char *message, *sent;
} odd[] = {
	{"", "X: 1\r\nX: 2\r\n"},
	{"\r\n", "X: 1\r\nX: 2\r\n\r\n"},
	{"A: without end", "X: 1\r\nA: without end\r\nX: 2\r\n"},
	{"A: 1\nB: 2\n\nbody", "X: 1\r\nA: 1\nB: 2\nX: 2\r\n\nbody"},
	{"no field\r\nA: 1\r\n", "X: 1\r\nX: 2\r\nno field\r\nA: 1\r\n"},
	{" no field", "X: 1\r\nX: 2\r\n\r\n no field"},
	{"\tno field\r\nA: 1\r\n", "X: 1\r\nX: 2\r\n\r\n\tno field\r\nA: 1\r\n"},
};

START_TEST(adds_to_odd_messages)
{
	use(odd[_i].message);
	ck_assert(edits_add(edits, EDIT_TOP, "X", "1", EDIT_TEXT));
	ck_assert(edits_add(edits, EDIT_END, "X", "2", EDIT_TEXT));
	ck_assert_str_eq(sent(""), odd[_i].sent);
}
END_TEST

/* --- removing and replacing --- */

START_TEST(removes)
{
	ck_assert(edits_remove(edits, "a", 1));
	ck_assert_str_eq(sent(TRACE), TRACE A B BODY);
	ck_assert(!edits_remove(edits, "a", 2));
	ck_assert(!edits_remove(edits, "X", 0));
	ck_assert(edits_remove(edits, "a", 0)); /* as they came: this is the first */
	ck_assert_str_eq(sent(TRACE), TRACE B BODY);
	ck_assert(edits_remove(edits, "b", 0));
	ck_assert_str_eq(sent(TRACE), TRACE BODY);
	ck_assert_str_eq(sent(""), BODY);
}
END_TEST

START_TEST(removes_all_of_a_name)
{
	ck_assert_uint_eq(edits_remove_all(edits, "A"), 2);
	ck_assert_uint_eq(edits_remove_all(edits, "X"), 0);
	ck_assert_str_eq(sent(TRACE), TRACE B BODY);
}
END_TEST

START_TEST(removes_a_field_behind_what_is_none)
{
	struct field field;
	struct slice rest;

	use("A: 1\r\nno field\r\nB: 2\r\n 3\r\n\r\nbody");
	rest = message;
	ck_assert(header_next(&rest, &field) && header_next(&rest, &field));
	edits_remove_field(edits, &field);
	ck_assert_str_eq(sent(""), "A: 1\r\nno field\r\n\r\nbody");
}
END_TEST

/* Of CR CR LF some readers make one line end: what is cut out must not make one of two. */
START_TEST(keeps_the_end_of_the_header)
{
	use("A: 1\rB: 2\r\n\r\nC: body\r\n");
	ck_assert(edits_remove(edits, "B", 0));
	ck_assert_str_eq(sent(""), "A: 1\r\n\r\nC: body\r\n");
	use("A: 1\rB: 2\r\n\r\n");
	ck_assert(edits_add(edits, 2, "X", "y", EDIT_TEXT));
	ck_assert_str_eq(sent(""), "A: 1\r\nX: y\r\nB: 2\r\n\r\n");
}
END_TEST

START_TEST(replaces)
{
	ck_assert(edits_replace(edits, "b", 0, "new", EDIT_TEXT));
	ck_assert_str_eq(sent(TRACE), TRACE A "b: new\r\n" C BODY);
	ck_assert(!edits_replace(edits, "b", 1, "new", EDIT_TEXT));
	use("A: without end");
	ck_assert(edits_replace(edits, "A", 0, "1", EDIT_TEXT));
	ck_assert_str_eq(sent(""), "A: 1\r\n");
}
END_TEST

START_TEST(takes_the_later_of_two)
{
	ck_assert(edits_remove(edits, "B", 0));
	ck_assert(edits_replace(edits, "B", 0, "first", EDIT_TEXT));
	ck_assert(edits_replace(edits, "B", 0, "second", EDIT_TEXT));
	ck_assert_str_eq(sent(TRACE), TRACE A "B: second\r\n" C BODY);
	ck_assert(edits_remove(edits, "B", 0));
	ck_assert_str_eq(sent(TRACE), TRACE A C BODY);
}
END_TEST

START_TEST(is_safe)
{
	static const char *const bad[] = {"", "X:", "X Y", "X\r\nY", "\xc3\xa4"};

	for (int i = 0; i < COUNT(bad); i++)
		ck_assert(!edits_add(edits, EDIT_TOP, bad[i], "y", EDIT_TEXT));
	ck_assert_uint_eq(edits->count, 0);
	ck_assert(edits_add(edits, EDIT_TOP, "X", "y\r\n\r\nbody", EDIT_TEXT));
	ck_assert(edits_add(edits, EDIT_TOP, "X", "y\r\n\r\nbody", EDIT_VERBATIM));
	ck_assert_str_eq(sent(""), "X: y    body\r\nX: y\r\n\tbody\r\n" MESSAGE);
}
END_TEST

/* --- bytes --- */

#define LETTER "A: 1\r\n\r\n0123456789"
#define BEFORE "A: 1\r\n"

/* Where the numbers count from the end of the header; a text of NULL is no edit. */
static const struct {
	const char *message;
	struct {
		size_t at, size;
		const char *text;
	} edits[2];
	const char *sent;
} byte_rows[] = {
	{LETTER, {{2, 3, "abc"}}, BEFORE "\r\nabc3456789"},
	{LETTER, {{2, 0, "abc"}}, BEFORE "\r\nabc0123456789"},
	{LETTER, {{12, 0, "abc"}}, LETTER "abc"},
	{LETTER, {{2, 10, ""}}, BEFORE "\r\n"},
	{LETTER, {{0, 12, ""}}, BEFORE},
	{LETTER, {{2, 10, "no\nline\rend"}}, BEFORE "\r\nno\nline\rend"},
	{LETTER, {{4, 1, "x"}, {8, 2, "y"}}, BEFORE "\r\n01x345y89"},
	{LETTER, {{8, 2, "y"}, {4, 1, "x"}}, BEFORE "\r\n01x345y89"},
	{LETTER, {{4, 2, "x"}, {6, 2, "y"}}, BEFORE "\r\n01xy6789"},
	{LETTER, {{4, 6, "x"}, {6, 2, "y"}}, BEFORE "\r\n01x89"},
	{LETTER, {{6, 2, "y"}, {4, 6, "x"}}, BEFORE "\r\n01x89"},
	{LETTER, {{4, 4, "x"}, {6, 6, "y"}}, BEFORE "\r\n01x6789"},
	{LETTER, {{4, 4, "x"}, {6, 0, "y"}}, BEFORE "\r\n01x6789"},
	{LETTER, {{4, 2, "x"}, {4, 2, "y"}}, BEFORE "\r\n01y456789"},
	{LETTER, {{4, 2, "x"}, {4, 0, "y"}}, BEFORE "\r\n01yx456789"},
	{"A: 1", {{0, 0, "\r\n\r\nbody"}}, "A: 1\r\n\r\nbody"},
	{"", {{0, 0, "x"}}, "x"},
};

static struct edit_plan *apply_bytes(int row)
{
	size_t begin;

	use(byte_rows[row].message);
	begin = edits->header->size;
	for (int i = 0; i < 2 && byte_rows[row].edits[i].text; i++)
		ck_assert(edits_replace_bytes(edits, begin + byte_rows[row].edits[i].at,
			byte_rows[row].edits[i].size, slice_of(byte_rows[row].edits[i].text)));
	return edit_plan_new(scratch, edits, slice_of(""));
}

START_TEST(replaces_bytes)
{
	struct edit_plan *plan = apply_bytes(_i);

	ck_assert(plan->needs_stuffing);
	ck_assert_str_eq(sent(""), byte_rows[_i].sent);
}
END_TEST

START_TEST(replaces_bytes_beside_fields)
{
	(void)apply_bytes(0);
	ck_assert(edits_add(edits, EDIT_END, "X", "y", EDIT_TEXT));
	ck_assert(edits_remove(edits, "A", 0));
	ck_assert_str_eq(sent(TRACE), TRACE "X: y\r\n\r\nabc3456789");
}
END_TEST

/* Bytes that stand directly behind a field that was cut out: it was the line's end. */
START_TEST(begins_a_line_behind_what_was_cut_out)
{
	use("A: 1\rB: 2\r\n\r\nbody");
	ck_assert(edits_remove(edits, "B", 0));
	ck_assert(edits_replace_bytes(edits, edits->header->size, 6, slice_of("\r\nnew")));
	ck_assert_str_eq(sent(""), "A: 1\r\n\r\nnew");
}
END_TEST

START_TEST(takes_all_bytes)
{
	struct edit_plan *plan;

	use(LETTER);
	ck_assert(edits_replace_bytes(edits, edits->message.size, 0, slice_make("\0\r.", 3)));
	plan = edit_plan_new(scratch, edits, slice_of(""));
	ck_assert_uint_eq(plan->count, 2);
	ck_assert_uint_eq(plan->slices[1].size, 3);
	ck_assert_mem_eq(plan->slices[1].data, "\0\r.", 3);
}
END_TEST

START_TEST(refuses_bytes_that_are_not_there)
{
	use(LETTER);
	ck_assert(!edits_replace_bytes(edits, edits->header->size - 1, 1, slice_of("x")));
	ck_assert(!edits_replace_bytes(edits, message.size + 1, 0, slice_of("x")));
	ck_assert(!edits_replace_bytes(edits, message.size - 1, 2, slice_of("x")));
	ck_assert(!edits_replace_bytes(edits, message.size - 1, SIZE_MAX, slice_of("x")));
	ck_assert_uint_eq(edits->count, 0);
	ck_assert(!edit_plan_new(scratch, edits, slice_of(""))->needs_stuffing);
}
END_TEST

/* --- subjects --- */

#define SIXTY "aaaaaaaaa aaaaaaaaa aaaaaaaaa aaaaaaaaa aaaaaaaaa aaaaaaaaaa"

#define LONG SIXTY_WITHOUT SIXTY_WITHOUT
#define SIXTY_WITHOUT "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *prefix, *message, *sent;
} subjects[] = {
	{"[x]", "Subject: hello\r\n\r\n", "Subject: [x] hello\r\n\r\n"},
	{"[x]", "SUBJECT:hello", "Subject: [x] hello\r\n"},
	{"[x]", "Subject:\r\n\r\n", "Subject: [x]\r\n\r\n"},
	{"[x]", "A: b\r\n\r\nbody", "A: b\r\nSubject: [x]\r\n\r\nbody"},
	{"[x]", "Subject: a\r\n b\r\n\tc\r\n\r\n", "Subject: [x] a\r\n b\r\n\tc\r\n\r\n"},
	{"[x]", "Subject: a\r\nSubject: b\r\n\r\n", "Subject: [x] a\r\nSubject: [x] b\r\n\r\n"},
	{"[x]", "Subject: =?utf-8?q?=C3=A4?=\r\n\r\n", "Subject: [x] =?utf-8?q?=C3=A4?=\r\n\r\n"},
	{"[x]", "Subject: " SIXTY "\r\n\r\n", "Subject: [x] " SIXTY "\r\n\r\n"},
	{"[xxxxxxxx]", "Subject: " SIXTY "\r\n\r\n", "Subject: [xxxxxxxx]\r\n " SIXTY "\r\n\r\n"},
	{"\xc3\xa4", "Subject: hello\r\n\r\n", "Subject: =?UTF-8?Q?=C3=A4?= hello\r\n\r\n"},
	{"\xc3\xa4", "Subject: =?utf-8?q?x?=\r\n\r\n",
		"Subject: =?UTF-8?Q?=C3=A4_?= =?utf-8?q?x?=\r\n\r\n"},
	{LONG, "Subject: \r\n\r\n", "Subject:\r\n " LONG "\r\n\r\n"},
	{LONG, "Subject:\r\n x\r\n\r\n", "Subject:\r\n " LONG "\r\n x\r\n\r\n"},
	{"a\r\nb", "Subject: x\n\n", "Subject: a  b x\r\n\n"},
};

START_TEST(prefixes_subjects)
{
	use(subjects[_i].message);
	edits_prefix_subject(edits, subjects[_i].prefix);
	ck_assert_str_eq(sent(""), subjects[_i].sent);
}
END_TEST

START_TEST(names_its_actions)
{
	ck_assert_str_eq(edit_action_name(EDIT_ADD), "add_header");
	ck_assert_str_eq(edit_action_name(EDIT_REMOVE), "remove_header");
	ck_assert_str_eq(edit_action_name(EDIT_REPLACE), "replace_header");
	ck_assert_str_eq(edit_action_name(EDIT_BYTES), "replace_bytes");
}
END_TEST

/* Thousands of fields, all of them removed: the plan has as many slices as something is left between. */
START_TEST(copes_with_many)
{
	char *many = talloc_strdup(scratch, "");

	for (int i = 0; i < 9000; i++)
		many = talloc_strdup_append_buffer(many, i % 2 ? "B:\r\n" : "A:\r\n");
	use(many);
	ck_assert_uint_eq(edits_remove_all(edits, "A"), 4500);
	ck_assert_int_eq(edit_plan_new(scratch, edits, slice_of(TRACE))->size,
		4500 * 4 + (int64_t)strlen(TRACE));
	ck_assert_uint_eq(edits_remove_all(edits, "B"), 4500);
	ck_assert_str_eq(sent(TRACE), TRACE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edit");
	TCase *cases = tcase_create("edit");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, leaves_all_as_it_is, 0, COUNT(messages));
	tcase_add_test(cases, lends_the_message);
	tcase_add_test(cases, puts_the_trace_on_top);
	tcase_add_loop_test(cases, adds, 0, COUNT(places));
	tcase_add_test(cases, adds_in_order);
	tcase_add_loop_test(cases, adds_to_odd_messages, 0, COUNT(odd));
	tcase_add_test(cases, removes);
	tcase_add_test(cases, removes_all_of_a_name);
	tcase_add_test(cases, removes_a_field_behind_what_is_none);
	tcase_add_test(cases, keeps_the_end_of_the_header);
	tcase_add_test(cases, replaces);
	tcase_add_test(cases, takes_the_later_of_two);
	tcase_add_test(cases, is_safe);
	tcase_add_loop_test(cases, replaces_bytes, 0, COUNT(byte_rows));
	tcase_add_test(cases, replaces_bytes_beside_fields);
	tcase_add_test(cases, begins_a_line_behind_what_was_cut_out);
	tcase_add_test(cases, takes_all_bytes);
	tcase_add_test(cases, refuses_bytes_that_are_not_there);
	tcase_add_loop_test(cases, prefixes_subjects, 0, COUNT(subjects));
	tcase_add_test(cases, names_its_actions);
	tcase_add_test(cases, copes_with_many);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
