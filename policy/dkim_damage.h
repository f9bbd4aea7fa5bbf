/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether edits of a message break its DKIM signatures (RFC 6376): those of the body, and of fields that a signature covers. Nothing is
 * verified here; what was said to be signed counts. An added field counts as signed when the signature names more of that name than there
 * are, or when it stands below them.
 */
#pragma once

#include "policy/mail/edit.h"

/* The domains whose signatures are broken, "a.example, b.example", under the parent; NULL: none. */
char *dkim_damage_domains(const void *parent, const struct edits *edits);
