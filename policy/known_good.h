/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is known as good: a client, or a sender's domain, from which mail was accepted within known_good.memory that SPF had let pass and
 * that was not marked. A client of IPv4 is an address, of IPv6 a /64.
 *
 * The store remembers it (policy/store_learner.h) under what the fact known_good is asked with. Pure: what is to be remembered is listed here,
 * and noted by who has the store.
 */
#pragma once

#include "base/store.h"
#include "policy/inquiry.h"

#define KNOWN_GOOD_CLIENT_SIZE CIDR_TEXT_SIZE
#define KNOWN_GOOD_NOTES 3

/* What the fact known_good is asked with for a client; returns text. */
char *known_good_client(const struct ip *ip, char text[static KNOWN_GOOD_CLIENT_SIZE]);

/* Under which a client or domain is remembered. */
struct store_key known_good_key(const char *client_or_domain);

/* What is to be remembered now that the message has been accepted; how many they are. Asks for nothing that is not known. */
size_t known_good_notes(struct inquiry *inquiry, struct store_note notes[KNOWN_GOOD_NOTES]);

/* For policy/derived.c: sender.known_good. */
enum fact_state known_good_derive_sender(struct inquiry *inquiry, const struct question *question,
	const void *parent, struct value *value);
