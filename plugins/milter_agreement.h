/* SPDX-License-Identifier: Apache-2.0
 *
 * What a mail server and we, as its milter, agree on: the answer to its offer. We take versions 2 to 6 (of a later one, 6), of the actions
 * those that edits may need, and ask for what saves round trips where it is offered: that fields, their end and the body are not answered one by
 * one, and that values of fields come and go with their leading blank, so that the message is the client's to the byte.
 *
 * Where lists of macros may be asked for, those are that facts are made of.
 */
#pragma once

#include "plugins/milter_wire.h"

/* What we are to the server. */
struct milter_role {
	uint32_t needed;    /* actions without which we cannot serve */
	bool hears_unknown; /* commands that are none, and recipients that others refused */
};

/* Fills the answer. NULL, or why there can be none, for people. */
const char *milter_agreement_answer(const struct milter_role *role,
	const struct milter_packet *offer, struct milter_packet *answer);
