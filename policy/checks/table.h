/* SPDX-License-Identifier: Apache-2.0
 *
 * All gates and checks, a row each. To add a check: write its file, add its row.
 */
#pragma once

#include "policy/check.h"

extern const struct check *const checks_gates[]; /* relay */
extern const struct check *const checks_table[]; /* size, recipients, headers, hops */
