/* SPDX-License-Identifier: Apache-2.0 */
/* Streams while the connection lives: lines and bytes in, pieces out, back-pressure both ways. */
#include "base/stream.h"

#include "tests/fakes/side.h"

#include <check.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <talloc.h>
#include <unistd.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define BYTES(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}
#define MAXIMUM 16 /* of a line */
#define MEGABYTE 1048576

static struct loop *loop;
static void *root; /* of all that uses the loop, which goes last */
static struct side *side;
static int peer, descriptor; /* theirs and ours */

/* Loop tests over both transports. */
static void open_connection(enum transport transport)
{
	int descriptors[2];

	side_connect(transport, descriptors);
	peer = descriptors[0];
	descriptor = descriptors[1];
	side = side_new(root, loop, descriptors[1]);
}

static void close_connection(void)
{
	talloc_free(side);
	close(peer);
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

static void peer_says(const char *data, size_t size)
{
	side_send(loop, peer, slice_make(data, size));
}

/* Bytes that can be told apart wherever they are cut. */
static char *pattern_new(const void *parent, size_t size, unsigned seed)
{
	char *bytes = talloc_array(parent, char, size);

	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i * 31 + i / 251 + seed);
	return bytes;
}

/* --- lines --- */

static const struct {
	struct slice input;
	struct {
		struct slice text;
		enum line_fault fault;
	} lines[5];
} dialogues[] = {
	{BYTES("abc\r\n"), {{BYTES("abc"), LINE_GOOD}}},
	{BYTES("\r\n"), {{BYTES(""), LINE_GOOD}}},
	{BYTES("a\r\nb\r\n\r\nc\r\n"),
		{{BYTES("a"), LINE_GOOD}, {BYTES("b"), LINE_GOOD}, {BYTES(""), LINE_GOOD},
			{BYTES("c"), LINE_GOOD}}},
	{BYTES("a\nb\r\n"), {{BYTES("a"), LINE_BARE}, {BYTES("b"), LINE_GOOD}}},
	{BYTES("\n\r\n"), {{BYTES(""), LINE_BARE}, {BYTES(""), LINE_GOOD}}},
	{BYTES("\n\n"), {{BYTES(""), LINE_BARE}, {BYTES(""), LINE_BARE}}},
	{BYTES("a\rb\r\n"), {{BYTES("a\rb"), LINE_BARE}}},
	{BYTES("a\r\r\nb\r\n"), {{BYTES("a\r"), LINE_BARE}, {BYTES("b"), LINE_GOOD}}},
	{BYTES("\ra\n"), {{BYTES("\ra"), LINE_BARE}}},
	{BYTES("a\0b\r\n"), {{BYTES("a\0b"), LINE_BARE}}},
	{BYTES("\0\r\na\r\n"), {{BYTES("\0"), LINE_BARE}, {BYTES("a"), LINE_GOOD}}},
	{BYTES("a\r\0\nb\r\n"), {{BYTES("a\r\0"), LINE_BARE}, {BYTES("b"), LINE_GOOD}}},
	/* the maximum counts the line's end */
	{BYTES("23456789abcdef\r\n"), {{BYTES("23456789abcdef"), LINE_GOOD}}},
	{BYTES("123456789abcdef\r\na\r\n"),
		{{BYTES("123456789abcdef\r"), LINE_LONG}, {BYTES("a"), LINE_GOOD}}},
	{BYTES("123456789abcdef\n"), {{BYTES("123456789abcdef"), LINE_BARE}}},
	{BYTES("0123456789abcdef\n\r\n"),
		{{BYTES("0123456789abcdef"), LINE_LONG}, {BYTES(""), LINE_GOOD}}},
	/* over-long twice, with all that could go wrong inside */
	{BYTES("MAIL FROM:<a@b.example>\r\nRCPT \r TO:\0<a@b.example>\r\n"
	       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\nQUIT\r\n"),
		{{BYTES("MAIL FROM:<a@b.e"), LINE_LONG}, {BYTES("RCPT \r TO:\0<a@b."), LINE_LONG},
			{BYTES("0123456789abcdef"), LINE_LONG}, {BYTES("QUIT"), LINE_GOOD}}},
};

static void expect_lines(int row)
{
	for (size_t i = 0; dialogues[row].lines[i].text.data; i++) {
		struct slice wanted = dialogues[row].lines[i].text;
		struct line line = {{NULL, 0}, LINE_GOOD};
		ck_assert_uint_eq(side_hear_line(side, MAXIMUM, &line), OUTCOME_DONE);
		ck_assert_uint_eq(line.fault, dialogues[row].lines[i].fault);
		ck_assert_uint_eq(line.text.size, wanted.size);
		ck_assert_mem_eq(line.text.data, wanted.data, wanted.size);
	}
	ck_assert_uint_eq(stream_bytes(side->stream).size, 0);
	ck_assert_str_eq(stream_error(side->stream), "");
}

START_TEST(hears_lines_all_at_once)
{
	for (enum transport transport = 0; transport < TRANSPORTS; transport++) {
		open_connection(transport);
		peer_says(dialogues[_i].input.data, dialogues[_i].input.size);
		expect_lines(_i);
		close_connection();
	}
}
END_TEST

/* The next byte comes when all that could be made of those before has been. */
static void say_bytewise(struct slice input, size_t *heard, int row)
{
	stream_begin_line(side->stream, MAXIMUM, SIDE_PATIENCE, &side->in);
	for (size_t i = 0; i < input.size; i++) {
		ck_assert(side->in.pending);
		peer_says(input.data + i, 1);
		side_settle(loop);
		if (input.data[i] != '\n')
			continue;
		ck_assert_uint_eq(side->in.outcome, OUTCOME_DONE);
		struct line line = stream_take_line(side->stream);
		struct slice wanted = dialogues[row].lines[*heard].text;
		ck_assert_uint_eq(line.fault, dialogues[row].lines[*heard].fault);
		ck_assert_uint_eq(line.text.size, wanted.size);
		ck_assert_mem_eq(line.text.data, wanted.data, wanted.size);
		++*heard;
		stream_begin_line(side->stream, MAXIMUM, SIDE_PATIENCE, &side->in);
	}
	await_cancel(&side->in);
}

START_TEST(hears_lines_byte_by_byte)
{
	for (enum transport transport = 0; transport < TRANSPORTS; transport++) {
		size_t heard = 0;
		open_connection(transport);
		say_bytewise(dialogues[_i].input, &heard, _i);
		ck_assert_ptr_null(dialogues[_i].lines[heard].text.data);
		close_connection();
	}
}
END_TEST

START_TEST(hears_lines_split_anywhere)
{
	struct slice input = dialogues[_i].input;

	for (size_t at = 1; at < input.size; at++) {
		open_connection(TRANSPORT_UNIX);
		stream_begin_line(side->stream, MAXIMUM, SIDE_PATIENCE, &side->in);
		peer_says(input.data, at);
		side_settle(loop);
		await_cancel(&side->in);
		peer_says(input.data + at, input.size - at);
		expect_lines(_i);
		close_connection();
	}
}
END_TEST

/* Longer than all that is ever kept. */
START_TEST(drops_a_line_without_keeping_it)
{
	struct line line;
	size_t blocks = 0;

	open_connection((enum transport)_i);
	stream_begin_line(side->stream, 512, SIDE_PATIENCE, &side->in);
	for (int i = 0; i < 40; i++) {
		char *noise = talloc_array(NULL, char, 50000);
		memset(noise, 'x', 50000);
		peer_says(noise, 50000);
		talloc_free(noise);
		side_settle(loop);
		ck_assert(side->in.pending);
		ck_assert_uint_eq(stream_bytes(side->stream).size, 0);
		if (i == 0)
			blocks = talloc_total_size(side->stream);
		ck_assert_uint_le(talloc_total_size(side->stream), blocks);
	}
	peer_says("\r\nNOOP\r\n", 8);
	ck_assert_uint_eq(side_wait(side, &side->in), OUTCOME_DONE);
	line = stream_take_line(side->stream);
	ck_assert_uint_eq(line.fault, LINE_LONG);
	ck_assert_uint_eq(line.text.size, STREAM_BEGINNING);
	ck_assert_uint_eq(side_hear_line(side, 512, &line), OUTCOME_DONE);
	ck_assert(line.fault == LINE_GOOD && slice_equals(line.text, "NOOP"));
	close_connection();
}
END_TEST

START_TEST(takes_lines_and_bytes_in_turn)
{
	struct line line;

	open_connection((enum transport)_i);
	peer_says("BDAT 5\r\na\r\nb\nQUIT\r\n", 19);
	ck_assert_uint_eq(side_hear_line(side, 512, &line), OUTCOME_DONE);
	ck_assert(slice_equals(line.text, "BDAT 5"));
	ck_assert_uint_eq(side_hear_bytes(side), OUTCOME_DONE);
	ck_assert(slice_equals(slice_make(stream_bytes(side->stream).data, 5), "a\r\nb\n"));
	stream_take(side->stream, 5);
	ck_assert_uint_eq(side_hear_line(side, 512, &line), OUTCOME_DONE);
	ck_assert(line.fault == LINE_GOOD && slice_equals(line.text, "QUIT"));
	ck_assert_uint_eq(side->in_woken, 1); /* all but the first were there already */
	close_connection();
}
END_TEST

START_TEST(waiting_for_input_has_a_deadline)
{
	open_connection((enum transport)_i);
	clock_move(loop->clock, 0);
	stream_begin_line(side->stream, 512, 1000, &side->in);
	clock_move(loop->clock, 999);
	peer_says("half a li", 9);
	side_settle(loop);
	ck_assert(side->in.pending);
	clock_move(loop->clock, 1);
	ck_assert_uint_eq(side->in.outcome, OUTCOME_TIMED_OUT);
	peer_says("ne\r\n", 4);
	stream_begin_line(side->stream, 512, 1000, &side->in);
	side_settle(loop);
	ck_assert_uint_eq(side->in.outcome, OUTCOME_DONE);
	ck_assert(slice_equals(stream_take_line(side->stream).text, "half a line"));
	close_connection();
}
END_TEST

/* --- the shared scratch --- */

/* Several streams with unread input in each, which all of them must find again. */
static void share_scratch(enum transport transport, size_t size)
{
	enum { STREAMS = 5 };
	struct side *ends[STREAMS];
	char *sent[STREAMS];
	int peers[STREAMS];

	for (unsigned i = 0; i < STREAMS; i++) {
		open_connection(transport);
		ends[i] = side;
		peers[i] = peer;
		sent[i] = pattern_new(side, size, i);
		sent[i][size - 1] = '\n';
	}
	for (size_t part = 0; part < 4; part++) {
		for (unsigned i = 0; i < STREAMS; i++) {
			struct slice piece = {sent[i] + part * (size / 4), size / 4};
			stream_begin_bytes(ends[i]->stream, SIDE_PATIENCE, &ends[i]->in);
			side_send(loop, peers[i], piece);
			ck_assert_uint_eq(side_wait(ends[i], &ends[i]->in), OUTCOME_DONE);
			ck_assert_mem_eq(stream_bytes(ends[i]->stream).data, sent[i],
				stream_bytes(ends[i]->stream).size);
		}
	}
	for (unsigned i = 0; i < STREAMS; i++) {
		for (size_t taken = 0; taken < size;) {
			ck_assert_uint_eq(side_hear_bytes(ends[i]), OUTCOME_DONE);
			size_t chunk = stream_bytes(ends[i]->stream).size;
			chunk = chunk > 777 ? 777 : chunk;
			ck_assert_mem_eq(
				stream_bytes(ends[i]->stream).data, sent[i] + taken, chunk);
			stream_take(ends[i]->stream, chunk);
			taken += chunk;
		}
		ck_assert_uint_eq(stream_bytes(ends[i]->stream).size, 0);
		talloc_free(ends[i]);
		close(peers[i]);
	}
}

START_TEST(streams_share_the_scratch)
{
	share_scratch((enum transport)_i, 40);
	share_scratch((enum transport)_i, 60000);
	share_scratch((enum transport)_i, 240000);
}
END_TEST

/* Two that take lines in turn, pipelined. */
START_TEST(pipelines_on_two_streams_do_not_mix)
{
	struct side *first;
	int first_peer;
	struct line line;

	open_connection((enum transport)_i);
	first = side;
	first_peer = peer;
	open_connection((enum transport)_i);
	for (int i = 0; i < 200; i++) {
		char *text = talloc_asprintf(root, "first %d\r\n", i);
		side_send(loop, first_peer, slice_of(text));
		text = talloc_asprintf(root, "second %d\r\n", i);
		side_send(loop, peer, slice_of(text));
	}
	for (int i = 0; i < 200; i++) {
		ck_assert_uint_eq(side_hear_line(first, 512, &line), OUTCOME_DONE);
		ck_assert(slice_equals(line.text, talloc_asprintf(root, "first %d", i)));
		ck_assert_uint_eq(side_hear_line(side, 512, &line), OUTCOME_DONE);
		ck_assert(slice_equals(line.text, talloc_asprintf(root, "second %d", i)));
	}
	talloc_free(first);
	close(first_peer);
	close_connection();
}
END_TEST

START_TEST(idle_stream_holds_no_buffer)
{
	struct line line;
	struct side *first;
	int first_peer;

	open_connection((enum transport)_i);
	size_t idle = talloc_total_size(side->stream);
	first = side;
	first_peer = peer;
	peer_says("a\r\nb\r\n", 6);
	ck_assert_uint_eq(side_hear_line(first, 512, &line), OUTCOME_DONE);
	open_connection((enum transport)_i);
	peer_says("c\r\n", 3);
	ck_assert_uint_eq(side_hear_line(side, 512, &line), OUTCOME_DONE);
	ck_assert_uint_gt(talloc_total_size(first->stream), idle); /* "b", moved out of the way */
	ck_assert_uint_eq(side_hear_line(first, 512, &line), OUTCOME_DONE);
	stream_begin_line(first->stream, 512, SIDE_PATIENCE, &first->in);
	ck_assert_uint_eq(talloc_total_size(first->stream), idle);
	talloc_free(first);
	close(first_peer);
	close_connection();
}
END_TEST

/* --- output --- */

/* Takes so many bytes off the bare end and compares them. */
static void peer_hears(const char *wanted, size_t size)
{
	char chunk[65536];

	while (size) {
		ssize_t n = recv(peer, chunk, size < sizeof chunk ? size : sizeof chunk, 0);
		if (n > 0) {
			ck_assert_mem_eq(chunk, wanted, (size_t)n);
			wanted += n;
			size -= (size_t)n;
		} else {
			loop_turn(loop, false);
		}
	}
	ck_assert_int_eq(recv(peer, chunk, 1, 0), -1);
}

START_TEST(writes_wait_for_the_flush)
{
	char byte;
	struct slice three = slice_of("250 three\r\n");

	open_connection((enum transport)_i);
	stream_write(side->stream, slice_of("250 one\r\n"));
	stream_write(side->stream, slice_of("250 two\r\n"));
	stream_lend(side->stream, three);
	side_settle(loop);
	ck_assert_int_eq(recv(peer, &byte, 1, 0), -1);
	ck_assert_uint_eq(stream_unsent(side->stream), 29);
	if (_i == 0)
		stream_flush(side->stream);
	else /* waiting for input that is not there flushes too */
		stream_begin_line(side->stream, 512, SIDE_PATIENCE, &side->in);
	ck_assert_uint_eq(stream_unsent(side->stream), 0);
	peer_hears("250 one\r\n250 two\r\n250 three\r\n", 29);
	close_connection();
}
END_TEST

/* Input that is there is taken first: the replies to a pipeline share a packet. */
START_TEST(buffered_input_comes_before_the_flush)
{
	struct line line;

	open_connection((enum transport)_i);
	peer_says("one\r\ntwo\r\n", 10);
	ck_assert_uint_eq(side_hear_line(side, 512, &line), OUTCOME_DONE);
	stream_write(side->stream, slice_of("250 one\r\n"));
	ck_assert_uint_eq(side_hear_line(side, 512, &line), OUTCOME_DONE);
	ck_assert_uint_eq(stream_unsent(side->stream), 9);
	stream_begin_line(side->stream, 512, SIDE_PATIENCE, &side->in);
	ck_assert_uint_eq(stream_unsent(side->stream), 0);
	close_connection();
}
END_TEST

/* Lent and written pieces at random, of all sizes, leave in their order. */
START_TEST(pieces_leave_in_order)
{
	enum { SIZE = 3000000 };
	unsigned seed = (unsigned)_i;
	char *bytes;

	open_connection((enum transport)(_i % TRANSPORTS));
	bytes = pattern_new(side, SIZE, seed);
	for (size_t at = 0; at < SIZE;) {
		size_t size = (size_t)rand_r(&seed) % (rand_r(&seed) % 8 ? 300 : 20000);
		size = size > SIZE - at ? SIZE - at : size;
		if (rand_r(&seed) % 2)
			stream_lend(side->stream, slice_make(bytes + at, size));
		else
			stream_write(side->stream, slice_make(bytes + at, size));
		if (rand_r(&seed) % 200 == 0)
			stream_flush(side->stream);
		at += size;
	}
	stream_begin_flush(side->stream, 0, SIDE_PATIENCE, &side->out);
	peer_hears(bytes, SIZE);
	ck_assert_uint_eq(side_wait(side, &side->out), OUTCOME_DONE);
	ck_assert_uint_eq(stream_unsent(side->stream), 0);
	close_connection();
}
END_TEST

/* --- back-pressure --- */

START_TEST(peer_that_does_not_read_stops_the_flush)
{
	enum { SIZE = 20 * MEGABYTE };
	char *bytes;

	open_connection((enum transport)_i);
	bytes = pattern_new(side, SIZE, 0);
	stream_lend(side->stream, slice_make(bytes, SIZE));
	stream_begin_flush(side->stream, 0, SIDE_PATIENCE, &side->out);
	side_settle(loop);
	ck_assert(side->out.pending);
	ck_assert_uint_gt(stream_unsent(side->stream), SIZE / 2);
	peer_hears(bytes, SIZE);
	ck_assert_uint_eq(side_wait(side, &side->out), OUTCOME_DONE);
	ck_assert_uint_eq(side->out_woken, 1);
	close_connection();
}
END_TEST

START_TEST(flush_ends_at_the_low_mark)
{
	enum { SIZE = 20 * MEGABYTE, LOW = 15 * MEGABYTE };
	char *bytes, chunk[65536];

	open_connection((enum transport)_i);
	bytes = pattern_new(side, SIZE, 0);
	stream_lend(side->stream, slice_make(bytes, MEGABYTE));
	for (size_t i = 1; i < SIZE / MEGABYTE; i++)
		stream_lend(side->stream, slice_make(bytes + i * MEGABYTE, MEGABYTE));
	stream_begin_flush(side->stream, LOW, SIDE_PATIENCE, &side->out);
	while (side->out.pending) {
		ck_assert_uint_gt(stream_unsent(side->stream), LOW);
		if (recv(peer, chunk, sizeof chunk, 0) < 0)
			loop_turn(loop, false);
	}
	ck_assert_uint_eq(side->out.outcome, OUTCOME_DONE);
	ck_assert_uint_le(stream_unsent(side->stream), LOW);
	ck_assert_uint_gt(stream_unsent(side->stream), LOW / 2);
	close_connection();
}
END_TEST

static size_t read_some(size_t size)
{
	char chunk[65536];
	size_t got = 0;

	while (got < size) {
		ssize_t n = recv(peer, chunk, sizeof chunk, 0);
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

START_TEST(deadline_of_a_flush_moves_with_progress)
{
	enum { SIZE = 30 * MEGABYTE, PATIENCE = 1000 };

	open_connection((enum transport)_i);
	clock_move(loop->clock, 0);
	stream_lend(side->stream, slice_make(pattern_new(side, SIZE, 0), SIZE));
	stream_begin_flush(side->stream, 0, PATIENCE, &side->out);
	side_settle(loop);
	for (int i = 0; i < 3; i++) {
		size_t before = stream_unsent(side->stream);
		clock_move(loop->clock, PATIENCE - 1);
		ck_assert(side->out.pending);
		while (stream_unsent(side->stream) == before) {
			read_some(MEGABYTE);
			side_settle(loop);
		}
	}
	clock_move(loop->clock, PATIENCE - 1);
	ck_assert(side->out.pending);
	clock_move(loop->clock, 1);
	ck_assert_uint_eq(side->out.outcome, OUTCOME_TIMED_OUT);
	close_connection();
}
END_TEST

START_TEST(flush_for_ever_survives_progress)
{
	enum { SIZE = 10 * MEGABYTE };
	char *bytes;

	open_connection((enum transport)_i);
	bytes = pattern_new(side, SIZE, 0);
	stream_lend(side->stream, slice_make(bytes, SIZE));
	stream_begin_flush(side->stream, 0, AWAIT_FOR_EVER, &side->out);
	peer_hears(bytes, SIZE);
	ck_assert_uint_eq(side_wait(side, &side->out), OUTCOME_DONE);
	close_connection();
}
END_TEST

/* A peer that sends 100 MB to a stream that nobody reads from is stopped by TCP; what is then taken bit by bit
 * never takes more memory than a scratch. */
START_TEST(peer_that_sends_much_is_stopped)
{
	enum { SIZE = 100 * MEGABYTE, KEPT = LOOP_SCRATCH_SIZE + 4096 };
	char *chunk;
	size_t sent = 0, taken = 0;

	open_connection((enum transport)_i);
	chunk = talloc_zero_array(side, char, 65536);
	for (ssize_t n = 1; n > 0 && sent<SIZE; sent += n> 0 ? (size_t)n : 0) {
		n = send(peer, chunk, 65536, MSG_NOSIGNAL);
		side_settle(loop);
	}
	ck_assert_uint_lt(sent, SIZE / 4);
	ck_assert_uint_eq(stream_bytes(side->stream).size, 0);
	while (taken < SIZE) {
		ssize_t n = sent < SIZE ? send(peer, chunk, 65536, MSG_NOSIGNAL) : 0;
		sent += n > 0 ? (size_t)n : 0;
		ck_assert_uint_eq(side_hear_bytes(side), OUTCOME_DONE);
		struct slice bytes = stream_bytes(side->stream);
		ck_assert_uint_le(bytes.size, LOOP_SCRATCH_SIZE);
		ck_assert_uint_le(talloc_total_size(side->stream), KEPT);
		stream_take(side->stream, bytes.size - bytes.size / 3);
		taken += bytes.size - bytes.size / 3;
		if (sent >= SIZE && taken + stream_bytes(side->stream).size >= sent)
			break;
	}
	close_connection();
}
END_TEST

/* A stream with much to read leaves some of it for the next turn of the loop and the one after that, and comes back to it
 * though no event says so. */
START_TEST(busy_stream_lets_others_in)
{
	enum { TURN = 8 * LOOP_SCRATCH_SIZE, SIZE = 3 * TURN, ROOM = 4 * SIZE };
	int waiting = 0, room = ROOM;

	open_connection(TRANSPORT_UNIX);
	if (setsockopt(peer, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) == 0) {
		char *noise = talloc_zero_array(side, char, SIZE);
		ck_assert_int_eq(send(peer, noise, SIZE, MSG_NOSIGNAL), SIZE);
		stream_begin_line(
			side->stream, 512, SIDE_PATIENCE, &side->in); /* drops all of it */
		for (int left = SIZE - TURN; left; left -= TURN) {
			loop_turn(loop, true);
			ioctl(descriptor, FIONREAD, &waiting);
			ck_assert_int_eq(waiting, left);
		}
		side_settle(loop);
		ioctl(descriptor, FIONREAD, &waiting);
		ck_assert_int_eq(waiting, 0);
	}
	close_connection(); /* nobody but root may fill a socket like that */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stream");
	TCase *cases = tcase_create("stream");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, hears_lines_all_at_once, 0, COUNT(dialogues));
	tcase_add_loop_test(cases, hears_lines_byte_by_byte, 0, COUNT(dialogues));
	tcase_add_loop_test(cases, hears_lines_split_anywhere, 0, COUNT(dialogues));
	tcase_add_loop_test(cases, drops_a_line_without_keeping_it, 0, TRANSPORTS);
	tcase_add_loop_test(cases, takes_lines_and_bytes_in_turn, 0, TRANSPORTS);
	tcase_add_loop_test(cases, waiting_for_input_has_a_deadline, 0, TRANSPORTS);
	tcase_add_loop_test(cases, streams_share_the_scratch, 0, TRANSPORTS);
	tcase_add_loop_test(cases, pipelines_on_two_streams_do_not_mix, 0, TRANSPORTS);
	tcase_add_loop_test(cases, idle_stream_holds_no_buffer, 0, TRANSPORTS);
	tcase_add_loop_test(cases, writes_wait_for_the_flush, 0, 2);
	tcase_add_loop_test(cases, buffered_input_comes_before_the_flush, 0, TRANSPORTS);
	tcase_add_loop_test(cases, pieces_leave_in_order, 0, 8);
	tcase_add_loop_test(cases, peer_that_does_not_read_stops_the_flush, 0, TRANSPORTS);
	tcase_add_loop_test(cases, flush_ends_at_the_low_mark, 0, TRANSPORTS);
	tcase_add_loop_test(cases, deadline_of_a_flush_moves_with_progress, 0, TRANSPORTS);
	tcase_add_loop_test(cases, flush_for_ever_survives_progress, 0, TRANSPORTS);
	tcase_add_loop_test(cases, peer_that_sends_much_is_stopped, 0, TRANSPORTS);
	tcase_add_test(cases, busy_stream_lets_others_in);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
