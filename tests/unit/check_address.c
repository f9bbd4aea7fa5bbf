/* SPDX-License-Identifier: Apache-2.0 */
/* The paths of MAIL and RCPT. */
#include "policy/mail/address.h"
#include "policy/mail/envelope.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define TEN "abcdefghij"
#define SIXTY TEN TEN TEN TEN TEN TEN
#define HUNDRED SIXTY TEN TEN TEN TEN

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
	const char *input, *local, *domain, *text;
	unsigned form;
	const char *rest;
} paths[] = {
	{"<user@example.com>", "user", "example.com", "user@example.com", 0, ""},
	{"<user@example.com> SIZE=10", "user", "example.com", "user@example.com", 0, " SIZE=10"},
	{"<User@EXAMPLE.com>", "User", "example.com", "User@example.com", 0, ""},
	{"  <user@example.com>", "user", "example.com", "user@example.com", 0, ""},
	{"\t<user@example.com>\tX", "user", "example.com", "user@example.com", 0, "\tX"},
	{"user@example.com", "user", "example.com", "user@example.com", ADDRESS_UNBRACKETED, ""},
	{"user@example.com BODY=7BIT", "user", "example.com", "user@example.com",
		ADDRESS_UNBRACKETED, " BODY=7BIT"},
	{"<a.b.c@example.com>", "a.b.c", "example.com", "a.b.c@example.com", 0, ""},
	{"<o'hara+x/y=z~{}|^`?*&$#-_@example.com>", "o'hara+x/y=z~{}|^`?*&$#-_", "example.com",
		"o'hara+x/y=z~{}|^`?*&$#-_@example.com", 0, ""},
	{"<postmaster>", "postmaster", "", "postmaster", ADDRESS_WITHOUT_DOMAIN, ""},
	{"Postmaster", "Postmaster", "", "Postmaster", ADDRESS_WITHOUT_DOMAIN | ADDRESS_UNBRACKETED,
		""},
	{"<user@localhost>", "user", "localhost", "user@localhost", ADDRESS_DOTLESS, ""},
	{"<user@203.0.113.7>", "user", "203.0.113.7", "user@203.0.113.7", 0, ""},
	{"<user@[192.0.2.1]>", "user", "[192.0.2.1]", "user@[192.0.2.1]", ADDRESS_LITERAL, ""},
	{"<user@[IPv6:2001:DB8::1]>", "user", "[ipv6:2001:db8::1]", "user@[ipv6:2001:db8::1]",
		ADDRESS_LITERAL, ""},
	{"<\"user\"@example.com>", "user", "example.com", "user@example.com", 0, ""},
	{"<\"us\\er\"@example.com>", "user", "example.com", "user@example.com", 0, ""},
	{"<\"john doe\"@example.com>", "john doe", "example.com", "\"john doe\"@example.com",
		ADDRESS_QUOTED, ""},
	{"<\"a\\\"b\\\\c\"@example.com>", "a\"b\\c", "example.com", "\"a\\\"b\\\\c\"@example.com",
		ADDRESS_QUOTED, ""},
	{"<\"\"@example.com>", "", "example.com", "\"\"@example.com", ADDRESS_QUOTED, ""},
	{"<\".a\"@example.com>", ".a", "example.com", "\".a\"@example.com", ADDRESS_QUOTED, ""},
	{"<\"a..b\"@example.com>", "a..b", "example.com", "\"a..b\"@example.com", ADDRESS_QUOTED,
		""},
	{"<\"a@b\"@example.com>", "a@b", "example.com", "\"a@b\"@example.com",
		ADDRESS_QUOTED | ADDRESS_AT_INSIDE, ""},
	{"<\"a>b\"@example.com>", "a>b", "example.com", "\"a>b\"@example.com", ADDRESS_QUOTED, ""},
	{"<\"a@b.example\">", "a@b.example", "", "\"a@b.example\"",
		ADDRESS_QUOTED | ADDRESS_AT_INSIDE | ADDRESS_WITHOUT_DOMAIN, ""},
	{"\"a b\"@example.com X", "a b", "example.com", "\"a b\"@example.com",
		ADDRESS_QUOTED | ADDRESS_UNBRACKETED, " X"},
	{"<a%b.example@example.com>", "a%b.example", "example.com", "a%b.example@example.com",
		ADDRESS_PERCENT, ""},
	{"<b.example!a@example.com>", "b.example!a", "example.com", "b.example!a@example.com",
		ADDRESS_BANG, ""},
	{"<b.example!a>", "b.example!a", "", "b.example!a", ADDRESS_BANG | ADDRESS_WITHOUT_DOMAIN,
		""},
	{"<@a.example:user@example.com>", "user", "example.com", "user@example.com",
		ADDRESS_SOURCE_ROUTE, ""},
	{"<@a.example,@b.example:user@example.com>", "user", "example.com", "user@example.com",
		ADDRESS_SOURCE_ROUTE, ""},
	{"<j\xc3\xb6rg@b\xc3\xbc"
	 "cher.example>",
		"j\xc3\xb6rg",
		"b\xc3\xbc"
		"cher.example",
		"j\xc3\xb6rg@b\xc3\xbc"
		"cher.example",
		ADDRESS_UTF8, ""},
	{"<user@b\xc3\xbc"
	 "cher.example>",
		"user",
		"b\xc3\xbc"
		"cher.example",
		"user@b\xc3\xbc"
		"cher.example",
		ADDRESS_UTF8, ""},
	{"<" SIXTY "abcd@example.com>", SIXTY "abcd", "example.com", SIXTY "abcd@example.com", 0,
		""},
	{"<" SIXTY "abcde@example.com>", SIXTY "abcde", "example.com", SIXTY "abcde@example.com",
		ADDRESS_LONG, ""},
	{"<>", "", "", "", 0, ""},
	{"<> RET=HDRS", "", "", "", 0, " RET=HDRS"},
};

START_TEST(reads_paths)
{
	struct slice input = slice_of(paths[_i].input);
	const char *reason = NULL;
	struct address *address = address_parse_path(scratch, &input, true, &reason);

	ck_assert_msg(address != NULL, "%s: %s", paths[_i].input, reason);
	ck_assert_str_eq(address->local, paths[_i].local);
	ck_assert_str_eq(address->domain, paths[_i].domain);
	ck_assert_str_eq(address->text, paths[_i].text);
	ck_assert_uint_eq(address->form, paths[_i].form);
	ck_assert(slice_equals(input, paths[_i].rest));
}
END_TEST

/* Printing and reading again changes nothing. */
START_TEST(is_its_own_inverse)
{
	struct slice input = slice_of(paths[_i].input);
	const char *reason;
	struct address *address = address_parse_path(scratch, &input, true, &reason), *again;

	input = slice_of(talloc_asprintf(scratch, "<%s>", address->text));
	again = address_parse_path(scratch, &input, true, &reason);
	ck_assert_ptr_nonnull(again);
	ck_assert_str_eq(again->local, address->local);
	ck_assert_str_eq(again->domain, address->domain);
	ck_assert_str_eq(again->text, address->text);
	ck_assert_uint_eq(again->form,
		address->form & ~(unsigned)(ADDRESS_SOURCE_ROUTE | ADDRESS_UNBRACKETED));
}
END_TEST

/* What is refused, and a piece of the reason. */
static const struct {
	const char *input, *reason;
} refused[] = {
	{"", "missing"},
	{"   ", "missing"},
	{">[[D", "looks like"},
	{">\x1b[D\x1b[D", "cursor keys"},
	{"<us\x08\x08user@example.com>", "control character"},
	{"<user@example.com", "closing >"},
	{"<user", "closing >"},
	{"<user@example.com>x", "behind the closing >"},
	{"<user@example.com>@local.example", "behind the closing >"},
	{"<user@>", "missing behind the @"},
	{"<@example.com>", "source route"},
	{"<@>", "missing behind the @"},
	{"<@a.example user@example.com>", "source route"},
	{"<@a.example,user@example.com>", "source route"},
	{"<@a.example:>", "looks like"},
	{"<user@example.com.>", "ends with a dot"},
	{"<user@example..com>", "not well-formed"},
	{"<user@-example.com>", "not well-formed"},
	{"<user@ex!ample.com>", "not well-formed"},
	{"<user@[192.0.2.1>", "closing ]"},
	{"<user@[192.0.2.999]>", "no IP address"},
	{"<user@[2001:db8::1]>", "no IP address"},
	{"<user@[IPv6:192.0.2.1]>", "no IP address"},
	{"<user@[x-tag:abc]>", "no IP address"},
	{"<user@[]>", "no IP address"},
	{"<user@[192.0.2.1]x>", "goes wrong at \"x\""},
	{"<.user@example.com>", "dot"},
	{"<user.@example.com>", "dot"},
	{"<us..er@example.com>", "dot"},
	{"<us er@example.com>", "blank"},
	{"< user@example.com>", "looks like"},
	{"<user @example.com>", "blank"},
	{"<user@exa mple.com>", "blank"},
	{"<us(er)@example.com>", "goes wrong at \"(\""},
	{"<us\\er@example.com>", "goes wrong at \"\\\""},
	{"<a@b.example@c.example>", "goes wrong at \"@\""},
	{"<user@example.com(x)>", "goes wrong at \"(\""},
	{"<user@example.com;x>", "goes wrong at \";\""},
	{"<\"user@example.com>", "not closed"},
	{"<\"\">", "empty"},
	{"<\"us\ter\"@example.com>", "control character"},
	{"<\"us\\\rer\"@example.com>", "control character"},
	{"<\"us\xc2\x85"
	 "er\"@example.com>",
		"inside the quotation marks"},
	{"<\"us\\\xc3\xa9\"@example.com>", "inside the quotation marks"},
	{"<us\xff"
	 "er@example.com>",
		"looks like"},
	{"<us\xc2\x85"
	 "er@example.com>",
		"looks like"},
	{"<\xed\xa0\x80@example.com>", "looks like"},
	{"<user@ex\xc2\x85"
	 "ample.com>",
		"not well-formed"},
	{"<" HUNDRED HUNDRED SIXTY "@example.com>", "too long"},
	{"<user@" HUNDRED ".example>", "not well-formed"},
};

START_TEST(says_why_not)
{
	struct slice input = slice_of(refused[_i].input), before = input;
	const char *reason = NULL;
	struct address *address = address_parse_path(scratch, &input, true, &reason);

	ck_assert_msg(!address, "%s was taken", refused[_i].input);
	ck_assert_msg(
		strstr(reason, refused[_i].reason) != NULL, "%s: %s", refused[_i].input, reason);
	ck_assert(input.data == before.data && input.size == before.size);
}
END_TEST

START_TEST(has_null_only_for_senders)
{
	struct slice input = slice_of("<>");
	const char *reason;

	ck_assert_ptr_null(address_parse_path(scratch, &input, false, &reason));
	ck_assert_ptr_nonnull(strstr(reason, "senders only"));
	ck_assert(address_is_null(address_parse_path(scratch, &input, true, &reason)));
}
END_TEST

/* Every byte that is no part of the grammar, wherever it stands, raw or escaped. */
START_TEST(never_takes_a_control)
{
	static const char *const places[] = {"<#user@example.com>", "<us#er@example.com>",
		"<user#@example.com>", "<user@exam#ple.com>", "<user@[192.0.2#1]>",
		"<\"us#er\"@example.com>", "<\"us\\#er\"@example.com>", "<@a#b:user@c.example>"};
	const char *reason;

	for (int byte = 0; byte <= 0x7f; byte = byte == 0x1f ? 0x7f : byte + 1) {
		for (int i = 0; i < COUNT(places); i++) {
			char *text = talloc_strdup(scratch, places[i]);
			struct slice input = slice_of(text);
			*strchr(text, '#') = (char)byte;
			ck_assert_ptr_null(address_parse_path(scratch, &input, true, &reason));
		}
	}
}
END_TEST

static const struct {
	const char *text, *canonical; /* NULL: none */
} plain[] = {
	{"user@EXAMPLE.com", "user@example.com"},
	{" <user@example.com> ", "user@example.com"},
	{"user", "user"},
	{"", NULL},
	{"<>", NULL},
	{"user@example.com, other@example.com", NULL},
	{"user@example.com SIZE=1", NULL},
};

START_TEST(reads_plain_addresses)
{
	struct address *address = address_parse(scratch, slice_of(plain[_i].text));

	ck_assert((address != NULL) == (plain[_i].canonical != NULL));
	if (address)
		ck_assert_str_eq(address->text, plain[_i].canonical);
	ck_assert(!address || !(address->form & ADDRESS_UNBRACKETED));
}
END_TEST

START_TEST(names_every_form)
{
	unsigned count = 0;

	while (address_form_names[count])
		count++;
	ck_assert_uint_eq(1u << (count - 1), ADDRESS_UNBRACKETED);
}
END_TEST

START_TEST(fills_an_envelope)
{
	struct envelope *envelope = envelope_new(scratch);
	struct address *address = address_parse(scratch, slice_of("user@example.com"));
	struct recipient candidate = {.address = address};

	ck_assert_int_eq(envelope->declared_size, -1);
	for (size_t i = 1; i <= 100; i++) {
		struct recipient *recipient = envelope_add(envelope, &candidate);
		ck_assert_ptr_eq(recipient->address, address);
		ck_assert(!recipient->passed && recipient->reply.code == 0);
		ck_assert_uint_eq(envelope->count, i);
	}
	ck_assert_uint_eq(envelope->passed, 0);
	ck_assert(!envelope_has_dsn(envelope));
	candidate.notify = NOTIFY_NEVER;
	envelope_add(envelope, &candidate);
	ck_assert(envelope_has_dsn(envelope));
}
END_TEST

static const struct {
	const char *address, *pattern;
	bool matches;
} patterns[] = {
	{"joe@example.com", "joe@example.com", true},
	{"Joe@Example.com", "joe@example.com", true},
	{"jo@example.com", "joe@example.com", false},
	{"joe@example.com", "example.com", true},
	{"joe@mail.example.com", ".example.com", true},
	{"joe@example.com", ".example.com", false},
	{"\"a@example.com\"@example.org", "example.com", false},
	{"postmaster", "example.com", false},
	{"", "example.com", false},
};

START_TEST(matches_patterns)
{
	ck_assert_int_eq(
		address_matches(patterns[_i].address, patterns[_i].pattern), patterns[_i].matches);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("address");
	TCase *cases = tcase_create("address");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, reads_paths, 0, COUNT(paths));
	tcase_add_loop_test(cases, is_its_own_inverse, 0, COUNT(paths));
	tcase_add_loop_test(cases, says_why_not, 0, COUNT(refused));
	tcase_add_test(cases, has_null_only_for_senders);
	tcase_add_test(cases, never_takes_a_control);
	tcase_add_loop_test(cases, reads_plain_addresses, 0, COUNT(plain));
	tcase_add_test(cases, names_every_form);
	tcase_add_test(cases, fills_an_envelope);
	tcase_add_loop_test(cases, matches_patterns, 0, COUNT(patterns));
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
