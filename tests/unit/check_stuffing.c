/* SPDX-License-Identifier: Apache-2.0 */
/* A message by DATA: no content is an end for anybody, and what a strict reader takes out again is what was put in, by lines. */
#include "proxy/stuffing.h"

#include "base/loop.h"
#include "base/stream.h"
#include "proxy/body.h"
#include "tests/fakes/side.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>
#include <unistd.h>

#define ROOM 256

static const struct spool spool = {.memory_maximum = INT64_MAX};

static struct loop *loop;
static struct stream *stream;
static int peer;

static void set_up(void)
{
	int descriptors[2];

	loop = loop_new(NULL);
	side_connect(TRANSPORT_UNIX, descriptors);
	stream = stream_new(NULL, loop, descriptors[0]);
	peer = descriptors[1];
}

static void tear_down(void)
{
	talloc_free(stream);
	talloc_free(loop);
	close(peer);
}

/* What leaves, the end marker included, when the message is written in two pieces. */
static struct slice write_out(struct slice message, size_t cut, char into[ROOM])
{
	struct stuffing stuffing = {0};

	stuffing_write(&stuffing, stream, slice_make(message.data, cut));
	stuffing_write(&stuffing, stream, slice_from(message, cut));
	stream_write(stream, stuffing_end(&stuffing));
	stream_flush(stream);
	ssize_t n = read(peer, into, ROOM);
	ck_assert_int_gt(n, 0);
	return slice_make(into, (size_t)n);
}

static struct slice without_nuls(struct slice s, char into[ROOM])
{
	size_t size = 0;

	for (size_t i = 0; i < s.size; i++) {
		if (s.data[i])
			into[size++] = s.data[i];
	}
	return slice_make(into, size);
}

/* Where the first end marker ends for a reader who takes LF, CR or both for a line end. */
static size_t first_end(struct slice s)
{
	bool at_begin = true;

	for (size_t i = 0; i < s.size; i++) {
		bool lone = at_begin && s.data[i] == '.' && i + 1 < s.size &&
			(s.data[i + 1] == '\r' || s.data[i + 1] == '\n');
		if (lone)
			return i +
				(s.data[i + 1] == '\r' && i + 2 < s.size && s.data[i + 2] == '\n'
						? 3
						: 2);
		at_begin = s.data[i] == '\r' || s.data[i] == '\n';
	}
	return SIZE_MAX;
}

/* The oracle: every line of the input with CRLF behind it, but none behind nothing. */
static struct slice as_lines(struct slice s, char into[ROOM])
{
	size_t size = 0;
	bool ended = true;

	for (size_t i = 0; i < s.size; i++) {
		ended = s.data[i] == '\r' || s.data[i] == '\n';
		if (s.data[i] == '\r' && i + 1 < s.size && s.data[i + 1] == '\n')
			i++;
		if (ended)
			into[size++] = '\r';
		into[size++] = ended ? '\n' : s.data[i];
	}
	if (!ended) {
		into[size++] = '\r';
		into[size++] = '\n';
	}
	return slice_make(into, size);
}

/* What our own reader of DATA keeps of it. NULs put aside, for the dot behind them stays stuffed. */
static void assert_reads_back(struct slice out, struct slice message)
{
	char lines[ROOM];
	struct slice wanted = as_lines(message, lines);
	struct message *kept = message_new(NULL, &spool);
	struct body body;
	size_t taken;

	body_init(&body, kept, INT64_MAX, false);
	ck_assert_uint_eq(body_take(&body, out, &taken), BODY_COMPLETE);
	ck_assert_uint_eq(taken, out.size);
	ck_assert_uint_eq(message_finish(kept), MESSAGE_OK);
	if (slice_find(message, '\0') == SIZE_MAX) {
		ck_assert_uint_eq(message_bytes(kept).size, wanted.size);
		ck_assert_mem_eq(message_bytes(kept).data, wanted.data, wanted.size);
	}
	talloc_free(kept);
}

START_TEST(every_short_message)
{
	static const char alphabet[] = {'\r', '\n', '.', '\0', 'a'};
	char text[8], into[ROOM], dropped[ROOM];
	size_t size = (size_t)_i, all = 1;

	for (size_t i = 0; i < size; i++)
		all *= sizeof alphabet;
	for (size_t number = 0; number < all; number++) {
		size_t rest = number;
		for (size_t i = 0; i < size; i++, rest /= sizeof alphabet)
			text[i] = alphabet[rest % sizeof alphabet];
		for (size_t cut = 0; cut <= size; cut++) {
			struct slice out = write_out(slice_make(text, size), cut, into);
			struct slice seen = without_nuls(out, dropped);
			ck_assert_uint_eq(first_end(out), out.size);
			ck_assert_uint_eq(first_end(seen), seen.size);
			assert_reads_back(out, slice_make(text, size));
		}
	}
}
END_TEST

/* --- what is noted of chunks --- */

static const struct row {
	struct slice bytes;
	unsigned anomalies;
	bool dot_lines;
} rows[] = {
	{{"a\r\nb\r\n", 6}, 0, false},
	{{"a\r\n.b\r\n", 7}, 0, true},
	{{".", 1}, 0, true},
	{{"a.b", 3}, 0, false},
	{{"a\nb\r\n", 5}, ANOMALY_BARE_LF, false},
	{{"a\rb\r\n", 5}, ANOMALY_BARE_CR, false},
	{{"a\r\r\n", 4}, ANOMALY_BARE_CR, false},
	{{"a\r\n\r", 4}, ANOMALY_BARE_CR, false},
	{{"\n\r", 2}, ANOMALY_BARE_LF | ANOMALY_BARE_CR, false},
	{{"\0\r\n", 3}, ANOMALY_NUL, false},
	{{"a\n.b\r\n", 6}, ANOMALY_BARE_LF, true},
};

START_TEST(notes_what_is_odd_in_chunks)
{
	const struct row *row = &rows[_i];

	for (size_t cut = 0; cut <= row->bytes.size; cut++) {
		struct message *message = message_new(NULL, &spool);
		struct body body;

		body_init(&body, message, INT64_MAX, false);
		body_take_chunk(&body, slice_make(row->bytes.data, cut));
		body_take_chunk(&body, slice_from(row->bytes, cut));
		body_end_chunks(&body);
		ck_assert_uint_eq(message_anomalies(message), row->anomalies);
		ck_assert(message_has_dot_lines(message) == row->dot_lines);
		ck_assert_int_eq(message_size(message), (int64_t)row->bytes.size);
		talloc_free(message);
	}
}
END_TEST

START_TEST(notes_long_lines_in_chunks)
{
	char line[1002];
	size_t length = (size_t)_i;

	memset(line, 'a', sizeof line);
	memcpy(line + length, "\r\n", 2);
	for (size_t cut = length - 1; cut <= length + 2; cut++) {
		struct message *message = message_new(NULL, &spool);
		struct body body;

		body_init(&body, message, INT64_MAX, false);
		body_take_chunk(&body, slice_make(line, cut));
		body_take_chunk(&body, slice_make(line + cut, length + 2 - cut));
		body_end_chunks(&body);
		ck_assert_uint_eq(message_anomalies(message), length > 998 ? ANOMALY_LONG_LINE : 0);
		talloc_free(message);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stuffing");
	TCase *cases = tcase_create("stuffing");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, every_short_message, 0, 7);
	tcase_add_loop_test(cases, notes_what_is_odd_in_chunks, 0, sizeof rows / sizeof *rows);
	tcase_add_loop_test(cases, notes_long_lines_in_chunks, 997, 1000);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
