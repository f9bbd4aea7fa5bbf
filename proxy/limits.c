/* SPDX-License-Identifier: Apache-2.0 */
/* What a session may use up: RFC 5321 §4.5.3, §7.8. */
#include "proxy/limits.h"

#include "base/loop.h"

#define RATE_GRACE 60000 /* ms before the least rate of a message counts */

const struct limits_options *limits_of(const struct session *s)
{
	return s->gateway->configuration->policy->limits;
}

static const struct smtp_options *smtp(const struct session *s)
{
	return s->gateway->configuration->smtp;
}

static uint64_t since(const struct session *s, uint64_t time)
{
	return clock_now(s->gateway->loop->clock) - time;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

bool limits_admit(struct session *s)
{
	struct table *table = s->gateway->table;
	uint32_t of_client = table_count_key(table, KEY_CLIENT, s->ip.bytes, sizeof s->ip.bytes, 1);

	s->counted = true;
	if (s->trusted || s->trusted_relay)
		return true;
	return of_client <= limits_of(s)->connections_per_client &&
		table_sum(table, COUNT_SESSIONS) <= limits_of(s)->connections;
}

void limits_release(struct session *s)
{
	if (s->counted)
		table_count_key(s->gateway->table, KEY_CLIENT, s->ip.bytes, sizeof s->ip.bytes, -1);
	s->counted = false;
}

bool limits_allow_error(struct session *s)
{
	return ++s->errors < limits_of(s)->errors && s->unknown_verbs < limits_of(s)->unknown_verbs;
}

bool limits_allow_idle_verb(struct session *s)
{
	return ++s->idle_verbs <= limits_of(s)->idle_verbs;
}

uint64_t limits_patience_for_command(const struct session *s)
{
	uint64_t quiet = since(s, s->quiet_since);
	uint64_t allowed = (uint64_t)smtp(s)->session_timeout;

	return quiet >= allowed ? 0 : lesser((uint64_t)smtp(s)->command_timeout, allowed - quiet);
}

uint64_t limits_time_of_body(const struct session *s)
{
	uint64_t taken = since(s, s->receiving_since);
	uint64_t allowed = (uint64_t)s->received * 1000 / (uint64_t)smtp(s)->data_rate;

	return lesser(taken, allowed);
}

uint64_t limits_patience_for_body(const struct session *s)
{
	uint64_t taken = since(s, s->receiving_since);
	uint64_t allowed = RATE_GRACE + (uint64_t)s->received * 1000 / (uint64_t)smtp(s)->data_rate;

	return lesser((uint64_t)smtp(s)->data_timeout, allowed > taken ? allowed - taken : 1);
}
