/* SPDX-License-Identifier: Apache-2.0 */
/* What servers say they can do, and what is offered over several of them. */
#include "proxy/capabilities.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static const struct {
	const char *lines[5];
	unsigned keywords;
	int64_t size;
} replies[] = {
	{{"PIPELINING", "8BITMIME"}, CAPABILITY_PIPELINING | CAPABILITY_8BITMIME, 0},
	{{"pipelining", "Chunking", "SmtpUtf8"},
		CAPABILITY_PIPELINING | CAPABILITY_CHUNKING | CAPABILITY_SMTPUTF8, 0},
	{{"STARTTLS", "ENHANCEDSTATUSCODES"}, CAPABILITY_STARTTLS | CAPABILITY_ENHANCEDSTATUSCODES,
		0},
	{{"SIZE 36700160"}, CAPABILITY_SIZE, 36700160},
	{{"SIZE  36700160 "}, CAPABILITY_SIZE, 36700160},
	{{"SIZE"}, CAPABILITY_SIZE, 0},
	{{"SIZE 0"}, CAPABILITY_SIZE, 0}, /* RFC 1870 §4: no limit */
	{{"SIZE many"}, CAPABILITY_SIZE, 0},
	{{"SIZE -5"}, CAPABILITY_SIZE, 0},
	{{"SIZE 9223372036854775807"}, CAPABILITY_SIZE, INT64_MAX},
	{{"SIZE 9223372036854775808"}, CAPABILITY_SIZE, 0},
	{{"mx.example.com Hello", "HELP", "AUTH PLAIN LOGIN", "X-EXPS GSSAPI NTLM", "XDSN"}, 0, 0},
	{{"DSN", "REQUIRETLS"}, CAPABILITY_DSN | CAPABILITY_REQUIRETLS, 0},
	{{"PIPELININGS", "PIPE", "XPIPELINING", "SIZE=5", ""}, 0, 0},
	{{"CHUNKING with words behind it"}, CAPABILITY_CHUNKING, 0},
};

START_TEST(takes_in_lines)
{
	struct capabilities capabilities = {0};

	for (int i = 0; i < COUNT(replies[_i].lines) && replies[_i].lines[i]; i++)
		capabilities_add_line(&capabilities, slice_of(replies[_i].lines[i]));
	ck_assert_uint_eq(capabilities.keywords, replies[_i].keywords);
	ck_assert_int_eq(capabilities.size, replies[_i].size);
}
END_TEST

static const struct {
	struct capabilities a, b, both;
} pairs[] = {
	{{true, CAPABILITY_SMTPUTF8 | CAPABILITY_CHUNKING, 0},
		{true, CAPABILITY_SMTPUTF8 | CAPABILITY_SIZE, 0}, {true, CAPABILITY_SMTPUTF8, 0}},
	{{true, CAPABILITY_SMTPUTF8, 0}, {false, 0, 0}, {false, 0, 0}},
	{{true, 0, 10}, {true, 0, 20}, {true, 0, 10}},
	{{true, 0, 20}, {true, 0, 10}, {true, 0, 10}},
	{{true, 0, 20}, {true, 0, 0}, {true, 0, 20}},
	{{true, 0, 0}, {true, 0, 20}, {true, 0, 20}},
	{{true, 0, 0}, {true, 0, 0}, {true, 0, 0}},
	{{false, 0, 0}, {false, 0, 0}, {false, 0, 0}},
};

START_TEST(finds_what_both_can)
{
	struct capabilities both = capabilities_common(pairs[_i].a, pairs[_i].b);

	ck_assert(both.known == pairs[_i].both.known);
	ck_assert_uint_eq(both.keywords, pairs[_i].both.keywords);
	ck_assert_int_eq(both.size, pairs[_i].both.size);
}
END_TEST

/* Hop-by-hop keywords are always there, whatever the servers can; end-to-end ones only with them. */
static const struct row {
	struct capabilities servers;
	bool starttls;
	bool encrypted;
	const char *mechanisms;
	const char *size;
	const char *end_to_end;
} offers[] = {
	{{false, 0, 0}, false, false, NULL, "SIZE 1000", ""},
	{{false, 0, 0}, true, false, NULL, "SIZE 1000", ""},
	{{true, CAPABILITY_SMTPUTF8, 0}, false, false, NULL, "SIZE 1000", "SMTPUTF8\n"},
	{{true, CAPABILITY_SMTPUTF8 | CAPABILITY_STARTTLS, 500}, false, false, NULL, "SIZE 500",
		"SMTPUTF8\n"},
	{{true, CAPABILITY_CHUNKING, 5000}, true, false, NULL, "SIZE 1000", ""},
	{{true, CAPABILITY_DSN | CAPABILITY_REQUIRETLS, 0}, true, false, NULL, "SIZE 1000",
		"DSN\n"},
	{{true, CAPABILITY_DSN | CAPABILITY_REQUIRETLS, 0}, false, true, "PLAIN XOAUTH2",
		"SIZE 1000", "DSN\nREQUIRETLS\nAUTH PLAIN XOAUTH2\n"},
};

static char *offer_of(const struct row *row)
{
	struct offer offer = {.message_size = 1000,
		.messages = 7,
		.recipients = 8,
		.starttls = row->starttls,
		.encrypted = row->encrypted,
		.mechanisms = row->mechanisms};

	return capabilities_offer(NULL, row->servers, &offer);
}

START_TEST(offers_what_it_may)
{
	char *offer = offer_of(&offers[_i]);
	char *expected = talloc_asprintf(offer,
		"PIPELINING\n%s\n8BITMIME\nCHUNKING\nLIMITS MAILMAX=7 "
		"RCPTMAX=8\n%s%sENHANCEDSTATUSCODES",
		offers[_i].size, offers[_i].end_to_end, offers[_i].starttls ? "STARTTLS\n" : "");

	ck_assert_str_eq(offer, expected);
	talloc_free(offer);
}
END_TEST

/* What is offered can be read by who is offered it. */
START_TEST(reads_its_own_offer)
{
	char *offer = offer_of(&offers[_i]);
	struct slice rest = slice_of(offer);
	struct capabilities read = {0};

	while (rest.size)
		capabilities_add_line(&read, slice_cut(&rest, '\n'));
	ck_assert(read.keywords & CAPABILITY_PIPELINING && read.keywords & CAPABILITY_SIZE);
	ck_assert(!!(read.keywords & CAPABILITY_STARTTLS) == offers[_i].starttls);
	ck_assert(!!(read.keywords & CAPABILITY_SMTPUTF8) ==
		!!(offers[_i].servers.keywords & CAPABILITY_SMTPUTF8));
	ck_assert_int_eq(read.size, atoi(offers[_i].size + 5));
	talloc_free(offer);
}
END_TEST

/* However much room there is: whole words of the offer from its first on, and as many as there is room for. */
START_TEST(keeps_whole_mechanisms)
{
	static const char offer[] = "GSSAPI SCRAM-SHA-512-PLUS SCRAM-SHA-512 NTLM";
	char kept[64];

	for (size_t size = 1; size <= sizeof kept; size++) {
		memset(kept, 'x', sizeof kept);
		capabilities_add_mechanisms(
			kept, size, slice_of("AUTH GSSAPI SCRAM-SHA-512-PLUS SCRAM-SHA-512 NTLM"));
		size_t length = strnlen(kept, size);
		const char *next = strchr(offer + length + (offer[length] == ' '), ' ');
		size_t with_next = next ? (size_t)(next - offer) : sizeof offer - 1;
		ck_assert_uint_lt(length, size);
		ck_assert_mem_eq(kept, offer, length);
		ck_assert(length == 0 || offer[length] == ' ' || offer[length] == '\0');
		ck_assert(offer[length] == '\0' || with_next >= size);
	}
}
END_TEST

START_TEST(takes_mechanisms_of_auth_alone)
{
	char kept[16] = "PLAIN";

	capabilities_add_mechanisms(kept, sizeof kept, slice_of("AUTHENTIC NTLM"));
	capabilities_add_mechanisms(kept, sizeof kept, slice_of("SIZE 1000"));
	ck_assert_str_eq(kept, "PLAIN");
	capabilities_add_mechanisms(kept, sizeof kept, slice_of("auth NTLM"));
	ck_assert_str_eq(kept, "NTLM");
	capabilities_add_mechanisms(kept, sizeof kept, slice_of("AUTH SCRAM-SHA-256-PLUS"));
	ck_assert_str_eq(kept, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("capabilities");
	TCase *cases = tcase_create("capabilities");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, takes_in_lines, 0, COUNT(replies));
	tcase_add_loop_test(cases, finds_what_both_can, 0, COUNT(pairs));
	tcase_add_loop_test(cases, offers_what_it_may, 0, COUNT(offers));
	tcase_add_loop_test(cases, reads_its_own_offer, 0, COUNT(offers));
	tcase_add_test(cases, keeps_whole_mechanisms);
	tcase_add_test(cases, takes_mechanisms_of_auth_alone);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
