/* SPDX-License-Identifier: Apache-2.0 */
/* Transfer encodings, well-formed and otherwise, in all their readings. */
#include "policy/content/decode.h"
#include "policy/content/mime_anomaly.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

#define BIT(id) (UINT64_C(1) << MIME_##id)

static const struct {
	enum encoding encoding;
	const char *text, *expected;
	uint64_t anomalies;
	const char *other; /* what another reading gives, or NULL */
} rows[] = {
	{ENCODING_IDENTITY, "a=41 QUJD", "a=41 QUJD", 0, NULL},
	{ENCODING_BASE64, "", "", 0, NULL},
	{ENCODING_BASE64, "QUJD", "ABC", 0, NULL},
	{ENCODING_BASE64, "QUI=", "AB", 0, NULL},
	{ENCODING_BASE64, "QQ==\r\n", "A", 0, NULL},
	{ENCODING_BASE64, "QU\r\nJ\tD R EVG", "ABCDEF", 0, NULL},
	/* Padding that is missing, too much, or inside. */
	{ENCODING_BASE64, "QUI", "AB", BIT(BASE64_PADDING), NULL},
	{ENCODING_BASE64, "QQ=", "A", BIT(BASE64_PADDING), NULL},
	{ENCODING_BASE64, "QUJDQ", "ABC", BIT(BASE64_PADDING), NULL},
	{ENCODING_BASE64, "=QUJD", "ABC", BIT(BASE64_PADDING), NULL},
	{ENCODING_BASE64, "====\nQUJD", "ABC", BIT(BASE64_PADDING), NULL},
	{ENCODING_BASE64, "QUI====", "AB", BIT(BASE64_PADDING), NULL},
	{ENCODING_BASE64, "QUI=Q0Q=", "ABCD", BIT(BASE64_PADDING), "AB"},
	{ENCODING_BASE64, "QQ==QkM=", "ABC", BIT(BASE64_PADDING), "A"},
	{ENCODING_BASE64, "QU=JD", "A$", BIT(BASE64_PADDING), "ABC"},
	{ENCODING_BASE64, "QU=IQ0=Q", "A!\r", BIT(BASE64_PADDING), "ABCD"},
	{ENCODING_BASE64, "Q\n\nQUJD", "A\x05\x09", BIT(BASE64_PADDING), "ABC"},
	/* What is no character of base64. */
	{ENCODING_BASE64, "Q:U:J:D", "ABC", BIT(BASE64_JUNK), NULL},
	{ENCODING_BASE64, "QUJD#xxxx\nREVG",
		"ABC\xc7\x1c\x71"
		"DEF",
		BIT(BASE64_JUNK), "ABCDEF"},
	{ENCODING_BASE64, "\xff\xfeQUJD", "ABC", BIT(BASE64_JUNK), NULL},
	{ENCODING_QUOTED, "a=3Db=\r\nc=\nd", "a=bcd", 0, NULL},
	{ENCODING_QUOTED, "soft= \t\r\nbreak=", "softbreak", 0, NULL},
	{ENCODING_QUOTED, "=4a", "J", BIT(QUOTED_LOWERCASE), "a"},
	{ENCODING_QUOTED, "=4", "=4", BIT(QUOTED_JUNK), ""},
	{ENCODING_QUOTED, "==41 = =42", "=A = B", BIT(QUOTED_JUNK), "A B"},
	{ENCODING_QUOTED, "=XY=0=41", "=XY=0A", BIT(QUOTED_JUNK), "XYA"},
	{ENCODING_UUENCODE, "begin 644 x\n#04)#\n`\nend\nmore", "ABC", BIT(UUENCODE), NULL},
	{ENCODING_UUENCODE, "#04)#\r\n", "ABC", BIT(UUENCODE), NULL},
	{ENCODING_UUENCODE, "junk of any kind and length\n#04)#\n\"04(\n", "ABCAB", BIT(UUENCODE),
		NULL},
	{ENCODING_YENC, "=ybegin line=128 size=3 name=x\nklm\n=yend size=3\nz", "ABC", BIT(YENC),
		NULL},
	{ENCODING_YENC, "k=\xac=", "A\x42\x13", BIT(YENC), NULL},
	{ENCODING_BINHEX, "no colon", "", BIT(BINHEX), NULL},
	{ENCODING_BINHEX, ":!", "", BIT(BINHEX), NULL},
};

static bool is_among_others(const void *scratch, size_t row, struct slice bytes)
{
	struct slice other;

	for (unsigned nth = 0;
		decode_other(scratch, bytes, rows[row].encoding, rows[row].anomalies, nth, &other);
		nth++) {
		if (slice_equals(other, rows[row].other))
			return true;
	}
	return false;
}

START_TEST(decodes)
{
	void *scratch = talloc_new(NULL);
	uint64_t anomalies = 0;
	struct slice bytes = slice_of(rows[_i].text);
	struct slice decoded = decode(scratch, bytes, rows[_i].encoding, &anomalies);

	ck_assert_str_eq(slice_keep(scratch, decoded), rows[_i].expected);
	ck_assert_uint_eq(decoded.size, strlen(rows[_i].expected));
	ck_assert_uint_eq(anomalies, rows[_i].anomalies);
	ck_assert(!rows[_i].other || is_among_others(scratch, (size_t)_i, bytes));
	talloc_free(scratch);
}
END_TEST

/* BinHex of a name "x", a data fork "ABC" and no resources, made by the reverse of its table. */
static char *make_binhex(const void *parent, struct slice bytes)
{
	static const char digits[] =
		"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr";
	char *text = talloc_strdup(parent, "(This file must be converted with BinHex 4.0)\n:");
	unsigned bits = 0, count = 0;

	for (size_t i = 0; i < bytes.size; i++) {
		bits = bits << 8 | (unsigned char)bytes.data[i];
		for (count += 8; count >= 6; count -= 6)
			text = talloc_asprintf_append_buffer(
				text, "%c", digits[bits >> (count - 6) & 63]);
	}
	return talloc_asprintf_append_buffer(text, "%c:", digits[bits << (6 - count) & 63]);
}

START_TEST(decodes_binhex)
{
	static const char file[] = "\1x\0TEXTxxxx\0\0\0\0\0\6\0\0\0\0\0\0"
				   "AB\x90\4C";
	void *scratch = talloc_new(NULL);
	uint64_t anomalies = 0;
	char *text = make_binhex(scratch, slice_make(file, sizeof file - 1));
	struct slice decoded = decode(scratch, slice_of(text), ENCODING_BINHEX, &anomalies);

	ck_assert_str_eq(slice_keep(scratch, decoded), "ABBBBC");
	talloc_free(scratch);
}
END_TEST

/* Repetitions of repetitions end. */
START_TEST(bounds_binhex)
{
	void *scratch = talloc_new(NULL);
	char bytes[3000];
	uint64_t anomalies = 0;
	struct slice decoded;

	for (size_t i = 0; i < sizeof bytes; i += 3)
		memcpy(bytes + i, "A\x90\xff", 3);
	bytes[0] = 0;
	decoded = decode(scratch, slice_of(make_binhex(scratch, slice_make(bytes, sizeof bytes))),
		ENCODING_BINHEX, &anomalies);
	ck_assert_uint_le(decoded.size, DECODE_GROWTH * 2 * sizeof bytes);
	talloc_free(scratch);
}
END_TEST

START_TEST(finds_files_in_texts)
{
	static const char text[] =
		"begin 644 is how it begins\nhello\nbegin 644 a b.exe\r\n#04)#\r\n"
		"`\r\nend\r\nbetween\nbegin 600 c\n#04)#\nbegin 755 d\n#04)#\n"
		"end\n=ybegin line=128 size=3 name=e f.bin\nklm\n=yend\nrest";
	static const char *const names[] = {"a b.exe", "c", "d", "e f.bin"};
	struct slice rest = slice_of(text);
	struct decode_embedded found;
	uint64_t anomalies = 0;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct slice decoded;
		ck_assert(decode_find(&rest, &found));
		ck_assert(slice_equals(found.name, names[i]));
		decoded = decode(NULL, found.lines, found.encoding, &anomalies);
		ck_assert(slice_equals(decoded, "ABC"));
		talloc_free((void *)(uintptr_t)decoded.data);
	}
	ck_assert(!decode_find(&rest, &found));
}
END_TEST

/* What decoders take for uuencode, though POSIX does not write it so; and texts that are none. */
static const struct {
	const char *text;
	const char *name; /* NULL: no file is found */
	const char *bytes;
} embedded[] = {
	{"begin 644 a.exe\r\n\r\n\r\n#04)#\r\n`\r\nend\r\n", "a.exe", "ABC"},
	{"begin 644 a.exe\n#04)#xyz\n`\nend\n", "a.exe", "ABC"},
	{"begin 644 a.exe\n#04)#what stands behind is nothing\n`\nend\n", "a.exe", "ABC"},
	{"begin  a.exe\n#04)#\n`\nend\n", "a.exe", "ABC"},
	{"begin  a.exe\nwhat is skipped\n#04)#\n`\nend\n", NULL, NULL},
	{"begin 0644 a.exe\n#04)#\n`\nend\n", "a.exe", "ABC"},
	{"begin 64 a.exe\n#04)#\n`\nend\n", "a.exe", "ABC"},
	{"begin 64 a.exe\n$04)#1\n`\nend\n", "a.exe", "ABCD"},
	{" begin 644 a.exe\n#04)#\n`\nend\n", "a.exe", "ABC"},
	{"begin 644 \n#04)#\n`\nend\n", "", "ABC"},
	{"BEGIN\t644\ta.exe\n#04)#\n", "a.exe", "ABC"},
	{"begin-base64 644 a.exe\r\nQUJD\r\n====\r\n", "a.exe", "ABC"},
	{"begin-base64 a.exe\r\nQUJD\r\n", "a.exe", "ABC"},
	{"(This file must be converted with BinHex 4.0)\n\n:\"f9fD@`ZDR-!2cmr2cmr2cm!!!!!!!3!!!!!!!"
	 "\"MB@aM!!!!!!:\nbye",
		"", "calc"},
	{"(This file must be converted with BinHex 4.0)\nhow does one do that?\n", NULL, NULL},
	{"begin 2 days before\nHello to all of you\n", NULL, NULL},
	{"begin  with this\nHello to all of you\n", NULL, NULL},
	{"begin 644 a\nhello\n", NULL, NULL},
	{"beginning 644 a\n#04)#\n", NULL, NULL},
	{"begin\n#04)#\n", NULL, NULL},
	{"begin 644 a\n\n\n", NULL, NULL},
	{"begin", NULL, NULL},
};

START_TEST(finds_odd_files)
{
	void *scratch = talloc_new(NULL);
	struct slice rest = slice_of(embedded[_i].text);
	struct decode_embedded found;
	struct slice decoded;
	uint64_t anomalies = 0, expected;

	ck_assert_int_eq(decode_find(&rest, &found), embedded[_i].name != NULL);
	if (!embedded[_i].name) {
		talloc_free(scratch);
		return;
	}
	ck_assert(slice_equals(found.name, embedded[_i].name));
	decoded = decode(scratch, found.lines, found.encoding, &anomalies);
	ck_assert(slice_equals(decoded, embedded[_i].bytes));
	expected = found.encoding == ENCODING_BINHEX ? BIT(BINHEX) : BIT(UUENCODE);
	ck_assert_uint_eq(anomalies, found.encoding == ENCODING_BASE64 ? 0 : expected);
	talloc_free(scratch);
}
END_TEST

/* A large one takes the fast way, and has each byte value in it. */
START_TEST(decodes_all_bytes)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char text[4 * 256 + 1], *at = text;
	uint64_t anomalies = 0;
	struct slice decoded;

	for (unsigned i = 0; i < 256; i++) {
		unsigned bits = i << 16 | (255 - i) << 8 | (i ^ 0x55);
		for (int shift = 18; shift >= 0; shift -= 6)
			*at++ = digits[bits >> shift & 63];
	}
	decoded = decode(NULL, slice_make(text, (size_t)(at - text)), ENCODING_BASE64, &anomalies);
	ck_assert_uint_eq(decoded.size, 768);
	for (unsigned i = 0; i < 256; i++) {
		ck_assert_int_eq((unsigned char)decoded.data[3 * i], i);
		ck_assert_int_eq((unsigned char)decoded.data[3 * i + 1], 255 - i);
		ck_assert_int_eq((unsigned char)decoded.data[3 * i + 2], i ^ 0x55);
	}
	ck_assert_uint_eq(anomalies, 0);
	talloc_free((void *)(uintptr_t)decoded.data);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("decode");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(all, decodes, 0, (int)(sizeof rows / sizeof *rows));
	tcase_add_test(all, decodes_binhex);
	tcase_add_test(all, bounds_binhex);
	tcase_add_test(all, finds_files_in_texts);
	tcase_add_loop_test(all, finds_odd_files, 0, (int)(sizeof embedded / sizeof *embedded));
	tcase_add_test(all, decodes_all_bytes);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
