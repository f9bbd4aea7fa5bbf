/* SPDX-License-Identifier: Apache-2.0
 *
 * Facts that follow from others: each is a pure function that asks for what it needs like a check does, and is asked again when that has
 * become known. They wait for nothing themselves. What is absent is worked out again at a later stage, where it may be there. Told facts (explain --facts) need no asking: then what they would follow from
 * is not looked at.
 */
#pragma once

#include "policy/inquiry.h"

/* For the inquiry: FACT_UNKNOWN when what it follows from is not known yet, and was noted; otherwise it is kept in the inquiry's
 * facts. The row's learner is LEARNER_DERIVED. */
enum fact_state derived_ask(
	struct inquiry *inquiry, const struct question *question, struct value *value);
