/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is let past the checks of the chain, though never past gates and limits: clients and senders of the allow-list,
 * mail for postmaster and abuse of our domains (RFC 5321 §4.5.1, RFC 2142), sessions that were accepted as a whole.
 * A message is exempt as mail for postmaster only if all its recipients are such: or one more RCPT would open every door.
 *
 * A sender of the allow-list counts where SPF passes, unless its entry says `unverified`. So the answer can be that a fact is missing;
 * then the inquiry has noted it.
 */
#pragma once

#include "policy/inquiry.h"

struct exemption {
	const char *by; /* "allow NAME", "postmaster", "session"; NULL: not exempt */
	const char *detail;
	bool is_unknown;
};

struct exemption exemption_of(struct inquiry *inquiry);
