/* SPDX-License-Identifier: Apache-2.0
 *
 * The directory process, with recipients.source = "ldap": asks a directory, as Active Directory, every ldap.period for the addresses that there
 * are, and writes them to the file that the list of recipients is compiled from (recipients.h). It is the only process that speaks LDAP; no mail
 * waits for it. It may block, and ends at the latest after ldap.timeout.
 *
 * The file is replaced as a whole, by renaming, when all pages of the answer have come. It stays as it is when the directory cannot be reached,
 * gives no address at all, or gives so few that the list would lose more than ldap.shrink percent: each time an error in the log says so. So
 * an outage, and a filter or an account that lost its rights, cost no mail.
 *
 * Values that are of another kind ("x500:") are passed over, those that are no address too, and counted in the log.
 */
#pragma once

#include "proxy/configuration.h"

#include "base/slice.h"

/* The process: until the master says that it is over. A rehearsal asks nobody. */
int directory_run(const struct configuration *configuration, int channel, bool rehearsal);

/* --- for tests --- */

/* The address in a value of the attribute, canonical, under the parent; NULL: it is of another kind, or none. */
char *directory_address(const void *parent, struct slice value);

/* Whether a list of `now` entries may take the place of one of `before`. */
bool directory_may_shrink(size_t before, size_t now, int64_t percent);
