/* SPDX-License-Identifier: Apache-2.0
 *
 * winmail.dat (MS-OXTNEF) taken apart: attachments by their long name, short name or display name, messages and objects inside, and the bodies as
 * members body.txt, body.html and body.rtf. Checksums are not looked at, as Outlook does not.
 */
#pragma once

#include "policy/content/unpacked.h"

void tnef_unpack(struct slice bytes, struct unpacked *out);
