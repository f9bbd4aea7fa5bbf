/* SPDX-License-Identifier: Apache-2.0 */
/* The channel between master and process: messages, the end, a peer that does not read, garbage. */
#include "proxy/channel.h"

#include "base/loop.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

struct heard {
	unsigned messages;
	enum channel_message last;
	uint32_t argument;
	unsigned closed;
};

static struct loop *loop;
static struct channel *channel;
static struct heard heard;
static int other;

static void on_message(void *owner, enum channel_message message, uint32_t argument)
{
	struct heard *h = owner;

	h->messages++;
	h->last = message;
	h->argument = argument;
}

static void on_closed(void *owner)
{
	((struct heard *)owner)->closed++;
}

static void set_up(void)
{
	int ends[2];

	heard = (struct heard){0};
	loop = loop_new(NULL);
	ck_assert(channel_pair(ends));
	channel = channel_new(
		NULL, loop, ends[0], (struct channel_events){on_message, on_closed, &heard});
	other = ends[1];
}

static void tear_down(void)
{
	talloc_free(channel);
	talloc_free(loop);
	if (other >= 0)
		close(other);
}

START_TEST(carries_messages_both_ways)
{
	const uint32_t packet[2] = {CHANNEL_SERVE, 7};
	uint32_t back[2];

	ck_assert_int_eq(send(other, packet, sizeof packet, 0), sizeof packet);
	loop_turn(loop, true);
	ck_assert_uint_eq(heard.messages, 1);
	ck_assert_int_eq(heard.last, CHANNEL_SERVE);
	ck_assert_uint_eq(heard.argument, 7);
	ck_assert(channel_send(channel, CHANNEL_LEAVE, 9));
	ck_assert_int_eq(recv(other, back, sizeof back, 0), sizeof back);
	ck_assert_uint_eq(back[0], CHANNEL_LEAVE);
	ck_assert_uint_eq(back[1], 9);
}
END_TEST

static ino_t inode_of(int descriptor)
{
	struct stat found;

	ck_assert_int_eq(fstat(descriptor, &found), 0);
	return found.st_ino;
}

/* What arrives is another number for the same file. */
START_TEST(carries_descriptors)
{
	int pair[2];

	ck_assert_int_eq(pipe(pair), 0);
	struct channel *peer = channel_new(
		NULL, loop, other, (struct channel_events){on_message, on_closed, &heard});
	ck_assert(channel_send_descriptor(peer, CHANNEL_RECIPIENTS, pair[0]));
	loop_turn(loop, true);
	ck_assert_int_eq(heard.last, CHANNEL_RECIPIENTS);
	ck_assert_int_ne((int)heard.argument, pair[0]);
	ck_assert(inode_of((int)heard.argument) == inode_of(pair[0]));
	close((int)heard.argument);
	close(pair[0]);
	close(pair[1]);
	talloc_free(peer);
	other = -1;
}
END_TEST

/* With a message that has none it is closed, and the argument is what it was; one that should come and does not is -1. */
START_TEST(takes_no_descriptor_that_it_does_not_await)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct channel *peer = channel_new(
		NULL, loop, other, (struct channel_events){on_message, on_closed, &heard});
	int next = dup(null);

	close(next);
	ck_assert(channel_send_descriptor(peer, CHANNEL_SERVE, null));
	loop_turn(loop, true);
	ck_assert_int_eq(heard.last, CHANNEL_SERVE);
	ck_assert_uint_eq(heard.argument, 0);
	int again = dup(null);
	ck_assert_int_eq(again, next);
	ck_assert(channel_send(peer, CHANNEL_RECIPIENTS, 5));
	loop_turn(loop, true);
	ck_assert_int_eq((int)heard.argument, -1);
	close(again);
	close(null);
	talloc_free(peer);
	other = -1;
}
END_TEST

START_TEST(tells_the_end_once)
{
	close(other);
	other = -1;
	loop_turn(loop, true);
	loop_turn(loop, false);
	ck_assert_uint_eq(heard.closed, 1);
	ck_assert(!channel_send(channel, CHANNEL_DRAIN, 0));
}
END_TEST

START_TEST(takes_garbage_for_the_end)
{
	static const uint32_t rows[][3] = {{999, 0, 2}, {CHANNEL_SERVE, 0, 1}, {0, 0, 3}};

	ck_assert(send(other, rows[_i], rows[_i][2] * 4, 0) > 0);
	loop_turn(loop, true);
	ck_assert_uint_eq(heard.closed, _i == 2 ? 0 : 1);
}
END_TEST

START_TEST(never_waits_for_a_peer_that_does_not_read)
{
	unsigned sent = 0;

	while (sent < 100000 && channel_send(channel, CHANNEL_SERVE, sent))
		sent++;
	ck_assert_uint_gt(sent, 64);
	ck_assert_uint_lt(sent, 100000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("channel");
	TCase *cases = tcase_create("channel");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, carries_messages_both_ways);
	tcase_add_test(cases, carries_descriptors);
	tcase_add_test(cases, takes_no_descriptor_that_it_does_not_await);
	tcase_add_test(cases, tells_the_end_once);
	tcase_add_loop_test(cases, takes_garbage_for_the_end, 0, 3);
	tcase_add_test(cases, never_waits_for_a_peer_that_does_not_read);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
