/* SPDX-License-Identifier: Apache-2.0 */
/* How streams begin and end: connecting, end of input, reset, linger, freeing in every state. */
#include "base/stream.h"

#include "tests/fakes/side.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <talloc.h>
#include <unistd.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define MEGABYTE 1048576
#define LINGER_BYTES 262144

static struct loop *loop;
static void *root; /* of all that uses the loop, which goes last */
static struct side *side;
static int peer; /* -1: closed */

static void open_connection(enum transport transport)
{
	int descriptors[2];

	side_connect(transport, descriptors);
	peer = descriptors[0];
	side = side_new(root, loop, descriptors[1]);
}

static void close_peer(void)
{
	if (peer >= 0)
		close(peer);
	peer = -1;
}

static void close_connection(void)
{
	talloc_free(side);
	close_peer();
}

static void set_up(void)
{
	loop = loop_new(NULL);
	root = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(root);
	talloc_free(loop);
}

static void peer_says(const char *text)
{
	side_send(loop, peer, slice_of(text));
}

static void peer_finishes(void)
{
	int failed = shutdown(peer, SHUT_WR);

	ck_assert(!failed);
}

/* A TCP peer aborts; a local one goes with unread bytes, which amounts to the same. */
static void peer_resets(enum transport transport)
{
	struct linger linger = {.l_onoff = 1};

	if (transport == TRANSPORT_TCP) {
		setsockopt(peer, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	} else {
		stream_write(side->stream, slice_of("never read"));
		stream_flush(side->stream);
	}
	close_peer();
}

/* --- end of input --- */

static const char *const last_words[] = {"", "QUIT\r\n", "NOOP\r\nQUIT\r\n", "NOOP\r\nhalf a li"};

/* Lines that came before the end are heard first. */
static void expect_last_words(const char *words)
{
	struct slice rest = slice_of(words);
	struct line line;

	while (slice_find(rest, '\n') != SIZE_MAX) {
		struct slice wanted = slice_cut(&rest, '\r');
		rest = slice_from(rest, 1);
		ck_assert_uint_eq(side_hear_line(side, 512, &line), OUTCOME_DONE);
		ck_assert(line.fault == LINE_GOOD && line.text.size == wanted.size);
		ck_assert_mem_eq(line.text.data, wanted.data, wanted.size);
	}
	ck_assert_uint_eq(side_hear_line(side, 512, &line), OUTCOME_FAILED);
	ck_assert_uint_eq(stream_bytes(side->stream).size, rest.size);
	ck_assert_str_eq(stream_error(side->stream), "");
	ck_assert_uint_eq(side->gone, 0);
	stream_take(side->stream, rest.size);
	ck_assert_uint_eq(side_hear_bytes(side), OUTCOME_FAILED);
	ck_assert(!stream_has_peer(side->stream));
}

/* Data and FIN are there before anybody looks. */
START_TEST(side_comes_with_the_data)
{
	for (enum transport transport = 0; transport < TRANSPORTS; transport++) {
		open_connection(transport);
		peer_says(last_words[_i]);
		peer_finishes();
		expect_last_words(last_words[_i]);
		close_connection();
	}
}
END_TEST

START_TEST(side_comes_while_somebody_waits)
{
	for (enum transport transport = 0; transport < TRANSPORTS; transport++) {
		open_connection(transport);
		stream_begin_line(side->stream, 512, SIDE_PATIENCE, &side->in);
		side_settle(loop);
		peer_says(last_words[_i]);
		if (_i % 2)
			side_settle(loop);
		peer_finishes();
		side_settle(loop);
		ck_assert(!side->in.pending);
		expect_last_words(last_words[_i]);
		close_connection();
	}
}
END_TEST

START_TEST(side_comes_while_nobody_waits)
{
	for (enum transport transport = 0; transport < TRANSPORTS; transport++) {
		open_connection(transport);
		side_settle(loop);
		peer_says(last_words[_i]);
		side_settle(loop);
		peer_finishes();
		side_settle(loop);
		ck_assert_uint_eq(side->gone, 0);
		expect_last_words(last_words[_i]);
		close_connection();
	}
}
END_TEST

/* The peer has finished but still listens. */
START_TEST(half_closed_peer_hears_the_reply)
{
	struct line line;
	char reply[32];

	open_connection((enum transport)_i);
	peer_says("QUIT\r\n");
	peer_finishes();
	ck_assert_uint_eq(side_hear_line(side, 512, &line), OUTCOME_DONE);
	stream_write(side->stream, slice_of("221 bye\r\n"));
	ck_assert_uint_eq(side_flush(side, 0), OUTCOME_DONE);
	ck_assert_int_eq(recv(peer, reply, sizeof reply, 0), 9);
	ck_assert_mem_eq(reply, "221 bye\r\n", 9);
	ck_assert_uint_eq(side_hear_line(side, 512, &line), OUTCOME_FAILED);
	close_connection();
}
END_TEST

START_TEST(has_peer_knows_what_the_loop_was_told)
{
	struct line line;

	open_connection((enum transport)_i);
	ck_assert(stream_has_peer(side->stream));
	peer_says("a\r\n");
	peer_finishes();
	ck_assert(stream_has_peer(side->stream)); /* something is to be taken */
	ck_assert_uint_eq(side_hear_line(side, 512, &line), OUTCOME_DONE);
	ck_assert(slice_equals(line.text, "a"));
	ck_assert(!stream_has_peer(side->stream));
	close_connection();
	open_connection((enum transport)_i);
	peer_resets((enum transport)_i);
	side_settle(loop);
	ck_assert(!stream_has_peer(side->stream));
	ck_assert_str_ne(stream_error(side->stream), "");
	close_connection();
}
END_TEST

/* --- reset --- */

START_TEST(reset_is_noticed_while_nobody_waits)
{
	open_connection((enum transport)_i);
	side_settle(loop);
	peer_resets((enum transport)_i);
	side_settle(loop);
	ck_assert_uint_eq(side->gone, 1);
	ck_assert_str_ne(stream_error(side->stream), "");
	ck_assert_uint_eq(side_hear_bytes(side), OUTCOME_FAILED);
	close_connection();
}
END_TEST

/* Bytes that nobody has read yet must not hide it. */
START_TEST(reset_is_noticed_behind_unread_input)
{
	open_connection((enum transport)_i);
	peer_says("RSET\r\nMAIL FROM:<a@b.example>\r\n");
	side_settle(loop);
	peer_resets((enum transport)_i);
	side_settle(loop);
	ck_assert_uint_eq(side->gone, 1);
	close_connection();
}
END_TEST

START_TEST(reset_is_noticed_while_waiting)
{
	open_connection((enum transport)_i);
	stream_begin_line(side->stream, 512, SIDE_PATIENCE, &side->in);
	side_settle(loop);
	peer_resets((enum transport)_i);
	side_settle(loop);
	ck_assert(!side->in.pending);
	ck_assert_uint_eq(side->in.outcome, OUTCOME_FAILED);
	ck_assert_uint_eq(side->gone, 0); /* who waits is told, nobody else */
	close_connection();
}
END_TEST

/* The bytes and the reset come in one event: what was waited for is not complete, and never will be. */
START_TEST(reset_is_noticed_right_behind_data)
{
	open_connection((enum transport)_i);
	if (_i == TRANSPORT_UNIX)
		stream_write(side->stream, slice_of("never read"));
	stream_begin_line(side->stream, 512, SIDE_PATIENCE, &side->in);
	peer_says("MAIL FR");
	if (_i == TRANSPORT_UNIX)
		close_peer();
	else
		peer_resets((enum transport)_i);
	side_settle(loop);
	ck_assert(!side->in.pending);
	ck_assert_uint_eq(side->in.outcome, OUTCOME_FAILED);
	ck_assert_str_ne(stream_error(side->stream), "");
	close_connection();
}
END_TEST

START_TEST(reset_is_noticed_between_two_waits_for_bytes)
{
	open_connection((enum transport)_i);
	if (_i == TRANSPORT_UNIX)
		stream_write(side->stream, slice_of("never read"));
	stream_begin_bytes(side->stream, SIDE_PATIENCE, &side->in);
	peer_says("part of a body");
	if (_i == TRANSPORT_UNIX)
		close_peer();
	else
		peer_resets((enum transport)_i);
	ck_assert_uint_eq(side_wait(side, &side->in), OUTCOME_DONE);
	stream_take(side->stream, stream_bytes(side->stream).size);
	stream_begin_bytes(side->stream, SIDE_PATIENCE, &side->in);
	side_settle(loop);
	ck_assert(!side->in.pending);
	ck_assert_uint_eq(side->in.outcome, OUTCOME_FAILED);
	close_connection();
}
END_TEST

START_TEST(reset_ends_both_waits)
{
	open_connection((enum transport)_i);
	char *bytes = talloc_zero_array(side, char, 20 * MEGABYTE);
	stream_lend(side->stream, slice_make(bytes, 20 * MEGABYTE));
	stream_begin_flush(side->stream, 0, SIDE_PATIENCE, &side->out);
	stream_begin_line(side->stream, 512, SIDE_PATIENCE, &side->in);
	side_settle(loop);
	ck_assert(side->in.pending && side->out.pending);
	peer_resets((enum transport)_i);
	side_settle(loop);
	ck_assert(!side->in.pending && !side->out.pending);
	ck_assert_uint_eq(side->in.outcome, OUTCOME_FAILED);
	ck_assert_uint_eq(side->out.outcome, OUTCOME_FAILED);
	ck_assert_uint_eq(side->gone, 0);
	ck_assert_uint_eq(stream_unsent(side->stream), 0);
	close_connection();
}
END_TEST

START_TEST(writing_to_nobody_fails)
{
	open_connection((enum transport)_i);
	close_peer();
	for (int i = 0; i < 10 && !*stream_error(side->stream); i++) {
		stream_write(side->stream, slice_of("anybody?\r\n"));
		stream_flush(side->stream);
		side_settle(loop);
	}
	ck_assert_str_ne(stream_error(side->stream), "");
	stream_write(side->stream, slice_of("anybody?\r\n"));
	ck_assert_uint_eq(stream_unsent(side->stream), 0);
	ck_assert_uint_eq(side_flush(side, 0), OUTCOME_FAILED);
	close_connection();
}
END_TEST

/* --- linger --- */

static void be_at_the_end(void)
{
	peer_finishes();
	ck_assert_uint_eq(side_hear_bytes(side), OUTCOME_FAILED);
}

/* Everything up to the end of input; false when it is cut off by a reset. */
static bool peer_hears_all(size_t *size)
{
	char chunk[65536];

	for (*size = 0;;) {
		ssize_t n = recv(peer, chunk, sizeof chunk, 0);
		if (n == 0)
			return true;
		if (n < 0 && errno != EAGAIN)
			return false;
		if (n < 0)
			loop_turn(loop, false);
		else
			*size += (size_t)n;
	}
}

static void peer_fills_the_connection(void)
{
	char noise[65536] = {'x'};

	while (send(peer, noise, sizeof noise, MSG_NOSIGNAL) > 0)
		;
}

/* The reply is heard though input that nobody will read was on its way. */
START_TEST(reply_is_heard_by_who_still_sends)
{
	size_t size;

	open_connection((enum transport)_i);
	peer_says("DATA of somebody who does not listen\r\n");
	side_settle(loop);
	stream_write(side->stream, slice_of("550 5.7.1 no\r\n"));
	stream_begin_linger(side->stream, SIDE_PATIENCE, &side->in);
	peer_says("more of it, when we have said all\r\n");
	side_settle(loop);
	ck_assert(side->in.pending);
	peer_finishes();
	ck_assert_uint_eq(side_wait(side, &side->in), OUTCOME_DONE);
	TALLOC_FREE(side);
	ck_assert(peer_hears_all(&size));
	ck_assert_uint_eq(size, 14);
	close_connection();
}
END_TEST

/* The control to the case before: without lingering the kernel answers with a reset. */
START_TEST(reply_is_lost_without_linger)
{
	size_t size;

	open_connection(TRANSPORT_TCP);
	peer_says("DATA of somebody who does not listen\r\n");
	side_settle(loop);
	stream_write(side->stream, slice_of("550 5.7.1 no\r\n"));
	stream_flush(side->stream);
	TALLOC_FREE(side);
	ck_assert(!peer_hears_all(&size));
	close_connection();
}
END_TEST

START_TEST(linger_drains_no_more_than_its_share)
{
	size_t drained = 0;
	char noise[16384] = {'x'};

	open_connection((enum transport)_i);
	stream_begin_linger(side->stream, SIDE_PATIENCE, &side->in);
	while (side->in.pending) {
		ssize_t n = send(peer, noise, sizeof noise, MSG_NOSIGNAL);
		drained += n > 0 ? (size_t)n : 0;
		loop_turn(loop, false);
	}
	ck_assert_uint_eq(side->in.outcome, OUTCOME_DONE);
	ck_assert_uint_ge(drained, LINGER_BYTES);
	ck_assert_uint_lt(drained, 64 * LINGER_BYTES);
	close_connection();
}
END_TEST

START_TEST(linger_gives_up_at_its_deadline)
{
	open_connection((enum transport)_i);
	clock_move(loop->clock, 0);
	stream_begin_linger(side->stream, 2000, &side->in);
	side_settle(loop);
	clock_move(loop->clock, 1999);
	ck_assert(side->in.pending);
	clock_move(loop->clock, 1);
	ck_assert_uint_eq(side->in.outcome, OUTCOME_TIMED_OUT);
	close_connection();
}
END_TEST

/* Much was unsent when it began, and the peer may have finished before. */
START_TEST(linger_sends_what_is_unsent)
{
	enum { SIZE = 20 * MEGABYTE };
	size_t size;
	bool peer_first = _i >= TRANSPORTS;

	open_connection((enum transport)(_i % TRANSPORTS));
	if (peer_first)
		be_at_the_end();
	stream_lend(side->stream, slice_make(talloc_zero_array(side, char, SIZE), SIZE));
	stream_write(side->stream, slice_of("421 bye\r\n"));
	stream_begin_linger(side->stream, SIDE_PATIENCE, &side->in);
	side_settle(loop);
	ck_assert(side->in.pending);
	ck_assert(peer_hears_all(&size));
	ck_assert_uint_eq(size, SIZE + 9);
	ck_assert(side->in.pending != peer_first);
	if (!peer_first)
		peer_finishes();
	ck_assert_uint_eq(side_wait(side, &side->in), OUTCOME_DONE);
	close_connection();
}
END_TEST

START_TEST(linger_ends_at_once_when_the_peer_has)
{
	open_connection((enum transport)_i);
	if (_i == TRANSPORT_TCP)
		peer_resets(TRANSPORT_TCP);
	else
		peer_finishes();
	side_settle(loop);
	ck_assert_uint_eq(side_linger(side), OUTCOME_DONE);
	ck_assert_uint_eq(side->in_woken, 0);
	close_connection();
}
END_TEST

/* --- connecting --- */

/* A listener on a free port; a backlog of -1 gives the port back at once. */
static int listen_on(struct sockaddr_in *address, int backlog)
{
	socklen_t size = sizeof *address;
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	*address = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int failed = bind(listener, (struct sockaddr *)address, size);
	ck_assert(!failed);
	getsockname(listener, (struct sockaddr *)address, &size);
	if (backlog >= 0) {
		failed = listen(listener, backlog);
		ck_assert(!failed);
		return listener;
	}
	close(listener);
	return -1;
}

static void begin_connect(const struct sockaddr_in *address, uint64_t milliseconds)
{
	side = side_without_stream(root, loop);
	peer = -1;
	side->stream = stream_begin_connect(side, loop, (const struct sockaddr *)address,
		sizeof *address, milliseconds, &side->out);
}

START_TEST(connects)
{
	struct sockaddr_in address;
	struct line line;
	int listener = listen_on(&address, 5);

	begin_connect(&address, SIDE_PATIENCE);
	stream_write(side->stream, slice_of("EHLO a\r\n"));
	ck_assert_uint_eq(side_wait(side, &side->out), OUTCOME_DONE);
	peer = accept(listener, NULL, NULL);
	peer_says("220 b\r\n");
	ck_assert_uint_eq(side_hear_line(side, 512, &line), OUTCOME_DONE);
	ck_assert(slice_equals(line.text, "220 b"));
	char heard[16];
	ck_assert_int_eq(recv(peer, heard, sizeof heard, 0), 8);
	close_connection();
	close(listener);
}
END_TEST

START_TEST(connecting_is_refused)
{
	struct sockaddr_in address;

	listen_on(&address, -1);
	begin_connect(&address, SIDE_PATIENCE);
	ck_assert_uint_eq(side_wait(side, &side->out), OUTCOME_FAILED);
	ck_assert_str_eq(stream_error(side->stream), "Connection refused");
	ck_assert_uint_eq(side_hear_bytes(side), OUTCOME_FAILED);
	close_connection();
}
END_TEST

/* A listener whose queue is full lets connections hang. */
static int listen_full(struct sockaddr_in *address, int fillers[3])
{
	int listener = listen_on(address, 0);

	for (int i = 0; i < 3; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fillers[i], (const struct sockaddr *)address, sizeof *address);
	}
	return listener;
}

START_TEST(connecting_times_out)
{
	struct sockaddr_in address;
	int fillers[3], listener = listen_full(&address, fillers);

	clock_move(loop->clock, 0);
	begin_connect(&address, 5000);
	side_settle(loop);
	clock_move(loop->clock, 4999);
	ck_assert(side->out.pending);
	clock_move(loop->clock, 1);
	ck_assert_uint_eq(side->out.outcome, OUTCOME_TIMED_OUT);
	ck_assert_str_ne(stream_error(side->stream), "");
	ck_assert_uint_eq(side_flush(side, 0), OUTCOME_FAILED);
	close_connection();
	for (int i = 0; i < 3; i++)
		close(fillers[i]);
	close(listener);
}
END_TEST

/* --- freeing --- */

static void be_idle(void)
{
}

static void be_reading(void)
{
	stream_begin_line(side->stream, 512, SIDE_PATIENCE, &side->in);
	side_settle(loop);
}

static void be_flushing(void)
{
	stream_lend(side->stream,
		slice_make(talloc_zero_array(side, char, 20 * MEGABYTE), 20 * MEGABYTE));
	stream_begin_flush(side->stream, 0, SIDE_PATIENCE, &side->out);
	side_settle(loop);
	ck_assert(side->out.pending);
}

static void be_doing_both(void)
{
	be_flushing();
	be_reading();
}

static void hold_unsent(void)
{
	stream_write(side->stream, slice_of("unsent"));
}

static void hold_unread(void)
{
	peer_says("unread");
	ck_assert_uint_eq(side_hear_bytes(side), OUTCOME_DONE);
}

static void hold_unread_out_of_the_scratch(void)
{
	struct side *first = side;
	int first_peer = peer;

	hold_unread();
	open_connection(TRANSPORT_UNIX);
	hold_unread();
	close_connection();
	side = first;
	peer = first_peer;
}

static void be_scheduled(void)
{
	stream_begin_line(side->stream, 512, SIDE_PATIENCE, &side->in);
	peer_fills_the_connection();
	loop_turn(loop, true);
}

static void be_broken(void)
{
	be_flushing();
	close_peer();
	side_settle(loop);
	ck_assert_str_ne(stream_error(side->stream), "");
}

static void be_lingering(void)
{
	stream_begin_linger(side->stream, SIDE_PATIENCE, &side->in);
	side_settle(loop);
	ck_assert(side->in.pending);
}

static void be_lingering_unsent(void)
{
	stream_lend(side->stream,
		slice_make(talloc_zero_array(side, char, 20 * MEGABYTE), 20 * MEGABYTE));
	be_lingering();
}

static void be_connecting(void)
{
	struct sockaddr_in address;
	int fillers[3], listener = listen_full(&address, fillers);

	close_connection();
	begin_connect(&address, SIDE_PATIENCE);
	side_settle(loop);
	ck_assert(side->out.pending);
	for (int i = 0; i < 3; i++)
		close(fillers[i]);
	close(listener);
}

static void be_refused(void)
{
	struct sockaddr_in address;

	listen_on(&address, -1);
	close_connection();
	begin_connect(&address, SIDE_PATIENCE);
	side_wait(side, &side->out);
}

static void (*const states[])(void) = {
	be_idle,
	be_reading,
	be_flushing,
	be_doing_both,
	hold_unsent,
	hold_unread,
	hold_unread_out_of_the_scratch,
	be_scheduled,
	be_at_the_end,
	be_broken,
	be_lingering,
	be_lingering_unsent,
	be_connecting,
	be_refused,
};

static unsigned count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

/* Whatever a stream was doing: freed, it leaves no block and no descriptor, and nobody is woken. */
START_TEST(freeing_leaves_nothing)
{
	size_t blocks = talloc_total_blocks(root);
	unsigned descriptors = count_descriptors();

	for (enum transport transport = 0; transport < TRANSPORTS; transport++) {
		open_connection(transport);
		states[_i]();
		unsigned in_woken = side->in_woken, out_woken = side->out_woken;
		TALLOC_FREE(side->stream);
		ck_assert(!side->in.pending && !side->out.pending);
		side_settle(loop);
		ck_assert_uint_eq(side->in_woken, in_woken);
		ck_assert_uint_eq(side->out_woken, out_woken);
		ck_assert_ptr_null(loop->scratch_owner);
		close_connection();
		ck_assert_uint_eq(talloc_total_blocks(root), blocks);
		ck_assert_uint_eq(count_descriptors(), descriptors);
	}
}
END_TEST

static struct stream *freed_when_woken;

static void free_stream(void *owner)
{
	(void)owner;
	TALLOC_FREE(freed_when_woken);
}

/* Who is woken may free the stream at once. */
START_TEST(woken_owner_frees_the_stream)
{
	open_connection((enum transport)_i);
	freed_when_woken = side->stream;
	await_init(&side->in, loop->clock, free_stream, NULL);
	await_init(&side->out, loop->clock, free_stream, NULL);
	be_doing_both();
	peer_resets((enum transport)_i);
	side_settle(loop);
	ck_assert_ptr_null(freed_when_woken);
	close_connection();
	open_connection((enum transport)_i);
	freed_when_woken = side->stream;
	stream_watch(side->stream, free_stream, NULL);
	side_settle(loop);
	peer_resets((enum transport)_i);
	side_settle(loop);
	ck_assert_ptr_null(freed_when_woken);
	close_connection();
}
END_TEST

static TCase *cases_of_input_and_reset(void)
{
	TCase *cases = tcase_create("end of input, reset");

	tcase_add_loop_test(cases, side_comes_with_the_data, 0, COUNT(last_words));
	tcase_add_loop_test(cases, side_comes_while_somebody_waits, 0, COUNT(last_words));
	tcase_add_loop_test(cases, side_comes_while_nobody_waits, 0, COUNT(last_words));
	tcase_add_loop_test(cases, half_closed_peer_hears_the_reply, 0, TRANSPORTS);
	tcase_add_loop_test(cases, has_peer_knows_what_the_loop_was_told, 0, TRANSPORTS);
	tcase_add_loop_test(cases, reset_is_noticed_while_nobody_waits, 0, TRANSPORTS);
	tcase_add_loop_test(cases, reset_is_noticed_behind_unread_input, 0, TRANSPORTS);
	tcase_add_loop_test(cases, reset_is_noticed_while_waiting, 0, TRANSPORTS);
	tcase_add_loop_test(cases, reset_is_noticed_right_behind_data, 0, TRANSPORTS);
	tcase_add_loop_test(cases, reset_is_noticed_between_two_waits_for_bytes, 0, TRANSPORTS);
	tcase_add_loop_test(cases, reset_ends_both_waits, 0, TRANSPORTS);
	tcase_add_loop_test(cases, writing_to_nobody_fails, 0, TRANSPORTS);
	return cases;
}

static TCase *cases_of_linger_and_life(void)
{
	TCase *cases = tcase_create("linger, connecting, freeing");

	tcase_add_loop_test(cases, reply_is_heard_by_who_still_sends, 0, TRANSPORTS);
	tcase_add_test(cases, reply_is_lost_without_linger);
	tcase_add_loop_test(cases, linger_drains_no_more_than_its_share, 0, TRANSPORTS);
	tcase_add_loop_test(cases, linger_gives_up_at_its_deadline, 0, TRANSPORTS);
	tcase_add_loop_test(cases, linger_sends_what_is_unsent, 0, 2 * TRANSPORTS);
	tcase_add_loop_test(cases, linger_ends_at_once_when_the_peer_has, 0, TRANSPORTS);
	tcase_add_test(cases, connects);
	tcase_add_test(cases, connecting_is_refused);
	tcase_add_test(cases, connecting_times_out);
	tcase_add_loop_test(cases, freeing_leaves_nothing, 0, COUNT(states));
	tcase_add_loop_test(cases, woken_owner_frees_the_stream, 0, TRANSPORTS);
	return cases;
}

int main(void)
{
	Suite *suite = suite_create("stream_end");
	TCase *all[] = {cases_of_input_and_reset(), cases_of_linger_and_life()};
	SRunner *runner = srunner_create(suite);
	int failed;

	for (int i = 0; i < COUNT(all); i++) {
		tcase_add_checked_fixture(all[i], set_up, tear_down);
		suite_add_tcase(suite, all[i]);
	}
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
