/* SPDX-License-Identifier: Apache-2.0
 *
 * The same question as spf_evaluate(), answered by libspf2, for sites that want its judgement. It is run again from its start as answers
 * come, as ours: a look-up whose answer is not known yet is told to try again, and the outcome says so.
 *
 * Limits: libspf2 1.2.10 gives about a third of the cases of the RFC 7208 suite another result or explanation than the RFC: it has no
 * limit of void look-ups, takes /0 for a mistake, and looks past malformed names. It tells neither what matched nor what is wrong.
 */
#pragma once

#include "policy/spf.h"

struct spf_outcome spf_libspf2_evaluate(
	const void *parent, const struct spf_query *query, const struct spf_source *source);
