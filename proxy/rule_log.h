/* SPDX-License-Identifier: Apache-2.0
 *
 * What rules did, for the log and the counters: the lines of their action log, monitored rules that would have acted, and rules
 * whose condition could not be told, of these one line a rule and minute. One for each worker.
 */
#pragma once

#include "policy/ruling.h"

struct gateway;
struct rule_log;

struct rule_log *rule_log_new(const void *parent, const struct gateway *gateway);

/* After each judgement, once. id: of the session or transaction. */
void rule_log_note(struct rule_log *log, const char *id, const struct inquiry *inquiry);

/* After all judgements of a transaction, or of a session that was refused without one: counts what the shadow would have done otherwise, and the harm that rules did to the
 * known-good; says which of them fell. */
void rule_log_note_end(struct rule_log *log, const char *id, struct inquiry *inquiry);
