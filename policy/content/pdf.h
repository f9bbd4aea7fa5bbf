/* SPDX-License-Identifier: Apache-2.0
 *
 * PDF (ISO 32000): what it does when it is opened, and the files inside. Not read by its table of objects, which may be wrong, but from front to
 * end as readers do that repair it: names with their escapes undone, streams of objects inflated, embedded files taken out.
 *
 * Limits: streams packed by Flate and ASCIIHex, one after the other; others are FINDING_UNSUPPORTED where objects or files are in them.
 * In an encrypted PDF names are seen, files are not.
 */
#pragma once

#include "policy/content/unpacked.h"

void pdf_unpack(struct slice bytes, struct unpacked *out);
