/* SPDX-License-Identifier: Apache-2.0 */
/* Answers from a table. */
#include "tests/fakes/names.h"

#include "base/dns_packet.h"

#include <talloc.h>
#include <utlist.h>

struct open {
	struct dns_question *question;
	bool is_late; /* not lost */
	struct open *prev, *next;
};

struct names {
	struct zone *zone;
	struct open *opens;
};

static enum zone_reaction look_up(
	struct names *names, const struct dns_question *question, struct zone_packet *answer)
{
	struct zone_packet *asked = talloc(names, struct zone_packet);
	unsigned delay;

	zone_ask(question->name, question->type, asked);
	enum zone_reaction reaction = zone_answer(names->zone,
		slice_make((const char *)asked->bytes, asked->size), true, answer, &delay);
	if (answer->size > 2 && answer->bytes[1]) /* we have asked with the id 0 */
		reaction = ZONE_SILENT;
	talloc_free(asked);
	return reaction;
}

static void tell(struct dns_question *question, struct zone_packet *packet)
{
	struct dns_answer answer = {0};

	dns_packet_read(packet, slice_make((const char *)packet->bytes, packet->size),
		question->name, question->type, &answer);
	dns_hear(question, &answer);
	talloc_free(packet);
}

static void begin(void *owner, struct dns_question *question)
{
	struct names *names = owner;
	struct zone_packet *packet = talloc_zero(names, struct zone_packet);
	enum zone_reaction reaction = look_up(names, question, packet);

	if (reaction == ZONE_ANSWERS) {
		tell(question, packet);
		return;
	}
	struct open *open = talloc_zero(names, struct open);
	open->question = question;
	open->is_late = reaction == ZONE_ANSWERS_LATER;
	DL_APPEND(names->opens, open);
	talloc_free(packet);
}

void names_answer_late_ones(struct names *names)
{
	struct open *open = names->opens;

	while (open) {
		struct open *next = open->next;
		struct dns_question *question = open->question;
		if (open->is_late) {
			struct zone_packet *packet = talloc_zero(names, struct zone_packet);
			look_up(names, question, packet);
			DL_DELETE(names->opens, open);
			talloc_free(open);
			tell(question, packet);
		}
		open = next;
	}
}

size_t names_open(const struct names *names)
{
	const struct open *open;
	size_t count;

	DL_COUNT(names->opens, open, count);
	return count;
}

struct names *names_new(const void *parent)
{
	struct names *names = talloc_zero(parent, struct names);

	names->zone = zone_new(names);
	return names;
}

struct zone *names_zone(struct names *names)
{
	return names->zone;
}

struct dns_resolver names_resolver(struct names *names)
{
	return (struct dns_resolver){begin, names};
}
