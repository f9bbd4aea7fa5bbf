/* SPDX-License-Identifier: Apache-2.0 */
/* All gates and checks. */
#include "policy/checks/table.h"

const struct check *const checks_gates[] = {&relay_check, &scanner_check, NULL};

const struct check *const checks_table[] = {&size_check, &virus_check, &recipients_check,
	&rate_check, &rules_check, &pregreet_check, &recipient_check, &helo_check, &helo_name_check,
	&client_name_check, &dnsbl_check, &sender_check, &sender_domain_check, &rhsbl_check,
	&spf_check, &greylist_check, &headers_check, &hops_check, &milter_check, NULL};
