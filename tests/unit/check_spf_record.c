/* SPDX-License-Identifier: Apache-2.0 */
/* SPF records, right and wrong. */
#include "policy/spf_record.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

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
	const char *text;
	bool is_one;
} versions[] = {
	{"v=spf1", true},
	{"v=spf1 ", true},
	{"V=SPF1 -all", true},
	{"v=spf10", false},
	{"v=spf1-all", false},
	{"v=spf1\t-all", false},
	{" v=spf1", false},
	{"v=spf2.0/pra", false},
	{"", false},
};

START_TEST(knows_records)
{
	ck_assert_int_eq(spf_record_is_one(versions[_i].text), versions[_i].is_one);
}
END_TEST

static const char *const mechanism_names[] = {
	"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"};

/* A record told again, in one fixed way. */
static char *print(const struct spf_record *record)
{
	static const char *const qualifiers[] = {
		[SPF_NEUTRAL] = "?", [SPF_PASS] = "+", [SPF_FAIL] = "-", [SPF_SOFTFAIL] = "~"};
	char *text = talloc_strdup(scratch, "");
	char ip[IP_TEXT_SIZE];

	for (size_t i = 0; i < record->count; i++) {
		const struct spf_term *term = &record->terms[i];
		text = talloc_asprintf_append(
			text, "%s%s ", qualifiers[term->result], mechanism_names[term->mechanism]);
		if (term->domain.size)
			text = talloc_asprintf_append(text, "%.*s ", SLICE_ARGS(term->domain));
		if (term->network.ip.family)
			text = talloc_asprintf_append(text, "%s/%d ",
				ip_print(&term->network.ip, ip), term->network.bits);
		if (term->bits4 != 32 || term->bits6 != 128)
			text = talloc_asprintf_append(text, "/%d//%d ", term->bits4, term->bits6);
	}
	if (record->redirect.size)
		text = talloc_asprintf_append(text, "redirect %.*s ", SLICE_ARGS(record->redirect));
	if (record->explanation.size)
		text = talloc_asprintf_append(text, "exp %.*s ", SLICE_ARGS(record->explanation));
	return text;
}

static const struct {
	const char *text, *printed;
} good[] = {
	{"v=spf1", ""},
	{"v=spf1   ", ""},
	{"v=spf1 -ALL", "-all "},
	{"v=spf1 a  mx ~all ", "+a +mx ~all "},
	{"v=spf1 ?a:x.example/24//64", "?a x.example /24//64 "},
	{"v=spf1 a/24", "+a /24//128 "},
	{"v=spf1 a//64", "+a /32//64 "},
	{"v=spf1 mx/0//0", "+mx /0//0 "},
	{"v=spf1 a:foo:bar/baz.example.com", "+a foo:bar/baz.example.com "},
	{"v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.1", "+ip4 192.0.2.0/24 +ip4 192.0.2.1/32 "},
	{"v=spf1 ip6:2001:db8::/32 ip6:::1", "+ip6 2001:db8::/32 +ip6 ::1/128 "},
	{"v=spf1 ip6:::ffff:192.0.2.1", "+ip6 ::ffff:192.0.2.1/128 "},
	{"v=spf1 include:a.example -exists:%{i}.b.example",
		"+include a.example -exists %{i}.b.example "},
	{"v=spf1 ptr ptr:example.com", "+ptr +ptr example.com "},
	{"v=spf1 redirect=a.example exp=b.example", "redirect a.example exp b.example "},
	{"v=spf1 exp=b.example REDIRECT=%{d}", "redirect %{d} exp b.example "},
	{"v=spf1 all= a=%{d}", ""},
	{"v=spf1 moo.cow-far_out=man:dog/cat= x=", ""},
};

START_TEST(takes_records_apart)
{
	const char *problem = NULL;
	struct spf_record *record = spf_record_parse(scratch, good[_i].text, &problem);

	ck_assert_msg(record != NULL, "%s", problem);
	ck_assert_str_eq(print(record), good[_i].printed);
}
END_TEST

static const char *const bad[] = {"all.", "all:x.example", "all/8", "-", "--all", "+ all", "moo",
	"a:", "a/", "a/33", "a/024", "a//129", "a/24/64", "a///64", "a/-1", "a24", "a:museum",
	"a:x.example/33", "a:x.example//", "include", "include:", "include:x.example/24", "exists",
	"exists:x.example/24", "ptr/0", "ptr:", "ip4", "ip4:", "ip4:1.2.3", "ip4:1.2.3.4:80",
	"ip4:1.2.3.4/", "ip4:1.2.3.4/33", "ip4:1.2.3.4/032", "ip4:1.2.3.4//32", "ip4:::1", "ip4/24",
	"ip6", "ip6:1.2.3.4", "ip6:::1/129", "ip6:::1//64", "ip6::cafe::1",
	"ip6:1:2:3:4:5:6:7:8:9:10:11:12:13:14:15:16:17:18:19:20", "redirect:x.example",
	"redirect=", "redirect=-all", "redirect=a.example redirect=b.example", "exp=", "exp=-all",
	"exp=a.example exp=a.example", "exp=%{r}.example", "=all", "1up=foo", "-x=y", "x=%",
	"x=a%b", "moo.cow/far_out=man", "a:\xc3\xa9.example", "a:x\x01.example", "a\nmx", "a\tmx"};

START_TEST(refuses_mistakes)
{
	const char *problem = NULL;
	const char *text = talloc_asprintf(scratch, "v=spf1 ip4:192.0.2.1 %s -all", bad[_i]);

	ck_assert_ptr_null(spf_record_parse(scratch, text, &problem));
	ck_assert_ptr_nonnull(problem);
	for (const char *at = problem; *at; at++)
		ck_assert(*at >= ' ' && *at < 0x7f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spf_record");
	TCase *cases = tcase_create("spf_record");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, knows_records, 0, COUNT(versions));
	tcase_add_loop_test(cases, takes_records_apart, 0, COUNT(good));
	tcase_add_loop_test(cases, refuses_mistakes, 0, COUNT(bad));
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
