/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is let past the checks of the chain, though never past gates and limits: clients and senders of the allow-list,
 * mail for postmaster and abuse of our domains (RFC 5321 §4.5.1, RFC 2142), sessions that were accepted as a whole.
 * A message is exempt as mail for postmaster only if all its recipients are such: or one more RCPT would open every door.
 */
#pragma once

#include "policy/inquiry.h"

struct exemption {
	const char *by; /* "allow", "postmaster", "session"; NULL: not exempt */
	const char *detail;
};

struct exemption exemption_of(struct inquiry *inquiry);
