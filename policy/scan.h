/* SPDX-License-Identifier: Apache-2.0
 *
 * Judging what stands in a message, in two processes. A worker whose rules ask for content sends what it knows and the message to
 * a scanner; there the same rules, of the same generation, are run over both, and come back as outcomes: which rules matched, with their texts
 * filled in. The worker takes them as if it had run the rules itself, so everything behind them (scores, thresholds, edits, the trace) is where it
 * always is. A scanner that lacks facts answers which; the worker learns them and sends the message again; behind SCAN_ROUNDS of these what is
 * still missing has failed.
 *
 * A message that is sent again, with facts that were lacking or for the shadow, need not be taken apart again: the scanner keeps what it found in
 * the last one, up to SCAN_KEPT_MAXIMUM, under the id that the worker gave it. Whatever was forgotten is there anyway, since the message comes along.
 *
 * What is found out about the message comes back too, but for texts and whatever is large: those are known where they were found, and nowhere else.
 *
 * Both sides are pure: how parcels travel is proxy/scan_ports.h's. Neither trusts the other's bytes to be well-formed.
 */
#pragma once

#include "policy/inquiry.h"
#include "policy/parcel.h"

#define SCAN_ROUNDS 4
#define SCAN_KEPT_MAXIMUM 16777216 /* bytes of what was found in the last message */
#define SCAN_PARCEL_MAXIMUM 131072 /* bytes of a parcel, either way */

/* --- the worker's side --- */

/* What the scanner has to know, without the message. An empty slice when it is more than a parcel holds. Lives under the parent. */
struct slice scan_ask(const void *parent, struct inquiry *inquiry);

/* Takes the answer; false when it is none. */
bool scan_hear(struct inquiry *inquiry, struct slice answer) __attribute__((warn_unused_result));

/* --- the scanner's --- */

/* What has to be ready before its sandbox is closed. */
struct scan_tools;
struct scan_tools *scan_prepare(const void *parent, const struct policy *policy);

/* Judges; the answer lives under the parent. anomalies: bits of enum anomaly. */
struct slice scan_answer(const void *parent, struct scan_tools *tools, struct slice request,
	struct slice message, unsigned anomalies);

/* --- for who runs the rules himself --- */

/* All that can be found out about a message, texts too. Lives under the parent. */
struct slice scan_find(const void *parent, const struct scan_tools *tools, struct message *message);
/* Takes it over; false when it cannot be read. The bytes stay the facts'. */
bool scan_learn(struct inquiry *inquiry, struct slice found) __attribute__((warn_unused_result));
