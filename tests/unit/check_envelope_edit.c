/* SPDX-License-Identifier: Apache-2.0 */
/* Edits of an envelope, and who gets the message then. */
#include "policy/mail/envelope_edit.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define EDITS_MOST 4

static void *scratch;

static void set_up(void)
{
	scratch = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

static bool (*const functions[])(
	struct envelope_edits *edits, const void *parent, const char *address) = {
	[ENVELOPE_REDIRECT] = envelope_edits_redirect,
	[ENVELOPE_ADD_RECIPIENT] = envelope_edits_add_recipient,
	[ENVELOPE_REMOVE_RECIPIENT] = envelope_edits_remove_recipient,
	[ENVELOPE_CHANGE_SENDER] = envelope_edits_change_sender,
};

/* From s@example.com to a@example.com, B@example.com and, refused, c@example.com. */
static struct envelope *usual_envelope(void)
{
	static const char *const addresses[] = {"a@example.com", "B@example.com", "c@example.com"};
	struct envelope *envelope = envelope_new(scratch);

	envelope->sender = address_parse(envelope, slice_of("s@example.com"));
	for (size_t i = 0; i < 3; i++) {
		struct recipient recipient = {.passed = i < 2,
			.notify = i == 1 ? NOTIFY_NEVER : 0,
			.address = address_parse(envelope, slice_of(addresses[i]))};
		envelope_add(envelope, &recipient);
	}
	envelope->passed = 2;
	return envelope;
}

/* "sender > recipient,recipient"; a ! behind who wants no notifications. */
static char *print(const struct envelope *envelope)
{
	char *text = talloc_asprintf(scratch, "%s >", envelope->sender->text);

	ck_assert_uint_eq(envelope->passed, envelope->count);
	for (size_t i = 0; i < envelope->count; i++) {
		const struct recipient *recipient = &envelope->recipients[i];
		ck_assert(recipient->passed);
		text = talloc_asprintf_append(text, "%s%s%s", i ? "," : " ",
			recipient->address->text, recipient->notify ? "!" : "");
	}
	return text;
}

static const struct {
	struct {
		enum envelope_action action;
		const char *address;
	} edits[EDITS_MOST];
	const char *wanted;
} rows[] = {
	{{{0}}, "s@example.com > a@example.com,B@example.com!"},
	{{{ENVELOPE_ADD_RECIPIENT, "x@example.net"}},
		"s@example.com > a@example.com,B@example.com!,x@example.net"},
	{{{ENVELOPE_ADD_RECIPIENT, "<x@example.net>"}, {ENVELOPE_ADD_RECIPIENT, "X@example.NET"}},
		"s@example.com > a@example.com,B@example.com!,x@example.net"},
	{{{ENVELOPE_ADD_RECIPIENT, "A@EXAMPLE.com"}},
		"s@example.com > a@example.com,B@example.com!"},
	{{{ENVELOPE_ADD_RECIPIENT, "c@example.com"}},
		"s@example.com > a@example.com,B@example.com!,c@example.com"},
	{{{ENVELOPE_REMOVE_RECIPIENT, "b@example.com"}}, "s@example.com > a@example.com"},
	{{{ENVELOPE_REMOVE_RECIPIENT, "x@example.com"}},
		"s@example.com > a@example.com,B@example.com!"},
	{{{ENVELOPE_REMOVE_RECIPIENT, "a@example.com"},
		 {ENVELOPE_REMOVE_RECIPIENT, "b@example.com"}},
		"s@example.com >"},
	{{{ENVELOPE_REMOVE_RECIPIENT, "a@example.com"}, {ENVELOPE_ADD_RECIPIENT, "a@example.com"}},
		"s@example.com > B@example.com!,a@example.com"},
	{{{ENVELOPE_REDIRECT, "x@example.net"}}, "s@example.com > x@example.net"},
	{{{ENVELOPE_REDIRECT, "b@example.com"}}, "s@example.com > b@example.com"},
	{{{ENVELOPE_ADD_RECIPIENT, "y@example.net"}, {ENVELOPE_REDIRECT, "x@example.net"},
		 {ENVELOPE_ADD_RECIPIENT, "z@example.net"}},
		"s@example.com > x@example.net,z@example.net"},
	{{{ENVELOPE_REDIRECT, "x@example.net"}, {ENVELOPE_REDIRECT, "y@example.net"}},
		"s@example.com > y@example.net"},
	{{{ENVELOPE_CHANGE_SENDER, "t@example.net"}},
		"t@example.net > a@example.com,B@example.com!"},
	{{{ENVELOPE_CHANGE_SENDER, ""}}, " > a@example.com,B@example.com!"},
	{{{ENVELOPE_CHANGE_SENDER, "<>"}}, " > a@example.com,B@example.com!"},
};

START_TEST(makes_the_final_envelope)
{
	const struct envelope *envelope = usual_envelope();
	struct envelope_edits edits = {0};

	for (int i = 0; i < EDITS_MOST && rows[_i].edits[i].address; i++)
		ck_assert(functions[rows[_i].edits[i].action](
			&edits, scratch, rows[_i].edits[i].address));
	ck_assert_str_eq(print(envelope_edits_apply(scratch, &edits, envelope)), rows[_i].wanted);
	ck_assert_uint_eq(envelope->count, 3);
	ck_assert_uint_eq(envelope->passed, 2);
}
END_TEST

START_TEST(refuses_what_is_no_address)
{
	static const char *const bad[] = {
		"a", "@example.com", "a@", "a b@example.com", "a@example.com\r\nDATA", "<a@b"};
	struct envelope_edits edits = {0};

	for (int i = 0; i < COUNT(bad); i++) {
		for (int k = 0; k < COUNT(functions); k++)
			ck_assert_msg(!functions[k](&edits, scratch, bad[i]), "%s", bad[i]);
	}
	ck_assert(!envelope_edits_redirect(&edits, scratch, ""));
	ck_assert(!envelope_edits_add_recipient(&edits, scratch, "<>"));
	ck_assert_uint_eq(edits.count, 0);
}
END_TEST

START_TEST(needs_utf8_for_addresses_that_do)
{
	struct envelope *envelope = usual_envelope();
	struct envelope_edits edits = {0};

	ck_assert(!envelope_edits_apply(scratch, &edits, envelope)->utf8);
	ck_assert(envelope_edits_add_recipient(&edits, scratch, "j\xc3\xbcrgen@example.com"));
	ck_assert(envelope_edits_apply(scratch, &edits, envelope)->utf8);
	ck_assert(!envelope->utf8);
}
END_TEST

START_TEST(names_its_actions)
{
	ck_assert_str_eq(envelope_edit_action_name(ENVELOPE_REDIRECT), "redirect");
	ck_assert_str_eq(envelope_edit_action_name(ENVELOPE_CHANGE_SENDER), "change_sender");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("envelope_edit");
	TCase *cases = tcase_create("envelope_edit");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, makes_the_final_envelope, 0, COUNT(rows));
	tcase_add_test(cases, refuses_what_is_no_address);
	tcase_add_test(cases, needs_utf8_for_addresses_that_do);
	tcase_add_test(cases, names_its_actions);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
