/* SPDX-License-Identifier: Apache-2.0 */
/* What plugins are started with. */
#include "plugins/plugin_words.h"

#include <check.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define ARGUMENTS_MOST 4

static const struct {
	const char *path, *exec;
	const char *arguments[ARGUMENTS_MOST];
	const char *words; /* each with a bar behind it */
	bool names_socket;
} rows[] = {
	{.path = "/x.so", .words = "host|name|fd:3|/x.so|"},
	{.path = "/x.so", .arguments = {"a b", ""}, .words = "host|name|fd:3|/x.so|a b||"},
	{.path = "/x.so",
		.arguments = {"{socket}"},
		.words = "host|name|fd:3|/x.so|{socket}|",
		.names_socket = true},
	{.exec = "/bin/x", .words = "/bin/x|"},
	{.exec = "  /bin/x   -f  ", .words = "/bin/x|-f|"},
	{.exec = "/bin/x -p {socket}", .words = "/bin/x|-p|fd:3|", .names_socket = true},
	{.exec = "/bin/x --at={socket},{socket}.",
		.words = "/bin/x|--at=fd:3,fd:3.|",
		.names_socket = true},
	{.exec = "/bin/x",
		.arguments = {"one two", "{socket} {socke} {{socket}}", ""},
		.words = "/bin/x|one two|fd:3 {socke} {fd:3}||",
		.names_socket = true},
	{.exec = "", .words = ""},
	{.exec = "   ", .arguments = {"x"}, .words = "x|"},
};

static void *all;

static void set_up(void)
{
	all = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(all);
}

static struct plugin_options options_of(int row)
{
	struct plugin_options options = {
		.milter.name = "name", .path = rows[row].path, .exec = rows[row].exec};

	options.arguments.items = (const char **)rows[row].arguments;
	while (options.arguments.count < ARGUMENTS_MOST &&
		rows[row].arguments[options.arguments.count])
		options.arguments.count++;
	return options;
}

START_TEST(words)
{
	const struct plugin_options options = options_of(_i);
	char **made = plugin_words_new(all, &options, "host", "fd:3");
	char *joined = talloc_strdup(all, "");

	for (; *made; made++)
		joined = talloc_asprintf_append(joined, "%s|", *made);
	ck_assert_str_eq(joined, rows[_i].words);
	ck_assert_int_eq(plugin_words_name_socket(&options), rows[_i].names_socket);
}
END_TEST

START_TEST(program)
{
	ck_assert_str_eq(plugin_words_program(all, "  /bin/x  y"), "/bin/x");
	ck_assert_ptr_null(plugin_words_program(all, "  "));
	ck_assert_ptr_null(plugin_words_program(all, ""));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plugin_words");
	TCase *cases = tcase_create("plugin_words");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, words, 0, COUNT(rows));
	tcase_add_test(cases, program);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
