/* SPDX-License-Identifier: Apache-2.0 */
/* Packets that no honest server sends. */
#include "base/dns_packet.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))

static void *scratch;

static void set_up(void)
{
	scratch = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

/* Hexadecimal digits; other characters between them are skipped. */
static struct slice bytes_of(const char *digits)
{
	char *bytes = talloc_array(scratch, char, strlen(digits) + 1);
	size_t used = 0;

	for (; *digits; digits++) {
		char pair[3] = {digits[0], digits[1], '\0'};
		if (*digits == ' ')
			continue;
		bytes[used++] = (char)strtol(pair, NULL, 16);
		digits++;
	}
	return slice_make(bytes, used);
}

#define HEADER(answers) "0000 8180 0001 " answers " 0000 0000 "
#define A_EXAMPLE "0161 076578616d706c65 00 "
#define ASKED(type) A_EXAMPLE type " 0001 "
#define HERE "c00c "
#define TTL "0000012c "

static const struct {
	const char *what;
	enum dns_type type;
	const char *packet;
	enum dns_outcome outcome;
	size_t count;
} packets[] = {
	{"nothing", DNS_A, "", DNS_FAILED, 0},
	{"half a header", DNS_A, "0000 8180 0001", DNS_FAILED, 0},
	{"a header alone", DNS_A, HEADER("0000"), DNS_FAILED, 0},
	{"no question", DNS_A, "0000 8180 0000 0000 0000 0000", DNS_FAILED, 0},
	{"two questions", DNS_A, "0000 8180 0002 0000 0000 0000" ASKED("0001") ASKED("0001"),
		DNS_FAILED, 0},
	{"nothing found", DNS_A, HEADER("0000") ASKED("0001"), DNS_NO_DATA, 0},
	{"no such name", DNS_A, "0000 8183 0001 0000 0000 0000" ASKED("0001"), DNS_NO_NAME, 0},
	{"an address", DNS_A, HEADER("0001") ASKED("0001") HERE "0001 0001 " TTL "0004 c0000201",
		DNS_FOUND, 1},
	{"another type asked", DNS_A, HEADER("0000") ASKED("001c"), DNS_FAILED, 0},
	{"another class asked", DNS_A, HEADER("0000") A_EXAMPLE "0001 0003", DNS_FAILED, 0},
	{"another class", DNS_A, HEADER("0001") ASKED("0001") HERE "0001 0003 " TTL "0004 c0000201",
		DNS_NO_DATA, 0},
	{"an address of three octets", DNS_A,
		HEADER("0001") ASKED("0001") HERE "0001 0001 " TTL "0003 c00002", DNS_FAILED, 0},
	{"an address of five octets", DNS_A,
		HEADER("0001") ASKED("0001") HERE "0001 0001 " TTL "0005 c000020100", DNS_FAILED,
		0},
	{"data beyond the end", DNS_A,
		HEADER("0001") ASKED("0001") HERE "0001 0001 " TTL "0005 c0000201", DNS_FAILED, 0},
	{"more records promised than there are", DNS_A,
		HEADER("0002") ASKED("0001") HERE "0001 0001 " TTL "0004 c0000201", DNS_FAILED, 0},
	{"half a record", DNS_A, HEADER("0001") ASKED("0001") HERE "0001 0001 0000", DNS_FAILED, 0},
	{"a pointer to itself", DNS_A,
		HEADER("0001") ASKED("0001") "c01b 0001 0001 " TTL "0004 c0000201", DNS_FAILED, 0},
	{"a pointer ahead", DNS_A,
		HEADER("0001") ASKED("0001") "c0ff 0001 0001 " TTL "0004 c0000201", DNS_FAILED, 0},
	{"a pointer into the header", DNS_A,
		HEADER("0001") ASKED("0001") "c002 0001 0001 " TTL "0004 c0000201", DNS_FAILED, 0},
	{"half a pointer", DNS_A, HEADER("0001") ASKED("0001") "c0", DNS_FAILED, 0},
	{"a label of an unknown kind", DNS_A,
		HEADER("0001") ASKED("0001") "4161 0001 0001 " TTL "0004 c0000201", DNS_FAILED, 0},
	{"a circle of CNAMEs", DNS_A,
		HEADER("0001") ASKED("0001") HERE "0005 0001 " TTL "0002 c00c", DNS_FAILED, 0},
	{"a CNAME without a name", DNS_A, HEADER("0001") ASKED("0001") HERE "0005 0001 " TTL "0000",
		DNS_FAILED, 0},
	{"bytes behind a name", DNS_PTR,
		HEADER("0001") ASKED("000c") HERE "000c 0001 " TTL "0003 c00c00", DNS_FAILED, 0},
	{"a name", DNS_PTR, HEADER("0001") ASKED("000c") HERE "000c 0001 " TTL "0002 c00c",
		DNS_FOUND, 1},
	{"a MX of two octets", DNS_MX,
		HEADER("0001") ASKED("000f") HERE "000f 0001 " TTL "0002 000a", DNS_FAILED, 0},
	{"a MX", DNS_MX, HEADER("0001") ASKED("000f") HERE "000f 0001 " TTL "0004 000a c00c",
		DNS_FOUND, 1},
	{"a string beyond its record", DNS_TXT,
		HEADER("0001") ASKED("0010") HERE "0010 0001 " TTL "0003 036162", DNS_FAILED, 0},
	{"no string", DNS_TXT, HEADER("0001") ASKED("0010") HERE "0010 0001 " TTL "0000", DNS_FOUND,
		1},
	{"a name in the root for MX", DNS_MX,
		HEADER("0001") ASKED("000f") HERE "000f 0001 " TTL "0003 0000 00", DNS_FOUND, 1},
};

START_TEST(reads_what_can_be_read)
{
	struct dns_answer answer = {0};

	dns_packet_read(
		scratch, bytes_of(packets[_i].packet), "a.example", packets[_i].type, &answer);
	ck_assert_msg(
		answer.outcome == packets[_i].outcome, "%s: %d", packets[_i].what, answer.outcome);
	ck_assert_uint_eq(answer.count, packets[_i].count);
}
END_TEST

/* Every packet of the table, cut off everywhere. */
START_TEST(reads_no_further_than_the_end)
{
	struct slice whole = bytes_of(packets[_i].packet);

	for (size_t size = 0; size < whole.size; size++) {
		struct dns_answer answer = {0};
		char *part = size ? talloc_memdup(scratch, whole.data, size) : NULL;
		dns_packet_read(scratch, slice_make(part, size), NULL, packets[_i].type, &answer);
		ck_assert(size >= 27 || answer.outcome == DNS_FAILED);
	}
}
END_TEST

static const struct {
	const char *wire;
	const char *name; /* NULL: none */
} names[] = {
	{"00", "."},
	{"0141 00", "a"},
	{"0161 0162 00", "a.b"},
	{"03612e62 00", "a\\046b"},
	{"02610a 00", "a\\010"},
	{"02615c 00", "a\\092"},
	{"02ff00 00", "\\255\\000"},
	{"0161", NULL},
	{"0261 00", NULL},
	{"c000", NULL},
	{"80", NULL},
	{"", NULL},
};

START_TEST(reads_names)
{
	char name[DNS_PACKET_NAME_SIZE];
	struct slice wire = bytes_of(names[_i].wire);
	size_t offset = 0;
	bool is_one = dns_packet_read_name(wire, &offset, name);

	ck_assert_int_eq(is_one, names[_i].name != NULL);
	if (!is_one)
		return;
	ck_assert_str_eq(name, names[_i].name);
	ck_assert_uint_eq(offset, wire.size);
}
END_TEST

/* 255 octets on the wire are a name, 256 are none; the longest that can be printed fits. */
START_TEST(reads_long_names)
{
	char wire[300] = {0}, name[DNS_PACKET_NAME_SIZE];
	size_t offset = 0, size = 0;

	for (int label = 0; label < 3; label++, size += 64) {
		wire[size] = 63;
		memset(wire + size + 1, '\n', 63);
	}
	wire[size] = 61;
	memset(wire + size + 1, '\n', 61);
	ck_assert(dns_packet_read_name(slice_make(wire, size + 63), &offset, name));
	ck_assert_uint_eq(offset, 255);
	ck_assert_uint_eq(strlen(name), (63 * 3 + 61) * 4 + 3);
	wire[size] = 62;
	offset = 0;
	ck_assert(!dns_packet_read_name(slice_make(wire, size + 64), &offset, name));
}
END_TEST

START_TEST(prints_what_is_asked_for_the_same_way)
{
	ck_assert_str_eq(dns_packet_print_name(scratch, "A b\\c.\x80"), "a\\032b\\092c.\\128");
}
END_TEST

static Suite *packet_suite(void)
{
	Suite *suite = suite_create("dns_packet");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_loop_test(all, reads_what_can_be_read, 0, COUNT(packets));
	tcase_add_loop_test(all, reads_no_further_than_the_end, 0, COUNT(packets));
	tcase_add_loop_test(all, reads_names, 0, COUNT(names));
	tcase_add_test(all, reads_long_names);
	tcase_add_test(all, prints_what_is_asked_for_the_same_way);
	suite_add_tcase(suite, all);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(packet_suite());

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
