/* SPDX-License-Identifier: Apache-2.0
 *
 * The archives that libarchive reads, within the budget: tar, cpio, ar, cab, lha, ISO 9660, 7z, RAR 4 and 5, and single compressed
 * streams. Each type enables its own format and filter and nothing else, so nothing is guessed by libarchive and no program is ever
 * started. gzip is read with zlib alone.
 *
 * Not xar: a table of contents with the same link twice sends libarchive 3.6 in circles.
 *
 * Limits: names of ISO images are those that Windows shows (Joliet or ISO 9660); names of Rock Ridge are not looked at. libarchive asks nobody for
 * time within one header: who calls it in a process of its own must be ready to end that. It takes memory for what a header announces (dictionaries of xz, 7z, zstd and PPMd) before anything comes out; a limit
 * on the address space of the process is what bounds that.
 */
#pragma once

#include "policy/content/file_type.h"
#include "policy/content/unpacked.h"
#include "policy/content/zip_directory.h"

/* Loads what libarchive's names need: once in a process, before its sandbox closes. */
void archive_prepare(void);

bool archive_knows(enum file_type type);

/* The type must be known. */
void archive_unpack(enum file_type type, struct slice bytes, struct unpacked *out);

/* One stream of gzip or several behind each other. */
void archive_unpack_gzip(struct slice bytes, struct unpacked *out);

/* What an entry of a ZIP file holds whose method zlib does not know. */
struct slice archive_read_zip_entry(const void *parent, const struct zip_entry *entry,
	struct budget *budget, uint64_t *findings);
