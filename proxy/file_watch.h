/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that were read and may change: asked now and then, it says which has. Another file under the name (also behind a symbolic link) is a
 * change, and so is its going or coming; a change is told once.
 */
#pragma once

struct file_watch;

struct file_watch *file_watch_new(const void *parent);

/* Before the file is read, so that no change falls between. The path is borrowed; NULL and one that is there already are passed over. */
void file_watch_add(struct file_watch *watch, const char *path);

/* The first that has changed since this was asked last, or NULL. */
const char *file_watch_changed(struct file_watch *watch);
