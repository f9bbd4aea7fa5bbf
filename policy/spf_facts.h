/* SPDX-License-Identifier: Apache-2.0
 *
 * The facts spf.*: what policy/spf.h says of the sender and of where the mail came from (policy/origin.h), over the facts dns.*. The identity is
 * MAIL FROM, for the null sender HELO (RFC 7208 §2.4). They are absent for our own clients and before the origin is known.
 */
#pragma once

#include "policy/inquiry.h"

/* For policy/derived.c: any of them; all of them are known afterwards. */
enum fact_state spf_facts_derive(struct inquiry *inquiry, const struct question *question,
	const void *parent, struct value *value);

/* The Received-SPF field (RFC 7208 §9.1) of what has been found out, unfolded, without its name; NULL when nothing has. */
char *spf_facts_received(const void *parent, struct inquiry *inquiry);
