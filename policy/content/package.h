/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that were dragged into a document: the native data of OLE 1 objects of the class Package, with the file's name before its bytes.
 */
#pragma once

#include "policy/content/unpacked.h"

/* The stream Ole10Native, or the native data of an object in RTF: the file becomes a member. What is no package becomes one as it is. */
void package_unpack(struct slice native, struct unpacked *out);
