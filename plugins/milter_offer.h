/* SPDX-License-Identifier: Apache-2.0
 *
 * What a milter has agreed to when it was offered all there is: which version it speaks, what it wants to hear and answers, what it may change,
 * and which macros it asks for. Bits are those of plugins/milter_wire.h. Bits of the protocol that were not offered are honoured, as Postfix
 * does: there are milters that set them whatever is offered.
 */
#pragma once

#include "plugins/milter_wire.h"

struct milter_offer {
	uint32_t version, actions, protocol;
	char *macros[MACROS_STAGES]; /* lists of its own; NULL: ours */
};

/* From its answer, under the parent. NULL: *fault is what is wrong with it, for people. */
struct milter_offer *milter_offer_take(
	const void *parent, const struct milter_packet *packet, const char **fault);

/* For people, on one line, under the parent. */
char *milter_offer_print(const void *parent, const struct milter_offer *offer);
