/* SPDX-License-Identifier: Apache-2.0
 *
 * A store whose entries are read from the file (base/store_file.h), at once, and whose updates are sent to its writer in another process: this one never
 * takes a lock for writing and never waits for a disk to write. Updates that are on their way count already here; in other processes
 * they do when the writer has them in the file, a tenth of a second later as a rule.
 *
 * The file is opened when it is first needed, and anew each second while that fails. The store has failed while there is no file, when the writer
 * has left an update lying for STORE_READER_PATIENCE, and, for what is to be added, while STORE_READER_PENDING updates are on
 * their way.
 */
#pragma once

#include "base/store.h"

#define STORE_READER_PATIENCE 5000 /* ms */
#define STORE_READER_PENDING 4096

/* Sends updates to the writer, as bytes that store_writer_apply() takes; they are borrowed. May lose them. */
struct store_sender {
	void (*send)(void *owner, struct slice updates);
	void *owner;
};

/* In a process that has not opened the file's writer. */
struct store *store_reader_new(
	const void *parent, struct clock *clock, const char *directory, struct store_sender sender);
