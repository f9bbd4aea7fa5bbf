/* SPDX-License-Identifier: Apache-2.0 */
/* What milters have agreed to: taken, and in words. */
#include "plugins/milter_offer.h"

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
	const struct milter_offer offer = {
		rows[_i].version, rows[_i].actions, rows[_i].protocol, {NULL}};
	char *text = milter_offer_print(NULL, &offer);

	ck_assert_str_eq(text, rows[_i].text);
	talloc_free(text);
}
END_TEST

static const struct {
	char byte;
	uint32_t said[3];
	const char *fault;
	uint32_t protocol; /* then */
} answers[] = {
	{MILTER_OFFER, {6, MILTER_ALL_ACTIONS, 0}, NULL, 0},
	{MILTER_OFFER, {6, 0, MILTER_ALL_PROTOCOL}, NULL, MILTER_ALL_PROTOCOL},
	{MILTER_OFFER, {6, 0, 0xff000000}, NULL, 0xff000000},
	{MILTER_OFFER, {4, 0, 0}, NULL, 0},
	{MILTER_OFFER, {3, 0, 0}, NULL, MILTER_NO_DATA},
	{MILTER_OFFER, {2, 0, MILTER_NO_BODY}, NULL,
		MILTER_NO_BODY | MILTER_NO_DATA | MILTER_NO_UNKNOWN},
	{MILTER_OFFER, {1, 0, 0}, "it speaks another version of the protocol", 0},
	{MILTER_OFFER, {7, 0, 0}, "it speaks another version of the protocol", 0},
	{MILTER_OFFER, {6, 0x200, 0}, "it wants actions that do not exist", 0},
	{MILTER_CONTINUE, {6, 0, 0}, "it does not negotiate", 0},
};

START_TEST(taking)
{
	const uint32_t *said = answers[_i].said;
	const struct milter_packet packet = {
		.byte = answers[_i].byte, .numbers = {said[0], said[1], said[2]}};
	const char *fault;
	struct milter_offer *offer = milter_offer_take(NULL, &packet, &fault);

	ck_assert_pstr_eq(fault, answers[_i].fault);
	ck_assert_int_eq(!offer, !!fault);
	if (offer) {
		ck_assert_uint_eq(offer->version, said[0]);
		ck_assert_uint_eq(offer->actions, said[1]);
		ck_assert_uint_eq(offer->protocol, answers[_i].protocol);
	}
	talloc_free(offer);
}
END_TEST

/* The last list for a stage counts; those for stages that do not exist are passed over. */
START_TEST(lists)
{
	const struct milter_packet packet = {.byte = MILTER_OFFER,
		.numbers = {6, 0, 0},
		.lists = {{MACROS_EOH, slice_of("i")}, {MACROS_EOM, slice_of("j")},
			{MACROS_STAGES, slice_of("x")}, {UINT32_MAX, slice_of("y")},
			{MACROS_EOH, slice_of("i {msg_id}")}},
		.list_count = 5};
	const char *fault;
	struct milter_offer *offer = milter_offer_take(NULL, &packet, &fault);

	ck_assert_ptr_nonnull(offer);
	ck_assert_str_eq(offer->macros[MACROS_EOH], "i {msg_id}");
	ck_assert_str_eq(offer->macros[MACROS_EOM], "j");
	for (size_t i = 0; i < MACROS_EOM; i++)
		ck_assert_ptr_null(offer->macros[i]);
	talloc_free(offer);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("milter_offer");
	TCase *cases = tcase_create("milter_offer");
	SRunner *runner = srunner_create(suite);

	tcase_add_loop_test(cases, words, 0, COUNT(rows));
	tcase_add_loop_test(cases, taking, 0, COUNT(answers));
	tcase_add_test(cases, lists);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
