/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking up sections and options by name in the tables that declare them. For base/settings alone.
 */
#pragma once

#include "base/settings.h"
#include "base/slice.h"

/* NULL when there is none of that name. */
const struct section *schema_section(const struct section *const *tables, struct slice name);
const struct option *schema_option(const struct section *section, struct slice name);

/* The one that was most likely meant, or NULL. */
const struct section *schema_suggest_section(
	const struct section *const *tables, struct slice name);
const struct option *schema_suggest_option(const struct section *section, struct slice name);

/* How many options the section has. */
size_t schema_options(const struct section *section);
