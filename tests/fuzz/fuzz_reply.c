/* SPDX-License-Identifier: Apache-2.0 */
/* Any lines from a backend. */
#include "policy/mail/reply.h"

#include "base/utf8.h"

#include <assert.h>
#include <talloc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads lines that end with LF or CRLF, each in memory of exactly its size. */
static enum reply_outcome read_lines(const void *scratch, struct reply *reply, struct slice rest)
{
	enum reply_outcome outcome = REPLY_CONTINUES;

	while (rest.size && outcome == REPLY_CONTINUES) {
		struct slice line = slice_cut(&rest, '\n');
		char *exact;
		if (line.size && line.data[line.size - 1] == '\r')
			line.size--;
		exact = talloc_memdup(scratch, line.data, line.size ? line.size : 1);
		outcome = reply_add_line(scratch, reply, slice_make(exact, line.size));
	}
	return outcome;
}

static void is_sound(const struct reply *reply)
{
	struct slice text = slice_of(reply->text);

	assert(reply->code >= 200 && reply->code <= 599);
	assert(!reply->status[0] || reply->status[0] == '0' + reply->code / 100);
	assert(strlen(reply->status) < STATUS_SIZE);
	assert(utf8_is_valid(text));
	for (; text.size; text = slice_from(text, utf8_length(text)))
		assert(text.data[0] == '\n' || !utf8_is_control(text));
	assert(strlen(reply->text) < REPLY_LINES_MAXIMUM * REPLY_LINE_MAXIMUM);
}

/* What we print of it is read the same again. */
static void is_its_own_inverse(const void *scratch, const struct reply *reply)
{
	struct reply again = {0};

	assert(read_lines(scratch, &again, slice_of(reply_print(scratch, reply))) ==
		REPLY_COMPLETE);
	assert(again.code == reply->code);
	assert(strcmp(again.status, reply->status) == 0);
	assert(strcmp(again.text, reply->text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scratch = talloc_new(NULL);
	struct reply reply = {0};
	struct slice bytes = slice_make((const char *)data, size);

	if (size && read_lines(scratch, &reply, bytes) != REPLY_MALFORMED) {
		is_sound(&reply);
		is_its_own_inverse(scratch, &reply);
		assert(!strchr(reply_on_one_line(scratch, &reply), '\n'));
	}
	talloc_free(scratch);
	return 0;
}
