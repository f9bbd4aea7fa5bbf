/* SPDX-License-Identifier: Apache-2.0 */
/* An edited message as a backend gets it by DATA. */
#include "proxy/delivery.h"

#include "base/loop.h"
#include "policy/mail/header.h"
#include "tests/fakes/acceptor.h"

#include <check.h>
#include <poll.h>
#include <sys/socket.h>
#include <talloc.h>

#define HEADER "Subject: old\r\nX-Second: 2\r\n"

static struct certificate certificate;
static struct rig *rig;
static struct acceptor *acceptor;
static struct envelope *envelope;
static struct await await;

static void on_done(void *owner)
{
	(void)owner;
}

static void set_up(void)
{
	static const struct address address = {.text = "a@example.com"};

	rig = rig_new(NULL, &certificate);
	ck_assert_ptr_null(rig_begin(rig));
	acceptor = acceptor_new(rig, "");
	envelope = envelope_new(rig);
	envelope->sender = &address;
	envelope->declared_size = -1;
	envelope_add(envelope, &(struct recipient){.address = &address})->passed = true;
	envelope->passed = 1;
	await_init(&await, rig->loop->clock, on_done, NULL);
}

static void tear_down(void)
{
	acceptor_close(acceptor);
	ck_assert_ptr_null(rig_end(rig));
}

static void wait_for_it(void)
{
	for (unsigned patience = 0; await.pending && patience < RIG_PATIENCE; patience++) {
		rig_turn(rig);
		poll(NULL, 0, 1);
	}
	ck_assert_int_eq(await.outcome, OUTCOME_DONE);
}

/* What the backend has heard of it. */
static struct slice deliver(const struct edit_plan *plan, const struct message *message)
{
	struct delivery *delivery =
		delivery_new(rig, rig->gateway, rig->gateway->pools[0], NULL, envelope);

	delivery_begin_message(delivery, plan, message, &await);
	wait_for_it();
	ck_assert_int_eq(delivery->reply.code, 0);
	delivery_begin_commit(delivery, &await);
	wait_for_it();
	ck_assert_int_eq(delivery->reply.code, 250);
	delivery_end(delivery);
	ck_assert_uint_eq(acceptor->message_count, 1);
	return acceptor->messages[0];
}

/* The name and value of a field that is added at the top, at the end, or in place of the Subject; the message as it arrives. */
static const struct {
	const char *body;
	enum edit_action action;
	size_t place;
	const char *name, *value;
	const char *wanted;
} rows[] = {
	{"text\r\n", EDIT_ADD, EDIT_TOP, "X-Plain", "v", "X-Plain: v\r\n" HEADER "\r\ntext\r\n"},
	{"text\r\n", EDIT_ADD, EDIT_TOP, ".odd", "v", "..odd: v\r\n" HEADER "\r\ntext\r\n"},
	{"text\r\n", EDIT_ADD, EDIT_ABOVE_TRACE, ".odd", "v", "..odd: v\r\n" HEADER "\r\ntext\r\n"},
	{"text\r\n", EDIT_ADD, EDIT_END, ".", "v", HEADER "..: v\r\n\r\ntext\r\n"},
	{"text\r\n", EDIT_ADD, 2, ".a.", ".",
		"Subject: old\r\n..a.: .\r\nX-Second: 2\r\n\r\ntext\r\n"},
	{"text\r\n", EDIT_ADD, EDIT_TOP, "X-A", "1\r\n.",
		"X-A: 1\r\n\t.\r\n" HEADER "\r\ntext\r\n"},
	{".text\r\n", EDIT_ADD, EDIT_END, ".odd", "v", HEADER "..odd: v\r\n\r\n..text\r\n"},
	{"text\r\n", EDIT_REPLACE, 0, "subject", ".", "subject: .\r\nX-Second: 2\r\n\r\ntext\r\n"},
};

static bool edit(struct edits *edits, size_t i)
{
	if (rows[i].action == EDIT_REPLACE)
		return edits_replace(edits, rows[i].name, 0, rows[i].value, EDIT_VERBATIM);
	return edits_add(edits, rows[i].place, rows[i].name, rows[i].value, EDIT_VERBATIM);
}

START_TEST(dots_of_added_fields_are_stuffed)
{
	static const struct spool spool;
	struct message *message = message_new(rig, &spool);
	char *text = talloc_asprintf(rig, "%s\r\n%s", HEADER, rows[_i].body);

	ck_assert_int_eq(message_add(message, slice_of(text)), MESSAGE_OK);
	if (rows[_i].body[0] == '.')
		message_note_dot_line(message);
	ck_assert_int_eq(message_finish(message), MESSAGE_OK);
	struct slice bytes = message_bytes(message);
	struct edits *edits = edits_new(rig, header_parse(rig, bytes), bytes);
	ck_assert(edit(edits, (size_t)_i));
	struct slice arrived = deliver(edit_plan_new(rig, edits, slice_of("")), message);
	ck_assert_str_eq(slice_keep(rig, arrived), rows[_i].wanted);
}
END_TEST

/* A name that begins with a dot can be replaced, too. */
START_TEST(dots_of_replaced_fields_are_stuffed)
{
	static const struct spool spool;
	struct message *message = message_new(rig, &spool);

	/* As if nobody had noticed the dot while it came: the plan knows. */
	ck_assert_int_eq(message_add(message, slice_of(".odd: old\r\n\r\ntext\r\n")), MESSAGE_OK);
	ck_assert_int_eq(message_finish(message), MESSAGE_OK);
	struct slice bytes = message_bytes(message);
	struct edits *edits = edits_new(rig, header_parse(rig, bytes), bytes);
	ck_assert(edits_replace(edits, ".odd", 0, "new", EDIT_TEXT));
	struct slice arrived = deliver(edit_plan_new(rig, edits, slice_of("")), message);
	ck_assert_str_eq(slice_keep(rig, arrived), "..odd: new\r\n\r\ntext\r\n");
}
END_TEST

/* Of the body "one\r\ntwo\r\n": what stands for bytes of it, and how the whole arrives. */
static const struct {
	size_t at, size;
	const char *text, *wanted;
} byte_rows[] = {
	{0, 3, "1", "1\r\ntwo\r\n"},
	{0, 3, ".", "..\r\ntwo\r\n"},
	{0, 5, ".", "..two\r\n"},
	{3, 2, "\n.\n", "one\r\n..\r\ntwo\r\n"},
	{3, 1, "", "one\r\ntwo\r\n"},
	{4, 1, "", "one\r\ntwo\r\n"},
	{3, 2, "\r.\r", "one\r\n..\r\ntwo\r\n"},
	{5, 5, ".\r\n.\r\n", "one\r\n..\r\n..\r\n"},
	{0, 10, "", ""},
	{5, 5, "no end", "one\r\nno end\r\n"},
};

START_TEST(bytes_of_the_body_cannot_end_it)
{
	static const struct spool spool;
	struct message *message = message_new(rig, &spool);

	ck_assert_int_eq(message_add(message, slice_of(HEADER "\r\none\r\ntwo\r\n")), MESSAGE_OK);
	ck_assert_int_eq(message_finish(message), MESSAGE_OK);
	struct slice bytes = message_bytes(message);
	struct edits *edits = edits_new(rig, header_parse(rig, bytes), bytes);
	ck_assert(edits_replace_bytes(edits, strlen(HEADER "\r\n") + byte_rows[_i].at,
		byte_rows[_i].size, slice_of(byte_rows[_i].text)));
	struct slice arrived = deliver(edit_plan_new(rig, edits, slice_of("")), message);
	ck_assert_str_eq(slice_keep(rig, arrived),
		talloc_asprintf(rig, HEADER "\r\n%s", byte_rows[_i].wanted));
}
END_TEST

/* A client's own connection whose server hears no more. What was lent to it lives no longer than the transaction. */
static struct message *large_message(const void *parent)
{
	static const struct spool spool;
	static char line[1002];
	struct message *message = message_new(parent, &spool);

	memset(line, 'x', 1000);
	memcpy(line + 1000, "\r\n", 2);
	ck_assert_int_eq(message_add(message, slice_of(HEADER "\r\n")), MESSAGE_OK);
	for (int i = 0; i < 20000; i++)
		ck_assert_int_eq(message_add(message, slice_make(line, sizeof line)), MESSAGE_OK);
	ck_assert_int_eq(message_finish(message), MESSAGE_OK);
	return message;
}

static struct backend *own_backend(void)
{
	struct backend *own = NULL;

	pool_begin_take(rig->gateway->pools[0], (struct wanted){.fresh = true}, &own, &await);
	wait_for_it();
	ck_assert_ptr_nonnull(own);
	talloc_steal(rig, own);
	return own;
}

/* All that the server finds when it looks again, until the end. */
static size_t hear_the_rest(int descriptor, char tail[static 5])
{
	static char bytes[65536];
	size_t heard = 0;

	for (unsigned patience = 0; patience < RIG_PATIENCE;) {
		ssize_t got = recv(descriptor, bytes, sizeof bytes, 0);
		if (got == 0)
			return heard;
		if (got < 0) {
			rig_turn(rig);
			poll(NULL, 0, 1);
			patience++;
			continue;
		}
		heard += (size_t)got;
		if (got >= 5)
			memcpy(tail, bytes + got - 5, 5);
	}
	ck_abort_msg("it is still open");
	return heard;
}

START_TEST(what_was_lent_does_not_leave_later)
{
	void *transaction = talloc_new(rig);
	struct message *message = large_message(transaction);
	struct slice bytes = message_bytes(message);
	size_t size = bytes.size;
	struct edits *edits = edits_new(transaction, header_parse(transaction, bytes), bytes);
	struct edit_plan *plan = edit_plan_new(transaction, edits, slice_of(""));
	struct backend *own = own_backend();
	struct delivery *delivery =
		delivery_new(transaction, rig->gateway, rig->gateway->pools[0], own, envelope);
	char tail[5] = "";

	acceptor->is_deaf = true;
	delivery_begin_message(delivery, plan, message, &await);
	for (int i = 0; i < 200 && await.pending; i++)
		rig_turn(rig);
	ck_assert(await.pending && acceptor->in_message);
	clock_move(rig->loop->clock, (uint64_t)own->options->data_timeout + 1000);
	wait_for_it();
	ck_assert_int_eq(delivery->reply.code, 421);
	delivery_end(delivery);
	talloc_free(transaction);
	ck_assert_uint_lt(hear_the_rest(acceptor->end.descriptor, tail), size);
	ck_assert_int_ne(memcmp(tail, "\r\n.\r\n", 5), 0);
	ck_assert(own->lost);
	backend_quit(own);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("delivery");
	TCase *cases = tcase_create("delivery");
	SRunner *runner = srunner_create(suite);

	certificate_make(&certificate);
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(
		cases, dots_of_added_fields_are_stuffed, 0, sizeof rows / sizeof rows[0]);
	tcase_add_test(cases, dots_of_replaced_fields_are_stuffed);
	tcase_add_loop_test(
		cases, bytes_of_the_body_cannot_end_it, 0, sizeof byte_rows / sizeof byte_rows[0]);
	tcase_add_test(cases, what_was_lent_does_not_leave_later);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	certificate_remove(&certificate);
	return failed != 0;
}
