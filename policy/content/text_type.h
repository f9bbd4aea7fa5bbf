/* SPDX-License-Identifier: Apache-2.0
 *
 * Kinds of text: what a file without a signature is when it is text, by words at its beginning. As browsers and mail readers guess.
 *
 * Limits: it looks at the first TEXT_TYPE_SIZE bytes.
 */
#pragma once

#include "policy/content/file_type.h"

#define TEXT_TYPE_SIZE 8192

/* FILE_TYPE_UNKNOWN when it is no text. */
enum file_type text_type(struct slice bytes);
