/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of the judge. */
#include "judging.h"

#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define GOOD "hostname = \"mx.example.com\" relay { domains = {\"example.com\"} } "

static void *scratch;

static void set_up(void)
{
	scratch = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

START_TEST(has_safe_defaults)
{
	struct policy *policy = judging_policy(scratch, GOOD);
	const struct limits_options *limits = policy->limits;

	ck_assert_int_eq(policy->site->mode, MODE_ENFORCE);
	ck_assert_int_eq(limits->message_size, 36 * 1048576);
	ck_assert_int_eq(limits->recipients, 200);
	ck_assert_int_eq(limits->hops, 100);
	ck_assert_int_eq(limits->connections, 5000);
	ck_assert_int_eq(limits->connections_per_client, 50);
	ck_assert_int_eq(limits->messages, 100);
	ck_assert_int_eq(limits->errors, 5);
	ck_assert_int_eq(limits->unknown_verbs, 3);
	ck_assert_int_eq(limits->idle_verbs, 20);
	ck_assert_int_eq(limits->command_line, 2048);
	ck_assert_int_eq(limits->spool, 1073741824);
	ck_assert_double_eq(policy->thresholds->tag, 5);
	ck_assert_double_eq(policy->thresholds->quarantine, 10);
	ck_assert_double_eq(policy->thresholds->reject, 15);
	ck_assert_uint_eq(policy->checks->chain.count, 19);
	ck_assert_int_eq(policy->recipients->source, RECIPIENTS_BACKEND);
	ck_assert_int_eq(policy->recipients->memory, 300000);
	ck_assert_int_eq(policy->recipients->unknown_rate, 10);
	ck_assert(policy->recipients->plus);
	ck_assert_uint_eq(policy->checks->monitor.count, 0);
	ck_assert_uint_eq(policy->relay->networks.count, 0);
	ck_assert_uint_eq(policy->allow_count, 0);
	ck_assert_uint_eq(policy->site->trusted_relays.count, 0);
	ck_assert_str_eq(policy->site->authserv_id, "mx.example.com");
	ck_assert_int_eq(policy->sender->own_domain, OWN_DOMAIN_MONITOR);
	ck_assert(policy->hygiene->enabled);
	ck_assert_uint_eq(policy->hygiene->fields.count, 3);
	ck_assert_str_eq(policy->hygiene->fields.items[0], "X-MS-Exchange-Organization-*");
	ck_assert_str_eq(policy->hygiene->fields.items[1], "X-Spam-*");
	ck_assert_str_eq(policy->hygiene->fields.items[2], "X-Postern-*");
}
END_TEST

START_TEST(takes_what_is_written)
{
	struct policy *policy = judging_policy(scratch,
		GOOD
		"mode = observe limits { message_size = 1M recipients = 3 } "
		"allow x { networks = {192.0.2.0/24} senders = {\"a@example.org\", .example.net} "
		"until = 2028-02-29 } allow y { networks = {198.51.100.1} unverified = yes } "
		"thresholds { tag = 1.5 quarantine = 2 reject = 2 } "
		"authserv_id = example.com trusted_relays = {198.51.100.0/24} "
		"sender { own_domain = refuse } hygiene { enabled = no fields = {X-Any} }");

	ck_assert_str_eq(policy->site->hostname, "mx.example.com");
	ck_assert_int_eq(policy->site->mode, MODE_OBSERVE);
	ck_assert_int_eq(policy->limits->message_size, 1048576);
	ck_assert_int_eq(policy->limits->recipients, 3);
	ck_assert_uint_eq(policy->allow_count, 2);
	ck_assert(policy->allows_senders);
	ck_assert_uint_eq(policy->allows[0].options->networks.count, 1);
	ck_assert_uint_eq(policy->allows[0].options->senders.count, 2);
	ck_assert_int_eq(policy->allows[0].end, 1835481600);
	ck_assert(policy->allows[1].options->unverified);
	ck_assert_int_eq(policy->allows[1].end, INT64_MAX);
	ck_assert_double_eq(policy->thresholds->tag, 1.5);
	ck_assert_str_eq(policy->site->authserv_id, "example.com");
	ck_assert_uint_eq(policy->site->trusted_relays.count, 1);
	ck_assert_int_eq(policy->sender->own_domain, OWN_DOMAIN_REFUSE);
	ck_assert(!policy->hygiene->enabled);
	ck_assert_uint_eq(policy->hygiene->fields.count, 1);
}
END_TEST

START_TEST(has_a_hostname_in_any_case)
{
	struct policy *policy = judging_policy(scratch, "relay { domains = example.com }");

	ck_assert_ptr_nonnull(policy->site->hostname);
	ck_assert(domain_is_valid(slice_of(policy->site->hostname), false));
}
END_TEST

START_TEST(knows_our_domains)
{
	struct policy *policy =
		judging_policy(scratch, "relay { domains = {example.com, .example.org} }");

	ck_assert(policy_is_our_domain(policy, "EXAMPLE.com"));
	ck_assert(!policy_is_our_domain(policy, "mail.example.com"));
	ck_assert(policy_is_our_domain(policy, "mail.example.org"));
	ck_assert(!policy_is_our_domain(policy, "example.org"));
	ck_assert(!policy_is_our_domain(policy, ""));
}
END_TEST

/* What is wrong, where, and what is said. */
static const struct {
	const char *settings, *place, *text;
} wrong[] = {
	{"hostname = \"no name\"\nrelay { domains = a.example }", "1:", "no host name"},
	{"relay {\n domains = {\"a b\"} }", "2:", "\"a b\" is no domain"},
	{"relay { domains = {\"example.com.\"} }", "1:", "is no domain"},
	{"relay { domains = {\"user@example.com\"} }", "1:", "is no domain"},
	{GOOD "allow a {\n senders = {\"a@b@c\"} }", "2:", "neither an address nor a domain"},
	{GOOD "allow a { senders = {\"<a@example.com>\"} }", "1:", "neither"},
	{GOOD "allow a { senders = {\"*.example.com\"} }", "1:", "neither"},
	{GOOD "allow a { until = 2027-02-29 }", "1:", "no day"},
	{GOOD "allow a { until = tomorrow }", "1:", "no day"},
	{GOOD "allow a { until = 2027-6-30 }", "1:", "no day"},
	{GOOD "allow a { until = 2027-06-30T12 }", "1:", "no day"},
	{GOOD "thresholds { tag = 0 }", "1:", "above 0"},
	{GOOD "thresholds { tag = 11 }", "1:", "quarantine must not be below tag"},
	{GOOD "thresholds {\n reject = 6\n quarantine = 7 }", "2:", "reject must not be below"},
	{GOOD "limits { hops = 1 }", "1:", "hops"},
	{GOOD "\nauthserv_id = \"a b\"", "2:", "no host name"},
	{GOOD "hygiene {\n fields = {X-Spam-*, \"*\"} }", "2:", "\"*\" is no name"},
	{GOOD "hygiene { fields = {\"X-*-Y\"} }", "1:", "a * may stand at its end"},
	{GOOD "hygiene { fields = {\"X Spam\"} }", "1:", "is no name"},
	{GOOD "hygiene { fields = {\"\"} }", "1:", "is no name"},
	{GOOD "trusted_relays = {198.51.100.1/24}", "1:", "198.51.100.1/24"},
	{GOOD "sender { own_domain = maybe }", "1:", "own_domain"},
};

START_TEST(complains)
{
	struct complaints *complaints = complaints_new(scratch);
	struct settings *settings = settings_read_text(
		scratch, "x.conf", wrong[_i].settings, judging_sections, complaints);
	const char *text;

	policy_new(scratch, settings, complaints);
	text = complaints_text(scratch, complaints);
	ck_assert_uint_ge(complaints_errors(complaints), 1);
	ck_assert_msg(strstr(text, wrong[_i].text) != NULL, "%s", text);
	ck_assert_msg(strstr(text, talloc_asprintf(scratch, "x.conf:%s", wrong[_i].place)) != NULL,
		"%s", text);
}
END_TEST

START_TEST(warns_when_nobody_may_send)
{
	struct complaints *complaints = complaints_new(scratch);
	struct settings *settings = settings_read_text(
		scratch, "x.conf", "hostname = mx.example.com", judging_sections, complaints);

	policy_new(scratch, settings, complaints);
	ck_assert_uint_eq(complaints_errors(complaints), 0);
	ck_assert_uint_eq(complaints_warnings(complaints), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("options");
	TCase *cases = tcase_create("options");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, has_safe_defaults);
	tcase_add_test(cases, takes_what_is_written);
	tcase_add_test(cases, has_a_hostname_in_any_case);
	tcase_add_test(cases, knows_our_domains);
	tcase_add_loop_test(cases, complains, 0, COUNT(wrong));
	tcase_add_test(cases, warns_when_nobody_may_send);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
