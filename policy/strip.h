/* SPDX-License-Identifier: Apache-2.0
 *
 * The action strip: parts of the message that attachments came in are replaced by a text that names what was removed and by which rule. An
 * attachment of an archive takes the whole archive along, one of an encoded message that message: what can be replaced is the part as it
 * stands in the bytes of the message. Of a message that was forwarded as it is only its part goes.
 *
 * With rules.strip_archives = members a part that is a plain ZIP file stays, without the members that matched or have something inside that did, and
 * with a text among the members that names them: policy/strip_archive.h. Where that cannot be, the whole goes, and the inquiry keeps the reason.
 *
 * Parts that overlap, as readings of the same bytes do, go together. Of a part's header the fields that do not begin with Content- stay. All
 * else in the message is byte for byte the same.
 */
#pragma once

#include "policy/inquiry.h"
#include "policy/strip_archive.h"

struct strip;

struct strip *strip_new(const void *parent, struct inquiry *inquiry);

/* What a rule wants to have removed: records of the fact attachment. */
void strip_take(struct strip *strip, const char *rule, const struct value_records *attachments);

/* For a scanner: the archives of which only members go, and how, or why not. */
struct strip_archive *strip_find_archives(struct strip *strip, size_t *count);

/* Adds the edits; how many parts they replace. The inquiry's strip_archives are what a scanner has found. */
size_t strip_edit(struct strip *strip, struct edits *edits);
