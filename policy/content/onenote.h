/* SPDX-License-Identifier: Apache-2.0
 *
 * Sections of OneNote (MS-ONESTORE): the files that were put into them. Found by the identifier that stands before each; the rest of the format
 * is not read, so they have no names.
 */
#pragma once

#include "policy/content/unpacked.h"

void onenote_unpack(struct slice bytes, struct unpacked *out);
