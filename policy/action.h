/* SPDX-License-Identifier: Apache-2.0
 *
 * What the settings want done about a finding: nothing, a note in the trace, a score, a refusal. Findings that can be refused are scored or
 * noted once at mail, and refused at rcpt, so that postmaster can be written to by whoever is caught by them.
 */
#pragma once

#include "policy/inquiry.h"

enum action { ACTION_OFF, ACTION_MONITOR, ACTION_SCORE, ACTION_REFUSE };

/* For OPTION_CHOICE rows, in that order. */
extern const char *const action_choices[];

/* What a check that is asked at mail and rcpt says of a finding. The refusal is a verdict with code, status and text; result and detail are
 * added. */
struct verdict action_verdict(const struct inquiry *inquiry, int action, double score,
	const char *result, const char *detail, struct verdict refusal);
