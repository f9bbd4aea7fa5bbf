/* SPDX-License-Identifier: Apache-2.0 */
/* An agreement in words. */
#include "plugins/milter_offer.h"

#include "plugins/milter_wire.h"

#include <talloc.h>

struct word {
	uint32_t bit;
	const char *text;
};

/* What it hears where the bit, which says that it does not want to, is not set. */
static const struct word heard[] = {{MILTER_NO_CONNECT, "connect"}, {MILTER_NO_HELO, "helo"},
	{MILTER_NO_MAIL, "mail"}, {MILTER_NO_RCPT, "rcpt"}, {MILTER_NO_DATA, "data"},
	{MILTER_NO_UNKNOWN, "unknown commands"}, {MILTER_NO_HEADERS, "header"},
	{MILTER_NO_EOH, "end of header"}, {MILTER_NO_BODY, "body"}, {0, NULL}};

static const struct word changes[] = {{MILTER_ADD_HEADERS, "add fields"},
	{MILTER_CHANGE_HEADERS, "change fields"}, {MILTER_CHANGE_BODY, "change the body"},
	{MILTER_CHANGE_SENDER, "change the sender"}, {MILTER_ADD_RECIPIENTS, "add recipients"},
	{MILTER_DELETE_RECIPIENTS, "delete recipients"}, {MILTER_QUARANTINES, "quarantine"},
	{0, NULL}};

/* first stands before the first word. */
static char *add(char *text, const struct word *words, uint32_t bits, const char *first)
{
	for (const char *separator = first; words->bit; words++) {
		if (bits & words->bit) {
			text = talloc_asprintf_append_buffer(text, "%s%s", separator, words->text);
			separator = ", ";
		}
	}
	return text;
}

char *milter_offer_print(const void *parent, uint32_t version, uint32_t actions, uint32_t protocol)
{
	char *text = talloc_asprintf(
		parent, "version %u; wants to hear the end of the message", (unsigned)version);

	text = add(text, heard, ~protocol, ", ");
	return add(text, changes, actions, "; may ");
}
