/* SPDX-License-Identifier: Apache-2.0 */
/* What strangers may not bring. */
#include "judging.h"

#include "policy/hygiene.h"

#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define SITE                                                                                       \
	"hostname = mx.example.com authserv_id = example.com relay { domains = {example.com} } "
#define KEPT "From: a@example.net\r\n"
#define END "\r\nX-Spam-Flag: body\r\n"

static void *scratch;
static struct facts *facts;
static struct inquiry *inquiry;
static struct edits *edits;

static void use(const char *settings)
{
	facts = facts_new(scratch, NULL);
	inquiry = inquiry_new(scratch, judging_chain(scratch, settings), facts);
	inquiry->stage = STAGE_MESSAGE;
}

static void set_up(void)
{
	scratch = talloc_new(NULL);
	use(SITE);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

static char *cleaned(const char *text)
{
	struct slice message = slice_of(text);
	struct edit_plan *plan;
	char *sent = talloc_strdup(scratch, "");

	edits = edits_new(scratch, header_parse(scratch, message), message);
	hygiene_clean(inquiry, edits);
	plan = edit_plan_new(scratch, edits, slice_of(""));
	for (size_t i = 0; i < plan->count; i++)
		sent = talloc_asprintf_append_buffer(sent, "%.*s", SLICE_ARGS(plan->slices[i]));
	return sent;
}

/* --- authserv-id --- */

static const struct {
	const char *value, *id;
} ids[] = {
	{" example.com; spf=pass", "example.com"},
	{"example.com;none", "example.com"},
	{" example.com", "example.com"},
	{" example.com 1; spf=pass", "example.com"},
	{" example.com/1; spf=pass", "example.com"},
	{"\r\n\texample.com;\r\n\tspf=pass", "example.com"},
	{" (a comment) example.com (another); x", "example.com"},
	{" (nested (comment \\) ) ) example.com; x", "example.com"},
	{"(a)(b)example.com(c)", "example.com"},
	{" \"example.com\"; x", "example.com"},
	{" \"exam\\ple.com\"; x", "example.com"},
	{" \"a b\"; x", "a b"},
	{" \"example.com", "example.com"},
	{" example.com.; x", "example.com"},
	{" spf=pass", "spf"},
	{" ; x", NULL},
	{"", NULL},
	{" \"\"; x", NULL},
	{" (never closed example.com; x", NULL},
	{" (", NULL},
	{" (\\", NULL},
	{" \"\\", "\\"},
};

START_TEST(reads_authserv_ids)
{
	ck_assert_pstr_eq(hygiene_authserv_id(scratch, slice_of(ids[_i].value)), ids[_i].id);
}
END_TEST

/* --- what goes and what stays --- */

static const struct {
	const char *field;
	bool stays;
} fields[] = {
	{"Authentication-Results: example.com; dmarc=pass\r\n", false},
	{"authentication-results: EXAMPLE.com; dmarc=pass\r\n", false},
	{"Authentication-Results: mx.example.com; dmarc=pass\r\n", false},
	{"Authentication-Results: (x) \"example.com\" 1; dmarc=pass\r\n", false},
	{"Authentication-Results:\r\n example.com;\r\n dmarc=pass\r\n", false},
	{"Authentication-Results : example.com; dmarc=pass\r\n", false},
	{"Authentication-Results: example.com; dmarc=pass\n", false},
	{"Authentication-Results: (never closed mx.Example.com; dmarc=pass\r\n", false},
	{"Authentication-Results: (never closed\r\n", true},
	{"Authentication-Results: example.net; dmarc=pass\r\n", true},
	{"Authentication-Results: sub.example.com; dmarc=pass\r\n", true},
	{"Authentication-Results: example.com.evil.example; dmarc=pass\r\n", true},
	{"Authentication-Results: example.net (example.com); dmarc=pass\r\n", true},
	{"Authentication-Results-X: example.com; dmarc=pass\r\n", true},
	{"ARC-Authentication-Results: i=1; example.com; dmarc=pass\r\n", true},
	{"X-Spam-Flag: NO\r\n", false},
	{"x-spam-: NO\r\n", false},
	{"X-SPAM-Status: No,\r\n score=0\r\n", false},
	{"X-Spam: No\r\n", true},
	{"X-Spammer: No\r\n", true},
	{"X-MS-Exchange-Organization-SCL: -1\r\n", false},
	{"X-MS-Exchange-CrossTenant-Id: 1\r\n", true},
	{"X-Postern-Tag: score=0\r\n", false},
	{"Subject: X-Spam-Flag: NO\r\n", true},
};

START_TEST(removes_what_is_ours)
{
	const char *field = fields[_i].field;

	ck_assert_str_eq(cleaned(talloc_asprintf(scratch, "%s" KEPT END, field)),
		talloc_asprintf(scratch, "%s" KEPT END, fields[_i].stays ? field : ""));
	ck_assert_str_eq(cleaned(talloc_asprintf(scratch, KEPT "%s" END, field)),
		talloc_asprintf(scratch, KEPT "%s" END, fields[_i].stays ? field : ""));
	ck_assert_uint_eq(inquiry->trace_count, fields[_i].stays ? 0 : 2);
}
END_TEST

/* CVE-2022-48521: one that was not ours between them, or one too many, and the next was forgotten. */
START_TEST(removes_all_of_several)
{
#define OURS "Authentication-Results: example.com; dmarc=pass\r\n"
#define THEIRS "Authentication-Results: example.net; dmarc=fail\r\n"
	ck_assert_str_eq(cleaned(OURS OURS THEIRS OURS KEPT OURS OURS END), THEIRS KEPT END);
	ck_assert_str_eq(inquiry->trace[0].check, "hygiene");
	ck_assert_str_eq(inquiry->trace[0].result, "removed");
	ck_assert_str_eq(inquiry->trace[0].detail, "5 Authentication-Results");
	ck_assert(!inquiry->trace[0].monitored);
}
END_TEST

START_TEST(looks_behind_lines_that_are_no_fields)
{
	ck_assert_str_eq(
		cleaned(KEPT "no field\r\n" OURS "X-Spam-A: 1\r\n" END), KEPT "no field\r\n" END);
	ck_assert_str_eq(
		cleaned("From mbox Sun Nov 22\r\n" OURS END), "From mbox Sun Nov 22\r\n" END);
}
END_TEST

START_TEST(looks_behind_bare_line_ends)
{
	ck_assert_str_eq(cleaned("A: 1\rX-Spam-A: 1\nX-Spam-B: 1\r\r\n" OURS END), "A: 1\r\n" END);
}
END_TEST

START_TEST(looks_beyond_what_the_judge_counts)
{
	char *many = talloc_strdup(scratch, "");

	for (int i = 0; i < HEADER_FIELDS_MAXIMUM + 10; i++)
		many = talloc_strdup_append_buffer(many, "A:\r\n");
	ck_assert_str_eq(cleaned(talloc_asprintf(scratch, "%s" OURS END, many)),
		talloc_asprintf(scratch, "%s" END, many));
}
END_TEST

/* Cut where the judge stops looking, its rest would be the field that it pretends not to be. */
START_TEST(removes_a_field_whole)
{
	size_t size = HEADER_SIZE_MAXIMUM - strlen("X-Spam-A: ");
	char *filling = talloc_zero_size(scratch, size + 1);

	memset(filling, 'x', size);
	ck_assert_str_eq(cleaned(talloc_asprintf(scratch, "X-Spam-A: %s" OURS END, filling)), END);
}
END_TEST

START_TEST(tells_what_it_removed)
{
	cleaned("X-Spam-A: 1\r\nX-SPAM-a: 2\r\nX-Postern-B: 3\r\n" OURS END);
	ck_assert_str_eq(
		inquiry->trace[0].detail, "2 X-Spam-A, 1 X-Postern-B, 1 Authentication-Results");
	cleaned("X-Spam-1:\r\nX-Spam-2:\r\nX-Spam-3:\r\nX-Spam-4:\r\nX-Spam-5:\r\nX-Spam-6:\r\n"
		"X-Spam-7:\r\nX-Spam-8:\r\nX-Spam-9:\r\nX-Spam-10:\r\n" END);
	ck_assert_ptr_nonnull(strstr(inquiry->trace[1].detail, "1 X-Spam-8, 2 others"));
}
END_TEST

/* --- from whom, and settings --- */

static const enum fact friends[] = {
	FACT_CLIENT_TRUSTED, FACT_CLIENT_TRUSTED_RELAY, FACT_CLIENT_AUTHENTICATED};

START_TEST(lets_friends_bring_them)
{
	facts_set_bool(facts, friends[_i], true);
	ck_assert_str_eq(cleaned(OURS KEPT END), OURS KEPT END);
	ck_assert_uint_eq(inquiry->trace_count, 0);
}
END_TEST

START_TEST(only_notes_when_observing)
{
	use("mode = observe " SITE);
	ck_assert_str_eq(cleaned(OURS KEPT END), OURS KEPT END);
	ck_assert_uint_eq(inquiry->trace_count, 1);
	ck_assert(inquiry->trace[0].monitored);
}
END_TEST

START_TEST(is_switched_off)
{
	use(SITE "hygiene { enabled = no }");
	ck_assert_str_eq(cleaned(OURS KEPT END), OURS KEPT END);
}
END_TEST

START_TEST(takes_another_list)
{
	use(SITE "hygiene { fields = {X-Inside, X-Our-*} }");
	ck_assert_str_eq(
		cleaned("X-Inside: 1\r\nX-Insider: 2\r\nx-our-thing: 3\r\nX-Spam-Flag: 4\r\n" OURS
				END),
		"X-Insider: 2\r\nX-Spam-Flag: 4\r\n" END);
	use(SITE "hygiene { fields = {} }");
	ck_assert_str_eq(cleaned("X-Spam-Flag: 4\r\n" OURS END), "X-Spam-Flag: 4\r\n" END);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hygiene");
	TCase *cases = tcase_create("hygiene");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, reads_authserv_ids, 0, COUNT(ids));
	tcase_add_loop_test(cases, removes_what_is_ours, 0, COUNT(fields));
	tcase_add_test(cases, removes_all_of_several);
	tcase_add_test(cases, looks_behind_lines_that_are_no_fields);
	tcase_add_test(cases, looks_behind_bare_line_ends);
	tcase_add_test(cases, looks_beyond_what_the_judge_counts);
	tcase_add_test(cases, removes_a_field_whole);
	tcase_add_test(cases, tells_what_it_removed);
	tcase_add_loop_test(cases, lets_friends_bring_them, 0, COUNT(friends));
	tcase_add_test(cases, only_notes_when_observing);
	tcase_add_test(cases, is_switched_off);
	tcase_add_test(cases, takes_another_list);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
