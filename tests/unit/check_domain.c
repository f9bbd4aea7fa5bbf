/* SPDX-License-Identifier: Apache-2.0 */
/* Names of domains. */
#include "policy/mail/domain.h"

#include <check.h>
#include <stdlib.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define LABEL_63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

static const struct {
	const char *domain;
	bool ascii, utf8; /* valid without, with U-labels */
} domains[] = {
	{"example.com", true, true},
	{"EXAMPLE.COM", true, true},
	{"localhost", true, true},
	{"a.b.c.d.example", true, true},
	{"x-y.example", true, true},
	{"_dmarc.example.com", true, true},
	{"192.0.2.1", true, true},
	{"xn--bcher-kva.example", true, true},
	{LABEL_63 ".example", true, true},
	{LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63, true, true},
	{LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63 ".a", false, false},
	{LABEL_63 "x.example", false, false},
	{"", false, false},
	{".", false, false},
	{".example.com", false, false},
	{"example.com.", false, false},
	{"example..com", false, false},
	{"-x.example", false, false},
	{"x-.example", false, false},
	{"exa mple.com", false, false},
	{"ex@mple.com", false, false},
	{"[192.0.2.1]", false, false},
	{"b\xc3\xbc"
	 "cher.example",
		false, true},
	{"\xe4\xbe\x8b.example", false, true},
	{"example\xe3\x80\x82"
	 "com",
		false, false},
	{"example\xef\xbc\x8e"
	 "com",
		false, false},
	{"example\xef\xbd\xa1"
	 "com",
		false, false},
	{"b\xff"
	 "cher.example",
		false, false},
	{"x\xc2\x85.example", false, false},
	{"\xe2\x80\x8d.example", false, false},
};

START_TEST(knows_valid_domains)
{
	struct slice domain = slice_of(domains[_i].domain);

	ck_assert(domain_is_valid(domain, false) == domains[_i].ascii);
	ck_assert(domain_is_valid(domain, true) == domains[_i].utf8);
}
END_TEST

START_TEST(refuses_a_nul)
{
	ck_assert(!domain_is_valid(slice_make("a\0.com", 6), true));
	ck_assert(!domain_is_valid(slice_make("\xc3\xbc\0.com", 7), true));
}
END_TEST

static const struct {
	const char *domain, *pattern;
	bool matches;
} matches[] = {
	{"example.com", "example.com", true},
	{"EXAMPLE.com", "example.COM", true},
	{"mail.example.com", "example.com", false},
	{"mail.example.com", ".example.com", true},
	{"a.b.example.com", ".example.com", true},
	{"example.com", ".example.com", false},
	{"xexample.com", ".example.com", false},
	{"xexample.com", "example.com", false},
	{"example.com.evil.example", "example.com", false},
	{"", "example.com", false},
	{"example.com", "", false},
	{".example.com", ".example.com", false},
	{"b\xc3\xbc"
	 "cher.example",
		"xn--bcher-kva.example", true},
	{"xn--bcher-kva.example",
		"b\xc3\xbc"
		"cher.example",
		true},
	{"B\xc3\x9c"
	 "CHER.example",
		"b\xc3\xbc"
		"cher.example",
		true},
	{"mail.b\xc3\xbc"
	 "cher.example",
		".xn--bcher-kva.example", true},
	{"mail.xn--bcher-kva.example",
		".b\xc3\xbc"
		"cher.example",
		true},
	{"b\xc3\xbc"
	 "cher.example",
		".b\xc3\xbc"
		"cher.example",
		false},
	{"bucher.example",
		"b\xc3\xbc"
		"cher.example",
		false},
};

START_TEST(matches_patterns)
{
	ck_assert(domain_matches(matches[_i].domain, matches[_i].pattern) == matches[_i].matches);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("domain");
	TCase *cases = tcase_create("domain");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, knows_valid_domains, 0, COUNT(domains));
	tcase_add_test(cases, refuses_a_nul);
	tcase_add_loop_test(cases, matches_patterns, 0, COUNT(matches));
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
