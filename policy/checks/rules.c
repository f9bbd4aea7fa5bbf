/* SPDX-License-Identifier: Apache-2.0 */
/* The site's own rules. They decide by their own names. */
#include "policy/checks/table.h"

#include "policy/ruling.h"

const struct check rules_check = {
	"rules",
	AT(STAGE_CONNECT) | AT(STAGE_HELO) | AT(STAGE_AUTH) | AT(STAGE_MAIL) | AT(STAGE_RCPT) |
		AT(STAGE_DATA) | AT(STAGE_MESSAGE),
	ruling_judge,
	.manual = "asks the rules of the site, from the files of rules.files",
};
