/* SPDX-License-Identifier: Apache-2.0
 *
 * The names under which attachments are known: made clean, taken to their extension, and joined to paths. What is kept is under the parent.
 */
#pragma once

/* UTF-8 without control characters. */
char *file_name_clean(const void *parent, const char *name);

/* The extension in small letters and plain ones, whatever letters of other alphabets it is written in; without the dot, "" for none. */
const char *file_name_extension(const void *parent, const char *name);

/* A name below a path. Either may be ""; a path that would be longer than FILE_NAME_PATH_MAXIMUM stays as it is. */
const char *file_name_join(const void *parent, const char *path, const char *name);

#define FILE_NAME_PATH_MAXIMUM 4096
