/* SPDX-License-Identifier: Apache-2.0 */
/* What a session may use up: RFC 5321 §4.5.3, §7.8. */
#include "proxy/limits.h"

#include "base/loop.h"
#include "proxy/memory.h"

#define RATE_GRACE 60000 /* ms before the least rate of a message counts */
#define MINUTE_SECONDS 60
#define PATIENCE_SECONDS                                                                           \
	(30 * 24 * 3600) /* how long it is known that a client waits for its greeting */
#define KNOWN_GOOD_FACTOR 10
#define STRESSED_WAIT 2000 /* ms for the greeting when connections are scarce */

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

/* --- connections --- */

static uint32_t count_client(struct gateway *gateway, const struct ip *ip, int delta)
{
	return table_count_key(gateway->table, KEY_CLIENT, ip->bytes, sizeof ip->bytes, delta);
}

/* By the front of its address, family included. */
static uint32_t count_network(struct gateway *gateway, const struct ip *ip, int delta)
{
	uint8_t key[9] = {ip->family};

	memcpy(key + 1, ip->bytes, ip->family == 4 ? 3 : 8);
	return table_count_key(gateway->table, KEY_CLIENT_NETWORK, key, sizeof key, delta);
}

static uint64_t wall_second(const struct gateway *gateway)
{
	return clock_wall(gateway->loop->clock) / 1000;
}

static bool comes_too_often(struct gateway *gateway, const struct ip *ip, int64_t factor)
{
	int64_t rate = gateway->configuration->policy->limits->connection_rate * factor;

	return rate > 0 &&
		table_note_recent(gateway->table, KEY_NEWCOMER, ip->bytes, sizeof ip->bytes,
			wall_second(gateway), MINUTE_SECONDS) > rate;
}

static void look_for_stress(struct gateway *gateway, int64_t sessions)
{
	int64_t most = gateway->configuration->policy->limits->connections;

	gateway->stressed = sessions * 5 > most * 4;
}

static bool is_exempt(const struct gateway *gateway, const struct ip *ip)
{
	const struct policy *policy = gateway->configuration->policy;

	return cidrs_contain(&policy->relay->networks, ip) ||
		cidrs_contain(&policy->site->trusted_relays, ip);
}

bool limits_admit_address(struct gateway *gateway, const struct ip *ip, bool is_known_good)
{
	int64_t factor = is_known_good ? KNOWN_GOOD_FACTOR : 1;
	const struct limits_options *limits = gateway->configuration->policy->limits;
	uint32_t of_client = count_client(gateway, ip, 1);
	uint32_t of_network = count_network(gateway, ip, 1);
	int64_t sessions = table_sum(gateway->table, COUNT_SESSIONS);

	look_for_stress(gateway, sessions);
	if (is_exempt(gateway, ip))
		return true;
	if (of_client <= limits->connections_per_client * factor &&
		of_network <= limits->connections_per_network * factor &&
		sessions <= limits->connections && !comes_too_often(gateway, ip, factor))
		return true;
	table_add(gateway->table, COUNT_SESSIONS_REFUSED, 1);
	return false;
}

void limits_release_address(struct gateway *gateway, const struct ip *ip)
{
	count_client(gateway, ip, -1);
	count_network(gateway, ip, -1);
	if (gateway->stressed)
		look_for_stress(gateway, table_sum(gateway->table, COUNT_SESSIONS));
}

bool limits_admit(struct session *s)
{
	s->counted = true;
	return limits_admit_address(s->gateway, &s->ip, s->known_good);
}

void limits_release(struct session *s)
{
	if (s->counted)
		limits_release_address(s->gateway, &s->ip);
	s->counted = false;
}

/* --- the greeting --- */

static bool is_for_strangers(const struct listen_options *listen)
{
	return listen->tls != LISTEN_TLS_IMPLICIT && listen->auth == LISTEN_AUTH_OFF;
}

uint64_t limits_greeting_wait(const struct session *s)
{
	uint64_t wait = (uint64_t)smtp(s)->greeting_wait;

	if (wait == 0 || s->known_good || s->trusted || s->trusted_relay ||
		!is_for_strangers(s->listen) ||
		policy_allows_client(s->gateway->configuration->policy, &s->ip,
			(int64_t)wall_second(s->gateway)) ||
		table_recent(s->gateway->table, KEY_PATIENT, s->ip.bytes, sizeof s->ip.bytes,
			wall_second(s->gateway), PATIENCE_SECONDS))
		return 0;
	return s->gateway->stressed ? lesser(wait, STRESSED_WAIT) : wait;
}

void limits_note_patience(const struct session *s)
{
	table_note_recent(s->gateway->table, KEY_PATIENT, s->ip.bytes, sizeof s->ip.bytes,
		wall_second(s->gateway), PATIENCE_SECONDS);
}

/* --- what a session says --- */

uint64_t limits_tarpit(struct session *s, bool is_ours, bool *go_on)
{
	s->bad_recipients++;
	memory_note_error(s);
	*go_on = s->trusted || s->good_recipients > 0 ||
		s->bad_recipients < limits_of(s)->bad_recipients_most;
	if (s->trusted || !is_ours || s->bad_recipients <= limits_of(s)->bad_recipients)
		return 0;
	return (uint64_t)limits_of(s)->tarpit;
}

bool limits_allow_error(struct session *s)
{
	memory_note_error(s);
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

	uint64_t patience = s->gateway->stressed && !s->trusted
		? lesser((uint64_t)smtp(s)->stress_timeout, (uint64_t)smtp(s)->command_timeout)
		: (uint64_t)smtp(s)->command_timeout;

	return quiet >= allowed ? 0 : lesser(patience, allowed - quiet);
}

uint64_t limits_time_of_body(const struct session *s)
{
	uint64_t taken = since(s, s->command->since);
	uint64_t allowed = (uint64_t)s->command->received * 1000 / (uint64_t)smtp(s)->data_rate;

	return lesser(taken, allowed);
}

uint64_t limits_patience_for_body(const struct session *s)
{
	uint64_t taken = since(s, s->command->since);
	uint64_t allowed =
		RATE_GRACE + (uint64_t)s->command->received * 1000 / (uint64_t)smtp(s)->data_rate;

	return lesser((uint64_t)smtp(s)->data_timeout, allowed > taken ? allowed - taken : 1);
}
