/* SPDX-License-Identifier: Apache-2.0 */
/* Programs: every complaint as it is printed (tests/rules/errors), and several files at once. */
#include "rules/program.h"

#include "rules/rule_test.h"
#include "rules/sources.h"
#include "tests/fakes/vocabulary.h"
#include "tests/unit/rules_files.h"

#include <sys/stat.h>
#include <unistd.h>

static const char *complaints_about(const void *parent, const char *path)
{
	struct complaints *complaints = complaints_new(parent);
	char *text = rules_text(parent, path);
	struct sources *sources =
		sources_of_text(parent, basename((char *)path), slice_of(text), complaints);
	struct program *program = program_new(
		parent, &fake_vocabulary, sources->items, sources->item_count, NULL, complaints);

	rule_test_check(program, complaints);
	return complaints_text(parent, complaints);
}

START_TEST(complains_about_everything)
{
	glob_t files = rules_files("errors/*.rules");
	size_t wrong = 0;

	for (size_t i = 0; i < files.gl_pathc; i++) {
		void *scratch = talloc_new(NULL);
		char *path = files.gl_pathv[i];
		char *golden = talloc_asprintf(
			scratch, "%.*s.errors", (int)(strlen(path) - strlen(".rules")), path);
		const char *expected = rules_text(scratch, golden);
		const char *said = complaints_about(scratch, path);

		if (strcmp(said, expected) != 0) {
			fprintf(stderr, "== %s\n%s", path, said);
			wrong++;
		}
		talloc_free(scratch);
	}
	ck_assert_uint_eq(wrong, 0);
	globfree(&files);
}
END_TEST

/* --- several files --- */

static char directory[] = "/tmp/postern-check-program-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char *path = talloc_asprintf(NULL, "%s/%s", directory, name);
	FILE *out = fopen(path, "we");

	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	fclose(out);
	talloc_free(path);
}

static void make_files(void)
{
	char *sub = NULL;

	strcpy(directory + sizeof directory - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	sub = talloc_asprintf(NULL, "%s/sub", directory);
	ck_assert_int_eq(mkdir(sub, 0700), 0);
	talloc_free(sub);
}

static void remove_files(void)
{
	char *command = talloc_asprintf(NULL, "rm -r '%s'", directory);

	ck_assert_int_eq(system(command), 0);
	talloc_free(command);
}

/* The program of all files that a pattern names; places are told without the directory. */
static struct program *read_files(const void *parent, const char *pattern,
	const char *const *monitored, char **complaints_said)
{
	const char *patterns[] = {talloc_asprintf(parent, "%s/%s", directory, pattern)};
	struct complaints *complaints = complaints_new(parent);
	struct sources *sources = sources_read(parent, patterns, 1, complaints);
	struct program *program = program_new(parent, &fake_vocabulary, sources->items,
		sources->item_count, monitored, complaints);
	char *said = complaints_text(parent, complaints), *at;
	size_t size = strlen(directory) + 1;

	while ((at = strstr(said, directory)))
		memmove(at, at + size, strlen(at + size) + 1);
	*complaints_said = said;
	return program;
}

START_TEST(includes_files)
{
	void *scratch = talloc_new(NULL);
	const char *monitored[] = {"*/sub/*", NULL};
	struct program *program;
	char *said, *names;

	write_file("a.rules",
		"version 1\nlet x = client.tls\ninclude \"sub/*.rules\"\n"
		"rule last { stage connect when y then reject }\n");
	write_file("sub/2.rules",
		"version 1\ninclude \"../list.rules\"\nlet y = x and client.ip in @l\n");
	write_file("sub/10.rules", "version 1\nrule first { stage connect when x then score 1 }\n");
	write_file("list.rules", "version 1\nlist l cidr \"sub/l.txt\"\n");
	write_file("sub/l.txt", "# ours\n10.0.0.0/8 # a\n\n  192.0.2.1\r\n");
	program = read_files(scratch, "a.rules", monitored, &said);
	ck_assert_str_eq(said, "");
	ck_assert_uint_eq(program->rule_count, 2);
	names = talloc_asprintf(scratch, "%s%s %s%s", program->rules[0]->name,
		program->rules[0]->monitored ? "?" : "", program->rules[1]->name,
		program->rules[1]->monitored ? "?" : "");
	ck_assert_str_eq(names, "first? last");
	ck_assert_uint_eq(list_count(program->lists[0]), 2);
	talloc_free(scratch);
}
END_TEST

START_TEST(names_both_places)
{
	void *scratch = talloc_new(NULL);
	char *said;

	write_file("a.rules", "version 1\nlet x = client.tls\ninclude \"a.rules\"\n");
	write_file("b.rules",
		"version 1\n\nlist x string \"nowhere\"\n  rule x { stage connect when true then "
		"reject }\n");
	write_file("c.rules", "version 1\ninclude \"none\"\ninclude \"no*\"\n");
	read_files(scratch, "*.rules", NULL, &said);
	ck_assert_str_eq(said,
		"a.rules:3:9: warning: \"a.rules\" has been read already and is passed over\n"
		"    include \"a.rules\"\n"
		"            ^\n"
		"b.rules:3:6: error: the name \"x\" is taken: let x is at a.rules:2:5\n"
		"    list x string \"nowhere\"\n"
		"         ^\n"
		"b.rules:4:8: error: the name \"x\" is taken: let x is at a.rules:2:5\n"
		"      rule x { stage connect when true then reject }\n"
		"           ^\n"
		"c.rules:2:9: error: cannot read \"none\": No such file or directory\n"
		"    include \"none\"\n"
		"            ^\n"
		"c.rules:3:9: warning: no file is called \"no*\"\n"
		"    include \"no*\"\n"
		"            ^\n");
	talloc_free(scratch);
}
END_TEST

START_TEST(reads_a_list_again)
{
	void *scratch = talloc_new(NULL);
	struct complaints *complaints = complaints_new(scratch);
	struct program *program;
	struct list *list;
	struct ip ip;
	size_t cursor = 0;
	char *said, *path;

	write_file("a.rules",
		"version 1\nlist l cidr \"l.txt\"\n"
		"rule r { stage connect when client.ip in @l then reject }\n");
	write_file("l.txt", "10.0.0.0/8\n");
	program = read_files(scratch, "a.rules", NULL, &said);
	ck_assert_str_eq(said, "");
	path = talloc_asprintf(scratch, "%s/l.txt", directory);
	list = program_list_of_file(program, path, &cursor);
	ck_assert_ptr_eq(list, program->lists[0]);
	ck_assert_ptr_null(program_list_of_file(program, path, &cursor));
	ck_assert(ip_parse(slice_of("192.0.2.1"), &ip));

	write_file("l.txt", "192.0.2.0/24\nnonsense\n");
	ck_assert(!list_read(list, (struct place){.file = path}, complaints));
	ck_assert(!list_has_ip(list, &ip));
	ck_assert_ptr_nonnull(strstr(complaints_text(scratch, complaints),
		"l.txt:2:1: error: \"nonsense\" is no address and no network"));
	write_file("l.txt", "192.0.2.0/24\n");
	ck_assert(list_read(list, (struct place){.file = path}, complaints));
	ck_assert(list_has_ip(list, &ip));
	talloc_free(scratch);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("program");
	TCase *cases = tcase_create("program"), *files = tcase_create("files");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(cases, complains_about_everything);
	tcase_add_checked_fixture(files, make_files, remove_files);
	tcase_add_test(files, includes_files);
	tcase_add_test(files, names_both_places);
	tcase_add_test(files, reads_a_list_again);
	suite_add_tcase(suite, cases);
	suite_add_tcase(suite, files);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
