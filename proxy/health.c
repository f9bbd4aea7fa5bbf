/* SPDX-License-Identifier: Apache-2.0 */
/* A circuit breaker for all workers, in words of the shared table. */
#include "proxy/health.h"

#include "proxy/counters.h"

enum word {
	WORD_STATE,
	WORD_FAILURES,
	WORD_FAILING_SINCE,
	WORD_PROBE_AT,
	WORD_SOUGHT_AT,
	WORD_BREAKS,
	WORD_BREAKING_SINCE
};

#define SOUGHT_MILLISECONDS 500

/* The key in the table. */
struct server_key {
	uint8_t family;
	uint8_t bytes[16];
	uint8_t port[2];
};

static struct server_key key_of(const struct health *health)
{
	struct server_key key = {.family = health->ip.family};

	memcpy(key.bytes, health->ip.bytes, sizeof key.bytes);
	key.port[0] = (uint8_t)(health->port >> 8);
	key.port[1] = (uint8_t)health->port;
	return key;
}

void health_init(struct health *health, struct table *table, const struct ip *ip, uint16_t port)
{
	*health = (struct health){.table = table, .ip = *ip, .port = port};
	struct server_key key = key_of(health);
	health->words = table_words(table, KEY_SERVER, &key, sizeof key);
	if (!health->words)
		health->words = health->own;
}

enum health_state health_state(const struct health *health)
{
	return (enum health_state)health->words[WORD_STATE];
}

const char *health_state_name(enum health_state state)
{
	static const char *const names[] = {"up", "down", "probing"};

	return names[state];
}

unsigned health_failures(const struct health *health)
{
	return (unsigned)health->words[WORD_FAILURES];
}

/* --- the breaker --- */

static bool change(struct health *health, enum health_state from, enum health_state to)
{
	uint64_t expected = from;

	return atomic_compare_exchange_strong(&health->words[WORD_STATE], &expected, to);
}

static bool is_enough(uint64_t failures, uint64_t since, uint64_t now)
{
	return failures >= HEALTH_FAILURES || (failures > 1 && now - since >= HEALTH_PATIENCE);
}

/* The word of when to probe is written before the state that lets others read it. */
static bool go_down(struct health *health, uint64_t now)
{
	health->words[WORD_PROBE_AT] = now + HEALTH_PAUSE;
	return !change(health, HEALTH_PROBING, HEALTH_DOWN) &&
		change(health, HEALTH_UP, HEALTH_DOWN);
}

bool health_fail(struct health *health, uint64_t now)
{
	uint64_t failures = atomic_fetch_add(&health->words[WORD_FAILURES], 1) + 1;

	if (failures == 1)
		health->words[WORD_FAILING_SINCE] = now;
	return is_enough(failures, health->words[WORD_FAILING_SINCE], now) && go_down(health, now);
}

/* Each time it comes up again it has all its chances. */
bool health_break(struct health *health, uint64_t now)
{
	if (now - health->words[WORD_BREAKING_SINCE] >= HEALTH_MEMORY)
		health->words[WORD_BREAKS] = 0;
	uint64_t breaks = atomic_fetch_add(&health->words[WORD_BREAKS], 1) + 1;
	if (breaks == 1)
		health->words[WORD_BREAKING_SINCE] = now;
	if (!is_enough(breaks, health->words[WORD_BREAKING_SINCE], now))
		return false;
	health->words[WORD_BREAKS] = 0;
	return go_down(health, now);
}

/* Other workers read these words for each message: what is so already is not written. */
static void set_word(struct health *health, enum word word, uint64_t value)
{
	if (health->words[word] != value)
		health->words[word] = value;
}

void health_mend(struct health *health)
{
	set_word(health, WORD_BREAKS, 0);
}

bool health_succeed(struct health *health)
{
	set_word(health, WORD_FAILURES, 0);
	return health_state(health) != HEALTH_UP &&
		atomic_exchange(&health->words[WORD_STATE], HEALTH_UP) != HEALTH_UP;
}

uint64_t health_probe_at(const struct health *health)
{
	return health->words[WORD_PROBE_AT];
}

bool health_begin_probe(struct health *health, uint64_t now)
{
	uint64_t due = health->words[WORD_PROBE_AT];

	if (health_state(health) == HEALTH_UP || now < due)
		return false;
	if (!atomic_compare_exchange_strong(&health->words[WORD_PROBE_AT], &due, now + HEALTH_TURN))
		return false;
	change(health, HEALTH_DOWN, HEALTH_PROBING);
	return true;
}

/* --- places --- */

bool health_take_place(struct health *health, int64_t places)
{
	struct server_key key = key_of(health);
	uint32_t taken = table_count_key(health->table, KEY_SERVER, &key, sizeof key, 1);

	if (taken <= places) {
		table_add(health->table, COUNT_BACKEND_CONNECTIONS, 1);
		return true;
	}
	table_count_key(health->table, KEY_SERVER, &key, sizeof key, -1);
	return false;
}

/* One that was not counted takes nothing away: the count of a column does not fall below 0. */
void health_give_place(struct health *health)
{
	struct server_key key = key_of(health);

	table_count_key(health->table, KEY_SERVER, &key, sizeof key, -1);
	table_add(health->table, COUNT_BACKEND_CONNECTIONS, -1);
}

unsigned health_places_taken(const struct health *health)
{
	struct server_key key = key_of(health);

	return table_key_sum(health->table, KEY_SERVER, &key, sizeof key);
}

void health_seek(struct health *health, uint64_t now)
{
	health->words[WORD_SOUGHT_AT] = now + SOUGHT_MILLISECONDS;
}

bool health_is_sought(const struct health *health, uint64_t now)
{
	return health->words[WORD_SOUGHT_AT] > now;
}
