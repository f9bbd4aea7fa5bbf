/* SPDX-License-Identifier: Apache-2.0 */
/* What a milter is told next, from what it has been told and what is asked about. */
#include "plugins/milter_progress.h"

#include "policy/mail/envelope.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define TEN "uuuuuuuuuu"

static void *scratch;
static struct inquiry inquiry;
static struct inquiry_mail mail;
static struct envelope *envelope;
static struct milter_progress *progress;
static unsigned addresses;

static void begin_mail(void)
{
	envelope = envelope_new(scratch);
	mail = (struct inquiry_mail){.envelope = envelope};
	inquiry.mail = &mail;
}

static void setup(void)
{
	scratch = talloc_new(NULL);
	inquiry = (struct inquiry){.facts = facts_new(scratch, NULL)};
	progress = milter_progress_new(scratch);
	addresses = 0;
}

static void teardown(void)
{
	talloc_free(scratch);
}

static struct recipient new_recipient(void)
{
	char *text = talloc_asprintf(scratch, "r%u@example.com", addresses++);

	return (struct recipient){.address = address_parse(scratch, slice_of(text))};
}

/* All that it is told at a stage, a letter each: those of the protocol; in small, recipients that are not asked about; X, one refused by others. */
static char *tell(char *told, enum stage stage)
{
	static const char letters[] = "CHMRrXTULNBE";
	enum milter_progress_event event;

	inquiry.stage = stage;
	milter_progress_begin_stage(progress, &inquiry);
	while ((event = milter_progress_next(progress, &inquiry)) != EVENT_NONE) {
		told = talloc_asprintf_append(told, "%c", letters[event]);
		if (event == EVENT_HEADER || event == EVENT_BODY)
			progress->mail.done[event] = true;
		milter_progress_note_told(progress, event, &inquiry);
	}
	milter_progress_end_stage(progress);
	return talloc_strdup_append(told, "|");
}

static const struct reply nobody = {.code = 550, .status = "5.1.1", .text = "nobody"};

static char *tell_recipient(char *told, bool passes)
{
	struct recipient recipient = new_recipient();

	mail.recipient = &recipient;
	told = tell(told, STAGE_RCPT);
	mail.recipient = NULL;
	if (passes)
		envelope_add(envelope, &recipient);
	else
		milter_progress_note_refused(progress, &recipient, &nobody);
	return told;
}

static void pass_recipient(void)
{
	struct recipient recipient = new_recipient();

	envelope_add(envelope, &recipient);
}

static void refuse_recipient(void)
{
	struct recipient recipient = new_recipient();
	milter_progress_note_refused(progress, &recipient, &nobody);
}

static const struct milter_settled refused = {true, ANSWER_REJECT, NULL};

/* One letter of a script: c h m r d e, asked at that stage; f, a recipient that it refuses; p, one that passes unasked; x, one that others
 * refuse; u, a command that is none; s and z, it settles session and mail; "." the mail ends; "!" the connection does. */
static char *play(char letter, char *told)
{
	static const char stages[] = "chmrde";
	static const enum stage values[] = {
		STAGE_CONNECT, STAGE_HELO, STAGE_MAIL, STAGE_RCPT, STAGE_DATA, STAGE_MESSAGE};
	const char *stage = strchr(stages, letter);

	if (letter == 'h')
		facts_set_text(inquiry.facts, FACT_HELO_NAME, "client.example");
	if (letter == 'm')
		begin_mail();
	if (letter == 'r' || letter == 'f')
		return tell_recipient(told, letter == 'r');
	if (stage)
		return tell(told, values[stage - stages]);
	if (letter == 'p')
		pass_recipient();
	if (letter == 'x')
		refuse_recipient();
	if (letter == 'u')
		milter_progress_note_unknown(progress, slice_of("FROG"));
	if (letter == 's')
		progress->settled = refused;
	if (letter == 'z')
		progress->mail.settled = refused;
	if (letter == '!')
		milter_progress_disconnect(progress);
	if (letter == '.') {
		milter_progress_end_mail(progress);
		inquiry.mail = NULL;
	}
	return told;
}

static const struct {
	const char *script, *told;
} rows[] = {
	{"chmrde", "C|H|M|R|T|LNBE|"},
	{"chmrrrde", "C|H|M|R|R|R|T|LNBE|"},
	/* it was not asked at every stage */
	{"mppe", "CM|rrTLNBE|"},
	{"m", "CM|"},
	{"hmppr", "CH|M|rrR|"},
	{"chmrppd", "C|H|M|R|rrT|"},
	/* again */
	{"chh", "C|H|H|"},
	{"chmrde.mrde", "C|H|M|R|T|LNBE|M|R|T|LNBE|"},
	{"chmrde.!mrd", "C|H|M|R|T|LNBE|CHM|R|T|"},
	{"chmrdee", "C|H|M|R|T|LNBE||"},
	/* recipients that it refuses, and that others refuse */
	{"chmfrd", "C|H|M|R|R|T|"},
	{"chmrfd", "C|H|M|R|R|T|"},
	{"chmxr", "C|H|M|XR|"},
	{"chmxxd", "C|H|M|XXT|"},
	{"chxm", "C|H|M|"},
	{"chmx.m", "C|H|M|M|"},
	/* commands that are none */
	{"cuh", "C|HU|"},
	{"chmu.m", "C|H|M|UM|"},
	{"ch" TEN TEN "m", "C|H|UUUUUUUUUUUUUUUUM|"},
	/* it has said enough */
	{"csuhm", "C|||"},
	{"chmzrde.mr", "C|H|M||||M|R|"},
	{"chmrzx.m", "C|H|M|R|M|"},
};

START_TEST(order)
{
	char *told = talloc_strdup(scratch, "");

	for (const char *letter = rows[_i].script; *letter; letter++)
		told = play(*letter, told);
	ck_assert_str_eq(told, rows[_i].told);
}
END_TEST

/* Whether the mail is to be called off, and how a stage ends. */
START_TEST(mail_in_hand)
{
	char *told = talloc_strdup(scratch, "");

	ck_assert(!milter_progress_is_open(progress));
	told = play('m', told);
	ck_assert(milter_progress_is_open(progress));
	play('z', told);
	ck_assert(!milter_progress_is_open(progress));
	told = play('d', told);
	ck_assert_int_eq(progress->answer, ANSWER_REJECT);
	told = play('.', told);
	told = play('m', told);
	ck_assert_int_eq(progress->answer, ANSWER_CONTINUE);
	ck_assert(milter_progress_is_open(progress));
	milter_progress_end_message(progress);
	ck_assert(!milter_progress_is_open(progress));
	ck_assert_str_eq(told, "CM||M|");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("milter_progress");
	TCase *cases = tcase_create("milter_progress");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_loop_test(cases, order, 0, COUNT(rows));
	tcase_add_test(cases, mail_in_hand);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
