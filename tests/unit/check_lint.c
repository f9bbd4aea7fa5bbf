/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings about rules that are right. */
#include "rules/lint.h"

#include "rules/sources.h"
#include "tests/fakes/vocabulary.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define NOW (INT64_C(20000) * 86400) /* 2024-10-04 */

static const struct {
	const char *rules;
	const char *warnings; /* without places and lines; each of them in order */
} rows[] = {
	{"rule a { stage connect when client.tls then reject }", ""},
	{"list l string { \"a\" }\nlet x = client.tls\n", "list l is not used|let x is not used|"},
	{"let x = client.tls\nlet y = x\nrule a { stage connect when y then reject }", ""},
	{"rule a { stage connect when client.tls then reject }\n"
	 "rule b { stage connect when client.tls then score 1 }",
		"rule b can never act: rule a, at r:2, has the same condition and ends the stage|"},
	{"rule a { stage connect when client.tls then score 1 }\n"
	 "rule b { stage connect when client.tls then score 1 }",
		"rule b repeats rule a, at r:2|"},
	{"rule a { stage connect when client.tls then score 1 }\n"
	 "rule b { stage connect when client.tls then score 2 }\n"
	 "rule c { stage helo when client.tls then score 1 }",
		""},
	{"rule a { stage connect when client.tls then reject mode monitor }\n"
	 "rule b { stage connect when client.tls then score 1 }",
		""},
	{"rule a { stage connect when true then reject }\n"
	 "rule b { stage connect when client.tls then score 1 }\n"
	 "rule c { stage helo when client.tls then score 1 }",
		"rule b can never act: rule a, at r:2, always ends the stage|"},
	{"rule a { stage rcpt when true then greylist 1m }\n"
	 "rule b { stage rcpt when client.tls then score 1 }",
		""},
	{"rule a { stage connect when false then reject }",
		"rule a can never act: its condition is never true|"},
	{"rule a { stage connect when client.tls and not client.tls then reject }",
		"rule a can never act: its condition is never true|"},
	{"rule a { stage connect when client.tls and not (true or client.tls) then reject }",
		"rule a can never act: its condition is never true|"},
	{"rule a { stage connect when client.tls then reject until 2024-10-03 }",
		"rule a is over since 2024-10-03 and does not act|"},
	{"rule a { stage connect when client.tls then reject until 2024-10-04 }", ""},
	{"rule a { stage message when subject matches /\\d+/ then score 1 }",
		"this regex has no literal that each match contains, so it is tried on every "
		"text|"},
	{"rule a { stage message when subject matches /x(\\w+y?)+[!?]$/ then score 1 }",
		"in this regex quantifiers stand in each other, as in (a+)+: it may take very "
		"long|this regex is slow|"},
	{"rule a { stage message when subject matches /viagra/i then score 1 }", ""},
	{"list l regex { \"a.c\" \"\\\\d\" }\n"
	 "rule a { stage message when subject in @l then score 1 }",
		"this regex has no literal that each match contains, so it is tried on every "
		"text|"},
};

/* The texts of all warnings; of slow regexes, only that they are. */
static char *texts_of(const void *parent, char *said)
{
	char *texts = talloc_strdup(parent, "");
	struct slice rest = slice_of(said);

	while (rest.size) {
		struct slice line = slice_cut(&rest, '\n');
		const char *text = memmem(line.data, line.size, ": warning: ", 11);
		const char *slow;

		if (!text)
			continue;
		text += 11;
		slow = memmem(text, (size_t)(line.data + line.size - text), "is slow", 7);
		texts = talloc_asprintf_append(texts, "%.*s|",
			(int)((slow ? slow + 7 : line.data + line.size) - text), text);
	}
	return texts;
}

START_TEST(warns)
{
	void *scratch = talloc_new(NULL);
	struct complaints *complaints = complaints_new(scratch);
	char *text = talloc_asprintf(scratch, "version 1\n%s", rows[_i].rules);
	struct sources *sources = sources_of_text(scratch, "r", slice_of(text), complaints);
	struct program *program = program_new(
		scratch, &fake_vocabulary, sources->items, sources->item_count, NULL, complaints);

	ck_assert_uint_eq(complaints_errors(complaints), 0);
	lint_program(program, NOW, complaints);
	ck_assert_uint_eq(complaints_errors(complaints), 0);
	ck_assert_str_eq(
		texts_of(scratch, complaints_text(scratch, complaints)), rows[_i].warnings);
	talloc_free(scratch);
}
END_TEST

START_TEST(measures)
{
	struct complaints *complaints = complaints_new(NULL);
	char *said;

	lint_regex("^(a+)+[bc]$", "", (struct place){"r", 1, 1}, complaints);
	said = complaints_text(complaints, complaints);
	ck_assert_ptr_nonnull(
		strstr(said, " ms on 20 kB of \"a\", and then it had reached its limit"));
	talloc_free(complaints);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lint");
	TCase *cases = tcase_create("lint");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, warns, 0, COUNT(rows));
	tcase_add_test(cases, measures);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
