/* SPDX-License-Identifier: Apache-2.0 */
/* The names of findings. */
#include "policy/content/finding.h"

#include <stddef.h>

#define FINDING(id, name, manual) name,
const char *const finding_names[] = {FINDINGS(FINDING) NULL};
#undef FINDING

#define FINDING(id, name, manual) manual,
const char *const finding_manual[] = {FINDINGS(FINDING) NULL};
#undef FINDING
