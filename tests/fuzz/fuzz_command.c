/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a command line, and as lines of a server's EHLO reply. */
#include "proxy/capabilities.h"
#include "proxy/command.h"

#include <assert.h>
#include <talloc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	const struct reply *(*parse)(const void *parent, struct command *command);
	bool has_path;
} parsers[] = {
	{command_parse_mail, true},
	{command_parse_rcpt, true},
	{command_parse_bdat, false},
	{command_parse_auth, false},
	{command_parse_helo, false},
	{command_parse_nothing, false},
	{command_parse_something, false},
};

static bool is_inside(struct slice piece, struct slice whole)
{
	return piece.size == 0 ||
		(piece.data >= whole.data && piece.data + piece.size <= whole.data + whole.size);
}

/* A refusal is a permanent one, of one line; a path that was taken is printed so that it is taken again, as it is. */
static void parse(const void *parent, struct slice line, size_t i)
{
	struct command command;

	command_split(&command, line);
	assert(is_inside(command.verb, line) && is_inside(command.argument, line));
	const struct reply *bad = parsers[i].parse(parent, &command);
	assert(is_inside(command.argument, line));
	if (bad) {
		assert(bad->code >= 500 && bad->code < 600 && bad->status[0] == '5' &&
			bad->text[0]);
		assert(!strchr(bad->text, '\r') && !strchr(bad->text, '\n'));
	} else if (parsers[i].has_path) {
		char *again = talloc_asprintf(parent, "TO:<%s>", command.path->text);
		struct command second = {.argument = slice_of(again)};
		assert(command.size >= -1);
		if (address_is_null(command.path))
			return;
		const struct reply *refused = command_parse_rcpt(parent, &second);
		assert(!refused && slice_equals(slice_of(second.path->text), command.path->text));
	}
}

static void hear_offer(const void *parent, struct slice text)
{
	struct capabilities capabilities = {0};
	struct offer offer = {.message_size = 1};

	while (text.size)
		capabilities_add_line(&capabilities, slice_cut(&text, '\n'));
	assert(capabilities.size >= 0);
	capabilities_offer(parent, capabilities, &offer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scratch = talloc_new(NULL);
	struct slice text = slice_make((const char *)data, size), rest = text;
	struct slice line = slice_cut(&rest, '\n'); /* no line has an LF inside */

	for (size_t i = 0; i < sizeof parsers / sizeof parsers[0]; i++)
		parse(scratch, line, i);
	hear_offer(scratch, text);
	talloc_free(scratch);
	return 0;
}
