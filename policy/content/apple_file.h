/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of a Macintosh in wrappings that keep their name and kind: AppleSingle (RFC 1740, appendix A) and MacBinary. Programs there and elsewhere
 * take them off without being asked. The one member is the data fork.
 *
 * Limits: resource forks are not looked at; AppleDouble, which has nothing else, is no container here.
 */
#pragma once

#include "policy/content/unpacked.h"

void apple_file_unpack_single(struct slice bytes, struct unpacked *out);
void apple_file_unpack_macbinary(struct slice bytes, struct unpacked *out);

/* MacBinary has no signature; this is what its header is told by. */
bool apple_file_is_macbinary(struct slice bytes);
