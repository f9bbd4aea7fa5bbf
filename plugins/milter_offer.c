/* SPDX-License-Identifier: Apache-2.0 */
/* What a milter has agreed to. */
#include "plugins/milter_offer.h"

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

/* Milters of old versions know neither. */
static uint32_t unknown_to(uint32_t version)
{
	return (version <= 2 ? MILTER_NO_UNKNOWN : 0) | (version <= 3 ? MILTER_NO_DATA : 0);
}

static const char *find_fault(const struct milter_packet *packet)
{
	if (packet->byte != MILTER_OFFER)
		return "it does not negotiate";
	if (packet->numbers[0] < 2 || packet->numbers[0] > MILTER_WIRE_VERSION)
		return "it speaks another version of the protocol";
	if (packet->numbers[1] & ~(uint32_t)MILTER_ALL_ACTIONS)
		return "it wants actions that do not exist";
	return NULL;
}

struct milter_offer *milter_offer_take(
	const void *parent, const struct milter_packet *packet, const char **fault)
{
	struct milter_offer *offer;

	*fault = find_fault(packet);
	if (*fault)
		return NULL;
	offer = talloc_zero(parent, struct milter_offer);
	offer->version = packet->numbers[0];
	offer->actions = packet->numbers[1];
	offer->protocol = packet->numbers[2] | unknown_to(packet->numbers[0]);
	for (size_t i = 0; i < packet->list_count; i++) {
		const struct milter_macro_list *list = &packet->lists[i];
		if (list->stage >= MACROS_STAGES)
			continue;
		talloc_free(offer->macros[list->stage]);
		offer->macros[list->stage] = slice_keep(offer, list->names);
	}
	return offer;
}

char *milter_offer_print(const void *parent, const struct milter_offer *offer)
{
	char *text = talloc_asprintf(parent, "version %u; wants to hear the end of the message",
		(unsigned)offer->version);

	text = add(text, heard, ~offer->protocol, ", ");
	return add(text, changes, offer->actions, "; may ");
}
