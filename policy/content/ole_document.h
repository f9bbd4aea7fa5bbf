/* SPDX-License-Identifier: Apache-2.0
 *
 * Compound files taken apart by what they are: documents of Office up to 2003 (macros, Excel 4 sheets, embedded files, encryption, DDE),
 * messages of Outlook (attachments and bodies), packages of Windows Installer (programs and cabinets inside).
 */
#pragma once

#include "policy/content/unpacked.h"

void ole_document_unpack(struct slice bytes, struct unpacked *out);
