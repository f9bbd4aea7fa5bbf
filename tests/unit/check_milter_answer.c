/* SPDX-License-Identifier: Apache-2.0 */
/* What milters want clients to hear. */
#include "policy/milter_answer.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

static const struct {
	const char *text;
	int code; /* 0: it is no reply */
	const char *status, *said;
} rows[] = {
	{"550 5.7.1 no", 550, "5.7.1", "no"},
	{"451 later", 451, "", "later"},
	{"421 4.7.0 bye", 421, "4.7.0", "bye"},
	{"550-5.7.1 one\r\n550 5.7.1 two", 550, "5.7.1", "one\ntwo"},
	{"550-5.7.1 one\n550 5.7.1 two\n", 550, "5.7.1", "one\ntwo"},
	/* A code or a status alone. */
	{"550", 0, NULL, NULL},
	{"550 ", 0, NULL, NULL},
	{"550 5.7.2", 0, NULL, NULL},
	{"5.7.2", 0, NULL, NULL},
	{"", 0, NULL, NULL},
	/* Other codes, other classes. */
	{"250 2.0.0 ok", 0, NULL, NULL},
	{"354 go ahead", 0, NULL, NULL},
	{"650 no", 0, NULL, NULL},
	{"5x0 no", 0, NULL, NULL},
	{"55 no", 0, NULL, NULL},
	{"550 4.7.1 no", 550, "", "4.7.1 no"},
	/* Lines that do not belong together. */
	{"550-one\r\n451 two", 0, NULL, NULL},
	{"550 one\r\n550 two", 0, NULL, NULL},
	{"550-one", 0, NULL, NULL},
	{"550one", 0, NULL, NULL},
	{"550 a\rb", 0, NULL, NULL},
	{"550 a\x01 b", 0, NULL, NULL},
	{"550 a\n\n", 0, NULL, NULL},
};

START_TEST(reads_replies)
{
	void *scratch = talloc_new(NULL);
	struct reply reply;
	bool is_reply = milter_answer_reply(scratch, rows[_i].text, &reply);

	ck_assert_int_eq(is_reply, rows[_i].code != 0);
	if (is_reply) {
		ck_assert_int_eq(reply.code, rows[_i].code);
		ck_assert_str_eq(reply.status, rows[_i].status);
		ck_assert_str_eq(reply.text, rows[_i].said);
	}
	talloc_free(scratch);
}
END_TEST

START_TEST(bounds_lines)
{
	void *scratch = talloc_new(NULL);
	char *text = talloc_strdup(scratch, "");
	struct reply reply;

	for (int i = 0; i < 31; i++)
		text = talloc_asprintf_append(text, "550-line\n");
	ck_assert(
		milter_answer_reply(scratch, talloc_asprintf(scratch, "%s550 last", text), &reply));
	ck_assert(!milter_answer_reply(
		scratch, talloc_asprintf(scratch, "%s550-more\n550 last", text), &reply));
	ck_assert(milter_answer_reply(scratch, talloc_asprintf(scratch, "550 %0976d", 1), &reply));
	ck_assert(!milter_answer_reply(scratch, talloc_asprintf(scratch, "550 %0977d", 1), &reply));
	talloc_free(scratch);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("milter_answer");
	TCase *cases = tcase_create("all");
	SRunner *runner = srunner_create(suite);

	tcase_add_loop_test(cases, reads_replies, 0, sizeof rows / sizeof rows[0]);
	tcase_add_test(cases, bounds_lines);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
