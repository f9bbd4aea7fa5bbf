/* SPDX-License-Identifier: Apache-2.0 */
/* What strip takes out of messages, by rules that are run beside a scanner, and what it leaves. */
#include "rule_site.h"

#include "policy/amendment.h"
#include "policy/mail/revision.h"
#include "policy/scan.h"
#include "policy/strip.h"

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define SITE                                                                                       \
	"hostname = mx.example.com relay { domains = {example.com} } "                             \
	"checks { chain = {rules} } rules { files = {a.rules} } "
#define TOP "From: a@example.net\r\nDate: x\r\nMessage-ID: <1@x>\r\n"
#define MIXED TOP "Content-Type: multipart/mixed; boundary=x\r\n\r\n"
#define EXE(name) "--x\r\nContent-Type: application/x; name=" name "\r\n\r\nMZ\r\n"
#define END "--x--\r\n"
#define NEW                                                                                        \
	"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "                   \
	"quoted-printable\r\n"
#define WORDS "mx.example.com has removed this part of the message. There was in it:\r\n\r\n"
#define GONE(name) "--x\r\n" NEW "\r\n" WORDS name " (rule r)\r\n\r\n"
#define IF(condition) "rule r { stage message when " condition " then strip }"
#define PROGRAM IF("any attachment (extension == \"exe\")")

static void *scratch;

static void set_up(void)
{
	scratch = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

/* A learner with its scanner beside it. */
static void carry(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	struct slice answer = scan_answer(
		scratch, owner, scan_ask(scratch, inquiry), message_bytes(inquiry->message), 0);
	bool heard = scan_hear(inquiry, answer);

	(void)question;
	ck_assert(heard);
	await_skip(await, OUTCOME_DONE);
}

static struct inquiry *judged(const char *rules, const char *message, const char *more)
{
	static const struct check *const gates[] = {&scanner_check, NULL};
	struct learner learners[LEARNERS] = {{NULL, NULL}};
	struct rule_site *site = rule_site_new(scratch);
	struct facts *facts = facts_new(scratch, NULL);
	struct inquiry *inquiry;
	struct await await;

	rule_site_write(site, "a.rules", rules);
	rule_site_read(site, talloc_asprintf(scratch, SITE "%s", more));
	rule_site_is_good(site);
	learners[LEARNER_CONTENT] = (struct learner){carry, scan_prepare(scratch, site->policy)};
	inquiry = inquiry_new(scratch,
		chain_new(scratch, site->policy, gates, checks_table, learners, site->complaints),
		facts);
	facts_set_text(facts, FACT_SENDER, "a@example.net");
	inquiry->message = message_view(scratch, slice_of(message), 0);
	await_init(&await, NULL, NULL, NULL);
	inquiry_begin_judging(inquiry, STAGE_MESSAGE, NULL, AWAIT_FOR_EVER, &await);
	ck_assert(!await.pending);
	amendment_edit(inquiry, "id", 0);
	return inquiry;
}

static char *sent(const struct inquiry *inquiry)
{
	struct edit_plan *plan = edit_plan_new(scratch, inquiry->edits, slice_of(""));
	char *text = talloc_strdup(scratch, "");

	for (size_t i = 0; i < plan->count; i++)
		text = talloc_asprintf_append(text, "%.*s", SLICE_ARGS(plan->slices[i]));
	return text;
}

/* --- messages --- */

static const struct {
	const char *message, *sent;
} messages[] = {
	{MIXED EXE("a.exe") EXE("b.txt") END, MIXED GONE("a.exe") EXE("b.txt") END},
	{MIXED EXE("b.txt") EXE("a.exe") END, MIXED EXE("b.txt") GONE("a.exe") END},
	{MIXED EXE("a.exe") EXE("a.exe") END, MIXED GONE("a.exe") GONE("a.exe") END},
	/* A name that would be shown as another one, and that would be taken for orders. */
	{MIXED EXE("fdp\xe2\x80\xaegpj.\xe2\x81\xa6.exe") END, MIXED GONE("fdp?gpj.?.exe") END},
	{MIXED EXE("\"\xc2\x9b.exe\"") END, MIXED GONE("?.exe") END},
	/* Cut off. */
	{MIXED EXE("a.exe"), MIXED "--x\r\n" NEW "\r\n" WORDS "a.exe (rule r)\r\n"},
	/* A header of the part that is kept; without an end. */
	{MIXED "--x\r\nX-Keep: 1\r\n 2\r\ncontent-type: application/x; "
	       "name=a.exe\r\n\r\nMZ\r\n" END,
		MIXED "--x\r\nX-Keep: 1\r\n 2\r\n" NEW "\r\n" WORDS "a.exe (rule r)\r\n\r\n" END},
	/* Lines that end with LF alone. */
	{"From: a\nDate: x\nMessage-ID: y\nContent-Type: multipart/mixed; boundary=x\n\n--x\n"
	 "Content-Type: application/x; name=a.exe\n\nMZ\n--x--\n",
		"From: a\nDate: x\nMessage-ID: y\nContent-Type: multipart/mixed; "
		"boundary=x\n\n--x\n" NEW "\r\n" WORDS "a.exe (rule r)\r\n\n--x--\n"},
	/* The whole message. */
	{TOP "Content-Type: application/x; name=a.exe\r\nX-Keep: 1\r\n\r\nMZ",
		TOP "X-Keep: 1\r\nMIME-Version: 1.0\r\n" NEW "\r\n" WORDS "a.exe (rule r)\r\n"},
	{TOP "mime-version: 1.0\r\nContent-Type: application/x; name=a.exe\r\n",
		TOP "mime-version: 1.0\r\n" NEW "\r\n" WORDS "a.exe (rule r)\r\n"},
	/* A message in an encoding is one thing. */
	{MIXED "--x\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	       "Q29udGVudC1UeXBlOiBhcHBsaWNhdGlvbi94OyBuYW1lPWEuZXhlDQoNCk1aDQo=\r\n" END,
		MIXED GONE("a.exe") END},
	/* Names of strangers. */
	{MIXED "--x\r\nContent-Type: application/x; "
	       "name=\"=?utf-8?q?=C3=A4.exe?=\"\r\n\r\nMZ\r\n" END,
		MIXED "--x\r\n" NEW "\r\n" WORDS "=C3=A4.exe (rule r)\r\n\r\n" END},
	{MIXED "--x\r\nContent-Type: application/x; name=\".a=.exe\"\r\n\r\nMZ\r\n" END,
		MIXED "--x\r\n" NEW "\r\n" WORDS "=2Ea=3D.exe (rule r)\r\n\r\n" END},
	/* In a text. */
	{MIXED "--x\r\n\r\nbegin 644 a.exe\r\n\"35H \r\n`\r\nend\r\n" END, MIXED GONE("a.exe") END},
	{MIXED EXE("b.txt") END, MIXED EXE("b.txt") END},
};

START_TEST(takes_the_part)
{
	const struct inquiry *inquiry = judged(PROGRAM, messages[_i].message, "");
	bool is_same = strcmp(messages[_i].message, messages[_i].sent) == 0;

	ck_assert_str_eq(sent(inquiry), messages[_i].sent);
	ck_assert_int_eq(inquiry->stripped > 0, !is_same);
}
END_TEST

/* --- which --- */

static const struct {
	const char *rules;
	bool first, second; /* is gone */
} choices[] = {
	{IF("any attachment (extension == \"exe\")"), true, false},
	{IF("attachment.extension == \"exe\""), true, false},
	{IF("any attachment (extension in { \"exe\" \"txt\" })"), true, true},
	{IF("any attachment (extension == \"exe\") or any attachment (name == \"b.txt\")"), true,
		true},
	{IF("any attachment (extension == \"exe\") and not any attachment (extension == \"zip\")"),
		true, false},
	{IF("count(attachment (extension == \"exe\")) == 1"), true, false},
	{IF("all attachment (size > 1)"), true, true},
	{IF("true"), true, true},
	{IF("not any attachment (extension == \"zip\")"), true, true},
	{IF("any attachment (extension == \"zip\")"), false, false},
	{"let bad = attachment.extension == \"exe\" " IF("bad"), true, false},
	{"rule r { stage message when true then strip mode monitor }", false, false},
};

START_TEST(takes_what_matched)
{
	const struct inquiry *inquiry =
		judged(choices[_i].rules, MIXED EXE("a.exe") EXE("b.txt") END, "");
	const char *wanted = talloc_asprintf(scratch, MIXED "%s%s" END,
		choices[_i].first ? GONE("a.exe") : EXE("a.exe"),
		choices[_i].second ? GONE("b.txt") : EXE("b.txt"));

	ck_assert_str_eq(sent(inquiry), wanted);
}
END_TEST

START_TEST(does_nothing_in_observe_mode)
{
	const char *message = MIXED EXE("a.exe") END;

	ck_assert_str_eq(sent(judged(PROGRAM, message, "mode = observe")), message);
}
END_TEST

/* A boundary that goes on with another: read in two ways, the bytes belong to both readings. */
START_TEST(takes_all_readings)
{
	const char *text = sent(judged(PROGRAM,
		MIXED "--x\r\nContent-Type: application/x; name=a.exe\r\n\r\nMZ1\r\n--xy\r\n"
		      "Content-Type: application/x; name=c.exe\r\n\r\nMZ2\r\n" END,
		""));

	ck_assert_ptr_null(strstr(text, "MZ1"));
	ck_assert_ptr_null(strstr(text, "MZ2"));
	ck_assert_ptr_nonnull(strstr(text, "a.exe"));
	ck_assert_ptr_nonnull(strstr(text, "c.exe"));
	ck_assert_ptr_nonnull(strstr(text, "\r\n--x--\r\n"));
}
END_TEST

/* --- a body that others replace --- */

/* After the rules had looked: what they meant may be anywhere, so nothing of the body is left. Header fields stay what others made of them. */
START_TEST(leaves_nothing_of_a_body_that_came_later)
{
	struct inquiry *inquiry = judged(PROGRAM, MIXED EXE("a.exe") EXE("b.txt") END, "");
	struct inquiry_mail mail = {.id = "id"};
	const char *text;

	inquiry->mail = &mail;
	revision_replace_body(
		amendment_revision(inquiry), slice_of(EXE("b.txt") EXE("a.exe") "other" END));
	mail.has_rules = _i;
	ck_assert(revision_append(mail.revision, slice_of("X-Milter"), slice_of(" yes")));
	amendment_edit(inquiry, "id", 0);
	text = sent(inquiry);
	ck_assert_ptr_nonnull(strstr(text, "X-Milter: yes"));
	if (_i) /* they saw it without what was removed: what they bring is theirs */
		return;
	ck_assert_ptr_null(strstr(text, "MZ"));
	ck_assert_ptr_null(strstr(text, "other"));
	ck_assert_ptr_nonnull(strstr(text, "a.exe (rule r)"));
	ck_assert_ptr_nonnull(strstr(inquiry->stripped_whole, "replaced after"));
}
END_TEST

/* Bytes that no scanner of ours has said. */
START_TEST(believes_no_pieces)
{
	static const struct zip_prune_piece pieces[] = {
		{0, 5, NULL}, {4, 1, NULL}, {UINT64_MAX, 2, NULL}, {0, UINT64_MAX, NULL}};
	static const char *const bodies[] = {"AAAA", "", "AAA", "A\0AA", "!!!!"};
	struct zip_prune prune = {(struct zip_prune_piece *)(uintptr_t)&pieces[0], 1, 0, NULL};
	struct zip_prune_piece whole = {0, 3, NULL};
	struct strip_archive archive = {0, 0, 4, "", 1, &prune};

	for (int i = 0; i < COUNT(pieces); i++) {
		prune.pieces = (struct zip_prune_piece *)(uintptr_t)&pieces[i];
		ck_assert_ptr_null(strip_archive_print(scratch, slice_of("AAAA"), &archive));
	}
	prune.pieces = &whole;
	for (int i = 0; i < COUNT(bodies); i++) {
		char *body = strip_archive_print(scratch, slice_of(bodies[i]), &archive);
		ck_assert_int_eq(body != NULL, i == 0);
	}
	archive.end = archive.body - 1;
	ck_assert_ptr_nonnull(strip_archive_print(scratch, slice_of("AAAA"), &archive));
}
END_TEST

/* --- records that nobody should believe --- */

static const struct {
	int64_t at, body, end;
} places[] = {{-1, -1, -1}, {5, 3, 9}, {0, 9, 5}, {0, 0, INT64_MAX}, {INT64_MAX, INT64_MAX, 1}};

START_TEST(takes_all_when_nobody_knows_where)
{
	const char *message = TOP "\r\nbody\r\n";
	struct inquiry *inquiry =
		judged("rule r { stage rcpt when true then log \"x\" }", message, "");
	struct value_field record[32] = {{.state = FACT_ABSENT}};
	const struct vocabulary_field *fields = fact_row(FACT_ATTACHMENT)->rules->fields;
	struct value_records records = {record, 1, 0, false};
	struct strip *strip = strip_new(scratch, inquiry);

	for (; fields[records.width].name; records.width++) {
		const char *name = fields[records.width].name;
		int64_t number = strcmp(name, "part_at") == 0 ? places[_i].at
			: strcmp(name, "part_body") == 0      ? places[_i].body
							      : places[_i].end;
		if (strncmp(name, "part_", 5) == 0)
			record[records.width] = (struct value_field){
				FACT_KNOWN, {.type = VALUE_SIZE, .number = number}};
	}
	strip_take(strip, "r", &records);
	ck_assert_uint_eq(strip_edit(strip, inquiry->edits), 1);
	ck_assert_ptr_null(strstr(sent(inquiry), "body"));
	ck_assert_ptr_nonnull(strstr(sent(inquiry), "(without a name) (rule r)"));
}
END_TEST

START_TEST(tells_of_no_more_than_people_read)
{
	char *parts = talloc_strdup(scratch, MIXED "--x\r\n\r\n");
	const char *text;

	for (int i = 0; i < 100; i++)
		parts = talloc_asprintf_append(
			parts, "begin 644 %d.exe\r\n\"35H \r\n`\r\nend\r\n", i);
	text = sent(judged(PROGRAM, talloc_asprintf(scratch, "%s" END, parts), ""));
	ck_assert_ptr_nonnull(strstr(text, "0.exe (rule r)\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "and more\r\n"));
	ck_assert_uint_lt(strlen(text), 2000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("strip");
	TCase *cases = tcase_create("strip");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, takes_the_part, 0, COUNT(messages));
	tcase_add_loop_test(cases, takes_what_matched, 0, COUNT(choices));
	tcase_add_test(cases, does_nothing_in_observe_mode);
	tcase_add_test(cases, takes_all_readings);
	tcase_add_loop_test(cases, leaves_nothing_of_a_body_that_came_later, 0, 2);
	tcase_add_test(cases, believes_no_pieces);
	tcase_add_loop_test(cases, takes_all_when_nobody_knows_where, 0, COUNT(places));
	tcase_add_test(cases, tells_of_no_more_than_people_read);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
