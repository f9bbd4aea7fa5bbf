/* SPDX-License-Identifier: Apache-2.0
 *
 * Plain files that are read as a whole, and writing all there is.
 */
#pragma once

#include "base/slice.h"

/* The text lives under the parent, with a NUL behind it. What is returned is why it cannot be had, for people, or NULL. Whatever is no plain
 * file, or larger than `most` bytes, is refused, and never waited for. */
const char *file_read(const void *parent, const char *path, size_t most, struct slice *text)
	__attribute__((warn_unused_result));

/* A path as it is meant in another file: relative to where that one lies. Under the parent. */
char *file_beside(const void *parent, const char *file, const char *path);

/* All of it, however many calls that takes; false, with errno, when it cannot be. */
bool file_write_all(int descriptor, struct slice bytes) __attribute__((warn_unused_result));
