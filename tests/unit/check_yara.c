/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of YARA: what is wrong with them, what they find, and rules of ours that ask for it. In a build without libyara: that it says so. */
#include "rule_site.h"

#include "policy/content/yara.h"
#include "policy/scan.h"

#include <check.h>
#include <stdlib.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define SITE                                                                                       \
	"hostname = mx.example.com relay { domains = {example.com} } "                             \
	"checks { chain = {rules} } rules { files = {a.rules} } "
#define YARA "scanner { yara_rules = {y.txt} }"
#define WORD "rule word { strings: $a = \"gift vouchers\" nocase condition: $a } "
#define PROGRAM "rule program { condition: uint16(0) == 0x5a4d } "
#define ASKS "rule r { stage message when yara.matches == \"word\" then reject }"

static void *scratch;

static void set_up(void)
{
	scratch = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

static struct rule_site *site_of(const char *yara, const char *rules, const char *more)
{
	struct rule_site *site = rule_site_new(scratch);

	rule_site_write(site, "y.txt", yara);
	rule_site_write(site, "a.rules", rules);
	rule_site_read(site, talloc_asprintf(scratch, SITE "%s", more));
	return site;
}

/* --- complaints --- */

static const struct {
	const char *yara, *rules, *more, *says;
} complaints[] = {
	{WORD, ASKS, YARA, ""},
	{"rule a { condition: }", ASKS, YARA, "y.txt:1:1: error: YARA: "},
	{"\n\nrule a { strings: $a = \"x\" condition: $b }", ASKS, YARA,
		"y.txt:3:1: error: YARA: "},
	{"import \"magic\" rule a { condition: magic.type() == \"x\" }", ASKS, YARA,
		"error: YARA: the module magic needs files"},
	{WORD, ASKS, "", "scanner.yara_rules names no files"},
	{WORD, "rule r { stage message when any yara (path == \"a\") then reject }", "",
		"scanner.yara_rules names no files"},
	{WORD, "rule r { stage message when count(yara) > 1 then reject }", "",
		"scanner.yara_rules names no files"},
	{WORD, ASKS, "scanner { yara_rules = {none.txt} }", "none.txt: No such file"},
};

START_TEST(complains)
{
	const char *says = yara_missing ? "--with-yara" : complaints[_i].says;
	const struct rule_site *site =
		site_of(complaints[_i].yara, complaints[_i].rules, complaints[_i].more);
	const char *said = complaints_text(scratch, site->complaints);

	ck_assert_msg(*says ? strstr(said, says) != NULL : !*said, "%s", said);
	ck_assert_int_eq(complaints_errors(site->complaints) > 0, *says != '\0');
}
END_TEST

/* --- searching --- */

static void add_match(void *owner, const char *rule)
{
	char **text = owner;

	*text = talloc_asprintf_append(*text, "%s ", rule);
}

static const struct yara *yara_of(const char *text)
{
	const struct rule_site *site = site_of(text, "", YARA);

	rule_site_is_good(site);
	return site->policy->yara;
}

static const struct {
	const char *bytes, *matches;
} searches[] = {{"", ""}, {"nothing", ""}, {"some GIFT vouchers", "word "}, {"MZ", "program "},
	{"MZ gift vouchers gift vouchers", "word program "}};

START_TEST(searches_bytes)
{
	char *text = talloc_strdup(scratch, "");

	if (yara_missing)
		return;
	ck_assert(yara_search(
		yara_of(WORD PROGRAM), slice_of(searches[_i].bytes), 5, add_match, &text));
	ck_assert_str_eq(text, searches[_i].matches);
}
END_TEST

/* A string in front of which there is anything, a million times. */
START_TEST(does_not_say_all_when_it_was_cut)
{
	char *bytes = talloc_array(scratch, char, 4 << 20), *text = talloc_strdup(scratch, "");

	if (yara_missing)
		return;
	memset(bytes, 'a', 4 << 20);
	ck_assert(!yara_search(
		yara_of("rule many { strings: $a = \"aa\" condition: #a > 100000000 }"),
		slice_make(bytes, 4 << 20), 20, add_match, &text));
}
END_TEST

/* --- rules that ask --- */

static void carry(
	void *owner, struct inquiry *inquiry, const struct question *question, struct await *await)
{
	struct scan_tools *tools = scan_prepare(scratch, inquiry->policy);
	struct slice request = scan_ask(scratch, inquiry);
	struct slice answer =
		scan_answer(scratch, tools, request, message_bytes(inquiry->message), 0);

	(void)owner;
	(void)question;
	ck_assert(scan_hear(inquiry, answer));
	await_skip(await, OUTCOME_DONE);
}

static struct inquiry *judged(struct rule_site *site, const char *message)
{
	static const struct check *const no_gates[] = {NULL};
	struct learner learners[LEARNERS] = {{NULL, NULL}};
	struct facts *facts = facts_new(scratch, NULL);
	struct inquiry *inquiry;
	struct await await;

	learners[LEARNER_CONTENT] = (struct learner){carry, NULL};
	inquiry = inquiry_new(scratch,
		chain_new(
			scratch, site->policy, no_gates, checks_table, learners, site->complaints),
		facts);
	facts_set_text(facts, FACT_SENDER, "a@example.net");
	inquiry->message = message_view(scratch, slice_of(message), 0);
	await_init(&await, NULL, NULL, NULL);
	inquiry_begin_judging(inquiry, STAGE_MESSAGE, NULL, AWAIT_FOR_EVER, &await);
	ck_assert(!await.pending);
	return inquiry;
}

/* A ZIP in a ZIP, with a text in it. */
#define NESTED                                                                                     \
	"UEsDBBQAAAAAAABQdl0kVdwWcQAAAHEAAAAFAAAAYi56aXBQSwMEFAAAAAAAAFB2XYamEDYFAAAA\r\n"         \
	"BQAAAAUAAABjLnR4dGhlbGxvUEsBAhQDFAAAAAAAAFB2XYamEDYFAAAABQAAAAUAAAAAAAAAAAAA\r\n"         \
	"AIABAAAAAGMudHh0UEsFBgAAAAABAAEAMwAAACgAAAAAAFBLAQIUAxQAAAAAAABQdl0kVdwWcQAA\r\n"         \
	"AHEAAAAFAAAAAAAAAAAAAACAAQAAAABiLnppcFBLBQYAAAAAAQABADMAAACUAAAAAAA=\r\n"
#define MIXED                                                                                      \
	"Subject: x\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n"                   \
	"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n"                     \
	"PGI+R2lmdDwvYj4gdm91Y2hlcnM=\r\n--B\r\n" /* <b>Gift</b> vouchers */                       \
	"Content-Type: image/gif; name=a.gif\r\nContent-Transfer-Encoding: "                       \
	"base64\r\n\r\nTVqQ\r\n--B--\r\n"
#define WHEN(when) "rule r { stage message when " when " then reject }"

static const struct {
	const char *rules, *settings, *message;
	enum verdict_kind kind;
} asked[] = {
	/* In a text as a reader sees it, and in a file, both decoded. */
	{WHEN("yara.matches == \"word\""), "", MIXED, VERDICT_REJECT},
	{WHEN("any yara (name == \"program\" and path == \"a.gif\")"), "", MIXED, VERDICT_REJECT},
	{WHEN("any yara (name == \"word\" and path == \"a.gif\")"), "", MIXED, VERDICT_NONE},
	{WHEN("yara.matches in { \"other\" }"), "", MIXED, VERDICT_NONE},
	{WHEN("yara.matches == \"word\""), "", "Subject: gift vouchers\r\n\r\nhello",
		VERDICT_REJECT},
	{WHEN("count(yara) == 0"), "", "Subject: x\r\n\r\nhello", VERDICT_REJECT},
};

START_TEST(answers_rules)
{
	struct rule_site *site;

	if (yara_missing)
		return;
	site = site_of(WORD PROGRAM, asked[_i].rules, YARA);
	rule_site_is_good(site);
	ck_assert_int_eq(judged(site, asked[_i].message)->verdict.kind, asked[_i].kind);
}
END_TEST

/* What was not searched to its end fails whoever asks, unless what was found decides. The files are one in the other. */
START_TEST(never_takes_a_limit_for_no_match)
{
	static const char message[] =
		"Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: "
		"base64\r\n\r\n" NESTED;
	struct rule_site *site;

	if (yara_missing)
		return;
	site = site_of(WORD, WHEN("not yara.matches == \"word\""),
		"scanner { yara_rules = {y.txt} depth = 1 }");
	rule_site_is_good(site);
	ck_assert_int_eq(judged(site, message)->verdict.kind, VERDICT_NONE);
	site = site_of(WORD, WHEN("not yara.matches == \"word\""), YARA);
	ck_assert_int_eq(judged(site, message)->verdict.kind, VERDICT_REJECT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("yara");
	TCase *tests = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, complains, 0, COUNT(complaints));
	tcase_add_loop_test(tests, searches_bytes, 0, COUNT(searches));
	tcase_add_test(tests, does_not_say_all_when_it_was_cut);
	tcase_add_loop_test(tests, answers_rules, 0, COUNT(asked));
	tcase_add_test(tests, never_takes_a_limit_for_no_match);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
