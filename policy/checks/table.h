/* SPDX-License-Identifier: Apache-2.0
 *
 * All gates and checks, a row each. To add a check: write its file, declare it here, add its row.
 */
#pragma once

#include "policy/check.h"

extern const struct check *const checks_gates[]; /* relay, scanner */
extern const struct check *const checks_table[]; /* all others */

extern const struct check client_name_check;
extern const struct check dnsbl_check;
extern const struct check greylist_check;
extern const struct check headers_check;
extern const struct check helo_name_check;
extern const struct check milter_check;
extern const struct check pregreet_check;
extern const struct check helo_check;
extern const struct check hops_check;
extern const struct check rate_check;
extern const struct check recipient_check;
extern const struct check recipients_check;
extern const struct check relay_check;
extern const struct check rhsbl_check;
extern const struct check rules_check;
extern const struct check scanner_check;
extern const struct check sender_check;
extern const struct check sender_domain_check;
extern const struct check size_check;
extern const struct check spf_check;
extern const struct check virus_check;
