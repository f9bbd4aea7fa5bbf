/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a message. */
#include "policy/mail/header.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define GOOD "From: a@example.com\r\nDate: today\r\nMessage-ID: <1@example.com>\r\n"

static void *scratch;

static void set_up(void)
{
	scratch = talloc_new(NULL);
}

static void tear_down(void)
{
	talloc_free(scratch);
}

static const struct {
	const char *message;
	size_t count;
	unsigned anomalies;
	const char *body; /* from the end of the header */
} headers[] = {
	{GOOD "\r\nbody\r\n", 3, 0, "\r\nbody\r\n"},
	{GOOD, 3, 0, ""},
	{GOOD "\r\n", 3, 0, "\r\n"},
	{GOOD "X: y", 4, 0, ""},
	{GOOD "X:\r\n", 4, 0, ""},
	{GOOD "Subject: a\r\n b\r\n\tc\r\n\r\n", 4, 0, "\r\n"},
	{GOOD "Subject: a\r\nsubject: b\r\n\r\n", 5, HEADER_REPEATED_FIELD, "\r\n"},
	{GOOD "To: a\r\nTO: b\r\n\r\n", 5, HEADER_REPEATED_FIELD, "\r\n"},
	{GOOD "Received: a\r\nReceived: b\r\n\r\n", 5, 0, "\r\n"},
	{GOOD "X-Any: a\r\nX-Any: b\r\n\r\n", 5, 0, "\r\n"},
	{GOOD "FROM: b@example.com\r\n\r\n", 4, HEADER_REPEATED_FROM, "\r\n"},
	{GOOD "Subject : a\r\n\r\n", 4, HEADER_BLANK_BEFORE_COLON, "\r\n"},
	{GOOD "no field\r\nX: y\r\n", 3, HEADER_NO_FIELD, "no field\r\nX: y\r\n"},
	{GOOD ": nameless\r\n", 3, HEADER_NO_FIELD, ": nameless\r\n"},
	{GOOD "\xc3\xa9: x\r\n", 3, HEADER_NO_FIELD, "\xc3\xa9: x\r\n"},
	{" begins with a blank\r\n" GOOD, 0,
		HEADER_NO_FIELD | HEADER_MISSING_DATE | HEADER_MISSING_FROM |
			HEADER_MISSING_MESSAGE_ID,
		" begins with a blank\r\n" GOOD},
	{"", 0, HEADER_MISSING_DATE | HEADER_MISSING_FROM | HEADER_MISSING_MESSAGE_ID, ""},
	{"\r\nbody", 0, HEADER_MISSING_DATE | HEADER_MISSING_FROM | HEADER_MISSING_MESSAGE_ID,
		"\r\nbody"},
	{"From: a@example.com\r\nDate: x\r\n\r\n", 2, HEADER_MISSING_MESSAGE_ID, "\r\n"},
	{"From: a@example.com\r\nMessage-Id: x\r\n\r\n", 2, HEADER_MISSING_DATE, "\r\n"},
	{"Date: x\r\nMessage-Id: x\r\n\r\n", 2, HEADER_MISSING_FROM, "\r\n"},
	/* a bare LF hides nothing */
	{GOOD "X: y\nFrom: b@example.com\r\n\r\n", 5, HEADER_REPEATED_FROM, "\r\n"},
	{GOOD "\nbody\n", 3, 0, "\nbody\n"},
	/* nor does a bare CR */
	{GOOD "X: y\rFrom: b@example.com\r\n\r\n", 5, HEADER_REPEATED_FROM, "\r\n"},
	{GOOD "X: y\r\r\nFrom: b@example.com\r\n\r\n", 5, HEADER_REPEATED_FROM, "\r\n"},
	{GOOD "X: y\r z\r\n\r\n", 4, 0, "\r\n"},
};

START_TEST(takes_it_apart)
{
	struct slice message = slice_of(headers[_i].message);
	struct header *header = header_parse(scratch, message);

	ck_assert_uint_eq(header->count, headers[_i].count);
	ck_assert_uint_eq(header->anomalies, headers[_i].anomalies);
	ck_assert(slice_equals(slice_from(message, header->size), headers[_i].body));
}
END_TEST

/* The fields together are the header, byte by byte. */
START_TEST(loses_nothing)
{
	struct slice message = slice_of(headers[_i].message);
	struct header *header = header_parse(scratch, message);
	const char *at = message.data;

	for (size_t i = 0; i < header->count; i++) {
		const struct field *field = &header->fields[i];
		ck_assert_ptr_eq(field->whole.data, at);
		ck_assert_ptr_eq(field->name.data, at);
		ck_assert(field->value.data >= at + field->name.size + 1);
		at += field->whole.size;
	}
	ck_assert_ptr_eq(at, message.data + header->size);
}
END_TEST

/* From, and the address found in it; NULL: unreadable. */
static const struct {
	const char *from, *address, *domain;
	unsigned anomalies;
} froms[] = {
	{"a@Example.COM", "a@example.com", "example.com", 0},
	{"<a@example.com>", "a@example.com", "example.com", 0},
	{"Erika Mustermann <a@example.com>", "a@example.com", "example.com", 0},
	{"\"Mustermann, Erika\" <a@example.com>", "a@example.com", "example.com", 0},
	{"Mustermann, Erika <a@example.com>", "a@example.com", "example.com", 0},
	{"a@example.com (Erika)", "a@example.com", "example.com", 0},
	{"(Erika (at) home) a@example.com", "a@example.com", "example.com", 0},
	{"(a@evil.example) b@example.com", "b@example.com", "example.com", 0},
	{"\"x@evil.example\" <b@example.com>", "b@example.com", "example.com", 0},
	{"x@evil.example <b@example.com>", "b@example.com", "example.com", HEADER_MISLEADING_FROM},
	{"B@example.com <b@Example.com>", "b@example.com", "example.com", 0},
	{"b@example.com, <b@example.com>", "b@example.com", "example.com",
		HEADER_SEVERAL_FROM | HEADER_MISSING_SENDER},
	/* CVE-2019-16378: one author for the judge, another for the reader. */
	{"<a@example.com>, <b@evil.example>", "a@example.com", "example.com",
		HEADER_SEVERAL_FROM | HEADER_MISSING_SENDER},
	{"\"a@example.com\" <a@example.com>, b@evil.example", "a@example.com", "example.com",
		HEADER_SEVERAL_FROM | HEADER_MISSING_SENDER},
	/* CVE-2024-49040: no From of RFC 5322, and a reader shows the first. */
	{"<a@example.com> <b@evil.example>", NULL, NULL, HEADER_UNREADABLE_FROM},
	{"<a@example.com>\r\n <b@evil.example>", NULL, NULL, HEADER_UNREADABLE_FROM},
	{"<a@example.com> b <b@evil.example>", NULL, NULL, HEADER_UNREADABLE_FROM},
	{"<<a@example.com> b@evil.example>", NULL, NULL, HEADER_UNREADABLE_FROM},
	{"a@example.com b@evil.example", NULL, NULL, HEADER_UNREADABLE_FROM},
	{"a@example.com Boss <b@evil.example>", "b@evil.example", "evil.example",
		HEADER_MISLEADING_FROM},
	{"Boss a@example.com: <b@evil.example>", "b@evil.example", "evil.example",
		HEADER_MISLEADING_FROM},
	{"\"\\\"<x@evil.example>\" <b@example.com>", "b@example.com", "example.com", 0},
	{"=?utf-8?q?J=C3=B6rg?= <b@example.com>", "b@example.com", "example.com", 0},
	{"J\xf6rg <b@example.com>", "b@example.com", "example.com", 0},
	{"\r\n\tErika\r\n\t<a@example.com>", "a@example.com", "example.com", 0},
	{"\"john doe\"@example.com", "\"john doe\"@example.com", "example.com", 0},
	{"<a@[192.0.2.1]>", "a@[192.0.2.1]", "[192.0.2.1]", 0},
	{"a..b.@example.com", "a..b.@example.com", "example.com", 0},
	{"Ben <\">\"@example.com>", "\">\"@example.com", "example.com", 0},
	{"root", "root", NULL, 0},
	{"MAILER-DAEMON (Mail Delivery)", "MAILER-DAEMON", NULL, 0},
	{"a@example.com, b@example.org\r\nSender: a@example.com", "a@example.com", "example.com",
		HEADER_SEVERAL_FROM},
	{"A <a@example.com>, B <b@example.org>\r\nSender: a@example.com", "a@example.com",
		"example.com", HEADER_SEVERAL_FROM},
	{"", NULL, NULL, HEADER_UNREADABLE_FROM},
	{"<>", NULL, NULL, HEADER_UNREADABLE_FROM},
	{"Erika <>", NULL, NULL, HEADER_UNREADABLE_FROM},
	{"Erika Mustermann", NULL, NULL, HEADER_UNREADABLE_FROM},
	{"<a@example.com> b@evil.example", NULL, NULL, HEADER_UNREADABLE_FROM},
	{"<a@example.com", NULL, NULL, HEADER_UNREADABLE_FROM},
	{"<a@example.com><b@evil.example>", NULL, NULL, HEADER_UNREADABLE_FROM},
	{"a@b@example.com", NULL, NULL, HEADER_UNREADABLE_FROM},
	{"a@example.com.", NULL, NULL, HEADER_UNREADABLE_FROM},
	{"(never closed a@example.com", NULL, NULL, HEADER_UNREADABLE_FROM},
	{"a@example.com (never closed", NULL, NULL, HEADER_UNREADABLE_FROM},
	{"a@example.com, (never closed b@example.com", NULL, NULL, HEADER_UNREADABLE_FROM},
	{"\"never closed <a@example.com>", NULL, NULL, HEADER_UNREADABLE_FROM},
	{"Group: a@example.com;", NULL, NULL, HEADER_UNREADABLE_FROM},
};

START_TEST(finds_the_address_of_from)
{
	char *message = talloc_asprintf(
		scratch, "Date: x\r\nMessage-ID: x\r\nFrom: %s\r\n\r\n", froms[_i].from);
	struct header *header = header_parse(scratch, slice_of(message));

	ck_assert_msg(header->anomalies == froms[_i].anomalies, "%s: %x", froms[_i].from,
		header->anomalies);
	ck_assert_pstr_eq(header->from, froms[_i].address);
	ck_assert_pstr_eq(header->from_domain, froms[_i].domain);
}
END_TEST

START_TEST(reads_subject_and_message_id)
{
	struct header *header = header_parse(scratch,
		slice_of(GOOD
			"Subject:  a\r\n\tlong \r\n one \r\nReceived: x\r\nReceived: y\r\n\r\n"));

	ck_assert_str_eq(header->subject, "a\tlong  one");
	ck_assert_str_eq(header->message_id, "<1@example.com>");
	ck_assert_uint_eq(header->received, 2);
	header = header_parse(scratch, slice_of("X: y\r\n\r\n"));
	ck_assert_ptr_null(header->subject);
	ck_assert_ptr_null(header->message_id);
	ck_assert_ptr_null(header->from);
}
END_TEST

START_TEST(finds_fields)
{
	struct header *header = header_parse(scratch, slice_of("X: 1\r\nY: 2\r\nx: 3\r\n\r\n"));

	ck_assert(slice_equals(header_find(header, "X", 0)->value, " 1"));
	ck_assert(slice_equals(header_find(header, "x", 1)->value, " 3"));
	ck_assert_ptr_null(header_find(header, "X", 2));
	ck_assert_ptr_null(header_find(header, "Z", 0));
}
END_TEST

/* Beyond what ends the header for the judge, up to the empty line. */
START_TEST(goes_through_fields)
{
	struct slice rest = slice_of("A: 1\r\n 2\r\nno field\r\n more\r\nB : 3\n\r\nC: 4\r\n");
	struct field field;

	ck_assert(header_next(&rest, &field));
	ck_assert(slice_equals(field.name, "A"));
	ck_assert(slice_equals(field.whole, "A: 1\r\n 2\r\n"));
	ck_assert(header_next(&rest, &field));
	ck_assert(slice_equals(field.name, "B"));
	ck_assert(slice_equals(field.value, " 3"));
	ck_assert(!header_next(&rest, &field));
	ck_assert(slice_equals(rest, "\r\nC: 4\r\n"));
}
END_TEST

START_TEST(gives_up_among_lines_that_are_no_fields)
{
	size_t size = 2 * HEADER_SIZE_MAXIMUM;
	char *message = talloc_array(scratch, char, size);
	struct slice rest = slice_make(message, size);
	struct field field;

	memset(message, '\n', size);
	for (size_t i = 0; i < size; i += 2)
		message[i] = 'x';
	ck_assert(!header_next(&rest, &field));
	ck_assert_uint_eq(rest.size, HEADER_SIZE_MAXIMUM);
}
END_TEST

START_TEST(notes_many_addresses)
{
	char *to = talloc_zero_size(scratch, 6 * HEADER_ADDRESSES_MAXIMUM + 1);

	for (size_t i = 0; i < HEADER_ADDRESSES_MAXIMUM; i++)
		memcpy(to + 6 * i, "a@b.c,", 6);
	for (int more = 0; more < 2; more++) {
		char *message = talloc_asprintf(
			scratch, "To: %s\r\nCc: %s\r\nX: a@b.c\r\n\r\n", to, more ? "a@b.c" : "");
		ck_assert_int_eq(!!(header_parse(scratch, slice_of(message))->anomalies &
					 HEADER_MANY_ADDRESSES),
			more);
	}
}
END_TEST

/* A field that goes on beyond what is looked at is not taken for one: nobody may cut it there. */
START_TEST(leaves_out_a_field_without_end)
{
	size_t size = HEADER_SIZE_MAXIMUM + 100;
	char *message = talloc_array(scratch, char, size);
	struct header *header;

	memset(message, 'x', size);
	memcpy(message, "A: 1\r\nB: ", 9);
	memcpy(message + size - 4, "\r\n\r\n", 4);
	header = header_parse(scratch, slice_make(message, size));
	ck_assert_uint_eq(header->count, 1);
	ck_assert_uint_eq(header->size, 6);
	ck_assert(header->anomalies & HEADER_TOO_LARGE);
	ck_assert(header->anomalies & HEADER_TOO_LONG);
	memcpy(message + HEADER_SIZE_MAXIMUM - 4, "\r\n\r\n", 4); /* just within */
	header = header_parse(scratch, slice_make(message, size));
	ck_assert_uint_eq(header->count, 2);
	ck_assert(!(header->anomalies & HEADER_TOO_LARGE));
}
END_TEST

START_TEST(is_bounded_in_fields)
{
	char *message = talloc_zero_size(scratch, 4 * (HEADER_FIELDS_MAXIMUM + 10) + 1);
	struct header *header;

	for (size_t i = 0; i < HEADER_FIELDS_MAXIMUM + 10; i++)
		memcpy(message + 4 * i, "X:\r\n", 4);
	header = header_parse(scratch, slice_of(message));
	ck_assert_uint_eq(header->count, HEADER_FIELDS_MAXIMUM);
	ck_assert(header->anomalies & HEADER_TOO_LONG);
}
END_TEST

START_TEST(is_bounded_in_bytes)
{
	size_t size = 2 * HEADER_SIZE_MAXIMUM;
	char *message = talloc_array(scratch, char, size);
	struct header *header;

	memset(message, 'x', size);
	memcpy(message, "X: ", 3);
	header = header_parse(scratch, slice_make(message, size));
	ck_assert(header->anomalies & HEADER_TOO_LONG);
	ck_assert_uint_le(header->size, HEADER_SIZE_MAXIMUM);
	memcpy(message + 1000, "\r\n\r\n", 4); /* a short header and a long body */
	header = header_parse(scratch, slice_make(message, size));
	ck_assert(!(header->anomalies & HEADER_TOO_LONG));
	ck_assert_uint_eq(header->size, 1002);
}
END_TEST

static const struct {
	const char *value, *unfolded;
} folded[] = {
	{" x ", "x"},
	{"a\r\n b", "a b"},
	{"a\r\n\tb", "a\tb"},
	{"a\n b", "a b"},
	{"a\r\nb", "a  b"},
	{"a\rb", "a b"},
	{"\r\n a\r\n ", "a"},
	{"a\r\n", "a"},
	{"", ""},
};

START_TEST(unfolds)
{
	char *once = header_unfold(scratch, slice_of(folded[_i].value));

	ck_assert_str_eq(once, folded[_i].unfolded);
	ck_assert_str_eq(header_unfold(scratch, slice_of(once)), once);
}
END_TEST

/* Folding at any blank, and unfolding, is the identity. */
START_TEST(undoes_any_folding)
{
	static const char text[] = "one two\tthree  four";

	for (size_t at = 1; at < strlen(text); at++) {
		char *fold;
		if (text[at] != ' ' && text[at] != '\t')
			continue;
		fold = talloc_asprintf(scratch, "%.*s\r\n%s", (int)at, text, text + at);
		ck_assert_str_eq(header_unfold(scratch, slice_of(fold)), text);
	}
}
END_TEST

START_TEST(keeps_no_nul)
{
	ck_assert_str_eq(header_unfold(scratch, slice_make("a\0b", 3)), "a b");
}
END_TEST

START_TEST(names_every_anomaly)
{
	unsigned count = 0;

	while (header_anomaly_names[count])
		count++;
	ck_assert_uint_eq(1u << (count - 1), HEADER_MANY_ADDRESSES);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("header");
	TCase *cases = tcase_create("header");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, takes_it_apart, 0, COUNT(headers));
	tcase_add_loop_test(cases, loses_nothing, 0, COUNT(headers));
	tcase_add_loop_test(cases, finds_the_address_of_from, 0, COUNT(froms));
	tcase_add_test(cases, reads_subject_and_message_id);
	tcase_add_test(cases, finds_fields);
	tcase_add_test(cases, goes_through_fields);
	tcase_add_test(cases, gives_up_among_lines_that_are_no_fields);
	tcase_add_test(cases, notes_many_addresses);
	tcase_add_test(cases, leaves_out_a_field_without_end);
	tcase_add_test(cases, is_bounded_in_fields);
	tcase_add_test(cases, is_bounded_in_bytes);
	tcase_add_loop_test(cases, unfolds, 0, COUNT(folded));
	tcase_add_test(cases, undoes_any_folding);
	tcase_add_test(cases, keeps_no_nul);
	tcase_add_test(cases, names_every_anomaly);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
