/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of domains, as they stand behind an @, after HELO and in settings.
 */
#pragma once

#include "base/slice.h"

#define DOMAIN_MAXIMUM 255

/* Whether a domain (as given to HELO or behind @) is well-formed: letters, digits, hyphens, underscores and dots, labels of
 * 1 to 63 octets, 255 in all; with utf8 also U-labels that have an A-label. A trailing dot is not. */
bool domain_is_valid(struct slice domain, bool utf8);

/* Whether domain is listed: "example.com" itself, ".example.com" everything below it. ASCII without case; a U-label and
 * its A-label are the same. */
bool domain_matches(const char *domain, const char *pattern);

/* Whether it matches one of the patterns. */
bool domain_is_listed(const char *domain, const char *const *patterns, size_t count);

/* As it stands in the DNS: in A-labels and small letters, without a dot at its end; NULL when there is no such form. */
char *domain_to_ascii(const void *parent, const char *domain);
