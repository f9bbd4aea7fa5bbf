/* SPDX-License-Identifier: Apache-2.0 */
/* What taking mail apart costs: parts and transfer encodings of large and small mail, all of it with texts and addresses, and whether
 * the cost of hostile mail grows faster than its size. Prints figures. */
#include "policy/content/content.h"

#include <stdio.h>
#include <stdlib.h>
#include <talloc.h>
#include <time.h>

#define ROUNDS 5
#define LARGE (20 << 20)
#define SMALL_MESSAGES 5000
#define HOSTILE (5 << 20)

static const struct budget_limits limits = {.bytes = 1 << 30, .entries = 100000, .depth = 5};

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report(const char *what, double figure, const char *unit, double target)
{
	printf("%-58s %10.2f %-5s (to reach %g)\n", what, figure, unit, target);
}

/* --- mail --- */

static char *large_mail(const void *parent, size_t size)
{
	static const char line[] =
		"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n";
	char *text = talloc_array(parent, char, size + 1024), *at = text;

	at += sprintf(at,
		"Subject: large\r\nContent-Type: multipart/mixed; boundary=\"=_limit\"\r\n\r\n"
		"--=_limit\r\nContent-Type: text/plain\r\n\r\nhello\r\n--=_limit\r\n"
		"Content-Type: application/octet-stream; name=a.bin\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\n");
	while ((size_t)(at - text) < size) {
		memcpy(at, line, sizeof line - 1);
		at += sizeof line - 1;
	}
	strcpy(at, "--=_limit--\r\n");
	return text;
}

static char *small_mail(const void *parent)
{
	char *text = talloc_strdup(parent,
		"Received: from mx.example.com (mx.example.com [192.0.2.1])\r\n\tby "
		"mail.example.org with ESMTPS;"
		" Sun, 22 Nov 2026 10:00:00 +0000\r\nFrom: Someone <someone@example.com>\r\nTo: "
		"other@example.org\r\n"
		"Subject: =?utf-8?q?a_small_m=C3=A4il?=\r\nMessage-ID: "
		"<1@example.com>\r\nMIME-Version: 1.0\r\n"
		"Content-Type: multipart/alternative; "
		"boundary=\"=_a\"\r\n\r\n--=_a\r\nContent-Type: text/plain; "
		"charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n");

	for (int i = 0; i < 20; i++)
		text = talloc_asprintf_append(text,
			"A line of text with a soft break and an umlaut =C3=A4 in it, as mail has "
			"=\r\nthem.\r\n");
	text = talloc_strdup_append(
		text, "--=_a\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>\r\n");
	for (int i = 0; i < 20; i++)
		text = talloc_asprintf_append(text,
			"<p style=\"color:#333\">A <b>line</b> with <a "
			"href=\"https://www.example.com/%d\">a "
			"link</a> &amp; more</p>\r\n",
			i);
	return talloc_strdup_append(text, "</body></html>\r\n--=_a--\r\n");
}

static char *repeated(const void *parent, const char *begin, const char *piece, size_t size)
{
	char *text = talloc_array(parent, char, size + 4096), *at = text;
	size_t length = strlen(piece);

	at += sprintf(at, "%s", begin);
	while ((size_t)(at - text) + length < size) {
		memcpy(at, piece, length);
		at += length;
	}
	*at = '\0';
	return text;
}

/* --- measuring --- */

typedef void work_fn(struct content_tools *tools, struct slice message);

static void parse_and_decode(struct content_tools *tools, struct slice message)
{
	struct mime *mime = mime_parse(NULL, NULL, message);
	uint64_t anomalies = 0;

	(void)tools;
	for (size_t i = 0; i < mime->count; i++) {
		const struct mime_part *part = &mime->parts[i];
		if (!(part->readings & MIME_CONTAINER))
			decode(mime, part->body, part->fields.encodings, &anomalies);
	}
	talloc_free(mime);
}

static void examine(struct content_tools *tools, struct slice message)
{
	void *scratch = talloc_new(NULL);

	content_examine(scratch, tools, message, &limits, NULL, NULL);
	talloc_free(scratch);
}

/* The best of several rounds: others use the machine as well. */
static double best(work_fn *work, struct content_tools *tools, const char *text, unsigned times)
{
	struct slice message = slice_of(text);
	double shortest = 1e9;

	for (unsigned round = 0; round < ROUNDS; round++) {
		double start = seconds(), took;
		for (unsigned i = 0; i < times; i++)
			work(tools, message);
		took = seconds() - start;
		shortest = took < shortest ? took : shortest;
	}
	return shortest;
}

static double rate(work_fn *work, struct content_tools *tools, const char *text, unsigned times)
{
	return (double)strlen(text) * times / 1e6 / best(work, tools, text, times);
}

static const struct {
	const char *what, *begin, *piece;
} hostile[] = {
	{"delimiters alone", "Content-Type: multipart/mixed; boundary=B\r\n\r\n", "--B\r\n"},
	{"lines that are almost delimiters",
		"Content-Type: multipart/mixed; boundary=BBBBBBBB\r\n\r\n", "--BBBBBBBA\r\n"},
	{"nested multiparts", "", "Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n"},
	{"nested messages", "", "Content-Type: message/rfc822\r\n\r\n"},
	{"a long header", "", "Content-Type: text/plain; name=x\r\n"},
	{"parameters", "Content-Type: a/b", "; name*1=%41"},
	{"open tags", "Content-Type: text/html\r\n\r\n", "<b hidden>"},
	{"addresses", "\r\n", "http://a.b/ "},
	{"broken base64", "Content-Transfer-Encoding: base64\r\n\r\n", "Q=U#\n"},
	{"begin lines", "\r\n", "begin 644 x\n#04)#\n"},
};

static void measure_hostile(struct content_tools *tools, size_t row)
{
	char *one = repeated(NULL, hostile[row].begin, hostile[row].piece, HOSTILE);
	char *two = repeated(one, hostile[row].begin, hostile[row].piece, 2 * HOSTILE);
	double first = best(examine, tools, one, 1), second = best(examine, tools, two, 1);
	char *what = talloc_asprintf(one, "5 MiB of %s: seconds", hostile[row].what);

	report(what, first, "s", 2);
	report("  twice as much costs times", first > 0.001 ? second / first : 2, "", 2.5);
	talloc_free(one);
}

int main(void)
{
	void *scratch = talloc_new(NULL);
	struct content_tools *tools = content_prepare(scratch);
	char *large = large_mail(scratch, LARGE), *small = small_mail(scratch);

	report("parts and decoding, 20 MiB of base64", rate(parse_and_decode, tools, large, 1),
		"MB/s", 400);
	report("parts and decoding, 4 KB of text",
		rate(parse_and_decode, tools, small, SMALL_MESSAGES), "MB/s", 250);
	report("everything, 20 MiB of base64", rate(examine, tools, large, 1), "MB/s", 200);
	report("everything, 4 KB of text", rate(examine, tools, small, SMALL_MESSAGES), "MB/s", 50);
	for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
		measure_hostile(tools, i);
	talloc_free(scratch);
	return EXIT_SUCCESS;
}
