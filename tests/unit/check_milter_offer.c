/* SPDX-License-Identifier: Apache-2.0 */
/* What milters have agreed to, in words. */
#include "plugins/milter_offer.h"

#include "plugins/milter_wire.h"

#include <check.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define END "wants to hear the end of the message"

static const struct {
	uint32_t version, actions, protocol;
	const char *text;
} rows[] = {
	{6, 0, MILTER_ALL_PROTOCOL, "version 6; " END},
	{6, 0, 0,
		"version 6; " END
		", connect, helo, mail, rcpt, data, unknown commands, header, end of header, body"},
	{2, MILTER_ADD_HEADERS, MILTER_ALL_PROTOCOL & ~(uint32_t)MILTER_NO_HEADERS,
		"version 2; " END ", header; may add fields"},
	{6, MILTER_ALL_ACTIONS, MILTER_ALL_PROTOCOL,
		"version 6; " END
		"; may add fields, change fields, change the body, change the sender, add "
		"recipients, delete recipients, quarantine"},
	{6, MILTER_SET_MACROS, UINT32_MAX, "version 6; " END},
};

START_TEST(words)
{
	char *text =
		milter_offer_print(NULL, rows[_i].version, rows[_i].actions, rows[_i].protocol);

	ck_assert_str_eq(text, rows[_i].text);
	talloc_free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("milter_offer");
	TCase *cases = tcase_create("milter_offer");
	SRunner *runner = srunner_create(suite);

	tcase_add_loop_test(cases, words, 0, COUNT(rows));
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
