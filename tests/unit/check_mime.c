/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of messages, well-formed ones and such as two programs read differently: what is split, how else it can be read, what is noted. */
#include "policy/content/mime.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <talloc.h>

/* In the trees: ~ another reading, ^ a preamble, $ an epilogue, (…) what is inside, [name], :encodings. */
static const struct {
	const char *message, *tree, *anomalies;
} rows[] = {
	{"Subject: x\r\n\r\nhello\r\n", "text/plain", ""},
	{"\r\nhello", "text/plain", ""},
	{"", "text/plain", ""},
	{"Subject: x\r\n", "text/plain", "header_without_end"},
	{"Content-Type: TEXT/HTML; charset=utf-8\r\n\r\nx", "text/html", ""},
	{"Content-Type: multipart/mixed; "
	 "boundary=B\r\n\r\nhi\r\n--B\r\n\r\n1\r\n--B\r\nContent-Type: image/png; "
	 "name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\n2\r\n--B--\r\n",
		"multipart/mixed(^text/plain text/plain image/png[a.png]:2)", ""},
	{"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\n1\r\n--B--\r\nmore\r\n",
		"multipart/mixed(text/plain $text/plain)", "text_after_end"},
	{"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\n1\r\n",
		"multipart/mixed(text/plain)", "missing_end"},
	{"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: "
	 "multipart/alternative; "
	 "boundary=C\r\n\r\n--C\r\n\r\n1\r\n--C\r\nContent-Type: "
	 "text/html\r\n\r\n2\r\n--C--\r\n\r\n--B\r\n\r\n3\r\n--B--",
		"multipart/mixed(multipart/alternative(text/plain text/html) text/plain)", ""},
	{"Content-Type: message/rfc822\r\n\r\nContent-Type: text/html\r\n\r\nx",
		"message/rfc822(text/html)", ""},
	{"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: "
	 "message/rfc822\r\n\r\nContent-Type: "
	 "multipart/mixed; boundary=C\r\n\r\n--C\r\n\r\n1\r\n--C--\r\n--B--\r\n",
		"multipart/mixed(message/rfc822(multipart/mixed(text/plain)))", ""},
	/* Boundaries. */
	{"Content-Type: multipart/mixed; boundary=B; "
	 "boundary=C\r\n\r\n--B\r\n\r\n1\r\n--C\r\n\r\n2\r\n--C\r\n\r\n3\r\n--B\r\n"
	 "\r\n4\r\n--B--\r\n--C--\r\n",
		"multipart/mixed(text/plain text/plain text/plain ~text/plain text/plain "
		"~text/plain)",
		"duplicate_parameter conflicting_boundary part_after_end"},
	{"Content-Type: multipart/mixed; boundary=B\r\nContent-Type: multipart/mixed; "
	 "boundary=C\r\n\r\n--C\r\n\r\n1\r\n--C--",
		"multipart/mixed(text/plain)", "duplicate_type conflicting_boundary"},
	{"Content-Type: multipart/mixed\r\n\r\n--B\r\nContent-Type: "
	 "text/html\r\n\r\n1\r\n--B--\r\n",
		"multipart/mixed(text/html)", "missing_boundary guessed_boundary"},
	{"Content-Type: multipart/mixed; boundary=B\r\n\r\nno delimiter\r\n",
		"multipart/mixed(^text/plain) ~multipart/mixed", "missing_delimiter"},
	{"Content-Type: multipart/mixed; boundary=B\r\n\r\n--Bx\r\n\r\n1\r\n--B--\r\n",
		"multipart/mixed(text/plain)", "boundary_prefix"},
	{"Content-Type: multipart/mixed; "
	 "boundary=B\r\n\r\n--B\r\n\r\n1\r\n--Bx\r\n\r\n2\r\n--B--\r\n",
		"multipart/mixed(text/plain text/plain ~text/plain)", "boundary_prefix"},
	{"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B \t\r\n\r\n1\r\n--B--\r\n",
		"multipart/mixed(text/plain)", "blank_after_delimiter"},
	{"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\n1\r--B\r\n\r\n2\r\n--B--\r\n",
		"multipart/mixed(text/plain text/plain ~text/plain)", "odd_delimiter bare_cr"},
	{"Content-Type: multipart/mixed; boundary=B\r\n\r\n --B\r\n\r\n1\r\n--B--\r\n",
		"multipart/mixed(text/plain)", "odd_delimiter"},
	{"Content-Type: multipart/mixed; boundary=B\n\n--B\n\n1\n--B--\n",
		"multipart/mixed(text/plain)", ""},
	{"Content-Type: multipart/mixed; "
	 "boundary=B\r\n\r\n--B\r\n\r\n1\r\n--B--\r\n--B\r\n\r\n2\r\n--B--\r\n",
		"multipart/mixed(text/plain text/plain)", "part_after_end"},
	{"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: multipart/mixed; "
	 "boundary=B\r\n\r\n--B\r\n\r\n"
	 "1\r\n--B--\r\n--B--\r\n",
		"multipart/mixed(multipart/mixed(text/plain))", "boundary_reused"},
	{"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: multipart/mixed; "
	 "boundary=C\r\n--B\r\n\r\n"
	 "--C\r\n\r\n1\r\n--C--\r\n--B--\r\n",
		"multipart/mixed(multipart/mixed(text/plain) text/plain ~text/plain)",
		"boundary_misplaced header_without_end"},
	{"Content-Type: multipart/mixed; boundary=\"B;\"\r\n\r\n--B;\r\n\r\n1\r\n--B;--\r\n",
		"multipart/mixed(text/plain)", ""},
	{"Content-Type: multipart/mixed; boundary*0=B; "
	 "boundary*1=C\r\n\r\n--BC\r\n\r\n1\r\n--BC--\r\n",
		"multipart/mixed(text/plain)", "split_parameter"},
	{"Content-Type: multipart/mixed; boundary*1=C; "
	 "boundary*0=B\r\n\r\n--BC\r\n\r\n1\r\n--BC--\r\n",
		"multipart/mixed(text/plain)",
		"conflicting_boundary split_parameter conflicting_split"},
	{"Content-Type: multipart/mixed; foo=bar boundary=B\r\n\r\n--B\r\n\r\n1\r\n--B--\r\n",
		"multipart/mixed(text/plain)", "odd_parameter"},
	/* A header that was lost. */
	{"--B\r\nContent-Type: text/html\r\n\r\n1\r\n--B\r\nContent-Type: "
	 "image/png\r\n\r\n2\r\n--B--\r\nmore",
		"text/html ~text/html image/png $text/plain",
		"guessed_boundary boundary_misplaced text_after_end junk_in_header"},
	{"--B\r\nSubject: x\r\n\r\n1\r\n--B\r\n", "text/plain ~text/plain", "junk_in_header"},
	{"--\r\nContent-Type: text/html\r\n\r\n1\r\n--\r\n2", "text/html ~text/html",
		"junk_in_header"},
	/* Types. */
	{"Content-Type: x-multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\n1\r\n--B--\r\n",
		"x-multipart/mixed(text/plain) ~x-multipart/mixed", ""},
	{"Content-Type: \"multipart/mixed\"; boundary=B\r\n\r\n--B\r\n\r\n1\r\n--B--\r\n",
		"multipart/mixed(text/plain) ~multipart/mixed", "odd_type"},
	{"Content-Type: text/plain\r\nContent-Type: multipart/mixed; "
	 "boundary=B\r\n\r\n--B\r\n\r\n1\r\n--B--\r\n",
		"text/plain(text/plain) ~text/plain", "duplicate_type"},
	{"Content-Type: message/partial; id=x\r\n\r\n\r\nx", "message/partial(text/plain)",
		"partial"},
	{"Content-Type: message/external-body; access-type=url\r\n\r\n\r\n",
		"message/external-body", "external_body"},
	/* Encodings. */
	{"Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 7bit\r\n\r\nx",
		"text/plain:3", "duplicate_encoding"},
	{"Content-Transfer-Encoding: base64 (x)\r\n\r\nx", "text/plain:3", "comment"},
	{"Content-Transfer-Encoding: x-base64\r\n\r\nx", "text/plain:3", "odd_encoding"},
	{"Content-Transfer-Encoding: rot13\r\n\r\nx", "text/plain", "unknown_encoding"},
	{"Content-Transfer-Encoding: x-uuencode\r\n\r\nx", "text/plain:8", ""},
	{"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nx",
		"message/rfc822:2", "encoded_container"},
	{"Content-Type: multipart/mixed; boundary=B\r\nContent-Transfer-Encoding: "
	 "base64\r\n\r\n--B\r\n\r\n1\r\n--B--\r\n",
		"multipart/mixed:2(text/plain) ~multipart/mixed:2", "encoded_container"},
	/* Headers. */
	{"Content-Type : text/html\r\n\r\nx", "text/html", "odd_field"},
	{"Content-Type:: text/html\r\n\r\nx", "text/html", "odd_field"},
	{"X: y\rContent-Type: text/html\r\n\r\nx", "text/html", "odd_field bare_cr"},
	{"X: y\r\n Content-Type: text/html\r\n\r\nx", "text/html", "hidden_field"},
	{"Content-Type:\r\n text/html\r\n\r\nx", "text/html", ""},
	{"Content-Type: text/html\r\njunk\r\n\r\nx", "text/html ~text/html", "junk_in_header"},
	{"Content-Type: text/html\r\n \r\nX: y\r\n\r\nx", "text/html ~text/html",
		"blank_line_in_header"},
	{"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\nContent-Type: "
	 "text/html\r\n\r\n1\r\n--B--\r\n",
		"multipart/mixed(text/plain ~text/html)", "field_after_header"},
	{"Content-Type: text/html\r\nX: \xe9\r\n\r\nx", "text/html", "8bit_header"},
	/* Names. */
	{"Content-Type: a/b; name=x.png\r\nContent-Disposition: attachment; filename=y.exe\r\n\r\n",
		"a/b[y.exe|x.png]", "conflicting_names"},
	{"Content-Disposition: attachment; filename=x.exe; filename=x.png\r\n\r\n",
		"text/plain[x.exe|x.png]", "duplicate_parameter conflicting_names"},
	{"Content-Disposition: attachment; filename=\"a\\\"b.exe\"\r\n\r\n",
		"text/plain[a\"b.exe|a\\\"b.exe]", ""},
	{"Content-Disposition: attachment; filename=\"a\".exe\r\n\r\n",
		"text/plain[a|a.exe|\"a\".exe]", "conflicting_names odd_parameter"},
	{"Content-Disposition: attachment; filename=a b.exe\r\n\r\n", "text/plain[a b.exe|a]",
		"conflicting_names odd_parameter"},
	{"Content-Disposition: attachment; filename=a.e(x)xe\r\n\r\n", "text/plain[a.exe|a.e(x)xe]",
		"duplicate_parameter conflicting_names comment"},
	{"Content-Disposition: attachment; filename*=utf-8''%e2%82%ac.exe\r\n\r\n",
		"text/plain[\xe2\x82\xac.exe]", ""},
	{"Content-Disposition: attachment; filename*=iso-8859-1'de'%e4.exe\r\n\r\n",
		"text/plain[\xc3\xa4.exe]", ""},
	{"Content-Disposition: attachment; filename*0*=utf-8''a%2e; filename*1=exe\r\n\r\n",
		"text/plain[a.exe]", "split_parameter"},
	{"Content-Disposition: attachment; filename*0=a.; filename*0=b.; filename*1=exe\r\n\r\n",
		"text/plain[a.exe|b.exe|a.b.exe]", "split_parameter conflicting_split"},
	{"Content-Disposition: attachment; filename=\"=?utf-8?q?a=2Eexe?=\"\r\n\r\n",
		"text/plain[a.exe]", "encoded_word_parameter"},
	{"Content-Disposition: attachment; filename=\"x.exe\r\n\r\n", "text/plain[x.exe|\"x.exe]",
		"odd_parameter"},
};

static char *add_leaf(char *text, const struct mime_part *part)
{
	static const struct {
		enum mime_reading reading;
		const char *mark;
	} marks[] = {{MIME_OTHERWISE, "~"}, {MIME_PREAMBLE, "^"}, {MIME_EPILOGUE, "$"}};

	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		if (part->readings & marks[i].reading)
			text = talloc_strdup_append(text, marks[i].mark);
	}
	text = talloc_strdup_append(text, mime_type(part));
	for (unsigned i = 0; i < part->fields.names.count; i++)
		text = talloc_asprintf_append(
			text, "%s%s", i ? "|" : "[", part->fields.names.texts[i]);
	if (part->fields.names.count)
		text = talloc_strdup_append(text, "]");
	if (part->fields.encodings != ENCODING_IDENTITY)
		text = talloc_asprintf_append(text, ":%x", part->fields.encodings);
	return text;
}

/* Parts below one, in their order. The trees of this test are small. */
static char *add_tree(char *text, const struct mime *mime, int parent)
{
	bool is_first = true;

	for (size_t i = 0; i < mime->count; i++) {
		if (mime->parts[i].parent != parent)
			continue;
		if (!is_first)
			text = talloc_strdup_append(text, " ");
		is_first = false;
		text = add_leaf(text, &mime->parts[i]);
		if (!(mime->parts[i].readings & MIME_CONTAINER))
			continue;
		text = talloc_strdup_append(text, "(");
		text = add_tree(text, mime, (int)i);
		text = talloc_strdup_append(text, ")");
	}
	return text;
}

static char *print_anomalies(const void *parent, uint64_t anomalies)
{
	char *text = talloc_strdup(parent, "");

	for (unsigned i = 0; mime_anomaly_names[i]; i++) {
		if (anomalies >> i & 1)
			text = talloc_asprintf_append(
				text, "%s%s", *text ? " " : "", mime_anomaly_names[i]);
	}
	return text;
}

START_TEST(finds_parts)
{
	struct slice message = slice_of(rows[_i].message);
	struct mime *mime = mime_parse(NULL, NULL, message);

	ck_assert_str_eq(add_tree(talloc_strdup(mime, ""), mime, -1), rows[_i].tree);
	ck_assert_str_eq(print_anomalies(mime, mime->anomalies), rows[_i].anomalies);
	talloc_free(mime);
}
END_TEST

static bool has(const struct mime *mime, enum mime_anomaly anomaly)
{
	return mime->anomalies & mime_anomaly_bit(anomaly);
}

static char *repeat(const void *parent, const char *text, size_t count)
{
	size_t size = strlen(text);
	char *all = talloc_array(parent, char, size *count + 1);

	for (size_t i = 0; i < count; i++)
		memcpy(all + i * size, text, size);
	all[size * count] = '\0';
	return all;
}

START_TEST(ends_at_depth)
{
	char *text = talloc_strdup(NULL, "");
	struct mime *mime;

	for (int i = 0; i < 60; i++)
		text = talloc_asprintf_append(text,
			"Content-Type: multipart/mixed; boundary=B%03d\r\n\r\n--B%03d\r\n", i, i);
	mime = mime_parse(text, NULL, slice_of(text));
	ck_assert(has(mime, MIME_TOO_DEEP));
	ck_assert_uint_eq(mime->count, MIME_DEPTH_MAXIMUM + 1);
	talloc_free(text);
}
END_TEST

START_TEST(ends_at_nested_messages)
{
	char *text = repeat(NULL, "Content-Type: message/rfc822\r\n\r\n", 100000);
	struct mime *mime = mime_parse(text, NULL, slice_of(text));

	ck_assert(has(mime, MIME_TOO_DEEP));
	ck_assert_uint_eq(mime->count, MIME_DEPTH_MAXIMUM + 1);
	talloc_free(text);
}
END_TEST

START_TEST(ends_at_parts)
{
	char *parts = repeat(NULL, "--B\r\n\r\n", 10000);
	char *text = talloc_asprintf(
		parts, "Content-Type: multipart/mixed; boundary=B\r\n\r\n%s", parts);
	struct mime *mime = mime_parse(parts, NULL, slice_of(text));
	const struct mime_part *last = &mime->parts[mime->count - 1];

	ck_assert(has(mime, MIME_TOO_MANY_PARTS));
	ck_assert_uint_le(mime->count, MIME_PARTS_MAXIMUM + 1);
	ck_assert(last->body.data + last->body.size == text + strlen(text));
	talloc_free(parts);
}
END_TEST

START_TEST(ends_at_header)
{
	static const char *const lines[] = {"X: y\r\n", "Content-Type: text/plain; charset=x\r\n",
		" folded\r\n", "Content-Disposition: a; filename*1=x\r\n"};
	char *header = repeat(NULL, lines[_i], 50000);
	struct mime *mime =
		mime_parse(header, NULL, slice_of(talloc_asprintf(header, "%s\r\nbody", header)));

	ck_assert(has(mime, MIME_HEADER_TOO_LARGE));
	ck_assert_uint_eq(mime->count, 1);
	ck_assert(slice_equals(mime->parts[0].body, "body"));
	talloc_free(header);
}
END_TEST

START_TEST(ends_at_parameters)
{
	static const char *const texts[] = {"; a=b", "; filename*7=x", ";filename=x",
		"; name*0*=%41", "; \"", "; boundary=\\", "(((("};
	char *parameters = repeat(NULL, texts[_i], 20000);
	struct mime *mime = mime_parse(parameters, NULL,
		slice_of(talloc_asprintf(
			parameters, "Content-Type: a/b%s\r\n\r\nbody", parameters)));

	ck_assert_uint_ne(mime->anomalies, 0);
	ck_assert_uint_le(mime->parts[0].fields.names.count, MIME_FIELD_READINGS);
	talloc_free(parameters);
}
END_TEST

/* Each boundary of 400 multiparts begins with the one before; all readings together stay within bounds. */
START_TEST(bounds_other_readings)
{
	char *text = talloc_strdup(NULL, "Content-Type: multipart/mixed; boundary=B\r\n\r\n");
	struct mime *mime;
	size_t size = 0;

	for (int i = 0; i < 400; i++)
		text = talloc_asprintf_append(text,
			"--Bx\r\nContent-Type: multipart/mixed; "
			"boundary=%.*s\r\n\r\n--%.*s\r\n\r\nx\r\n",
			1 + i % 60, repeat(text, "B", 60), 1 + i % 60, repeat(text, "B", 60));
	mime = mime_parse(text, NULL, slice_of(text));
	for (size_t i = 0; i < mime->count; i++)
		size += mime->parts[i].readings & MIME_CONTAINER ? 0 : mime->parts[i].body.size;
	ck_assert_uint_le(size, MIME_GROWTH * strlen(text));
	talloc_free(text);
}
END_TEST

/* What a message costs grows with its size, whatever is in it. */
START_TEST(is_linear)
{
	static const char nested[] = "--B\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n";
	static const char siblings[] = "Content-Type: multipart/mixed; boundary=C\r\n\r\n--C\r\n";
	static const char *const pieces[] = {
		"--B\r\n\r\n", "--x\r\n", "\r\n", nested, siblings, "--Bx\r\n"};
	uint64_t steps[2];

	for (unsigned i = 0; i < 2; i++) {
		char *body = repeat(NULL, pieces[_i], 20000 << i);
		char *text = talloc_asprintf(
			body, "Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n%s", body);
		steps[i] = mime_parse(body, NULL, slice_of(text))->steps;
		talloc_free(body);
	}
	ck_assert_uint_le(steps[1], 2 * steps[0] + 1000);
}
END_TEST

START_TEST(reads_a_decoded_multipart)
{
	static const char message[] = "Content-Type: multipart/mixed; "
				      "boundary=B\r\nContent-Transfer-Encoding: base64\r\n\r\n"
				      "LS1CDQoNCngNCi0tQi0tDQo=";
	struct mime *mime = mime_parse(NULL, NULL, slice_of(message)), *inside;
	uint64_t anomalies = 0;

	ck_assert_uint_eq(mime->parts[mime->count - 1].readings, MIME_OTHERWISE);
	inside = mime_parse_body(mime, NULL, &mime->parts[mime->count - 1],
		decode(mime, mime->parts[mime->count - 1].body, ENCODING_BASE64, &anomalies));
	ck_assert_str_eq(
		add_tree(talloc_strdup(mime, ""), inside, -1), "multipart/mixed(text/plain)");
	talloc_free(mime);
}
END_TEST

START_TEST(names_all_anomalies)
{
	unsigned count = 0;

	while (mime_anomaly_names[count]) {
		ck_assert(mime_anomaly_manual[count] && *mime_anomaly_manual[count]);
		count++;
	}
	ck_assert_uint_eq(count, MIME_ANOMALY_COUNT);
	ck_assert_uint_lt(count, 63);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mime");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(all, finds_parts, 0, (int)(sizeof rows / sizeof *rows));
	tcase_add_test(all, ends_at_depth);
	tcase_add_test(all, ends_at_nested_messages);
	tcase_add_test(all, ends_at_parts);
	tcase_add_loop_test(all, ends_at_header, 0, 4);
	tcase_add_loop_test(all, ends_at_parameters, 0, 7);
	tcase_add_test(all, bounds_other_readings);
	tcase_add_loop_test(all, is_linear, 0, 6);
	tcase_add_test(all, reads_a_decoded_multipart);
	tcase_add_test(all, names_all_anomalies);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
