/* SPDX-License-Identifier: Apache-2.0
 *
 * The store of a gateway (base/store.h), as the settings want it: in the file that the keeper writes, or in Redis; and what sessions remember there.
 * Without one, and while it fails, nothing is remembered, and nobody is worse off for it.
 */
#pragma once

#include "proxy/session.h"

/* NULL: there is none. The keeper may be NULL; it must outlive the store. */
struct store *memory_new(const void *parent, struct loop *loop, const struct store_options *options,
	struct keeper_link *keeper);

/* Whether the client of a session is known as good, into the entry, which counts nothing when there is nobody to ask. */
void memory_begin_recalling(struct session *s, struct store_entry *entry, struct await *await);

/* A message of the session was accepted. */
void memory_note_accepted(struct transaction *transaction);

/* The client has made an error. */
void memory_note_error(struct session *s);
