/* SPDX-License-Identifier: Apache-2.0 */
/* What a milter answers, and what that settles. */
#include "plugins/milter_hearing.h"

#include "base/log.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define CLOSING "421 4.7.0 closing, please try again later"

static void *scratch;
static struct milter_offer offer;
static struct milter_reader reader;
static struct milter_hearing hearing;
static unsigned logged;

static void count(const char *line, void *owner)
{
	(void)line;
	(void)owner;
	logged++;
}

static void setup(void)
{
	scratch = talloc_new(NULL);
	logged = 0;
	log_capture(count, NULL);
	offer = (struct milter_offer){
		.version = 6, .actions = MILTER_ADD_HEADERS | MILTER_QUARANTINES};
	reader = (struct milter_reader){.maximum = MILTER_WIRE_HEARD_MAXIMUM};
	hearing = (struct milter_hearing){.progress = milter_progress_new(scratch),
		.offer = &offer,
		.milter = "m",
		.body_most = 1000};
}

static void teardown(void)
{
	talloc_free(scratch);
	log_capture(NULL, NULL);
}

/* Packets as they come, of payloads that "|" separates; "~" is NUL. */
static struct slice packets(const char *text)
{
	struct slice rest = slice_of(text), payload;
	char *bytes = talloc_array(scratch, char, 5 * rest.size + 5);
	size_t used = 0;

	while (rest.size) {
		payload = slice_cut(&rest, '|');
		memcpy(bytes + used, "\0\0\0", 3);
		bytes[used + 3] = (char)payload.size;
		for (size_t i = 0; i < payload.size; i++)
			bytes[used + 4 + i] = payload.data[i] == '~' ? '\0' : payload.data[i];
		used += 4 + payload.size;
	}
	return slice_make(bytes, used);
}

/* What is known then, in words. */
static char *describe(enum milter_heard heard)
{
	struct milter_progress *progress = hearing.progress;
	char *text;

	if (heard == HEARD_FAULT)
		return talloc_strdup(scratch, hearing.fault);
	if (heard == HEARD_MORE_COMES)
		return talloc_strdup(scratch, hearing.wants_time ? "at work" : "more comes");
	if (hearing.event == EVENT_EOM)
		milter_progress_end_message(progress);
	milter_progress_end_stage(progress);
	text = talloc_asprintf(scratch, "%s%s%s", milter_answer_names[progress->answer],
		progress->reply ? " " : "", progress->reply ? progress->reply : "");
	return talloc_asprintf_append(text, "%s%s%s%s%s",
		progress->settled.is_settled ? ", session" : "",
		progress->mail.settled.is_settled ? ", mail" : "",
		progress->mail.done[EVENT_HEADER] ? ", no more fields" : "",
		progress->mail.done[EVENT_BODY] ? ", no more body" : "",
		milter_progress_changes(progress) ? ", changes" : "");
}

static const struct {
	enum milter_progress_event event;
	const char *said, *known;
} rows[] = {
	{EVENT_CONNECT, "c", "continue"},
	{EVENT_CONNECT, "a", "accept, session"},
	{EVENT_CONNECT, "r", "reject, session"},
	{EVENT_HELO, "t", "tempfail, session"},
	{EVENT_HELO, "y421 4.3.2 later~", "tempfail 421 4.3.2 later, session"},
	{EVENT_CONNECT, "d", "it discards where there is no message"},
	{EVENT_MAIL, "c", "continue"},
	{EVENT_MAIL, "a", "accept, mail"},
	{EVENT_MAIL, "r", "reject, mail"},
	{EVENT_MAIL, "d", "discard, mail"},
	{EVENT_MAIL, "4", "tempfail " CLOSING ", mail"},
	{EVENT_MAIL, "s", "continue"},
	/* one recipient */
	{EVENT_RCPT, "r", "reject"},
	{EVENT_RCPT, "t", "tempfail"},
	{EVENT_RCPT, "a", "accept, mail"},
	{EVENT_RCPT, "d", "discard, mail"},
	{EVENT_EARLIER, "r", "continue"},
	{EVENT_EARLIER, "a", "accept, mail"},
	{EVENT_REFUSED, "y550 5.1.1 no~", "continue"},
	{EVENT_UNKNOWN, "r", "continue"},
	{EVENT_UNKNOWN, "a", "continue"},
	{EVENT_UNKNOWN, "d", "it discards where there is no message"},
	/* replies */
	{EVENT_RCPT, "y450 4.2.0 wait~", "tempfail 450 4.2.0 wait"},
	{EVENT_RCPT, "y550 5.7.1 100%% no%~", "reject 550 5.7.1 100% no%"},
	{EVENT_RCPT, "y550-5.7.1 no\r\n550 5.7.1 never~", "reject 550-5.7.1 no\n550 5.7.1 never"},
	{EVENT_RCPT, "y550~", "reject"},
	{EVENT_RCPT, "y55~", "its reply has no code"},
	{EVENT_RCPT, "y250 fine~", "its reply has no code"},
	{EVENT_RCPT, "y5x0 no~", "its reply has no code"},
	/* the message */
	{EVENT_HEADER, "s", "continue, no more fields"},
	{EVENT_BODY, "s", "continue, no more body"},
	{EVENT_BODY, "r", "reject, mail"},
	{EVENT_EOM, "a", "continue"},
	{EVENT_EOM, "hX~ y~|c", "continue, changes"},
	{EVENT_EOM, "hX~ y~|a", "continue, changes"},
	{EVENT_EOM, "hX~ y~|r", "reject, mail"},
	{EVENT_EOM, "hX~ y~", "more comes"},
	{EVENT_EOM, "qodd~|c", "quarantine odd, mail, changes"},
	{EVENT_EOM, "qodd~|t", "tempfail, mail"},
	{EVENT_MAIL, "qodd~|c", "continue"},
	{EVENT_MAIL, "hX~ y~|c", "it changes a message that it has not heard all of"},
	{EVENT_EOM, "bnew|c", "it replaces a body and has not announced that it does"},
	/* time */
	{EVENT_MAIL, "p", "at work"},
	{EVENT_MAIL, "p|p|c", "continue"},
	{EVENT_MAIL, "f", "it answers what is no answer to this"},
};

START_TEST(at_once)
{
	hearing.event = rows[_i].event;
	ck_assert_str_eq(describe(milter_hearing_take(&hearing, &reader, packets(rows[_i].said))),
		rows[_i].known);
	ck_assert_uint_eq(logged, 0);
}
END_TEST

START_TEST(byte_by_byte)
{
	struct slice bytes = packets(rows[_i].said);
	enum milter_heard heard = HEARD_MORE_COMES;

	hearing.event = rows[_i].event;
	for (; bytes.size && heard == HEARD_MORE_COMES; bytes = slice_from(bytes, 1))
		heard = milter_hearing_take(&hearing, &reader, slice_make(bytes.data, 1));
	ck_assert_str_eq(describe(heard), rows[_i].known);
}
END_TEST

static const struct {
	const char *bytes;
	size_t size;
	const char *fault;
} floods[] = {
	{"\0\0\0\1c\0\0\0\1c", 10, "it answers more than it was asked"},
	{"\0\0\0\1c\0", 6, "it answers more than it was asked"},
	{"\0\x10\0\1c", 5, "what it says is too large"},
	{"\xff\xff\xff\xff", 4, "what it says is too large"},
};

START_TEST(too_much)
{
	hearing.event = EVENT_MAIL;
	ck_assert_int_eq(milter_hearing_take(
				 &hearing, &reader, slice_make(floods[_i].bytes, floods[_i].size)),
		HEARD_FAULT);
	ck_assert_str_eq(hearing.fault, floods[_i].fault);
}
END_TEST

/* What it has not announced is done, but for a new body; that is logged once. */
START_TEST(lies)
{
	hearing.event = EVENT_EOM;
	ck_assert_str_eq(describe(milter_hearing_take(&hearing, &reader,
				 packets("+<a@example.com>~|e<b@example.com>~|c"))),
		"continue, changes");
	ck_assert_uint_eq(logged, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("milter_hearing");
	TCase *cases = tcase_create("milter_hearing");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_loop_test(cases, at_once, 0, COUNT(rows));
	tcase_add_loop_test(cases, byte_by_byte, 0, COUNT(rows));
	tcase_add_loop_test(cases, too_much, 0, COUNT(floods));
	tcase_add_test(cases, lies);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
