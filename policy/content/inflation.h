/* SPDX-License-Identifier: Apache-2.0
 *
 * Deflated bytes undone (RFC 1950 to 1952), into an output that the budget bounds.
 */
#pragma once

#include "policy/content/output.h"

enum inflation_form { INFLATION_RAW, INFLATION_ZLIB, INFLATION_GZIP };

enum inflation_end {
	INFLATION_DONE,
	INFLATION_DAMAGED, /* what came out before is kept */
	INFLATION_SHORT,   /* it ends too early */
	INFLATION_CUT      /* the budget did not grant more */
};

/* One stream at the front; *used: how many bytes it had. */
enum inflation_end inflation_run(
	struct slice in, enum inflation_form form, struct output *out, size_t *used);
