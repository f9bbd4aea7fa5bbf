/* SPDX-License-Identifier: Apache-2.0
 *
 * Signatures: bytes at fixed places that tell what a file is. One table, the first row that fits counts; what needs more than bytes at a place
 * (programs, zips, compound files, text) is finished by policy/content/file_type.c.
 */
#pragma once

#include "policy/content/file_type.h"

/* FILE_TYPE_UNKNOWN when no signature fits. */
enum file_type magic_type(struct slice bytes);
