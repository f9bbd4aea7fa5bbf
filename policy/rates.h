/* SPDX-License-Identifier: Apache-2.0
 *
 * Rates: how much of something somebody has had within a period. Time is cut into periods, each has a count of its own in the store; asked about is
 * the present one and, of the one before, the share that still lies within a period from now. So nobody gets twice the limit by waiting for
 * the cut, and the count is exact but for the assumption that the earlier period was used evenly.
 *
 * Two uses: the sections rate of the settings, whose keys are told apart by words as "client 192.0.2.1" (the fact usage), and the keys
 * of rules (the fact rate). Pure: the store counts (policy/store_learner.h), the check decides (policy/checks/rate.c).
 */
#pragma once

#include "base/store.h"
#include "policy/inquiry.h"

#define RATES_SHORTEST 1000 /* ms */
#define RATES_LONGEST (INT64_C(366) * 24 * 3600 * 1000)

/* What is counted: a key, in windows of a period. */
struct rates_counter {
	const char *kind; /* keeps uses apart */
	struct slice key;
	int64_t period;
	uint64_t amount; /* 0: it is only read */
};

/* Whom a section counts, under the parent; NULL with *state unknown, or absent: nobody that can be told. */
const char *rates_key(const void *parent, struct inquiry *inquiry, const struct rate_options *rate,
	enum fact_state *state);

/* What usage is asked with. */
char *rates_usage_argument(
	const void *parent, const struct rate_options *rate, const char *key, uint64_t amount);

/* What the argument of usage, and of rate with its stage, mean. False when they mean nothing. */
bool rates_read_usage(const struct policy *policy, const char *argument,
	struct rates_counter *counter) __attribute__((warn_unused_result));
bool rates_read_rate(const char *argument, struct rates_counter *counter)
	__attribute__((warn_unused_result));

/* What is to be noted in the window of that time; and the key of so many windows before. */
struct store_note rates_note(const struct rates_counter *counter, uint64_t wall);
struct store_key rates_window(const struct rates_counter *counter, uint64_t wall, unsigned before);

/* What both windows' counts make. */
int64_t rates_sum(
	const struct rates_counter *counter, uint64_t wall, uint64_t now, uint64_t before);

/* An error of the session whose inquiry it is: what is to be noted for the n-th section rate. False: nothing. */
bool rates_note_error(struct inquiry *session, size_t n, uint64_t wall, struct store_note *note);
