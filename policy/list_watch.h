/* SPDX-License-Identifier: Apache-2.0
 *
 * Watches over the lists in the DNS, one for each process that judges. Every zone is asked for its canaries at the start and each hour
 * (RFC 5782 §5): 127.0.0.2 must be listed and 127.0.0.1 must not, for lists of domains TEST and INVALID. A zone that answers them wrongly has
 * died, was sold, or lists the world: it is suspended with an alarm in the log until it answers them well again, looked at every five minutes.
 * So is one that lists more of the known-good clients than its share, for a day. No answer suspends nobody: it is never a listing
 * anyway.
 *
 * It is the learner of LEARNER_LISTS: dnsbl.suspended(zone).
 */
#pragma once

#include "base/dns.h"
#include "policy/inquiry.h"
#include "policy/list_share.h"

/* Begins at once. The dns must outlive it. */
struct list_watch *list_watch_new(
	const void *parent, struct clock *clock, struct dns *dns, const struct dns_lists *lists);

struct learner list_watch_learner(struct list_watch *watch);

/* What was learnt in a session or transaction: counts a client that is known as good. Once a session, of its first transaction. */
void list_watch_note(struct list_watch *watch, const struct facts *facts);
