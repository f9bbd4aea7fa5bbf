/* SPDX-License-Identifier: Apache-2.0 */
/* Both sets of rules: read, complained about, tested. */
#include "rule_site.h"

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define SITE "hostname = mx.example.com relay { domains = {example.com} } "

static void *scratch;

static void set_up(void)
{
	scratch = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

static struct rule_site *site_with(const char *settings)
{
	struct rule_site *site = rule_site_new(scratch);

	rule_site_write(site, "a.rules", "rule one { stage rcpt when true then reject }");
	rule_site_write(site, "b.rules", "rule two { stage mail when true then score 1 }");
	rule_site_write(site, "one.new", "rule one { stage rcpt when false then reject }");
	rule_site_write(site, "broken", "rule x { stage rcpt when nonsense then reject }");
	rule_site_write(site, "untrue",
		"rule x { stage rcpt when true then reject test nomatch { client.ip = 192.0.2.1 } "
		"}");
	rule_site_write(site, "listed",
		"list l domain \"l.txt\"\nrule x { stage mail when sender.domain in @l then reject "
		"}");
	rule_site_write(site, "l.txt", "");
	rule_site_read(site, talloc_asprintf(scratch, SITE "%s", settings));
	return site;
}

static size_t rules_of(const struct rulebook *rulebook)
{
	return rulebook && rulebook->program ? rulebook->program->rule_count : 0;
}

static const struct {
	const char *settings;
	size_t rules, shadow;
	const char *complaint; /* NULL: none */
} rows[] = {
	{"", 0, 0, NULL},
	{"rules { files = {\"*.rules\"} }", 2, 0, NULL},
	{"rules { files = {\"*.rules\"} } shadow { rules = {one.new} }", 2, 1, NULL},
	{"shadow { rules = {\"*.rules\"} }", 0, 2, NULL},
	{"rules { files = {a.rules one.new} }", 0, 0, "one.new:2:6: error:"},
	{"shadow { rules = {broken} }", 0, 0, "broken:2:26: error:"},
	{"rules { files = {a.rules} } shadow { rules = {broken} }", 1, 0, "broken:2:26: error:"},
	{"shadow { rules = {missing} }", 0, 0, "missing"},
	{"shadow { rules = {a.rules} } checks { off = {rules} }", 0, 1,
		"the check \"rules\" is not in checks.chain, or is off"},
	{"shadow { rule = {a.rules} }", 0, 0, "did you mean \"rules\""},
};

START_TEST(reads_both_sets)
{
	const struct rule_site *site = site_with(rows[_i].settings);
	const char *text = complaints_text(scratch, site->complaints);

	if (rows[_i].complaint)
		ck_assert_msg(strstr(text, rows[_i].complaint) != NULL, "%s", text);
	else
		ck_assert_str_eq(text, "");
	if (complaints_errors(site->complaints))
		return;
	ck_assert_uint_eq(rules_of(site->policy->rulebook), rows[_i].rules);
	ck_assert_uint_eq(rules_of(site->policy->shadow_rulebook), rows[_i].shadow);
}
END_TEST

static const struct {
	const char *settings;
	unsigned errors;
} trials[] = {
	{"rules { files = {a.rules} }", 0},
	{"rules { files = {untrue} }", 1},
	{"rules { files = {a.rules} } shadow { rules = {untrue} }", 1},
	{"rules { files = {untrue} } shadow { rules = {untrue} }", 2},
};

START_TEST(tries_the_tests_of_both)
{
	const struct rule_site *site = site_with(trials[_i].settings);
	size_t rules, shadow;

	rule_site_is_good(site);
	rulebook_test(scratch, site->policy->rulebook, &rules);
	rulebook_test(scratch, site->policy->shadow_rulebook, &shadow);
	ck_assert_uint_eq(rules + shadow, trials[_i].errors);
	rulebook_try(site->policy, site->complaints);
	ck_assert_uint_eq(complaints_errors(site->complaints), trials[_i].errors);
}
END_TEST

START_TEST(knows_the_files_of_lists)
{
	const struct rule_site *site = site_with("shadow { rules = {listed} }");
	const struct texts *files = &site->policy->shadow_rulebook->list_files;

	rule_site_is_good(site);
	ck_assert_uint_eq(files->count, 1);
	ck_assert_str_eq(files->items[0], talloc_asprintf(scratch, "%s/l.txt", site->folder));
}
END_TEST

/* --- who is monitored --- */

static const struct {
	const char *settings;
	bool all, one, two; /* all rules; the rules of these names */
} modes[] = {
	{"rules { files = {\"*.rules\"} }", false, false, false},
	{"rules { files = {\"*.rules\"} mode = monitor }", true, false, false},
	{"rules { files = {\"*.rules\"} } checks { monitor = {rules} }", true, false, false},
	{"rules { files = {\"*.rules\"} monitor_files = {b.rules} }", false, false, true},
	{"rules { files = {\"*.rules\"} monitor_files = {\"?.rules\"} }", false, true, true},
	{"rules { files = {\"*.rules\"} monitor_files = {\"x*\" \"a.*\"} }", false, true, false},
};

START_TEST(knows_who_is_monitored)
{
	const struct rule_site *site = site_with(modes[_i].settings);
	const struct rulebook *rulebook = site->policy->rulebook;

	rule_site_is_good(site);
	ck_assert_int_eq(rulebook->monitored, modes[_i].all);
	ck_assert_int_eq(rulebook->program->rules[0]->monitored, modes[_i].one);
	ck_assert_int_eq(rulebook->program->rules[1]->monitored, modes[_i].two);
	ck_assert_str_eq(rulebook->labels[1], "rule two");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rulebook");
	TCase *tests = tcase_create("rulebook");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, reads_both_sets, 0, COUNT(rows));
	tcase_add_loop_test(tests, tries_the_tests_of_both, 0, COUNT(trials));
	tcase_add_test(tests, knows_the_files_of_lists);
	tcase_add_loop_test(tests, knows_who_is_monitored, 0, COUNT(modes));
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
