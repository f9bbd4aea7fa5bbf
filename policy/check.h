/* SPDX-License-Identifier: Apache-2.0
 *
 * The interface of a check. A check is one small file in policy/checks and one row in their table: a name, the stages at which
 * it is asked, and a pure function that looks at facts and answers. It does no I/O, keeps nothing between calls, and is run
 * again from its start when a fact it asked for has arrived. Example:
 *
 *     static struct verdict judge(struct inquiry *inquiry)
 *     {
 *             struct value hops;
 *             switch (inquiry_ask(inquiry, FACT_RECEIVED_COUNT, &hops)) {
 *             case FACT_UNKNOWN:
 *                     return verdict_unknown();
 *             ...
 *
 *     const struct check hops_check = {"hops", AT(STAGE_MESSAGE), judge, "refuses messages that go round in circles",
 *             .is_limit = true};
 *
 * A limit protects us, whoever the client is: it is asked before the other checks, and no exemption, no accept and no mode = "observe"
 * keeps it from acting.
 *
 * A check that only concerns those who have configured something says so with is_needed; else it costs every message the asking.
 *
 * A check that says itself who decided, in verdict.decided_by, has written its own entries into the trace: the chain adds none.
 *
 * Strings in a verdict live under the inquiry or are literals.
 */
#pragma once

#include "policy/inquiry.h"

struct check {
	const char *name;
	unsigned stages; /* AT(STAGE_RCPT) | … */
	struct verdict (*judge)(struct inquiry *inquiry);
	const char *manual; /* one line */
	bool is_limit;
	bool (*is_needed)(const struct policy *policy); /* NULL: always */
};
