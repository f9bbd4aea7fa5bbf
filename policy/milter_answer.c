/* SPDX-License-Identifier: Apache-2.0 */
/* What milters say. */
#include "policy/milter_answer.h"

#include <ctype.h>

#define LINES_MAXIMUM 32
#define LINE_MAXIMUM 980 /* Sendmail's limit */

const char *const milter_answer_names[] = {
	"continue", "accept", "reject", "tempfail", "discard", "quarantine", NULL};

static bool has_control_character(struct slice line)
{
	for (size_t i = 0; i < line.size; i++) {
		if (iscntrl((unsigned char)line.data[i]) && line.data[i] != '\t')
			return true;
	}
	return false;
}

/* Code, then "-" or " ", as they must stand at the front of a line; a lone code is a line without text. */
static bool is_line(struct slice line, bool is_last)
{
	if (line.size > LINE_MAXIMUM || line.size < 3 || has_control_character(line))
		return false;
	for (size_t i = 0; i < 3; i++) {
		if (!isdigit((unsigned char)line.data[i]))
			return false;
	}
	if (line.data[0] != '4' && line.data[0] != '5')
		return false;
	return line.size == 3 ? is_last : line.data[3] == (is_last ? ' ' : '-');
}

/* Line ends of milters are CRLF, ours LF. */
static struct slice take_line(struct slice *rest)
{
	struct slice line = slice_cut(rest, '\n');

	if (line.size && line.data[line.size - 1] == '\r')
		line.size--;
	return line;
}

bool milter_answer_reply(const void *parent, const char *text, struct reply *reply)
{
	struct slice rest = slice_of(text);
	enum reply_outcome outcome = REPLY_CONTINUES;

	*reply = (struct reply){0};
	for (size_t lines = 0; rest.size; lines++) {
		struct slice line = take_line(&rest);
		if (lines == LINES_MAXIMUM || outcome == REPLY_COMPLETE ||
			!is_line(line, !rest.size))
			return false;
		outcome = reply_add_line(parent, reply, line);
	}
	return outcome == REPLY_COMPLETE && reply->text && *reply->text &&
		(!*reply->status || reply->status[0] == '0' + reply->code / 100);
}
