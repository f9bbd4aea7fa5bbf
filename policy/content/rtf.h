/* SPDX-License-Identifier: Apache-2.0
 *
 * RTF: the objects inside, as members, and words that make a reader fetch or start something. Hexadecimal digits of an object are read as Word
 * reads them, whatever stands between.
 */
#pragma once

#include "policy/content/unpacked.h"

void rtf_unpack(struct slice bytes, struct unpacked *out);
