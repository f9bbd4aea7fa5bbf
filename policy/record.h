/* SPDX-License-Identifier: Apache-2.0
 *
 * What was judged, as the JSON object of the contract. For policy/explain, which hands it on as a text, but for
 * record_recipient(). The caller drops the reference.
 */
#pragma once

#include "policy/inquiry.h"

#include <jansson.h>

json_t *record_new(struct inquiry *inquiry);

/* {"verdict": …, "code": …, "status": …, "text": …} */
json_t *record_of_verdict(const struct verdict *verdict);

/* A string; bytes that are no UTF-8 become "?". null for NULL. */
json_t *record_text(const char *text);

/* Before the facts about one recipient (before the first: those that MAIL was judged by) are forgotten: keeps them in the inquiry, for its record. No more than RECORD_RECIPIENTS
 * times. */
#define RECORD_RECIPIENTS 201
void record_recipient(struct inquiry *inquiry);
