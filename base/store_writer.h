/* SPDX-License-Identifier: Apache-2.0
 *
 * The one who writes the file of a store (base/store_file.h): the keeper, nobody else. Updates are applied in transactions of many; entries are
 * taken away when their life is over, and when the file is nearly full, those first that would end first.
 *
 * Not synced at each transaction: a crash of postern loses nothing that was committed, one of the machine may lose the last seconds, or the file: one
 * that is damaged is put aside (its name ends in ".damaged") and begun anew. No error is fatal: what could not be written is lost, and the log says
 * so.
 */
#pragma once

#include "base/store_file.h"

struct store_writer;

/* The file is made in the directory; it never grows beyond size. NULL, after an error in the log, when it cannot be opened. */
struct store_writer *store_writer_open(
	const void *parent, const char *directory, size_t size, uint64_t wall);

/* A transaction: begin, any number of updates, commit. The bytes are updates, one behind the other; others are not looked at. */
void store_writer_begin(struct store_writer *writer);
void store_writer_apply(struct store_writer *writer, struct slice updates);
void store_writer_commit(struct store_writer *writer);

/* Takes away some of what is too old or too much, within the transaction; call it in each. */
void store_writer_expire(struct store_writer *writer, uint64_t wall);

/* Brings everything to the disk, which may take long, and frees what dead readers held. */
void store_writer_sync(struct store_writer *writer);
