/* SPDX-License-Identifier: Apache-2.0 */
/* A circuit breaker for all workers, in words of the shared table. */
#include "plugins/milter_breaker.h"

#include <talloc.h>

enum { WORD_DOWN, WORD_FAILURES, WORD_PROBE_AT, WORD_FAILED_AT };

void milter_breaker_init(struct milter_breaker *breaker, struct table *table, uint8_t kind,
	const char *name, const char *socket)
{
	char *text = talloc_asprintf(NULL, "%s %s", name, socket);
	uint64_t key = table_digest(table, slice_of(text));

	talloc_free(text);
	breaker->words = table_words(table, kind, &key, sizeof key);
	if (!breaker->words)
		breaker->words = breaker->own;
}

bool milter_breaker_is_down(const struct milter_breaker *breaker)
{
	return breaker->words[WORD_DOWN];
}

/* Whether one has been counted just now, or is being counted by another worker. */
static bool is_same_moment(struct milter_breaker *breaker, uint64_t now)
{
	uint64_t before = breaker->words[WORD_FAILED_AT];

	if (breaker->words[WORD_FAILURES] && now < before + MILTER_MOMENT)
		return true;
	return !atomic_compare_exchange_strong(&breaker->words[WORD_FAILED_AT], &before, now);
}

/* The word of when to probe is written before the one that lets others read it. */
bool milter_breaker_fail(struct milter_breaker *breaker, uint64_t now)
{
	if (!milter_breaker_is_down(breaker) && is_same_moment(breaker, now))
		return false;
	if (atomic_fetch_add(&breaker->words[WORD_FAILURES], 1) + 1 < MILTER_FAILURES)
		return false;
	breaker->words[WORD_PROBE_AT] = now + MILTER_PAUSE;
	return !atomic_exchange(&breaker->words[WORD_DOWN], 1);
}

bool milter_breaker_succeed(struct milter_breaker *breaker)
{
	breaker->words[WORD_FAILURES] = 0;
	return atomic_exchange(&breaker->words[WORD_DOWN], 0);
}

bool milter_breaker_begin_probe(struct milter_breaker *breaker, uint64_t now)
{
	uint64_t due = breaker->words[WORD_PROBE_AT];

	return milter_breaker_is_down(breaker) && now >= due &&
		atomic_compare_exchange_strong(
			&breaker->words[WORD_PROBE_AT], &due, now + MILTER_TURN);
}
