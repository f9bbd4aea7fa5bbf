/* SPDX-License-Identifier: Apache-2.0 */
/* Macros of SPF: the examples of RFC 7208 §7.4, and what is no macro. */
#include "policy/spf_macro.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static const struct spf_macros macros = {{['s' - 'a'] = "strong-bad@email.example.com",
	['l' - 'a'] = "strong-bad",
	['o' - 'a'] = "email.example.com",
	['d' - 'a'] = "email.example.com",
	['i' - 'a'] = "192.0.2.3",
	['p' - 'a'] = "mx.example.org",
	['v' - 'a'] = "in-addr",
	['h' - 'a'] = "h&h=1.example.org",
	['c' - 'a'] = "192.0.2.3",
	['t' - 'a'] = "1700000000"}};

static const struct {
	const char *text, *expanded;
} expansions[] = {
	{"%{s}", "strong-bad@email.example.com"},
	{"%{o}", "email.example.com"},
	{"%{d}", "email.example.com"},
	{"%{d4}", "email.example.com"},
	{"%{d3}", "email.example.com"},
	{"%{d2}", "example.com"},
	{"%{d1}", "com"},
	{"%{dr}", "com.example.email"},
	{"%{d2r}", "example.email"},
	{"%{l}", "strong-bad"},
	{"%{l-}", "strong.bad"},
	{"%{lr}", "strong-bad"},
	{"%{lr-}", "bad.strong"},
	{"%{l1r-}", "strong"},
	{"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
	{"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
	{"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
	{"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"},
	{"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
	{"%{d99999999999999999999}", "email.example.com"},
	{"%%%_%-", "% %20"},
	{"%{H}", "h%26h%3D1.example.org"},
	{"%{S}", "strong-bad%40email.example.com"},
	{"%{D2R}", "example.email"},
	{"%{l+-.,/_=}", "strong.bad"},
	{"", ""},
	{"plain", "plain"},
};

START_TEST(fills_in)
{
	void *scratch = talloc_new(NULL);
	struct slice text = slice_of(expansions[_i].text);

	ck_assert(spf_macro_is_valid(text, SPF_TEXT_RECORD));
	ck_assert_str_eq(spf_macro_expand(scratch, text, &macros), expansions[_i].expanded);
	talloc_free(scratch);
}
END_TEST

static const char *const mistakes[] = {"%", "%{", "%{}", "%{d", "%{x}", "%{a}", "%(d)", "%a",
	"%{d0}", "%{d00}", "%{d.r}", "%{dr2}", "%{2d}", "%{d!}", "a%", "%{d}%", "a b", "%{d }",
	"%{t}", "%{c}", "%{R}", "caf\xc3\xa9", "a\tb"};

START_TEST(refuses_mistakes)
{
	ck_assert(!spf_macro_is_valid(slice_of(mistakes[_i]), SPF_TEXT_RECORD));
}
END_TEST

START_TEST(allows_more_in_an_explanation)
{
	ck_assert(spf_macro_is_valid(
		slice_of("sent at %{t} by %{c} to %{r}."), SPF_TEXT_EXPLANATION));
	ck_assert(!spf_macro_is_valid(slice_of("%{x} "), SPF_TEXT_EXPLANATION));
	ck_assert(!spf_macro_is_valid(slice_of("a\nb"), SPF_TEXT_EXPLANATION));
}
END_TEST

static const struct {
	const char *text;
	bool is_one;
} domain_specs[] = {
	{"example.com", true},
	{"example.com.", true},
	{"_spf.example.com", true},
	{"%{d}", true},
	{"%{d}.example.com", true},
	{"a.%{d2}", true},
	{"x%%", true},
	{"foo:bar/baz.example.com", true},
	{"a.b-c", true},
	{"a.1-2", true},
	{"mail.example...com", true},
	{"example.xn--zckzah", true},
	{"", false},
	{"museum", false},
	{"museum.", false},
	{"example.", false},
	{".", false},
	{"..", false},
	{"a.123", false},
	{"111.222.33.44", false},
	{"example.-com", false},
	{"example.com-", false},
	{"example.com/24", false},
	{"example.com:80", false},
	{"example.c_m", false},
	{"%{d}x", false},
	{"%{d}.", false},
};

START_TEST(knows_domain_specs)
{
	ck_assert_int_eq(
		spf_macro_is_domain_spec(slice_of(domain_specs[_i].text)), domain_specs[_i].is_one);
}
END_TEST

START_TEST(knows_what_is_in_it)
{
	ck_assert(spf_macro_is_plain(slice_of("example.com")));
	ck_assert(!spf_macro_is_plain(slice_of("x%-")));
	ck_assert(spf_macro_has(slice_of("a.%{P}.b"), 'p'));
	ck_assert(spf_macro_has(slice_of("%{d}%{p2r}"), 'p'));
	ck_assert(!spf_macro_has(slice_of("p.%{d}%%{p}"), 'p'));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spf_macro");
	TCase *cases = tcase_create("spf_macro");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, fills_in, 0, COUNT(expansions));
	tcase_add_loop_test(cases, refuses_mistakes, 0, COUNT(mistakes));
	tcase_add_test(cases, allows_more_in_an_explanation);
	tcase_add_loop_test(cases, knows_domain_specs, 0, COUNT(domain_specs));
	tcase_add_test(cases, knows_what_is_in_it);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
