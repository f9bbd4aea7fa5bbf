/* SPDX-License-Identifier: Apache-2.0
 *
 * Shortcuts of Windows: where they point to. A .lnk (MS-SHLLINK) gives its target with the arguments, and its working folder and icon where they
 * are on another machine; an internet shortcut its URL.
 */
#pragma once

#include "policy/content/unpacked.h"

void link_unpack(struct slice bytes, struct unpacked *out);

void link_unpack_url(struct slice bytes, struct unpacked *out);
