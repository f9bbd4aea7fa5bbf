/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of recipients: what may stand in one, what it has then, and tables that are none. */
#include "policy/recipient_list.h"
#include "tests/unit/judging.h"

#include <sys/mman.h>
#include <talloc.h>
#include <unistd.h>

static void *root;

static void set_up(void)
{
	root = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(root);
}

/* A file without a name. */
static int file_of(const char *bytes, size_t size)
{
	int descriptor = memfd_create("list", MFD_CLOEXEC);

	ck_assert_int_ge(descriptor, 0);
	ck_assert_int_eq(write(descriptor, bytes, size), (ssize_t)size);
	return descriptor;
}

static struct recipient_list *list_of(struct slice text)
{
	struct recipient_list *list = recipient_list_new(root);
	struct recipient_list_fault fault;
	size_t size;
	char *table = recipient_list_compile(root, text, &size, &fault);

	ck_assert_msg(table, "line %zu: %s", fault.line, fault.reason);
	int descriptor = file_of(table, size);
	ck_assert(recipient_list_load(list, descriptor));
	close(descriptor);
	return list;
}

static const char sample[] = "# people\r\n"
			     "Alice@Example.com\r\n"
			     "\n"
			     "  bob@example.com\t\n"
			     "alice@example.com\n"
			     "\"odd one\"@example.com\n"
			     "o+ne@example.com\n"
			     "c@b\303\274cher.example\n"
			     "@lab.example.com\n"
			     "@.below.example.com";

static const struct {
	const char *local, *domain;
	bool plus, found;
} lookups[] = {
	{"alice", "example.com", false, true},
	{"ALICE", "example.com", false, true},
	{"bob", "example.com", false, true},
	{"bobb", "example.com", false, false},
	{"bo", "example.com", false, false},
	{"", "example.com", false, false},
	{"odd one", "example.com", false, true},
	{"alice", "example.net", false, false},
	{"alice+x", "example.com", true, true},
	{"alice+x+y", "example.com", true, true},
	{"alice+x", "example.com", false, false},
	{"carol+x", "example.com", true, false},
	{"+x", "example.com", true, false},
	{"o+ne", "example.com", false, true},
	{"o", "example.com", true, false},
	{"c", "b\303\274cher.example", false, true},
	{"c", "xn--bcher-kva.example", false, true},
	{"anybody", "lab.example.com", false, true},
	{"anybody", "x.lab.example.com", false, false},
	{"anybody", "x.below.example.com", false, true},
	{"anybody", "y.x.below.example.com", false, true},
	{"anybody", "below.example.com", false, false},
	{"postmaster", "", false, false},
	{"@lab.example.com", "", false, false},
};

START_TEST(addresses_are_found)
{
	const struct recipient_list *list = list_of(slice_of(sample));

	ck_assert_msg(recipient_list_has(list, lookups[_i].local, lookups[_i].domain,
			      lookups[_i].plus) == lookups[_i].found,
		"%s@%s", lookups[_i].local, lookups[_i].domain);
}
END_TEST

START_TEST(entries_are_counted_once)
{
	ck_assert_uint_eq(recipient_list_count(list_of(slice_of(sample))), 7);
	ck_assert_uint_eq(recipient_list_count(list_of(slice_of("# nobody\n"))), 0);
	ck_assert_uint_eq(recipient_list_count(list_of(slice_of(""))), 0);
}
END_TEST

static const struct {
	const char *text;
	size_t size; /* 0: the text's */
	size_t line;
} faults[] = {
	{"nobody\n", 0, 1},
	{"a@example.com\n\nb@example.com c@example.com\n", 0, 3},
	{"a@example.com\n@\n", 0, 2},
	{"@.\n", 0, 1},
	{"@a..b\n", 0, 1},
	{"a@example.com # with a comment\n", 0, 1},
	{"<a@example.com>\n", 0, 1},
	{"a@example.com\na@ex\0ample.com\n", 30, 2},
	{"a@example.com\ra@example.net\n", 0, 1},
	{"@exam ple.com", 0, 1},
};

START_TEST(mistakes_are_told_by_line)
{
	struct recipient_list_fault fault;
	size_t size;
	struct slice text = slice_make(
		faults[_i].text, faults[_i].size ? faults[_i].size : strlen(faults[_i].text));

	ck_assert_ptr_null(recipient_list_compile(root, text, &size, &fault));
	ck_assert_uint_eq(fault.line, faults[_i].line);
	ck_assert_ptr_nonnull(fault.reason);
}
END_TEST

START_TEST(a_line_that_is_too_long)
{
	struct recipient_list_fault fault;
	size_t size;
	char *line = talloc_zero_size(root, RECIPIENT_LIST_LINE + 64);

	memset(line, 'a', RECIPIENT_LIST_LINE);
	strcat(line, "@example.com");
	ck_assert_ptr_null(recipient_list_compile(root, slice_of(line), &size, &fault));
	ck_assert_str_eq(fault.reason, "the line is too long");
}
END_TEST

START_TEST(many_addresses)
{
	enum { MANY = 50000 };
	char *text = talloc_size(root, MANY * 32), *end = text, local[32];

	for (int i = 0; i < MANY; i++)
		end += sprintf(end, "user%d@example.com\n", 2 * i);
	const struct recipient_list *list = list_of(slice_of(text));
	ck_assert_uint_eq(recipient_list_count(list), MANY);
	for (int i = 0; i < 2 * MANY; i++) {
		snprintf(local, sizeof local, "user%d", i);
		ck_assert(recipient_list_has(list, local, "example.com", false) == (i % 2 == 0));
	}
}
END_TEST

/* Any byte of a table may be another one: it is refused, or has something else in it, and that is all. */
START_TEST(damaged_tables_do_no_harm)
{
	struct recipient_list *list = recipient_list_new(root);
	struct recipient_list_fault fault;
	size_t size;
	char *table = recipient_list_compile(root, slice_of(sample), &size, &fault);

	for (size_t i = 0; i < size; i++) {
		char before = table[i];
		table[i] = (char)~before;
		int descriptor = file_of(table, size);
		if (recipient_list_load(list, descriptor))
			recipient_list_has(list, "alice+x", "a.b.example.com", true);
		close(descriptor);
		table[i] = before;
	}
}
END_TEST

START_TEST(what_is_no_table_changes_nothing)
{
	struct recipient_list *list = list_of(slice_of(sample));
	int nothing = file_of("", 0), other = file_of("alice@example.com and more than that", 36);

	ck_assert(!recipient_list_load(list, nothing));
	ck_assert(!recipient_list_load(list, other));
	ck_assert(!recipient_list_load(list, -1));
	ck_assert(recipient_list_has(list, "alice", "example.com", false));
	close(nothing);
	close(other);
}
END_TEST

START_TEST(before_anything_is_loaded)
{
	const struct recipient_list *list = recipient_list_new(root);

	ck_assert(!recipient_list_is_loaded(list));
	ck_assert_uint_eq(recipient_list_count(list), 0);
	ck_assert(!recipient_list_has(list, "alice", "example.com", true));
}
END_TEST

/* --- the learner --- */

static const struct {
	bool loaded;
	const char *recipient;
	const char *state; /* of the fact, printed */
} questions[] = {
	{false, "alice", "absent"},
	{true, "alice", "true"},
	{true, "alice+tag", "true"},
	{true, "carol", "false"},
};

START_TEST(the_fact_is_learnt)
{
	struct recipient_list *list =
		questions[_i].loaded ? list_of(slice_of(sample)) : recipient_list_new(root);
	struct facts *facts = facts_new(root, NULL);
	struct inquiry *inquiry = inquiry_new(root, judging_chain(root, ""), facts);
	const struct learner learner = recipient_list_learner(list);
	struct await await = {0};

	facts_set_text(facts, FACT_RECIPIENT_LOCAL, questions[_i].recipient);
	facts_set_text(facts, FACT_RECIPIENT_DOMAIN, "example.com");
	learner.begin(
		learner.owner, inquiry, &(struct question){FACT_RECIPIENT_KNOWN, NULL}, &await);
	ck_assert_int_eq(await.outcome, OUTCOME_DONE);
	ck_assert_str_eq(facts_print(root, facts, FACT_RECIPIENT_KNOWN), questions[_i].state);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("recipient_list");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, addresses_are_found, 0, sizeof lookups / sizeof *lookups);
	tcase_add_test(tcase, entries_are_counted_once);
	tcase_add_loop_test(tcase, mistakes_are_told_by_line, 0, sizeof faults / sizeof *faults);
	tcase_add_test(tcase, a_line_that_is_too_long);
	tcase_add_test(tcase, many_addresses);
	tcase_add_test(tcase, damaged_tables_do_no_harm);
	tcase_add_test(tcase, what_is_no_table_changes_nothing);
	tcase_add_test(tcase, before_anything_is_loaded);
	tcase_add_loop_test(tcase, the_fact_is_learnt, 0, sizeof questions / sizeof *questions);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
