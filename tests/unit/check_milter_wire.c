/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of the milter protocol, both ways. */
#include "plugins/milter_wire.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BYTES(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static void *scratch;

static void setup(void)
{
	scratch = talloc_new(NULL);
}

static void teardown(void)
{
	talloc_free(scratch);
}

/* What stands behind the length; fault: a part of what is said about it, NULL: it is well formed. */
static const struct {
	enum milter_side side;
	struct {
		const char *data;
		size_t size;
	} payload;
	const char *fault;
	size_t texts;
	const char *first, *last;
	uint32_t number;
} rows[] = {
	/* commands */
	{MILTER_SIDE_SERVER, BYTES("O\0\0\0\6\0\0\1\377\0\37\377\377"), NULL, 0, NULL, NULL, 6},
	{MILTER_SIDE_SERVER, BYTES("O\0\0\0\6\0\0\1\377\0\37\377"), "too early", 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("DMi\0a.1\0{mail_addr}\0\0"), NULL, 4, "i", "", 0},
	{MILTER_SIDE_SERVER, BYTES("DM"), NULL, 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("D"), "too early", 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("DMi\0"), "no value", 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("DMi\0a"), "no end", 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("Chost\0004\234\100192.0.2.1\0"), NULL, 2, "host", "192.0.2.1",
		40000},
	{MILTER_SIDE_SERVER, BYTES("Chost\0006\234\1002001:db8::1\0"), NULL, 2, "host",
		"2001:db8::1", 40000},
	{MILTER_SIDE_SERVER, BYTES("Chost\0L\0\0/a\0"), NULL, 2, "host", "/a", 0},
	{MILTER_SIDE_SERVER, BYTES("Chost\0U"), NULL, 1, "host", "host", 0},
	{MILTER_SIDE_SERVER, BYTES("Chost\0Ux"), "more follows", 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("Chost\0X"), "family", 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("Chost\0\0"), "family", 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("Chost\0004\1"), "too early", 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("Chost\0004\1\1"), "too early", 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("Chost"), "too early", 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("Hname\0"), NULL, 1, "name", "name", 0},
	{MILTER_SIDE_SERVER, BYTES("Hname"), "no end", 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("Hname\0x\0"), "more follows", 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("M<a@b>\0SIZE=1\0BODY=7BIT\0"), NULL, 3, "<a@b>", "BODY=7BIT",
		0},
	{MILTER_SIDE_SERVER, BYTES("M"), "too early", 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("R<>\0"), NULL, 1, "<>", "<>", 0},
	{MILTER_SIDE_SERVER, BYTES("T"), NULL, 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("Tx"), "where none belongs", 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("Lname\0value\0"), NULL, 2, "name", "value", 0},
	{MILTER_SIDE_SERVER, BYTES("Lname\0\0"), NULL, 2, "name", "", 0},
	{MILTER_SIDE_SERVER, BYTES("Lname\0"), "too early", 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("N"), NULL, 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("Bbytes\0bytes"), NULL, 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("E"), NULL, 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("A"), NULL, 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("Q"), NULL, 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("K"), NULL, 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("c"), "no such packet", 0, NULL, NULL, 0},
	{MILTER_SIDE_SERVER, BYTES("\0"), "no such packet", 0, NULL, NULL, 0},
	/* replies */
	{MILTER_SIDE_MILTER, BYTES(""), "empty", 0, NULL, NULL, 0},
	{MILTER_SIDE_MILTER, BYTES("O\0\0\0\2\0\0\0\1\0\0\0\0\0\0\0\2i j\0"), NULL, 0, NULL, NULL,
		2},
	{MILTER_SIDE_MILTER, BYTES("O\0\0\0\6\0\0\0\1\0\0\0\0\0\0\0\2i j"), "list", 0, NULL, NULL,
		0},
	{MILTER_SIDE_MILTER, BYTES("O\0\0\0\6\0\0\0\1\0\0\0\0\0\0"), "list", 0, NULL, NULL, 0},
	{MILTER_SIDE_MILTER, BYTES("c"), NULL, 0, NULL, NULL, 0},
	{MILTER_SIDE_MILTER, BYTES("cx"), "where none belongs", 0, NULL, NULL, 0},
	{MILTER_SIDE_MILTER, BYTES("y550 5.7.1 no\0"), NULL, 1, "550 5.7.1 no", "550 5.7.1 no", 0},
	{MILTER_SIDE_MILTER, BYTES("y550 5.7.1 no"), "no end", 0, NULL, NULL, 0},
	{MILTER_SIDE_MILTER, BYTES("y"), "too early", 0, NULL, NULL, 0},
	{MILTER_SIDE_MILTER, BYTES("i\0\0\0\1name\0value\0"), NULL, 2, "name", "value", 1},
	{MILTER_SIDE_MILTER, BYTES("m\377\377\377\377name\0\0"), NULL, 2, "name", "", 0xffffffff},
	{MILTER_SIDE_MILTER, BYTES("m\0\0\0"), "too early", 0, NULL, NULL, 0},
	{MILTER_SIDE_MILTER, BYTES("hname\0value\0more\0"), "more follows", 0, NULL, NULL, 0},
	{MILTER_SIDE_MILTER, BYTES("2<a@b>\0NOTIFY=NEVER\0"), NULL, 2, "<a@b>", "NOTIFY=NEVER", 0},
	{MILTER_SIDE_MILTER, BYTES("-<a@b>\0"), NULL, 1, "<a@b>", "<a@b>", 0},
	{MILTER_SIDE_MILTER, BYTES("b"), NULL, 0, NULL, NULL, 0},
	{MILTER_SIDE_MILTER, BYTES("Q"), "no such packet", 0, NULL, NULL, 0},
};

START_TEST(parses)
{
	struct slice payload = slice_make(rows[_i].payload.data, rows[_i].payload.size);
	static struct milter_packet packet;
	const char *fault = milter_wire_parse(rows[_i].side, payload, &packet);

	if (rows[_i].fault) {
		ck_assert_msg(fault && strstr(fault, rows[_i].fault), "%s", fault);
		return;
	}
	ck_assert_msg(!fault, "%s", fault);
	ck_assert_uint_eq(packet.text_count, rows[_i].texts);
	ck_assert_uint_eq(packet.numbers[0], rows[_i].number);
	if (rows[_i].first) {
		ck_assert(slice_equals(packet.texts[0], rows[_i].first));
		ck_assert(slice_equals(packet.texts[packet.text_count - 1], rows[_i].last));
	}
}
END_TEST

START_TEST(prints_what_it_has_parsed)
{
	struct slice payload = slice_make(rows[_i].payload.data, rows[_i].payload.size);
	static struct milter_packet packet;
	struct slice printed;

	if (milter_wire_parse(rows[_i].side, payload, &packet))
		return;
	printed = milter_wire_print(scratch, rows[_i].side, &packet);
	ck_assert_uint_eq(printed.size, payload.size + 4);
	ck_assert_uint_eq((unsigned char)printed.data[3], payload.size);
	ck_assert_mem_eq(printed.data + 4, payload.data, payload.size);
}
END_TEST

START_TEST(leaves_nuls_out)
{
	struct milter_packet packet = {.byte = MILTER_HELO, .text_count = 1};
	struct slice printed;

	packet.texts[0] = slice_make("a\0b\0", 4);
	printed = milter_wire_print(scratch, MILTER_SIDE_SERVER, &packet);
	ck_assert_uint_eq(printed.size, 8);
	ck_assert_mem_eq(printed.data, "\0\0\0\4Hab\0", 8);
}
END_TEST

START_TEST(keeps_to_the_limit)
{
	char *bytes = talloc_zero_array(scratch, char, MILTER_WIRE_MAXIMUM + 1);
	struct milter_packet packet = {.byte = MILTER_BODY};

	packet.bytes = slice_make(bytes, MILTER_WIRE_MAXIMUM);
	ck_assert_uint_eq(milter_wire_print(scratch, MILTER_SIDE_SERVER, &packet).size,
		MILTER_WIRE_MAXIMUM + 5);
	packet.bytes.size++;
	ck_assert_uint_eq(milter_wire_print(scratch, MILTER_SIDE_SERVER, &packet).size, 0);
}
END_TEST

START_TEST(counts_strings)
{
	char *bytes = talloc_zero_array(scratch, char, 2 + MILTER_WIRE_TEXTS);
	static struct milter_packet packet;

	bytes[0] = MILTER_MAIL;
	ck_assert_ptr_null(milter_wire_parse(
		MILTER_SIDE_SERVER, slice_make(bytes, 1 + MILTER_WIRE_TEXTS), &packet));
	ck_assert_ptr_nonnull(milter_wire_parse(
		MILTER_SIDE_SERVER, slice_make(bytes, 2 + MILTER_WIRE_TEXTS), &packet));
}
END_TEST

START_TEST(makes_heads)
{
	char head[MILTER_WIRE_HEAD];

	milter_wire_head(MILTER_BODY, 65535, head);
	ck_assert_mem_eq(head, "\0\1\0\0B", 5);
}
END_TEST

/* Three packets, cut into pieces of every size. */
START_TEST(cuts_packets_out_of_a_stream)
{
	static const char stream[] = "\0\0\0\1c\0\0\0\5y550 \0\0\0\1a";
	static const char *const wanted[] = {"c", "y550 ", "a"};
	struct milter_reader reader = {.maximum = 5};
	size_t seen = 0, piece = (size_t)_i, size = sizeof stream - 1;
	struct slice payload;

	for (size_t at = 0; at < size; at += piece) {
		struct slice input = slice_make(stream + at, size - at < piece ? size - at : piece);
		while (input.size) {
			if (milter_reader_take(&reader, scratch, &input, &payload) == MILTER_WHOLE)
				ck_assert(slice_equals(payload, wanted[seen++]));
		}
	}
	ck_assert_uint_eq(seen, 3);
}
END_TEST

START_TEST(takes_no_packet_that_is_too_large)
{
	static const char stream[] = "\0\0\0\6y550 x";
	struct milter_reader reader = {.maximum = 5};
	struct slice payload;

	for (size_t size = 1; size < sizeof stream; size++) {
		struct slice input = slice_make(stream, size);
		reader.size = 0;
		ck_assert_int_eq(milter_reader_take(&reader, scratch, &input, &payload),
			size < 4 ? MILTER_PARTIAL : MILTER_TOO_LARGE);
	}
}
END_TEST

START_TEST(names_packets)
{
	ck_assert_str_eq(milter_wire_name(MILTER_SIDE_SERVER, MILTER_EOM), "eom");
	ck_assert_str_eq(milter_wire_name(MILTER_SIDE_MILTER, MILTER_CONTINUE), "continue");
	ck_assert_ptr_null(milter_wire_name(MILTER_SIDE_MILTER, MILTER_EOM));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("milter_wire");
	TCase *cases = tcase_create("all");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_loop_test(cases, parses, 0, COUNT(rows));
	tcase_add_loop_test(cases, prints_what_it_has_parsed, 0, COUNT(rows));
	tcase_add_test(cases, leaves_nuls_out);
	tcase_add_test(cases, keeps_to_the_limit);
	tcase_add_test(cases, counts_strings);
	tcase_add_test(cases, makes_heads);
	tcase_add_loop_test(cases, cuts_packets_out_of_a_stream, 1, 25);
	tcase_add_test(cases, takes_no_packet_that_is_too_large);
	tcase_add_test(cases, names_packets);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
