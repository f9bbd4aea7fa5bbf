/* SPDX-License-Identifier: Apache-2.0
 *
 * Calendars (RFC 5545): files that are in them, base64 in ATTACH properties or in their data: URIs, and where the others point to.
 *
 * Limits: in ASCII's superset only; what stands in a calendar of two bytes a character is not looked at.
 */
#pragma once

#include "policy/content/unpacked.h"

void ical_unpack(struct slice bytes, struct unpacked *out);

/* Whether anything is attached to it. */
bool ical_has_attachment(struct slice bytes);
