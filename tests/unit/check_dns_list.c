/* SPDX-License-Identifier: Apache-2.0 */
/* Lists in the DNS: codes and weights as an operator writes them. */
#include "judging.h"

#include "policy/action.h"
#include "policy/dns_list.h"

#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define SETTINGS "hostname = mx.example.com relay { domains = {example.com} } "

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
	const char *list;
	const char *answers[3];
	bool matches;
	double weight;
	const char *code;
} rows[] = {
	{"dnsbl a.example {}", {"127.0.0.2"}, true, 3, "127.0.0.2"},
	{"dnsbl a.example {}", {"127.254.255.255"}, true, 3, "127.254.255.255"},
	{"dnsbl a.example {}", {"127.255.254.255"}, true, 3, "127.255.254.255"},
	{"dnsbl a.example {}", {"127.255.255.0"}, false, 0, NULL},
	{"dnsbl a.example {}", {"127.255.255.255"}, false, 0, NULL},
	{"dnsbl a.example {}", {"128.0.0.1"}, false, 0, NULL},
	{"dnsbl a.example {}", {"::7f00:2"}, false, 0, NULL},
	{"dnsbl a.example {}", {NULL}, false, 0, NULL},
	{"dnsbl a.example { weight = 1.5 }", {"127.0.0.2"}, true, 1.5, "127.0.0.2"},
	{"dnsbl a.example { codes = {127.0.0.2} }", {"127.0.0.3"}, false, 0, NULL},
	{"dnsbl a.example { codes = {127.0.0.4-127.0.0.7} }", {"127.0.0.4"}, true, 3, "127.0.0.4"},
	{"dnsbl a.example { codes = {127.0.0.4-127.0.0.7} }", {"127.0.0.7"}, true, 3, "127.0.0.7"},
	{"dnsbl a.example { codes = {127.0.0.4-127.0.0.7} }", {"127.0.0.8"}, false, 0, NULL},
	{"dnsbl a.example { codes = {\"127.0.0.2=1\" \"127.0.0.3=9\"} }",
		{"127.0.0.2", "127.0.0.3"}, true, 9, "127.0.0.3"},
	{"dnsbl a.example { codes = {\"127.0.0.2=1\" \"127.0.0.3=9\"} }",
		{"127.0.0.3", "127.0.0.2"}, true, 9, "127.0.0.3"},
	{"dnsbl a.example { codes = {\"127.0.0.2=0\"} }", {"127.0.0.2"}, true, 0, "127.0.0.2"},
	{"dnswl a.example {}", {"127.0.5.1"}, true, -3, "127.0.5.1"},
	{"dnswl a.example { codes = {\"127.0.0.1=1\" \"127.0.0.2=2\"} }",
		{"127.0.0.1", "127.0.0.2"}, true, -2, "127.0.0.2"},
	{"rhsbl a.example { weight = 2 }", {"127.0.1.2"}, true, 2, "127.0.1.2"},
};

START_TEST(finds_the_weightiest_code)
{
	const struct policy *policy =
		judging_policy(scratch, talloc_asprintf(scratch, "%s%s", SETTINGS, rows[_i].list));
	struct value_texts answers = {rows[_i].answers, 0};
	struct dns_list_hit hit;

	while (answers.count < 3 && rows[_i].answers[answers.count])
		answers.count++;
	ck_assert_uint_eq(policy->lists.count, 1);
	ck_assert_int_eq(
		dns_list_matches(&policy->lists.items[0], &answers, &hit), rows[_i].matches);
	if (!rows[_i].matches)
		return;
	ck_assert_double_eq(hit.weight, rows[_i].weight);
	ck_assert_str_eq(hit.code, rows[_i].code);
}
END_TEST

static const char *const bad[] = {
	"dnsbl \"no zone\" {}",
	"dnsbl a.example { codes = {1.2.3.4} }",
	"dnsbl a.example { codes = {127.0.0.2-} }",
	"dnsbl a.example { codes = {127.0.0.5-127.0.0.4} }",
	"dnsbl a.example { codes = {127.0.0.5-128.0.0.4} }",
	"dnsbl a.example { codes = {\"127.0.0.2=\"} }",
	"dnsbl a.example { codes = {\"127.0.0.2=many\"} }",
	"dnsbl a.example { codes = {\"127.0.0.2=-1\"} }",
	"dnsbl a.example { codes = {\"127.0.0.2=nan\"} }",
	"dnsbl a.example { codes = {\"127.0.0.2=1e9\"} }",
	"dnsbl a.example { codes = {127.0.0.256} }",
	"dnsbl a.example { codes = {::1} }",
	"dnswl a.example { action = refuse }",
	"dnsbl a.example { weight = -1 }",
	"dnsbl a.example { share = 0 }",
};

START_TEST(complains_about_what_is_no_list)
{
	struct complaints *complaints = complaints_new(scratch);
	const char *text = talloc_asprintf(scratch, "%s%s", SETTINGS, bad[_i]);

	policy_new(scratch,
		settings_read_text(scratch, "test.conf", text, judging_sections, complaints),
		complaints);
	ck_assert_uint_eq(complaints_errors(complaints), 1);
	ck_assert(strstr(complaints_text(scratch, complaints), "test.conf:1:"));
}
END_TEST

START_TEST(reads_all_kinds)
{
	const struct policy *policy = judging_policy(scratch,
		SETTINGS "rhsbl C.example {} dnswl b.example {} dnsbl a.example {} dnsbl d.example "
			 "{ action = refuse canaries = no share = 5 }");

	ck_assert_uint_eq(policy->lists.count, 4);
	ck_assert_str_eq(policy->lists.items[0].zone, "a.example");
	ck_assert_int_eq(policy->lists.items[0].options->action, ACTION_SCORE);
	ck_assert(policy->lists.items[0].options->canaries);
	ck_assert_int_eq(policy->lists.items[0].options->share, 20);
	ck_assert_int_eq(policy->lists.items[1].options->action, ACTION_REFUSE);
	ck_assert_int_eq(policy->lists.items[2].kind, DNSWL);
	ck_assert_str_eq(policy->lists.items[3].zone, "c.example");
	ck_assert_str_eq(dns_list_kind_name(RHSBL), "rhsbl");
}
END_TEST

static Suite *list_suite(void)
{
	Suite *suite = suite_create("dns_list");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_loop_test(all, finds_the_weightiest_code, 0, COUNT(rows));
	tcase_add_loop_test(all, complains_about_what_is_no_list, 0, COUNT(bad));
	tcase_add_test(all, reads_all_kinds);
	suite_add_tcase(suite, all);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(list_suite());

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
