/* SPDX-License-Identifier: Apache-2.0
 *
 * Greylisting: mail of a stranger that also looks bad is put off once; who comes again after greylist.delay is a mail server, and passes. What is
 * remembered stands under three texts: the client, the sender, the recipient. The client is its network, a /24 of IPv4 or a /64 of IPv6;
 * a sender's domain that SPF lets pass is the client itself, so that a pool of hosts is known whichever of them comes.
 *
 * When a message was accepted, the client and the sender's domain are known together for greylist.memory, and nothing of them is put off.
 *
 * Pure: the store knows (policy/store_learner.h), the check decides (policy/checks/greylist.c).
 */
#pragma once

#include "base/store.h"
#include "policy/inquiry.h"

/* Who the client is. FACT_UNKNOWN when that is being asked for; FACT_ABSENT when nothing can be said. */
enum fact_state greylist_client(struct inquiry *inquiry, const void *parent, const char **client);

/* The recipient that is judged: at rcpt this one, later the first of all. "" when there is none. */
const char *greylist_recipient(struct inquiry *inquiry);

/* What greylist.passed is asked with: "client, domain"; and greylist.age: "client, sender, recipient". In small letters. */
char *greylist_passed_argument(const void *parent, struct inquiry *inquiry, const char *client);
char *greylist_age_argument(
	const void *parent, struct inquiry *inquiry, const char *client, const char *recipient);

/* Under which either is remembered. */
struct store_key greylist_key(enum fact fact, const char *argument);

/* What is to be remembered now that the message has been accepted. False: nothing. */
bool greylist_note(struct inquiry *inquiry, struct store_note *note);
