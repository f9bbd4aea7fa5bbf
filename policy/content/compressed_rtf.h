/* SPDX-License-Identifier: Apache-2.0
 *
 * RTF as Outlook compresses it (MS-OXRTFCP), in winmail.dat and in its messages.
 */
#pragma once

#include "policy/content/unpacked.h"

/* Adds the text as a member of that name; what is not well-formed is FINDING_DAMAGED. */
void compressed_rtf_add(struct unpacked *out, struct slice name, struct slice compressed);
