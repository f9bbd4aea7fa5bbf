/* SPDX-License-Identifier: Apache-2.0 */
/* What makes a plugin another process, and what a child of the master's is left with. */
#include "proxy/plugin_command.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static void *all;
static char object[] = "/tmp/check_plugin_command.XXXXXX";

static void set_up(void)
{
	all = talloc_new(NULL);
	strcpy(object + sizeof object - 7, "XXXXXX");
	close(mkstemp(object));
}

static void tear_down(void)
{
	unlink(object);
	talloc_free(all);
}

static const char *one[] = {"one"}, *other[] = {"other"}, *two[] = {"on", "e"};

static struct plugin_options plain(void)
{
	return (struct plugin_options){.milter = {.name = "name", .socket = "nowhere"},
		.path = object,
		.arguments = {one, 1},
		.sandbox = true};
}

static char *digest_of(const struct plugin_options *options, const char *user)
{
	return talloc_strdup(all, plugin_command_new(all, options, user, false)->digest);
}

static void rename_it(struct plugin_options *options)
{
	options->milter.name = "names";
}

static void argue(struct plugin_options *options)
{
	options->arguments.items = other;
}

static void split(struct plugin_options *options)
{
	options->arguments = (struct texts){two, 2};
}

static void open_walls(struct plugin_options *options)
{
	options->sandbox = false;
}

static void connect_it(struct plugin_options *options)
{
	options->network = true;
}

static void write_somewhere(struct plugin_options *options)
{
	options->writable = (struct texts){one, 1};
}

static void change_user(struct plugin_options *options)
{
	options->user = "daemon";
}

static void move(struct plugin_options *options)
{
	options->path = "/elsewhere.so";
}

static void become_program(struct plugin_options *options)
{
	options->exec = options->path;
	options->path = NULL;
}

static void change_file(struct plugin_options *options)
{
	ck_assert_int_eq(truncate(options->path, 1), 0);
}

static void take_longer(struct plugin_options *options)
{
	options->milter.message_timeout = 1;
	options->milter.on_failure = 1;
}

static void be_told_of_an_entrance(struct plugin_options *options)
{
	options->milter.entrance = "/proc/self/fd/9";
	options->milter.socket = "the gateway's own";
}

static const struct {
	const char *name;
	void (*change)(struct plugin_options *options);
	bool is_another;
} changes[] = {
	{"name", rename_it, true},
	{"arguments", argue, true},
	{"arguments in other pieces", split, true},
	{"sandbox", open_walls, true},
	{"network", connect_it, true},
	{"writable", write_somewhere, true},
	{"user", change_user, true},
	{"path", move, true},
	{"exec", become_program, true},
	{"the file", change_file, true},
	{"times", take_longer, false},
	{"what we say ourselves", be_told_of_an_entrance, false},
};

START_TEST(another_row_may_be_another_process)
{
	struct plugin_options options = plain();
	const char *before = digest_of(&options, "nobody");

	ck_assert_uint_eq(strlen(before), PLUGIN_COMMAND_DIGEST - 1);
	ck_assert_str_eq(digest_of(&options, "nobody"), before);
	changes[_i].change(&options);
	ck_assert_msg(
		(strcmp(digest_of(&options, "nobody"), before) != 0) == changes[_i].is_another,
		"%s", changes[_i].name);
}
END_TEST

/* Who is not root cannot run it as somebody else. */
START_TEST(knows_its_user)
{
	struct plugin_options options = plain();

	options.user = "daemon";
	ck_assert_str_eq(plugin_command_new(all, &options, "nobody", false)->user, "daemon");
	ck_assert_ptr_null(plugin_command_new(all, &options, NULL, false)->user);
	options.user = NULL;
	ck_assert_str_eq(plugin_command_new(all, &options, "nobody", false)->user, "nobody");
}
END_TEST

static void hear(
	const struct plugin_command *command, int socket, char said[static 512], int *status)
{
	int ends[2];
	size_t used = 0;
	ssize_t size;

	ck_assert_int_eq(pipe(ends), 0);
	pid_t pid = plugin_command_start(command, socket, ends[1]);
	close(ends[1]);
	ck_assert_int_gt(pid, 0);
	while (used < 511 && (size = read(ends[0], said + used, 511 - used)) > 0)
		used += (size_t)size;
	said[used] = '\0';
	close(ends[0]);
	ck_assert_int_eq(waitpid(pid, status, 0), pid);
}

/* Whatever numbers they have here. The last is the shell's own, of the folder it looks into. */
START_TEST(has_its_descriptors_and_no_others)
{
	static const char *const words[] = {
		"-c", "cd /proc/$$/fd; echo *; read x; echo $?; pwd -P >&2"};
	struct plugin_options options = {.milter = {.name = "sh", .socket = "nowhere"},
		.exec = "/bin/sh",
		.arguments = {(const char **)words, 2}};
	struct plugin_command *command = plugin_command_new(all, &options, NULL, false);
	char said[512];
	int status, socket = dup(1), ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	hear(command, socket, said, &status);
	ck_assert_int_eq(status, 0);
	ck_assert_msg(strncmp(said, "0 1 2 3 4\n1\n/proc/", 18) == 0, "%s", said);
	command->is_given_socket = false;
	hear(command, socket, said, &status);
	ck_assert_msg(strncmp(said, "0 1 2 3\n1\n/proc/", 16) == 0, "%s", said);
	close(ends[0]);
	close(ends[1]);
	close(socket);
}
END_TEST

START_TEST(says_why_it_cannot_be_run)
{
	struct plugin_options options = {
		.milter = {.name = "x", .socket = "nowhere"}, .exec = "/nowhere/program"};
	char said[512];
	int status;

	hear(plugin_command_new(all, &options, NULL, false), -1, said, &status);
	ck_assert_int_eq(WEXITSTATUS(status), 127);
	ck_assert_str_eq(said, "/nowhere/program: No such file or directory\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plugin_command");
	TCase *cases = tcase_create("plugin_command");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, another_row_may_be_another_process, 0, COUNT(changes));
	tcase_add_test(cases, knows_its_user);
	tcase_add_test(cases, has_its_descriptors_and_no_others);
	tcase_add_test(cases, says_why_it_cannot_be_run);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
