/* SPDX-License-Identifier: Apache-2.0
 *
 * Macros of Office (MS-OVBA): found in a compound file, and read as far as it takes to see whether they start by themselves and whether
 * they start programs. What they do is not worked out: words decide, in their source and among the names of their compiled form.
 */
#pragma once

#include "policy/content/ole.h"
#include "policy/content/unpacked.h"

/* Sets the findings of macros. */
void vba_judge(struct ole *ole, struct unpacked *out);

/* The same for a compound file that is nothing but a project, as vbaProject.bin. */
void vba_judge_project(struct slice bytes, struct unpacked *out);

/* A compressed container (MS-OVBA 2.4.1) undone, as much as is well-formed. */
struct slice vba_decompress(const void *parent, struct slice container, struct budget *budget);
