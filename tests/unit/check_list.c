/* SPDX-License-Identifier: Apache-2.0 */
/* Lists: files of each kind, what is wrong with them, and that a wrong one changes nothing. */
#include "rules/list.h"

#include "rules/index.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static const struct {
	enum list_kind kind;
	const char *text;
	const char *complaints; /* "" when it is taken */
	size_t count;
} files[] = {
	{LIST_STRING, "", "", 0},
	{LIST_STRING, "a\nb c\n# comment\n\n  d # why\ne#f\r\n", "", 4},
	{LIST_DOMAIN, "example.com\n.example.net\nBÜCHER.example\n", "", 3},
	{LIST_DOMAIN, "ok.example\nno domain\n  *.x.example # all\n-a.b\n.\n",
		"l:2:1: error: \"no domain\" is no domain\n"
		"l:3:3: error: \"*.x.example\" is no domain; everything below a domain is written "
		"with a dot in front: \".example.com\"\n"
		"l:4:1: error: \"-a.b\" is no domain\n"
		"l:5:1: error: \".\" is no domain\n",
		0},
	{LIST_CIDR, "10.0.0.0/8\n192.0.2.1\n::1\n", "", 3},
	{LIST_CIDR, "10.0.0.1/8",
		"l:1:1: error: \"10.0.0.1/8\" is no address and no network (bits behind the prefix "
		"must be 0)\n",
		0},
	{LIST_ADDRESS, "a@example.com\nB@[192.0.2.1]\n", "", 2},
	{LIST_ADDRESS, "example.com",
		"l:1:1: error: \"example.com\" is no address: user@example.com; whole domains "
		"stand "
		"in a list of kind domain\n",
		0},
	{LIST_NAME, "Erika Mustermann\n", "", 1},
	{LIST_REGEX, "a #b\n/x/i\n# c\n", "", 2},
	{LIST_REGEX, "a(",
		"l:1:1: error: \"a(\" is no regex: missing closing parenthesis, at byte 3\n", 0},
	{LIST_HASH, "d41d8cd98f00b204e9800998ecf8427e\n", "", 1},
	{LIST_HASH, "abc",
		"l:1:1: error: \"abc\" is no MD5, SHA-1 or SHA-2 in hexadecimal digits\n", 0},
};

START_TEST(reads_files)
{
	void *scratch = talloc_new(NULL);
	struct complaints *complaints = complaints_new(scratch);
	struct list *list = list_new(scratch, "name", files[_i].kind, "l");
	bool taken = list_read_text(list, slice_of(files[_i].text), complaints);

	ck_assert_str_eq(complaints_text(scratch, complaints), files[_i].complaints);
	ck_assert(taken == !*files[_i].complaints);
	ck_assert_uint_eq(list_count(list), files[_i].count);
	talloc_free(scratch);
}
END_TEST

START_TEST(complains_about_the_first_twenty)
{
	void *scratch = talloc_new(NULL);
	struct complaints *complaints = complaints_new(scratch);
	struct list *list = list_new(scratch, "name", LIST_CIDR, "l");
	char *text = talloc_strdup(scratch, "");

	for (int i = 0; i < 1000; i++)
		text = talloc_strdup_append_buffer(text, "x\n");
	ck_assert(!list_read_text(list, slice_of(text), complaints));
	ck_assert_uint_eq(complaints_errors(complaints), 21);
	ck_assert_ptr_nonnull(strstr(complaints_text(scratch, complaints),
		"l:1000:1: error: 980 more lines of this list are wrong\n"));
	talloc_free(scratch);
}
END_TEST

START_TEST(keeps_the_old_entries)
{
	void *scratch = talloc_new(NULL);
	struct complaints *complaints = complaints_new(scratch);
	struct list *list = list_new(scratch, "name", LIST_DOMAIN, "l");

	ck_assert(list_read_text(list, slice_of("a.example\n"), complaints));
	ck_assert(!list_read_text(list, slice_of("b.example\nb b\n"), complaints));
	ck_assert(list_has_text(list, slice_of("a.example")));
	ck_assert(!list_has_text(list, slice_of("b.example")));
	ck_assert(!list_read(list, (struct place){"rules", 3, 4}, complaints));
	ck_assert(list_has_text(list, slice_of("a.example")));
	ck_assert_ptr_nonnull(strstr(complaints_text(scratch, complaints),
		"rules:3:4: error: cannot read the list name from \"l\": No such file or "
		"directory\n"));
	ck_assert(list_read_text(list, slice_of("b.example\n"), complaints));
	ck_assert(!list_has_text(list, slice_of("a.example")));
	ck_assert(list_has_text(list, slice_of("b.example")));
	talloc_free(scratch);
}
END_TEST

/* --- the indexes --- */

static bool add_network(struct index_networks *index, const char *text)
{
	struct cidr cidr;

	if (!cidr_parse(slice_of(text), &cidr))
		return false;
	index_networks_add(index, &cidr);
	return true;
}

static const struct {
	const char *networks[6];
	const char *inside[4], *outside[4];
} networks[] = {
	{{"10.0.0.0/8"}, {"10.0.0.0", "10.255.255.255"}, {"9.255.255.255", "11.0.0.0", "::a"}},
	{{"10.0.0.0/9", "10.128.0.0/9"}, {"10.127.255.255", "10.128.0.0"}, {"11.0.0.0"}},
	{{"10.0.0.0/8", "10.1.0.0/16", "10.1.1.1"}, {"10.200.0.0", "10.1.1.1"}, {"11.0.0.0"}},
	{{"192.0.2.1", "192.0.2.3"}, {"192.0.2.1", "192.0.2.3"}, {"192.0.2.2", "192.0.2.0"}},
	{{"0.0.0.0/0"}, {"0.0.0.0", "255.255.255.255"}, {"::", "::1"}},
	{{"::/0"}, {"::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}, {"0.0.0.0"}},
	{{"2001:db8::/32", "2001:db9::1"}, {"2001:db8:ffff::", "2001:db9::1"}, {"2001:db9::2"}},
	{{"2001:db8::/65"}, {"2001:db8:0:0:7fff::"}, {"2001:db8:0:0:8000::"}},
	{{"255.255.255.255", "0.0.0.0"}, {"255.255.255.255", "0.0.0.0"}, {"1.0.0.0"}},
	{{NULL}, {NULL}, {"10.0.0.1", "::1"}},
};

START_TEST(finds_addresses)
{
	struct index_networks *index = index_networks_new(NULL);
	struct ip ip;

	for (size_t i = 0; networks[_i].networks[i]; i++)
		ck_assert(add_network(index, networks[_i].networks[i]));
	index_networks_finish(index);
	for (size_t i = 0; networks[_i].inside[i]; i++) {
		ck_assert(ip_parse(slice_of(networks[_i].inside[i]), &ip));
		ck_assert_msg(index_networks_has(index, &ip), "%s", networks[_i].inside[i]);
	}
	for (size_t i = 0; networks[_i].outside[i]; i++) {
		ck_assert(ip_parse(slice_of(networks[_i].outside[i]), &ip));
		ck_assert_msg(!index_networks_has(index, &ip), "%s", networks[_i].outside[i]);
	}
	talloc_free(index);
}
END_TEST

START_TEST(finds_texts)
{
	struct index_texts *index = index_texts_new(NULL);
	char text[32];

	ck_assert_uint_eq(index_texts_count(index), 0);
	for (int i = 0; i < 20000; i += 2) {
		snprintf(text, sizeof text, "%d", i);
		index_texts_add(index, slice_of(text));
		index_texts_add(index, slice_of(text));
	}
	index_texts_add(index, slice_of(""));
	index_texts_finish(index);
	ck_assert_uint_eq(index_texts_count(index), 10001);
	for (int i = 0; i < 20000; i++) {
		snprintf(text, sizeof text, "%d", i);
		ck_assert(index_texts_has(index, slice_of(text)) == (i % 2 == 0));
	}
	ck_assert(index_texts_has(index, slice_of("")));
	talloc_free(index);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("list");
	TCase *cases = tcase_create("list");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, reads_files, 0, COUNT(files));
	tcase_add_test(cases, complains_about_the_first_twenty);
	tcase_add_test(cases, keeps_the_old_entries);
	tcase_add_loop_test(cases, finds_addresses, 0, COUNT(networks));
	tcase_add_test(cases, finds_texts);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
