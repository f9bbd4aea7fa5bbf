/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of clients in the DNS (RFC 5782), bad ones and good ones. Weights add up over the lists. */
#include "policy/checks/table.h"
#include "policy/listing.h"

static struct verdict judge(struct inquiry *inquiry)
{
	if (!inquiry_is_at_border(inquiry))
		return verdict_none();
	return listing_judge(inquiry, 1U << DNSBL | 1U << DNSWL, NULL);
}

const struct check dnsbl_check = {"dnsbl", AT(STAGE_MAIL) | AT(STAGE_RCPT), judge,
	"asks the lists of sections dnsbl and dnswl for the client's address", false};
