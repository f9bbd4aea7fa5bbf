/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents of Office since 2007: a ZIP file of parts. Macros, sheets of Excel 4 macros, templates and objects that are fetched from elsewhere,
 * embedded files, ActiveX controls and DDE fields are found. Parts that are files become members; those that only make up the document
 * (markup, pictures, fonts) do not.
 */
#pragma once

#include "policy/content/unpacked.h"

void ooxml_unpack(struct slice bytes, struct unpacked *out);
