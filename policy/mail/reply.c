/* SPDX-License-Identifier: Apache-2.0 */
/* Replies: RFC 5321 §4.2, with the enhanced status codes of RFC 2034 and RFC 3463. */
#include "policy/mail/reply.h"

#include "base/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <talloc.h>

/* A safe copy of one line of text. */
static char *clean_line(const void *parent, struct slice line, size_t maximum)
{
	size_t room = line.size < maximum ? line.size : maximum;
	char *text = talloc_array(parent, char, room + 1);

	text[utf8_clean(text, room, line)] = '\0';
	return text;
}

/* A safe copy of lines separated by "\n". */
static const char *clean_lines(const void *parent, struct slice lines)
{
	char *text = clean_line(parent, slice_cut(&lines, '\n'), REPLY_TEXT_MAXIMUM);

	for (unsigned count = 1; lines.size && count < REPLY_LINES_MAXIMUM; count++) {
		char *line = clean_line(NULL, slice_cut(&lines, '\n'), REPLY_TEXT_MAXIMUM);
		text = talloc_asprintf_append_buffer(text, "\n%s", line);
		talloc_free(line);
	}
	return text;
}

struct reply reply_of(const void *parent, int code, const char *status, const char *text)
{
	struct reply reply = {.code = code};

	assert(code >= 200 && code <= 599);
	if (status)
		memcpy(reply.status, status, strnlen(status, STATUS_SIZE - 1));
	reply.text = clean_lines(parent, slice_of(text));
	return reply;
}

struct reply reply_new(const void *parent, int code, const char *status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	char *text = talloc_vasprintf(NULL, format, arguments);
	va_end(arguments);
	struct reply reply = reply_of(parent, code, status, text);
	talloc_free(text);
	return reply;
}

static unsigned count_lines(const char *text)
{
	unsigned lines = 1;

	for (; (text = strchr(text, '\n')); text++)
		lines++;
	return lines;
}

static size_t line_room(size_t text)
{
	return strlen("250 ") + STATUS_SIZE + text + sizeof "\r\n";
}

/* One line of the wire; returns its end. RFC 2034 §4: 3xx replies carry no enhanced status. */
static char *print_line(char *at, const struct reply *reply, char mark, struct slice text)
{
	*at++ = (char)('0' + reply->code / 100);
	*at++ = (char)('0' + reply->code / 10 % 10);
	*at++ = (char)('0' + reply->code % 10);
	*at++ = mark;
	if (reply->status[0] && reply->code / 100 != 3)
		at = stpcpy(stpcpy(at, reply->status), " ");
	return stpcpy(mempcpy(at, text.data, text.size), "\r\n");
}

/* Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF */
char *reply_print(const void *parent, const struct reply *reply)
{
	struct slice rest = slice_of(reply->text);
	unsigned lines = count_lines(reply->text);
	char *wire = talloc_array(parent, char, rest.size + lines * line_room(0)), *at = wire;

	while (lines--)
		at = print_line(at, reply, lines ? '-' : ' ', slice_cut(&rest, '\n'));
	return wire;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The code at the front of a line, or 0. */
static int parse_code(struct slice line)
{
	if (line.size < 3 || line.data[0] < '2' || line.data[0] > '5' || !is_digit(line.data[1]) ||
		!is_digit(line.data[2]))
		return 0;
	return (line.data[0] - '0') * 100 + (line.data[1] - '0') * 10 + (line.data[2] - '0');
}

/* "." 1*3digit; takes it off. */
static bool take_status_part(struct slice *rest)
{
	size_t digits = 0;

	if (rest->size == 0 || rest->data[0] != '.')
		return false;
	*rest = slice_from(*rest, 1);
	while (digits < rest->size && is_digit(rest->data[digits]))
		digits++;
	if (digits == 0 || digits > 3)
		return false;
	*rest = slice_from(*rest, digits);
	return true;
}

/* RFC 3463 §2: status-code = class "." subject "." detail; class = "2" / "4" / "5"
 * Its length when one that fits the code stands at the front, followed by a blank or nothing; else 0. */
static size_t status_length(int code, struct slice text)
{
	struct slice rest = text;

	if (text.size == 0 || text.data[0] != '0' + code / 100 || text.data[0] == '3')
		return 0;
	rest = slice_from(rest, 1);
	if (!take_status_part(&rest) || !take_status_part(&rest))
		return 0;
	if (rest.size && rest.data[0] != ' ')
		return 0;
	return text.size - rest.size;
}

/* What stands behind the status: the blank between belongs to neither. */
static struct slice behind_status(struct slice text, size_t status)
{
	text = slice_from(text, status);
	return text.size ? slice_from(text, 1) : text;
}

static void begin_reply(const void *parent, struct reply *reply, int code, struct slice text)
{
	size_t status = status_length(code, text);

	reply->code = code;
	if (status) {
		memcpy(reply->status, text.data, status);
		reply->status[status] = '\0';
		text = behind_status(text, status);
	}
	reply->text = clean_line(
		parent, text, code == 334 ? REPLY_CHALLENGE_MAXIMUM : REPLY_TEXT_MAXIMUM);
}

static bool is_full(const struct reply *reply)
{
	return count_lines(reply->text) >= REPLY_LINES_MAXIMUM;
}

static void continue_reply(struct reply *reply, struct slice text)
{
	size_t status = status_length(reply->code, text);
	char *line;

	if (status && slice_equals(slice_make(text.data, status), reply->status))
		text = behind_status(text, status);
	line = clean_line(NULL, text, REPLY_TEXT_MAXIMUM);
	reply->text = talloc_asprintf_append_buffer((char *)reply->text, "\n%s", line);
	talloc_free(line);
}

enum reply_outcome reply_add_line(const void *parent, struct reply *reply, struct slice line)
{
	int code = parse_code(line);
	char mark = line.size > 3 ? line.data[3] : ' ';
	struct slice text = slice_from(line, line.size > 3 ? 4 : line.size);

	if (!code || (mark != ' ' && mark != '-'))
		return REPLY_MALFORMED;
	if (!reply->code)
		begin_reply(parent, reply, code, text);
	else if (code != reply->code || is_full(reply))
		return REPLY_MALFORMED;
	else
		continue_reply(reply, text);
	return mark == '-' ? REPLY_CONTINUES : REPLY_COMPLETE;
}

char *reply_on_one_line(const void *parent, const struct reply *reply)
{
	char *text = talloc_array(parent, char, line_room(strlen(reply->text)));
	char *end = print_line(text, reply, ' ', slice_of(reply->text));

	end[-2] = '\0';
	for (char *at = text; (at = strchr(at, '\n')); at++)
		*at = ' ';
	return text;
}
