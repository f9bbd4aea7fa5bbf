/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: what they look like, and that no value can break out of its field. */
#include "base/log.h"

#include <check.h>
#include <fcntl.h>
#include <float.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof *(rows)))
#define BYTES(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}
#define KEY_VALUE_TIME "time=2026-01-01T00:00:00.000Z"

struct captured {
	unsigned lines;
	char last[LOG_LINE_SIZE + 1];
};

static struct captured captured;

static void on_line(const char *line, void *owner)
{
	struct captured *into = owner;

	ck_assert_uint_le(strlen(line), LOG_LINE_SIZE - 1);
	ck_assert_ptr_null(strchr(line, '\n'));
	strcpy(into->last, line);
	into->lines++;
}

static void capture_as(enum log_format format)
{
	captured.lines = 0;
	log_open(LOG_TO_STDERR, format, LEVEL_INFO);
	log_capture(on_line, &captured);
}

/* The line behind its time, level and event. */
static const char *fields(void)
{
	const char *at = strstr(captured.last, "event=x");

	ck_assert_ptr_nonnull(at);
	return at + strlen("event=x");
}

static const struct {
	struct slice value;
	const char *key_value; /* what stands behind key= */
	const char *json;      /* what stands between the quotes */
} values[] = {
	{BYTES("plain"), "plain", "plain"},
	{BYTES("user@example.com"), "user@example.com", "user@example.com"},
	{BYTES("two words"), "\"two words\"", "two words"},
	{BYTES("a=b"), "\"a=b\"", "a=b"},
	{BYTES("say \"hi\""), "\"say \\\"hi\\\"\"", "say \\\"hi\\\""},
	{BYTES("back\\slash"), "\"back\\\\slash\"", "back\\\\slash"},
	{BYTES("a\r\nlevel=error"), "\"a\\x0d\\x0alevel=error\"", "a\\u000d\\u000alevel=error"},
	{BYTES("nul\0byte"), "\"nul\\x00byte\"", "nul\\u0000byte"},
	{BYTES("\x7f\x1b[2J"), "\"\\x7f\\x1b[2J\"", "\\u007f\\u001b[2J"},
	/* UTF-8 as it is; a space still asks for quotes. */
	{BYTES("J\xc3\xbcrgen"), "J\xc3\xbcrgen", "J\xc3\xbcrgen"},
	{BYTES("J\xc3\xbcrgen M"), "\"J\xc3\xbcrgen M\"", "J\xc3\xbcrgen M"},
	{BYTES("\xe2\x82\xac\xf0\x9f\x93\xa7"), "\xe2\x82\xac\xf0\x9f\x93\xa7",
		"\xe2\x82\xac\xf0\x9f\x93\xa7"},
	{BYTES("\xed\x9f\xbf\xee\x80\x80"), "\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"},
	{BYTES("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
	/* What is no UTF-8: alone, cut off, too long, a surrogate, beyond the end. */
	{BYTES("\xff"), "\"\\xff\"", "\\u00ff"},
	{BYTES("a\x80z"), "\"a\\x80z\"", "a\\u0080z"},
	{BYTES("\xc3"), "\"\\xc3\"", "\\u00c3"},
	{BYTES("\xc3z"), "\"\\xc3z\"", "\\u00c3z"},
	{BYTES("\xe2\x82"), "\"\\xe2\\x82\"", "\\u00e2\\u0082"},
	{BYTES("\xe2\x82z"), "\"\\xe2\\x82z\"", "\\u00e2\\u0082z"},
	{BYTES("\xc0\xaf"), "\"\\xc0\\xaf\"", "\\u00c0\\u00af"},
	{BYTES("\xe0\x80\xaf"), "\"\\xe0\\x80\\xaf\"", "\\u00e0\\u0080\\u00af"},
	{BYTES("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"", "\\u00ed\\u00a0\\u0080"},
	{BYTES("\xf4\x90\x80\x80"), "\"\\xf4\\x90\\x80\\x80\"", "\\u00f4\\u0090\\u0080\\u0080"},
	/* C1 controls and line separators. */
	{BYTES("\xc2\x9b"), "\"\\xc2\\x9b\"", "\\u00c2\\u009b"},
	{BYTES("\xc2\xa0"), "\xc2\xa0", "\xc2\xa0"},
	{BYTES("\xe2\x80\xa8"), "\"\\xe2\\x80\\xa8\"", "\\u00e2\\u0080\\u00a8"},
};

static void write_value(enum log_format format, struct slice value)
{
	struct log_line line;

	capture_as(format);
	log_begin(&line, LEVEL_INFO, "x");
	log_slice(&line, "key", value);
	log_end(&line);
	ck_assert_uint_eq(captured.lines, 1);
}

START_TEST(makes_values_safe)
{
	char expected[256];

	write_value(LOG_AS_KEY_VALUE, values[_i].value);
	snprintf(expected, sizeof expected, " key=%s", values[_i].key_value);
	ck_assert_str_eq(fields(), expected);

	write_value(LOG_AS_JSON, values[_i].value);
	snprintf(expected, sizeof expected, ",\"event\":\"x\",\"key\":\"%s\"}", values[_i].json);
	ck_assert_str_eq(captured.last + strlen(captured.last) - strlen(expected), expected);
}
END_TEST

/* Any byte behind any other: always one JSON object of the same four keys. */
START_TEST(always_prints_valid_json)
{
	for (unsigned next = 0; next < 256; next++) {
		char bytes[] = {'a', (char)_i, (char)next, (char)_i, 'z'};
		json_t *object;

		write_value(LOG_AS_JSON, slice_make(bytes, sizeof bytes));
		object = json_loads(captured.last, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
		ck_assert_msg(object != NULL, "%s", captured.last);
		ck_assert_uint_eq(json_object_size(object), 4);
		json_decref(object);
	}
}
END_TEST

START_TEST(prints_a_line)
{
	struct log_line line;

	capture_as(LOG_AS_KEY_VALUE);
	log_begin(&line, LEVEL_WARNING, "transaction");
	log_text(&line, "id", "7f3a.1");
	log_text(&line, "absent", NULL);
	log_slice(&line, "none", slice_of(""));
	log_text(&line, "sender", "");
	log_number(&line, "size", -9223372036854775807 - 1);
	log_decimal(&line, "score", 4.25);
	log_end(&line);
	ck_assert_str_eq(captured.last + strlen(KEY_VALUE_TIME),
		" level=warning event=transaction id=7f3a.1 sender=\"\" size=-9223372036854775808"
		" score=4.3");
}
END_TEST

START_TEST(prints_a_json_line)
{
	struct log_line line;
	json_t *object;

	capture_as(LOG_AS_JSON);
	log_begin(&line, LEVEL_ERROR, "transaction");
	log_text(&line, "sender", "");
	log_number(&line, "size", 42);
	log_decimal(&line, "score", -0.5);
	log_end(&line);
	object = json_loads(captured.last, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_ptr_nonnull(object);
	ck_assert_str_eq(json_string_value(json_object_get(object, "level")), "error");
	ck_assert_str_eq(json_string_value(json_object_get(object, "sender")), "");
	ck_assert_int_eq(json_integer_value(json_object_get(object, "size")), 42);
	ck_assert_double_eq(json_real_value(json_object_get(object, "score")), -0.5);
	json_decref(object);
}
END_TEST

/* RFC 3339 with milliseconds, of this very moment. */
START_TEST(begins_with_the_time)
{
	struct tm tm = {0};
	unsigned milliseconds;
	int size = 0;

	capture_as(LOG_AS_KEY_VALUE);
	log_event(LEVEL_INFO, "x", "y");
	ck_assert_int_eq(sscanf(captured.last, "time=%4d-%2d-%2dT%2d:%2d:%2d.%3uZ%n", &tm.tm_year,
				 &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec,
				 &milliseconds, &size),
		7);
	ck_assert_int_eq(size, (int)strlen(KEY_VALUE_TIME));
	tm.tm_year -= 1900;
	tm.tm_mon--;
	ck_assert_int_le(labs((long)(timegm(&tm) - time(NULL))), 2);
}
END_TEST

static const struct {
	double value;
	const char *text;
} decimals[] = {
	{0, " d=0.0"},
	{-0.01, " d=0.0"},
	{0.05, " d=0.1"},
	{9.96, " d=10.0"},
	{-12.34, " d=-12.3"},
	{DBL_MAX, " d=1000000000000000.0"},
	{-DBL_MAX, " d=-1000000000000000.0"},
	{NAN, ""},
	{INFINITY, ""},
	{-INFINITY, ""},
};

START_TEST(prints_decimals)
{
	struct log_line line;

	capture_as(LOG_AS_KEY_VALUE);
	log_begin(&line, LEVEL_INFO, "x");
	log_decimal(&line, "d", decimals[_i].value);
	log_end(&line);
	ck_assert_str_eq(fields(), decimals[_i].text);
}
END_TEST

START_TEST(leaves_out_what_nobody_wants)
{
	struct log_line line;

	capture_as(LOG_AS_KEY_VALUE);
	log_event(LEVEL_DEBUG, "x", "y");
	log_begin(&line, LEVEL_DEBUG, "x");
	log_text(&line, "a", "b");
	log_number(&line, "c", 1);
	log_decimal(&line, "d", 1);
	log_end(&line);
	ck_assert_uint_eq(captured.lines, 0);
	log_open(LOG_TO_STDERR, LOG_AS_KEY_VALUE, LEVEL_DEBUG);
	log_event(LEVEL_DEBUG, "x", "y");
	ck_assert_uint_eq(captured.lines, 1);
}
END_TEST

/* A field that does not fit is left out whole, with all that follow. Sizes around the edge, both formats. */
START_TEST(cuts_a_long_line_at_a_field)
{
	static char filler[LOG_LINE_SIZE + 32];
	struct log_line line;
	bool escaped = _i % 2; /* to four bytes each */
	size_t size = (LOG_LINE_SIZE - 200 + (size_t)_i) / (escaped ? 4 : 1);

	memset(filler, escaped ? '\n' : 'f', sizeof filler);
	for (enum log_format format = LOG_AS_KEY_VALUE; format <= LOG_AS_JSON; format++) {
		json_t *object;
		bool cut;

		capture_as(format);
		log_begin(&line, LEVEL_INFO, "x");
		log_text(&line, "first", "kept");
		log_slice(&line, "filler", slice_make(filler, size));
		log_text(&line, "last", "z");
		log_end(&line);
		ck_assert_ptr_nonnull(strstr(captured.last, "kept"));
		cut = strstr(captured.last, "yes") != NULL;
		ck_assert(cut == !strstr(captured.last, "last"));
		if (format == LOG_AS_KEY_VALUE && cut)
			ck_assert_str_eq(captured.last + strlen(captured.last) - 8, " cut=yes");
		if (format == LOG_AS_KEY_VALUE)
			continue;
		object = json_loads(captured.last, JSON_REJECT_DUPLICATES, NULL);
		ck_assert_ptr_nonnull(object);
		ck_assert(cut == !!json_object_get(object, "cut"));
		json_decref(object);
	}
}
END_TEST

static const struct {
	enum log_level chosen, level;
	const char *name; /* NULL: not printed */
} levels[] = {
	{LEVEL_DEBUG, LEVEL_DEBUG, "debug"},
	{LEVEL_DEBUG, LEVEL_ERROR, "error"},
	{LEVEL_INFO, LEVEL_DEBUG, NULL},
	{LEVEL_INFO, LEVEL_INFO, "info"},
	{LEVEL_NOTICE, LEVEL_INFO, NULL},
	{LEVEL_NOTICE, LEVEL_NOTICE, "notice"},
	{LEVEL_WARNING, LEVEL_NOTICE, NULL},
	{LEVEL_WARNING, LEVEL_WARNING, "warning"},
	{LEVEL_ERROR, LEVEL_WARNING, NULL},
	{LEVEL_ERROR, LEVEL_ERROR, "error"},
};

START_TEST(prints_the_chosen_levels)
{
	char expected[64];

	capture_as(LOG_AS_KEY_VALUE);
	log_open(LOG_TO_STDERR, LOG_AS_KEY_VALUE, levels[_i].chosen);
	log_event(levels[_i].level, "x", "y");
	ck_assert_uint_eq(captured.lines, levels[_i].name ? 1 : 0);
	if (!levels[_i].name)
		return;
	snprintf(expected, sizeof expected, " level=%s event=x text=y", levels[_i].name);
	ck_assert_str_eq(captured.last + strlen(KEY_VALUE_TIME), expected);
}
END_TEST

/* One struct serves line after line, and an ended line is not written twice. */
START_TEST(uses_a_line_again)
{
	static struct log_line line;

	capture_as(LOG_AS_KEY_VALUE);
	log_begin(&line, LEVEL_INFO, "x");
	log_text(&line, "a", "1");
	log_end(&line);
	log_end(&line);
	log_text(&line, "b", "2");
	ck_assert_uint_eq(captured.lines, 1);
	log_begin(&line, LEVEL_INFO, "x");
	log_text(&line, "c", "3");
	log_end(&line);
	ck_assert_uint_eq(captured.lines, 2);
	ck_assert_str_eq(fields(), " c=3");
}
END_TEST

START_TEST(formats_events)
{
	char longer[4096];

	capture_as(LOG_AS_KEY_VALUE);
	log_event(LEVEL_NOTICE, "x", "worker %d of \"%s\"", 3, "a");
	ck_assert_str_eq(fields(), " text=\"worker 3 of \\\"a\\\"\"");
	memset(longer, 'a', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	log_event(LEVEL_NOTICE, "x", "%s", longer);
	ck_assert_uint_eq(strlen(fields()), strlen(" text=") + 2047);
}
END_TEST

/* Runs in its own process, as all tests do: stderr may go. */
static int stderr_becomes_a_pipe(void)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	close(ends[1]);
	return ends[0];
}

START_TEST(writes_one_line_at_a_time_to_stderr)
{
	int out = stderr_becomes_a_pipe();
	char text[256];
	ssize_t size;

	log_open(LOG_TO_STDERR, LOG_AS_KEY_VALUE, LEVEL_INFO);
	log_event(LEVEL_INFO, "x", "y");
	size = read(out, text, sizeof text - 1);
	ck_assert_int_gt(size, 0);
	text[size] = '\0';
	ck_assert_str_eq(text + strlen(KEY_VALUE_TIME), " level=info event=x text=y\n");
	ck_assert_uint_eq(log_lost(), 0);
}
END_TEST

/* A pipe that is full takes the first part of a long line; the next line begins on its own. */
START_TEST(counts_lost_lines)
{
	static char drain[1 << 20], filler[6000];
	int out = stderr_becomes_a_pipe();
	struct log_line line;
	unsigned written = 0;
	ssize_t size;
	char *last;

	memset(filler, 'f', sizeof filler);
	log_open(LOG_TO_STDERR, LOG_AS_KEY_VALUE, LEVEL_INFO);
	for (; log_lost() < 2; written++) {
		log_begin(&line, LEVEL_INFO, "x");
		log_slice(&line, "filler", slice_make(filler, sizeof filler));
		log_end(&line);
	}
	size = read(out, drain, sizeof drain - 1);
	ck_assert_int_gt(size, 0);
	log_event(LEVEL_INFO, "after", "y");
	ck_assert_uint_eq(log_lost(), 2);
	ck_assert_uint_gt(written, 2);
	size = read(out, drain, sizeof drain - 1);
	ck_assert_int_gt(size, 0);
	drain[size] = '\0';
	last = strstr(drain, "\ntime=");
	ck_assert_ptr_nonnull(last);
	ck_assert_str_eq(last + 1 + strlen(KEY_VALUE_TIME), " level=info event=after text=y\n");
}
END_TEST

START_TEST(counts_lines_into_the_void)
{
	log_open(LOG_TO_STDERR, LOG_AS_KEY_VALUE, LEVEL_INFO);
	close(STDERR_FILENO);
	log_event(LEVEL_INFO, "x", "y");
	log_event(LEVEL_INFO, "x", "y");
	ck_assert_uint_eq(log_lost(), 2);
}
END_TEST

/* Nothing to read there from a test; but neither a crash nor a loss where there is no such daemon. */
START_TEST(knows_syslog_and_journal)
{
	log_open(LOG_TO_SYSLOG, LOG_AS_KEY_VALUE, LEVEL_INFO);
	log_event(LEVEL_DEBUG, "check", "not even sent");
	log_open(LOG_TO_JOURNAL, LOG_AS_JSON, LEVEL_INFO);
	log_event(LEVEL_INFO, "check", "100%% %s", "of this");
	ck_assert_uint_eq(log_lost(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *cases = tcase_create("log");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(cases, makes_values_safe, 0, COUNT(values));
	tcase_add_loop_test(cases, always_prints_valid_json, 0, 256);
	tcase_add_test(cases, prints_a_line);
	tcase_add_test(cases, prints_a_json_line);
	tcase_add_test(cases, begins_with_the_time);
	tcase_add_loop_test(cases, prints_decimals, 0, COUNT(decimals));
	tcase_add_test(cases, leaves_out_what_nobody_wants);
	tcase_add_loop_test(cases, cuts_a_long_line_at_a_field, 0, 220);
	tcase_add_loop_test(cases, prints_the_chosen_levels, 0, COUNT(levels));
	tcase_add_test(cases, uses_a_line_again);
	tcase_add_test(cases, formats_events);
	tcase_add_test(cases, writes_one_line_at_a_time_to_stderr);
	tcase_add_test(cases, counts_lost_lines);
	tcase_add_test(cases, counts_lines_into_the_void);
	tcase_add_test(cases, knows_syslog_and_journal);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
