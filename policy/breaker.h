/* SPDX-License-Identifier: Apache-2.0
 *
 * The breaker watches the rules for mistakes: a rule that does harm to senders known as good, oftener than the section breaker allows, raises an
 * alarm, and if its text is young falls by itself: it is monitored until its text is another or postern is started anew. It is about rules
 * alone: the gates, limits, protocol and checks are none of its business.
 *
 * Harm is a refusal of any kind, or a score that reaches thresholds.tag by itself. Harm is counted once a transaction, at its end, in the
 * memory that all workers share; so a rule that falls has done harm to the last one, too. Who counts together in one moment may lose one: the
 * bound is no exact number.
 *
 * A rule's text is its condition, with the lets it uses, and its actions; what stands in lists does not count. How old it is must be told from
 * outside (proxy/rule_ages.h): without that, it is as old as the rulebook.
 */
#pragma once

#include "policy/options.h"
#include "rules/program.h"

/* --- the decision: pure --- */

struct breaker_count {
	uint64_t now, changed; /* seconds since 1970 */
	uint64_t
		hits; /* transactions of known-good senders that the rule has harmed, within the window */
	uint64_t judged; /* transactions of known-good senders within it, the harmed among them */
};

enum breaker_step { BREAKER_HOLDS, BREAKER_ALARM, BREAKER_FALL };

enum breaker_step breaker_decide(
	const struct breaker_options *options, const struct breaker_count *count);

/* --- the watch over the rules of a rulebook --- */

struct table;
struct breaker;

/* Of rules that are all as young as can be. */
struct breaker *breaker_new(
	const void *parent, const struct breaker_options *options, const struct program *program);

/* Without a table nothing is counted, and nothing falls. kind: of its words for rules; counter: of transactions of known-good senders, which the caller counts. */
void breaker_use_table(
	struct breaker *breaker, struct table *table, uint8_t kind, unsigned counter);
bool breaker_is_counting(const struct breaker *breaker);

/* What tells one text of a rule from another; when it became this one, in seconds. */
uint64_t breaker_text(const struct breaker *breaker, size_t rule);
void breaker_set_changed(struct breaker *breaker, size_t rule, uint64_t seconds);

/* NULL has no fallen rule. */
bool breaker_has_fallen(const struct breaker *breaker, size_t rule);

/* The rule has harmed a transaction of somebody known as good, which the counter has already. What is new: it has fallen, or is beyond the bound
 * for the first time within its window. is_blind: it could not be counted, for want of room. */
enum breaker_step breaker_note(
	struct breaker *breaker, size_t rule, uint64_t seconds, bool *is_blind);

/* For status: what is known of a rule that has fallen, or raised an alarm; false for others. */
struct breaker_view {
	uint64_t changed, alarmed, fallen; /* seconds since 1970; 0: has not */
	uint64_t hits;                     /* within the last window */
};
bool breaker_look(const struct breaker *breaker, size_t rule, struct breaker_view *view);
