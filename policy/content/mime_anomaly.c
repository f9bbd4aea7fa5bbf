/* SPDX-License-Identifier: Apache-2.0 */
/* The names of what can be wrong with the structure of a message. */
#include "policy/content/mime_anomaly.h"

#include "policy/mail/charset.h"

#include <stddef.h>

#define NAME(id, name, manual) name,
const char *const mime_anomaly_names[] = {MIME_ANOMALIES(NAME) NULL};

#define MANUAL(id, name, manual) manual,
const char *const mime_anomaly_manual[] = {MIME_ANOMALIES(MANUAL) NULL};

_Static_assert(MIME_ANOMALY_COUNT < 64, "a set of them is a number");

#define BIT(id) (UINT64_C(1) << MIME_##id)
/* What is too deep is opened by itself, as long as the budget lasts. */
const uint64_t mime_anomalies_unseen = BIT(TOO_MANY_PARTS) | BIT(TOO_MANY_PARAMETERS) |
	BIT(TOO_MANY_READINGS) | BIT(HEADER_TOO_LARGE) | BIT(OVER_LIMITS);
#undef BIT

uint64_t mime_anomaly_of_charset(unsigned seen)
{
	return (seen & CHARSET_UTF7 ? mime_anomaly_bit(MIME_UTF7) : 0) |
		(seen & CHARSET_UTF16 ? mime_anomaly_bit(MIME_UTF16) : 0) |
		(seen & CHARSET_UNKNOWN ? mime_anomaly_bit(MIME_UNKNOWN_CHARSET) : 0);
}
