/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes a rule of its clauses: stage, condition, actions and all else are checked, and everything wrong is complained about.
 */
#pragma once

#include "rules/builder.h"

/* NULL when something is wrong. */
struct rule *rule_new(struct builder *builder, const struct item *item);
