/* SPDX-License-Identifier: Apache-2.0 */
/* What would have been. */
#include "judging.h"

#include "policy/report.h"

#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define OBSERVED                                                                                   \
	"\"observed\": {\"verdict\": \"reject\", \"decided_by\": \"check helo\", \"text\": "       \
	"\"no\"}"
#define MONITORED(check)                                                                           \
	"\"trace\": [{\"check\": \"" check                                                         \
	"\", \"monitored\": true, \"would\": \"reject\", \"detail\": \"seen\"}]"
#define DIFFERENCE(stage)                                                                          \
	"{\"stage\": \"" stage "\", \"by\": \"rule new\", \"of\": \"shadow\", \"rules\": "         \
	"{\"text\": \"nothing\"}, \"shadow\": {\"text\": \"reject 550\"}}"
#define CLIENT "\"client.ip\": \"192.0.2.1\""
#define RECORD(id, facts, more) "{\"id\": \"" id "\", \"facts\": {" facts "}, " more "}"

static void *scratch;

static void set_up(void)
{
	scratch = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

static const char *print(const struct report *report, bool json)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	const char *kept;

	report_print(report, "7d", json, out);
	fclose(out);
	kept = talloc_strdup(scratch, text);
	free(text);
	return kept;
}

static const struct {
	const char *record;
	const char *said; /* in the text; NULL: nothing is found */
} records[] = {
	{RECORD("x.1", CLIENT, OBSERVED),
		"not with: allow \"192.0.2.1\" { networks = {\"192.0.2.1\"} }"},
	{RECORD("x.1", CLIENT ", \"sender.domain\": \"example.net\", \"spf.result\": \"pass\"",
		 OBSERVED),
		"not with: allow \"example.net\" { senders = {\"example.net\"} }"},
	{RECORD("x.1", CLIENT ", \"sender.domain\": \"example.net\", \"spf.result\": \"none\"",
		 OBSERVED),
		"not with: allow \"192.0.2.1\""},
	{RECORD("x.1",
		 CLIENT ", \"sender.domain\": \"example.net\", \"client.is_trusted_relay\": true",
		 OBSERVED),
		"{ senders = {\"example.net\"}  unverified = yes }"},
	{RECORD("x.1",
		 CLIENT ", \"sender.domain\": \"a\\\"} mode = \\\"x\", \"spf.result\": \"pass\"",
		 OBSERVED),
		"not with: allow \"192.0.2.1\""},
	{RECORD("x.1", "\"client.ip\": \"1\\\" evil\"", OBSERVED), "no entry of the allow-list"},
	{RECORD("x.1", CLIENT, MONITORED("spf")), "check spf: reject: seen"},
	{RECORD("x.1", CLIENT, MONITORED("rule odd")), "    rule odd: reject: seen"},
	{RECORD("x.1", CLIENT, MONITORED("size")), "no entry of the allow-list"},
	{RECORD("x.1", CLIENT,
		 "\"trace\": [{\"check\": \"spf\", \"monitored\": true, \"score\": 3.0}, "
		 "{\"check\": \"spf\", \"monitored\": true, \"score\": 1.5}]"),
		"check spf                would have scored 4.5 in 2"},
	{RECORD("x.1", CLIENT, "\"trace\": [{\"check\": \"spf\", \"would\": \"reject\"}]"), NULL},
	{RECORD("x.1", CLIENT, "\"session\": \"connect\", " OBSERVED),
		"1 sessions were judged and came to no transaction"},
	{RECORD("x.1", CLIENT,
		 "\"trace\": [{\"check\": \"rule odd\", \"monitored\": true, \"fallen\": true, "
		 "\"would\": \"reject\"}]"),
		"rule odd                 would have refused 1, 0 known as good; fell: it harmed "
		"the known-good"},
	{RECORD("x.1", CLIENT ", \"client.known_good\": true",
		 "\"shadow\": [" DIFFERENCE("rcpt") ", " DIFFERENCE("data") "]"),
		"in 1 transactions, because of\n  the shadow's rule new: 1, 1 known as good\n    "
		"as x.1 at data: reject "
		"550 instead of nothing\n"},
	{RECORD("x.1", CLIENT, "\"shadow\": [1, {}, null, {\"by\": 1}]"), NULL},
	{RECORD("x.1", CLIENT, "\"shadow\": {\"by\": \"x\"}"), NULL},
	{RECORD("x.1", CLIENT, "\"trace\": [1, null, {}]"), NULL},
	{RECORD("x.1", CLIENT, "\"observed\": 1, \"trace\": 2"), NULL},
	{"{}", NULL},
	{"nonsense", NULL},
};

START_TEST(finds)
{
	struct report *report = report_new(scratch, checks_table);
	const char *text;

	report_add(report, slice_of(records[_i].record));
	text = print(report, false);
	if (records[_i].said)
		ck_assert_msg(strstr(text, records[_i].said) != NULL, "%s", text);
	else
		ck_assert_ptr_null(strstr(text, "not with"));
}
END_TEST

START_TEST(tells_the_known_good_first_and_each_once)
{
	struct report *report = report_new(scratch, checks_table);
	const char *text, *json;

	report_add(report, slice_of(RECORD("first.1", CLIENT, OBSERVED ", " MONITORED("helo"))));
	report_add(report,
		slice_of(RECORD("second.1", CLIENT ", \"sender.known_good\": true", OBSERVED)));
	report_add(report,
		slice_of(RECORD("third.1", CLIENT ", \"client.known_good\": false", "\"x\": 1")));
	text = print(report, false);
	ck_assert_msg(strstr(text,
			      "Of 3 transactions of the last 7d, 2 would have been refused, 1 of "
			      "these known as good.") != NULL,
		"%s", text);
	ck_assert_ptr_nonnull(strstr(text, "would have refused 2, 1 known as good"));
	ck_assert_ptr_nonnull(strstr(text, "Known as good\n  second.1"));
	ck_assert_ptr_nonnull(strstr(text, "Others\n  first.1"));
	ck_assert(strstr(text, "second.1") < strstr(text, "first.1"));
	json = print(report, true);
	ck_assert_ptr_nonnull(strstr(json, "\"transactions\": 3"));
	ck_assert(strstr(json, "second.1") < strstr(json, "first.1"));
}
END_TEST

/* A stranger's words do not reach the terminal as they are. */
START_TEST(prints_safely)
{
	struct report *report = report_new(scratch, checks_table);

	report_add(report,
		slice_of(RECORD("x.1", CLIENT ", \"sender\": \"\\u001b[2J\\n@x\"", OBSERVED)));
	ck_assert_ptr_null(strchr(print(report, false), '\033'));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("report");
	TCase *tests = tcase_create("report");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, finds, 0, COUNT(records));
	tcase_add_test(tests, tells_the_known_good_first_and_each_once);
	tcase_add_test(tests, prints_safely);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
