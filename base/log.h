/* SPDX-License-Identifier: Apache-2.0
 *
 * The log: one line an event, key=value or JSON, to stderr, syslog or the journal. A line is built in place, field by
 * field, and written with one call; nothing is allocated. Values are made safe here and nowhere else: control
 * characters, quotes and invalid UTF-8 are escaped (key=value quotes a value with a space, quote, "=" or escape
 * in it; JSON is always valid), so no stranger's bytes can forge a line or a field. A line that would not fit is cut at
 * a field and ends with cut=yes. Every line begins with time (RFC 3339, UTC, milliseconds), level and event.
 *
 * Values are bytes: in JSON one that is no UTF-8 stands as \u00NN, in key=value as \xNN. C1 controls and the Unicode line
 * separators, which some viewers obey, are escaped too.
 *
 * If the target cannot be written, the line is lost and counted; log_lost() tells how many. A line that was written in part
 * is lost too, and ended before the next. A journal that is not there swallows lines without a word: libsystemd's choice.
 */
#pragma once

#include "base/slice.h"

enum log_level { LEVEL_ERROR, LEVEL_WARNING, LEVEL_NOTICE, LEVEL_INFO, LEVEL_DEBUG };
enum log_target { LOG_TO_STDERR, LOG_TO_SYSLOG, LOG_TO_JOURNAL };
enum log_format { LOG_AS_KEY_VALUE, LOG_AS_JSON };

#define LOG_LINE_SIZE 8192

struct log_line {
	size_t used;
	enum log_level level;
	bool wanted; /* false: below the chosen level, the calls do nothing */
	bool cut;
	char text[LOG_LINE_SIZE];
};

/* Opens the sink of this process, before the sandbox closes. Before the first call: stderr, key=value, LEVEL_INFO. */
void log_open(enum log_target target, enum log_format format, enum log_level level);

/* For tests: lines go to this function instead of the target; NULL puts the target back. */
void log_capture(void (*capture)(const char *line, void *owner), void *owner);

void log_begin(struct log_line *line, enum log_level level, const char *event);
/* A NULL text and an empty slice leave the field out. */
void log_text(struct log_line *line, const char *key, const char *value);
void log_slice(struct log_line *line, const char *key, struct slice value);
void log_number(struct log_line *line, const char *key, int64_t value);
/* With one decimal: scores, milliseconds. What is no finite number is left out, what is beyond 10^15 is cut to it. */
void log_decimal(struct log_line *line, const char *key, double value);
void log_end(struct log_line *line);

/* A line with one field, text, made by a format and cut to 2 KB: for what happens seldom. */
void log_event(enum log_level level, const char *event, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

uint64_t log_lost(void);
