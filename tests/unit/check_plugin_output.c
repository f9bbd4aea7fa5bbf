/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin's words in the log. */
#include "proxy/plugin_output.h"

#include "base/log.h"
#include "base/loop.h"

#include <check.h>
#include <stdio.h>
#include <talloc.h>
#include <unistd.h>

static struct loop *loop;
static struct plugin_output *output;
static int end;
static char *said;
static size_t lines;

static void hear(const char *line, void *owner)
{
	const char *event = strstr(line, "event=");

	(void)owner;
	lines++;
	said = talloc_asprintf_append(said, "%s", event ? event : line);
}

static void set_up(void)
{
	int ends[2];

	loop = loop_new(NULL);
	clock_move(loop->clock, 0);
	said = talloc_strdup(loop, "");
	lines = 0;
	log_capture(hear, NULL);
	ck_assert_int_eq(pipe(ends), 0);
	end = ends[1];
	output = plugin_output_new(loop, loop, "x y", ends[0]);
}

static void tear_down(void)
{
	log_capture(NULL, NULL);
	talloc_free(output);
	talloc_free(loop);
	close(end);
}

static void say(const char *text)
{
	ck_assert_int_eq(write(end, text, strlen(text)), (ssize_t)strlen(text));
	loop_turn(loop, false);
}

START_TEST(is_logged_by_lines)
{
	say("one\ntw");
	say("o\r\n\n\nthree \"=\033\n");
	ck_assert_ptr_nonnull(strstr(said, "event=plugin_output plugin=\"x y\" text=one"));
	ck_assert_ptr_nonnull(strstr(said, "text=two"));
	ck_assert_ptr_nonnull(strstr(said, "text=\"three \\\"=\\x1b\""));
	ck_assert_uint_eq(lines, 3);
}
END_TEST

START_TEST(ends_what_was_begun)
{
	say("the last word");
	ck_assert_uint_eq(lines, 0);
	plugin_output_finish(output);
	ck_assert_ptr_nonnull(strstr(said, "text=\"the last word\""));
}
END_TEST

START_TEST(cuts_long_lines)
{
	char text[2501];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	say(text);
	say("\n");
	ck_assert_uint_eq(lines, 3);
}
END_TEST

/* Another second has its own. */
START_TEST(counts_what_is_too_much)
{
	for (int i = 0; i < PLUGIN_OUTPUT_LINES + 7; i++)
		say("line\n");
	ck_assert_uint_eq(lines, PLUGIN_OUTPUT_LINES);
	clock_move(loop->clock, 1000);
	ck_assert_uint_eq(lines, PLUGIN_OUTPUT_LINES + 1);
	ck_assert_ptr_nonnull(strstr(said, "event=plugin_output_lost plugin=\"x y\" lines=7"));
	say("again\n");
	ck_assert_ptr_nonnull(strstr(said, "text=again"));
}
END_TEST

/* What is not read stays in the pipe. */
START_TEST(reads_no_more_than_so_much)
{
	char block[4096];
	size_t written = 0;

	memset(block, '\n', sizeof block);
	while (written < PLUGIN_OUTPUT_BYTES) {
		ck_assert_int_eq(write(end, block, sizeof block), sizeof block);
		written += sizeof block;
		loop_turn(loop, false);
	}
	say("unheard\n");
	loop_turn(loop, false);
	ck_assert_uint_eq(lines, 0);
	clock_move(loop->clock, 1000);
	loop_turn(loop, false);
	ck_assert_ptr_nonnull(strstr(said, "text=unheard"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plugin_output");
	TCase *cases = tcase_create("plugin_output");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, is_logged_by_lines);
	tcase_add_test(cases, ends_what_was_begun);
	tcase_add_test(cases, cuts_long_lines);
	tcase_add_test(cases, counts_what_is_too_much);
	tcase_add_test(cases, reads_no_more_than_so_much);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
