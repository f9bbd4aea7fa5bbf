/* SPDX-License-Identifier: Apache-2.0 */
/* Builds log lines in place and writes each with one call. */
#include "base/log.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#define TAIL_SIZE 16 /* room for the end of the line, with cut=yes */
#define EVENT_TEXT_SIZE 2048
#define DECIMAL_MAX 1e15
#define IDENTIFIER "postern"

static const struct level {
	const char *name;
	int priority;
} levels[] = {
	[LEVEL_ERROR] = {"error", LOG_ERR},
	[LEVEL_WARNING] = {"warning", LOG_WARNING},
	[LEVEL_NOTICE] = {"notice", LOG_NOTICE},
	[LEVEL_INFO] = {"info", LOG_INFO},
	[LEVEL_DEBUG] = {"debug", LOG_DEBUG},
};

/* What differs between the formats. */
struct format {
	const char *head;
	const char *separator;
	const char *before_value;
	const char *cut;
	const char *tail;
	const char *escape; /* before the two digits of a byte */
	bool always_quotes;
};

static const struct format formats[] = {
	[LOG_AS_KEY_VALUE] = {"time=", " ", "=", " cut=yes", "", "\\x", false},
	[LOG_AS_JSON] = {"{\"time\":", ",\"", "\":", ",\"cut\":\"yes\"", "}", "\\u00", true},
};

/* The sink of the process. */
static struct sink {
	enum log_target target;
	const struct format *format;
	enum log_level level;
	void (*capture)(const char *line, void *owner);
	void *owner;
	uint64_t lost;
	bool broken;   /* the last line on stderr has no end */
	time_t second; /* which is printed in: */
	char time[24];
} sink = {LOG_TO_STDERR, &formats[LOG_AS_KEY_VALUE], LEVEL_INFO, NULL, NULL, 0, false, -1, ""};

void log_open(enum log_target target, enum log_format format, enum log_level level)
{
	sink.target = target;
	sink.format = &formats[format];
	sink.level = level;
	if (target == LOG_TO_SYSLOG)
		openlog(IDENTIFIER, LOG_NDELAY | LOG_PID, LOG_MAIL);
}

void log_capture(void (*capture)(const char *line, void *owner), void *owner)
{
	sink.capture = capture;
	sink.owner = owner;
}

uint64_t log_lost(void)
{
	return sink.lost;
}

/* Building. What does not fit marks the line as cut, and the field takes itself back. */

static void put(struct log_line *line, const char *data, size_t size)
{
	if (line->cut || size > LOG_LINE_SIZE - TAIL_SIZE - line->used) {
		line->cut = true;
		return;
	}
	memcpy(line->text + line->used, data, size);
	line->used += size;
}

static void put_text(struct log_line *line, const char *text)
{
	put(line, text, strlen(text));
}

static bool is_between(unsigned char byte, unsigned char first, unsigned char last)
{
	return byte >= first && byte <= last;
}

static bool is_line_separator(struct slice s)
{
	return s.size >= 3 && memcmp(s.data, "\xe2\x80", 2) == 0 &&
		is_between((unsigned char)s.data[2], 0xa8, 0xa9);
}

/* The size of the harmless character of several bytes that begins here, or 0. */
static size_t sequence_size(struct slice s)
{
	size_t size = utf8_length(s);

	return size < 2 || utf8_is_control(s) || is_line_separator(s) ? 0 : size;
}

static bool is_printable(char c)
{
	return is_between((unsigned char)c, ' ', '~') && c != '"' && c != '\\';
}

/* Puts one character, escaped if it must be, and takes it off the front. */
static void put_character(struct log_line *line, struct slice *value)
{
	char first = value->data[0];
	size_t size = is_printable(first) ? 1 : sequence_size(*value);
	char escaped[8];

	if (size) {
		put(line, value->data, size);
		*value = slice_from(*value, size);
		return;
	}
	if (first == '"' || first == '\\')
		snprintf(escaped, sizeof escaped, "\\%c", first);
	else
		snprintf(escaped, sizeof escaped, "%s%02x", sink.format->escape,
			(unsigned char)first);
	put_text(line, escaped);
	*value = slice_from(*value, 1);
}

/* Printable ASCII and nothing that key=value gives a meaning to: most values. */
static bool is_plain(struct slice value)
{
	static const bool is_special[256] = {[0x00 ... ' '] = true,
		['"'] = true,
		['='] = true,
		['\\'] = true,
		[0x7f ... 0xff] = true};

	for (size_t i = 0; i < value.size; i++) {
		if (is_special[(unsigned char)value.data[i]])
			return false;
	}
	return value.size > 0;
}

static bool needs_quotes(struct slice value)
{
	while (value.size) {
		size_t size = is_printable(value.data[0]) ? 1 : sequence_size(value);

		if (!size || value.data[0] == ' ' || value.data[0] == '=')
			return true;
		value = slice_from(value, size);
	}
	return false;
}

static void put_value(struct log_line *line, struct slice value)
{
	bool plain = is_plain(value);
	bool quotes = sink.format->always_quotes || !value.size || (!plain && needs_quotes(value));

	if (quotes)
		put_text(line, "\"");
	if (plain)
		put(line, value.data, value.size);
	else
		while (value.size && !line->cut)
			put_character(line, &value);
	if (quotes)
		put_text(line, "\"");
}

static void put_key(struct log_line *line, const char *key)
{
	put_text(line, sink.format->separator);
	put_text(line, key);
	put_text(line, sink.format->before_value);
}

/* A field that is text, or, when bare, a number. */
static void put_field(struct log_line *line, const char *key, struct slice value, bool bare)
{
	size_t start = line->used;

	if (!line->wanted || line->cut)
		return;
	put_key(line, key);
	if (bare)
		put(line, value.data, value.size);
	else
		put_value(line, value);
	if (line->cut)
		line->used = start;
}

/* Fields. */

static void put_time(struct log_line *line)
{
	struct timespec now;
	struct tm tm;
	char text[40], *at;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != sink.second) {
		gmtime_r(&now.tv_sec, &tm);
		strftime(sink.time, sizeof sink.time, "%Y-%m-%dT%H:%M:%S", &tm);
		sink.second = now.tv_sec;
	}
	at = stpcpy(stpcpy(text, sink.time), ".");
	for (long unit = 100000000; unit >= 1000000; unit /= 10)
		*at++ = (char)('0' + now.tv_nsec / unit % 10);
	*at++ = 'Z';
	put_value(line, slice_make(text, (size_t)(at - text)));
}

void log_begin(struct log_line *line, enum log_level level, const char *event)
{
	line->used = 0;
	line->level = level;
	line->wanted = level <= sink.level;
	line->cut = false;
	if (!line->wanted)
		return;
	put_text(line, sink.format->head);
	put_time(line);
	put_field(line, "level", slice_of(levels[level].name), false);
	put_field(line, "event", slice_of(event), false);
}

void log_text(struct log_line *line, const char *key, const char *value)
{
	if (value)
		put_field(line, key, slice_of(value), false);
}

void log_slice(struct log_line *line, const char *key, struct slice value)
{
	if (value.size)
		put_field(line, key, value, false);
}

/* Puts the digits in front of what stands at the end; returns where they begin. */
static char *print_digits(char *end, uint64_t value)
{
	do {
		*--end = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	return end;
}

void log_number(struct log_line *line, const char *key, int64_t value)
{
	char text[24], *end = text + sizeof text;
	uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char *at = print_digits(end, size);

	if (value < 0)
		*--at = '-';
	put_field(line, key, slice_make(at, (size_t)(end - at)), true);
}

void log_decimal(struct log_line *line, const char *key, double value)
{
	bool negative = value < 0;
	double size = negative ? -value : value;
	uint64_t tenths;
	char text[32], *end = text + sizeof text, *at = end;

	if (!line->wanted || size != size || size * 0 != 0)
		return;
	tenths = (uint64_t)((size > DECIMAL_MAX ? DECIMAL_MAX : size) * 10 + 0.5);
	*--at = (char)('0' + tenths % 10);
	*--at = '.';
	at = print_digits(at, tenths / 10);
	if (negative && tenths)
		*--at = '-';
	put_field(line, key, slice_make(at, (size_t)(end - at)), true);
}

/* Writing. */

/* One write(2), again only when a signal came before the first byte. */
static bool write_once(const char *data, size_t size)
{
	ssize_t written;

	do {
		written = write(STDERR_FILENO, data, size);
	} while (written < 0 && errno == EINTR);
	if (written > 0)
		sink.broken = (size_t)written < size;
	return written >= 0 && (size_t)written == size;
}

static bool send_to_stderr(struct log_line *line)
{
	if (sink.broken && !write_once("\n", 1))
		return false;
	line->text[line->used] = '\n';
	return write_once(line->text, line->used + 1);
}

static bool send_to_syslog(struct log_line *line)
{
	syslog(levels[line->level].priority, "%s", line->text);
	return true;
}

static bool send_to_journal(struct log_line *line)
{
	return sd_journal_send("MESSAGE=%s", line->text, "PRIORITY=%i",
		       levels[line->level].priority, "SYSLOG_IDENTIFIER=" IDENTIFIER, NULL) >= 0;
}

static bool (*const senders[])(struct log_line *line) = {
	[LOG_TO_STDERR] = send_to_stderr,
	[LOG_TO_SYSLOG] = send_to_syslog,
	[LOG_TO_JOURNAL] = send_to_journal,
};

/* The tail has its room set aside. */
static void finish(struct log_line *line)
{
	if (line->cut)
		line->used =
			(size_t)(stpcpy(line->text + line->used, sink.format->cut) - line->text);
	line->used = (size_t)(stpcpy(line->text + line->used, sink.format->tail) - line->text);
}

void log_end(struct log_line *line)
{
	if (!line->wanted)
		return;
	line->wanted = false;
	finish(line);
	if (sink.capture)
		sink.capture(line->text, sink.owner);
	else if (!senders[sink.target](line))
		sink.lost++;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
	char text[EVENT_TEXT_SIZE];
	struct log_line line;
	va_list arguments;

	log_begin(&line, level, event);
	if (!line.wanted)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	log_text(&line, "text", text);
	log_end(&line);
}
