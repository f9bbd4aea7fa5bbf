/* SPDX-License-Identifier: Apache-2.0
 *
 * ZIP archives taken apart: every entry that any reader sees (policy/content/zip_directory.h) becomes a member.
 */
#pragma once

#include "policy/content/unpacked.h"
#include "policy/content/zip_directory.h"

void zip_unpack(struct slice bytes, struct unpacked *out);

/* What one entry holds, as much as the budget grants, and what was found on the way. Stored bytes are a view, others belong to parent. */
struct slice zip_read(const void *parent, const struct zip_entry *entry, struct budget *budget,
	uint64_t *findings);

/* The entry as a member, without bytes; NULL when the budget has no entry left. */
struct member *zip_add(const struct zip_entry *entry, struct unpacked *out);
