/* SPDX-License-Identifier: Apache-2.0 */
/* A connection that is relayed as it is, when one side reads slowly: the other is held back, and all that was sent arrives. */
#include "proxy/passthrough.h"

#include "base/loop.h"
#include "tests/fakes/rig.h"

#include <check.h>
#include <poll.h>
#include <talloc.h>

#define MUCH ((size_t)32 * 1048576) /* more than kernels keep for a connection */
#define HELD ((size_t)1048576)      /* what the gateway may keep of it */
#define MOST_TURNS 100000

static struct certificate certificate;
static struct rig *rig;
static struct end server;

static void set_up(void)
{
	rig = rig_new(NULL, &certificate);
	rig_configure(rig,
		"listen \"test\" { address = \"127.0.0.1\" port = 2525 "
		"passthrough = {\"192.0.2.0/24\"} }");
	ck_assert_ptr_null(rig_begin(rig));
	rig_connect(rig, "192.0.2.10");
	server = END_NONE;
	ck_assert(rig_accept(rig, &server));
}

static void tear_down(void)
{
	end_close(&server);
	ck_assert_ptr_null(rig_end(rig));
}

/* No two places within some time are alike. */
static char byte_at(size_t place)
{
	return (char)(place * 31 + (place >> 8) * 7 + (place >> 16));
}

/* Says as much as goes, from a place on; how much that was. */
static size_t say_some(struct end *end, size_t from)
{
	char bytes[65536];
	size_t size = MUCH - from < sizeof bytes ? MUCH - from : sizeof bytes;

	for (size_t i = 0; i < size; i++)
		bytes[i] = byte_at(from + i);
	long said = end_write(end, bytes, size);
	ck_assert_int_ge(said, 0);
	return (size_t)said;
}

/* Hears what is there, which stands at a place; how much that was. */
static size_t hear_some(struct end *end, size_t from)
{
	end_read(end, rig);
	size_t size = end->size;
	size_t alike = 0;
	while (alike < size && end->input[alike] == byte_at(from + alike))
		alike++;
	ck_assert_uint_eq(alike, size);
	end_drop(end, size);
	return size;
}

/* Until nothing goes any more, whatever the gateway does. */
static size_t say_what_goes(struct end *end)
{
	size_t said = 0;

	for (unsigned idle = 0; idle < 100 && said < MUCH; idle++) {
		size_t some = say_some(end, said);
		said += some;
		idle = some ? 0 : idle;
		rig_turn(rig);
	}
	return said;
}

static void say_and_hear_the_rest(struct end *from, struct end *to, size_t said)
{
	size_t heard = 0;

	for (unsigned turn = 0; turn < MOST_TURNS && heard < MUCH; turn++) {
		size_t before = heard;
		said += said < MUCH ? say_some(from, said) : 0;
		rig_turn(rig);
		heard += hear_some(to, heard);
		if (heard == before)
			poll(NULL, 0, 1);
	}
	ck_assert_uint_eq(heard, MUCH);
}

/* Up, down. */
START_TEST(who_does_not_read_holds_the_other_back)
{
	struct end *from = _i ? &server : &rig->client, *to = _i ? &rig->client : &server;
	size_t before = talloc_total_size(rig->gateway);
	size_t said = say_what_goes(from);

	ck_assert_uint_lt(said, MUCH);
	ck_assert_uint_gt(said, PASSTHROUGH_BUFFER);
	ck_assert_uint_lt(talloc_total_size(rig->gateway), before + HELD);
	say_and_hear_the_rest(from, to, said);
}
END_TEST

/* The other direction goes on meanwhile. */
START_TEST(one_direction_does_not_hold_the_other)
{
	char line[END_LINE];

	ck_assert_uint_lt(say_what_goes(&rig->client), MUCH);
	rig_send(rig, &server, "250 still here\r\n", 16);
	ck_assert(rig_hear_line(rig, &rig->client, line));
	ck_assert_str_eq(line, "250 still here");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("passthrough");
	TCase *cases = tcase_create("passthrough");
	SRunner *runner = srunner_create(suite);

	certificate_make(&certificate);
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, who_does_not_read_holds_the_other_back, 0, 2);
	tcase_add_test(cases, one_direction_does_not_hold_the_other);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	certificate_remove(&certificate);
	return failed != 0;
}
