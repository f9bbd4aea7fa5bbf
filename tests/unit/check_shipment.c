/* SPDX-License-Identifier: Apache-2.0 */
/* A message for a backend: as it is or stuffed, all but what commits it. */
#include "proxy/shipment.h"

#include "base/loop.h"
#include "base/stream.h"
#include "tests/fakes/side.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define PIECES 3
#define LARGE 200000
#define WINDOW 65536

static struct loop *loop;
static struct stream *stream;
static struct message *message;
static struct slice pieces[PIECES];
static struct edit_plan plan;
static char written[2 * LARGE];
static int peer;

static void set_up(void)
{
	int descriptors[2];

	loop = loop_new(NULL);
	side_connect(TRANSPORT_UNIX, descriptors);
	stream = stream_new(NULL, loop, descriptors[0]);
	peer = descriptors[1];
	plan = (struct edit_plan){.slices = pieces};
}

static void tear_down(void)
{
	talloc_free(stream);
	talloc_free(message);
	message = NULL;
	talloc_free(loop);
	close(peer);
}

/* What has been written since the last time. */
static struct slice read_out(void)
{
	size_t size = 0;
	ssize_t n = 1;

	while (n > 0) {
		stream_flush(stream);
		n = read(peer, written + size, sizeof written - size);
		size += n > 0 ? (size_t)n : 0;
	}
	return slice_make(written, size);
}

enum way { AS_CHUNK, AS_LINES };

static const struct {
	const char *pieces[PIECES];
	enum way way;
	unsigned anomalies;
	bool has_dot_lines, needs_stuffing;
	const char *written, *tail;
} rows[] = {
	/* a chunk goes as it is */
	{{"ab", "cdef"}, AS_CHUNK, 0, false, false, "abcd", "ef"},
	{{"ab", "c"}, AS_CHUNK, 0, false, false, "ab", "c"},
	{{"a\r\n", "b\r\n", "c\r\n"}, AS_CHUNK, 0, false, false, "a\r\nb\r\nc", "\r\n"},
	{{".\n.b\r\n"}, AS_CHUNK, ANOMALY_BARE_LF, true, true, ".\n.b", "\r\n"},
	/* lines of which none is odd, too */
	{{"a\r\n", "b\r\n"}, AS_LINES, 0, false, false, "a\r\nb\r\n", ".\r\n"},
	{{"a\r\n", "b"}, AS_LINES, 0, false, false, "a\r\nb", "\r\n.\r\n"},
	{{"a\r"}, AS_LINES, 0, false, false, "a\r", "\r\n.\r\n"},
	/* others are stuffed, over the ends of pieces */
	{{".a\r\n"}, AS_LINES, 0, true, false, "..a\r\n", ".\r\n"},
	{{"a\r\n", ".b"}, AS_LINES, 0, true, false, "a\r\n..b", "\r\n.\r\n"},
	{{"a\r\n", ".", "b\r\n"}, AS_LINES, 0, false, true, "a\r\n..b\r\n", ".\r\n"},
	{{"a\n.b\r\n"}, AS_LINES, ANOMALY_BARE_LF, false, false, "a\r\n..b\r\n", ".\r\n"},
	{{"a\r", ".b\r\n"}, AS_LINES, ANOMALY_BARE_CR, false, false, "a\r\n..b\r\n", ".\r\n"},
};

START_TEST(small)
{
	struct shipment shipment = {.plan = &plan};

	message = message_view(NULL, slice_of(""), rows[_i].anomalies);
	if (rows[_i].has_dot_lines)
		message_note_dot_line(message);
	shipment.message = message;
	for (plan.count = 0; plan.count < PIECES && rows[_i].pieces[plan.count]; plan.count++)
		pieces[plan.count] = slice_of(rows[_i].pieces[plan.count]);
	plan.needs_stuffing = rows[_i].needs_stuffing;
	/* the second time as the first */
	for (int i = 0; i < 2; i++) {
		ck_assert(!shipment_begin(&shipment, stream, rows[_i].way == AS_CHUNK));
		ck_assert(slice_equals(read_out(), rows[_i].written));
		ck_assert(slice_equals(shipment.tail, rows[_i].tail));
	}
}
END_TEST

/* Window by window; and from its start when it was given up between two. */
START_TEST(large)
{
	char *text = talloc_array(stream, char, LARGE);
	struct shipment shipment = {.plan = &plan};
	size_t total = 0;
	unsigned windows = 1;

	memset(text, 'x', LARGE);
	text[WINDOW + 1] = '.';
	text[WINDOW] = '\n';
	text[WINDOW - 1] = '\r';
	message = message_view(NULL, slice_of(""), 0);
	message_note_dot_line(message);
	shipment.message = message;
	pieces[0] = slice_make(text, LARGE);
	plan.count = 1;
	ck_assert(shipment_begin(&shipment, stream, false));
	ck_assert(shipment_go_on(&shipment, stream));
	(void)read_out();
	ck_assert(shipment_begin(&shipment, stream, false));
	for (bool is_more = true; is_more; windows++) {
		total += read_out().size;
		ck_assert_uint_le(total, (windows + 1) * WINDOW);
		is_more = shipment_go_on(&shipment, stream);
	}
	total += read_out().size;
	ck_assert_uint_eq(total, LARGE + 1);
	ck_assert_uint_eq(windows, LARGE / WINDOW + 1);
	ck_assert(slice_equals(shipment.tail, "\r\n.\r\n"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("shipment");
	TCase *cases = tcase_create("shipment");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, small, 0, COUNT(rows));
	tcase_add_test(cases, large);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
