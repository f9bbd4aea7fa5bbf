/* SPDX-License-Identifier: Apache-2.0
 *
 * What a name server for tests knows, and how it behaves. It answers for every name there is: what its zone does not name does not
 * exist. The zone is a text, a record a line:
 *
 *     # a comment
 *     example.net            MX 10 mx.example.net
 *     mx.example.net         A 192.0.2.1                     AAAA, PTR, CNAME, TXT too
 *     example.net   60       TXT "v=spf1 -all"               a number in second place is the TTL (300); strings take \DDD
 *     *.list.example         A 127.0.0.2                     all names below that have no line of their own
 *     slow.example           does delay 500                  milliseconds (of real time) before it is answered
 *     dead.example           does silence
 *     bad.example            does servfail                   refused too
 *     long.example           does truncate                   over UDP; over TCP it is whole; "truncate always": there too
 *     liar.example           does wrong-id                   wrong-question, garbage, wrong-name (the answer's owner is another)
 *
 * What a name does counts for all types, besides its records. Labels take \DDD for odd bytes.
 *
 * Nothing here sends or waits: nameserver.h does on the loopback interface, names.h inside the process.
 */
#pragma once

#include "base/slice.h"

#define ZONE_PACKET_MOST 65535

struct zone;

struct zone_packet {
	uint8_t bytes[ZONE_PACKET_MOST];
	size_t size;
};

enum zone_reaction { ZONE_ANSWERS, ZONE_ANSWERS_LATER, ZONE_SILENT };

struct zone *zone_new(const void *parent);

/* Adds lines. NULL, or the line that is none. */
const char *zone_add(struct zone *zone, const char *text);
/* Takes everything out. */
void zone_forget(struct zone *zone);

/* Writes the packet of a question; and that of its answer, and after how many milliseconds it is to be sent. */
void zone_ask(const char *name, unsigned type, struct zone_packet *packet);
enum zone_reaction zone_answer(struct zone *zone, struct slice question, bool over_tcp,
	struct zone_packet *packet, unsigned *delay);

/* How many questions came, over UDP and TCP and over TCP alone; and how many different ones never got a right answer. */
unsigned zone_asked(const struct zone *zone);
unsigned zone_asked_over_tcp(const struct zone *zone);
size_t zone_unanswered(const struct zone *zone);
