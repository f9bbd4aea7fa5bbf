/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of the types that are ZIP files one is: by the names of its entries, whatever it is called.
 */
#pragma once

#include "policy/content/file_type.h"

/* The bytes must be those of a ZIP file. */
enum file_type zip_type_of(struct slice bytes);

/* Whether files of that type are ZIP files. */
bool zip_type_is(enum file_type type);
