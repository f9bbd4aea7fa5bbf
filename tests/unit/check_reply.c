/* SPDX-License-Identifier: Apache-2.0 */
/* Replies, ours and a backend's. */
#include "policy/mail/reply.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static void *scratch;

static void set_up(void)
{
	scratch = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

static const struct {
	int code;
	const char *status, *text, *wire;
} printed[] = {
	{250, "2.0.0", "fine", "250 2.0.0 fine\r\n"},
	{250, NULL, "fine", "250 fine\r\n"},
	{354, "3.0.0", "go on", "354 go on\r\n"},
	{250, "2.1.0", "one\ntwo", "250-2.1.0 one\r\n250 2.1.0 two\r\n"},
	{250, NULL, "mx.example.com\nPIPELINING\nSIZE 1",
		"250-mx.example.com\r\n250-PIPELINING\r\n250 SIZE 1\r\n"},
	{550, "5.7.1", "", "550 5.7.1 \r\n"},
	{550, NULL, "", "550 \r\n"},
	{550, "5.7.1", "no\rsuch\x1bthing", "550 5.7.1 no?such?thing\r\n"},
	{550, "5.7.1", "caf\xc3\xa9 \xff", "550 5.7.1 caf\xc3\xa9 ?\r\n"},
};

START_TEST(prints)
{
	struct reply reply =
		reply_new(scratch, printed[_i].code, printed[_i].status, "%s", printed[_i].text);

	ck_assert_str_eq(reply_print(scratch, &reply), printed[_i].wire);
}
END_TEST

START_TEST(cuts_long_lines)
{
	char text[2000];
	struct reply reply;

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	reply = reply_new(scratch, 550, "5.7.1", "%s", text);
	ck_assert_uint_eq(strlen(reply.text), REPLY_TEXT_MAXIMUM);
	ck_assert_uint_le(strlen(reply_print(scratch, &reply)), REPLY_LINE_MAXIMUM);
}
END_TEST

START_TEST(cuts_no_character_in_two)
{
	char text[2 * REPLY_TEXT_MAXIMUM];
	struct reply reply;

	for (size_t i = 0; i < REPLY_TEXT_MAXIMUM - 1; i++)
		memcpy(text + 1 + 2 * i, "\xc3\xa9", 2);
	text[0] = 'x';
	text[sizeof text - 1] = '\0';
	reply = reply_new(scratch, 550, "5.7.1", "%s", text);
	ck_assert_uint_eq(strlen(reply.text), REPLY_TEXT_MAXIMUM - 1);
}
END_TEST

/* One line of a peer's, alone. */
static const struct {
	const char *line;
	enum reply_outcome outcome;
	int code;
	const char *status, *text;
} lines[] = {
	{"250 2.1.0 sender ok", REPLY_COMPLETE, 250, "2.1.0", "sender ok"},
	{"250 ok", REPLY_COMPLETE, 250, "", "ok"},
	{"250", REPLY_COMPLETE, 250, "", ""},
	{"250 ", REPLY_COMPLETE, 250, "", ""},
	{"250-ok", REPLY_CONTINUES, 250, "", "ok"},
	{"250-", REPLY_CONTINUES, 250, "", ""},
	{"550 5.7.1", REPLY_COMPLETE, 550, "5.7.1", ""},
	{"550 5.7.1 ", REPLY_COMPLETE, 550, "5.7.1", ""},
	{"550 5.7.1  two blanks", REPLY_COMPLETE, 550, "5.7.1", " two blanks"},
	{"550 5.123.999 x", REPLY_COMPLETE, 550, "5.123.999", "x"},
	{"550 5.1234.1 x", REPLY_COMPLETE, 550, "", "5.1234.1 x"},
	{"550 5.7 x", REPLY_COMPLETE, 550, "", "5.7 x"},
	{"550 5.7.", REPLY_COMPLETE, 550, "", "5.7."},
	{"550 5.", REPLY_COMPLETE, 550, "", "5."},
	{"550 5", REPLY_COMPLETE, 550, "", "5"},
	{"550 5.7.1x", REPLY_COMPLETE, 550, "", "5.7.1x"},
	{"550 2.1.0 wrong class", REPLY_COMPLETE, 550, "", "2.1.0 wrong class"},
	{"250 5.7.1 wrong class", REPLY_COMPLETE, 250, "", "5.7.1 wrong class"},
	{"354 3.0.0 none with 3", REPLY_COMPLETE, 354, "", "3.0.0 none with 3"},
	{"421 4.3.2 busy", REPLY_COMPLETE, 421, "4.3.2", "busy"},
	{"599 x", REPLY_COMPLETE, 599, "", "x"},
	{"550 evil\x1b[2J\xff", REPLY_COMPLETE, 550, "", "evil?[2J?"},
	{"550 a\rb\nc", REPLY_COMPLETE, 550, "", "a?b?c"},
	{"", REPLY_MALFORMED, 0, NULL, NULL},
	{"2", REPLY_MALFORMED, 0, NULL, NULL},
	{"25", REPLY_MALFORMED, 0, NULL, NULL},
	{"2500 x", REPLY_MALFORMED, 0, NULL, NULL},
	{"250x", REPLY_MALFORMED, 0, NULL, NULL},
	{"250\tx", REPLY_MALFORMED, 0, NULL, NULL},
	{"150 x", REPLY_MALFORMED, 0, NULL, NULL},
	{"600 x", REPLY_MALFORMED, 0, NULL, NULL},
	{"2x0 x", REPLY_MALFORMED, 0, NULL, NULL},
	{" 250 x", REPLY_MALFORMED, 0, NULL, NULL},
	{"HTTP/1.1 400 Bad Request", REPLY_MALFORMED, 0, NULL, NULL},
	{"-250 x", REPLY_MALFORMED, 0, NULL, NULL},
};

START_TEST(reads_a_line)
{
	struct reply reply = {0};

	ck_assert_int_eq(
		reply_add_line(scratch, &reply, slice_of(lines[_i].line)), lines[_i].outcome);
	if (lines[_i].outcome == REPLY_MALFORMED)
		return;
	ck_assert_int_eq(reply.code, lines[_i].code);
	ck_assert_str_eq(reply.status, lines[_i].status);
	ck_assert_str_eq(reply.text, lines[_i].text);
}
END_TEST

/* CVE-2020-8794, CVE-2026-43964: bytes behind the line are not looked at, it has no NUL. */
START_TEST(reads_no_further_than_the_line)
{
	for (size_t size = 0; size <= strlen("550 5.7.1"); size++) {
		char *exact = talloc_memdup(scratch, "550 5.7.1", size ? size : 1);
		struct reply reply = {0};
		ck_assert((reply_add_line(scratch, &reply, slice_make(exact, size)) ==
				  REPLY_MALFORMED) == (size < 3));
	}
}
END_TEST

static enum reply_outcome read_all(struct reply *reply, const char *wire)
{
	struct slice rest = slice_of(wire);
	enum reply_outcome outcome = REPLY_CONTINUES;

	while (rest.size && outcome == REPLY_CONTINUES) {
		struct slice line = slice_cut(&rest, '\n');
		line.size--; /* CR */
		outcome = reply_add_line(scratch, reply, line);
	}
	return outcome;
}

static const struct {
	const char *wire;
	enum reply_outcome outcome;
	const char *status, *text;
} several[] = {
	{"550-5.7.1 one\r\n550 5.7.1 two\r\n", REPLY_COMPLETE, "5.7.1", "one\ntwo"},
	{"550-5.7.1 one\r\n550 two\r\n", REPLY_COMPLETE, "5.7.1", "one\ntwo"},
	{"550-5.7.1 one\r\n550 5.7.2 two\r\n", REPLY_COMPLETE, "5.7.1", "one\n5.7.2 two"},
	{"550-one\r\n550 5.7.2 two\r\n", REPLY_COMPLETE, "", "one\n5.7.2 two"},
	{"550-\r\n550 \r\n", REPLY_COMPLETE, "", "\n"},
	{"250-one\r\n251 two\r\n", REPLY_MALFORMED, NULL, NULL},
	{"250-one\r\n250\r\n", REPLY_COMPLETE, "", "one\n"},
	{"250-one\r\ntwo\r\n", REPLY_MALFORMED, NULL, NULL},
	{"250-one\r\n250-two\r\n", REPLY_CONTINUES, "", "one\ntwo"},
};

START_TEST(reads_lines)
{
	struct reply reply = {0};

	ck_assert_int_eq(read_all(&reply, several[_i].wire), several[_i].outcome);
	if (several[_i].outcome == REPLY_MALFORMED)
		return;
	ck_assert_str_eq(reply.status, several[_i].status);
	ck_assert_str_eq(reply.text, several[_i].text);
}
END_TEST

START_TEST(ends_what_never_ends)
{
	struct reply reply = {0};
	unsigned taken = 0;

	while (reply_add_line(scratch, &reply, slice_of("250-and so on")) == REPLY_CONTINUES)
		ck_assert_uint_le(++taken, REPLY_LINES_MAXIMUM);
	ck_assert_uint_eq(taken, REPLY_LINES_MAXIMUM);
	ck_assert_uint_le(strlen(reply.text), REPLY_LINES_MAXIMUM * REPLY_LINE_MAXIMUM);
}
END_TEST

/* What was read once is read the same again from what we print. */
static void prints_what_it_reads(const char *wire)
{
	struct reply reply = {0}, again = {0};

	if (read_all(&reply, wire) != REPLY_COMPLETE)
		return;
	ck_assert_int_eq(read_all(&again, reply_print(scratch, &reply)), REPLY_COMPLETE);
	ck_assert_int_eq(again.code, reply.code);
	ck_assert_str_eq(again.status, reply.status);
	ck_assert_str_eq(again.text, reply.text);
}

START_TEST(is_its_own_inverse)
{
	for (int i = 0; i < COUNT(lines); i++)
		prints_what_it_reads(talloc_asprintf(scratch, "%s\r\n", lines[i].line));
	for (int i = 0; i < COUNT(several); i++)
		prints_what_it_reads(several[i].wire);
	for (int i = 0; i < COUNT(printed); i++)
		prints_what_it_reads(printed[i].wire);
}
END_TEST

START_TEST(fits_on_one_line)
{
	struct reply reply = reply_new(scratch, 550, "5.1.1", "no\nsuch\nuser");

	ck_assert_str_eq(reply_on_one_line(scratch, &reply), "550 5.1.1 no such user");
	reply = reply_new(scratch, 250, NULL, "ok");
	ck_assert_str_eq(reply_on_one_line(scratch, &reply), "250 ok");
}
END_TEST

START_TEST(knows_its_class)
{
	struct reply positive = {.code = 250}, temporary = {.code = 451}, permanent = {.code = 550};

	ck_assert(reply_is_positive(&positive) && !reply_is_positive(&temporary));
	ck_assert(reply_is_temporary(&temporary) && !reply_is_temporary(&permanent));
	ck_assert(reply_is_permanent(&permanent) && !reply_is_permanent(&positive));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reply");
	TCase *cases = tcase_create("reply");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, prints, 0, COUNT(printed));
	tcase_add_test(cases, cuts_long_lines);
	tcase_add_test(cases, cuts_no_character_in_two);
	tcase_add_loop_test(cases, reads_a_line, 0, COUNT(lines));
	tcase_add_test(cases, reads_no_further_than_the_line);
	tcase_add_loop_test(cases, reads_lines, 0, COUNT(several));
	tcase_add_test(cases, ends_what_never_ends);
	tcase_add_test(cases, is_its_own_inverse);
	tcase_add_test(cases, fits_on_one_line);
	tcase_add_test(cases, knows_its_class);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
