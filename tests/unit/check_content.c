/* SPDX-License-Identifier: Apache-2.0 */
/* Messages taken apart all the way down: attachments with their paths, texts, addresses, budgets. */
#include "policy/content/content.h"

#include <check.h>
#include <stdlib.h>
#include <talloc.h>

static const struct budget_limits plenty = {
	.bytes = 64 << 20, .ratio = 1000, .entries = 1000, .depth = 5, .milliseconds = 60000};

static uint64_t no_time(const void *context)
{
	(void)context;
	return 0;
}

static struct content *examine(const char *message, const struct budget_limits *limits)
{
	static const char *const nothing = "";
	void *scratch = talloc_new(NULL);
	struct content_tools *tools = content_prepare(scratch);

	return content_examine(scratch, tools, slice_of(message), limits, no_time, nothing);
}

static void release(struct content *content)
{
	talloc_free(talloc_parent(content));
}

/* path|extension|type|depth|? for other readings, one behind the other. */
static char *print_attachments(const struct content *content)
{
	char *text = talloc_strdup(content, "");

	for (size_t i = 0; i < content->attachment_count; i++) {
		const struct content_attachment *a = &content->attachments[i];
		text = talloc_asprintf_append(text, "%s%s|%s|%s|%u%s", i ? " " : "", a->path,
			a->extension, file_type_names[a->type], a->depth,
			a->is_other_reading ? "?" : "");
	}
	return text;
}

/* Messages attached as files, one in the other, and a program in the innermost. */
static char *nest_files(unsigned levels)
{
	char *text = talloc_strdup(NULL,
		"Content-Type: application/octet-stream; name=evil.exe\r\nX: y\r\n\r\nMZ\r\n");

	while (levels--) {
		char *inner = text;
		text = talloc_asprintf(NULL,
			"Content-Type: application/octet-stream; name=m.eml\r\nX: y\r\n\r\n%s",
			inner);
		talloc_free(inner);
	}
	return text;
}

#define MIXED "Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n"
#define END "\r\n--B--\r\n"
/* A ZIP with one stored file, a.txt, of "hello". */
#define ZIPPED                                                                                     \
	"UEsDBBQAAAAAAAAAIQCGphA2BQAAAAUAAAAFAAAAYS50eHRoZWxsb1BLAQIUABQAAAAAAAAAIQCGphA2BQAAAAUA" \
	"AAAFAAAAAAAA"                                                                             \
	"AAAAAACAAQAAAABhLnR4dFBLBQYAAAAAAQABADMAAAAoAAAAAAA="

#define BINHEX                                                                                     \
	"(This file must be converted with BinHex 4.0)\r\n\r\n"                                    \
	":\"f9fD@`ZDR-!2cmr2cmr2cm!!!!!!!3!!!!!!!\"MB@aM!!!!!!:"

static const struct {
	const char *message, *attachments, *seen;
} rows[] = {
	{"Subject: x\r\n\r\nhello", "", "hello\n"},
	{"Content-Type: text/html\r\n\r\n<b>hello</b>", "", "hello\n"},
	{MIXED "\r\ntext\r\n--B\r\nContent-Type: image/gif; name=\"a b.GIF\"\r\n\r\nGIF89a" END,
		"a b.GIF|gif|gif|0", "text\n"},
	{MIXED "Content-Disposition: attachment; filename=x.zip\r\nContent-Transfer-Encoding: "
	       "base64\r\n\r\n" ZIPPED END,
		"x.zip|zip|zip|0 x.zip/a.txt|txt|text|1", ""},
	{MIXED "Content-Type: message/rfc822\r\n\r\nContent-Disposition: attachment; "
	       "filename=x.exe\r\n\r\nMZ" END,
		"x.exe|exe|text|0", ""},
	{MIXED "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	       "Q29udGVudC1EaXNwb3NpdGlvbjogYXR0YWNobWVudDsgZmlsZW5hbWU9eC5leGUKCmhp" END,
		"x.exe|exe|text|1", ""},
	{MIXED "Content-Type: message/rfc822; name=evil.js\r\n\r\nx: //\r\n\r\n<script>" END,
		"evil.js|js|js|0", "<script>\n"},
	{MIXED "Content-Type: message/x\r\nContent-Disposition: attachment; "
	       "filename=evil.exe\r\n\r\nMZ: 1\r\n\r\nhi" END,
		"evil.exe|exe|text|0", "hi\n"},
	{"Content-Type: message/news; name=evil.bat\r\n\r\nX: y\r\n\r\nhi", "evil.bat|bat|bat|0",
		"hi\n"},
	{"Content-Type: multipart/mixed; boundary=B; name=evil.exe\r\n\r\n--B\r\n\r\nhi" END,
		"evil.exe|exe|text|0", "hi\n"},
	{MIXED "Content-Type: message/rfc822; name=evil.js\r\nContent-Transfer-Encoding: "
	       "base64\r\n\r\nWDogeQ0KDQpoaQ==" END,
		"evil.js|js|js|0", "hi\n"},
	{MIXED "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" ZIPPED
			END,
		"||zip|0 a.txt|txt|text|1 ||zip|1? a.txt|txt|text|2?", "PK\3\4\24"},
	{"Content-Type: text/rtf\r\n\r\n{\\rtf1 hi}", "||rtf|0", "{\\rtf1 hi}\n"},
	{"Content-Type: text/x-foo\r\n\r\n%PDF-1.4\n", "||pdf|0", "%PDF-1.4\n\n"},
	{"Content-Type: text/plain\r\n\r\n%!PS-Adobe\n", "", "%!PS-Adobe\n\n"},
	{"Content-Type: text/plain\r\n\r\n<html>hi", "", "hi\n<html>hi\n"},
	{MIXED "Content-Disposition: attachment; filename=x.png; filename=x.exe\r\n\r\nhi" END,
		"x.png|png|text|0 x.exe|exe|text|0?", ""},
	{"Subject: x\r\n\r\nbegin 644 x.exe\r\n#04)#\r\n`\r\nend\r\n", "x.exe|exe|text|0",
		"begin 644 x.exe\r\n#04)#\r\n`\r\nend\r\n\n"},
	{MIXED "Content-Disposition: attachment; filename=a.txt\r\n\r\nhello\r\nbegin 644 x.exe\r\n"
	       "#04)#\r\n`\r\nend" END,
		"a.txt|txt|text|0 x.exe|exe|text|0", ""},
	/* A calendar that is shown; only with a file in it, it is one itself. */
	{"Content-Type: "
	 "text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nATTACH;ENCODING=BASE64;X-FILENAME=x.js"
	 ":aGk=\r\n",
		"||ics|0 x.js|js|js|1",
		"BEGIN:VCALENDAR\r\nATTACH;ENCODING=BASE64;X-FILENAME=x.js:aGk=\r\n\n"},
	{"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nATTENDEE:x\r\n", "",
		"BEGIN:VCALENDAR\r\nATTENDEE:x\r\n\n"},
	/* BinHex as RFC 1741 has it, and within a text. */
	{MIXED "Content-Type: application/mac-binhex40; name=a.hqx\r\n\r\n" BINHEX END,
		"a.hqx|hqx|hqx|0 evil.js|js|js|0", ""},
	{MIXED "Content-Disposition: attachment; filename=a.txt\r\n\r\nhello\r\n" BINHEX
	       "\r\nbye" END,
		"a.txt|txt|text|0 evil.js|js|js|0", ""},
	{MIXED "\r\n" BINHEX END, "evil.js|js|js|0", BINHEX "\n"},
	{MIXED "Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 7bit\r\n"
	       "Content-Disposition: attachment; filename=x\r\n\r\naGk=" END,
		"x||text|0 x||text|0?", ""},
};

START_TEST(takes_apart)
{
	struct content *content = examine(rows[_i].message, &plenty);
	struct slice seen = content->body->texts[BODY_TEXT_SEEN];

	ck_assert_str_eq(print_attachments(content), rows[_i].attachments);
	ck_assert_str_eq(slice_keep(content, seen), rows[_i].seen);
	ck_assert(content->is_complete);
	release(content);
}
END_TEST

START_TEST(gathers_addresses)
{
	struct content *content =
		examine("Content-Type: text/html\r\n\r\n<a href=http://evil.com/>www.bank.com</a>"
			" <img src=http://b.example/x>",
			&plenty);
	const struct body_text_url *urls = content->body->urls;

	ck_assert_uint_ge(content->body->url_count, 2);
	ck_assert_str_eq(urls[0].url.host, "evil.com");
	ck_assert(urls[0].url.flags & URL_SHOWS_OTHER);
	ck_assert_str_eq(urls[1].url.host, "b.example");
	release(content);
}
END_TEST

START_TEST(reads_in_all_charsets)
{
	struct content *content =
		examine("Content-Type: text/plain; charset=utf-7\r\n\r\n+ADw-b+AD4", &plenty);

	ck_assert(slice_equals(content->body->texts[BODY_TEXT_SEEN], "<b>\n"));
	ck_assert_uint_eq(content->anomalies, mime_anomaly_bit(MIME_UTF7));
	release(content);
}
END_TEST

START_TEST(notes_names)
{
	struct content *content = examine(
		"Content-Disposition: attachment; filename*=utf-8''a%e2%80%aefdp.exe\r\n\r\nMZ\r\n",
		&plenty);

	ck_assert_uint_eq(content->attachment_count, 1);
	ck_assert_uint_ne(content->attachments[0].name_flags, 0);
	ck_assert_str_eq(content->attachments[0].extension, "exe");
	release(content);
}
END_TEST

/* What stands where mail programs look for a name and its extension. */
static const struct {
	const char *header, *extension;
	enum file_type type;
} names[] = {
	{"Content-Disposition: attachment; filename*=utf-8''evil.js%0D%0A\r\n", "js",
		FILE_TYPE_JSCRIPT},
	{"Content-Disposition: attachment; filename*=utf-8''evil.j%01s\r\n", "js", FILE_TYPE_TEXT},
	{"Content-Type: application/octet-stream\r\nContent-Name: evil.js\r\n", "js",
		FILE_TYPE_JSCRIPT},
	{"Content-Type: application/octet-stream\r\nContent-Name: \"evil.js\"\r\n", "js",
		FILE_TYPE_JSCRIPT},
	{"Content-Name: evil.js\r\n", "js", FILE_TYPE_JSCRIPT},
	{"X-Sun-Data-Name: evil.js\r\nContent-Disposition: attachment\r\n", "js",
		FILE_TYPE_JSCRIPT},
	{"Content-Type: text/javascript\r\n", "", FILE_TYPE_JSCRIPT},
	{"Content-Type: application/javascript\r\n", "", FILE_TYPE_JSCRIPT},
	{"Content-Type: application/hta\r\n", "", FILE_TYPE_HTA},
	{"Content-Type: text/javascript; name=a.txt\r\n", "txt", FILE_TYPE_TEXT},
};

START_TEST(finds_names)
{
	char *message = talloc_asprintf(NULL, "%s\r\nvar a;\r\n", names[_i].header);
	struct content *content = examine(message, &plenty);

	ck_assert_uint_eq(content->attachment_count, 1);
	ck_assert_str_eq(content->attachments[0].extension, names[_i].extension);
	ck_assert_str_eq(
		file_type_names[content->attachments[0].type], file_type_names[names[_i].type]);
	ck_assert_uint_eq(content->anomalies, 0);
	release(content);
	talloc_free(message);
}
END_TEST

START_TEST(hashes)
{
	struct content *content =
		examine("Content-Disposition: attachment; filename=x\r\n\r\nabc", &plenty);

	ck_assert_str_eq(content_sha256(content, &content->attachments[0]),
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	release(content);
}
END_TEST

static bool is_over_limits(const struct content *content)
{
	return content->anomalies & mime_anomaly_bit(MIME_OVER_LIMITS);
}

/* Messages in base64 in messages in base64: the depth ends it, and says so. */
START_TEST(ends_at_depth)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = talloc_strdup(NULL, "Subject: x\r\n\r\nhi    ");
	struct content *content;

	for (int i = 0; i < 10; i++) {
		char *outer = talloc_strdup(text,
			"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: "
			"base64\r\n\r\n");
		for (const char *at = text; at[0] && at[1] && at[2]; at += 3) {
			unsigned bits =
				(unsigned)at[0] << 16 | (unsigned)at[1] << 8 | (unsigned)at[2];
			outer = talloc_asprintf_append_buffer(outer, "%c%c%c%c", digits[bits >> 18],
				digits[bits >> 12 & 63], digits[bits >> 6 & 63], digits[bits & 63]);
		}
		text = talloc_strdup(NULL, outer);
		talloc_free(talloc_parent(outer));
	}
	content = examine(text, &plenty);
	ck_assert(!content->is_complete);
	ck_assert(is_over_limits(content));
	ck_assert_int_eq(content->budget.hit, BUDGET_DEPTH);
	release(content);
	talloc_free(text);
}
END_TEST

/* The last one that is not opened says so; one level less, and the program is found. */
START_TEST(says_which_message_was_not_opened)
{
	char *message = nest_files(5 + (unsigned)_i);
	struct content *content = examine(message, &plenty);
	const struct content_attachment *last =
		&content->attachments[content->attachment_count - 1];

	ck_assert_uint_eq(content->attachment_count, 6);
	ck_assert_str_eq(last->name, _i ? "m.eml" : "evil.exe");
	ck_assert_uint_eq(last->findings, _i ? FINDING_OVER_LIMITS : FINDING_NONE);
	ck_assert(content->is_complete == !_i);
	ck_assert(is_over_limits(content) == (_i > 0));
	release(content);
	talloc_free(message);
}
END_TEST

/* A limit of the parser is one of the whole: nobody may take the list for all there was. What is too deep for it is opened by itself. */
START_TEST(tells_of_limits_of_structure)
{
	static const struct {
		unsigned parts, depth;
		bool is_complete;
	} cases[] = {{1000, 0, true}, {3000, 0, false}, {0, 49, true}, {0, 50, true}, {0, 51, true},
		{0, 200, true}, {0, 400, false}};
	char *message = talloc_strdup(NULL, "");
	struct content *content;

	for (unsigned i = 0; i < cases[_i].depth; i++)
		message = talloc_strdup_append_buffer(
			message, "Content-Type: message/rfc822\r\n\r\n");
	message = talloc_strdup_append_buffer(message, MIXED);
	for (unsigned i = 0; i < cases[_i].parts; i++)
		message = talloc_strdup_append_buffer(message, "\r\nx\r\n--B\r\n");
	message = talloc_strdup_append_buffer(
		message, "Content-Type: application/x; name=evil.exe\r\n\r\nMZ" END);
	content = examine(message, &plenty);
	ck_assert_msg(content->is_complete == cases[_i].is_complete, "%d", _i);
	ck_assert_msg(is_over_limits(content) == !cases[_i].is_complete, "%d", _i);
	if (cases[_i].is_complete) {
		ck_assert_uint_eq(content->attachment_count, 1);
		ck_assert_str_eq(content->attachments[0].name, "evil.exe");
	}
	release(content);
	talloc_free(message);
}
END_TEST

/* Each charset behind the first costs what it reads; so no header makes one text many times as large. */
START_TEST(pays_for_charsets)
{
	struct budget_limits little = plenty;
	char *message = talloc_strdup(NULL, "");
	struct content *content;
	static const char *const charsets[] = {"iso-8859-1", "utf-16le", "utf-16be", "koi8-r",
		"gb18030", "iso-8859-5", "utf-32le", "cp1252"};

	for (size_t i = 0; i < sizeof charsets / sizeof *charsets; i++)
		message = talloc_asprintf_append_buffer(
			message, "Content-Type: text/html; charset=%s\r\n", charsets[i]);
	message = talloc_strdup_append_buffer(message, "\r\n");
	for (unsigned i = 0; i < 4000; i++)
		message = talloc_strdup_append_buffer(message, "<p>text text text text</p>\r\n");
	little.bytes = _i ? 64 << 20 : 200000;
	content = examine(message, &little);
	ck_assert(content->is_complete == (_i > 0));
	ck_assert(is_over_limits(content) == !_i);
	ck_assert_uint_ge(content->budget.bytes, _i ? 7U * 4000 * 25 : 4000 * 25);
	ck_assert_uint_lt(talloc_total_size(content), 4U << 20);
	release(content);
	talloc_free(message);
}
END_TEST

/* Of a text without end only so much is read; what is a file in it is found behind that, too. */
START_TEST(reads_so_much_of_a_text)
{
	size_t size = _i ? (17 << 20) : (15 << 20);
	char *message = talloc_array(NULL, char, size + 100);
	struct content *content;

	memset(message, 'z', size);
	for (size_t i = 0; i < size; i += 72)
		message[i] = '\n';
	memcpy(message, "Content-Type: text/html\n\n", 25);
	strcpy(message + size, "\nbegin 644 x.exe\n#04)#\n`\nend\n");
	content = examine(message, &plenty);
	ck_assert(content->is_complete == !_i);
	ck_assert(is_over_limits(content) == (_i > 0));
	ck_assert_str_eq(print_attachments(content), "x.exe|exe|text|0");
	release(content);
	talloc_free(message);
}
END_TEST

static uint64_t much_time(const void *context)
{
	uint64_t *now = (uint64_t *)(uintptr_t)context;

	return *now += 1000;
}

/* Time for the first things only. */
static struct content *examine_briefly(void *scratch, const char *message)
{
	struct budget_limits short_time = plenty;
	uint64_t now = 0;

	short_time.milliseconds = 1500;
	return content_examine(
		scratch, content_prepare(scratch), slice_of(message), &short_time, much_time, &now);
}

START_TEST(ends_in_time)
{
	void *scratch = talloc_new(NULL);
	struct content *content =
		examine_briefly(scratch, MIXED "\r\n1\r\n--B\r\n\r\n2\r\n--B\r\n\r\n3" END);

	ck_assert(!content->is_complete);
	ck_assert(is_over_limits(content));
	ck_assert_int_eq(content->budget.hit, BUDGET_TIME);
	talloc_free(scratch);
}
END_TEST

/* Of what comes behind a spent budget of time the names are known without looking. */
START_TEST(names_what_it_had_no_time_for)
{
	void *scratch = talloc_new(NULL);
	struct content *content = examine_briefly(scratch,
		MIXED "\r\n1\r\n--B\r\nContent-Type: text/plain; name=evil.js\r\n\r\n"
		      "2\r\n--B\r\n\r\n3\r\n--B\r\n"
		      "Content-Type: image/gif; name=evil.exe\r\n\r\nMZ" END);

	ck_assert_str_eq(print_attachments(content), "evil.js|js|unknown|0 evil.exe|exe|unknown|0");
	ck_assert_uint_eq(content->attachments[1].findings, FINDING_OVER_LIMITS);
	ck_assert_uint_eq(content->attachments[1].size, 2);
	ck_assert_str_eq(content_sha256(content, &content->attachments[1]), "");
	ck_assert(!content->is_complete);
	talloc_free(scratch);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("content");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(all, takes_apart, 0, (int)(sizeof rows / sizeof *rows));
	tcase_add_test(all, gathers_addresses);
	tcase_add_test(all, reads_in_all_charsets);
	tcase_add_test(all, notes_names);
	tcase_add_loop_test(all, finds_names, 0, (int)(sizeof names / sizeof *names));
	tcase_add_test(all, hashes);
	tcase_add_test(all, ends_at_depth);
	tcase_add_loop_test(all, says_which_message_was_not_opened, 0, 2);
	tcase_add_loop_test(all, tells_of_limits_of_structure, 0, 7);
	tcase_add_loop_test(all, pays_for_charsets, 0, 2);
	tcase_add_loop_test(all, reads_so_much_of_a_text, 0, 2);
	tcase_add_test(all, ends_in_time);
	tcase_add_test(all, names_what_it_had_no_time_for);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
