/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing one file into a Maildir: made in tmp, synced, moved to new. A file that is freed without having been committed
 * goes away. Blocking: for the sink.
 */
#pragma once

#include "base/slice.h"

struct maildir_file;

/* Makes the directory and its tmp, new and cur where they are missing. */
bool maildir_make(const char *directory) __attribute__((warn_unused_result));

/* NULL, with errno, when it cannot be made. */
struct maildir_file *maildir_create(const void *parent, const char *directory);

/* Errors show at the commit. With a NULL file they do nothing. */
void maildir_write(struct maildir_file *file, struct slice bytes);
void maildir_print(struct maildir_file *file, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Whether it is on the disk now, under its final name. */
bool maildir_commit(struct maildir_file *file) __attribute__((warn_unused_result));
