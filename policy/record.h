/* SPDX-License-Identifier: Apache-2.0
 *
 * What was judged, as the JSON object of the contract. For policy/explain, which hands it on as a text, but for
 * record_recipient(). The caller drops the reference.
 */
#pragma once

#include "policy/inquiry.h"

#include <jansson.h>

/* with_facts: all that is known; else what record_keeps(). */
json_t *record_new(struct inquiry *inquiry, bool with_facts);

/* What every record has, if it is known: what the log tells, too. Nothing of what a message says, but how its header is made; nor of what others
 * answered about it, but whether the sender is who he claims to be, and known as good. */
bool record_keeps(enum fact fact);

/* Takes away something that it may lack, what is missed least first; false when nothing is left to take. */
bool record_shorten(json_t *record);

/* {"verdict": …, "code": …, "status": …, "text": …} */
json_t *record_of_verdict(const struct verdict *verdict);

/* A string; bytes that are no UTF-8 become "?". null for NULL. */
json_t *record_text(const char *text);

/* Before the facts about one recipient (before the first: those that MAIL was judged by) are forgotten: keeps them in the inquiry, for its record. No more than RECORD_RECIPIENTS
 * times. */
#define RECORD_RECIPIENTS 201
void record_recipient(struct inquiry *inquiry, bool with_facts);
