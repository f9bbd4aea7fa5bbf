/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a mail came to us from: the facts origin.ip and origin.helo, which SPF, lists and rates look at. Mostly that is the client. Behind
 * one of trusted_relays it is the first hop that is neither in trusted_relays nor in relay.networks: the one that the last of
 * our own wrote down in its Received field (RFC 5321 §4.4), or told by XFORWARD. Fields below that hop are a stranger's, and are not looked at.
 *
 * Before the message stage nothing is known of mail from a trusted relay: the facts are absent. So they are when a Received field that we
 * must rely on tells no address.
 */
#pragma once

#include "policy/inquiry.h"

/* For policy/derived.c. */
enum fact_state origin_derive_ip(struct inquiry *inquiry, const struct question *question,
	const void *parent, struct value *value);
enum fact_state origin_derive_helo(struct inquiry *inquiry, const struct question *question,
	const void *parent, struct value *value);

/* Who handed a message over, as a Received field tells: HELO name and address. False when it tells no address.
 *
 *     from mail.example (host.example [192.0.2.1]) by …      Postfix, Sendmail
 *     from host.example ([192.0.2.1] helo=mail.example) by … Exim
 *     from mail.example (192.0.2.1) by …                     Exchange
 *     from host.example (HELO mail.example) (192.0.2.1) by … qmail
 *
 * Of several addresses the last one in brackets counts: what the client chose itself stands before it.
 */
bool origin_read_received(struct slice received, struct ip *ip, struct slice *helo)
	__attribute__((warn_unused_result));
