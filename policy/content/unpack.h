/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a container apart, one level of it: archives, disk images, documents with files inside, mail of other kinds. What comes out is
 * in policy/content/unpacked.h; who takes apart what comes out (and has the budget's depth) is the caller. A pure function: no
 * file is opened, no program is started, nothing is logged, and the sandbox may be closed before.
 *
 * What cannot be read is a finding, never silence: encrypted, damaged, unsupported, over limits. An archive or a disk image of a type that has no
 * reader is unsupported by being one.
 */
#pragma once

#include "policy/content/file_type.h"
#include "policy/content/unpacked.h"

/* Once in a process, before its sandbox closes: loads what the libraries would load on first use. */
void unpack_prepare(void);

/* Whether there may be anything in a file of that type: of archives and disk images always, whether they can be read or not; of
 * others when they are read, or when these bytes carry an archive. */
bool unpack_knows(enum file_type type, struct slice bytes);

/* The bytes must live as long as the result is looked at. Polyglots are taken apart in all their readings. */
void unpack(const void *parent, enum file_type type, struct slice bytes, struct budget *budget,
	struct unpacked *out);
