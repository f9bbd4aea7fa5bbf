/* SPDX-License-Identifier: Apache-2.0
 *
 * What files are said to be: tables of extensions and of MIME types. For comparing with what they are (policy/content/file_type.h).
 */
#pragma once

#include "policy/content/file_type.h"

/* Of "pdf", in any case of letters; FILE_TYPE_UNKNOWN when it is not in the table. */
enum file_type extension_type(struct slice extension);

/* Of "application/pdf", in any case of letters, without parameters. */
enum file_type extension_type_of_mime(struct slice declared);
