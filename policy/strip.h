/* SPDX-License-Identifier: Apache-2.0
 *
 * The action strip: parts of the message that attachments came in are replaced by a text that names what was removed and by which rule. An
 * attachment of an archive takes the whole archive along, one of an encoded message that message: what can be replaced is the part as it
 * stands in the bytes of the message. Of a message that was forwarded as it is only its part goes.
 *
 * Parts that overlap, as readings of the same bytes do, go together. Of a part's header the fields that do not begin with Content- stay. All
 * else in the message is byte for byte the same.
 */
#pragma once

#include "policy/inquiry.h"

struct strip;

struct strip *strip_new(const void *parent, const struct inquiry *inquiry);

/* What a rule wants to have removed: records of the fact attachment. */
void strip_take(struct strip *strip, const char *rule, const struct value_records *attachments);

/* Adds the edits; how many parts they replace. */
size_t strip_edit(struct strip *strip, struct edits *edits);
