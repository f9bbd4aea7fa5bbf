/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines taken apart, and what is said about those that are wrong. */
#include "proxy/command.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define BYTES(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}
#define X10 "0123456789"
#define X50 X10 X10 X10 X10 X10
#define X250 X50 X50 X50 X50 X50
#define X100 X50 X50

typedef const struct reply *(*parse_fn)(const void *parent, struct command *command);

static const struct {
	struct slice line, verb, argument;
} splits[] = {
	{BYTES("NOOP"), BYTES("NOOP"), BYTES("")},
	{BYTES("NOOP "), BYTES("NOOP"), BYTES("")},
	{BYTES("noop  a  b \t"), BYTES("noop"), BYTES("a  b")},
	{BYTES("MAIL FROM:<a@b.example>"), BYTES("MAIL"), BYTES("FROM:<a@b.example>")},
	{BYTES("MAIL \tFROM:<>"), BYTES("MAIL"), BYTES("FROM:<>")},
	{BYTES(""), BYTES(""), BYTES("")},
	{BYTES(" NOOP"), BYTES(""), BYTES("NOOP")},
	{BYTES("HELO\ta"), BYTES("HELO\ta"), BYTES("")},
	{BYTES("HELO a\rb"), BYTES("HELO"), BYTES("a\rb")},
	{BYTES("Subject: x"), BYTES("Subject:"), BYTES("x")},
};

static bool same(struct slice a, struct slice b)
{
	return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

START_TEST(splits_lines)
{
	struct command command;

	command_split(&command, splits[_i].line);
	ck_assert(same(command.verb, splits[_i].verb));
	ck_assert(same(command.argument, splits[_i].argument));
	ck_assert_int_eq(command.size, -1);
	ck_assert_ptr_null(command.path);
	ck_assert(!command.utf8 && command.body == BODY_7BIT);
}
END_TEST

/* A code of 0: none. The text is part of the reply's. */
struct refusal {
	int code;
	const char *status, *text;
};

static void expect_reply(const struct reply *reply, const struct refusal *wanted)
{
	if (!wanted->code) {
		ck_assert_msg(!reply, "refused: %s", reply ? reply->text : "");
		return;
	}
	ck_assert_ptr_nonnull(reply);
	ck_assert_int_eq(reply->code, wanted->code);
	ck_assert_str_eq(reply->status, wanted->status);
	ck_assert_msg(strstr(reply->text, wanted->text) != NULL, "\"%s\" is not in \"%s\"",
		wanted->text, reply->text);
}

/* --- MAIL --- */

static const struct {
	const char *argument;
	struct refusal refusal;
	const char *address; /* of what was taken */
	int64_t size;
	enum body_type body;
	bool utf8;
} mails[] = {
	{"FROM:<a@b.example>", .address = "a@b.example", .size = -1},
	{"from:<A@B.Example>", .address = "A@b.example", .size = -1},
	{"FROM: <a@b.example>", .address = "a@b.example", .size = -1},
	{"FROM:a@b.example", .address = "a@b.example", .size = -1},
	{"FROM:<>", .address = "", .size = -1},
	{"FROM:<> SIZE=0", .address = "", .size = 0},
	{"FROM:<a@b.example> SIZE=123 BODY=8BITMIME SMTPUTF8", .address = "a@b.example",
		.size = 123, .body = BODY_8BITMIME, .utf8 = true},
	{"FROM:<a@b.example>  smtputf8   body=7bit\tsize=5", .refusal = {501, "5.5.4", "BODY="}},
	{"FROM:<a@b.example>  smtputf8   body=7bit  size=5", .address = "a@b.example", .size = 5,
		.utf8 = true},
	{"FROM:<a@b.example> SIZE=9223372036854775807", .address = "a@b.example",
		.size = INT64_MAX},
	/* RFC 1870 §4: 1*20DIGIT; more than we can count is more than we take */
	{"FROM:<a@b.example> SIZE=18446744073709551615", .address = "a@b.example",
		.size = INT64_MAX},
	{"FROM:<a@b.example> SIZE=99999999999999999999", .address = "a@b.example",
		.size = INT64_MAX},
	{"FROM:<\xc3\xa4@b.example> SMTPUTF8", .address = "\xc3\xa4@b.example", .size = -1,
		.utf8 = true},
	{"FROM:<\xc3\xa4@b.example>", .refusal = {553, "5.6.7", "SMTPUTF8"}},
	{"", .refusal = {501, "5.5.2", "say MAIL FROM:<address>"}},
	{"<a@b.example>", .refusal = {501, "5.5.2", "say MAIL FROM:<address>"}},
	{"TO:<a@b.example>", .refusal = {501, "5.5.2", "say MAIL FROM:<address>"}},
	{"FROM <a@b.example>", .refusal = {501, "5.5.2", "say MAIL FROM:<address>"}},
	{"FROM:", .refusal = {501, "5.1.7", "say MAIL FROM:<address>"}},
	{"FROM:<a@b.example", .refusal = {501, "5.1.7", "no closing >"}},
	{"FROM:<a@b.example>SIZE=5", .refusal = {501, "5.1.7", "right behind"}},
	{"FROM:<a b@c.example>", .refusal = {501, "5.1.7", "blank"}},
	{"FROM:<a@b.example> SIZE", .refusal = {501, "5.5.4", "SIZE="}},
	{"FROM:<a@b.example> SIZE=", .refusal = {501, "5.5.4", "SIZE="}},
	{"FROM:<a@b.example> SIZE=-1", .refusal = {501, "5.5.4", "SIZE="}},
	{"FROM:<a@b.example> SIZE=1K", .refusal = {501, "5.5.4", "SIZE="}},
	{"FROM:<a@b.example> SIZE=000000000000000000001", .refusal = {501, "5.5.4", "SIZE="}},
	{"FROM:<a@b.example> BODY=BINARYMIME", .refusal = {501, "5.5.4", "BODY="}},
	{"FROM:<a@b.example> BODY", .refusal = {501, "5.5.4", "BODY="}},
	{"FROM:<a@b.example> SMTPUTF8=yes", .refusal = {501, "5.5.4", "SMTPUTF8"}},
	{"FROM:<a@b.example> SIZE=1 SIZE=2", .refusal = {501, "5.5.4", "twice"}},
	{"FROM:<a@b.example> RET=FULL ENVID=q", .address = "a@b.example", .size = -1},
	{"FROM:<a@b.example> RET=SOME", .refusal = {501, "5.5.4", "RET"}},
	{"FROM:<a@b.example> ENVID=a=b", .refusal = {501, "5.5.4", "ENVID"}},
	{"FROM:<a@b.example> ENVID=a+2", .refusal = {501, "5.5.4", "ENVID"}},
	{"FROM:<a@b.example> ENVID=a+2b", .refusal = {501, "5.5.4", "ENVID"}},
	{"FROM:<a@b.example> ENVID=" X100 "+", .refusal = {501, "5.5.4", "ENVID"}},
	{"FROM:<a@b.example> ENVID=" X100, .address = "a@b.example", .size = -1},
	{"FROM:<a@b.example> ENVID=" X100 "a", .refusal = {501, "5.5.4", "ENVID"}},
	{"FROM:<a@b.example> REQUIRETLS=1", .refusal = {501, "5.5.4", "REQUIRETLS"}},
	{"FROM:<a@b.example> AUTH=<>", .address = "a@b.example", .size = -1},
	{"FROM:<a@b.example> AUTH=e+3Dmc2@b.example", .address = "a@b.example", .size = -1},
	{"FROM:<a@b.example> AUTH=<hey+A>", .refusal = {501, "5.5.4", "AUTH"}},
	{"FROM:<a@b.example> SIZES=1", .refusal = {555, "5.5.4", "SIZES"}},
	{"FROM:<a@b.example> =", .refusal = {555, "5.5.4", "parameter"}},
	{"FROM:<a@b.example> SIZE=1 <b@c.example>", .refusal = {555, "5.5.4", "<b@c.example>"}},
	{"FROM:<a@b.example> \x1b[A", .refusal = {555, "5.5.4", "parameter"}},
	{"FROM:<a@b.example> " X50 X50 X50, .refusal = {555, "5.5.4", "0123 is not known"}},
};

START_TEST(parses_mail)
{
	void *parent = talloc_new(NULL);
	struct command command;

	command_split(&command, slice_of(talloc_asprintf(parent, "MAIL %s", mails[_i].argument)));
	expect_reply(command_parse_mail(parent, &command), &mails[_i].refusal);
	if (!mails[_i].refusal.code) {
		ck_assert_str_eq(command.path->text, mails[_i].address);
		ck_assert_int_eq(command.size, mails[_i].size);
		ck_assert_uint_eq(command.body, mails[_i].body);
		ck_assert(command.utf8 == mails[_i].utf8);
	}
	talloc_free(parent);
}
END_TEST

/* --- the others --- */

static const struct {
	parse_fn parse;
	const char *argument;
	struct refusal refusal;
	const char *taken; /* the address, or what the argument has become */
} others[] = {
	{command_parse_rcpt, "TO:<a@b.example>", .taken = "a@b.example"},
	{command_parse_rcpt, "to: a@B.EXAMPLE", .taken = "a@b.example"},
	{command_parse_rcpt, "TO:<Postmaster>", .taken = "Postmaster"},
	{command_parse_rcpt, "TO:<@r.example:a@b.example>", .taken = "a@b.example"},
	/* whether MAIL had SMTPUTF8 is not known here */
	{command_parse_rcpt, "TO:<\xc3\xa4@b.example>", .taken = "\xc3\xa4@b.example"},
	{command_parse_rcpt, "TO:<>", .refusal = {501, "5.1.3", "senders only"}},
	{command_parse_rcpt, "TO:>[[D", .refusal = {501, "5.1.3", "say RCPT TO:<address>"}},
	{command_parse_rcpt, "TO:\x1b[D<a@b.example>",
		.refusal = {501, "5.1.3", "control character"}},
	{command_parse_rcpt, "FROM:<a@b.example>",
		.refusal = {501, "5.5.2", "say RCPT TO:<address>"}},
	{command_parse_rcpt, "", .refusal = {501, "5.5.2", "say RCPT TO:<address>"}},
	{command_parse_rcpt, "TO:<a@b.example> NOTIFY=NEVER", .taken = "a@b.example"},
	{command_parse_rcpt, "TO:<a@b.example> notify=delay,SUCCESS ORCPT=rfc822;a+2B@b.example",
		.taken = "a@b.example"},
	{command_parse_rcpt, "TO:<a@b.example> NOTIFY=SUCCESS,,DELAY",
		.refusal = {501, "5.5.4", "NOTIFY"}},
	{command_parse_rcpt, "TO:<a@b.example> NOTIFY=SUCCESS,NEVER",
		.refusal = {501, "5.5.4", "NOTIFY"}},
	{command_parse_rcpt, "TO:<a@b.example> ORCPT=;a", .refusal = {501, "5.5.4", "ORCPT"}},
	{command_parse_rcpt, "TO:<a@b.example> ORCPT=a_b;a", .refusal = {501, "5.5.4", "ORCPT"}},
	{command_parse_rcpt, "TO:<a@b.example> ORCPT=rfc822;", .refusal = {501, "5.5.4", "ORCPT"}},
	{command_parse_rcpt, "TO:<a@b.example> RET=FULL", .refusal = {555, "5.5.4", "RET"}},
	{command_parse_rcpt, "TO:<a@b.example> SIZE=1", .refusal = {555, "5.5.4", "SIZE"}},

	{command_parse_helo, "mx.example.com", .taken = "mx.example.com"},
	{command_parse_helo, "[192.0.2.1]", .taken = "[192.0.2.1]"},
	{command_parse_helo, ".", .taken = "."},
	{command_parse_helo, "my_pc", .taken = "my_pc"},
	{command_parse_helo, "\xc3\xa4.example", .taken = "\xc3\xa4.example"},
	{command_parse_helo, "a b c", .taken = "a"},
	{command_parse_helo, X250 "01234", .taken = X250 "01234"},
	{command_parse_helo, X250 "012345", .refusal = {501, "5.5.4", "long"}},
	{command_parse_helo, "", .refusal = {501, "5.5.4", "your name"}},
	{command_parse_helo, "   ", .refusal = {501, "5.5.4", "your name"}},
	{command_parse_helo, "a\tb", .refusal = {501, "5.5.4", "control"}},
	{command_parse_helo, "a\x7f", .refusal = {501, "5.5.4", "control"}},
	{command_parse_helo, "a\x1b[A", .refusal = {501, "5.5.4", "control"}},

	{command_parse_nothing, "", .taken = ""},
	{command_parse_nothing, " \t ", .taken = ""},
	{command_parse_nothing, "now", .refusal = {501, "5.5.4", "nothing"}},

	{command_parse_something, "a", .taken = "a"},
	{command_parse_something, "", .refusal = {501, "5.5.4", "something"}},
};

START_TEST(parses_the_others)
{
	void *parent = talloc_new(NULL);
	struct command command;

	command_split(&command, slice_of(talloc_asprintf(parent, "VERB %s", others[_i].argument)));
	expect_reply(others[_i].parse(parent, &command), &others[_i].refusal);
	if (!others[_i].refusal.code && command.path)
		ck_assert_str_eq(command.path->text, others[_i].taken);
	else if (!others[_i].refusal.code)
		ck_assert(slice_equals(command.argument, others[_i].taken));
	talloc_free(parent);
}
END_TEST

static const struct {
	const char *argument;
	struct refusal refusal;
	int64_t chunk;
	bool last;
} chunks[] = {
	{"0", .chunk = 0},
	{"0 LAST", .chunk = 0, .last = true},
	{"86  last", .chunk = 86, .last = true},
	{"00012", .chunk = 12},
	{"9223372036854775807", .chunk = INT64_MAX},
	{"9223372036854775808", .refusal = {552, "5.3.4", "large"}},
	{"99999999999999999999999999", .refusal = {552, "5.3.4", "large"}},
	{"", .refusal = {501, "5.5.4", "BDAT"}},
	{"LAST", .refusal = {501, "5.5.4", "BDAT"}},
	{"-1", .refusal = {501, "5.5.4", "BDAT"}},
	{"+1", .refusal = {501, "5.5.4", "BDAT"}},
	{"0x10", .refusal = {501, "5.5.4", "BDAT"}},
	{"10 FIRST", .refusal = {501, "5.5.4", "BDAT"}},
	{"10 LAST LAST", .refusal = {501, "5.5.4", "BDAT"}},
};

START_TEST(parses_chunk_sizes)
{
	void *parent = talloc_new(NULL);
	struct command command;

	command_split(&command, slice_of(talloc_asprintf(parent, "BDAT %s", chunks[_i].argument)));
	expect_reply(command_parse_bdat(parent, &command), &chunks[_i].refusal);
	ck_assert_int_eq(command.chunk, chunks[_i].chunk);
	ck_assert(chunks[_i].refusal.code || command.last == chunks[_i].last);
	talloc_free(parent);
}
END_TEST

/* A NUL is for the stream to refuse; that it does no harm here either is seen to. */
START_TEST(survives_nul)
{
	static const struct slice lines[] = {BYTES("MAIL FROM:<a\0@b.example>"),
		BYTES("MAIL FROM:<a@b.example> SI\0ZE=1"),
		BYTES("MAIL FROM:<a@b.example> SIZE=1\0"), BYTES("MAIL FROM:<a@b.example>\0")};
	void *parent = talloc_new(NULL);
	struct command command;

	command_split(&command, lines[_i]);
	const struct reply *reply = command_parse_mail(parent, &command);
	ck_assert_ptr_nonnull(reply);
	ck_assert_int_ge(reply->code, 501);
	talloc_free(parent);
}
END_TEST

/* What is kept and what is said lie under the parent. */
START_TEST(frees_with_the_parent)
{
	void *parent = talloc_new(NULL);

	for (int i = 0; i < COUNT(mails); i++) {
		struct command command;
		void *one = talloc_new(parent);
		command_split(
			&command, slice_of(talloc_asprintf(one, "MAIL %s", mails[i].argument)));
		const struct reply *reply = command_parse_mail(one, &command);
		ck_assert(!reply || reply_is_permanent(reply));
		talloc_free(one);
		ck_assert_uint_eq(talloc_total_blocks(parent), 1);
	}
	talloc_free(parent);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("command");
	TCase *cases = tcase_create("command");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, splits_lines, 0, COUNT(splits));
	tcase_add_loop_test(cases, parses_mail, 0, COUNT(mails));
	tcase_add_loop_test(cases, parses_chunk_sizes, 0, COUNT(chunks));
	tcase_add_loop_test(cases, parses_the_others, 0, COUNT(others));
	tcase_add_loop_test(cases, survives_nul, 0, 4);
	tcase_add_test(cases, frees_with_the_parent);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
